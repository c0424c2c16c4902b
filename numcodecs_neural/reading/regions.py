"""Which parts of which chunks a region of a level is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from numcodecs_neural.errors import ConfigError

__all__ = ["Index", "Part", "bounds_of", "parts_of"]

Index = tuple[int, ...]
_Bounds = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What a chunk gives to a region.

    Parameters
    ----------
    index : tuple of int
        Which chunk.
    source : tuple of slice
        Where in the chunk.
    target : tuple of slice
        Where in the region.
    """

    index: Index
    source: tuple[slice, ...]
    target: tuple[slice, ...]


def bounds_of(selection: tuple[int | slice, ...], shape: tuple[int, ...]) -> _Bounds:
    """Return start and stop of a selection along each axis.

    Raises
    ------
    ConfigError
        If the selection has not one entry for each axis, a place that is not there, or a step.
    """
    if len(selection) != len(shape):
        raise ConfigError(
            f"a selection of {len(selection)} axes was given; the level has {len(shape)}"
        )
    return tuple(map(_bounds, selection, shape))


def parts_of(bounds: _Bounds, sides: tuple[int, ...]) -> Iterator[Part]:
    """Iterate over the parts of a region.

    Parameters
    ----------
    bounds : tuple
        Start and stop of the region along each axis.
    sides : tuple of int
        Of a chunk.
    """
    if any(start == stop for start, stop in bounds):
        return
    along = [list(_along(*bound, side)) for bound, side in zip(bounds, sides, strict=True)]
    for cuts in product(*along):
        index, source, target = zip(*cuts, strict=True)
        yield Part(index, source, target)


def _bounds(selected: int | slice, length: int) -> tuple[int, int]:
    if isinstance(selected, slice):
        if selected.step not in (None, 1):
            raise ConfigError(f"a slice with step {selected.step} was given; regions have none")
        start, stop, _ = selected.indices(length)
        return start, max(start, stop)
    if not 0 <= selected < length:
        raise ConfigError(f"place {selected} was asked for of an axis of length {length}")
    return selected, selected + 1


def _along(start: int, stop: int, side: int) -> Iterator[tuple[int, slice, slice]]:
    """Yield the chunks along one axis, and where in them and in the region a part is."""
    for at in range(start // side, -(-stop // side)):
        first, last = max(start, at * side), min(stop, (at + 1) * side)
        yield at, slice(first - at * side, last - at * side), slice(first - start, last - start)
