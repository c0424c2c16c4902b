"""Reference decoder of chunks of format version 2: one file, the standard library and numpy.

It was written from numcodecs_neural/format/SPEC.md alone and follows that page from top to bottom;
"section" in comments is one of it. It is made to be read and ported, not to be fast: a chunk of
512 x 512 pixels takes a few seconds.

    python reference_decoder.py CHUNK -o OUT.npy --weights FOLDER
    python reference_decoder.py --check
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import math
import sys
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]
Kind = Literal["truncated", "checksum", "version", "weights", "invalid"]

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parent / "numcodecs_neural" / "weights" / "files"
VECTORS = HERE / "vectors"

CONSTANT, LOSSY, EXACT, STORED, JPEG = range(5)
SAMPLE_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 3: np.dtype("<i2")}
LEAST_AXES = {0: 1, 1: 3, 3: 3, 4: 4}  # that a chunk has, by its channel axis
BIG_ENDIAN, FORTRAN_ORDER = 1, 2
SKIPPED = 255  # the index of a symbol that is 0 and not coded


class RefusedError(ValueError):
    """A chunk that must not be decoded, and which kind of rule it breaks."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(f"refused ({kind}): {reason}")
        self.kind = kind


def refuse_unless(condition: object, reason: str, kind: Kind = "invalid") -> None:
    """Refuse the chunk unless the condition holds."""
    if not condition:
        raise RefusedError(kind, reason)


class Fields:
    """The fields of a byte string, taken one after the other (section 1)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def take(self, nbytes: int) -> bytes:
        """Return the next bytes."""
        begin, end = self._position, self._position + nbytes
        have = len(self._data)
        refuse_unless(end <= have, f"{end} bytes are needed, and {have} are there", "truncated")
        self._position = end
        return self._data[begin:end]

    def unsigned(self, nbytes: int) -> int:
        """Return the next u1, u2 or u4."""
        return int.from_bytes(self.take(nbytes), "little")

    def i4(self) -> int:
        """Return the next i4."""
        return int.from_bytes(self.take(4), "little", signed=True)

    def rest(self) -> bytes:
        """Return all bytes that have not been taken."""
        return self.take(len(self._data) - self._position)


# Section 2: prefix and header ---------------------------------------------------------------------


class Header(NamedTuple):
    """The header of a chunk; `dtype` is little-endian, whatever the flags say."""

    mode: int
    dtype: np.dtype[Any]
    flags: int
    quality: int
    channel_axis: int
    largest_error: int
    margin: int
    box: tuple[int, int]
    weights_id: bytes
    shape: tuple[int, ...]
    lowest: int
    level_shift: int

    @property
    def others(self) -> tuple[int, ...]:
        """The lengths of all axes but the channel axis."""
        n = len(self.shape)
        return tuple(x for i, x in enumerate(self.shape) if n - i != self.channel_axis)

    @property
    def plane(self) -> tuple[int, int]:
        """The height and the width of the plane."""
        height, width = (1, *self.others)[-2:]
        return height, width

    @property
    def planes(self) -> tuple[int, int, int, int]:
        """The shape of the planes: images, channels, box height, box width."""
        channels = self.shape[-self.channel_axis] if self.channel_axis else 1
        return (math.prod(self.others) // math.prod(self.plane), channels, *self.box)


def read_header(fields: Fields) -> Header:
    """Read and check the header."""
    mode, code, flags, quality, channel_axis, n = fields.take(6)
    largest_error, margin = fields.unsigned(2), fields.i4()
    box = fields.unsigned(4), fields.unsigned(4)
    weights_id = fields.take(8)
    refuse_unless(mode in (CONSTANT, LOSSY, EXACT, STORED, JPEG), f"the mode is {mode}", "version")
    refuse_unless(code in SAMPLE_TYPES, f"the sample type is {code}", "version")
    refuse_unless(1 <= n <= 8, f"there are {n} axes")
    shape = tuple(fields.unsigned(4) for _ in range(n))
    lowest = level_shift = 0
    if mode == LOSSY and SAMPLE_TYPES[code] != np.uint8:
        lowest, level_shift = fields.i4(), fields.unsigned(1)
    header = Header(
        mode=mode,
        dtype=SAMPLE_TYPES[code],
        flags=flags,
        quality=quality,
        channel_axis=channel_axis,
        largest_error=largest_error,
        margin=margin,
        box=box,
        weights_id=weights_id,
        shape=shape,
        lowest=lowest,
        level_shift=level_shift,
    )
    check_fields(header)
    check_geometry(header)
    return header


def check_fields(header: Header) -> None:
    """Refuse values that a field must not have."""
    allowed = BIG_ENDIAN | FORTRAN_ORDER if header.dtype.itemsize > 1 else FORTRAN_ORDER
    refuse_unless(header.flags & ~allowed == 0, f"the flags are {header.flags:#x}")
    refuse_unless(header.quality <= 100, f"the quality is {header.quality}")
    if header.mode != LOSSY:
        refuse_unless(header.quality == 0, "there is a quality, and the mode is not lossy")
    if header.mode not in (LOSSY, EXACT, JPEG):
        refuse_unless(header.weights_id == bytes(8), "there are weights, and the mode has none")
    if header.mode != EXACT:
        refuse_unless(header.largest_error == 0, "there is a largest error, and no exact mode")
    limits = np.iinfo(header.dtype)
    for name, value in (("margin value", header.margin), ("lowest sample", header.lowest)):
        refuse_unless(limits.min <= value <= limits.max, f"the {name} is {value}")
    refuse_unless(header.level_shift <= 8, f"the level shift is {header.level_shift}")


def check_geometry(header: Header) -> None:
    """Refuse shapes, channel axes and boxes that do not fit together, before they are used."""
    least = LEAST_AXES.get(header.channel_axis, 9)
    n = len(header.shape)
    refuse_unless(n >= least, f"the channel axis is {header.channel_axis}, with {n} axes")
    refuse_unless(min(header.shape) >= 1, f"the shape is {header.shape}")
    nbytes = math.prod(header.shape) * header.dtype.itemsize
    refuse_unless(nbytes <= 2**30, f"the samples would have {nbytes} bytes")
    fits = all(1 <= a <= b for a, b in zip(header.box, header.plane, strict=True))
    refuse_unless(fits, f"the box is {header.box}, the plane {header.plane}")
    has_margin = header.box != header.plane
    refuse_unless(has_margin or header.margin == 0, "there is a margin value, and no margin")


# Section 3: sections and checksum -----------------------------------------------------------------


def crc32c_table() -> list[int]:
    """Return the CRC-32C of each byte value, before the final exclusive-or."""
    table = list(range(256))
    for _ in range(8):
        table = [crc >> 1 ^ (0x82F63B78 if crc & 1 else 0) for crc in table]
    return table


CRC32C = crc32c_table()


def crc32c(data: bytes) -> int:
    """Return the checksum of `data`; of ``b"123456789"`` it is e3069283."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def read_container(chunk: bytes) -> tuple[Header, bytes]:
    """Return the header and the section of a chunk, once its checksum is known to be right."""
    fields = Fields(chunk)
    refuse_unless(chunk[:4] == b"NNIC"[: len(chunk)], f"no chunk begins with {chunk[:4]!r}")
    fields.take(4)
    version, length = fields.unsigned(1), fields.unsigned(4)
    refuse_unless(version == 2, f"the format version is {version}", "version")
    refuse_unless(len(chunk) >= length, f"{len(chunk)} of {length} bytes are there", "truncated")
    refuse_unless(len(chunk) == length, f"{len(chunk) - length} bytes are behind the chunk")
    stored, found = int.from_bytes(chunk[-4:], "little"), crc32c(chunk[:-4])
    reason = f"the CRC-32C is {found:08x}, the stored one {stored:08x}"
    refuse_unless(stored == found, reason, "checksum")

    fields = Fields(chunk[9:-4])
    header = read_header(fields)
    section = fields.take(fields.unsigned(4))
    refuse_unless(not fields.rest(), "there are bytes behind the section")
    return header, section


# Section 4: modes; of lossy ones, sections 5, 6, 9; of JPEG, section 8; of exact ones, 10 ---------


class Part(NamedTuple):
    """Symbols, the table that coded each, and their values: halves of a step, or the symbols."""

    symbols: Array
    tables: Array
    values: Array


class Decoded(NamedTuple):
    """What a chunk decodes to, and all parts of its symbol stream."""

    array: Array
    parts: list[Part]


def decode(chunk: bytes, weights: Path = WEIGHTS) -> Decoded:
    """Decode a chunk with the decoder files in the folder `weights`.

    Raises
    ------
    RefusedError
        If the chunk breaks a rule of the specification, or its weights are not there.
    """
    header, section = read_container(chunk)
    parts: list[Part] = []
    if header.mode == CONSTANT:
        samples = read_constant(section, header)
    elif header.mode == STORED:
        samples = read_stored(section, header)
    elif header.mode == JPEG:
        samples = read_jpeg(section, header, weights)
    elif header.mode == EXACT:
        samples = read_exact(section, header, weights)
    else:
        samples, parts = read_lossy(section, header, find_weights(header.weights_id, weights))
    return Decoded(lay_out(samples, header), parts)


def read_constant(section: bytes, header: Header) -> Array:
    """Return the planes of a constant chunk (section 4.1)."""
    expected = header.planes[1] * header.dtype.itemsize
    refuse_unless(len(section) == expected, f"the section has {len(section)} bytes, not {expected}")
    return np.broadcast_to(np.frombuffer(section, header.dtype)[:, None, None], header.planes)


def read_stored(section: bytes, header: Header) -> Array:
    """Return the planes of a stored chunk (section 4.2)."""
    expected = math.prod(header.planes) * header.dtype.itemsize
    inflater = zlib.decompressobj(wbits=-15)
    try:
        inflated = inflater.decompress(section, expected + 1)
    except zlib.error as error:
        raise RefusedError("invalid", f"the section cannot be inflated: {error}") from error
    is_all = len(inflated) == expected and inflater.eof and not inflater.unused_data
    refuse_unless(is_all, f"the section does not inflate to exactly {expected} bytes")
    differences = np.frombuffer(inflated, header.dtype).reshape(header.planes)
    return np.cumsum(differences, axis=-1, dtype=header.dtype)


def lay_out(samples: Array, header: Header) -> Array:
    """Return the array of the planes: with its margin, its axes and its layout (section 2)."""
    images, channels, height, width = header.planes
    whole = np.full((images, channels, *header.plane), header.margin, header.dtype)
    whole[..., :height, :width] = samples
    array = whole.reshape(header.shape)
    if header.channel_axis:
        array = whole.reshape(*header.others[:-2], channels, *header.plane)
        array = np.moveaxis(array, -3, -header.channel_axis)
    dtype = header.dtype.newbyteorder(">") if header.flags & BIG_ENDIAN else header.dtype
    return np.asarray(array, dtype, order="F" if header.flags & FORTRAN_ORDER else "C")


# Section 5: symbol streams ------------------------------------------------------------------------


class Table(NamedTuple):
    """A table of symbols (section 5.1)."""

    first: int
    frequency: list[int]
    start: list[int]


