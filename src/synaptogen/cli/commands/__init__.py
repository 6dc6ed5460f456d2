"""The commands of ``synaptogen``, one file each.

Docstrings of commands are their help, up to the form feed; options document themselves.
"""

from . import (
    bench,
    circuit,
    crossbar,
    demo,
    doctor,
    explore,
    export,
    extract,
    fit,
    look,
    presets,
    report,
    sample,
    simulate,
    validate,
)

__all__ = [
    "bench",
    "circuit",
    "crossbar",
    "demo",
    "doctor",
    "explore",
    "export",
    "extract",
    "fit",
    "look",
    "presets",
    "report",
    "sample",
    "simulate",
    "validate",
]
