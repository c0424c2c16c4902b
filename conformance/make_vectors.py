"""Write the conformance vectors: chunks, the pixels they decode to, and their index.

    python conformance/make_vectors.py

The only writer of the folder `vectors`. Chunks by the package's encoder are copied from the frozen
ones in tests/golden, worked examples from SPEC.md; the others are put together here, byte by byte.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import reference_decoder as reference

Array = NDArray[Any]

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden" / "v2"
SPEC = ROOT / "numcodecs_neural" / "format" / "SPEC.md"
CONSTANT, LOSSY, EXACT, STORED, JPEG = range(5)
MODES = {
    CONSTANT: "constant",
    LOSSY: "lossy",
    EXACT: "exact",
    STORED: "stored",
    JPEG: "jpeg",
}
UINT8, UINT16, INT16 = 1, 2, 3
BIG_ENDIAN, FORTRAN_ORDER = 1, 2
# A million zeros in DEFLATE.
BOMB = bytes.fromhex("edc101010000008220ffaf6e484001") + bytes(968) + b"\xaf\x06"

# Frozen chunks by coders of coefficients, of which the last one has weights of another kind.
BY_CODERS = {"jpeg-huffman", "jpeg-adaptive", "jpeg-network"}
JPEG_WEIGHTS = "jpeg-1"
CONTEXT = "he-fast-2"
# What frozen chunks show, by the names of weights and chunk; the former go without in other modes.
FROZEN = {
    "grey-fast-1/constant": "uint16 of one value: the box is one sample, the rest margin",
    "grey-fast-1/constant-margin": "int16 below 0 with a margin of 0",
    "he-fast-1/constant-margin": "a value for each of three channels, and a margin",
    "he-fast-1/stored": "uint8 with channels before y and x",
    "he-fast-1/stored-channel-last-margin": "uint8 with channels behind y and x, and a margin",
    "grey-fast-1/stored": "int16 without channels",
    "grey-fast-1/stored-big-endian-margin": "big-endian uint16 with a margin",
    "he-fast-1/quality-0": "the coarsest quality",
    "he-fast-1/quality-30": "quality 30",
    "he-fast-1/quality-60": "quality 60",
    "he-fast-1/quality-90": "quality 90",
    "he-fast-1/quality-100": "the finest quality",
    "he-fast-1/second-generation": "the section's first byte is 1: all latents are coded",
    "he-fast-1/margin-black": "a box in a larger plane, and a margin of 0",
    "he-fast-1/odd-size": "a height and a width that no stride divides",
    "he-fast-1/three-rows": "three rows: less than one latent step",
    "he-fast-1/channel-last": "channel axis -1",
    "he-fast-1/fortran-order": "Fortran memory order, with channels",
    "he-fast-1/batch-of-two": "two images in one symbol stream",
    "he-fast-1/depths-of-two": "channel axis -4: channels before a depth",
    "he-perceptual-1/quality-0": "the coarsest quality",
    "he-perceptual-1/quality-30": "quality 30",
    "he-perceptual-1/quality-90": "quality 90",
    "he-perceptual-1/second-generation": "the section's first byte is 1: all latents are coded",
    "grey-fast-1/uint8-quality-0": "uint8, the coarsest quality",
    "grey-fast-1/uint8-quality-30": "uint8, quality 30",
    "grey-fast-1/uint8-quality-100": "uint8, the finest quality",
    "grey-fast-1/uint8-second-generation": "the section's first byte is 1: all latents are coded",
    "grey-fast-1/uint16-quality-20": "uint16 of 12 bits: level shift 4",
    "grey-fast-1/uint16-quality-100": "uint16, the finest quality",
    "grey-fast-1/uint16-narrow": "uint16 of less than 256 values far from 0: level shift 0",
    "grey-fast-1/uint16-narrow-value-range": "the same samples with levels of a wider range",
    "grey-fast-1/uint16-all-16-bits": "uint16 of the whole range: level shift 8",
    "grey-fast-1/uint16-big-endian": "big-endian uint16",
    "grey-fast-1/uint16-fortran-order": "uint16 in Fortran memory order",
    "grey-fast-1/uint16-margin": "uint16 with a margin",
    "grey-fast-1/uint16-odd-size": "a height and a width that no stride divides",
    "grey-fast-1/uint16-batch-of-two": "two images, of which one is darker, with the same levels",
    "grey-fast-1/uint16-one-row": "one row, and a margin of one sample",
    "grey-fast-1/int16-below-0": "int16 on both sides of 0",
    "grey-fast-1/int16-value-range": "int16 with levels of a given range",
    "grey-fast-1/int16-noise": "noise over all of int16, with escapes in the stream",
    "he-fast-2/quality-0": "colour axes and DCT: the coarsest quality",
    "he-fast-2/quality-30": "colour axes and DCT: quality 30",
    "he-fast-2/quality-90": "colour axes and DCT: quality 90",
    "he-fast-2/quality-100": "colour axes and DCT: the finest quality",
    "he-fast-2/ssim": "colour axes and DCT: coarser steps of the second and third axis",
    "he-fast-2/ms-ssim": "colour axes and DCT: steps that grow with frequency",
    "he-fast-2/second-generation": "colour axes and DCT: an image that was decoded before",
    "he-fast-2/margin-black": "colour axes and DCT: a box in a larger plane, and a margin of 0",
    "he-fast-2/odd-size": "colour axes and DCT: a height and a width that 16 does not divide",
    "he-fast-2/three-rows": "colour axes and DCT: three rows, so that no block has one above it",
    "he-fast-2/channel-last": "colour axes and DCT: channel axis -1",
    "he-fast-2/batch-of-two": "colour axes and DCT: two images, each with angles and a stream",
    "he-fast-2/noise": "colour axes and DCT: noise",
    "grey-fast-2/uint8-quality-30": "one axis and DCT: uint8",
    "grey-fast-2/uint8-second-generation": "one axis and DCT: an image that was decoded before",
    "grey-fast-2/uint16-quality-20": "one axis and DCT: uint16 of 12 bits",
    "grey-fast-2/uint16-quality-100": "one axis and DCT: uint16, the finest quality",
    "grey-fast-2/uint16-all-16-bits": "one axis and DCT: uint16 of the whole range",
    "grey-fast-2/uint16-batch-of-two": "one axis and DCT: two images with the same levels",
    "grey-fast-2/uint16-odd-size": "one axis and DCT: a size that 16 does not divide",
    "grey-fast-2/ms-ssim": "one axis and DCT: steps that grow with frequency",
    "he-fast-2/slices-film": "three axes: images that are predicted from each other",
    "grey-fast-2/slices-uint8": "one axis: slices that are predicted from each other",
    "grey-fast-2/slices-uint16-margin": "one axis: predicted slices of uint16, with a margin",
    "grey-fast-2/slices-second-generation": "one axis: predicted slices that were decoded before",
    "grey-fast-2/slices-two": "one axis: a slice that is predicted from the only other one",
    "grey-fast-2/int16-below-0": "one axis and DCT: int16 on both sides of 0",
    "grey-fast-2/int16-noise": "one axis and DCT: noise over all of int16",
    "jpeg-huffman/420-tiles": "YCbCr with chroma halved both ways, two by two tiles",
    "jpeg-huffman/422-odd-margin": "chroma halved across, tiles of odd size, and a margin",
    "jpeg-huffman/440": "chroma halved down",
    "jpeg-huffman/411-channel-last": "chroma of a quarter across, repeated; channel axis -1",
    "jpeg-huffman/444-rgb": "RGB, of one quantisation table",
    "jpeg-huffman/grey": "grey, without channels",
    "jpeg-huffman/absent-tiles": "some tiles are absent",
    "jpeg-huffman/offset": "the box begins inside a tile",
    "jpeg-huffman/tables": "quantisation tables of bytes, of words, and one that is repeated",
    "jpeg-huffman/one-colour": "coefficients of DC alone",
    "jpeg-huffman/one-pixel": "a tile of one pixel, with chroma halved both ways",
    "jpeg-huffman/noise": "coefficients that no image has; samples beyond 0 and 255",
    "jpeg-adaptive/420-tiles": "the adaptive coder; twins of four blocks, and of one",
    "jpeg-adaptive/411-channel-last": "the adaptive coder; twins of four blocks in a row",
    "jpeg-adaptive/444-rgb": "the adaptive coder; green first, twins on the same grid",
    "jpeg-adaptive/grey": "the adaptive coder without twins",
    "jpeg-adaptive/absent-tiles": "the adaptive coder; neighbours that are not coded",
    "jpeg-adaptive/tables": "the adaptive coder; steps of very different sizes",
    "jpeg-adaptive/one-pixel": "the adaptive coder; three blocks",
    "jpeg-adaptive/noise": "the adaptive coder; coefficients that no image has",
    "jpeg-network/420-tiles": "the network coder; twins of four blocks, and of one",
    "jpeg-network/422-odd-margin": "the network coder; twins of two blocks in a row",
    "jpeg-network/440": "the network coder; twins of two blocks in a column",
    "jpeg-network/411-channel-last": "the network coder; twins of four blocks in a row",
    "jpeg-network/444-rgb": "the network coder; green first, twins on the same grid",
    "jpeg-network/grey": "the network coder without twins",
    "jpeg-network/absent-tiles": "the network coder; neighbours that are not coded",
    "jpeg-network/tables": "the network coder; steps of very different sizes",
    "jpeg-network/one-colour": "the network coder; flags in place of AC",
    "jpeg-network/one-pixel": "the network coder; blocks without neighbours",
    "jpeg-network/noise": "the network coder; coefficients that no image has, with escapes",
    "exact-1/rgb": "exact: luma first, then chroma with references",
    "exact-1/rgb-luma": "exact: two images of luma and chroma, of which the second refers to luma",
    "exact-1/rgb-luma-every-16th": "exact: luma and chroma of samples 16 apart",
    "exact-1/rgb-of-jpeg": "exact: luma and chroma of JPEG, with samples at the limits of uint8",
    "exact-1/rgb-apart": "exact: green first, then red and blue with references",
    "exact-1/rgb-error-2": "exact: every sample within 2",
    "exact-1/rgb-margin": "exact: a box in a larger plane",
    "exact-1/grey": "exact: uint8 without channels",
    "exact-1/grey-error-1": "exact: every sample within 1",
    "exact-1/grey-error-20": "exact: every sample within 20",
    "exact-1/four-channels-last": "exact: channel axis -1, four channels in their order",
    "exact-1/uint16": "exact: uint16 of 12 bits",
    "exact-1/uint16-error-9": "exact: every sample within 9, with plain bits",
    "exact-1/uint16-big-endian": "exact: big-endian uint16",
    "exact-1/uint16-fortran-order": "exact: uint16 in Fortran memory order",
    "exact-1/uint16-every-16th": "exact: even samples, 16 apart",
    "exact-1/uint16-every-16th-error-40": "exact: even samples, and an error of two levels",
    "exact-1/uint16-listed": "exact: listed samples",
    "exact-1/int16-below-0": "exact: int16 on both sides of 0",
    "exact-1/batch-of-two": "exact: two images",
    "exact-1/volume": "exact: slices that refer to one and to two slices before",
    "exact-1/rgb-film": "exact: two images in colour, the second of which refers to the first",
    "exact-1/two-blocks": "exact: a plane of more than 512 rows",
    "exact-1/one-row": "exact: one row",
    "exact-1/one-column": "exact: one column",
    "exact-1/one-outlier": "exact: an escape of 16 bits",
    "exact-1/noise": "exact: noise, with many plain bits",
    "exact-1/gaps": "exact: weights of distances, since every second level is missing",
    "exact-1/gaps-and-none": "exact: two channels, one of which has weights of distances",
}


class Accepted(NamedTuple):
    """A chunk, what it shows, and the pixels that it decodes to."""

    name: str
    shows: str
    chunk: bytes
    pixels: Array


class Refused(NamedTuple):
    """A chunk, which rule it breaks, and the kind of error."""

    name: str
    shows: str
    kind: reference.Kind
    chunk: bytes


# Bytes --------------------------------------------------------------------------------------------


def example(title: str) -> bytes:
    """Return the bytes of the worked example of SPEC.md with this title."""
    text = SPEC.read_text(encoding="utf-8")
    match = re.search(rf"^### [\d.]+ {title}$.*?^```$(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert match is not None, f"SPEC.md has no example {title!r}"
    return bytes.fromhex("".join(line.split(";")[0] for line in match[1].splitlines()))


def sealed(body: bytes, version: int = 2) -> bytes:
    """Return the chunk of these bytes between prefix and checksum."""
    chunk = b"NNIC" + struct.pack("<BI", version, 13 + len(body)) + body
    return chunk + struct.pack("<I", reference.crc32c(chunk))


def body(
    section: bytes,
    *,
    mode: int = CONSTANT,
    code: int = UINT8,
    flags: int = 0,
    quality: int = 0,
    axis: int = 0,
    largest_error: int = 0,
    margin: int = 0,
    box: tuple[int, int] = (2, 3),
    weights_id: bytes = bytes(8),
    shape: tuple[int, ...] = (2, 3),
    levels: bytes = b"",
) -> bytes:
    """Return header and section."""
    numbers = (mode, code, flags, quality, axis, len(shape), largest_error, margin, *box)
    fixed = struct.pack("<BBBBBBHiII", *numbers) + weights_id
    return fixed + struct.pack(f"<{len(shape)}I", *shape) + levels + sized(section)


def sized(section: bytes) -> bytes:
    """Return a section behind its length."""
    return struct.pack("<I", len(section)) + section


def deflated(samples: bytes) -> bytes:
    """Return a DEFLATE stream of one block that is not compressed."""
    return b"\1" + struct.pack("<HH", len(samples), len(samples) ^ 0xFFFF) + samples


class Scribe(reference.Stream):
    """A stream that is written where the decoder reads one: any symbols are allowed.

    They are small numbers of all signs, and every 97th is `extreme`.
    """

    def __init__(self, lanes: int, tables: list[reference.Table], extreme: int) -> None:
        super().__init__(bytes([lanes - 1]) + bytes(4) + lanes * b"\0\0\1\0", tables)
        self._lanes, self._extreme = lanes, extreme
        self._written: list[tuple[int, reference.Table, int]] = []

    def symbol(self, lane: int, index: int, limit: int) -> int:
        """Choose the next symbol."""
        i = len(self._written)
        symbol = self._extreme if i % 97 == 96 else (i * i + 3 * i) % 7 % 5 - 2
        self._written.append((lane, self._tables[index], symbol))
        return symbol

    def encoded(self) -> bytes:
        """Return the stream of all symbols so far (section 5.4)."""
        states, words = self._lanes * [65536], list[int]()
        bits = ""
        for lane, table, symbol in reversed(self._written):
            size, e = len(table.start), symbol - table.first
            if not 0 <= e < size - 1:
                u = 2 * (e - size + 1) if e >= 0 else -2 * e - 1
                bits = f"{u + 1:0{2 * (u + 1).bit_length() - 1}b}" + bits
                e = size - 1
            x, f = states[lane], table.frequency[e]
            if x >= f * 2**18:
                words.insert(0, x % 65536)
                x //= 65536
            states[lane] = 16384 * (x // f) + table.start[e] + x % f
        bits += "0" * (-len(bits) % 8)
        head = struct.pack(f"<BI{self._lanes}I", self._lanes - 1, len(words), *states)
        return head + struct.pack(f"<{len(words)}H", *words) + bits_as_bytes(bits)


class ContextScribe(reference.ContextStream):
    """A stream of a context model, written where the decoder reads one.

    Entries are arbitrary small numbers; every 97th symbol is an escape to a magnitude of nearly
    `extreme`. With `escaped`, all escapes are written as that number, whatever they stand for.
    """

    def __init__(self, extreme: int, escaped: int | None = None) -> None:
        super().__init__(struct.pack("<9I", 0, *[65536] * 8), 0)
        self._extreme, self._escaped = extreme, escaped
        self._written: list[tuple[reference.Table, int]] = []
        self._plain, self._last = "", 0

    def entry(self, table: reference.Table) -> int:
        """Choose the next entry."""
        i = len(self._written)
        entry = i % 97 != 95 if len(table.start) == 2 else 15 if i % 97 == 96 else (i * i) % 7
        self._written.append((table, int(entry)))
        return int(entry)

    def bits(self, n: int) -> int:
        """Choose the next number of `n` bits."""
        self._last = n
        number = 5 * len(self._written) % (1 << n)
        self._plain += f"{number:0{n}b}"[::-1] if n else ""
        return number

    def escape(self) -> int:
        """Choose an escape behind as many plain bits as were chosen last."""
        number = (self._extreme >> self._last) - 15
        z, rest = split_escape(number if self._escaped is None else self._escaped)
        self._plain += "0" * z + "1" + (f"{rest:0{z}b}"[::-1] if z else "")
        return number

    def encoded(self, last_state: int = 65536) -> bytes:
        """Return the stream of all entries so far; `last_state` is that of the first lane."""
        states, words = [last_state] + 7 * [65536], list[int]()
        for i in reversed(range(len(self._written))):
            table, e = self._written[i]
            x, f = states[i % 8], table.frequency[e]
            if x >= f * 2**18:
                words.insert(0, x % 65536)
                x //= 65536
            states[i % 8] = 16384 * (x // f) + table.start[e] + x % f
        head = struct.pack("<9I", len(words), *states)
        return head + struct.pack(f"<{len(words)}H", *words) + bits_lowest_first(self._plain)


def split_escape(number: int) -> tuple[int, int]:
    """Return the zeros that an escape begins with, and the number behind its one."""
    z = (number + 1).bit_length() - 1
    return z, number + 1 - 2**z


def scribbled_context(
    extreme: int = 32000, escaped: int | None = None, last_state: int = 65536
) -> bytes:
    """Return the body of a chunk of arbitrary coefficients: 2 x 2 blocks, coarse steps."""
    header: dict[str, Any] = {
        "mode": LOSSY,
        "weights_id": id_of(CONTEXT),
        "axis": 1,
        "shape": (20, 19, 3),
        "box": (20, 19),
        "quality": 100,
    }
    weights = reference.find_weights(header["weights_id"], reference.WEIGHTS)
    angles = (0, 1023, 512, 200, 900, 77)
    low, high = reference.matrix_of(*angles[:3]), reference.matrix_of(*angles[3:])
    quantisation = reference.Quantisation(reference.steps_of(65535, 255, 1, 3), low, high)
    scribe = ContextScribe(extreme, escaped)
    reference.ContextImage(scribe, 2, 2, quantisation, weights).read()
    stream = scribe.encoded(last_state)
    section = struct.pack("<HBB6H", 65535, 255, 1, *angles) + sized(stream)
    return body(section, **header)


SLICES = 7
"""Images of `scribbled_slices`, which come as 0, 3, 1, 2, 6, 4, 5."""


def scribbled_slices(
    *,
    fields: tuple[int, int] = (3, 0),
    base: int = 9000,
    gains: bytes | None = None,
    images: int = SLICES,
    behind: bytes = b"",
) -> bytes:
    """Return the body of a chunk of arbitrary predicted images, of 2 x 1 blocks each.

    `fields` are the spacing and what stands behind it, and `images` are those that the header says;
    `gains` are other bytes than the right ones, and `behind` follows the stream.
    """
    header: dict[str, Any] = {
        "mode": LOSSY,
        "weights_id": id_of(CONTEXT),
        "axis": 3,
        "shape": (images, 3, 20, 7),
        "box": (20, 7),
        "quality": 100,
    }
    weights = reference.find_weights(header["weights_id"], reference.WEIGHTS)
    angles = (30, 1000, 500, 200, 900, 77)
    low, high = reference.matrix_of(*angles[:3]), reference.matrix_of(*angles[3:])
    quantisation = reference.Quantisation(reference.steps_of(9000, 40, 20, 3), low, high)
    scribe = ContextScribe(2000)
    for _ in range(SLICES):
        reference.ContextImage(scribe, 2, 1, quantisation, weights).read()
    written = bits_lowest_first(arbitrary_gains()) if gains is None else gains
    section = struct.pack("<HBBHBB6H", 0, *fields, base, 40, 20, *angles)
    return body(section + sized(written) + scribe.encoded() + behind, **header)


def arbitrary_gains(first_weight: int = 4, first_gain: int = 20) -> str:
    """Return the bits of gains: the fourth image in order stands for itself."""
    bits, before = "", [12] * 33
    for at, (number, references) in enumerate(reference.coding_order(SLICES, 3)):
        if not references:
            continue
        bits += "0" if at == 3 else "1"
        if at == 3:
            continue
        if len(references) == 2:
            bits += f"{first_weight if at == 2 else number % 4:03b}"[::-1]
        gains = [first_gain if p == 0 and at == 1 else 7 * (p + at) % 21 for p in range(33)]
        for gain, last in zip(gains, before, strict=True):
            difference = gain - last
            z, rest = split_escape(2 * difference - 1 if difference > 0 else -2 * difference)
            bits += "0" * z + "1" + (f"{rest:0{z}b}"[::-1] if z else "")
        before = gains
    return bits


def bits_lowest_first(bits: str) -> bytes:
    """Return bits, the lowest of each byte first, up to a whole byte."""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


def bits_as_bytes(bits: str) -> bytes:
    """Return bits, the highest of each byte first."""
    return int("0" + bits, 2).to_bytes(len(bits) // 8, "big")


def scribbled(name: str, lanes: int, extreme: int, **header: Any) -> bytes:
    """Return the body of a lossy chunk of arbitrary symbols for the named weights."""
    weights_id = id_of(name)
    header |= {"mode": LOSSY, "weights_id": weights_id}
    blank, _ = reference.read_container(sealed(body(b"", **header)))
    weights = reference.find_weights(weights_id, reference.WEIGHTS)
    scribe = Scribe(lanes, weights.tables, extreme)
    reference.pixels_of(scribe, blank, weights, weights.description["skip_below"])
    return body(b"\0" + scribe.encoded(), **header)


def id_of(name: str) -> bytes:
    """Return the weights id of the named weights."""
    return bytes.fromhex(manifest(name)["weights"])[:8]


def manifest(name: str) -> dict[str, Any]:
    """Return what is known of the frozen chunks of the named weights."""
    content: dict[str, Any] = json.loads((GOLDEN / name / "manifest.json").read_text("utf-8"))
    return content


# Chunks that are decoded --------------------------------------------------------------------------


def accepted() -> Iterator[Accepted]:
    """Yield all chunks that are decoded."""
    yield from worked_examples()
    yield from small_chunks()
    for source, shows in FROZEN.items():
        chunk = (GOLDEN / f"{source}.chunk").read_bytes()
        with lzma.open(GOLDEN / f"{source}.npy.xz") as file:
            pixels = np.load(file)
        weights, name = source.split("/")
        has_own_folder = chunk[9] in (LOSSY, EXACT, JPEG)
        prefix = weights if has_own_folder else "grey" if weights.startswith("grey") else "rgb"
        yield Accepted(f"{prefix}-{name}", shows, chunk, pixels)
    yield from many_lanes()
    coefficients = sealed(scribbled_context())
    shows = "colour axes and DCT: arbitrary coefficients, with magnitudes of nearly 32000"
    array = reference.decode(coefficients).array
    yield Accepted(f"{CONTEXT}-arbitrary", shows, coefficients, array)
    slices = sealed(scribbled_slices())
    shows = "predicted images: a spacing of 3, weights of 0, 1 and 4, gains from 0 to 20"
    yield Accepted(f"{CONTEXT}-slices-arbitrary", shows, slices, reference.decode(slices).array)


def worked_examples() -> Iterator[Accepted]:
    """Yield the chunks of section 7 of SPEC.md."""
    constant = np.full((3, 4, 5), 255, np.uint8)
    constant[:, :, :3] = np.array([240, 230, 235])[:, None, None]
    stored = np.array([[1000, 1001, 1003], [999, 999, 1001]], ">u2", order="F")
    lossy = example("A lossy chunk")
    yield Accepted("spec-constant", "SPEC.md, 7.1", example("A constant chunk"), constant)
    yield Accepted("spec-stored", "SPEC.md, 7.2", example("A stored chunk"), stored)
    yield Accepted("spec-lossy", "SPEC.md, 7.4", lossy, reference.decode(lossy).array)
    jpeg = example("A JPEG chunk")
    yield Accepted("spec-jpeg", "SPEC.md, 7.5", jpeg, reference.decode(jpeg).array)
    context = example("A chunk of colour axes and DCT")
    yield Accepted("spec-context", "SPEC.md, 7.6", context, reference.decode(context).array)
    exact = example("An exact chunk")
    yield Accepted("spec-exact", "SPEC.md, 7.7", exact, reference.decode(exact).array)


def small_chunks() -> Iterator[Accepted]:
    """Yield chunks whose samples are known without a decoder."""
    row = sealed(body(b"\x39\x30", code=UINT16, margin=7, box=(1, 3), shape=(5,)))
    values = np.array([12345] * 3 + [7] * 2, "<u2")
    yield Accepted("one-axis", "one axis is a plane of height 1", row, values)
    shape = (1, 2, 1, 2, 1, 2, 2, 3)
    samples = np.arange(-24000, 24000, 1000, dtype=">i2").reshape(shape)
    differences = np.diff(samples, axis=-1, prepend=np.int16(0)).astype("<i2")
    header: dict[str, Any] = {"code": INT16, "flags": BIG_ENDIAN, "shape": shape}
    eight = sealed(body(deflated(differences.tobytes()), mode=STORED, **header))
    shows = "a batch of six axes; big-endian int16; DEFLATE without compression"
    yield Accepted("eight-axes", shows, eight, samples)
    colours = np.array([[[1000, 40000]] * 3] * 2, ">u2", order="F")
    last = sealed(
        body(
            colours[0, 0].astype("<u2").tobytes(),
            code=UINT16,
            flags=BIG_ENDIAN | FORTRAN_ORDER,
            axis=1,
            shape=(2, 3, 2),
        )
    )
    yield Accepted("constant-channel-last", "channel axis -1 and both flags", last, colours)


def many_lanes() -> Iterator[Accepted]:
    """Yield lossy chunks as no encoder chooses them: other numbers of lanes, huge symbols."""
    levels = struct.pack("<iB", -3000, 5)
    for name, weights, lanes, extreme, header in (
        ("one-lane", "he-fast-1", 1, 2**29 - 1, {"axis": 3, "shape": (3, 17, 20), "box": (17, 20)}),
        ("256-lanes", "he-perceptual-1", 256, 1 - 2**29, {"axis": 1, "shape": (2, 3, 3)}),
        ("three-lanes", "grey-fast-1", 3, 9000, {"code": INT16, "levels": levels}),
    ):
        chunk = sealed(scribbled(weights, lanes, extreme, quality=50, **header))
        shows = f"a stream of {lanes} lanes, with symbols up to {extreme}"
        yield Accepted(f"{weights}-{name}", shows, chunk, reference.decode(chunk).array)


# Chunks that are refused --------------------------------------------------------------------------


def refused() -> Iterator[Refused]:
    """Yield all chunks that are refused, in the order in which a reader checks."""
    yield from refused_containers()
    yield from refused_headers()
    yield from refused_sections()
    yield from refused_weights()
    yield from refused_streams()
    yield from refused_escapes()
    yield from refused_coefficients()
    yield from refused_context_streams()
    yield from refused_slices()
    yield from refused_mosaics()
    yield from refused_scans()
    yield from refused_words()
    yield from refused_states()
    yield from refused_exact()


def refused_containers() -> Iterator[Refused]:
    """Yield chunks that break sections 2 and 3 before or behind the header."""
    good = example("A constant chunk")
    inner = good[9:-4]
    jpeg = b"\xff\xd8\xff\xe0" + good[4:]
    yield Refused("empty", "no byte", "truncated", b"")
    yield Refused("half-a-prefix", "it ends within the length", "truncated", good[:7])
    yield Refused("last-byte-missing", "one byte less than its length", "truncated", good[:-1])
    yield Refused("not-a-chunk", "another magic", "invalid", jpeg)
    yield Refused("version-1", "an earlier format version", "version", sealed(inner, 1))
    yield Refused("version-3", "a later format version", "version", sealed(inner, 3))
    yield Refused("trailing-byte", "one byte more than its length", "invalid", good + b"\0")
    yield Refused("checksum", "a bit of a sample was flipped", "checksum", flipped(good, 53))
    yield Refused("checksum-itself", "a bit of the checksum was flipped", "checksum", flipped(good))
    yield Refused("half-a-header", "the header ends early", "truncated", sealed(inner[:20]))
    yield Refused("half-a-shape", "the shape ends early", "truncated", sealed(inner[:35]))
    yield Refused("no-section", "there is no section", "truncated", sealed(inner[:40]))
    yield Refused("long-section", "the section is cut", "truncated", sealed(inner[:-1]))
    yield Refused("two-sections", "a second section", "invalid", sealed(inner + sized(b"?")))


def flipped(chunk: bytes, position: int = -1) -> bytes:
    """Return a chunk with the lowest bit of a byte flipped."""
    changed = bytearray(chunk)
    changed[position] ^= 1
    return bytes(changed)


def refused_headers() -> Iterator[Refused]:
    """Yield chunks with a header that is not allowed, behind a right checksum."""
    levels = struct.pack("<iB", 0, 9)
    deep = {"mode": LOSSY, "code": UINT16, "weights_id": id_of("grey-fast-1")}
    for name, shows, changes in (
        ("mode-unknown", "mode 5", {"mode": 5}),
        ("sample-type-unknown", "sample type 4", {"code": 4}),
        ("flags-unknown", "bit 2 of the flags", {"flags": 4}),
        ("flags-big-endian-uint8", "big-endian samples of one byte", {"flags": BIG_ENDIAN}),
        ("quality-101", "a quality above 100", {**deep, "quality": 101, "levels": bytes(5)}),
        ("quality-unused", "a quality, and the mode is not lossy", {"quality": 1}),
        ("weights-unused", "weights, and the mode is not lossy", {"weights_id": bytes(7) + b"\1"}),
        ("largest-error", "a largest error, and the mode is not exact", {"largest_error": 1}),
        ("axes-none", "no axis", {"shape": ()}),
        ("axes-nine", "nine axes", {"shape": (1,) * 7 + (2, 3)}),
        ("axis-empty", "an axis of length 0", {"shape": (0, 2, 3)}),
        ("axis-of-channels", "channel axis -2", {"axis": 2, "shape": (1, 2, 3)}),
        ("axis-of-two", "channel axis -3 of two axes", {"axis": 3}),
        ("axis-of-three", "channel axis -4 of three axes", {"axis": 4, "shape": (1, 2, 3)}),
        ("too-large", "more than 2^30 bytes", {"shape": (2**15, 2**15 + 1)}),
        ("margin-of-type", "a margin value outside of uint8", {"shape": (9, 9), "margin": 256}),
        ("margin-without", "a margin value without a margin", {"margin": 1}),
        ("box-empty", "a box of no row", {"box": (0, 3)}),
        ("box-too-wide", "a box wider than the plane", {"box": (2, 4)}),
        ("level-shift-9", "a level shift above 8", {**deep, "levels": levels}),
        ("lowest-sample", "a lowest sample below 0", {**deep, "levels": b"\xff" * 4 + b"\0"}),
    ):
        is_later = name.startswith(("mode", "sample-type"))
        kind: reference.Kind = "version" if is_later else "invalid"
        yield Refused(name, shows, kind, sealed(body(b"?", **changes)))


def refused_sections() -> Iterator[Refused]:
    """Yield constant and stored chunks whose section does not hold what it should."""
    stored: dict[str, Any] = {"mode": STORED}
    for name, shows, section, header in (
        ("constant-short", "one sample for two channels", b"?", {"axis": 3, "shape": (2, 2, 3)}),
        ("constant-long", "two samples, and no channels", b"??", {}),
        ("stored-no-deflate", "a block type that DEFLATE does not have", b"\7", stored),
        ("stored-cut", "a DEFLATE stream that ends early", deflated(b"123456")[:-1], stored),
        ("stored-short", "five samples for six", deflated(b"12345"), stored),
        ("stored-long", "seven samples for six", deflated(b"1234567"), stored),
        ("stored-bomb", "a million samples for six", BOMB, stored),
        ("stored-behind", "a byte behind the stream", deflated(b"123456") + b"\0", stored),
    ):
        yield Refused(name, shows, "invalid", sealed(body(section, **header)))


def refused_weights() -> Iterator[Refused]:
    """Yield lossy chunks whose header does not suit their weights."""
    section = example("A lossy chunk")[53:-4]
    rgb, grey = ({"mode": LOSSY, "weights_id": id_of(f"{name}-fast-1")} for name in ("he", "grey"))
    unknown: dict[str, Any] = {"mode": LOSSY, "weights_id": b"nobody!!"}
    deep = {**rgb, "code": UINT16, "axis": 3, "shape": (3, 2, 3), "levels": bytes(5)}
    large = {**grey, "shape": (2**13 + 1, 2**13), "box": (2**13 + 1, 2**13)}
    for name, shows, header in (
        ("weights-unknown", "weights that nobody has", unknown),
        ("weights-channels", "one channel for weights of three", rgb),
        ("weights-uint8", "uint16 for weights of uint8 alone", deep),
        ("too-many-pixels", "more than 2^26 pixels", large),
    ):
        kind: reference.Kind = "weights" if header is unknown else "invalid"
        yield Refused(f"lossy-{name}", shows, kind, sealed(body(section, **header)))


def refused_streams() -> Iterator[Refused]:
    """Yield lossy chunks with a damaged stream: the one of SPEC.md, 7.4, which has no escapes."""
    good = example("A lossy chunk")
    header, section = good[9:49], good[53:-4]
    words = section[22:]
    streams: list[tuple[str, str, reference.Kind, bytes]] = [
        ("first-byte", "the section begins with 2", "invalid", b"\2" + section[1:]),
        ("no-stream", "the section holds one byte", "truncated", section[:1]),
        ("no-states", "the stream ends within the states", "truncated", section[:17]),
        ("state-low", "a state below 2^16", "invalid", section[:6] + bytes(4) + section[10:]),
        ("word-missing", "one word less", "truncated", with_words(section, words[:-2])),
        ("word-left", "a word more", "invalid", with_words(section, words + b"??")),
        ("state-at-the-end", "another last word", "invalid", flipped(section, -2)),
        ("byte-left", "a byte behind the last escape", "invalid", section + b"\0"),
    ]
    for name, shows, kind, damaged in streams:
        yield Refused(f"lossy-{name}", shows, kind, sealed(header + sized(damaged)))


def refused_escapes() -> Iterator[Refused]:
    """Yield lossy chunks with escapes that are cut, too long or too large."""
    escapes, too_large, too_long = (scribbled("grey-fast-1", 4, x) for x in (99_999, 2**29, 2**33))
    header, section = escapes[:36], escapes[40:]
    cut, padded = (header + sized(x) for x in (section[:-1], flipped(section)))
    yield Refused("lossy-escape-cut", "the last escape is cut", "truncated", sealed(cut))
    yield Refused("lossy-escape-padding", "a 1 behind the last escape", "invalid", sealed(padded))
    yield Refused("lossy-escape-too-large", "a latent of 2^29", "invalid", sealed(too_large))
    yield Refused("lossy-escape-too-long", "more than 31 zeros", "invalid", sealed(too_long))


def refused_coefficients() -> Iterator[Refused]:
    """Yield chunks of colour axes and DCT with other fields before the stream: SPEC.md, 7.6."""
    good = example("A chunk of colour axes and DCT")
    section = good[53:-4]
    rgb: dict[str, Any] = {"mode": LOSSY, "weights_id": good[29:37], "quality": 30, "axis": 3}
    square: dict[str, Any] = {"shape": (3, 16, 16), "box": (16, 16)}
    deep = {**square, "code": UINT16, "levels": bytes(5)}
    grey = {"shape": (16, 16), "box": (16, 16), "axis": 0}
    large = {"shape": (3, 2**13, 2**13), "box": (2**13, 2**13)}
    thin = {"shape": (3, 1, 2**23 + 1), "box": (1, 2**23 + 1)}
    two = {**square, "shape": (2, 3, 16, 16)}
    angle, last = b"\0\4", b"\xff\xff"
    damages: list[tuple[str, str, reference.Kind, bytes, dict[str, Any]]] = [
        ("channels", "one channel for weights of three", "invalid", section, grey),
        ("uint16", "uint16 for weights of uint8 alone", "invalid", section, deep),
        ("too-many-blocks", "more than 2^19 blocks", "invalid", section, thin),
        ("base-0", "a base of 0", "invalid", bytes(2) + section[2:], square),
        ("chroma-0", "a chroma of 0", "invalid", section[:3] + b"\0" + section[4:], square),
        ("angle-first", "an angle of 1024", "invalid", section[:4] + angle + section[6:], square),
        ("angle-last", "an angle of 65535", "invalid", section[:14] + last + section[16:], square),
        ("no-section", "an empty section", "truncated", b"", square),
        ("base-cut", "the section ends within its first field", "truncated", section[:1], square),
        ("angles-cut", "the section ends within the angles", "truncated", section[:15], square),
        ("length-cut", "half a length", "truncated", section[:18], square),
        ("stream-cut", "the stream is shorter than it says", "truncated", section[:-1], square),
        ("image-missing", "one image for two", "truncated", section, two),
        ("behind", "a byte behind the last image", "invalid", section + b"\0", square),
        ("size", "more blocks than the words can hold", "invalid", section, large),
    ]
    for name, shows, kind, damaged, header in damages:
        yield Refused(f"context-{name}", shows, kind, sealed(body(damaged, **rgb | header)))


def refused_context_streams() -> Iterator[Refused]:
    """Yield chunks of colour axes and DCT with a damaged stream: SPEC.md, 7.6, changed."""
    good = example("A chunk of colour axes and DCT")
    header, section = good[9:49], good[53:-4]
    head, stream = section[:16], section[20:]
    (count,) = struct.unpack_from("<I", stream)
    states, words, plain = stream[4:36], stream[36 : 36 + 2 * count], stream[36 + 2 * count :]

    def made(words: bytes, plain: bytes = plain, states: bytes = states) -> bytes:
        return struct.pack("<I", len(words) // 2) + states + words + plain

    damages: list[tuple[str, str, reference.Kind, bytes]] = [
        ("no-stream", "a stream of no byte", "truncated", b""),
        ("no-states", "the stream ends within the states", "truncated", stream[:30]),
        ("no-words", "the stream ends within the words", "truncated", stream[:40]),
        ("state-low", "a state below 2^16", "invalid", made(words, states=states[:28] + bytes(4))),
        ("word-missing", "one word less", "truncated", made(words[:-2])),
        ("word-left", "a word more", "invalid", made(words + b"??")),
        ("bits-cut", "one byte of plain bits less", "truncated", made(words, plain[:-1])),
        ("byte-left", "a byte behind the last plain bit", "invalid", made(words, plain + b"\0")),
    ]
    for name, shows, kind, damaged in damages:
        yield Refused(f"context-{name}", shows, kind, sealed(header + sized(head + sized(damaged))))
    too_large, too_long = (scribbled_context(escaped=x) for x in (2**15 - 2, 2**15 - 1))
    odd = scribbled_context(last_state=65537)
    yield Refused("context-state-at-the-end", "a state of 65537 at the end", "invalid", sealed(odd))
    yield Refused("context-symbol", "a symbol beyond 32767", "invalid", sealed(too_large))
    yield Refused("context-escape", "an escape of 15 zeros", "invalid", sealed(too_long))


def refused_slices() -> Iterator[Refused]:
    """Yield chunks of predicted images with other fields, gains or streams: SPEC.md, 9.9."""
    good = bits_lowest_first(arbitrary_gains())
    large = bits_lowest_first(arbitrary_gains(first_gain=21))
    heavy = bits_lowest_first(arbitrary_gains(first_weight=5))
    long = bits_lowest_first("1" + "0" * 15 + "1" * 40)
    damages: list[tuple[str, str, reference.Kind, dict[str, Any]]] = [
        ("spacing-0", "a spacing of 0", "invalid", {"fields": (0, 0)}),
        ("spacing-17", "a spacing of 17", "invalid", {"fields": (17, 0)}),
        ("field", "a 1 where a 0 must be", "invalid", {"fields": (3, 1)}),
        ("base-0", "a base of 0 behind the spacing", "invalid", {"base": 0}),
        ("gains-cut", "the gains lack a byte", "truncated", {"gains": good[:-1]}),
        ("gains-left", "a byte behind the gains", "invalid", {"gains": good + b"\0"}),
        ("gain-21", "a gain of 21", "invalid", {"gains": large}),
        ("weight-5", "a weight of 5", "invalid", {"gains": heavy}),
        ("escape", "an escape of 15 zeros in the gains", "invalid", {"gains": long}),
        ("image-left", "gains and symbols of one image more", "invalid", {"images": SLICES - 1}),
        ("image-missing", "gains of one image less", "truncated", {"images": SLICES + 4}),
        ("behind", "a byte behind the stream", "invalid", {"behind": b"\0"}),
    ]
    for name, shows, kind, damage in damages:
        yield Refused(f"slices-{name}", shows, kind, sealed(scribbled_slices(**damage)))


def refused_mosaics() -> Iterator[Refused]:
    """Yield JPEG chunks whose tiles are not described as they should be: SPEC.md, 7.5, changed."""
    grey: dict[str, Any] = {"mode": JPEG, "box": (6, 12), "shape": (6, 12)}
    section = example("A JPEG chunk")[49:-4]
    head, data = section[:10], section[12:]
    tall = struct.pack("<4H", 65535, 1025, 1, 1)
    thin = struct.pack("<4H", 1, 1, 2048, 2049)
    beyond = struct.pack("<4H", 2049, 2048, 1, 1)
    absent = b"\0\4" + struct.pack("<4H", 6, 12, 1, 2) + section[10:12] + b"?"
    wide = {**grey, "shape": (6, 24), "box": (6, 24)}
    both = {**grey, "shape": (6, 24)}
    words = b"\xca" + struct.pack("<64H", *range(64))
    jpegs: list[tuple[str, str, reference.Kind, bytes, dict[str, Any]]] = [
        ("coder-unknown", "coder 255", "version", b"\xff" + section[1:], grey),
        (
            "weights",
            "weights, and the coder has none",
            "invalid",
            section,
            grey | {"weights_id": b"?" * 8},
        ),
        ("quality", "a quality", "invalid", section, grey | {"quality": 1}),
        ("uint16", "samples of 16 bits", "invalid", section, grey | {"code": UINT16}),
        ("channels", "two channels", "invalid", section, grey | {"shape": (2, 6, 12), "axis": 3}),
        ("images", "two images", "invalid", section, grey | {"shape": (2, 6, 12)}),
        ("no-section", "an empty section", "truncated", b"", grey),
        (
            "half-a-head",
            "the section ends within the size of a tile",
            "truncated",
            section[:5],
            grey,
        ),
        ("flags-unknown", "bit 4 of the flags", "invalid", b"\0\x10" + section[2:], grey),
        ("colour-unknown", "colour 3", "invalid", b"\0\3" + section[2:], grey),
        ("tile-empty", "a tile of no row", "invalid", section[:2] + bytes(2) + section[4:], grey),
        (
            "grid-empty",
            "no column of tiles",
            "invalid",
            section[:8] + bytes(2) + section[10:],
            grey,
        ),
        ("factors-grey", "factors of 2 in grey", "invalid", head + b"\x22" + section[11:], grey),
        ("factors-0", "a factor of 0", "invalid", head + b"\x10" + section[11:], grey),
        (
            "too-many-pixels",
            "more than 2^26 pixels",
            "invalid",
            section[:2] + tall + section[10:],
            grey,
        ),
        (
            "too-many-blocks",
            "more than 2^22 blocks",
            "invalid",
            section[:2] + thin + section[10:],
            grey | {"shape": (2048, 2049), "box": (2048, 2049)},
        ),
        (
            "too-many-blocks-for-the-plane",
            "a tile of more blocks than the plane allows",
            "invalid",
            section[:2] + beyond + section[10:],
            grey,
        ),
        ("box-outside", "a box wider than its tile", "invalid", section, wide),
        (
            "tile-outside",
            "a tile right of the plane",
            "invalid",
            section[:8] + b"\2\0" + section[10:],
            grey,
        ),
        (
            "table-repeated",
            "the first table repeats another",
            "invalid",
            head + b"\x11\0" + data,
            grey,
        ),
        (
            "table-unknown",
            "a table that begins with 203",
            "invalid",
            head + b"\x11\xcb" + data,
            grey,
        ),
        (
            "table-cut",
            "a table of bytes that is cut",
            "truncated",
            head + b"\x11\xc9" + bytes(9),
            grey,
        ),
        ("step-0", "a step of 0", "invalid", head + b"\x11" + words + data, grey),
        ("presence-cut", "no bytes of presence", "truncated", absent, both),
        ("presence-all", "all tiles are present", "invalid", absent + b"\xc0" + data, both),
        ("presence-none", "no tile is present", "invalid", absent + b"\0" + data, both),
        ("presence-behind", "a tile behind the last one", "invalid", absent + b"\xa0" + data, both),
        ("offset-cut", "half an offset", "truncated", b"\0\x08" + section[2:12] + bytes(3), grey),
        (
            "offset",
            "an offset beyond a tile",
            "invalid",
            b"\0\x08" + section[2:12] + struct.pack("<HH", 6, 0) + data,
            grey | {"box": (1, 12)},
        ),
    ]
    for name, shows, kind, damaged, header in jpegs:
        yield Refused(f"jpeg-{name}", shows, kind, sealed(body(damaged, **header)))


def refused_scans() -> Iterator[Refused]:
    """Yield JPEG chunks with damaged Huffman tables or scans: SPEC.md, 7.5, changed."""
    section = example("A JPEG chunk")[49:-4]
    head, dc, ac, scan = section[:12], section[12:30], section[30:50], section[50:]
    large = b"\1" + bytes(15) + b"\x0b"  # DC of 11 bits
    beyond = bits_as_bytes("0" + "1" * 11 + "00" + "0" + "1" * 11 + "00" + "0" * 4)
    bright = bits_as_bytes("0" + "1" * 10 + "00" + "0" + "0" * 10 + "00" + "0" * 6)
    scans: list[tuple[str, str, reference.Kind, bytes]] = [
        ("no-tables", "no Huffman tables", "truncated", b""),
        ("table-half", "a Huffman table that is cut", "truncated", dc[:-1]),
        ("codes", "three codes of one bit", "invalid", b"\3" + bytes(15) + b"\0\1\2" + ac + scan),
        (
            "code-of-ones",
            "a code of ones alone",
            "invalid",
            b"\2" + bytes(15) + b"\4\5" + ac + scan,
        ),
        ("dc-size", "a DC of 12 bits", "invalid", dc[:-1] + b"\x0c" + ac + scan),
        ("no-scan", "no scan", "truncated", dc + ac),
        ("scan-cut", "a scan without its last byte", "truncated", dc + ac + scan[:3] + scan[4:]),
        ("scan-open", "a scan without its end", "truncated", dc + ac + scan[:-1]),
        ("scan-end", "a scan with another end", "invalid", dc + ac + scan[:-1] + b"\xd0"),
        ("scan-fill", "a byte ff before the end", "invalid", dc + ac + scan[:-2] + b"\xff\xff\xd9"),
        (
            "scan-long",
            "a byte behind the last block",
            "invalid",
            dc + ac + b"\x96\xeb\xa2\x68\0" + scan[4:],
        ),
        ("scan-behind", "a byte behind the scan", "invalid", dc + ac + scan + b"\0"),
        ("code-unknown", "a code that is in no table", "invalid", dc + ac + b"\xfe" * 4 + scan[4:]),
        ("dc-beyond", "a DC of 2047", "invalid", large + ac + beyond + scan[4:]),
        (
            "samples-beyond",
            "samples for which decoders differ",
            "invalid",
            b"\1" + bytes(15) + b"\x0a" + ac + bright + scan[4:],
        ),
    ]
    for name, shows, kind, damaged in scans:
        whole = sealed(body(head + damaged, mode=JPEG, box=(6, 12), shape=(6, 12)))
        yield Refused(f"jpeg-{name}", shows, kind, whole)


def refused_words() -> Iterator[Refused]:
    """Yield JPEG chunks of the adaptive coder whose words are damaged."""
    section = (GOLDEN / "jpeg-adaptive" / "grey.chunk").read_bytes()[49:-4]
    head, words = section[:12], section[12:]
    damages: list[tuple[str, str, reference.Kind, bytes]] = [
        ("word-alone", "a single word", "truncated", words[:2]),
        ("words-odd", "half a word behind the last one", "invalid", words + b"\0"),
        ("words-cut", "the last word is missing", "truncated", words[:-2]),
        ("words-behind", "a word behind the last one", "invalid", words + b"\0\0"),
        ("words-code", "a first code of 2^48 - 1", "invalid", b"\xff" * 6 + words[6:]),
        ("words-end", "a last word that leaves a larger code", "invalid", words[:-2] + b"\xff\xff"),
    ]
    for name, shows, kind, damaged in damages:
        whole = sealed(body(head + damaged, mode=JPEG, box=(50, 70), shape=(50, 70)))
        yield Refused(f"jpeg-{name}", shows, kind, whole)


def refused_states() -> Iterator[Refused]:
    """Yield JPEG chunks of the network coder with damaged data, other weights or other grids."""
    chunk = (GOLDEN / "jpeg-network" / "grey.chunk").read_bytes()
    weights_id, section = chunk[29:37], chunk[49:-4]
    head, data = section[:12], section[12:]
    (count,) = struct.unpack_from("<I", data)
    words, plain = data[4 : 20 + 2 * count], data[20 + 2 * count :]
    more = struct.pack("<I", count + 1) + words + b"\0\0" + plain
    other = id_of("he-fast-1")
    damages: list[tuple[str, str, reference.Kind, bytes, bytes]] = [
        ("without", "no weights, and the coder needs some", "weights", bytes(8), data),
        ("of-samples", "weights of lossy chunks", "weights", other, data),
        ("state-cut", "half a state", "truncated", weights_id, data[:6]),
        ("state-low", "a state below 2^16", "invalid", weights_id, data[:6] + b"\0\0" + data[8:]),
        ("byte", "a byte behind the last bit", "invalid", weights_id, data + b"\0"),
        ("cut", "the last bytes are missing", "truncated", weights_id, data[:-2]),
        ("behind", "a word behind the last one", "invalid", weights_id, more),
    ]
    for name, shows, kind, weights, damaged in damages:
        header: dict[str, Any] = {"box": (50, 70), "shape": (50, 70), "weights_id": weights}
        whole = sealed(body(head + damaged, mode=JPEG, **header))
        yield Refused(f"jpeg-network-{name}", shows, kind, whole)
    for name, shows, factors in (
        ("thirds", "components of a third of the blocks", b"\x31\x11\x11"),
        ("larger", "a component of more blocks than that before", b"\x11\x22\x22"),
    ):
        described = b"\2\1" + struct.pack("<4H", 8, 8, 1, 1) + factors + b"\1\0\0" + data
        header = {"box": (8, 8), "shape": (3, 8, 8), "axis": 3, "weights_id": weights_id}
        whole = sealed(body(described, mode=JPEG, **header))
        yield Refused(f"jpeg-network-{name}", shows, "invalid", whole)


def refused_exact() -> Iterator[Refused]:
    """Yield exact chunks that break section 10."""
    chunk = (GOLDEN / "exact-1" / "grey-error-1.chunk").read_bytes()
    _, section = reference.read_container(chunk)
    inside = chunk[9 : -8 - len(section)]

    def changed(at: int, new: bytes, start: bytes = inside) -> bytes:
        return sealed(start + sized(section[:at] + new + section[at + len(new) :]))

    fields = reference.Fields(section)
    fields.take(11)
    reference.read_head(fields, 0, 64)
    code = len(section) - len(fields.rest())
    words, bits = struct.unpack_from("<II", section, code)
    of_jpeg = (GOLDEN / "exact-1" / "rgb-of-jpeg.chunk").read_bytes()
    colours = reference.read_container(of_jpeg)[1]
    for name, shows, levels in (
        ("luma-odd", "luma and chroma up to an odd level", (2, 0, 1, 255, 0)),
        ("luma-range", "luma and chroma of samples beyond uint8", (2, 0, 1, 512, 0)),
        ("luma-error", "luma and chroma with an error", (2, 0, 1, 510, 1)),
        ("jpeg-most", "colours of JPEG up to level 254", (3, 0, 1, 254, 0)),
        ("jpeg-low", "colours of JPEG from 1", (3, 1, 1, 255, 0)),
    ):
        head = struct.pack("<BiHHH", *levels)
        start = of_jpeg[9 : -8 - len(colours)]
        yield Refused(f"exact-{name}", shows, "invalid", sealed(start + sized(head + colours[11:])))
    for name, shows, at, new in (
        ("kind", "levels of kind 4", 0, b"\4"),
        ("channels", "luma and chroma in one channel", 0, struct.pack("<BiHHH", 2, 0, 1, 90, 0)),
        ("distance", "levels 0 apart", 5, bytes(2)),
        ("range", "levels beyond the sample type", 1, struct.pack("<i", 200)),
        ("error", "an error larger than that of the header", 9, b"\2\0"),
        ("references", "three references", 11, b"\3"),
        ("tables", "tables that there are not", 12, b"\x40"),
        ("gaps-error", "weights of distances, and an error", 12, bytes([128 | section[12]])),
        ("terms", "coefficients of more than 2^14 in all", 13, b"\xff\xff\2"),
        ("varint", "a varint of six bytes", 13, b"\xff" * 5 + b"\1"),
        ("state", "a state below 2^16", code + 8, bytes(4)),
        ("words-more", "a word more than there are", code, struct.pack("<I", words + 1)),
        ("bits-more", "bits that are not there", code + 4, struct.pack("<I", bits + 8)),
        ("bits-fewer", "a bit less than is needed", code + 4, struct.pack("<I", bits - 1)),
    ):
        kind: reference.Kind = "truncated" if name == "bits-fewer" else "invalid"
        yield Refused(f"exact-{name}", shows, kind, changed(at, new))
    yield Refused("exact-gaps", "a weight of distances of 2^11", "invalid", heavy_gaps())
    foreign = inside[:20] + bytes(8) + inside[28:]
    yield Refused("exact-weights", "weights that do not exist", "weights", changed(0, b"", foreign))
    cut = sealed(inside + sized(section[:code]))
    yield Refused("exact-cut", "it ends before its words", "truncated", cut)
    more = sealed(inside + sized(section + b"\0"))
    yield Refused("exact-longer", "a byte behind the plain bits", "invalid", more)


def heavy_gaps() -> bytes:
    """Return a chunk with weights of distances, the last of which is too large."""
    chunk = (GOLDEN / "exact-1" / "gaps.chunk").read_bytes()
    header, section = reference.read_container(chunk)
    fields = reference.Fields(section)
    reference.read_levels(fields, header)
    last = reference.read_head(fields, 0, 64).gaps[-1][-1]
    end = len(section) - len(fields.rest())
    begin = end - (1 if last < 128 else 2)
    changed = section[:begin] + b"\x80\x10" + section[end:]
    return sealed(chunk[9 : -8 - len(section)] + sized(changed))


def with_words(section: bytes, words: bytes) -> bytes:
    """Return the lossy section of four lanes with other words, and no escapes."""
    return section[:2] + struct.pack("<I", len(words) // 2) + section[6:22] + words


# Files --------------------------------------------------------------------------------------------


def write(folder: Path) -> None:
    """Write all vectors, and their index, into an empty folder."""
    for name in ("accepted", "refused"):
        (folder / name).mkdir(parents=True)
    folders = [path.name for path in sorted(GOLDEN.iterdir()) if path.name not in BY_CODERS]
    weights = {name: manifest(name)["weights"] for name in folders}
    weights[JPEG_WEIGHTS] = file_digest(reference.WEIGHTS / f"{JPEG_WEIGHTS}.safetensors")
    names = {digest[:16]: name for name, digest in weights.items()}
    index = {
        "format_version": 2,
        "weights": weights,
        "accepted": [write_accepted(vector, folder, names) for vector in accepted()],
        "refused": [write_refused(vector, folder) for vector in refused()],
    }
    text = json.dumps(index, indent=1) + "\n"
    (folder / "vectors.json").write_text(text, encoding="utf-8", newline="\n")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_accepted(vector: Accepted, folder: Path, names: dict[str, str]) -> dict[str, Any]:
    """Write a chunk and its pixels; return what the index says of them."""
    chunk, pixels = f"accepted/{vector.name}.chunk", f"accepted/{vector.name}.npy"
    (folder / chunk).write_bytes(vector.chunk)
    np.save(folder / pixels, vector.pixels)
    header, _ = reference.read_container(vector.chunk)
    weights_id = header.weights_id.hex() if any(header.weights_id) else None
    parts = reference.decode(vector.chunk).parts
    return {
        "name": vector.name,
        "shows": vector.shows,
        "mode": MODES[header.mode],
        "model": names[weights_id] if weights_id else None,
        "weights_id": weights_id,
        "quality": header.quality if header.mode == LOSSY else None,
        "dtype": vector.pixels.dtype.str,
        "order": "F" if header.flags & FORTRAN_ORDER else "C",
        "shape": list(header.shape),
        "channel_axis": -header.channel_axis or None,
        "box": list(header.box),
        "chunk": chunk,
        "chunk_sha256": hashlib.sha256(vector.chunk).hexdigest(),
        "pixels": pixels,
        "pixels_sha256": reference.sha256(vector.pixels),
        "parts": [reference.sha256(part.values.astype("<i4")) for part in parts],
    }


def write_refused(vector: Refused, folder: Path) -> dict[str, Any]:
    """Write a chunk; return what the index says of it."""
    chunk = f"refused/{vector.name}.chunk"
    (folder / chunk).write_bytes(vector.chunk)
    return {
        "name": vector.name,
        "shows": vector.shows,
        "kind": vector.kind,
        "chunk": chunk,
        "chunk_sha256": hashlib.sha256(vector.chunk).hexdigest(),
    }


if __name__ == "__main__":
    shutil.rmtree(reference.VECTORS, ignore_errors=True)
    write(reference.VECTORS)
