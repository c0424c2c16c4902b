"""Payloads of the lossy mode through context model and DCT to pixels (SPEC.md, section 9)."""

import functools
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.context.dec_context import decode, decode_all
from numcodecs_neural.dct.context.model import ContextModel
from numcodecs_neural.dct.context.order import passes
from numcodecs_neural.dct.dec_gains import read_predictions
from numcodecs_neural.dct.dec_spectrum import of_coefficients
from numcodecs_neural.dct.dec_steps import dequantised, dequantised_onto
from numcodecs_neural.dct.memory import Memory, lent
from numcodecs_neural.dct.slices import MAX_SPACING, Prediction, Slice, factors_of, order_of
from numcodecs_neural.dct.steps import Quantisation, steps_of
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError, WeightsError
from numcodecs_neural.networks.dec_model import pixel_fraction_of
from numcodecs_neural.weights import WeightsFile

__all__ = [
    "ANGLES",
    "BLOCK",
    "HEAD",
    "LENGTH",
    "MAX_BLOCKS",
    "PREDICTED",
    "Cursor",
    "DctModel",
    "Inverse",
    "Slices",
    "coefficients_of",
    "decode_images",
    "values_of",
]

HEAD = struct.Struct("<HBB")
"""Base step, slope, chroma; or `PREDICTED`, the spacing and 0, and then these three."""
PREDICTED = 0
"""In place of a base step: images are predicted from others."""
ANGLES = np.dtype("<u2")
LENGTH = struct.Struct("<I")
"""Of the coefficients of an image, or of all gains."""
BLOCK = 16
MAX_BLOCKS = 1 << 19
"""Of an image: twice as many as `MAX_LOSSY_PIXELS` fill, which only a thin strip exceeds."""
_TURN = 1024

