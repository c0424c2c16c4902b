"""Which planes of a block each plane is predicted from: channels, and the images before."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.exact.dec_stream import MAX_BACK, PlaneHead
from numcodecs_neural.exact.enc_fit import fit

__all__ = ["heads_of"]

_SAMPLES = 1 << 13
"""Enough to tell which references are better."""

_WORTH = 16
"""A change of references must save at least the 16th part of the squares that are missed."""


def heads_of(
    planes: Sequence[NDArray[np.integer[Any]]], channels: int, most: int
) -> list[PlaneHead]:
    """Return how each plane of a block is predicted.

    Parameters
    ----------
    planes : sequence of ndarray, shape (H, W)
        In coding order.
    channels : int
        So many planes are of one image.
    most : int
        The highest level.
    """
    heads = []
    for number, plane in enumerate(planes):
        back = _best(planes, number, channels, most)
        found = fit(plane, [planes[number - distance] for distance in back], most)
        heads.append(PlaneHead(back, found.terms))
    return heads


def _best(
    planes: Sequence[NDArray[np.integer[Any]]], number: int, channels: int, most: int
) -> tuple[int, ...]:
    """Return how far back the references lie that miss least, the usual ones if in doubt."""
    usual, *others = _candidates(number, channels)
    if not others:
        return usual
    best, least = usual, _missed(planes, number, usual, most)
    for back in others:
        missed = _missed(planes, number, back, most)
        if missed < least - least // _WORTH:
            best, least = back, missed
    return best


def _candidates(number: int, channels: int) -> Iterator[tuple[int, ...]]:
    """Yield references: up to two channels before; then such as lie in images before.

    Examples
    --------
    >>> list(_candidates(2, 3)), list(_candidates(5, 1))
    ([(1, 2)], [(), (1,), (1, 2)])
    >>> list(_candidates(5, 3))
    [(1, 2), (1, 3), (3, 1)]
    """
    image, channel = divmod(number, channels)
    yield tuple(range(1, 1 + min(channel, 2)))
    if image == 0 or channels > MAX_BACK:
        return
    if channel:
        yield 1, channels
        yield channels, 1
        return
    yield (channels,)
    if image > 1 and 2 * channels <= MAX_BACK:
        yield channels, 2 * channels


def _missed(
    planes: Sequence[NDArray[np.integer[Any]]], number: int, back: tuple[int, ...], most: int
) -> int:
    references = [planes[number - distance] for distance in back]
    return fit(planes[number], references, most, _SAMPLES).missed
