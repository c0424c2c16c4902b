"""JPEG frames side by side, as slides keep them, and the window of them that is an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError, JpegError
from numcodecs_neural.jpeg.description import Coefficients, Colour, Component, Frame, Process
from numcodecs_neural.jpeg.pixels import decode_pixels

__all__ = ["Mosaic", "coefficient_shapes", "plain_frame", "zero_coefficients"]

_MAX_STEP = 0xFFFF
_Described = tuple[Frame, Colour, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mosaic:
    """Tiles of one size and description, in rows and columns.

    Parameters
    ----------
    frame : Frame
        Size and components of every tile, kept as `plain_frame` returns it.
    colour : Colour
        What the components are.
    steps : tuple of tuple of int
        Quantisation steps of each component, row by row.
    grid : (int, int)
        Rows and columns of tiles.
    present : ndarray of bool, shape `grid`
        Where the source holds a tile. Elsewhere its pixels are `fill`.
    coefficients : tuple of ndarray of int16
        For each component those of all tiles, joined: (rows of blocks, columns of blocks, 64). A
        tile has ``frame.block_shape(component)`` of them; zeros where none is present.
    fill : tuple of int
        One sample for each channel.
    offset : (int, int)
        ``(y, x)`` of the pixel where the image begins that the mosaic stands for.

    Raises
    ------
    ConfigError
        If these do not belong together.
    """

    frame: Frame
    colour: Colour
    steps: tuple[tuple[int, ...], ...]
    grid: tuple[int, int]
    present: NDArray[np.bool_]
    coefficients: Coefficients
    fill: tuple[int, ...]
    offset: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", plain_frame(self.frame))
        _check_description(self)
        _check_arrays(self)

    @classmethod
    def from_tiles(
        cls,
        streams: Sequence[Sequence[bytes | None]],
        *,
        tables: bytes = b"",
        colour: Colour | None = None,
        fill: tuple[int, ...] | None = None,
        offset: tuple[int, int] = (0, 0),
    ) -> Self:
        """Return the mosaic of JPEG streams, given row by row.

        Parameters
        ----------
        streams : sequence of sequence of (bytes or None)
            A stream for each tile; None where the source has none.
        tables : bytes
            A stream of tables alone that goes before each, as a TIFF keeps it.
        colour : Colour, optional
            What the components are, where the source says so outside its streams, as a TIFF does.
        fill : tuple of int, optional
            Samples of absent tiles; by default white.
        offset : (int, int)
            ``(y, x)`` of the pixel where the image begins.

        Raises
        ------
        JpegError
            If a stream cannot be read, or tiles differ in more than their coefficients.
        ConfigError
            If no tile is there, or rows have different lengths.
        """
        # Inside, since it imports numba.
        from numcodecs_neural.jpeg.reading import read_jpeg

        present = _presence(streams)
        described: _Described | None = None
        joined: Coefficients = ()
        for row, column in np.argwhere(present).tolist():
            stream = streams[row][column]
            assert stream is not None  # for mypy: `present` says so
            description, blocks = read_jpeg(stream, tables=tables)
            frame = plain_frame(description.frame)
            found = frame, colour or description.colour, description.steps
            if described is None:
                described, joined = found, zero_coefficients(frame, present.shape)
            if found != described:
                raise JpegError(
                    f"the JPEG tile in row {row}, column {column} has another size, colour, "
                    "sampling or quantisation than those before it"
                )
            for whole, own in zip(joined, blocks, strict=True):
                rows, columns, _ = own.shape
                whole[row * rows :, column * columns :][:rows, :columns] = own
        assert described is not None  # for mypy: one tile is present
        return cls(
            frame=described[0],
            colour=described[1],
            steps=described[2],
            grid=present.shape,
            present=present,
            coefficients=joined,
            fill=(255,) * len(joined) if fill is None else fill,
            offset=offset,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.grid[0] * self.frame.height, self.grid[1] * self.frame.width

    def tile(self, row: int, column: int) -> Coefficients:
        """Return the coefficients of one tile, as views."""
        views = []
        for component, whole in zip(self.frame.components, self.coefficients, strict=True):
            rows, columns = self.frame.block_shape(component)
            views.append(whole[row * rows :, column * columns :][:rows, :columns])
        return tuple(views)

    def pixels(self) -> NDArray[np.uint8]:
        """Return all pixels, (height, width, channels).

        Each tile is decoded by itself, as the source's reader does it: where chroma has fewer
        samples, its upsampling does not look beyond a tile.

        Raises
        ------
        UnsupportedJpegError
            If coefficients are so large that decoders differ.
        """
        height, width = self.frame.height, self.frame.width
        pixels = np.empty((*self.shape, len(self.fill)), np.uint8)
        if not self.present.all():
            pixels[:] = self.fill
        for row, column in np.argwhere(self.present).tolist():
            tile = decode_pixels(self.frame, self.colour, self.steps, self.tile(row, column))
            place = pixels[row * height :, column * width :][:height, :width]
            place[:] = tile.reshape(place.shape)
        return pixels


def plain_frame(frame: Frame) -> Frame:
    """Return a frame of the same pixels, baseline, with components and tables numbered in order.

    A single component has sampling factors of 1, since there is no other to compare it with.
    """
    is_single = len(frame.components) == 1
    components = tuple(
        Component(n + 1, *((1, 1) if is_single else (own.horizontal, own.vertical)), n)
        for n, own in enumerate(frame.components)
    )
    return Frame(Process.BASELINE, frame.height, frame.width, components)


def coefficient_shapes(frame: Frame, grid: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Return the shape of the coefficients of each component of a mosaic."""
    shapes = [frame.block_shape(component) for component in frame.components]
    return [(grid[0] * rows, grid[1] * columns, 64) for rows, columns in shapes]


