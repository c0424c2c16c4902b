"""Tissue detection on bright-field slides, and the plan for chunks and pixels of glass.

All in integers, so that the mask, and with it what is stored, is the same on every machine.
"""

from pathlib import Path

from .light import WHITE, glass_colour, glass_grey, is_bright_field
from .morphology import Mask, grown
from .overview import Overview, read_overview
from .picture import picture_tissue
from .threshold import threshold_tissue

__all__ = [
    "WHITE",
    "Overview",
    "find_tissue",
    "glass_colour",
    "glass_grey",
    "grown",
    "is_bright_field",
    "read_overview",
]


def find_tissue(overview: Overview, how: str = "threshold") -> Mask:
    """Return the tissue mask, in the overview's pixels: True where there is specimen.

    The mask depends on the overview's pixels and on nothing else: all is integers.

    Parameters
    ----------
    overview : Overview
        Of a bright-field slide.
    how : str
        ``"threshold"``, ``"network"``, or the path of a picture that is black on glass.

    Raises
    ------
    ConfigError
        If `how` is a path at which there is no such picture.
    """
    if how == "threshold":
        return threshold_tissue(overview)
    if how == "network":
        # Its weights are read when they are wanted.
        from .network import network_tissue

        return network_tissue(overview)
    return picture_tissue(overview, Path(how))
