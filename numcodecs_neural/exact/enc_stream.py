"""Samples to streams of the exact mode."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.exact.dec_kernels import BIT, COUNT, STREAMS
from numcodecs_neural.exact.dec_stream import HAS_GAPS, LENGTHS, PlaneHead, terms_of
from numcodecs_neural.exact.enc_gaps import gaps_in
from numcodecs_neural.exact.enc_kernels import encode_plane, encode_words
from numcodecs_neural.exact.enc_references import heads_of
from numcodecs_neural.exact.model import ExactModel
from numcodecs_neural.exact.planes import Memory, Plane, Settings, planes_of, runnable

__all__ = ["channel_order", "encode_levels"]

_GREEN_FIRST = (1, 0, 2)
_BITS_PER_SAMPLE = 4
"""Of an escape: what comes to three times the bits of the largest difference."""


def channel_order(channels: int) -> tuple[int, ...]:
    """Return in which order to code channels: of colours green first, which tells most of others.

    Examples
    --------
    >>> channel_order(3)
    (1, 0, 2)
    """
    return _GREEN_FIRST if channels == 3 else tuple(range(channels))


def encode_levels(
    levels: NDArray[np.uint16], settings: Settings, model: ExactModel, *, weighs: bool = True
) -> bytes:
    """Return levels (n, C, H, W) as `decode_levels` takes them.

    Parameters
    ----------
    levels : ndarray
    settings : Settings
    model : ExactModel
    weighs : bool
        Whether to look for local gaps, without a bound; to compare ways of coding takes none.
    """
    order = channel_order(levels.shape[1])
    blocks = list(planes_of(_shape_of(levels), order))
    heads = [
        heads_of(
            [levels[p.image, p.channel, p.rows, p.columns] for p in block],
            len(order),
            settings.most,
        )
        for block in blocks
    ]
    code = _Code(levels.size, settings.most, weighs=weighs and settings.error == 0)
    parts = [_varints(order) if len(order) > 1 else b""]
    for block, theirs in zip(blocks, heads, strict=True):
        parts += map(_packed, code.add(levels, block, theirs, settings, model))
    return b"".join([*parts, *code.finish()])


def _shape_of(levels: NDArray[np.uint16]) -> tuple[int, int, int, int]:
    images, channels, height, width = levels.shape
    return images, channels, height, width


class _Code:
    """Collects what is coded.

    Parameters
    ----------
    samples : int
        Of the chunk.
    most : int
        The highest level.
    weighs : bool
        Whether to look for local gaps.
    """

    def __init__(self, samples: int, most: int, *, weighs: bool) -> None:
        self._weighs = weighs
        self._codes: list[NDArray[np.uint32]] = []
        per_sample = 3 * most.bit_length() + _BITS_PER_SAMPLE
        self._bits = np.zeros(samples * per_sample // 32 + 2, np.uint32)
        self._at = np.zeros(6, np.int64)

    def add(
        self,
        levels: NDArray[np.uint16],
        block: Sequence[Plane],
        heads: Sequence[PlaneHead],
        settings: Settings,
        model: ExactModel,
    ) -> list[PlaneHead]:
        """Code the planes of a block; return their heads with the tables that suit them."""
        first = levels[0, 0, block[0].rows, block[0].columns]
        kept = 1 + max(max(head.references, default=0) for head in heads)
        memory = Memory((first.shape[0], first.shape[1]), kept, settings)
        found = []
        for plane, head in zip(block, heads, strict=True):
            samples = levels[plane.image, plane.channel, plane.rows, plane.columns]
            coded = (
                memory.plane(plane.number, head.references, model),
                memory.values,
                memory.errors,
                memory.offsets,
                terms_of(head),
                model.networks[len(head.references)],
            )
            entries = self._entries(coded, samples, memory.lanes)
            found.append(self._add_codes(head, coded, entries, model, memory.lanes))
        return found

    def _entries(
        self, coded: tuple[NDArray[Any], ...], samples: NDArray[np.uint16], lanes: int
    ) -> NDArray[np.uint16]:
        """Return the entries of a plane, and append its plain bits."""
        entries, self._at[COUNT] = np.zeros(samples.size, np.uint16), 0
        whole = np.ascontiguousarray(samples, np.int32)
        runnable(encode_plane, lanes)(*coded, whole, entries, self._bits, self._at)
        return entries

    def _add_codes(
        self,
        head: PlaneHead,
        coded: tuple[NDArray[Any], ...],
        entries: NDArray[np.uint16],
        model: ExactModel,
        lanes: int,
    ) -> PlaneHead:
        """Append the codes of a plane's entries, in the tables that are said in its head."""
        prices = model.prices @ np.bincount(entries, minlength=model.prices.shape[1])
        best = int(np.argmin(prices))
        gaps = None
        if self._weighs:
            gaps = gaps_in(coded, entries, model.tables[best], int(prices[best]), lanes)
        self._codes.append(model.codes[best][entries] if gaps is None else gaps.codes)
        return head._replace(tables=best, gaps=None if gaps is None else gaps.weights)

    def finish(self) -> tuple[bytes, ...]:
        """Return lengths, states, words and plain bits."""
        codes = np.concatenate(self._codes)
        words, states = np.zeros(len(codes) + 1, np.uint16), np.zeros(STREAMS, np.int64)
        coded = words[runnable(encode_words)(codes, words, states) :].astype("<u2")
        count = int(self._at[BIT])
        plain = self._bits[: math.ceil(count / 32)].astype("<u4").tobytes()[: (count + 7) // 8]
        lengths = LENGTHS.pack(len(coded), count)
        return lengths, states.astype("<u4").tobytes(), coded.tobytes(), plain


def _packed(head: PlaneHead) -> bytes:
    folded = (head.terms << 1) ^ (head.terms >> 63)
    tables, weights = head.tables, []
    if head.gaps is not None:
        tables, weights = tables | HAS_GAPS, head.gaps.ravel().tolist()
    return bytes([len(head.references), tables]) + _varints(
        [*head.references, *folded.tolist(), *weights]
    )


def _varints(numbers: Sequence[int]) -> bytes:
    """Return numbers of 7 bits a byte, the lowest ones first."""
    packed = bytearray()
    for number in numbers:
        rest = number
        while rest > 127:
            packed.append(rest & 127 | 128)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)
