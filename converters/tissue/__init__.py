"""Tissue detection on bright-field slides, and the plan for chunks and pixels of glass.

All in integers, so that the mask, and with it what is stored, is the same on every machine.
"""

from .find import find_tissue
from .light import glass_colour, is_bright_field
from .morphology import grown
from .overview import Overview, read_overview

__all__ = [
    "Overview",
    "find_tissue",
    "glass_colour",
    "grown",
    "is_bright_field",
    "read_overview",
]
