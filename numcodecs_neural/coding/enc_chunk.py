"""One chunk to bytes: the mode is chosen here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.enc_exact import encode_exact
from numcodecs_neural.coding.enc_exactly import is_asked_for, to_planes
from numcodecs_neural.coding.enc_jpeg import encode_jpeg
from numcodecs_neural.coding.enc_lossy import encode_lossy
from numcodecs_neural.coding.enc_plain import encode_constant, encode_stored
from numcodecs_neural.coding.enc_task import EncodeParameters, EncodeTask, LossyEncoder, Payload
from numcodecs_neural.format import ChunkHeader, Mode, pack_chunk
from numcodecs_neural.jpeg.offers import must_be_exact, offer_for

__all__ = ["ENCODERS", "constant_box", "encode_chunk"]

ENCODERS: Mapping[Mode, Callable[[EncodeTask, Payload | None], Payload | None]] = MappingProxyType(
    {
        Mode.JPEG: encode_jpeg,
        Mode.CONSTANT: encode_constant,
        Mode.LOSSY: encode_lossy,
        Mode.EXACT: encode_exact,
        Mode.STORED: encode_stored,
    }
)
"""What makes a payload, by mode, in the order in which they are tried.

Each gets the best payload so far, and returns one to be taken instead, or None.
"""


def encode_chunk(
    array: NDArray[Any], parameters: EncodeParameters, coder: LossyEncoder | None
) -> bytes:
    """Encode a chunk in the mode that suits it.

    Parameters
    ----------
    array : ndarray
        (..., C, y, x), (..., C, z, y, x), (..., y, x, C) or (..., y, x), in any memory order.
    parameters : EncodeParameters
    coder : LossyEncoder or None
        None where nothing may be lost, or no more than a bound.
    """
    planes = to_planes(array, parameters.channel_axis)
    box, margin_value = constant_box(planes)
    inside = np.ascontiguousarray(planes[..., : box[0], : box[1]])
    payload = _smallest(
        EncodeTask(
            planes=inside,
            plane=(planes.shape[-2], planes.shape[-1]),
            mosaic=offer_for(planes),
            must_be_exact=must_be_exact(planes) or is_asked_for(planes),
            parameters=parameters,
            coder=coder,
        )
    )
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    header = ChunkHeader(
        mode=payload.mode,
        dtype=array.dtype,
        shape=array.shape,
        box=box,
        margin_value=margin_value,
        order="F" if is_fortran else "C",
        channel_axis=parameters.channel_axis,
        **payload.fields,
    )
    return pack_chunk(header, payload.sections)


def constant_box(planes: NDArray[Any]) -> tuple[tuple[int, int], int]:
    """Return the ``(height, width)`` that remain when a constant margin is cut off, and its value.

    The margin is what Zarr appends to chunks at an array's edge: whole columns at the right and
    rows at the bottom, of one value in all channels. Without one, the box is the whole plane and
    the value 0.
    """
    height, width = planes.shape[-2:]
    value = planes[0, 0, -1, -1]
    other = planes != value
    rows = np.flatnonzero(other.any((0, 1, 3)))
    columns = np.flatnonzero(other.any((0, 1, 2)))
    # Constant altogether: a box of one pixel says so too.
    box = (int(rows[-1]) + 1, int(columns[-1]) + 1) if len(rows) else (1, 1)
    return box, int(value) if box != (height, width) else 0


def _smallest(task: EncodeTask) -> Payload:
    """Return the smallest payload: without loss where that is no larger."""
    best: Payload | None = None
    for encode in ENCODERS.values():
        best = encode(task, best) or best
        if best is not None and best.is_final:
            break
    assert best is not None  # for mypy: the mode "stored" takes anything
    return best
