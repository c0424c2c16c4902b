"""Lazy dequantised latents of an array of this package, decoded chunk by chunk without pixels."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.omezarr.chunk_files import StoredChunks

from .codecs import LatentCodec, latent_codec
from .places import level_of, stored_chunks

__all__ = ["open_latents"]

_Index = tuple[int, ...]


def open_latents(
    source: "zarr.Array[Any] | str | Path", n: int = 0, *, series: int = 0, count: int | None = None
) -> "da.Array":
    """Return the latents of an array, of which nothing is read before it is asked for.

    Chunks are decoded up to where pixels would be made. With weights of the DCT family
    (``he-fast-2``) latents are the orthonormal DCT of blocks of 16 x 16, in samples: number
    ``C * k + c`` is frequency `k` of channel `c`, from low to high, and number `c` is 16 times the
    mean of the block. Those of chunks that hold something else than coefficients (JPEG tiles,
    chunks without loss or of one colour, and elided ones) are made of their pixels by the same
    transform. With networks (``he-fast-1``) they are what the synthesis reads, and NaN for such
    chunks.

    Parameters
    ----------
    source : zarr.Array, str or Path
        An array in a folder, a zip or behind a URL; or an OME-Zarr image there.
    n : int
        Which level, of an image.
    series : int
        Which image, where the store holds several.
    count : int, optional
        How many latents to keep, from the first; by default all.

    Returns
    -------
    dask.array.Array of float32
        With the axes of the array, but those of colour and of y and x: before, if there are any;
        then (latents, rows, columns). One chunk for each chunk of the array.

    Raises
    ------
    ConfigError
        If the array is not coded by weights that have latents, if its chunks are no whole multiples
        of the stride, if it is in memory, or `count` is not possible.
    SourceError
        If the image cannot be read.

    Examples
    --------
    >>> latents = open_latents("slide.ome.zarr", count=48)               # doctest: +SKIP
    >>> latents[:, 100:120, 100:120].compute().shape                     # doctest: +SKIP
    (48, 20, 20)
    """
    array = source if isinstance(source, zarr.Array) else level_of(source, n, series)
    codec = latent_codec(array, count)
    layout = _Layout.of(array, codec)
    latents: da.Array = da.map_blocks(
        partial(_read, stored_chunks(array), layout, codec),
        chunks=layout.blocks(codec.count),
        dtype=np.float32,
        meta=np.empty((0,) * (len(layout.others) + 3), np.float32),
    )
    return latents


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How chunks of latents lie, from how those of pixels do.

    Parameters
    ----------
    shape, chunks : tuple of int
        Of the array.
    others : tuple of int
        Its axes but those of colour, y and x.
    plane : (int, int)
        Those of y and x.
    stride : int
        Pixels per latent step.
    fill : int
        Sample of chunks that are not stored.
    """

    shape: _Index
    chunks: _Index
    others: _Index
    plane: _Index
    stride: int
    fill: Any

    @classmethod
    def of(cls, array: "zarr.Array[Any]", codec: LatentCodec) -> "_Layout":
        """Return that of an array; refuse chunks whose latents would overlap."""
        channel = None if codec.channel_axis is None else codec.channel_axis % array.ndim
        rest = [axis for axis in range(array.ndim) if axis != channel]
        layout = cls(
            shape=array.shape,
            chunks=array.chunks,
            others=tuple(rest[:-2]),
            plane=tuple(rest[-2:]),
            stride=codec.stride,
            fill=array.fill_value,
        )
        for axis in layout.plane:
            side, length = array.chunks[axis], array.shape[axis]
            if side % codec.stride and side < length:
                raise ConfigError(
                    f"the chunks of {array.path or 'the array'} are {side} pixels wide or high; "
                    f"latents need whole multiples of {codec.stride}"
                )
        return layout

    def blocks(self, latents: int) -> tuple[_Index, ...]:
        """Return the sizes of all chunks along each axis of the latents."""
        sides = [self._parts(axis, 1) for axis in self.others]
        return (*sides, (latents,), *(self._parts(axis, self.stride) for axis in self.plane))

    def _parts(self, axis: int, stride: int) -> _Index:
        length, side = self.shape[axis], self.chunks[axis]
        return tuple(-(-min(side, length - at) // stride) for at in range(0, length, side))

    def chunk_index(self, block: _Index) -> _Index:
        """Return which chunk of the array a chunk of latents is from; colours are one chunk."""
        index = [0] * len(self.shape)
        for axis, at in zip((*self.others, *self.plane), (*block[:-3], *block[-2:]), strict=True):
            index[axis] = at
        return tuple(index)

    def block_shape(self, block: _Index) -> _Index:
        """Return the shape of a chunk of latents, without their own axis."""
        others = (self._parts(axis, 1)[at] for axis, at in zip(self.others, block, strict=False))
        rows, columns = self.plane
        return (
            *others,
            self._parts(rows, self.stride)[block[-2]],
            self._parts(columns, self.stride)[block[-1]],
        )


def _read(
    chunks: StoredChunks,
    layout: _Layout,
    codec: LatentCodec,
    *,
    block_id: _Index,
) -> NDArray[np.float32]:
    """Return the latents of a chunk, those of padding left out."""
    whole = tuple(layout.chunks[axis] for axis in layout.others)
    *others, rows, columns = layout.block_shape(block_id)
    data = chunks.read(layout.chunk_index(block_id))
    if data is None:
        found = codec.constant(math.prod(whole), (rows, columns), layout.fill)
    else:
        found = codec.decode(data, (rows, columns))
    found = found.reshape(*whole, codec.count, rows, columns)
    return np.ascontiguousarray(found[tuple(slice(length) for length in others)])
