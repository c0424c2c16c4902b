"""Modes ``constant`` and ``stored`` of the encoder: chunks that need no network."""

import sys
import zlib
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from numcodecs_neural.coding.dec_plain import RAW_DEFLATE
from numcodecs_neural.coding.enc_task import EncodeTask, Payload
from numcodecs_neural.format import Mode

__all__ = ["encode_constant", "encode_stored", "stored_payload"]

_LEVEL = 1  # beside lossy modes this one is for what compresses trivially
_DEEP_LEVEL = 9
_DEEP_REACH = 1.1
"""Where samples must be exact, a deeper search is worth its time on drawings and labels: it takes a
quarter to two fifths off them. It is tried if level 1 takes no more than so many times the bytes of
the best mode; on photographs, which the predictor codes in fewer, it would be slow and in vain."""
_PIECE_BYTES = 1 << 15


def encode_constant(task: EncodeTask, _: Payload | None) -> Payload | None:
    """Return one value per channel, or None if a channel is not constant."""
    first = task.planes[:1, :, :1, :1]
    if bool((task.planes != first).any()):
        return None
    values = first.ravel().astype(first.dtype.newbyteorder("<"))
    return Payload(mode=Mode.CONSTANT, sections=(values.tobytes(),), is_final=True)


def encode_stored(task: EncodeTask, best: Payload | None) -> Payload | None:
    """Return the planes as DEFLATE, or None where that is larger than `best`."""
    most = sys.maxsize if best is None else best.nbytes
    if task.must_be_exact or task.parameters.max_error is not None:
        payload = _searched_deeply(task.planes, most)
    else:
        payload = stored_payload(task.planes, most)
    return None if payload is None else Payload(mode=Mode.STORED, sections=(payload,))


def _searched_deeply(planes: NDArray[Any], most: int) -> bytes | None:
    quick = stored_payload(planes, int(_DEEP_REACH * most))
    return None if quick is None else stored_payload(planes, most, _DEEP_LEVEL)


def stored_payload(planes: NDArray[Any], most: int, level: int = _LEVEL) -> bytes | None:
    """Return (n, C, H, W), differenced along x modulo its range, as raw DEFLATE.

    None where that takes more than `most` bytes: the attempt ends as soon as this is certain, which
    on natural images is soon.
    """
    deflate = zlib.compressobj(level, zlib.DEFLATED, RAW_DEFLATE)
    payload = bytearray()
    for piece in _pieces_of(planes):
        payload += deflate.compress(piece)
        if len(payload) > most:
            return None
    payload += deflate.flush()
    return bytes(payload) if len(payload) <= most else None


def _pieces_of(planes: NDArray[Any]) -> Iterator[bytes]:
    """Yield differences, so many rows at once as make a piece: few pieces are needed mostly."""
    rows = planes.view(f"u{planes.dtype.itemsize}").reshape(-1, planes.shape[-1])
    step = max(_PIECE_BYTES // rows[0].nbytes, 1)
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        differences = some.copy()
        differences[:, 1:] -= some[:, :-1]
        yield differences.astype(differences.dtype.newbyteorder("<"), copy=False).tobytes()
