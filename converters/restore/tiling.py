"""Tiling: the tiles that a level is written in, and whether chunks fit into them exactly.

A decoder that enlarges subsampled chroma looks at the neighbours of a pixel, and not beyond the
border of a tile. So along an axis on which chroma is subsampled the tiles must be those of the
source. Along others blocks mean the same in any tile.
"""

from dataclasses import dataclass

from numcodecs_neural.errors import SourceError
from numcodecs_neural.jpeg import Colour, Frame, Process
from numcodecs_neural.jpeg.layout import block_count
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.reading import MAX_BLOCKS

__all__ = ["LevelShape", "NotTilesError", "Tiling", "one_jpeg_tiling", "tiff_tiling"]

BLOCK = 8
TIFF_MULTIPLE = 16
LARGEST_JPEG = 65535

Sides = tuple[int, int]


class NotTilesError(SourceError):
    """The JPEG data of a level do not fit into files of the kind that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShape:
    """Sides of a level and of its chunks, in pixels, (y, x)."""

    level: Sides
    chunk: Sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """The tiles of a level.

    Parameters
    ----------
    shape : LevelShape
        Of the level.
    frame : Frame
        Size and components of each tile.
    colour : Colour
        What the components are.
    steps : tuple of tuple of int
        Quantisation steps of each component of most tiles.
    is_whole : tuple of bool
        Along y and x: whether all of the level is one JPEG there, of which chunks are windows.
    """

    shape: LevelShape
    frame: Frame
    colour: Colour
    steps: tuple[tuple[int, ...], ...]
    is_whole: tuple[bool, bool]

    @property
    def tile(self) -> Sides:
        """Height and width of a tile."""
        return self.frame.height, self.frame.width

    @property
    def grid(self) -> Sides:
        """Rows and columns of tiles."""
        (height, width), (rows, columns) = self.shape.level, self.tile
        return -(-height // rows), -(-width // columns)

    @property
    def unit(self) -> Sides:
        """Height and width of a minimum coded unit."""
        return unit_of(self.frame)

    def check(self, mosaic: Mosaic, chunk: Sides) -> None:
        """Raise NotTilesError unless a chunk at (row, column) fits into these tiles exactly."""
        own = _description(mosaic.frame, mosaic.colour)
        if own != _description(self.frame, self.colour):
            raise NotTilesError(
                f"its JPEG tiles are not all of one kind: {_named(own)} beside "
                f"{_named(_description(self.frame, self.colour))}"
            )
        for axis in (0, 1):
            if not self._fits(axis, mosaic, chunk[axis]):
                raise NotTilesError(
                    f"its JPEG tiles have different sizes: {_sides(mosaic.frame)} pixels in the "
                    f"chunk at row {chunk[0]}, column {chunk[1]}"
                )

    def _fits(self, axis: int, mosaic: Mosaic, place: int) -> bool:
        side, offset = _sides(mosaic.frame)[axis], mosaic.offset[axis]
        level, chunk, unit = self.shape.level[axis], self.shape.chunk[axis], self.unit[axis]
        if not is_subsampled(self.frame, axis):
            return offset == 0 and (side % BLOCK == 0 or mosaic.grid[axis] == 1)
        if not self.is_whole[axis]:
            return offset == 0 and side == self.tile[axis]
        begin = max(place * chunk - unit, 0)
        end = min((place + 1) * chunk + unit, level)
        return (mosaic.grid[axis], offset, side) == (1, place * chunk - begin, end - begin)


def tiff_tiling(shape: LevelShape, mosaic: Mosaic) -> Tiling:
    """Return the tiles of a level in a TIFF, of which `mosaic` is any chunk.

    Raises
    ------
    NotTilesError
        If no TIFF can hold them; says why, and what can.
    """
    _check_components(mosaic.frame, mosaic.colour)
    sides = [_tiff_side(axis, shape, mosaic) for axis in (0, 1)]
    whole = [
        is_subsampled(mosaic.frame, axis) and _is_window(axis, shape, mosaic) for axis in (0, 1)
    ]
    return _tiling(shape, mosaic, (sides[0], sides[1]), (whole[0], whole[1]))


def one_jpeg_tiling(shape: LevelShape, mosaic: Mosaic) -> Tiling:
    """Return all of a level as one tile: a JPEG file.

    Raises
    ------
    NotTilesError
        If it is too large, or was in tiles whose borders show.
    """
    height, width = shape.level
    if max(shape.level) > LARGEST_JPEG:
        raise NotTilesError(
            f"it has {width} x {height} pixels, and a JPEG file at most {LARGEST_JPEG} on a side: "
            "name the output .tif"
        )
    for axis in (0, 1):
        if is_subsampled(mosaic.frame, axis) and not _is_one(axis, shape, mosaic):
            raise NotTilesError(
                "its JPEG tiles have subsampled chroma, which a decoder enlarges tile by tile: in "
                "one JPEG its pixels would be others; name the output .tif"
            )
    return _tiling(shape, mosaic, shape.level, (True, True))


def unit_of(frame: Frame) -> Sides:
    """Return height and width of a minimum coded unit."""
    return BLOCK * frame.vertical, BLOCK * frame.horizontal


def is_subsampled(frame: Frame, axis: int) -> bool:
    """Return whether some component has fewer samples along y (0) or x (1)."""
    if axis == 0:
        return any(component.vertical < frame.vertical for component in frame.components)
    return any(component.horizontal < frame.horizontal for component in frame.components)


def _tiling(shape: LevelShape, mosaic: Mosaic, tile: Sides, whole: tuple[bool, bool]) -> Tiling:
    frame = Frame(Process.BASELINE, *tile, mosaic.frame.components)
    if any(side % unit for side, unit in zip(shape.chunk, unit_of(frame), strict=True)):
        raise NotTilesError(
            f"its chunks of {shape.chunk} pixels are no multiples of its JPEG's units of "
            f"{unit_of(frame)}"
        )
    # A larger one was never read from a file, and would not fit into memory here.
    if block_count(frame) > MAX_BLOCKS:
        raise NotTilesError(
            f"a JPEG of {tile[1]} x {tile[0]} pixels has {block_count(frame)} blocks, and "
            f"{MAX_BLOCKS} are written at most: name the output .tif, if it was in tiles"
        )
    return Tiling(
        shape=shape, frame=frame, colour=mosaic.colour, steps=mosaic.steps, is_whole=whole
    )


def _check_components(frame: Frame, colour: Colour) -> None:
    """Refuse samplings that TIFF does not know."""
    first, others = frame.components[0], frame.components[1:]
    allowed = {(1, 1), (2, 1), (2, 2), (4, 1)} if colour is Colour.YCBCR else {(1, 1)}
    is_plain = all((other.horizontal, other.vertical) == (1, 1) for other in others)
    if not is_plain or (first.horizontal, first.vertical) not in allowed:
        raise NotTilesError(
            f"its JPEG tiles are {_named(_description(frame, colour))}, which TIFF does not know"
        )


def _tiff_side(axis: int, shape: LevelShape, mosaic: Mosaic) -> int:
    """Return the side of the TIFF's tiles along an axis."""
    side, chunk, level = _sides(mosaic.frame)[axis], shape.chunk[axis], shape.level[axis]
    unit = unit_of(mosaic.frame)[axis]
    is_window = _is_window(axis, shape, mosaic)
    if not is_window and side % TIFF_MULTIPLE == 0 == side % unit:
        return side
    if not is_subsampled(mosaic.frame, axis):
        if chunk % TIFF_MULTIPLE == 0:
            return chunk
        raise NotTilesError(f"its chunks of {chunk} pixels are no multiple of {TIFF_MULTIPLE}")
    if is_window and level % TIFF_MULTIPLE == 0 == level % unit:
        return level
    raise NotTilesError(
        f"its JPEG data go on over {level if is_window else side} pixels with subsampled chroma, "
        f"and a side of a TIFF tile is a multiple of {max(unit, TIFF_MULTIPLE)}: if it was one "
        "JPEG file, name the output .jpg"
    )


def _is_window(axis: int, shape: LevelShape, mosaic: Mosaic) -> bool:
    """Return whether a chunk is cut out of a longer JPEG, or is all of a short one."""
    return mosaic.offset[axis] > 0 or shape.chunk[axis] % _sides(mosaic.frame)[axis] > 0


def _is_one(axis: int, shape: LevelShape, mosaic: Mosaic) -> bool:
    """Return whether a level is one JPEG along an axis, as far as a chunk tells."""
    is_all = mosaic.grid[axis] == 1 and _sides(mosaic.frame)[axis] == shape.level[axis]
    return is_all or _is_window(axis, shape, mosaic)


def _sides(frame: Frame) -> Sides:
    return frame.height, frame.width


def _description(frame: Frame, colour: Colour) -> tuple[Colour, list[tuple[int, int]]]:
    return colour, [(component.horizontal, component.vertical) for component in frame.components]


def _named(description: tuple[Colour, list[tuple[int, int]]]) -> str:
    colour, factors = description
    return f"{colour.value} with sampling factors {', '.join(f'{h} x {v}' for h, v in factors)}"
