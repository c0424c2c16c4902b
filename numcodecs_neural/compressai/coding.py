"""One chunk to bytes and back."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_chunk import from_planes
from numcodecs_neural.coding.dec_lossy import MAX_LOSSY_PIXELS
from numcodecs_neural.coding.enc_chunk import constant_box
from numcodecs_neural.coding.enc_exactly import to_planes
from numcodecs_neural.compressai.architectures import Architecture
from numcodecs_neural.compressai.chunks import Chunk, pack
from numcodecs_neural.compressai.sessions import session_for
from numcodecs_neural.errors import BitstreamError, ConfigError, NumericsError, WeightsError
from numcodecs_neural.format import ChunkHeader, Mode
from numcodecs_neural.format.checksum import crc32c
from numcodecs_neural.weights.catalogue import WEIGHTS_ID_NBYTES

__all__ = ["decode_chunk", "encode_chunk"]

STRIDE = 64
CHANNELS = 3


def encode_chunk(
    array: NDArray[np.uint8], *, arch: Architecture, weights: str, channel_axis: int
) -> bytes:
    """Encode three channels, which lie at `channel_axis`, in any memory order.

    Raises
    ------
    ConfigError
        If the chunk has too many pixels.
    """
    planes = to_planes(array, channel_axis)
    box, margin_value = constant_box(planes)
    if len(planes) * box[0] * box[1] > MAX_LOSSY_PIXELS:
        raise ConfigError(
            f"a chunk of {len(planes) * box[0] * box[1]} pixels is larger than the "
            f"{MAX_LOSSY_PIXELS} that can be coded: choose smaller chunks"
        )
    coded = session_for(arch, weights).encode(_padded(planes[..., : box[0], : box[1]]))
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    order: Literal["C", "F"] = "F" if is_fortran else "C"
    header = ChunkHeader(
        mode=Mode.LOSSY,
        dtype=array.dtype,
        shape=array.shape,
        box=box,
        margin_value=margin_value,
        order=order,
        channel_axis=channel_axis,
        weights_id=_weights_id(weights),
    )
    symbols_crc = _symbols_crc(coded.symbols)
    return pack(Chunk(arch=arch, header=header, symbols_crc=symbols_crc, streams=coded.streams))


def decode_chunk(chunk: Chunk, *, arch: Architecture, weights: str) -> NDArray[Any]:
    """Decode a chunk that the model with this SHA-256 wrote.

    Raises
    ------
    NumericsError
        If this machine decodes other symbols than were written.
    WeightsError
        If another model wrote the chunk, or the model is not in the models folder.
    BitstreamError
        If the streams of the chunk do not fit the model.
    """
    header = chunk.header
    n = _image_count(header)
    if chunk.arch != arch or header.weights_id != _weights_id(weights):
        raise WeightsError(
            f"the chunk was written by the {chunk.arch.name} model {header.weights_id.hex()}..., "
            f"and this codec has the {arch.name} model {weights}"
        )
    session = session_for(arch, weights)
    if len(chunk.streams) != session.stream_count:
        raise BitstreamError(
            f"chunk has {len(chunk.streams)} streams; {arch.name} has {session.stream_count}"
        )
    height, width = header.box
    coded = session.decode(chunk.streams, (n, _up(height), _up(width)))
    found = _symbols_crc(coded.symbols)
    if found != chunk.symbols_crc:
        raise NumericsError(
            f"this machine decodes other latents than were written (CRC-32C {found:08x}, stored "
            f"{chunk.symbols_crc:08x}): the entropy model of {arch.name} computes in floating "
            "point, which differs between processors and versions of torch. Decode the array "
            "where it was written and store it with another codec"
        )
    return from_planes(session.synthesize(coded)[..., :height, :width], header)


def _image_count(header: ChunkHeader) -> int:
    """Images in a chunk; BitstreamError if they are not of three channels, or too many."""
    n, channels, height, width = header.planes_shape
    pixels = n * height * width
    if channels != CHANNELS or pixels > MAX_LOSSY_PIXELS:
        raise BitstreamError(
            f"chunk of shape {header.shape} has {channels} channels and {pixels} pixels; allowed "
            f"are {CHANNELS} and {MAX_LOSSY_PIXELS}"
        )
    return n


def _padded(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Last row and column repeated up to a multiple of the stride."""
    height, width = planes.shape[-2:]
    margins = ((0, 0), (0, 0), (0, _up(height) - height), (0, _up(width) - width))
    return np.pad(planes, margins, mode="edge")


def _up(side: int) -> int:
    return -(-side // STRIDE) * STRIDE


def _weights_id(weights: str) -> bytes:
    return bytes.fromhex(weights)[:WEIGHTS_ID_NBYTES]


def _symbols_crc(symbols: tuple[NDArray[np.int32], ...]) -> int:
    return crc32c(b"".join(x.astype("<i4", copy=False).tobytes() for x in symbols))