def zero_coefficients(frame: Frame, grid: tuple[int, ...]) -> Coefficients:
    """Return coefficients of a mosaic that are all 0."""
    return tuple(np.zeros(shape, np.int16) for shape in coefficient_shapes(frame, grid))


def _presence(streams: Sequence[Sequence[bytes | None]]) -> NDArray[np.bool_]:
    lengths = {len(row) for row in streams}
    present = [[stream is not None for stream in row] for row in streams]
    if len(lengths) != 1 or not any(map(any, present)):
        raise ConfigError(
            f"a mosaic has rows of {sorted(lengths)} tiles, {sum(map(sum, present))} of them "
            "present; it needs rows of equal length, and one tile at least"
        )
    return np.array(present)


def _check_description(mosaic: Mosaic) -> None:
    count = len(mosaic.frame.components)
    if count not in (1, 3) or (count == 1) != (mosaic.colour is Colour.GREY):
        raise ConfigError(f"a mosaic of {count} components is {mosaic.colour.value}")
    if [len(table) for table in mosaic.steps] != [64] * count or not all(
        1 <= step <= _MAX_STEP for table in mosaic.steps for step in table
    ):
        raise ConfigError(f"a mosaic needs {count} tables of 64 steps, each 1 to {_MAX_STEP}")
    if len(mosaic.fill) != count or not all(0 <= sample <= 255 for sample in mosaic.fill):
        raise ConfigError(f"a mosaic has fill samples {mosaic.fill}; expected {count} of 8 bits")
    if not all(0 <= at < end for at, end in zip(mosaic.offset, mosaic.shape, strict=True)):
        raise ConfigError(f"a mosaic of {mosaic.shape} pixels has an offset of {mosaic.offset}")


def _check_arrays(mosaic: Mosaic) -> None:
    if mosaic.present.shape != mosaic.grid or mosaic.present.dtype != np.bool_:
        raise ConfigError(
            f"presence of tiles is {mosaic.present.dtype} of shape {mosaic.present.shape}; "
            f"expected bool of shape {mosaic.grid}"
        )
    shapes = coefficient_shapes(mosaic.frame, mosaic.grid)
    expected = [(shape, np.dtype(np.int16)) for shape in shapes]
    found = [(blocks.shape, blocks.dtype) for blocks in mosaic.coefficients]
    if found != expected:
        raise ConfigError(f"coefficients of a mosaic are {found}; expected {expected}")
