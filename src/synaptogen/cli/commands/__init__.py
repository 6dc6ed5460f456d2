"""The commands of ``synaptogen``, one file each."""

from . import bench, circuit, crossbar, demo, extract, fit, info, report, sample, simulate, validate

__all__ = [
    "bench",
    "circuit",
    "crossbar",
    "demo",
    "extract",
    "fit",
    "info",
    "report",
    "sample",
    "simulate",
    "validate",
]