_Sample = TypeVar("_Sample", bound=np.generic)
_InverseTo = Callable[
    [NDArray[np.int16], NDArray[np.int32] | None, int, NDArray[np.int64] | None], NDArray[_Sample]
]
Inverse = _InverseTo[np.unsignedinteger[Any]]
"""From symbols (h, w, A, 256), matrices, fraction bits and steps to pixels.

Without steps, from coefficients in eighths of a grey level.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DctModel:
    """What turns payloads into pixels.

    Parameters
    ----------
    pixel_fraction : int
        Bits of a pixel below a grey level.
    context : ContextModel
    """

    pixel_fraction: int
    context: ContextModel

    @classmethod
    def from_file(cls, file: WeightsFile) -> "DctModel":
        """Read a decoder file and prove its bounds.

        Raises
        ------
        WeightsError
            If the file lacks something, or a bound does not hold.
        """
        try:
            fraction = pixel_fraction_of(file.description)
        except KeyError as exc:
            raise WeightsError(f"the weights file lacks {exc}") from exc
        return cls(pixel_fraction=fraction, context=ContextModel.from_file(file))

    @property
    def channels(self) -> int:
        """Colours of an image."""
        return self.context.axes


@dataclass(frozen=True, slots=True)
class _Shape:
    """Sizes that a header says: how many images, of which height and width."""

    images: int
    height: int
    width: int

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of blocks of an image."""
        return -(-self.height // BLOCK), -(-self.width // BLOCK)


def decode_images(
    payload: bytes, shape: tuple[int, int, int], model: DctModel, inverse: _InverseTo[_Sample]
) -> NDArray[_Sample]:
    """Return pixels (n, C, H, W) for ``shape = (n, H, W)``.

    Raises
    ------
    BitstreamError
        If the payload is damaged.
    """
    sizes = _Shape(*shape)
    _check_blocks(1, sizes.blocks)
    cursor = Cursor(payload)
    base, slope, chroma = HEAD.unpack(cursor.take(HEAD.size))
    if base == PREDICTED:
        return _decode_slices(cursor, (slope, chroma), sizes, model, inverse)
    steps = cursor.steps((base, slope, chroma), model.channels)
    pixels = []
    with lent() as memory:
        for _ in range(sizes.images):
            matrices = cursor.matrices(model.channels)
            data = cursor.take(*LENGTH.unpack(cursor.take(LENGTH.size)))
            symbols = decode(data, sizes.blocks, steps, matrices, model.context, memory)
            pixels.append(inverse(symbols, matrices, model.pixel_fraction, steps))
    cursor.check_end()
    together = pixels[0][None] if sizes.images == 1 else np.stack(pixels)
    return together[:, :, : sizes.height, : sizes.width]


def coefficients_of(
    payload: bytes, shape: tuple[int, int, int], model: DctModel, frequencies: int
) -> NDArray[np.float32]:
    """Return the coefficients of which `decode_images` makes pixels, as `of_coefficients` does.

    Returns
    -------
    ndarray of float32, shape (n, frequencies * C, h, w)

    Raises
    ------
    BitstreamError
        If the payload is damaged.
    """
    # An image has no more rows and columns of blocks than of pixels, so none are cut off.
    return decode_images(payload, shape, model, functools.partial(_spectrum, frequencies))


def _spectrum(
    frequencies: int,
    symbols: NDArray[np.int16],
    matrices: NDArray[np.int32] | None,
    fraction: int,
    steps: NDArray[np.int64] | None,
) -> NDArray[np.float32]:
    """Stand in the place of the inverse DCT; fraction bits are those of pixels alone."""
    del fraction
    values = symbols if steps is None else dequantised(symbols, steps)
    return of_coefficients(values, matrices, frequencies)


def _decode_slices(
    cursor: "Cursor",
    fields: tuple[int, int],
    sizes: _Shape,
    model: DctModel,
    inverse: _InverseTo[_Sample],
) -> NDArray[_Sample]:
    """Return the pixels of images that are predicted from others (SPEC.md, section 9.9)."""
    _check_blocks(sizes.images, sizes.blocks)
    head = cursor.slices(fields, sizes.images, model)
    pixels: dict[int, NDArray[_Sample]] = {}
    values: dict[int, NDArray[np.int16]] = {}
    with lent() as memory:
        images = _symbols_of(cursor, sizes, head, model, memory)
        for symbols, slice, prediction in zip(images, head.order, head.predictions, strict=True):
            values[slice.number] = values_of(symbols, head.steps, slice, prediction, values)
            found = inverse(values[slice.number], head.matrices, model.pixel_fraction, None)
            pixels[slice.number] = found[:, : sizes.height, : sizes.width]
    return np.stack([pixels[number] for number in range(sizes.images)])


def _symbols_of(
    cursor: "Cursor", sizes: _Shape, head: "Slices", model: DctModel, memory: Memory
) -> Iterator[NDArray[np.int16]]:
    data, steps = cursor.rest(), head.steps
    return decode_all(data, sizes.images, sizes.blocks, steps, head.matrices, model.context, memory)


def values_of(
    symbols: NDArray[np.int16],
    steps: NDArray[np.int64],
    slice: Slice,
    prediction: Prediction | None,
    values: Mapping[int, NDArray[np.int16]],
) -> NDArray[np.int16]:
    """Return the coefficients of an image, given those of its references."""
    if prediction is None:
        return dequantised(symbols, steps)
    first, second = (values[slice.references[at]] for at in (0, -1))
    return dequantised_onto(symbols, steps, (first, second), factors_of(prediction, len(steps)))


def _check_blocks(images: int, blocks: tuple[int, int]) -> None:
    if images * blocks[0] * blocks[1] > MAX_BLOCKS:
        raise BitstreamError(
            f"chunk has images of {blocks[0]} x {blocks[1]} blocks, {images} together; allowed are "
            f"{MAX_BLOCKS} blocks"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """What a chunk of predicted images says before its stream.

    Parameters
    ----------
    steps : (axes, 256) int64
    matrices : (2, 3, 3) or None
    order : sequence of Slice
    predictions : sequence of Prediction or None
        In the same order.
    """

    steps: NDArray[np.int64]
    matrices: NDArray[np.int32] | None
    order: Sequence[Slice]
    predictions: Sequence[Prediction | None]


class Cursor:
    """Reads a payload from front to back."""

    def __init__(self, payload: bytes) -> None:
        self._payload, self._at = payload, 0

    def take(self, count: int) -> bytes:
        """Return the next bytes.

        Raises
        ------
        TruncatedChunkError
            If there are fewer.
        """
        part = self._payload[self._at : self._at + count]
        if len(part) < count:
            raise TruncatedChunkError(f"a chunk lacks {count - len(part)} bytes of its image")
        self._at += count
        return part

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._payload) - self._at)

    def steps(self, fields: tuple[int, int, int], axes: int) -> NDArray[np.int64]:
        """Return the steps that the fields of a head stand for."""
        quantisation = Quantisation(*fields)
        if not quantisation.base or not quantisation.chroma:
            raise BitstreamError(f"a chunk has quantisation {fields}; 0 is no step")
        return steps_of(quantisation, axes)

    def matrices(self, axes: int) -> NDArray[np.int32] | None:
        """Return the matrices of both bands; None for grey, which has none."""
        if axes == 1:
            return None
        angles = np.frombuffer(self.take(6 * ANGLES.itemsize), ANGLES).astype(np.int64)
        if angles.max() >= _TURN:
            raise BitstreamError(f"a chunk has the angle {angles.max()}; a turn has {_TURN}")
        return matrices_of(angles.reshape(2, 3))

    def slices(self, fields: tuple[int, int], images: int, model: DctModel) -> Slices:
        """Return what stands before the stream of predicted images."""
        spacing, zero = fields
        if zero or not 1 <= spacing <= MAX_SPACING:
            raise BitstreamError(
                f"a chunk of predicted images has the spacing {spacing} and {zero} behind it; "
                f"expected 1 to {MAX_SPACING}, and 0"
            )
        steps = self.steps(HEAD.unpack(self.take(HEAD.size)), model.channels)
        matrices = self.matrices(model.channels)
        gains = self.take(*LENGTH.unpack(self.take(LENGTH.size)))
        count = len(passes(model.channels))
        # Only after this is it known that there may be so many images: each takes a bit.
        predictions = read_predictions(gains, order_of(images, spacing), count)
        order = tuple(order_of(images, spacing))
        return Slices(steps=steps, matrices=matrices, order=order, predictions=predictions)

    def check_end(self) -> None:
        """Refuse what lies behind the images."""
        rest = len(self._payload) - self._at
        if rest:
            raise BitstreamError(f"a chunk has {rest} bytes behind its images")
