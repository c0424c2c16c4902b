"""Held-back files, decided by a file's name alone, for training and evaluation."""

import re
from collections.abc import Sequence
from pathlib import Path

from numcodecs_neural.measure.picking import rank

ONE_IN_GREY = 4
"""One grey file of so many is kept aside: it is what grey models are evaluated on."""

ONE_IN_COLOUR = 16
"""One colour file of so many; other slides are there to evaluate on."""

# Planes of one stack, or frames of one film, as microscopes name them: cells_z0007.tif, cells_t12.
_PLANE = re.compile(r"[_-][zt]\d+$", re.IGNORECASE)

# One of twelve that were tried, with which every source of ours gives about its share.
_SALT = "2:"


def is_held_back(path: Path, one_in: int = ONE_IN_GREY) -> bool:
    """Whether a file is kept aside for evaluation: one in `one_in`, by a digest of its name.

    Folders and suffix play no part, so that a copy falls on the same side; neither do numbers of
    planes and frames, since neighbours in a stack look alike.

    Examples
    --------
    >>> [is_held_back(Path(f"a/cells_z{z:03}.tif")) for z in range(3)]
    [False, False, False]
    """
    return _rank(path) % one_in == 0


def held_back_of(paths: Sequence[Path], one_in: int) -> frozenset[Path]:
    """Return the files of `paths` that are held back: of two or more one at least, and not all."""
    held_back = frozenset(path for path in paths if is_held_back(path, one_in))
    if 0 < len(held_back) < len(paths):
        return held_back
    return frozenset(sorted(paths, key=_rank)[:1] if len(paths) > 1 else [])


def _rank(path: Path) -> int:
    name = _PLANE.sub("", path.stem)
    return int.from_bytes(rank(_SALT + name)[:8])