class Stream:
    """A symbol stream (section 5.2), decoded part after part."""

    def __init__(self, data: bytes, tables: Sequence[Table]) -> None:
        fields = Fields(data)
        lanes, words = fields.unsigned(1) + 1, fields.unsigned(4)
        self._tables = tables
        self._states = [fields.unsigned(4) for _ in range(lanes)]
        self._words = iter(np.frombuffer(fields.take(2 * words), "<u2").tolist())
        self._bits = iter([byte >> i & 1 for byte in fields.rest() for i in range(7, -1, -1)])
        refuse_unless(min(self._states) >= 2**16, "a state is below 2^16")

    def part(self, indexes: Array) -> Part:
        """Decode a part (section 5.3)."""
        lanes = len(self._states)
        symbols = [
            0 if index == SKIPPED else self.symbol(i % lanes, index, limit=2**30)
            for i, index in enumerate(indexes.ravel().tolist())
        ]
        array = np.array(symbols, np.int64).reshape(indexes.shape)
        return Part(array, indexes, array)

    def trellis_part(self, classes: Array) -> Part:
        """Decode a part of a trellis (section 5.5)."""
        lanes, count = len(self._states), len(self._tables) // 3
        paths = [0] * lanes
        rows = []
        for i, c in enumerate(classes.ravel().tolist()):
            t = paths[i % lanes]
            table, symbol = SKIPPED, 0
            if c != SKIPPED:
                table = c + count * (1 + t // 2)
                symbol = self.symbol(i % lanes, table, limit=2**29)
            sign = (symbol > 0) - (symbol < 0)
            rows.append((symbol, table, 2 * symbol - t // 2 * sign))
            paths[i % lanes] = t // 2 + 2 * ((symbol + t) % 2)
        columns = np.array(rows, np.int64).reshape(-1, 3).T
        return Part(*(column.reshape(classes.shape) for column in columns))

    def symbol(self, lane: int, index: int, limit: int) -> int:
        """Decode a symbol with the table `index`; an escaped one is below the limit."""
        table, x = self._tables[index], self._states[lane]
        slot = x % 16384
        e = bisect_right(table.start, slot) - 1
        x = table.frequency[e] * (x // 16384) + slot - table.start[e]
        if x < 65536:
            x = 65536 * x + self._next(self._words, "word")
        self._states[lane] = x
        if e < len(table.start) - 1:
            return table.first + e
        u = self._escape()
        last = table.first + len(table.start) - 2
        symbol = table.first - 1 - u // 2 if u % 2 else last + 1 + u // 2
        refuse_unless(abs(symbol) < limit, f"the symbol {symbol} is too large")
        return symbol

    def finish(self) -> None:
        """Refuse a stream that does not end where its last part does."""
        refuse_unless(next(self._words, None) is None, "there are words behind the last symbol")
        refuse_unless(set(self._states) == {65536}, "the states at the end are not 65536")
        rest = list(self._bits)
        refuse_unless(len(rest) < 8 and not any(rest), "there are bits behind the last escape")

    def _escape(self) -> int:
        zeros, number = 0, 1
        while self._next(self._bits, "bit of an escape") == 0:
            zeros += 1
            refuse_unless(zeros <= 31, "an escape has more than 31 zeros")
        for _ in range(zeros):
            number = 2 * number + self._next(self._bits, "bit of an escape")
        return number - 1

    @staticmethod
    def _next(numbers: Any, what: str) -> int:
        number: int | None = next(numbers, None)
        if number is None:
            raise RefusedError("truncated", f"a {what} is missing")
        return number


# Section 6.1: weights files -----------------------------------------------------------------------


class Weights(NamedTuple):
    """A decoder file: its description, its arrays, and its tables of symbols.

    The tables of a context model (section 9) are those of coefficients, then those of flags.
    """

    description: dict[str, Any]
    arrays: Arrays
    tables: list[Table]


@functools.cache
def find_weights(weights_id: bytes, folder: Path) -> Weights:
    """Return the weights of an id."""
    return read_weights(find_file(weights_id, folder))


def find_file(weights_id: bytes, folder: Path) -> bytes:
    """Return the file that has a SHA-256 that begins with `weights_id`."""
    for path in sorted(folder.glob("*.safetensors")):
        content = path.read_bytes()
        if hashlib.sha256(content).digest()[:8] == weights_id:
            return content
    raise RefusedError("weights", f"{folder} does not hold the weights {weights_id.hex()}")


def read_weights(content: bytes) -> Weights:
    """Return what a decoder file holds."""
    description, arrays = read_safetensors(content)
    if description["kind"] == "context":
        check_context(description, arrays)
        flags = [[16384 - f, f] for f in arrays["flag_tables"].tolist()]
        tables = [as_table(row) for row in [*arrays["tables"].tolist(), *flags]]
        return Weights(description, arrays, tables)
    is_decoder = (description["kind"], description["version"]) == ("decoder", 3)
    refuse_unless(is_decoder, "the weights file is no decoder of version 3", "weights")
    check_bounds(description, arrays)
    return Weights(description, arrays, read_tables(arrays))


def read_safetensors(content: bytes) -> tuple[dict[str, Any], Arrays]:
    """Read a file: the length of its JSON, the JSON, and the arrays it describes."""
    begin = 8 + int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:begin])
    description = json.loads(entries.pop("__metadata__")["description"])
    dtypes = {"U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "I32": "<i4", "I64": "<i8"}
    arrays = {}
    for name, entry in entries.items():
        first, last = entry["data_offsets"]
        flat = np.frombuffer(content[begin + first : begin + last], dtypes[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"]).astype(np.int64)
    return description, arrays


def read_tables(arrays: Arrays) -> list[Table]:
    """Return the tables of section 5.1."""
    rows = zip(
        *(arrays[f"tables.{name}"].tolist() for name in ("offset", "size", "frequency")),
        strict=True,
    )
    cut = [(first, frequency[:size]) for first, size, frequency in rows]
    return [Table(first, f, (np.cumsum(f) - f).tolist()) for first, f in cut]


# Section 6.2: networks ----------------------------------------------------------------------------


def run(layers: list[dict[str, Any]], tensors: Arrays, arrays: Arrays, quality: int) -> None:
    """Add the results of a network to `tensors`."""
    for layer in layers:
        x = np.concatenate([tensors[name][..., a:b] for name, a, b in layer["inputs"]], axis=-1)
        tensors[layer["name"]] = result(layer, x, arrays, quality)


def result(layer: dict[str, Any], x: Array, arrays: Arrays, quality: int) -> Array:
    """Return the result of a layer: (images, height, width, channels), as its input `x` is."""
    f = layer["factor"]
    n, h, w, c = x.shape
    if layer["op"] == "shuffle":
        split = x.reshape(n, h, w, c // f**2, f, f)
        return split.transpose(0, 1, 4, 2, 5, 3).reshape(n, f * h, f * w, c // f**2)
    if layer["op"] == "unshuffle":
        split = x.reshape(n, h // f, f, w // f, f, c)
        return split.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // f, w // f, c * f**2)
    if layer["op"] == "table":
        t = arrays[f"{layer['name']}.table"]
        half = len(t) // 2
        looked_up: Array = t[np.clip(x, -half, half) + half]
        return looked_up
    return conv(layer, x, arrays, quality)


def conv(layer: dict[str, Any], x: Array, arrays: Arrays, quality: int) -> Array:
    """Return ``clamp((sum + bias) >> shift, low, high)``.

    Products of float64 matrices are the fast ones of numpy, and exact: the sums of integers stay
    below 2^24, whatever their order.
    """
    weight, bias, shift, low, high = (
        arrays[f"{layer['name']}.{key}"] for key in ("weight", "bias", "shift", "low", "high")
    )
    kernel, (_, h, w, c) = layer["kernel"], x.shape
    around = kernel // 2
    padded = np.pad(x, ((0, 0), (around, around), (around, around), (0, 0)), mode="edge")
    total: Any = 0
    for tap in range(kernel**2):
        i, j = divmod(tap, kernel)
        rows = weight[tap * c : tap * c + c].astype(np.float64)
        total = total + padded[:, i : i + h, j : j + w].astype(np.float64) @ rows
    row = bias[quality if len(bias) > 1 else 0]
    clamped: Array = np.clip((total.astype(np.int64) + row) >> shift, low, high)
    return clamped


Interval = tuple[Array, Array]  # the lowest and the highest value of each channel


def check_bounds(d: dict[str, Any], arrays: Arrays) -> None:
    """Refuse weights whose factors or sums could leave their bounds."""
    intervals = {"z": within(d["hyper_limit"], arrays["hyper_mean"].shape[1])}
    follow(d["networks"]["features"], intervals, arrays)
    for k, (group, _) in enumerate(d["passes"], 1):
        follow(d["networks"][f"pass{k}"], intervals, arrays)
        intervals[f"y{group}"] = within(32767, d["groups"][group - 1])
    intervals |= {f"d{i}": within(2047, count) for i, count in enumerate(d["groups"], 1)}
    follow(d["networks"]["synthesis"], intervals, arrays)


def within(limit: int, channels: int) -> Interval:
    """Return the interval from `-limit` to `limit` for each channel."""
    return np.full(channels, -limit), np.full(channels, limit)


def follow(layers: list[dict[str, Any]], intervals: dict[str, Interval], arrays: Arrays) -> None:
    """Add the intervals of all results of a network to `intervals`."""
    for layer in layers:
        low, high = (
            np.concatenate([intervals[name][end][a:b] for name, a, b in layer["inputs"]])
            for end in (0, 1)
        )
        name, area = layer["name"], layer["factor"] ** 2
        if layer["op"] == "shuffle":
            low, high = low.reshape(-1, area).min(1), high.reshape(-1, area).max(1)
        elif layer["op"] == "unshuffle":
            low, high = np.repeat(low, area), np.repeat(high, area)
        elif layer["op"] == "table":
            t = arrays[f"{name}.table"]
            low, high = np.full(len(low), t.min()), np.full(len(high), t.max())
        else:
            check_sums(layer, low, high, arrays)
            low, high = arrays[f"{name}.low"], arrays[f"{name}.high"]
        intervals[name] = low, high


def check_sums(layer: dict[str, Any], low: Array, high: Array, arrays: Arrays) -> None:
    """Refuse a `conv` with a factor of 2^11 or more, or with sums that may reach 2^24."""
    name, taps = layer["name"], layer["kernel"] ** 2
    weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    largest = max(abs(low).max(), abs(high).max(), abs(weight).max())
    refuse_unless(largest < 2**11, f"a factor of layer {name} may be {largest}", "weights")
    above, below = np.maximum(weight, 0), np.maximum(-weight, 0)
    up, down = np.tile(np.maximum(high, 0), taps), np.tile(np.maximum(-low, 0), taps)
    upwards = up @ above + down @ below + np.maximum(bias, 0).max(0)
    downwards = down @ above + up @ below + np.maximum(-bias, 0).max(0)
    largest = max(upwards.max(), downwards.max())
    refuse_unless(largest < 2**24, f"a sum of layer {name} may be {largest}", "weights")


# Section 6.3: decoding ----------------------------------------------------------------------------


def read_lossy(section: bytes, header: Header, weights: Weights) -> tuple[Array, list[Part]]:
    """Return the planes of a lossy chunk, and the parts of its streams."""
    d = weights.description
    n, channels, height, width = header.planes
    refuse_unless(n * height * width <= 2**26, "the box has more than 2^26 pixels")
    expected = d["axes" if d["kind"] == "context" else "channels"]
    refuse_unless(channels == expected, f"the weights have {expected} colours")
    is_coded = d["pixel_fraction"] or header.dtype == np.uint8
    refuse_unless(is_coded, "the weights are for uint8 alone")
    if d["kind"] == "context":
        return read_coefficients(section, header, weights)
    refuse_unless(section[:1] in (b"\0", b"\1"), f"the section begins with {section[:1]!r}")
    stream = Stream(section[1:], weights.tables)
    pixels, parts = pixels_of(stream, header, weights, d["skip_below"] if section[0] == 0 else 0)
    return samples_of(pixels, header, d["pixel_fraction"]), parts


def pixels_of(
    stream: Stream, header: Header, weights: Weights, skip_below: int
) -> tuple[Array, list[Part]]:
    """Return the pixels of the box, and the parts of the stream that they were decoded from."""
    d, arrays, _ = weights
    q, (n, _, height, width) = header.quality, header.planes
    h, w = -(-height // d["stride"]), -(-width // d["stride"])
    r, index = d["hyper_stride"], arrays["hyper_index"][q]
    hyper = stream.part(np.broadcast_to(index, (n, -(-h // r), -(-w // r), len(index))))
    tensors = {"z": np.clip(hyper.values + arrays["hyper_mean"][q], *limits(d["hyper_limit"]))}
    run(d["networks"]["features"], tensors, arrays, q)
    tensors["f"] = tensors["f"][:, :h, :w]
    parts = [hyper]
    for k in range(1, len(d["passes"]) + 1):
        run(d["networks"][f"pass{k}"], tensors, arrays, q)
        parts.append(read_pass(stream, k, tensors, d, skip_below))
    stream.finish()

    dequantise(tensors, weights, q)
    run(d["networks"]["synthesis"], tensors, arrays, q)
    return tensors["pixels"].transpose(0, 3, 1, 2)[..., :height, :width], parts


def limits(magnitude: int) -> tuple[int, int]:
    """Return the limits of a clamp to a magnitude."""
    return -magnitude, magnitude


def read_pass(stream: Stream, k: int, tensors: Arrays, d: dict[str, Any], skip_below: int) -> Part:
    """Decode the part of pass `k`, and put its latents, in sixteenths of a step, into `yG`."""
    group, phase = d["passes"][k - 1]
    n, h, w, _ = tensors["f"].shape
    even = np.add.outer(np.arange(h), np.arange(w)) % 2 == 0
    coded = {"all": even | True, "even": even, "odd": ~even}[phase]
    indexes = tensors[f"index{k}"][:, coded]
    part = stream.trellis_part(np.where(indexes < skip_below, SKIPPED, indexes))
    mean = tensors[f"mean{k}"][:, coded] if d["has_mean"][k - 1] else 0
    y = np.zeros((n, h, w, d["groups"][group - 1]), np.int64)
    y = tensors.get(f"y{group}", y).copy()
    y[:, coded] = np.clip(8 * np.clip(part.values, *limits(8190)) + mean, *limits(32767))
    tensors[f"y{group}"] = y
    return part


def dequantise(tensors: Arrays, weights: Weights, quality: int) -> None:
    """Add `d1`, `d2`, … to the tensors."""
    step, shift = weights.arrays["step"][quality], weights.arrays["step_shift"]
    begin = 0
    for group, count in enumerate(weights.description["groups"], 1):
        s, r = step[begin : begin + count], shift[begin : begin + count]
        scaled = (tensors[f"y{group}"] * s + 2 ** (r - 1)) >> r
        tensors[f"d{group}"] = np.clip(scaled, *limits(2047))
        begin += count


# Section 6.4: from pixels to samples --------------------------------------------------------------


def samples_of(pixels: Array, header: Header, fraction: int) -> Array:
    """Return the samples that pixels with so many bits below a grey level stand for."""
    k = header.level_shift - fraction
    v = (pixels + 2 ** (-k - 1)) >> -k if k < 0 else (pixels << k) + (pixels >> (8 + fraction - k))
    allowed = np.iinfo(header.dtype)
    samples: Array = np.clip(header.lowest + v, allowed.min, allowed.max)
    return samples


# Section 8.1: the section of a JPEG chunk ---------------------------------------------------------

GREY, YCBCR, RGB = 0, 1, 2
HAS_ABSENT, HAS_OFFSET = 4, 8
# fmt: off
ZIGZAG = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]
LUMINANCE = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])
CHROMINANCE = np.full(64, 99)
CHROMINANCE[[0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 24, 25]] = [
    17, 18, 24, 47, 18, 21, 26, 66, 24, 26, 56, 47, 66,
]
# fmt: on


class Mosaic(NamedTuple):
    """Tiles in rows and columns; factors are pairs ``(h, v)``."""

    colour: int
    height: int
    width: int
    factors: list[tuple[int, int]]
    tables: list[Array]
    fill: bytes
    present: Array
    offset: tuple[int, int]

    @property
    def largest(self) -> tuple[int, int]:
        """``(H, V)``."""
        return max(h for h, _ in self.factors), max(v for _, v in self.factors)

    def blocks(self, component: int) -> tuple[int, int]:
        """Return rows and columns of blocks of a tile (section 8.2)."""
        (h, v), (most_h, most_v) = self.factors[component], self.largest
        return -(-self.height // (8 * most_v)) * v, -(-self.width // (8 * most_h)) * h


def read_jpeg(section: bytes, header: Header, weights: Path) -> Array:
    """Return the planes of a JPEG chunk, by weights of the folder where it needs some."""
    fields = Fields(section)
    coder = fields.unsigned(1)
    mosaic = read_mosaic(fields)
    check_mosaic(mosaic, header)
    refuse_unless(coder in (0, 1, 2), f"the coder is {coder}", "version")
    if coder == 2:
        networks = find_networks(header.weights_id, weights)
        planes = read_network(fields.rest(), mosaic, networks)
    else:
        refuse_unless(header.weights_id == bytes(8), "there are weights, and the coder has none")
        planes = (read_adaptive if coder else read_huffman)(fields.rest(), mosaic)
    pixels = mosaic_pixels(mosaic, planes)
    (y, x), (height, width) = mosaic.offset, header.box
    return pixels[None, :, y : y + height, x : x + width]


def read_mosaic(fields: Fields) -> Mosaic:
    """Read and check the description of the tiles."""
    flags = fields.unsigned(1)
    height, width, rows, columns = (fields.unsigned(2) for _ in range(4))
    colour, n = flags & 3, 1 if flags & 3 == GREY else 3
    refuse_unless(flags < 16 and colour <= RGB, f"the flags of the section are {flags:#x}")
    factors = [divmod(both, 16) for both in fields.take(n)]
    check_size(height * width * rows * columns, factors)
    tables: list[Array] = []
    for _ in range(n):
        tables.append(read_steps(fields, tables))
    fill, present = bytes(n), np.ones((rows, columns), bool)
    if flags & HAS_ABSENT:
        fill = fields.take(n)
        packed = np.frombuffer(fields.take(-(-rows * columns // 8)), np.uint8)
        bits, left = np.split(np.unpackbits(packed).astype(bool), [rows * columns])
        is_mixed = bits.any() and not bits.all() and not left.any()
        refuse_unless(is_mixed, "not just some of the tiles are present")
        present = bits.reshape(rows, columns)
    offset = (0, 0)
    if flags & HAS_OFFSET:
        offset = fields.unsigned(2), fields.unsigned(2)
    return Mosaic(colour, height, width, factors, tables, fill, present, offset)


def check_size(pixels: int, factors: list[tuple[int, int]]) -> None:
    """Refuse mosaics that are empty or too large, and factors that do not divide each other."""
    refuse_unless(1 <= pixels <= 2**26, f"the mosaic has {pixels} pixels")
    most = 4 if len(factors) > 1 else 1
    is_allowed = all(1 <= x <= most for pair in factors for x in pair)
    refuse_unless(is_allowed, f"the sampling factors are {factors}")
    divides = all(max(of) % x == 0 for of in zip(*factors, strict=True) for x in of)
    refuse_unless(divides, f"the sampling factors are {factors}")


def read_steps(fields: Fields, before: list[Array]) -> Array:
    """Read a quantisation table: its steps by frequency."""
    kind = fields.unsigned(1)
    if kind == 0:
        refuse_unless(before, "the first table is that of the component before")
        return before[-1]
    if kind <= 200:
        printed, quality = (LUMINANCE, kind) if kind <= 100 else (CHROMINANCE, kind - 100)
        s = 5000 // quality if quality < 50 else 200 - 2 * quality
        scaled: Array = np.clip((printed * s + 50) // 100, 1, 255)
        return scaled
    refuse_unless(kind <= 202, f"a table begins with {kind}")
    steps = np.zeros(64, np.int64)
    steps[ZIGZAG] = [fields.unsigned(kind - 200) for _ in range(64)]
    refuse_unless(steps.all(), "a table has a step of 0")
    return steps


def check_mosaic(mosaic: Mosaic, header: Header) -> None:
    """Refuse tiles that are not those of the box, or that have too many blocks."""
    n, (images, channels, *box) = len(mosaic.factors), header.planes
    fits = (images, channels) == (1, n) and header.dtype == np.uint8
    refuse_unless(fits, f"{images} images of {channels} {header.dtype} channels are {n} components")
    tile = mosaic.height, mosaic.width
    for at, length, count, inside, plane in zip(
        mosaic.offset, tile, mosaic.present.shape, box, header.plane, strict=True
    ):
        is_there = at < length and at + inside <= count * length
        refuse_unless(is_there, f"{count} tiles of {length} pixels do not hold the box")
        refuse_unless((count - 1) * length < at + plane, "a tile lies outside of the plane")
    blocks = mosaic.present.size * sum(math.prod(mosaic.blocks(k)) for k in range(n))
    limit = min(2**22, 2**16 + math.prod(header.plane) // 8)
    refuse_unless(blocks <= limit, f"the mosaic has {blocks} blocks")


# Section 8.3: from coefficients to samples --------------------------------------------------------


def mosaic_pixels(mosaic: Mosaic, planes: list[Array]) -> Array:
    """Return the samples of all tiles, (channels, height, width), from the planes of blocks."""
    rows, columns = mosaic.present.shape
    height, width = mosaic.height, mosaic.width
    pixels = np.empty((len(planes), rows * height, columns * width), np.uint8)
    pixels[:] = np.frombuffer(mosaic.fill, np.uint8)[:, None, None]
    for row, column in np.argwhere(mosaic.present).tolist():
        components = []
        for k, plane in enumerate(planes):
            down, across = mosaic.blocks(k)
            blocks = plane[row * down :, column * across :][:down, :across]
            components.append(enlarged(inverse_dct(blocks * mosaic.tables[k]), mosaic, k))
        tile = np.stack([c[:height, :width] for c in components])
        place = pixels[:, row * height :, column * width :][:, :height, :width]
        place[:] = to_rgb(*tile) if mosaic.colour == YCBCR else tile
    return pixels


def inverse_dct(x: Array) -> Array:
    """Return the samples of blocks, (rows, columns, 64), as a plane."""
    rows, columns, _ = x.shape
    refuse_beyond(x, 2**14)
    working = transform(x.reshape(rows, columns, 8, 8), axis=2, shift=11)
    refuse_beyond(working, 2**14)
    result = transform(working, axis=3, shift=18)
    refuse_beyond(result, 2**9)
    samples: Array = np.clip(result + 128, 0, 255)
    return samples.swapaxes(1, 2).reshape(8 * rows, 8 * columns)


def refuse_beyond(values: Array, limit: int) -> None:
    """Refuse values below `-limit`, and those from `limit` on."""
    is_inside = values.min() >= -limit and values.max() < limit
    refuse_unless(is_inside, f"a value of the inverse DCT is beyond {limit}")


def transform(x: Array, axis: int, shift: int) -> Array:
    """Return the inverse DCT along an axis."""
    x0, x1, x2, x3, x4, x5, x6, x7 = np.moveaxis(x, axis, 0)
    z1 = (x2 + x6) * 4433
    e2, e3 = z1 - 15137 * x6, z1 + 6270 * x2
    e0, e1 = (x0 + x4) * 8192, (x0 - x4) * 8192
    even = np.stack([e0 + e3, e1 + e2, e1 - e2, e0 - e3])
    z5 = (x1 + x3 + x5 + x7) * 9633
    z1, z2 = -7373 * (x7 + x1), -20995 * (x5 + x3)
    z3, z4 = z5 - 16069 * (x7 + x3), z5 - 3196 * (x5 + x1)
    odd = np.stack(
        [
            12299 * x1 + z1 + z4,
            25172 * x3 + z2 + z3,
            16819 * x5 + z2 + z4,
            2446 * x7 + z1 + z3,
        ]
    )
    result = np.concatenate([even + odd, (even - odd)[::-1]])
    return np.moveaxis((result + 2 ** (shift - 1)) >> shift, 0, axis)


def enlarged(plane: Array, mosaic: Mosaic, component: int) -> Array:
    """Return the samples of a component of a tile at its full size."""
    (h, v), (most_h, most_v) = mosaic.factors[component], mosaic.largest
    a, d = most_h // h, most_v // v
    rows, columns = -(-mosaic.height * v // most_v), -(-mosaic.width * h // most_h)
    c = plane[:rows, :columns]
    if (a, d) == (1, 2):
        return ((doubled(c.T) + [1, 2] * rows) >> 2).T
    if a == 2 and d <= 2 and columns > 2:
        if d == 1:
            return (doubled(c) + [1, 2] * columns) >> 2
        return (doubled(doubled(c.T).T) + [8, 7] * columns) >> 4
    return c.repeat(d, axis=0).repeat(a, axis=1)


def doubled(c: Array) -> Array:
    """Return ``3 c[i] + neighbour`` along each row, of both neighbours by turns."""
    padded = np.pad(c, ((0, 0), (1, 1)), mode="edge")
    both = np.stack([3 * c + padded[:, :-2], 3 * c + padded[:, 2:]], axis=-1)
    return both.reshape(len(c), -1)


def to_rgb(y: Array, cb: Array, cr: Array) -> Array:
    """Return red, green and blue."""
    b, r = cb - 128, cr - 128
    red = y + ((91881 * r + 32768) >> 16)
    green = y + ((-22554 * b - 46802 * r + 32768) >> 16)
    blue = y + ((116130 * b + 32768) >> 16)
    rgb: Array = np.clip([red, green, blue], 0, 255)
    return rgb


# Section 8.4: the coder of JPEG itself ------------------------------------------------------------

Codes = dict[tuple[int, int], int]  # symbols by length and code


class Bits:
    """The bits of a scan that begins with these bytes."""

    def __init__(self, data: bytes) -> None:
        end = 0
        while data[end : end + 1] != b"\xff" or data[end + 1 : end + 2] == b"\0":
            end += 1 if data[end : end + 1] != b"\xff" else 2
            refuse_unless(end < len(data), "a scan has no end", "truncated")
        refuse_unless(len(data) > end + 1, "a scan ends within its end", "truncated")
        refuse_unless(data[end + 1] == 0xD9, f"a scan ends with {data[end + 1]:#x}")
        self.nbytes = end + 2
        self._data: bytes = data[:end].replace(b"\xff\0", b"\xff")
        self._position = 0

    def take(self, count: int) -> int:
        """Return the number that the next bits are."""
        self._position += count
        is_there = self._position <= 8 * len(self._data)
        refuse_unless(is_there, "a scan ends within its blocks", "truncated")
        whole = int.from_bytes(self._data[(self._position - count) // 8 : self._end], "big")
        return whole >> (-self._position % 8) & ((1 << count) - 1)

    @property
    def _end(self) -> int:
        return -(-self._position // 8)

    def symbol(self, codes: Codes) -> int:
        """Return the symbol of the next code."""
        code = 0
        for length in range(1, 17):
            code = 2 * code + self.take(1)
            if (length, code) in codes:
                return codes[length, code]
        raise RefusedError("invalid", "a scan has a code that its table does not have")

    def number(self, size: int) -> int:
        """Return a number of `size` bits, of which the first is 0 if it is negative."""
        value = self.take(size)
        return value if 2 * value >= 2**size else value - 2**size + 1

    def finish(self) -> None:
        """Refuse a byte that is left."""
        refuse_unless(self._end == len(self._data), "a scan has bytes behind its last block")


def read_huffman(data: bytes, mosaic: Mosaic) -> list[Array]:
    """Return the planes of blocks of all components, (rows, columns, 64)."""
    fields, planes = Fields(data), []
    pairs = min(len(mosaic.factors), 2)
    tables = [read_codes(fields, most) for most in (11, 255) * pairs]
    rest = fields.rest()
    for k in range(len(mosaic.factors)):
        coded = np.kron(mosaic.present, np.ones(mosaic.blocks(k), bool))
        refuse_unless(4 * len(rest) >= coded.sum(), "a scan has too few bits", "truncated")
        bits, value = Bits(rest), 0
        dc, ac = tables[2 * min(k, 1) :][:2]
        plane = np.zeros((*coded.shape, 64), np.int64)
        for row, column in np.argwhere(coded).tolist():
            value = read_block(bits, dc, ac, value, plane[row, column])
        bits.finish()
        rest = rest[bits.nbytes :]
        planes.append(plane)
    refuse_unless(not rest, "there are bytes behind the last scan")
    return planes


def read_codes(fields: Fields, most: int) -> Codes:
    """Read a Huffman table, whose symbols are at most `most` (T.81, annex C)."""
    counts = fields.take(16)
    codes: Codes = {}
    code = 0
    for length, count in enumerate(counts, 1):
        code *= 2
        for symbol in fields.take(count):
            refuse_unless(symbol <= most, f"a table has symbol {symbol}")
            codes[length, code] = symbol
            code += 1
        refuse_unless(count == 0 or code < 2**length, f"a table has {count} codes of {length} bits")
    refuse_unless(len(codes) <= 256, f"a table has {len(codes)} symbols")
    return codes


def read_block(bits: Bits, dc: Codes, ac: Codes, before: int, block: Array) -> int:
    """Decode a block (T.81, annex F), and return its DC; `before` is that of the last one."""
    size = bits.symbol(dc)
    value = before + (bits.number(size) if size else 0)
    refuse_unless(-1024 <= value <= 1023, f"a DC is {value}")
    block[0] = value
    k = 1
    while k < 64:
        run, size = divmod(bits.symbol(ac), 16)
        if (run, size) == (0, 0):
            return value
        k += run
        is_zeros = (run, size) == (15, 0)
        refuse_unless(k < 64 and (1 <= size <= 10 or is_zeros), "a block has no such symbol")
        if not is_zeros:
            block[ZIGZAG[k]] = bits.number(size)
        k += 1
    return value


# Section 8.5: the adaptive coder ------------------------------------------------------------------

INITIAL = HERE.parent / "numcodecs_neural" / "coefficients" / "adaptive_initial.bin"
INITIAL_SHA256 = "5c1f793e037ecc5dfab3ae1480f681042d9ae2ccfe48feab49c83fb97e6cd0a9"
FIRST_RANGE = 2**48 - 1


def stretch(x: int) -> int:
    """Return the vote of a probability in 4096ths."""
    return min(max(round(256 * math.log(max(x, 1) / (4096 - max(x, 1)))), -2047), 2047)


def squash(x: int) -> int:
    """Return the probability of a vote in 65536ths."""
    limited = min(max(x, -2048), 2047)
    return min(max(round(65536 / (1 + math.exp(-limited / 256))), 24), 65512)


STRETCH, SQUASH = [stretch(x) for x in range(4096)], [squash(x) for x in range(-2048, 2048)]


def size_range(x: int) -> int:
    """Return `B(x)`."""
    m = min(abs(x), 255)
    bits = m.bit_length()
    return m if m < 4 else 2 * bits - 2 + ((m >> (bits - 2)) & 1)


def signed_range(x: int) -> int:
    """Return `S(x)`."""
    return 16 + size_range(x) if x > 0 else 16 - size_range(x)


BAND = [min(math.isqrt(36 * ((z % 8) ** 2 + (z // 8) ** 2)) // 5, 7) for z in ZIGZAG]


def cosine(k: int, x: int) -> float:
    """Return `F(k, x)`."""
    return math.sqrt(1 / 8) if k == 0 else math.cos((2 * x + 1) * k * math.pi / 16) / 2


EDGE = [round(512 * (3 * cosine(n, 0) - cosine(n, 1)) / 2) for n in range(8)]


@functools.cache
def initial_votes() -> list[dict[str, Array]]:
    """Return the votes of the three groups, in an array of five tables for each decision."""
    data = INITIAL.read_bytes()
    refuse_unless(
        hashlib.sha256(data).hexdigest() == INITIAL_SHA256, "the initial file is another", "weights"
    )
    groups = []
    for values in 16 * np.frombuffer(data, np.int8).reshape(3, -1).astype(int):
        sizes = [2400, 1024, 1024, 72, 512, 272]
        level, count, signs, sign4, bits0, bits2 = np.split(values, np.cumsum(sizes)[:-1])
        level = level.reshape(5, 6, 80)
        count = count.reshape(16, 64)
        fine, coarse = np.repeat(count, 4, 0), np.repeat(count[1::2], 8, 0)
        sign = np.zeros((5, 64, 32), int)
        sign[:4] = signs.reshape(4, 8, 32)[:, BAND]
        sign[4, :, :9] = sign4.reshape(8, 9)[BAND]
        groups.append(
            {
                "level": level[:, :, :64, None] + level[:, :, None, 64:],
                "count": np.stack([fine, coarse, fine, coarse, fine]),
                "sign": sign,
                "bits0": bits0.reshape(8, 64)[BAND],
                "bits2": bits2.reshape(17, 16),
            }
        )
    return groups


class Decisions:
    """The arithmetic decoder, and what it has learned of a component."""

    def __init__(self, data: bytes) -> None:
        refuse_unless(len(data) >= 4, "the data have less than two words", "truncated")
        refuse_unless(len(data) % 2 == 0, "the data are no words")
        self._words = [*np.frombuffer(data, "<u2").tolist(), 0]
        self._place, self._range = 3, FIRST_RANGE
        first, second, third = self._words[:3]
        self._code = 2**32 * first + 2**16 * second + third
        refuse_unless(self._code < FIRST_RANGE, "the code is too large")
        self._votes: dict[str, Array] = {}
        self._cells: dict[tuple[object, ...], list[int]] = {}
        self._weights: dict[tuple[object, ...], list[int]] = {}

    def begin(self, votes: dict[str, Array]) -> None:
        """Forget all of the component before."""
        self._votes, self._cells, self._weights = votes, {}, {}

    def take(self, kind: str, row: tuple[int, ...], contexts: Sequence[tuple[int, ...]]) -> int:
        """Return the next decision: its weights have a row, its probabilities five contexts."""
        cells = [self._cell(kind, i, context) for i, context in enumerate(contexts)]
        weights = self._weights.setdefault((kind, *row), [16000] * 5)
        votes = [STRETCH[cell[0] >> 10] for cell in cells]
        total = sum(w * v for w, v in zip(weights, votes, strict=True)) >> 16
        share = SQUASH[min(max(total, -2048), 2047) + 2048]
        bit = self._bit(share)
        for i, vote in enumerate(votes):
            weights[i] += (14 * (65536 * bit - share) * vote + 2**17) >> 18
        for cell in cells:
            p, n = cell
            cell[0] += ((bit * (2**22 - 1) - p) * (655360 // (10 * n + 16))) >> 16
            cell[1] = min(n + 1, 1000)
        return bit

    def _cell(self, kind: str, i: int, context: tuple[int, ...]) -> list[int]:
        key = (kind, i, *context)
        if key not in self._cells:
            name, place = (f"bits{i}", context) if kind == "bits" else (kind, (i, *context))
            known = name in self._votes
            vote = int(self._votes[name][place]) if known else 0
            value = 64 * squash(min(max(vote, -2047), 2047))
            self._cells[key] = [value, 6] if known else [2**21, 0]
        return self._cells[key]

    def _bit(self, share: int) -> int:
        bound = (self._range >> 16) * share
        bit = int(self._code < bound)
        if bit:
            self._range = bound
        else:
            self._code, self._range = self._code - bound, self._range - bound
        if self._range < 2**32:
            refuse_unless(self._place < len(self._words), "there is no other word", "truncated")
            self._code = 2**16 * self._code + self._words[self._place]
            self._range, self._place = 2**16 * self._range, self._place + 1
        return bit

    def finish(self) -> None:
        """Refuse words that are left, and another code than an encoder leaves."""
        refuse_unless(self._place == len(self._words), "there are words behind the last block")
        refuse_unless(self._code < 2**16, f"the code is {self._code} at the end")


def read_adaptive(data: bytes, mosaic: Mosaic) -> list[Array]:
    """Return the planes of blocks of all components, (rows, columns, 64)."""
    decisions = Decisions(data)
    order = [1, 0, 2] if mosaic.colour == RGB else list(range(len(mosaic.factors)))
    planes: dict[int, AdaptivePlane] = {}
    for position, component in enumerate(order):
        kind = min(position, 1) * (2 if mosaic.colour == RGB else 1)
        decisions.begin(initial_votes()[kind])
        coded = np.kron(mosaic.present, np.ones(mosaic.blocks(component), bool))
        plane = AdaptivePlane(decisions, mosaic.tables[component], coded)
        plane.find_twin(list(planes.values()))
        for row, column in np.argwhere(coded).tolist():
            plane.read_block(row, column)
        planes[component] = plane
    decisions.finish()
    return [planes[component].inner for component in range(len(order))]


class AdaptivePlane:
    """The plane of blocks of a component, with a margin of a block around it."""

    def __init__(self, decisions: Decisions, steps: Array, coded: Array) -> None:
        self._decisions, self.steps = decisions, [int(q) for q in steps]
        rows, columns = coded.shape
        self.shape = (rows, columns)
        self.blocks = np.zeros((rows + 2, columns + 2, 64), int)
        self.coded = np.pad(coded, 1)
        self.counts = np.zeros((rows + 2, columns + 2), int)
        self._products = np.zeros((rows + 2, columns + 2, 2), int)
        self._totals = [0, 0]
        self._twin: Array | None = None
        self._twin_counts = self.counts

    @property
    def inner(self) -> Array:
        """Return the blocks without the margin."""
        rows, columns = self.shape
        inner: Array = self.blocks[1 : rows + 1, 1 : columns + 1]
        return inner

    def find_twin(self, before: list[AdaptivePlane]) -> None:
        """Take a component before as the twin, if one fits."""
        alike = [plane for plane in before if plane.shape == self.shape]
        fitting = [(plane, ratio) for plane in before if (ratio := self._ratio(plane))]
        if not fitting:
            return
        twin, (d, a) = (alike[-1], (1, 1)) if alike else fitting[0]
        rows, columns = self.shape
        scaled = np.clip(twin.inner * np.array(twin.steps), -32768, 32767)
        area = scaled.reshape(rows, d, columns, a, 8, 8)
        sums = np.einsum("hswryx,syrxij->hwij", area, reduction(d, a)).reshape(rows, columns, 64)
        q = np.array(self.steps)
        values = np.clip((sums + 64 * q) // (128 * q), -8191, 8191)
        self._twin = np.pad(values, ((1, 1), (1, 1), (0, 0)))
        counts = twin.counts[1:-1, 1:-1].reshape(rows, d, columns, a).sum((1, 3)) // (d * a)
        self._twin_counts = np.pad(counts, 1)

    def _ratio(self, twin: AdaptivePlane) -> tuple[int, int] | None:
        ratios = [divmod(x, y) for x, y in zip(twin.shape, self.shape, strict=True)]
        fits = all(1 <= ratio <= 4 and rest == 0 for ratio, rest in ratios)
        return (ratios[0][0], ratios[1][0]) if fits else None

    def read_block(self, row: int, column: int) -> None:
        """Decode a block."""
        y, x = row + 1, column + 1
        self._at, self._block = (y, x), self.blocks[y, x]
        self._north, self._west = bool(self.coded[y - 1, x]), bool(self.coded[y, x - 1])
        count = self._read_count(y, x)
        self.counts[y, x] = count
        self._begin_borders(y, x)
        slope = self._slope(y, x) if self._twin is not None else 256
        mixed = square = 0
        k, rest = 1, count
        while rest:
            z = ZIGZAG[k]
            own = int(self._twin[y, x, z]) if self._twin is not None else 0
            contexts, signs, near = self._contexts(k, rest, (own * slope) >> 8)
            value = self._read_value(k, contexts, signs, near, is_other_than_0=rest == 64 - k)
            self._set(z, value)
            rest -= value != 0
            mixed, square, k = mixed + 8 * value * own, square + own * own, k + 1
        if self._twin is not None:
            self._products[y, x] = mixed, square
            for i, value in enumerate((mixed, square)):
                self._totals[i] += value - (self._totals[i] >> 5)
        self._read_dc(count, slope)

    def _read_count(self, y: int, x: int) -> int:
        n, w = int(self.counts[y - 1, x]), int(self.counts[y, x - 1])
        n, w = n if self._north else w, w if self._west else n
        if self._twin is not None:
            t = int(self._twin_counts[y, x])
        else:
            t = int(self.counts[y - 1, x - 1] + self.counts[y - 1, x + 1] + 1) >> 1
        m = (n + w + 1) >> 1
        names = m, 8 * (n >> 3) + (w >> 3), t, 8 * (m >> 3) + (t >> 3), (m + 2 * t + 1) // 3
        node = 1
        while node < 64:
            bit = self._decisions.take("count", (node,), [(name, node) for name in names])
            node = 2 * node + bit
        return node - 64

    def _slope(self, y: int, x: int) -> int:
        sums = []
        for i in (0, 1):
            nw, n, ne = (int(value) for value in self._products[y - 1, x - 1 : x + 2, i])
            w = int(self._products[y, x - 1, i])
            sums.append(n + w + (self._totals[i] >> 5) + ((nw + ne) >> 1))
        return min(max(256 * sums[0] // sums[1], -1024), 1024) if sums[1] else 256

    def _begin_borders(self, y: int, x: int) -> None:
        self._across, self._down = [0] * 8, [0] * 8
        for z, q in enumerate(self.steps):
            v, u = divmod(z, 8)
            west, north = int(self.blocks[y, x - 1, z]), int(self.blocks[y - 1, x, z])
            self._across[v] += (-1) ** u * west * EDGE[u] * q if self._west else 0
            self._down[u] += (-1) ** v * north * EDGE[v] * q if self._north else 0
        self._across = [min(max(value, -(2**24)), 2**24) for value in self._across]
        self._down = [min(max(value, -(2**24)), 2**24) for value in self._down]

    def _set(self, z: int, value: int) -> None:
        v, u = divmod(z, 8)
        self._block[z] = value
        across = self._across[v] - value * self.steps[z] * EDGE[u]
        down = self._down[u] - value * self.steps[z] * EDGE[v]
        self._across[v] = min(max(across, -(2**24)), 2**24)
        self._down[u] = min(max(down, -(2**24)), 2**24)

    def _scale(self, z: int, *, west: bool, north: bool) -> int:
        """Return the factor `r` for these borders, 0 if there is none."""
        v, u = divmod(z, 8)
        squares = west * EDGE[u] ** 2 + north * EDGE[v] ** 2
        return int(2**36 // (squares * self.steps[z])) if squares else 0

    def _predictions(self, z: int) -> tuple[int, int, int]:
        """Return `left`, `upper` and `both`."""
        v, u = divmod(z, 8)
        left = EDGE[u] * self._across[v] if self._west else 0
        upper = EDGE[v] * self._down[u] if self._north else 0
        both = self._scale(z, west=self._west, north=self._north)
        return (
            (left * self._scale(z, west=self._west, north=False)) >> 33,
            (upper * self._scale(z, west=False, north=self._north)) >> 33,
            ((left + upper) * both) >> 33,
        )

    def _spread(self, y: int, x: int, z: int) -> int:
        """Return `P` of a block."""
        v, u = divmod(z, 8)
        sizes = np.pad(np.abs(self.blocks[y, x]).reshape(8, 8), 1)
        sizes[1, 1] = 0
        v, u = v + 1, u + 1
        cross = sizes[v - 1, u] + sizes[v + 1, u] + sizes[v, u - 1] + sizes[v, u + 1]
        return int(4 * sizes[v, u] + cross)

    def _inside(self, z: int) -> int:
        """Return `I`."""
        v, u = divmod(z, 8)
        total = 0
        for du, dv, factor in ((1, 0, 2), (0, 1, 2), (1, 1, 1), (2, 0, 1), (0, 2, 1)):
            other = z - du - 8 * dv
            if du <= u and dv <= v and other:
                ratio = min(16 * self.steps[other] // self.steps[z], 4095)
                total += factor * abs(int(self._block[other])) * ratio
        return total

    def _contexts(
        self, k: int, rest: int, t: int
    ) -> tuple[list[int], list[int], tuple[int, int, int, int]]:
        """Return `c`, `s` and what the sign is compared with: `both`, `t`, sum and sum of sizes."""
        z, (y, x) = ZIGZAG[k], self._at
        near = sum(self._spread(*place, z) for place in ((y - 1, x), (y, x - 1)))
        corners = sum(self._spread(*place, z) for place in ((y - 1, x - 1), (y - 1, x + 1)))
        near = near * (2 if self._north and self._west else 4) + corners
        w = int(self.blocks[y, x - 1, z]) if self._west else 0
        n = int(self.blocks[y - 1, x, z]) if self._north else 0
        left, upper, both = self._predictions(z)
        zeros = 64 - k - rest
        twins = size_range(t) if self._twin is not None else 4 * min(abs(w), 3) + min(abs(n), 3)
        contexts = [
            *(size_range(near >> 4), size_range(self._inside(z) >> 4)),
            *(12 + zeros if zeros < 3 else size_range(rest), size_range(both >> 1), twins),
        ]
        signs = [signed_range(value) for value in (left, upper, both, t)]
        signs.append(4 + 3 * ((w > 0) - (w < 0)) + (n > 0) - (n < 0))
        return contexts, signs, (both, t, w + n, abs(w) + abs(n))

    def _read_value(
        self,
        k: int,
        contexts: list[int],
        signs: list[int],
        near: tuple[int, int, int, int],
        *,
        is_other_than_0: bool,
    ) -> int:
        length, sign = 0, 1
        while length < (10 if k else 11):
            if length or not is_other_than_0:
                row = min(length, 5), k
                places = [(*row, context) for context in contexts]
                if not self._decisions.take("level", row, places):
                    break
            length += 1
            if length == 1:
                sign = 1 - 2 * self._decisions.take("sign", (k,), [(k, s) for s in signs])
                self._use_sign(k, contexts, near, sign)
        if length == 0:
            return 0
        prefix = 1
        for i in range(length - 2, -1, -1):
            low = min(prefix, 63)
            third = (prefix, contexts[3]) if prefix < 16 else (16, i)
            names: list[tuple[int, ...]] = [(k, low), (k, length - 1, i), third]
            names += [(contexts[0], low), (k, i)]
            prefix = 2 * prefix + self._decisions.take("bits", (length - 1, i), names)
        return sign * prefix

    def _use_sign(
        self, k: int, contexts: list[int], near: tuple[int, int, int, int], sign: int
    ) -> None:
        both, t, total, sizes = near
        if k:
            contexts[3] = signed_range((both * sign) >> 1) >> 1
        if self._twin is not None:
            contexts[4] = signed_range(t * sign) >> 1
        elif k:
            contexts[4] = 2 * min(size_range(sizes), 7) + (sign * total > 0)

    def _read_dc(self, count: int, slope: int) -> None:
        left, upper, both = self._predictions(0)
        base = min(max((both + 4) >> 3, -1024), 1023)
        r = self._scale(0, west=self._west, north=self._north)
        misfit = sum(abs(value) for value in self._across[1:] + self._down[1:])
        h = (misfit * r) >> 24
        is_inner = self._west and self._north
        gap = ((self._across[0] - self._down[0]) * r) >> 28 if is_inner else 0
        t = self._twin_dc(slope) - 8 * base if self._twin is not None and r else 0
        twin = size_range(t) if self._twin is not None else 0
        sizes = (size_range(value) for value in (h >> 2, gap, count, h >> 1))
        signs = [left - 8 * base if self._west else 0, upper - 8 * base if self._north else 0]
        signs += [both - 8 * base, t]
        names = [*(signed_range(value) for value in signs), 0]
        near = (0, t, 0, 0)
        value = base + self._read_value(0, [*sizes, twin], names, near, is_other_than_0=False)
        refuse_unless(-1024 <= value <= 1023, f"a DC is {value}")
        self._set(0, value)

    def _twin_dc(self, slope: int) -> int:
        assert self._twin is not None
        y, x = self._at
        guesses = []
        for known, place in ((self._west, (y, x - 1)), (self._north, (y - 1, x))):
            if known:
                step = int(self._twin[y, x, 0] - self._twin[place][0])
                guesses.append(8 * int(self.blocks[place][0]) + ((step * slope) >> 8))
        return sum(guesses) // len(guesses)


@functools.cache
def reduction(d: int, a: int) -> Array:
    """Return `M` with the axes block and frequency down, block and frequency across, i and j."""

    def one_way(g: int) -> Array:
        return np.array(
            [
                [
                    [
                        sum(cosine(k, m) * cosine(p, (8 * s + m) // g) / g for m in range(8))
                        for p in range(8)
                    ]
                    for k in range(8)
                ]
                for s in range(g)
            ]
        )

    product = np.einsum("syi,rxj->syrxij", one_way(d), one_way(a))
    rounded: Array = np.rint(1024 * product).astype(int)
    return rounded


# Section 8.6: the network coder -------------------------------------------------------------------

PASSES = [
    *([k for k in ZIGZAG if k // 8 + k % 8 == f] for f in range(1, 8)),
    [k for k in ZIGZAG if k // 8 + k % 8 in (8, 9)],
    [k for k in ZIGZAG if k // 8 + k % 8 >= 10],
]
DC_PASS = 9
STEERED = {0, 1, 2, 3, 4, 5, DC_PASS}
# fmt: off
GROUP = [
    0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 3, 4, 4, 5, 5, 8,
    9, 10, 11, 11, 5, 5, 8, 8, 10, 12, 11, 13, 13, 8, 8, 8,
    12, 12, 14, 13, 8, 8, 8, 8, 12, 14, 14, 8, 8, 8, 8, 8,
    14, 14, 8, 8, 8, 8, 8, 8, 14, 8, 8, 8, 8, 8, 8, 8,
]
# fmt: on
GROUPS = [[k for k in range(64) if GROUP[k] == g] for g in range(15)]
NAMES = {GREY: ["Y"], YCBCR: ["Y", "Cb", "Cr"], RGB: ["Y", "R", "B"]}
KNOWN = {"Y": 0, "Cb": 1, "R": 1, "Cr": 2, "B": 2}


class Lookup:
    """A table whose outer entries stand for all beyond them."""

    def __init__(self, entries: Sequence[float], first: int = 0) -> None:
        self.entries, self._first = [round(x) for x in entries], first

    def __call__(self, argument: int) -> int:
        """Return an entry."""
        return self.entries[min(max(argument - self._first, 0), len(self.entries) - 1)]


def share_of(a: float) -> float:
    """Return the logistic function."""
    return 1 / (1 + math.exp(-a))


def scale_of(s: int) -> float:
    """Return the scale of a log-scale."""
    return math.exp((s - 28) / 8)


def halving(d: int) -> list[list[float]]:
    """Return `Hd`."""
    return [
        [
            4096 / d * sum(cosine(k, (8 * s + m) // d) * cosine(p, m) for m in range(8))
            for s in range(d)
            for p in range(8)
        ]
        for k in range(8)
    ]


ZERO = Lookup(
    [min(max(32768 * share_of(a / 32), 8), 32760) for a in range(-320, 320)],
    -320,
)
LOGISTIC = Lookup([32768 * share_of(a / 256) for a in range(-4096, 4097)], -4096)
INVERSE = Lookup([2**18 / scale_of(s) for s in range(124)])
RATE = Lookup([max(65536 / (n + 1.5), 164) for n in range(400)])
OUTER = Lookup([4096 * cosine(k, 0) for k in range(8)])
BORDER = Lookup([4096 * (1.5 * cosine(k, 0) - 0.5 * cosine(k, 1)) for k in range(8)])
HALVING = {d: np.rint(halving(d)).astype(np.int64) for d in (1, 2, 4)}
LOG_SIZE = Lookup([256 * math.log2(max(m, 1)) for m in range(64)])


def tables_digest() -> str:
    """Return the SHA-256 of all tables."""
    arrays = [np.array(t.entries) for t in (LOGISTIC, ZERO, INVERSE, RATE, OUTER, BORDER)]
    arrays += [*HALVING.values(), np.array(LOG_SIZE.entries)]
    return hashlib.sha256(b"".join(a.astype("<i8").tobytes() for a in arrays)).hexdigest()


def lg(y: float) -> int:
    """Return 256 log2 of a number from 1 on, as a float32 has it."""
    bits = int(np.float32(y).view(np.int32)) >> 15
    m = bits & 255
    return bits - 32512 + ((11 * m * (256 - m)) >> 13)


def level(y: int, group: int, finer: int = 0) -> int:
    """Return the level of a group, from the sum of its magnitudes."""
    n = len(GROUPS[group])
    return (23 * (lg(y + (n << finer)) - LOG_SIZE(n) - 1280 - 256 * finer) + 128) >> 8


def levels(magnitudes: list[int], finer: int = 0) -> list[int]:
    """Return the levels of all groups."""
    return [level(sum(magnitudes[k] for k in ks), g, finer) for g, ks in enumerate(GROUPS)]


def short(y: int) -> int:
    """Return a number's logarithm with its sign."""
    size = min((23 * (lg(abs(y) + 64) - 1536) + 128) >> 8, 300)
    return size if y >= 0 else -size


def limited(y: int, limit: int = 32767) -> int:
    """Return `y` within a limit."""
    return min(max(y, -limit), limit)


def by(y: int, n: int) -> int:
    """Return `y` over 2^n, rounded."""
    return (y + (1 << (n - 1))) >> n


def size_of(y: int) -> int:
    """Return the magnitude, in 1/32, of a number of sixteenths."""
    return min(2 * abs(y), 12800)


def gate(out: int) -> int:
    """Return 4096 times the logistic function, nearly."""
    z = limited(out, 1024)
    square = (z * z) >> 8
    slope = 3969 - ((square * (918 - ((27 * square) >> 8))) >> 10)
    return 2048 + ((z * slope) >> 10)


def nearest(k: int) -> list[int]:
    """Return the six coefficients decoded before `k` that are nearest to it, or fewer."""
    order = [j for ks in PASSES for j in ks]
    v, u = divmod(k, 8)

    def distance(j: int) -> tuple[int, int, int]:
        squares = (u - j % 8) ** 2 + (v - j // 8) ** 2
        return squares, abs(u + v - j % 8 - j // 8), j

    return sorted(order[: order.index(k)], key=distance)[:6]


NEAR = {k: nearest(k) for ks in PASSES for k in ks} | {0: []}


# The weights file


@functools.cache
def find_networks(weights_id: bytes, folder: Path) -> dict[str, Arrays]:
    """Return the networks of the weights of an id."""
    return read_networks(find_file(weights_id, folder))


def read_networks(content: bytes) -> dict[str, Arrays]:
    """Return the arrays of each network of a weights file."""
    description, arrays = read_safetensors(content)
    found = description.get("kind"), description.get("version")
    refuse_unless(
        found == ("jpeg", 1), "the weights file has no networks of coefficients", "weights"
    )
    refuse_unless(description.get("tables") == tables_digest(), "the tables are others", "weights")
    networks = {}
    for name, others in KNOWN.items():
        own = {k.partition(".")[2]: a for k, a in arrays.items() if k.partition(".")[0] == name}
        check_network(own, others)
        networks[name] = own
    return networks


def check_network(a: Arrays, others: int) -> None:
    """Refuse a network that does not have its arrays, or whose sums could leave their bounds."""
    w = a["trunk"].shape[-1] if "trunk" in a else 0
    refuse_unless(0 < w <= 64 and w % 4 == 0, f"a layer has {w} units", "weights")
    inputs, outputs = [(157, 29), (234, 36), (251, 36)][others]
    shapes = {
        "trunk": (inputs, w),
        "own": (10, 15, w),
        "signed": (64, w),
        "bias": (10, w),
        "layer_bias": (10, w),
        "steps": (64, 10, w),
        "layer": (10, w, w),
        "heads": (10, w, outputs),
        "head_bias": (10, outputs),
        "shift1": (10, w),
        "shift2": (10, w),
        "shift3": (10, outputs),
        "magnitude": (3, 20, 64),
        "floor": (3, 64),
        "exponent": (64, 3),
        "base": (64,),
        "slope": (64,),
        "mean": (64, 10),
        "mix": (85,),
        "ratio": (1,),
    }
    refuse_unless({k: x.shape for k, x in a.items()} == shapes, "an array is another", "weights")
    refuse_unless(largest_sum(a, others) < 2**24, "a sum is beyond 2^24", "weights")
    limits = {
        **dict.fromkeys(("trunk", "own", "signed", "layer", "heads"), (-32767, 32767)),
        **dict.fromkeys(("shift1", "shift2", "shift3"), (0, 23)),
        **dict.fromkeys(("magnitude", "mix"), (0, 2**15)),
        **dict.fromkeys(("slope", "mean"), (-(2**15), 2**15)),
        "floor": (1, 2**30),
        "exponent": (-(2**12), 2**12),
        "base": (-(2**26), 2**26),
        "ratio": (0, 39),
    }
    for name, (low, high) in limits.items():
        fits = low <= a[name].min() and a[name].max() <= high
        refuse_unless(fits, f"{name} is beyond its limits", "weights")


def largest_sum(a: Arrays, others: int) -> int:
    """Return what no sum of a network exceeds."""
    p = {name: np.abs(x) for name, x in a.items()}
    levels = 15 * (0, 5, 6)[others]
    limits = [200] * 105 + [300] * 48 + [64] * 4 + [400] * levels + [256, 511] * others
    first = np.array(limits) @ p["trunk"] + 200 * p["own"].sum(1) + 300 * p["signed"].sum(0)
    first = first + p["bias"] + (3072 * p["steps"].sum(0) >> 8) + 2
    second = 1023 * p["layer"].sum(1) + p["layer_bias"]
    third = 1023 * p["heads"].sum(1) + p["head_bias"]
    return int(max(first.max(), second.max(), third.max()))


# Symbols


class TurnStream:
    """Four states that take turns, their words, and plain bits."""

    def __init__(self, data: bytes) -> None:
        fields = Fields(data)
        count = fields.unsigned(4)
        self._states = [fields.unsigned(4) for _ in range(4)]
        refuse_unless(min(self._states) >= 65536, f"the states are {self._states}")
        self._words = iter(np.frombuffer(fields.take(2 * count), "<u2").tolist())
        self._plain, self._place = fields.rest(), 0
        self._turn = 0

    @property
    def slot(self) -> int:
        """Return what says which interval is the next."""
        return self._states[self._turn] % 32768

    def take(self, a: int, b: int) -> None:
        """Take the interval from `a` to `b - 1` out of the state whose turn it is."""
        state = (b - a) * (self._states[self._turn] // 32768) + self.slot - a
        if state < 65536:
            word = next(self._words, None)
            refuse_unless(word is not None, "there is no other word", "truncated")
            state = 65536 * state + (word or 0)
        self._states[self._turn] = state
        self._turn = (self._turn + 1) % 4

    def flag(self, probability: int) -> bool:
        """Decode a flag."""
        is_set = self.slot < probability
        self.take(*((0, probability) if is_set else (probability, 32768)))
        return is_set

    def bits(self, n: int) -> int:
        """Take `n` plain bits, the lowest first."""
        there = 8 * len(self._plain) - self._place
        refuse_unless(n <= there, "there are no other bits", "truncated")
        value = int.from_bytes(self._plain, "little") >> self._place & ((1 << n) - 1)
        self._place += n
        return value

    def escape(self) -> int:
        """Take an escape: the cell, counted from that of the mean."""
        is_below, zeros = self.bits(1), 0
        while self.bits(1) == 0:
            zeros += 1
            refuse_unless(zeros <= 11, "an escape has more than 11 zeros")
        size = 7 + (1 << zeros) + self.bits(zeros)
        return -size if is_below else size

    def symbol(self, mu: int, s: int, starts: Array) -> int:
        """Decode a symbol."""
        bits = cell_bits(s)
        middle = (mu + 8) >> (4 + bits)
        rest = mu + 8 - (middle << (4 + bits))
        place = ((rest + ((1 << bits) >> 1)) >> bits) - 8
        row = [*starts[abs(place), s].tolist(), 32768]
        entry = bisect_right(row, self.slot) - 1
        self.take(row[entry], row[entry + 1])
        c = self.escape() if entry == 15 else entry - 7
        return ((middle + (-c if place < 0 else c)) << bits) + self.bits(bits)

    def finish(self) -> None:
        """Refuse words and bits that are left, and other states than an encoder begins with."""
        refuse_unless(next(self._words, None) is None, "there are words behind the last symbol")
        refuse_unless(self._states == [65536] * 4, f"the states are {self._states} at the end")
        rest = int.from_bytes(self._plain, "little") >> self._place
        fits = 8 * len(self._plain) - self._place < 8 and rest == 0
        refuse_unless(fits, "there are bits behind the last symbol")


def cell_bits(s: int) -> int:
    """Return how many lowest bits of a symbol are plain."""
    return max((5909 * (s - 28)) >> 15, 0)


def starts_of(ratio: int, mix: Array) -> Array:
    """Return where the intervals of all tables begin: (9, 85, 16)."""
    starts = np.zeros((9, 85, 16), np.int64)
    for place in range(9):
        for s in range(85):
            weight = int(mix[s])

            def below(c: int, place: int = place, s: int = s, weight: int = weight) -> int:
                z = (32 * c - 16 - 2 * place) << cell_bits(s)
                first, second = (LOGISTIC(by(z * INVERSE(i), 15)) for i in (s, s + ratio))
                return (weight * first + (32768 - weight) * second) >> 15

            parts = [((below(e - 7) - below(-7)) * 32752 >> 15) + e for e in range(16)]
            starts[place, s] = parts
    return starts


# Components


def read_network(data: bytes, mosaic: Mosaic, networks: dict[str, Arrays]) -> list[Array]:
    """Return the planes of blocks of all components, (rows, columns, 64)."""
    order = [1, 0, 2] if mosaic.colour == RGB else list(range(len(mosaic.factors)))
    check_grids([mosaic.blocks(component) for component in order])
    stream = TurnStream(data)
    planes: dict[int, NetworkPlane] = {}
    for name, component in zip(NAMES[mosaic.colour], order, strict=True):
        coded = np.kron(mosaic.present, np.ones(mosaic.blocks(component), bool))
        before = [plane.values for plane in planes.values()]
        plane = NetworkPlane(stream, networks[name], mosaic.tables[component], coded, before)
        plane.read()
        planes[component] = plane
    stream.finish()
    return [planes[component].coefficients for component in range(len(order))]


def check_grids(grids: list[tuple[int, int]]) -> None:
    """Refuse components of other grids than those before, and halves and quarters of them."""
    for i, grid in enumerate(grids):
        for before in grids[:i]:
            ratios = [divmod(large, small) for large, small in zip(before, grid, strict=True)]
            fits = all(d in HALVING and left == 0 for d, left in ratios)
            refuse_unless(fits, f"a component of {before} blocks, then one of {grid}")


class Borders(NamedTuple):
    """The borders of a block, by `e` and by `o`."""

    lower_e: list[int]
    right_e: list[int]
    lower_o: list[int]
    right_o: list[int]


def borders_of(values: list[int]) -> Borders:
    """Return the borders of values in sixteenths."""
    parts = []
    for c in (BORDER, OUTER):
        for down, across in ((8, 1), (1, 8)):
            sums = (
                sum((-1) ** i * c(i) * values[down * i + across * n] for i in range(8))
                for n in range(8)
            )
            parts.append([by(value, 12) for value in sums])
    return Borders(*parts)


Sums = list[np.float32]
"""The sums of the regression, in binary32."""


class Left(NamedTuple):
    """What a block leaves behind."""

    x: list[int]
    magnitudes: list[int]
    levels: list[int]
    spread: list[int]
    borders: Borders
    sums: Sums
    dc: int
    shorts: list[int]


NOTHING = Left(
    [0] * 64,
    [0] * 64,
    [-115] * 15,
    [0] * 64,
    borders_of([0] * 64),
    [np.float32(0)] * 5,
    0,
    [0, 0],
)


class Seen(NamedTuple):
    """A block of a twin."""

    t: list[int]
    levels: list[int]
    borders: Borders


NOTHING_SEEN = Seen([0] * 64, [-115] * 15, borders_of([0] * 64))


def brought(values: Array, shape: tuple[int, int]) -> Array:
    """Return the values of a component on the grid of another one, in sixteenths."""
    rows, columns = shape
    d, a = len(values) // rows, values.shape[1] // columns
    joined = values.reshape(rows, d, columns, a, 8, 8).transpose(0, 2, 1, 4, 3, 5)
    joined = joined.reshape(rows, columns, 8 * d, 8 * a)
    halved = (HALVING[d] @ joined + 128) >> 8
    t = (halved @ HALVING[a].T + 2048) >> 12
    brought_values: Array = np.clip(t, -32767, 32767).reshape(rows, columns, 64)
    return brought_values


class NetworkPlane:
    """The plane of blocks of a component."""

    def __init__(
        self, stream: TurnStream, a: Arrays, steps: Array, coded: Array, before: list[Array]
    ) -> None:
        self.stream, self.a, self.steps, self.coded = stream, a, steps, coded
        self.rows: int = coded.shape[0]
        self.columns: int = coded.shape[1]
        self.coefficients = np.zeros((*coded.shape, 64), np.int64)
        self.q: list[int] = steps.tolist()
        self.starts = starts_of(int(a["ratio"][0]), a["mix"])
        logs = np.array([lg(q) for q in self.q])
        self.bias = a["bias"] + (np.tensordot(logs - 1024, a["steps"], (0, 0)) >> 8)
        self._weigh()
        self.running, self.count = [2**18] * 64, 0
        self.left: dict[tuple[int, int], Left] = {}
        self.twins = [self._see(brought(values, self.coded.shape)) for values in before]

    def _weigh(self) -> None:
        """Make weights of magnitudes for these steps: `weights`, `floors`, `shifts` by j and k."""
        self.weights = self.a["magnitude"].astype(np.int64)
        self.floors = self.a["floor"].astype(np.int64)
        self.shifts = np.zeros((3, 64), np.int64)
        for k in range(64):
            for j in range(3):
                own = self.weights[j, :, k]
                for i, near in enumerate(NEAR[k]):
                    own[i] = (own[i] * self.q[near] + self.q[k] // 2) // self.q[k]
                    self.floors[j, k] += 4 * own[i]
                own[len(NEAR[k]) : 6] *= k == 0
                while int(own.sum()) >> self.shifts[j, k] >= 2**17:
                    self.shifts[j, k] += 1
                own >>= self.shifts[j, k]
                self.floors[j, k] = min(max(self.floors[j, k] >> self.shifts[j, k], 1), 2**28)

    def scaled(self, difference: int, k: int, c: int = 4096) -> int:
        """Return a difference in sixteenths, times `c` over 4096, in sixteenths of a step."""
        q = self.q[k]
        n = 12 + q.bit_length()
        factor = ((c << (n - 12)) + q // 2) // q
        return limited(by(limited(difference, 2**17 - 1) * factor, n))

    def _see(self, t: Array) -> dict[tuple[int, int], Seen]:
        """Return the blocks of a twin by their places."""
        seen = {}
        for place in np.ndindex(self.rows, self.columns):
            values = t[place].tolist()
            sizes = [size_of(self.scaled(value, k)) if k else 0 for k, value in enumerate(values)]
            seen[place] = Seen(values, levels(sizes), borders_of(values))
        return seen

    @property
    def values(self) -> Array:
        """Return all values `D`."""
        values: Array = np.clip(self.coefficients * self.steps, -2047, 2047)
        return values

    def rows_of(self, diagonal: int) -> range:
        """Return the rows that have a block on a diagonal."""
        first = max(0, (diagonal - self.columns + 2) // 2)
        return range(first, min(diagonal // 2, self.rows - 1) + 1)

    def standing(self, y: int, x: int) -> tuple[int, int] | None:
        """Return which block stands at a place, or None if its diagonal has none."""
        rows = self.rows_of(x + 2 * y)
        if not rows:
            return None
        row = min(max(y, rows[0]), rows[-1])
        return row, x + 2 * (y - row)

    def at(self, y: int, x: int) -> Left:
        """Return what the block left behind that stands at a place."""
        place = self.standing(y, x)
        return self.left.get(place, NOTHING) if place else NOTHING

    def seen(self, twin: int, y: int, x: int) -> Seen:
        """Return the block of a twin that stands at a place."""
        place = self.standing(y, x)
        return self.twins[twin][place] if place else NOTHING_SEEN

    def read(self) -> None:
        """Decode all blocks."""
        for diagonal in range(self.columns + 2 * self.rows - 2):
            rows = self.rows_of(diagonal)
            coded = [y for y in rows if self.coded[y, diagonal - 2 * y]]
            for first in rows[::16]:
                group = [
                    NetworkBlock(self, y, diagonal - 2 * y)
                    for y in coded
                    if first <= y < first + 16
                ]
                self._read_group(group)
            if coded:
                self._update(diagonal, coded)

    def _read_group(self, group: list[NetworkBlock]) -> None:
        for number in range(len(PASSES)):
            for block in group:
                block.read_flag(number)
            for i, k in enumerate(PASSES[number]):
                for block in group:
                    block.read_ac(number, i, k)
            for block in group:
                block.finish_pass(number)
        for block in group:
            block.read_dc()

    def _update(self, diagonal: int, coded: list[int]) -> None:
        """Bring the running magnitudes up to date."""
        n = len(coded)
        self.count += n
        rate = min(n * RATE(self.count - 1), 32768)
        for k in range(64):
            total = sum(self.left[y, diagonal - 2 * y].magnitudes[k] for y in coded)
            r = self.running[k]
            self.running[k] = r + ((((total << 15) // n - r) * rate) >> 16)


class NetworkBlock:
    """A block while it is decoded."""

    def __init__(self, plane: NetworkPlane, y: int, x: int) -> None:
        self._plane, self._y, self._x = plane, y, x
        self._up, self._left = y > 0, x > 0
        places = ((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0))
        self._near = [plane.at(y + down, x + across) for down, across in places]
        self._symbols, self._values, self._magnitudes = [0] * 64, [0] * 64, [0] * 64
        self._twins = [plane.seen(c, y, x).t for c in range(len(plane.twins))]
        self._scaled = [[plane.scaled(t[k], k) for k in range(64)] for t in self._twins]
        self._decoded: list[int] = []
        self._is_over = False
        self._begin_sums()
        inputs = np.array(self._inputs())
        self._accumulator = inputs @ plane.a["trunk"]
        self._signed = np.zeros_like(self._accumulator)

    # Slopes

    def _begin_sums(self) -> None:
        w, n, *others = (left.sums for left in self._near)
        self._around = []
        for i in range(5):
            total = w[i] + n[i]
            total = total + total
            for sums in others:
                total = total + sums[i]
            self._around.append(total)
        self._sums: Sums = [np.float32(0)] * 5
        self._slopes: list[int] = []
        self._slope2 = 0
        self._find_slopes()

    def _find_slopes(self) -> None:
        """Bring the slopes up to date, in binary32."""
        h = [a + (s + s) for a, s in zip(self._around, self._sums, strict=True)]
        f = np.float32

        def slope(value: np.float32) -> int:
            return int(min(max(value, f(-4096)), f(4096)))

        a = h[2] + f(768)
        if len(self._twins) == 1:
            self._slopes = [slope(h[0] * f(16384) / a)]
        if len(self._twins) == 2:
            b, c, x, y = h[3] + f(768), h[4], h[0] * f(16384), h[1] * f(16384)
            product = a * b
            d = max(product - c * c + product * f(1 / 1024), f(1))
            self._slopes = [slope((x * b - y * c) / d), slope((y * a - x * c) / d)]
            self._slope2 = slope(y / b)

    def _by_slopes(self, values: Sequence[int]) -> int:
        """Return the sum of products of slopes and values of the twins, in the unit of these."""
        return by(sum(s * value for s, value in zip(self._slopes, values, strict=True)), 10)

    def _guess(self, k: int) -> int:
        return limited(self._by_slopes([c[k] for c in self._scaled])) if self._twins else 0

    # Networks

    def _inputs(self) -> list[int]:
        plane = self._plane
        w, n, nw, ne = (left.dc for left in self._near[:4])
        inputs = [value for left in self._near for value in left.levels]
        inputs += levels([r >> 10 for r in plane.running], 5)
        above, beside = list(self._near[1].borders.lower_e), list(self._near[0].borders.right_e)
        above[0] -= by(BORDER(0) * n, 8)
        beside[0] -= by(BORDER(0) * w, 8)
        above, beside = [z * self._up for z in above], [z * self._left for z in beside]
        jumps = [8 * (w - nw), 8 * (n - nw), 8 * (ne - n), 8 * (n - w)]
        signed = [short(value) for value in above + beside + jumps]
        inputs += [abs(value) for value in signed] + signed
        for left in self._near[:4]:
            inputs += left.shorts
        has_ne = self._up and self._x < plane.columns - 1
        inputs += [0 if real else 64 for real in (self._up, self._left, has_ne)]
        inputs.append(1024 // (16 + plane.count))
        return inputs + self._twin_inputs()

    def _twin_inputs(self) -> list[int]:
        inputs: list[int] = []
        plane, y, x = self._plane, self._y, self._x
        if plane.twins:
            for down, across in ((0, 0), (-1, 0), (0, -1), (1, 0), (0, 1)):
                inputs += plane.seen(0, y + down, x + across).levels
        if len(plane.twins) == 2:
            inputs += plane.seen(1, y, x).levels
        for i, slope in enumerate(self._slopes):
            log = lg(float(self._around[2 + i] + np.float32(256)))
            inputs += [slope >> 4, min((log - 2040) >> 4, 511)]
        return inputs

    def _run(self, number: int) -> list[int]:
        a, total = self._plane.a, self._accumulator + self._plane.bias[number]
        for g in range(15):
            if all(number > self._pass_of(k) for k in GROUPS[g]):
                size = level(sum(self._magnitudes[k] for k in GROUPS[g]), g)
                total = total + size * a["own"][number, g]
        h1 = np.clip(total >> a["shift1"][number], 0, 1023)
        total = h1 @ a["layer"][number] + a["layer_bias"][number]
        h2 = np.clip(total >> a["shift2"][number], 0, 1023)
        total = h2 @ a["heads"][number] + a["head_bias"][number]
        outputs: list[int] = np.clip(total >> a["shift3"][number], -32768, 32767).tolist()
        return outputs

    @staticmethod
    def _pass_of(k: int) -> int:
        return next((number for number, ks in enumerate(PASSES) if k in ks), DC_PASS)

    # Coefficients

    def _kinds(self, number: int) -> int:
        """Return how many outputs each coefficient of a pass has."""
        return 4 + bool(self._twins) if number in STEERED else 1

    def read_flag(self, number: int) -> None:
        """Decode whether all that is left is 0."""
        if self._is_over:
            return
        self._outputs = self._run(number)
        last = self._outputs[self._kinds(number) * len(PASSES[number])]
        self._is_over = self._plane.stream.flag(ZERO(last >> 3))
        if number and not self._is_over:
            self._find_slopes()

    def read_ac(self, number: int, i: int, k: int) -> None:
        """Decode coefficient `i` of a pass, if the block has any left."""
        guess = self._guess(k)
        if not self._is_over:
            of_pass = self._kinds(number) * len(PASSES[number])
            self._decode(k, guess, self._outputs[i : of_pass : len(PASSES[number])])
        if self._twins:
            self._magnitudes[k] = size_of(16 * self._symbols[k] - guess)
            self._add_products(k)
        else:
            self._magnitudes[k] = 32 * min(abs(self._symbols[k]), 400)

    def _add_products(self, k: int) -> None:
        x = np.float32(self._symbols[k])
        c = [np.float32(scaled[k]) for scaled in self._scaled]
        zero = np.float32(0)
        second = c[1] if len(c) == 2 else zero
        products = [x * c[0], x * second, c[0] * c[0], second * second, c[0] * second]
        self._sums = [s + product for s, product in zip(self._sums, products, strict=True)]

    def finish_pass(self, number: int) -> None:
        """Let later passes see the coefficients of this one."""
        self._accumulator = self._accumulator + self._signed
        self._signed = np.zeros_like(self._accumulator)

    def _set(self, k: int, x: int) -> None:
        self._symbols[k] = x
        self._values[k] = 16 * limited(x * self._plane.q[k], 2047)

    def _known(self, c: Lookup, values: list[int], *, u: int = -1, v: int = -1) -> int:
        """Return what is known of a border from the column `u` or the row `v`."""
        total = sum(
            c(k // 8 if v < 0 else k % 8) * values[k]
            for k in self._decoded
            if k % 8 == u or k // 8 == v
        )
        return by(total, 12)

    def _of_n(self, u: int) -> tuple[int, int]:
        """Return what the borders of N have beyond those known, by `e` and by `o`."""
        lower_e, _, lower_o, _ = self._near[1].borders
        e, o = (self._known(c, self._values, u=u) for c in (BORDER, OUTER))
        return lower_e[u] - e, lower_o[u] - o

    def _of_w(self, v: int) -> tuple[int, int]:
        _, right_e, _, right_o = self._near[0].borders
        e, o = (self._known(c, self._values, v=v) for c in (BORDER, OUTER))
        return right_e[v] - e, right_o[v] - o

    def _jumps(self, k: int) -> tuple[list[int], list[int], list[int]]:
        """Return jump, edge and third of N and of W; and the magnitudes 14 and 15."""
        (v, u), scaled = divmod(k, 8), self._plane.scaled
        w, n, nw = (left.dc for left in self._near[:3])
        x_n, x_w = self._up * 16 * self._near[1].x[k], self._left * 16 * self._near[0].x[k]
        from_n = [x_n, scaled(16 * (nw - w), k), x_n]
        from_w = [x_w, scaled(16 * (nw - n), k), x_w]
        if u:
            e, o = self._of_n(u)
            from_n[:2] = self._up * scaled(e, k, BORDER(v)), self._up * scaled(o, k, OUTER(v))
        if v:
            e, o = self._of_w(v)
            from_w[:2] = self._left * scaled(e, k, BORDER(u)), self._left * scaled(o, k, OUTER(u))
        if u == 0 or v == 0:
            both = self._up and self._left
            (e_n, o_n), (e_w, o_w) = self._of_n(0), self._of_w(0)
            z_e, z_o = (e_n - e_w) * both, (o_n - o_w) * both
            z_e, z_o = (z_e, z_o) if v else (-z_e, -z_o)
            from_n[2] = scaled(z_e, k, BORDER(u + v))
            from_w[2] = scaled(z_o, k, OUTER(u + v))
        sizes = [size_of(from_n[0] if u else from_n[2]), size_of(from_w[0] if v else from_n[2])]
        return from_n, from_w, sizes

    def _twin_jumps(self, k: int) -> tuple[int, int]:
        """Return the jumps of the twins, by slopes."""
        v, u = divmod(k, 8)
        plane, y, x = self._plane, self._y, self._x
        jumps_n, jumps_w = [], []
        for c, t in enumerate(self._twins):
            lower = plane.seen(c, y - 1, x).borders.lower_e[u]
            right = plane.seen(c, y, x - 1).borders.right_e[v]
            jumps_n.append(limited(lower - self._known(BORDER, t, u=u), 2**17 - 1))
            jumps_w.append(limited(right - self._known(BORDER, t, v=v), 2**17 - 1))
        jump_n = plane.scaled(self._up * self._by_slopes(jumps_n), k, BORDER(v))
        jump_w = plane.scaled(self._left * self._by_slopes(jumps_w), k, BORDER(u))
        return jump_n if u else 0, jump_w if v else 0

    def _decode(self, k: int, guess: int, outputs: list[int]) -> None:
        plane, m = self._plane, [by(m, 2) for m in self._plane.a["mean"][k].tolist()]
        jumps_n, jumps_w, sizes = self._jumps(k)
        from_n = sum(a * b for a, b in zip(m[0:6:2], jumps_n, strict=True))
        from_w = sum(a * b for a, b in zip(m[1:6:2], jumps_w, strict=True))
        from_t = 0
        if self._twins:
            from_t = m[6] * guess
            if len(self._twins) == 2:
                from_t += m[9] * limited(by(self._slope2 * self._scaled[1][k], 10))
            jump_n, jump_w = self._twin_jumps(k)
            from_n, from_w = from_n + m[7] * jump_n, from_w + m[8] * jump_w
        s = self._log_scale(k, outputs[0], self._ac_terms(k, sizes, guess))
        x = self._read_symbol(s, outputs[1:], 0, [from_n, from_w, from_t])
        refuse_unless(abs(x) <= 1023, f"a coefficient is {x}")
        self._set(k, x)
        self._signed = self._signed + short(self._values[k]) * plane.a["signed"][k]
        self._decoded.append(k)

    def _ac_terms(self, k: int, sizes: list[int], guess: int) -> list[int]:
        """Return the 20 terms of the sums."""
        terms = [self._magnitudes[j] for j in NEAR[k]]
        terms += [0] * (6 - len(terms))
        terms += [left.magnitudes[k] for left in self._near]
        terms.append(min(self._near[0].spread[k] + self._near[1].spread[k], 12800))
        terms += [0, *sizes, 0, 0, 0, 0]
        if self._twins:
            others = sum(min(abs(left.x[k]), 400) for left in self._near[:2])
            terms[16:19] = size_of(self._scaled[0][k]), size_of(guess), 16 * others
        for scaled in self._scaled[1:]:
            terms[19] = size_of(scaled[k])
        return terms

    def _log_scale(self, k: int, out: int, terms: list[int]) -> int:
        """Return the log-scale; term 13 is that of the running magnitude."""
        plane, a = self._plane, self._plane.a
        total = int(a["base"][k]) + int(a["slope"][k]) * (lg(plane.q[k]) - 1024) + 4096 * out
        for j in range(3):
            weights = plane.weights[j, :, k].tolist()
            y = int(plane.floors[j, k]) + ((weights[13] * (plane.running[k] >> 12)) >> 3)
            y += sum(weight * term for weight, term in zip(weights, terms, strict=True))
            total += int(a["exponent"][k, j]) * (lg(y) - 4352 + 256 * int(plane.shifts[j, k]))
        return min(max(by(total, 17) + 28, 0), 84)

    def _read_symbol(self, s: int, outputs: list[int], base: int, parts: list[int]) -> int:
        """Decode a symbol, of the parts of whose mean each is in 2^-14 of a step."""
        shares = [limited(by(part, 9)) for part in parts]
        total = sum(shares)
        if outputs:
            *gates, shift = outputs
            weighed = zip(gates, shares[: len(gates)], strict=True)
            octaves = (5909 * (s - 28)) >> 7
            product = limited(shift, 2047) * (256 + (octaves & 255))
            total = sum(gate(out) * share for out, share in weighed) >> 11
            total += base + (product >> (11 - (octaves >> 8)))
        mu = limited((total + 1) >> 1)
        return self._plane.stream.symbol(mu, s, self._plane.starts)

    # DC

    def read_dc(self) -> None:
        """Decode DC, and leave behind what later blocks see."""
        if self._twins:
            self._find_slopes()
        outputs = self._run(DC_PASS)[: self._kinds(DC_PASS)]
        scaled = self._plane.scaled
        m = [by(m, 2) for m in self._plane.a["mean"][0].tolist()]
        edges_n, edges_w = (
            [by(11586 * limited(z, 2**17 - 1), 12) for z in jumps]
            for jumps in (self._of_n(0), self._of_w(0))
        )
        edges_n = edges_n if self._up else edges_w if self._left else [0, 0]
        edges_w = edges_w if self._left else edges_n
        base = (edges_n[0] + edges_w[0]) >> 1
        w, n, nw, ne = (16 * left.dc for left in self._near[:4])
        guesses_n, guesses_w = [*edges_n, n], [*edges_w, w + n - nw]
        from_n = sum(a * scaled(b - base, 0) for a, b in zip(m[0:6:2], guesses_n, strict=True))
        from_w = sum(a * scaled(b - base, 0) for a, b in zip(m[1:6:2], guesses_w, strict=True))
        from_t, twin_terms = 0, [0] * 4
        if self._twins:
            here, there_n, there_w = self._twin_dcs()
            moved_n, moved_w = n + here - there_n, w + here - there_w
            middle = ((moved_n + moved_w) >> 1) - base
            from_t = m[6] * scaled(middle, 0)
            from_n += m[7] * scaled(moved_n - base, 0)
            from_w += m[8] * scaled(moved_w - base, 0)
            twin_terms = [middle, moved_n - moved_w, here - there_n, here - there_w]
        ac = [abs(value) for value in self._values]
        gaps = [a - b for a, b in zip(edges_n, edges_w, strict=True)]
        corner = edges_n[0] - edges_n[1] + edges_w[0] - edges_w[1]
        differences = [*gaps, w - nw, n - nw, n - ne, w - n, (ac[1] + ac[8]) >> 1]
        differences += [(sum(ac[1:]) - ac[1] - ac[8]) >> 4, corner, *twin_terms]
        sizes = [size_of(scaled(z, 0)) for z in differences]
        terms = [*sizes[:6], *(left.magnitudes[0] for left in self._near)]
        terms += [sizes[6], 0, *sizes[7:]]
        s = self._log_scale(0, outputs[0], terms)
        start = scaled(base, 0)
        x = self._read_symbol(s, outputs[1:], 2 * start, [from_n, from_w, from_t])
        refuse_unless(-1024 <= x <= 1023, f"a DC is {x}")
        self._set(0, x)
        self._magnitudes[0] = size_of(16 * x - start)
        self._leave()

    def _twin_dcs(self) -> list[int]:
        """Return the DC that the twins give here, at N and at W."""
        plane, y, x = self._plane, self._y, self._x
        return [
            self._by_slopes([plane.seen(c, *place).t[0] for c in range(len(self._twins))])
            for place in ((y, x), (y - 1, x), (y, x - 1))
        ]

    def _spread(self) -> list[int]:
        """Return the magnitudes beside each coefficient, in 1/32 of its step."""
        q, spread = self._plane.q, []
        for k in range(64):
            v, u = divmod(k, 8)
            total = 0
            for j, is_inside in ((k - 1, u > 0), (k + 1, u < 7), (k - 8, v > 0), (k + 8, v < 7)):
                if is_inside and j:
                    ratio = min((256 * q[j] + q[k] // 2) // q[k], 32767)
                    total += self._magnitudes[j] * ratio
            spread.append(min(total >> 8, 12800))
        return spread

    def _leave(self) -> None:
        plane = self._plane
        plane.left[self._y, self._x] = Left(
            self._symbols,
            self._magnitudes,
            levels(self._magnitudes),
            self._spread(),
            borders_of(self._values),
            self._sums,
            self._values[0] >> 4,
            [short(self._values[k]) for k in (1, 8)],
        )
        plane.coefficients[self._y, self._x] = self._symbols


# Section 9: lossy chunks by colour axes and DCT ---------------------------------------------------

BANDS = [
    *([1], [2], [3], [4, 5], [6, 7], [8, 9, 10], [11, 12, 13], [14, 15, 16, 17]),
    *(list(range(18, 23)), list(range(23, 31)), [0]),
]
CONSTANT_BAND = 10
FLAGGED = range(3, 10)
FAMILY = [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]
ENERGY_SCALE = [1536, 1024, 768, 279, 205, 102, 79, 51, 56, 85, 3072]
PLACES = [(u, d - u) for d in range(31) for u in range(16) if 0 <= d - u < 16]
AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
BEFORE = AROUND[:4]
ABOVE_AND_LEFT, BELOW_AND_RIGHT = [(-1, 0), (0, -1)], [(1, 0), (0, 1)]
LOWER = [(1, 0), (0, 1), (1, 1), (2, 0), (0, 2)]  # terms 0 to 4, in u and v

COSINE = [round(2**14 * math.cos(2 * math.pi * t / 1024)) for t in range(1024)]
BASIS = np.array([
    [round(2**14 * math.sqrt((1 + (u > 0)) / 16) * math.cos((2 * y + 1) * u * math.pi / 32))
     for y in range(16)]
    for u in range(16)
])  # fmt: skip
FREQUENCY = np.array([
    [round(256 * math.sqrt(u * u + v * v) / 15) for v in range(16)] for u in range(16)
])  # fmt: skip


def transform_digest() -> str:
    """Return the SHA-256 of what section 9.2 rounds."""
    numbers = [*FREQUENCY.ravel(), *BASIS.ravel(), *COSINE[:257]]
    return sha256(np.array(numbers, "<i8"))


def check_context(d: dict[str, Any], a: Arrays) -> None:
    """Refuse a context model whose arrays are others than section 9.1 says, or too large."""

    def check(condition: object, reason: str) -> None:
        refuse_unless(condition, f"the weights file: {reason}", "weights")

    check(d["version"] == 1, "its version is not 1")
    axes = d["axes"]
    check(axes in (1, 3), f"there are {axes} axes")
    passes, (w, s) = 11 * axes, a["layer"].shape[1:]
    check(w % 16 == s % 16 == 0, f"the layers have {w} and {s} numbers")
    by_place = (axes, 256)
    shapes: dict[str, tuple[int, ...]] = {
        "spread": (passes, 9, w), "own": (passes, 4, w),
        "bias": (passes, w), "bias_steps": (passes, 4, w),
        "layer": (passes, w, s), "flag": (passes, s), "heads": (*by_place, s),
        "layer_bias": (passes, s), "flag_bias": (passes,),
        "elements": (*by_place, 16), "floors": by_place, "slopes": by_place,
        "base": by_place, "base_steps": (2, *by_place), "means": (axes, 71),
        "tables": (576, 16), "flag_tables": (64,), "raw_bits": (64,),
    }  # fmt: skip
    for name, shape in shapes.items():
        check(a[name].shape == shape, f"{name} has the shape {a[name].shape}")
    for name, low, high in (
        *((x, 1 - 2**15, 2**15 - 1) for x in ("spread", "own", "layer", "flag", "heads", "means")),
        ("elements", 0, 2**15 - 1), ("floors", 1, 2**15 - 1),
        ("slopes", 1 - 2**20, 2**20 - 1), ("base", 1 - 2**24, 2**24 - 1),
        ("base_steps", 1 - 2**16, 2**16 - 1), ("tables", 1, 2**14), ("flag_tables", 1, 16383),
        ("raw_bits", 0, 12),
    ):  # fmt: skip
        check(low <= a[name].min() and a[name].max() <= high, f"{name} is beyond its limits")
    check((a["tables"].sum(1) == 2**14).all(), "a table is not 16384 in sum")
    check(largest_context_sum(a) < 2**31, "a sum is beyond 2^31")
    most = np.array([63] * 5 + [126] * 4 + [63] * 5 + [252, 63])
    check((a["elements"] @ most + a["floors"]).max() < 2**16, "a sum of elements is beyond 2^16")


def largest_context_sum(a: Arrays) -> int:
    """Return how large a sum of the networks can become (section 9.1)."""
    m = {name: np.abs(array) for name, array in a.items()}
    first = 224 * (m["spread"].sum((0, 1)) + m["own"].sum(1)) + m["bias"]
    sums = [
        first + 16 * m["bias_steps"].sum(1) + 1,
        16383 * m["layer"].sum(1) + m["layer_bias"],
        16383 * m["flag"].sum(1) + m["flag_bias"],
        16383 * m["heads"].sum(2),
    ]
    return max(int(x.max()) for x in sums)


def as_table(frequency: list[int]) -> Table:
    """Return the table of entries that begin with 0."""
    return Table(0, frequency, [sum(frequency[:e]) for e in range(len(frequency))])


class PlainBits:
    """Numbers in bits, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = iter([byte >> i & 1 for byte in data for i in range(8)])

    def bits(self, n: int) -> int:
        """Take a number of `n` bits, the lowest first."""
        number = 0
        for i in range(n):
            bit = next(self._bits, None)
            if bit is None:
                raise RefusedError("truncated", "a bit is missing")
            number += bit << i
        return number

    def escape(self) -> int:
        """Take an escape."""
        zeros = 0
        while self.bits(1) == 0:
            zeros += 1
            refuse_unless(zeros <= 14, "an escape has more than 14 zeros")
        return (1 << zeros) - 1 + self.bits(zeros)

    def finish(self) -> None:
        """Refuse more than what fills a byte."""
        rest = list(self._bits)
        refuse_unless(len(rest) < 8 and not any(rest), "there are bits behind the last symbol")


class ContextStream(PlainBits):
    """A stream of entries and plain bits (section 9.6)."""

    def __init__(self, data: bytes, symbols: int) -> None:
        fields = Fields(data)
        words = fields.unsigned(4)
        self._states, self._count = [fields.unsigned(4) for _ in range(8)], 0
        self._words = iter(np.frombuffer(fields.take(2 * words), "<u2").tolist())
        super().__init__(fields.rest())
        reason = f"{words} words cannot hold {symbols} symbols"
        refuse_unless(symbols <= 2**14 * (8 + words), reason)
        refuse_unless(min(self._states) >= 2**16, "a state is below 2^16")

    def entry(self, table: Table) -> int:
        """Decode an entry."""
        lane, self._count = self._count % 8, self._count + 1
        x = self._states[lane]
        slot = x % 16384
        e = bisect_right(table.start, slot) - 1
        x = table.frequency[e] * (x // 16384) + slot - table.start[e]
        if x < 65536:
            word = next(self._words, None)
            if word is None:
                raise RefusedError("truncated", "a word is missing")
            x = 65536 * x + word
        self._states[lane] = x
        return e

    def finish(self) -> None:
        """Refuse a stream that does not end where its last symbol does."""
        refuse_unless(next(self._words, None) is None, "there are words behind the last symbol")
        refuse_unless(set(self._states) == {65536}, "the states at the end are not 65536")
        super().finish()


class Quantisation(NamedTuple):
    """How the coefficients of an image are scaled and turned (section 9.2).

    `steps` are (axes, 16, 16); `low` and `high` are the matrices of both bands, of one number for
    one axis.
    """

    steps: Array
    low: Array
    high: Array


def read_coefficients(section: bytes, header: Header, weights: Weights) -> tuple[Array, list[Part]]:
    """Return the planes of a lossy chunk of coefficients, and the parts of its streams."""
    d = weights.description
    _, _, height, width = header.planes
    rows, columns = -(-height // 16), -(-width // 16)
    refuse_unless(rows * columns <= 2**19, f"there are {rows} x {columns} blocks")
    fields = Fields(section)
    base, slope, chroma = fields.unsigned(2), fields.unsigned(1), fields.unsigned(1)
    if base == 0:
        refuse_unless(1 <= slope <= 16, f"the spacing is {slope}")
        refuse_unless(chroma == 0, f"there is {chroma} behind the spacing")
        images, parts = read_predicted(fields, slope, header, weights)
    else:
        images, parts = read_each(fields, steps_of(base, slope, chroma, d["axes"]), header, weights)
    return samples_of(images[..., :height, :width], header, d["pixel_fraction"]), parts


def read_each(
    fields: Fields, steps: Array, header: Header, weights: Weights
) -> tuple[Array, list[Part]]:
    """Return the pixels of images that are each coded for itself, and their parts."""
    axes = weights.description["axes"]
    n, _, height, width = header.planes
    rows, columns = -(-height // 16), -(-width // 16)
    images: list[Array] = []
    parts: list[Part] = []
    for _ in range(n):
        quantisation = Quantisation(steps, *read_axes(fields, axes))
        stream = ContextStream(fields.take(fields.unsigned(4)), 10 * axes * rows * columns)
        image = ContextImage(stream, rows, columns, quantisation, weights)
        parts += image.read()
        stream.finish()
        images.append(image.pixels(image.values(), weights.description["pixel_fraction"]))
    refuse_unless(not fields.rest(), "there are bytes behind the last image")
    return np.stack(images), parts


def read_axes(fields: Fields, axes: int) -> tuple[Array, Array]:
    """Return the matrices of both bands."""
    if axes == 1:
        return np.array([[2**14]]), np.array([[2**14]])
    angles = [fields.unsigned(2) for _ in range(6)]
    refuse_unless(max(angles) <= 1023, f"an angle is {max(angles)}")
    return matrix_of(*angles[:3]), matrix_of(*angles[3:])


def steps_of(base: int, slope: int, chroma: int, axes: int) -> Array:
    """Return the steps (axes, 16, 16)."""
    refuse_unless(base and chroma, f"base and chroma are {base} and {chroma}")
    scale = np.array([16, chroma, chroma][:axes])[:, None, None]
    steps: Array = (base * scale * (4096 + slope * FREQUENCY) + 2**18) >> 19
    return steps.clip(1, 32767)


def matrix_of(a: int, b: int, c: int) -> Array:
    """Return the matrix of three angles."""

    def r(y: int) -> int:
        return (y + 2**13) >> 14

    cos_a, cos_b, cos_c = (COSINE[t] for t in (a, b, c))
    sin_a, sin_b, sin_c = (COSINE[(t - 256) % 1024] for t in (a, b, c))
    rows = [
        (r(cos_a * cos_b), -sin_a, r(cos_a * sin_b)),
        (r(sin_a * cos_b), cos_a, r(sin_a * sin_b)),
        (-sin_b, 0, cos_b),
    ]
    return np.array([[x, r(y * cos_c + z * sin_c), r(z * cos_c - y * sin_c)] for x, y, z in rows])


def exponent(y: int) -> int:
    """Return `b` with ``2^b <= y < 2^(b + 1)``."""
    return y.bit_length() - 1


def octave(q: int) -> int:
    """Return the logarithm of a step (section 9.4)."""
    b = exponent(q)
    return 64 * (b - 7) + ((64 * q >> b) & 63)


class ContextImage:
    """The coefficients of an image, and what is known while they are decoded (9.3 to 9.7)."""

    def __init__(
        self,
        stream: ContextStream,
        rows: int,
        columns: int,
        quantisation: Quantisation,
        weights: Weights,
    ) -> None:
        self._stream, self._quantisation = stream, quantisation
        self._a, self._tables = weights.arrays, weights.tables
        self._axes: int = weights.description["axes"]
        self._rows, self._columns = rows, columns
        self._blocks = [(y, x) for y in range(rows) for x in range(columns)]
        self._octaves = np.array([
            [octave(int(steps[place])) for place in PLACES] for steps in quantisation.steps
        ])  # fmt: skip
        plain = self._a["base_steps"] * np.array([self._octaves, np.maximum(self._octaves, 0)])
        self._plain = self._a["base"] + ((plain.sum(0) + 32) >> 6)
        # A block outside on every side, and two frequencies below the lowest.
        outer = (rows + 2, columns + 2)
        self._magnitudes = np.zeros((self._axes, *outer, 18, 18), np.int64)
        self._energies = np.zeros((11 * self._axes, *outer), np.int64)
        self._sums = np.zeros((rows, columns, self._a["bias"].shape[1]), np.int64)
        self.symbols = np.zeros((rows, columns, self._axes, 16, 16), np.int64)

    def read(self) -> list[Part]:
        """Decode all passes; a part of (rows, columns, coefficients by place) for each."""
        parts = [self._read_pass(p) for p in range(10 * self._axes)]
        return [*parts, *self._read_constants()]

    def _read_pass(self, p: int) -> Part:
        """Decode a pass in all blocks (sections 9.3 and 9.6)."""
        band, axis = divmod(p, self._axes)
        members = [n for n, (u, v) in enumerate(PLACES) if u + v in BANDS[band]]
        symbols = np.zeros((self._rows, self._columns, len(members)), np.int64)
        tables = np.full(symbols.shape, SKIPPED)
        bias = self._bias(p)
        for y, x in self._blocks:
            h2 = self.hidden(p, bias, y, x)
            if band in FLAGGED:
                level = ((h2 @ self._a["flag"][p] + self._a["flag_bias"][p]) >> 12) + 32
                if self._stream.entry(self._tables[576 + np.clip(level, 0, 63)]) == 0:
                    continue
            for d in BANDS[band]:
                on = [n for n in members if sum(PLACES[n]) == d]
                here = slice(on[0] - members[0], on[-1] - members[0] + 1)
                tables[y, x, here] = self._indexes(band, axis, on, h2, y, x)
                symbols[y, x, here] = [
                    self._coefficient(64 * FAMILY[band], index)
                    for index in tables[y, x, here].tolist()
                ]
                u, v = np.array([PLACES[n] for n in on]).T
                self.symbols[y, x, axis, u, v] = symbols[y, x, here]
                known = np.minimum(np.abs(symbols[y, x, here]), 63)
                self._magnitudes[axis, y + 1, x + 1, u + 2, v + 2] = known
            self._note_energy(p, symbols[y, x], y, x)
        self._spread(p)
        return Part(symbols, tables, symbols)

    def _coefficient(self, row: int, index: int) -> int:
        e, x, y, r = self._entry(row, index)
        magnitude = ((e + x) << r) + y
        refuse_unless(magnitude <= 32767, f"a symbol has the magnitude {magnitude}")
        return -magnitude if magnitude and self._stream.bits(1) else magnitude

    def _entry(self, row: int, index: int) -> tuple[int, int, int, int]:
        """Take an entry, an escape or 0, the plain bits of an index, and how many these are."""
        r = int(self._a["raw_bits"][index])
        e = self._stream.entry(self._tables[row + index])
        y = self._stream.bits(r)
        return e, self._stream.escape() if e == 15 else 0, y, r

    def _note_energy(self, p: int, symbols: Array, y: int, x: int) -> None:
        total = int(np.minimum(np.abs(symbols), 255).sum())
        scaled = total * ENERGY_SCALE[p // self._axes] + 64
        b = exponent(scaled)
        self._energies[p, y + 1, x + 1] = 16 * (b - 6) + ((16 * scaled >> b) & 15)

    def _spread(self, p: int) -> None:
        """Add to the sums of all blocks what the energies of a pass say to later ones."""
        for i, (down, across) in enumerate(AROUND):
            moved = self._energies[p, 1 + down :, 1 + across :][: self._rows, : self._columns]
            self._sums += moved[..., None] * self._a["spread"][p, i]

    # Section 9.4

    def _bias(self, p: int) -> Array:
        """Return the biases of a pass for the steps of the image."""
        band, axis = divmod(p, self._axes)
        members = [n for n, (u, v) in enumerate(PLACES) if u + v in BANDS[band]]
        count = len(members)
        sums = (int(self._octaves[g, members].sum()) for g in (0, axis))
        first, o = ((total + count // 2) // count for total in sums)
        inputs = np.array([o, max(o, 0), max(o - 83, 0), o - first])
        bias: Array = self._a["bias"][p] + ((inputs @ self._a["bias_steps"][p] + 32) >> 6)
        return bias

    def hidden(self, p: int, bias: Array, y: int, x: int) -> Array:
        """Return `h2` of a block."""
        around = [self._energies[p, y + 1 + down, x + 1 + across] for down, across in BEFORE]
        total = bias + self._sums[y, x] + np.array(around) @ self._a["own"][p]
        h1 = np.clip(total >> 8, 0, 16383)
        h2: Array = (h1 @ self._a["layer"][p] + self._a["layer_bias"][p]) >> 10
        return h2.clip(0, 16383)

    # Section 9.5

    def _indexes(self, band: int, axis: int, on: list[int], h2: Array, y: int, x: int) -> Array:
        """Return the indexes of the coefficients at the places `on`, which are a diagonal."""
        u, v = np.array([PLACES[n] for n in on]).T

        def m(
            lower: tuple[int, int] = (0, 0),
            blocks: Sequence[tuple[int, int]] = ((0, 0),),
            of: int = axis,
        ) -> Array:
            """Return magnitudes at lower frequencies, summed over blocks."""
            at = (u + 2 - lower[0], v + 2 - lower[1])
            known = [self._magnitudes[of, y + 1 + j, x + 1 + i][at] for j, i in blocks]
            total: Array = np.sum(known, axis=0)
            return total

        nothing = np.zeros(len(on), np.int64)
        is_first = sum(PLACES[on[0]]) == BANDS[band][0]
        nw, n, ne, w = ([block] for block in BEFORE)
        terms = [
            *(m(lower) for lower in LOWER),
            *(m(lower, ABOVE_AND_LEFT) for lower in LOWER[:2]),
            *(m(lower, BELOW_AND_RIGHT) if is_first else nothing for lower in LOWER[:2]),
            *(m(blocks=block) for block in (n, w, nw, ne)),
            m(of=0) if axis else nothing,
            m(blocks=ABOVE_AND_LEFT + BELOW_AND_RIGHT, of=0) if axis else nothing,
            m(of=1) if axis == 2 else nothing,
        ]
        sums = (np.array(terms).T * self._a["elements"][axis, on]).sum(1)
        sums += self._a["floors"][axis, on]
        b = np.array([exponent(s) for s in sums.tolist()])
        fine = 128 * (b - 8) + ((128 * sums >> b) & 127)
        scale = self._plain[axis, on] + ((fine * self._a["slopes"][axis, on]) >> 8)
        scale += (self._a["heads"][axis, on] @ h2) >> 12
        indexes: Array = np.clip(scale >> 6, 0, 63)
        return indexes

    # Section 9.7

    def _read_constants(self) -> list[Part]:
        """Decode the constant parts of all blocks."""
        own, below, right = self._edges()
        shape = (self._axes, self._rows, self._columns)
        c, missed = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        parts = []
        for axis in range(self._axes):
            p, m = CONSTANT_BAND * self._axes + axis, self._a["means"][axis].tolist()
            q, bias = int(self._quantisation.steps[axis, 0, 0]), self._bias(p)
            symbols = np.zeros((self._rows, self._columns, 1), np.int64)
            tables = np.zeros_like(symbols)
            for y, x in self._blocks:
                expected = int(own[y, x, axis])
                if y > 0:
                    expected += int(below[y - 1, x, axis] + (m[0] + m[65]) * c[axis, y - 1, x])
                if x > 0:
                    expected += int(right[y, x - 1, axis] + (m[32] + m[67]) * c[axis, y, x - 1])
                if y > 0 and x > 0:
                    expected += m[64] * int(c[axis, y - 1, x - 1])
                if y > 0 and x + 1 < self._columns:
                    expected += m[66] * int(c[axis, y - 1, x + 1])
                for g in range(axis):
                    expected += (m[68 + g] * int(missed[g, y, x])) >> 10
                h2 = self.hidden(p, bias, y, x)
                index = int(self._indexes(CONSTANT_BAND, axis, [0], h2, y, x)[0])
                whole, symbol = self.constant(index, (8 * expected + 512 * q) // (1024 * q))
                self._magnitudes[axis, y + 1, x + 1, 2, 2] = min(abs(symbol - whole), 63)
                c[axis, y, x] = np.clip(symbol * q, *limits(32767))
                missed[axis, y, x] = 1024 * c[axis, y, x] - expected
                symbols[y, x, 0], tables[y, x, 0] = symbol, index
                self._note_energy(p, symbols[y, x], y, x)
            self.symbols[:, :, axis, 0, 0] = symbols[..., 0]
            self._spread(p)
            parts.append(Part(symbols, tables, symbols))
        return parts

    def constant(self, index: int, eighths: int) -> tuple[int, int]:
        """Decode a constant part; return what is expected of it in whole steps, and the symbol."""
        whole = (eighths + 4) >> 3
        fraction = eighths - 8 * whole
        e, x, y, r = self._entry(64 * (4 + abs(fraction)), index)
        rest = ((e - 7) << r) + y
        if e == 15:
            rest = ((7 + x) << r) + 1 + y
            if self._stream.bits(1):
                rest = -rest
        symbol = whole - rest if fraction < 0 else whole + rest
        refuse_unless(abs(symbol) <= 32767, f"a symbol is {symbol}")
        return whole, symbol

    def values(self) -> Array:
        """Return the coefficients times their steps: X in section 9.7, Y in section 9.8."""
        return (self.symbols * self._quantisation.steps).clip(*limits(32767))

    def _edges(self) -> tuple[Array, Array, Array]:
        """Return `own`, `below` and `right`, (rows, columns, axes) each."""
        values, (_, low, high) = self.values(), self._quantisation
        down, across = values[..., 0], values[..., 0, :]
        if self._axes == 3:
            turn = (low @ high.T + 2**14) >> 15
            is_low = np.arange(16) < 4
            down, across = (
                np.where(is_low, x, (np.einsum("ag,yxgi->yxai", turn, x) + 2**12) >> 13)
                for x in (down, across)
            )
        m = self._a["means"].astype(np.int64)  # the constant parts are still 0

        def weighted(values: Array, begin: int) -> Array:
            total: Array = (values * m[:, begin : begin + 16]).sum(-1)
            return total

        return weighted(down, 16) + weighted(across, 48), weighted(down, 0), weighted(across, 32)

    # Section 9.8

    def pixels(self, x: Array, fraction: int) -> Array:
        """Return the pixels of all blocks, (channels, 16 rows, 16 columns), for values `Y`."""
        if self._axes == 3:
            is_low = np.add.outer(np.arange(16), np.arange(16)) < 4
            low, high = (
                np.einsum("gc,yxguv->yxcuv", matrix, x) for matrix in self._quantisation[1:]
            )
            x = int16(rounded(np.where(is_low, low, high), 14))
        columns = int16(rounded(BASIS.T @ x, 12))
        pixels = rounded(columns @ BASIS + 2**26, 19 - fraction)
        pixels = np.clip(pixels, 0, 2 ** (8 + fraction) - 1)
        return pixels.transpose(2, 0, 3, 1, 4).reshape(
            self._axes, 16 * self._rows, 16 * self._columns
        )


def rounded(y: Array, n: int) -> Array:
    """Return `y` in units of ``2^n``."""
    shifted: Array = (y + 2 ** (n - 1)) >> n
    return shifted


def int16(y: Array) -> Array:
    """Return `y` clamped to 16 bits."""
    return y.clip(-32768, 32767)


# Section 9.9: images that are predicted from others -----------------------------------------------


class PredictedImage(NamedTuple):
    """An image in the order of coding.

    `gains` are None if it stands for itself; `weight` is that of the second reference.
    """

    number: int
    references: list[int]
    gains: list[int] | None
    weight: int


def coding_order(n: int, spacing: int) -> Iterator[tuple[int, list[int]]]:
    """Yield the number of each image and those of its references."""

    def between(a: int, b: int) -> Iterator[tuple[int, list[int]]]:
        if b - a >= 2:
            middle = (a + b) // 2
            yield middle, [a, b]
            yield from between(a, middle)
            yield from between(middle, b)

    yield 0, []
    for a in range(0, n - 1, spacing):
        b = min(a + spacing, n - 1)
        yield b, [a]
        yield from between(a, b)


def read_predictions(data: bytes, n: int, spacing: int, passes: int) -> list[PredictedImage]:
    """Return all images in the order of coding, with their gains."""
    bits = PlainBits(data)
    gains, images = [12] * passes, []
    for number, references in coding_order(n, spacing):
        if not references or bits.bits(1) == 0:
            images.append(PredictedImage(number, references, None, 0))
            continue
        weight = bits.bits(3) if len(references) == 2 else 0
        refuse_unless(weight <= 4, f"a weight is {weight}")
        numbers = [bits.escape() for _ in gains]
        gains = [
            g + ((e + 1) // 2 if e % 2 else -(e // 2)) for g, e in zip(gains, numbers, strict=True)
        ]
        refuse_unless(min(gains) >= 0 and max(gains) <= 20, f"gains are {gains}")
        images.append(PredictedImage(number, references, gains, weight))
    bits.finish()
    return images


def read_predicted(
    fields: Fields, spacing: int, header: Header, weights: Weights
) -> tuple[Array, list[Part]]:
    """Return the pixels of images that are predicted from others, and their parts as coded."""
    axes = weights.description["axes"]
    n, _, height, width = header.planes
    rows, columns = -(-height // 16), -(-width // 16)
    refuse_unless(n * rows * columns <= 2**19, f"there are {n} x {rows} x {columns} blocks")
    steps = steps_of(fields.unsigned(2), fields.unsigned(1), fields.unsigned(1), axes)
    quantisation = Quantisation(steps, *read_axes(fields, axes))
    images = read_predictions(fields.take(fields.unsigned(4)), n, spacing, 11 * axes)
    stream = ContextStream(fields.rest(), 10 * axes * n * rows * columns)
    values: dict[int, Array] = {}
    pixels: dict[int, Array] = {}
    parts: list[Part] = []
    for number, references, gains, weight in images:
        image = ContextImage(stream, rows, columns, quantisation, weights)
        parts += image.read()
        y = image.values()
        if gains is not None:
            first, second = values[references[0]], values[references[-1]]
            shared = (4 - weight) * first + weight * second
            y = (y + ((by_coefficient(gains, axes) * shared + 32) >> 6)).clip(*limits(32767))
        values[number] = y
        pixels[number] = image.pixels(y, weights.description["pixel_fraction"])
    stream.finish()
    return np.stack([pixels[number] for number in range(n)]), parts


def by_coefficient(gains: list[int], axes: int) -> Array:
    """Return the gain of each coefficient, (axes, 16, 16)."""
    spread = np.zeros((axes, 16, 16), np.int64)
    for p, gain in enumerate(gains):
        for u, v in PLACES:
            if u + v in BANDS[p // axes]:
                spread[p % axes, u, v] = gain
    return spread


# Section 10: exact chunks -------------------------------------------------------------------------

NEIGHBOURS = [
    *((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (-2, -1), (-1, -2)),
    *((1, -2), (-2, -2), (2, -2), (-3, 0), (0, -3), (-3, -1), (-1, -3), (1, -3)),
]
IN_REFERENCES = [(0, 0), (1, 0), (0, 1), (0, -1), (-1, 0), (1, -1), (-1, -1), (-1, 1), (1, 1)]
TERMS = [0, 16, 25, 30]  # where the coefficients of each reference end
NUMBERS = [*range(20), 20, 22, 24, 26, 28, 32, 36, 40, 44, 52, 60, 68]


def read_exact(section: bytes, header: Header, weights: Path) -> Array:
    """Return the planes of an exact chunk."""
    description, arrays = read_safetensors(find_file(header.weights_id, weights))
    is_exact = (description["kind"], description["version"]) == ("exact", 1)
    refuse_unless(is_exact, "the weights file is no exact model of version 1", "weights")
    check_exact(arrays)
    fields = Fields(section)
    kind, samples, largest = read_levels(fields, header)
    highest = (len(samples) - 1) * (2 if kind == 2 else 1)
    n, channels, height, width = header.planes
    refuse_unless(n * channels <= 2**16, f"there are {n * channels} planes")
    reason = f"{len(section)} bytes cannot hold {math.prod(header.planes)} samples"
    refuse_unless(math.prod(header.planes) <= 1500 * len(section), reason)
    order = [varint(fields) for _ in range(channels)] if channels > 1 else [0]
    refuse_unless(sorted(order) == list(range(channels)), f"the order of channels is {order}")
    corners = [(y, x) for y in range(0, height, 512) for x in range(0, width, 4096)]
    heads = [
        [read_head(fields, i, len(arrays["tables"])) for i in range(n * channels)] for _ in corners
    ]
    stream = ExactStream(fields)
    levels = np.zeros(header.planes, np.int64)
    for (y, x), block in zip(corners, heads, strict=True):
        planes: list[ExactPlane] = []
        size = min(512, height - y), min(4096, width - x)
        for i, head in enumerate(block):
            refuse_unless(largest == 0 or not head.gaps, "there are weights, and an error")
            references = [planes[i - distance] for distance in head.back]
            plane = ExactPlane(size, references, head.terms, (highest, largest))
            plane.read(stream, arrays, head)
            planes.append(plane)
            place = levels[i // channels, order[i % channels]]
            place[y : y + size[0], x : x + size[1]] = plane.levels()
    stream.finish()
    if kind == 2:
        levels = np.stack([luma_to_rgb(image, len(samples) - 1) for image in levels])
    elif kind == 3:
        levels = np.stack([to_rgb(y, cb, cr) for cr, y, cb in levels])
    return samples[levels].astype(header.dtype)


def luma_to_rgb(levels: Array, most: int) -> Array:
    """Return the levels of red, green and blue (section 10.1)."""
    o, d = levels[0] - most, levels[2] - most
    t = levels[1] - (d >> 1)
    blue = t - (o >> 1)
    rgb: Array = np.clip([blue + o, t + d, blue], 0, most)
    return rgb


def check_exact(a: Arrays) -> None:
    """Refuse a weights file that breaks a bound (section 10.1)."""
    for r in range(3):
        for name, most in (("layer", 512), ("second", 16383), ("head", 16383)):
            reach = np.abs(a[f"{name}.{r}"]).sum(0) * most + np.abs(a[f"{name}_bias.{r}"])
            within_bounds = reach.max() < 2**31 and np.abs(a[f"{name}.{r}"]).max() < 2**15
            refuse_unless(within_bounds, f"{name}.{r} breaks a bound", "weights")
    are_tables = a["tables"].min() >= 1 and set(a["tables"].sum(2).ravel().tolist()) == {16384}
    refuse_unless(are_tables, "a table does not sum to 2^14, or has a 0", "weights")


def read_levels(fields: Fields, header: Header) -> tuple[int, Array, int]:
    """Return kind, the sample of each level, and the largest error in levels (section 10.1)."""
    kind, low, distance = fields.unsigned(1), fields.i4(), fields.unsigned(2)
    most, largest = fields.unsigned(2), fields.unsigned(2)
    refuse_unless(kind in (0, 1, 2, 3), f"levels are of kind {kind}")
    refuse_unless(kind == 0 or largest == 0, f"there is an error, and levels of kind {kind}")
    is_colour = kind > 1
    refuse_unless(not is_colour or header.planes[1] == 3, f"levels are of kind {kind}")
    if kind == 1:
        offsets = np.flatnonzero(read_list(fields.take(fields.unsigned(4))))
        refuse_unless(len(offsets) == most + 1, f"{len(offsets)} samples of {most + 1} are listed")
    else:
        refuse_unless(distance, "samples are 0 apart")
        refuse_unless(kind != 2 or most % 2 == 0, f"the highest level is {most}")
        offsets = distance * np.arange((most // 2 if kind == 2 else most) + 1)
    are_all = header.dtype == np.uint8 and (low, distance, most) == (0, 1, 255)
    refuse_unless(kind != 3 or are_all, f"levels of JPEG go from {low} to {most}")
    samples = low + offsets
    limits = np.iinfo(header.dtype)
    are_within = limits.min <= low and samples[-1] <= limits.max
    refuse_unless(are_within, f"samples go from {low} to {samples[-1]}")
    first = int(samples[1] - samples[0]) if len(samples) > 1 else 1
    refuse_unless(first * largest <= header.largest_error, "the error is larger than allowed")
    return kind, samples, largest


def read_list(data: bytes) -> Array:
    """Return the bits of a list of samples."""
    inflater = zlib.decompressobj(wbits=-15)
    try:
        inflated = inflater.decompress(data, 2**13 + 1)
    except zlib.error as error:
        raise RefusedError("invalid", f"the list cannot be inflated: {error}") from error
    is_all = len(inflated) <= 2**13 and inflater.eof and not inflater.unused_data
    refuse_unless(is_all, "the list of samples does not end where it should")
    return np.unpackbits(np.frombuffer(inflated, np.uint8), bitorder="little")


def varint(fields: Fields) -> int:
    """Return the next varint."""
    number = 0
    for i in range(5):
        byte = fields.unsigned(1)
        number += (byte & 127) << 7 * i
        if byte < 128:
            return number
    raise RefusedError("invalid", "a varint has more than 5 bytes")


class ExactHead(NamedTuple):
    """How a plane is predicted and coded (section 10.1)."""

    back: list[int]
    terms: list[int]
    tables: int
    gaps: list[list[int]]  # weights of distances, or nothing


def read_head(fields: Fields, number: int, sets: int) -> ExactHead:
    """Return how the plane of this number is predicted and coded."""
    count, tables = fields.unsigned(1), fields.unsigned(1)
    refuse_unless(count <= 2, f"a plane has {count} references")
    refuse_unless(tables % 128 < sets, f"a plane has tables {tables % 128} of {sets}")
    back = [varint(fields) for _ in range(count)]
    are_there = all(1 <= distance <= min(64, number) for distance in back)
    refuse_unless(are_there, f"plane {number} refers to {back} planes back")
    folded = [varint(fields) for _ in range(TERMS[count + 1])]
    terms = [x // 2 if x % 2 == 0 else -1 - x // 2 for x in folded]
    refuse_unless(sum(map(abs, terms)) <= 2**14, "coefficients are too large")
    gaps = [[varint(fields) for _ in range(13)] for _ in range(4)] if tables >= 128 else []
    refuse_unless(max(map(max, gaps), default=0) < 2**11, "a weight is too large")
    return ExactHead(back, terms, tables % 128, gaps)


class ExactStream(ContextStream):
    """The entries and the plain bits of an exact chunk (section 10.5)."""

    def __init__(self, fields: Fields) -> None:
        words, bits = fields.unsigned(4), fields.unsigned(4)
        head = words.to_bytes(4, "little") + fields.take(32 + 2 * words)
        plain = fields.rest()
        refuse_unless(len(plain) == -(-bits // 8), f"{len(plain)} bytes hold {bits} bits")
        super().__init__(head, 0)
        self._bits = iter([plain[i // 8] >> i % 8 & 1 for i in range(bits)])

    def number(self, table: Table, p: int) -> int:
        """Decode a number with `p` low bits that are plain."""
        entry = self.entry(table)
        i = entry - 32 if entry >= 32 else 31 - entry
        if i == 31:
            x = self.far(p)
            y, extra = (68 + x if entry else -69 - x), 0
        else:
            width = NUMBERS[i + 1] - NUMBERS[i]
            y = NUMBERS[i] if entry >= 32 else -NUMBERS[i] - width
            extra = width.bit_length() - 1
        return (y << p) + self.bits(p + extra) - (1 << p >> 1)

    def far(self, p: int) -> int:
        """Take an escape."""
        zeros = 0
        while self.bits(1) == 0:
            zeros += 1
            refuse_unless(zeros <= 17, "an escape has more than 17 zeros")
        x = (1 << zeros) - 1 + self.bits(zeros)
        refuse_unless(x << p < 2**17, f"an escape is {x}, with {p} plain bits")
        return x

    def finish(self) -> None:
        """Refuse a stream that does not end where its last sample does."""
        refuse_unless(next(self._words, None) is None, "there are words behind the last sample")
        refuse_unless(set(self._states) == {65536}, "the states at the end are not 65536")
        refuse_unless(next(self._bits, None) is None, "there are bits behind the last sample")


class ExactPlane:
    """A plane: its levels and errors by (x, y), those outside it included (section 10.2)."""

    def __init__(
        self,
        size: tuple[int, int],
        references: Sequence[ExactPlane],
        terms: list[int],
        limits: tuple[int, int],
    ) -> None:
        self._height, self._width = size
        self._references, self._terms = references, terms
        self._most, self._largest = limits
        self._known: dict[tuple[int, int], tuple[int, int]] = {}

    def levels(self) -> Array:
        """Return all levels, (H, W)."""
        rows = range(self._height)
        return np.array([[self._known[x, y][0] for x in range(self._width)] for y in rows])

    def at(self, x: int, y: int) -> tuple[int, int]:
        """Return the level and the error of a position."""
        if y == self._height:
            y -= 1
        if y < 0:
            x, y = x + 2 * y, 0
        if x >= self._width:
            x = self._width - 1
        if x < 0 and y == 0:
            return self._most // 2, 32
        return self._known[(0, y - 1) if x < 0 else (x, y)]

    def read(self, stream: ExactStream, arrays: Arrays, head: ExactHead) -> None:
        """Decode all samples with the tables and the weights of the head."""
        tables = [as_table(row) for row in arrays["tables"][head.tables].tolist()]
        self._gaps = head.gaps
        for diagonal in range(self._width + 2 * self._height - 2):
            for y in range(self._height):
                x = diagonal - 2 * y
                if 0 <= x < self._width:
                    self.read_sample(x, y, stream, arrays, tables)

    def read_sample(
        self, x: int, y: int, stream: ExactStream, arrays: Arrays, tables: list[Table]
    ) -> None:
        """Decode a sample (sections 10.3 to 10.5)."""
        step, most = 2 * self._largest + 1, self._most
        near = [self.at(x + dx, y + dy) for dx, dy in NEIGHBOURS]
        others = [[p.at(x + dx, y + dy) for dx, dy in IN_REFERENCES] for p in self._references]
        n = [level for level, _ in near]
        b = (n[0] + n[1]) >> 1
        middles = [(r[3][0] + r[4][0]) >> 1 for r in others]
        changes = [level - b for level in n]
        for r, m in zip(others, middles, strict=True):
            changes += [level - m for level, _ in r]
        changes = changes[: len(self._terms)]
        total = sum(c * change for c, change in zip(self._terms, changes, strict=True))
        u0 = min(max(16 * b + ((total + 32) >> 6), 0), 16 * most)

        a = sum(abs(16 * level - u0) for level in n[:4])
        s = sum(abs(error) for _, error in near[:6]) // 8 + a // 32 + 3
        if others:
            s = (5 * s + sum(abs(error) for _, error in others[0][:5])) // 8
        s = min(s, 2**20 - 1)
        z = s.bit_length() - 1
        f = (s << 7 >> z) - 128

        def scaled(v: int) -> int:
            return min(max((v * (256 - f)) >> (z + 3), -512), 512)

        def octaves(v: int) -> int:
            return min(max(octave32(abs(v) + s // 8 + 1) - octave32(s), -512), 512)

        inputs = [scaled(16 * level - u0) for level in n[:9]]
        inputs += [scaled(error) for _, error in near[:4]]
        inputs += [octaves(error) for _, error in near[:4]]
        d = min(max(octave32(16 * step) - octave32(s), -512), 512)
        inputs += [octave32(s) - 4224, octaves(a // 4), scaled(16 * most - u0), scaled(u0), d]
        for i, (r, m) in enumerate(zip(others, middles, strict=True)):
            inputs += [scaled(16 * (level - m)) for level, _ in r[: 3 if i else 6]]
            inputs += [octaves(error) for _, error in r[: 1 if i else 3]]
            inputs += [] if i else [scaled(r[0][1])]

        mean, scale = self.network(np.array(inputs), arrays)
        u = min(max(u0 + ((16 * mean * (128 + f)) >> (19 - z)), 0), 16 * most)
        w = (u + 8) >> 4
        j = ((u - 16 * w) * (2**15 // step) + 2**15) >> 16
        k = min(max((octave32(s) + scale - octave32(16 * step) + 164) >> 3, 0), 83)
        p = max((k - 24) >> 2, 0)
        if p:
            j = (j + 4 + 2 ** (p - 1)) >> p
        table = tables[5 * (k - 4 * p) + abs(j)]
        if self._gaps and p == 0:
            exceeds = [level - w if j < 0 else w - level for level in n[:4]]
            table = weighed(table, self._gaps, exceeds)
        number = stream.number(table, p)
        v = min(max(w + step * (-number if j < 0 else number), 0), most)
        self._known[x, y] = v, min(max(16 * v - u0, -32767), 32767)

    def network(self, x: Array, a: Arrays) -> tuple[int, int]:
        """Return by how much the mean and the scale are corrected (section 10.4)."""
        r = len(self._references)
        h = np.clip((x @ a[f"layer.{r}"] + a[f"layer_bias.{r}"]) >> 7, 0, 16383)
        h = np.clip((h @ a[f"second.{r}"] + a[f"second_bias.{r}"]) >> 11, 0, 16383)
        o = h @ a[f"head.{r}"] + a[f"head_bias.{r}"]
        mean, scale = int(o[0] >> 13), int(o[1] >> 16)
        return min(max(mean, -2047), 2047), min(max(scale, -255), 255)


def weighed(table: Table, gaps: list[list[int]], exceeds: list[int]) -> Table:
    """Return the table of a sample that exceeds its neighbours by so much (section 10.6)."""
    shares = [256 * frequency for frequency in table.frequency]
    for e in range(16, 48):
        m = 256
        for weights, d in zip(gaps, exceeds, strict=True):
            distance = abs(d + e - 32)
            m = (m * (weights[distance] if distance <= 12 else 256)) >> 8
        shares[e] = table.frequency[e] * min(m, 65535)
    s = max(sum(shares).bit_length() - 16, 0)
    unit = (16320 << 15) // (sum(shares) >> s)
    starts = [e + (((sum(shares[:e]) >> s) * unit) >> 15) for e in range(64)]
    ends = [*starts[1:], 16384]
    return Table(0, [end - start for start, end in zip(starts, ends, strict=True)], starts)


def octave32(v: int) -> int:
    """Return 32 times the logarithm of `v` and 127, linear between powers of two."""
    z = v.bit_length() - 1
    return 32 * (127 + z) + ((v << 5 >> z) - 32)


# The command line ---------------------------------------------------------------------------------


def check(vectors: Path, weights: Path) -> bool:
    """Decode all vectors, print a line for each, and return whether all came out as they should."""
    index = json.loads((vectors / "vectors.json").read_text(encoding="utf-8"))
    entries = [*index["accepted"], *index["refused"]]
    good = 0
    for entry in entries:
        trouble = trouble_with(entry, vectors, weights)
        good += trouble is None
        print(f"OK    {entry['name']}" if trouble is None else f"FAIL  {entry['name']}: {trouble}")
    print(f"{good} of {len(entries)} vectors are as expected")
    return good == len(entries)


def trouble_with(entry: dict[str, Any], vectors: Path, weights: Path) -> str | None:
    """Return how a vector differs from what the index says, if it does."""
    chunk = (vectors / entry["chunk"]).read_bytes()
    if hashlib.sha256(chunk).hexdigest() != entry["chunk_sha256"]:
        return "the file of the chunk was changed"
    try:
        decoded = decode(chunk, weights)
    except RefusedError as error:
        expected = entry.get("kind", "pixels")
        return None if error.kind == expected else f"{error}; expected: {expected}"
    if "kind" in entry:
        return f"it was decoded, and must be refused ({entry['kind']})"
    return difference(decoded, entry, np.load(vectors / entry["pixels"]))


def difference(decoded: Decoded, entry: dict[str, Any], expected: Array) -> str | None:
    """Return how a decoded chunk differs from what is expected, if it does."""
    array, parts = decoded
    for number, (part, digest) in enumerate(zip(parts, entry["parts"], strict=True)):
        if sha256(part.values.astype("<i4")) != digest:
            return f"part {number} of the symbol stream differs"
    if (array.dtype, array.shape) != (expected.dtype, expected.shape):
        return f"it is {array.dtype.str} {array.shape}, not {expected.dtype.str} {expected.shape}"
    if array.flags.f_contiguous != expected.flags.f_contiguous:
        return "the memory order differs"
    if sha256(array) != entry["pixels_sha256"] or not np.array_equal(array, expected):
        return f"{np.count_nonzero(array != expected)} of {array.size} samples differ"
    return None


def sha256(array: Array) -> str:
    """Return the SHA-256 of an array's bytes in C order, in hexadecimal."""
    return hashlib.sha256(array.tobytes()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Decode a chunk, or check all vectors; return the exit code."""
    parser = argparse.ArgumentParser(description="Reference decoder of chunks, and their check.")
    parser.add_argument("chunk", nargs="?", type=Path, help="file of one chunk")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.npy", help="where pixels go")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of decoder files")
    parser.add_argument(
        "--check",
        nargs="?",
        type=Path,
        const=VECTORS,
        metavar="VECTORS",
        help="decode all vectors of a folder, by default the one beside this file",
    )
    options = parser.parse_args(arguments)
    if options.check:
        return 0 if check(options.check, options.weights) else 1
    if not (options.chunk and options.output):
        parser.error("give CHUNK and -o OUT.npy, or --check")
    try:
        array = decode(options.chunk.read_bytes(), options.weights).array
    except (RefusedError, OSError) as error:
        print(f"{options.chunk}: {error}", file=sys.stderr)
        return 1
    np.save(options.output, array)
    print(f"{options.output}: {array.dtype.str} {array.shape}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
