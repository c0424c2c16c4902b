"""Finds the tissue mask of an overview with the detector that the options name."""

from pathlib import Path

from .morphology import Mask
from .overview import Overview
from .picture import picture_tissue
from .threshold import threshold_tissue

__all__ = ["find_tissue"]


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
