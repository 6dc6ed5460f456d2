"""The commands of ``synaptogen``, one file each.

Docstrings of commands are their help, up to the form feed; options document themselves.
"""

from . import bench, circuit, crossbar, demo, explore, extract, fit, info, look, report, sample, simulate, validate

__all__ = [
    "bench",
    "circuit",
    "crossbar",
    "demo",
    "explore",
    "extract",
    "fit",
    "info",
    "look",
    "report",
    "sample",
    "simulate",
    "validate",
]
