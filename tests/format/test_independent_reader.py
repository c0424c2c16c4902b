"""A second reader, written from SPEC.md alone, decodes the same samples as the package.

It uses none of the package's code, and is slow and simple on purpose: Python integers for the
symbols, int64 for the networks. Where it is stuck, SPEC.md lacks something.
"""

import hashlib
import json
import lzma
import math
import re
import zlib
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.models import CHECKERBOARD, INTERLEAVED, MIXED, Passes, Small, install

Array = NDArray[Any]
Arrays = dict[str, Array]


class Part(NamedTuple):
    """Symbols, the tables that coded them, and what they stand for: halves, or themselves."""

    symbols: Array
    tables: Array
    values: Array


Parts = list[Part]

PACKAGE = resources.files("numcodecs_neural")
WEIGHTS = PACKAGE.joinpath("weights", "files")
SPEC = PACKAGE.joinpath("format", "SPEC.md").read_text(encoding="utf-8")
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("v2/*/*.chunk"))


def u4(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")


def crc32c(data: bytes) -> int:  # section 3
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def read(chunk: bytes, folder: Any = WEIGHTS) -> tuple[Array, Parts]:
    """Return the decoded array, and all parts of its symbol stream (sections 2 to 4).

    Weights are looked for in `folder`.
    """
    assert chunk[:5] == b"NNIC\2"
    assert u4(chunk, 5) == len(chunk)
    assert u4(chunk, len(chunk) - 4) == crc32c(chunk[:-4])
    mode, code, flags, quality, axis, n = chunk[9:15]
    dtype = np.dtype({1: "u1", 2: "<u2", 3: "<i2"}[code])
    margin = int.from_bytes(chunk[17:21], "little", signed=True)
    box = (u4(chunk, 21), u4(chunk, 25))
    shape = tuple(u4(chunk, 37 + 4 * i) for i in range(n))
    end = 37 + 4 * n
    levels = (0, 0)
    if mode == 1 and code != 1:
        levels = (int.from_bytes(chunk[end : end + 4], "little", signed=True), chunk[end + 4])
        end += 5
    section = chunk[end + 4 : -4]
    assert u4(chunk, end) == len(section)

    others = [length for number, length in enumerate(shape) if n - number != axis]
    plane = tuple(others[-2:]) if n > 1 else (1, *others)
    channels = shape[-axis] if axis else 1
    images = math.prod(shape) // math.prod(plane) // channels
    planes = (images, channels, *box)
    parts: Parts = []
    if mode == 0:
        samples = np.broadcast_to(np.frombuffer(section, dtype)[:, None, None], planes)
    elif mode == 3:
        differences = np.frombuffer(zlib.decompress(section, wbits=-15), dtype)
        samples = np.cumsum(differences.reshape(planes), -1, dtype=dtype)
    else:
        assert mode == 1
        weights = find_weights(chunk[29:37], folder)
        pixels = read_lossy(section, planes, quality, weights, parts)
        samples = samples_of(pixels, *levels, weights[0]["pixel_fraction"], dtype)
    whole = np.full((images, channels, *plane), margin, dtype)
    whole[..., : box[0], : box[1]] = samples
    if axis:
        array = np.moveaxis(whole.reshape(*others[:-2], channels, *plane), -3, -axis)
    else:
        array = whole.reshape(shape)
    dtype = dtype.newbyteorder(">") if flags & 1 else dtype
    return np.asarray(array, dtype, order="F" if flags & 2 else "C"), parts


class Stream:
    """A symbol stream (section 5)."""

    def __init__(self, data: bytes) -> None:
        lanes, words = data[0] + 1, u4(data, 1)
        end = 5 + 4 * lanes + 2 * words
        self.states = [u4(data, 5 + 4 * k) for k in range(lanes)]
        self.words = iter(np.frombuffer(data[5 + 4 * lanes : end], "<u2").tolist())
        self.bits = iter("".join(f"{byte:08b}" for byte in data[end:]))

    def part(self, indexes: Array, w: Arrays) -> Part:
        symbols = np.zeros(indexes.shape, np.int64)
        for i, index in enumerate(indexes.ravel().tolist()):
            if index != 255:
                symbols.flat[i] = self.symbol(i % len(self.states), index, w)
        return Part(symbols, indexes, symbols)

    def trellis_part(self, classes: Array, w: Arrays) -> Part:  # section 5.5
        symbols, tables, halves = (np.zeros(classes.shape, np.int64) for _ in range(3))
        count, rest = divmod(len(w["tables.size"]), 3)
        assert rest == 0
        paths = [0] * len(self.states)
        for i, c in enumerate(classes.ravel().tolist()):
            lane = i % len(paths)
            t = paths[lane]
            tables.flat[i], symbol = 255, 0
            if c != 255:
                assert c < count
                tables.flat[i] = c + count * (1 + t // 2)
                symbol = self.symbol(lane, int(tables.flat[i]), w)
                assert abs(symbol) < 2**29
            symbols.flat[i] = symbol
            halves.flat[i] = 2 * symbol - t // 2 * ((symbol > 0) - (symbol < 0))
            paths[lane] = t // 2 + 2 * ((symbol + t) % 2)
        return Part(symbols, tables, halves)

    def symbol(self, lane: int, index: int, w: Arrays) -> int:
        first, size = int(w["tables.offset"][index]), int(w["tables.size"][index])
        f = w["tables.frequency"][index, :size].astype(int)
        start = np.cumsum(f) - f
        slot = self.states[lane] % 16384
        e = int(np.flatnonzero(start <= slot)[-1])
        x = int(f[e]) * (self.states[lane] // 16384) + slot - int(start[e])
        self.states[lane] = 65536 * x + next(self.words) if x < 65536 else x
        if e < size - 1:
            return first + e
        u = self.escape()
        return first - 1 - u // 2 if u % 2 else first + size - 1 + u // 2

    def escape(self) -> int:
        zeros = 0
        while next(self.bits) == "0":
            zeros += 1
        return int("1" + "".join(next(self.bits) for _ in range(zeros)), 2) - 1

    def finish(self) -> None:
        assert set(self.states) == {65536}
        assert next(self.words, None) is None
        rest = "".join(self.bits)
        assert len(rest) < 8
        assert "1" not in rest


def samples_of(pixels: Array, lowest: int, shift: int, fraction: int, dtype: Any) -> Array:
    """Return samples (section 6.4)."""
    k = shift - fraction
    v = (pixels + 2 ** (-k - 1)) >> -k if k < 0 else (pixels << k) + (pixels >> (8 + fraction - k))
    limits = np.iinfo(dtype)
    samples: Array = np.clip(lowest + v, limits.min, limits.max)
    return samples


def find_weights(weights_id: bytes, folder: Any) -> tuple[dict[str, Any], Arrays]:
    """Return description and arrays of a decoder file (section 6.1)."""
    for path in folder.iterdir():
        content = path.read_bytes()
        if hashlib.sha256(content).digest()[:8] == weights_id:
            break
    else:
        raise AssertionError(f"no weights {weights_id.hex()}")
    begin = 8 + int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:begin])
    description = json.loads(entries.pop("__metadata__")["description"])
    types = {"U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "I32": "<i4", "I64": "<i8"}
    arrays = {}
    for name, entry in entries.items():
        first, last = (begin + offset for offset in entry["data_offsets"])
        flat = np.frombuffer(content[first:last], types[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"]).astype(np.int64)
    return description, arrays


def run(layers: list[dict[str, Any]], tensors: Arrays, w: Arrays, quality: int) -> None:
    """Add the results of a network to `tensors` (section 6.2)."""
    for layer in layers:
        x = np.concatenate([tensors[s][..., a:b] for s, a, b in layer["inputs"]], -1)
        name, f = layer["name"], layer["factor"]
        n, h, width, c = x.shape
        if layer["op"] == "conv":
            y = conv(x, layer["kernel"], w, name, quality)
        elif layer["op"] == "shuffle":
            y = x.reshape(n, h, width, c // f**2, f, f).transpose(0, 1, 4, 2, 5, 3)
            y = y.reshape(n, f * h, f * width, c // f**2)
        elif layer["op"] == "unshuffle":
            y = x.reshape(n, h // f, f, width // f, f, c).transpose(0, 1, 3, 5, 2, 4)
            y = y.reshape(n, h // f, width // f, c * f**2)
        else:
            t = w[f"{name}.table"]
            y = t[np.clip(x, -(len(t) // 2), len(t) // 2) + len(t) // 2]
        tensors[name] = y


def conv(x: Array, kernel: int, w: Arrays, name: str, quality: int) -> Array:
    n, h, width, c = x.shape
    around = kernel // 2
    x = np.pad(x, ((0, 0), (around, around), (around, around), (0, 0)), mode="edge")
    bias = w[f"{name}.bias"]
    total = np.zeros((n, h, width, bias.shape[1]), np.int64)
    for tap in range(kernel**2):
        i, j = divmod(tap, kernel)
        total += x[:, i : i + h, j : j + width] @ w[f"{name}.weight"][tap * c : tap * c + c]
    total = (total + bias[quality if len(bias) > 1 else 0]) >> w[f"{name}.shift"]
    clamped: Array = np.clip(total, w[f"{name}.low"], w[f"{name}.high"])
    return clamped


def read_lossy(
    section: bytes,
    planes: tuple[int, ...],
    q: int,
    weights: tuple[dict[str, Any], Arrays],
    parts: Parts,
) -> Array:
    """Return the pixels of the box, and add to `parts` (section 6.3)."""
    d, w = weights
    n, _, height, width = planes
    h, wide = -(-height // d["stride"]), -(-width // d["stride"])
    hz, wz = -(-h // d["hyper_stride"]), -(-wide // d["hyper_stride"])
    assert section[0] in (0, 1)
    stream = Stream(section[1:])

    indexes = np.broadcast_to(w["hyper_index"][q], (n, hz, wz, w["hyper_index"].shape[1]))
    assert indexes.max() < len(w["tables.size"]) // 3
    parts.append(stream.part(indexes, w))
    limit = d["hyper_limit"]
    tensors = {"z": np.clip(parts[-1].values + w["hyper_mean"][q], -limit, limit)}
    run(d["networks"]["features"], tensors, w, q)
    tensors["f"] = tensors["f"][:, :h, :wide]

    ends = np.cumsum(d["groups"]).tolist()
    even = np.add.outer(np.arange(h), np.arange(wide)) % 2 == 0
    phases = {"all": even | True, "even": even, "odd": ~even}
    for k, ((group, phase), has_mean) in enumerate(zip(d["passes"], d["has_mean"], strict=True), 1):
        run(d["networks"][f"pass{k}"], tensors, w, q)
        count, coded = d["groups"][group - 1], phases[phase]
        indexes = tensors[f"index{k}"][:, coded]
        if section[0] == 0:
            indexes = np.where(indexes < d["skip_below"], 255, indexes)
        parts.append(stream.trellis_part(indexes, w))
        mean = tensors[f"mean{k}"][:, coded] if has_mean else 0
        y = tensors.setdefault(f"y{group}", np.zeros((n, h, wide, count), np.int64)).copy()
        half = np.clip(parts[-1].values, -8190, 8190)
        y[:, coded] = np.clip(8 * half + mean, -32767, 32767)
        tensors[f"y{group}"] = y
    for i, (count, end) in enumerate(zip(d["groups"], ends, strict=True), 1):
        s, r = (a[end - count : end] for a in (w["step"][q], w["step_shift"]))
        y = tensors[f"y{i}"]
        tensors[f"d{i}"] = np.clip((y * s + 2 ** (r - 1)) >> r, -2047, 2047)
    stream.finish()
    run(d["networks"]["synthesis"], tensors, w, q)
    pixels: Array = tensors["pixels"].transpose(0, 3, 1, 2)[..., :height, :width]
    return pixels


def section_of(title: str) -> str:
    match = re.search(rf"^### [\d.]+ {title}$(.*?)(?=^##|\Z)", SPEC, re.DOTALL | re.MULTILINE)
    assert match is not None, f"SPEC.md has no section {title!r}"
    return match[1]


def example(title: str) -> bytes:
    block = section_of(title).split("```")[1]
    return bytes.fromhex("".join(line.split(";")[0] for line in block.splitlines()))


def table(text: str, head: str) -> list[list[str]]:
    """Return the cells of the table whose first cell is `head`, without its head."""
    rows = text[text.index(f"| {head} |") :].split("\n\n")[0].strip().splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_the_constant_example() -> None:
    array, _ = read(example("A constant chunk"))

    expected = np.full((3, 4, 5), 255, np.uint8)
    expected[:, :, :3] = np.array([240, 230, 235])[:, None, None]
    np.testing.assert_array_equal(array, expected, strict=True)


def test_the_stored_example() -> None:
    array, _ = read(example("A stored chunk"))

    assert array.tolist() == [[1000, 1001, 1003], [999, 999, 1001]]
    assert (array.dtype, array.flags.f_contiguous) == (np.dtype(">u2"), True)


def test_the_lossy_example_has_the_symbols_of_the_page() -> None:
    _, parts = read(example("A lossy chunk"))

    rows = table(section_of("A lossy chunk"), "part")
    for part, row in zip(parts, rows, strict=True):
        flat = part.symbols.ravel().tolist()
        coded = int(np.count_nonzero(part.tables != 255))
        first = " ".join(map(str, part.tables.ravel()[:8].tolist()))
        others = ", ".join(f"{c}: {s}" for c, s in enumerate(flat) if s)
        assert [str(len(flat)), str(coded), first, others] == row[1:], row[0]


def test_the_lossy_example_has_the_paths_of_the_page() -> None:
    _, parts = read(example("A lossy chunk"))

    page = section_of("A lossy chunk")
    rows = [[int(x or 255) for x in row] for row in table(page, "latent")]
    walked = re.search(r"latents of pass (\d+):", page)
    assert walked is not None
    part = parts[int(walked[1])]
    assert len(rows) == 12
    for i, lane, c, t, row, symbol, half, after in rows:
        assert lane == i % 4
        assert row == (255 if c == 255 else c + 64 * (1 + t // 2))
        assert [row, symbol, half] == [
            int(x.flat[i]) for x in (part.tables, part.symbols, part.values)
        ]
        assert after == next((r[3] for r in rows if r[0] == i + 4), after)


def test_the_lossy_example_has_the_samples_of_the_page() -> None:
    array, _ = read(example("A lossy chunk"))

    page = section_of("A lossy chunk")
    rows = [[int(x) for x in row[1].split()] for row in table(page, "channel")]
    assert array[:, 0].tolist() == rows
    assert f"`{hashlib.sha256(array.tobytes()).hexdigest()}`" in page


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_frozen_chunks(path: Path) -> None:
    array, parts = read(path.read_bytes())

    with lzma.open(path.with_suffix(".npy.xz")) as file:
        expected = np.load(file)
    np.testing.assert_array_equal(array, expected, strict=True)
    assert array.flags.f_contiguous == expected.flags.f_contiguous
    manifest = json.loads(path.with_name("manifest.json").read_text(encoding="utf-8"))
    values = b"".join(part.values.astype("<i4").tobytes() for part in parts)
    digest = hashlib.sha256(values).hexdigest() if values else None
    assert digest == manifest["chunks"][path.stem]["parts"]


@pytest.mark.parametrize("dtype", ["|u1", "<u2", ">u2", "<i2"])
@pytest.mark.parametrize("passes", [CHECKERBOARD, INTERLEAVED, MIXED], ids=str)
def test_grey_chunks_of_every_dtype_and_order_of_passes(
    passes: Passes, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numcodecs_neural import NeuralImage

    install(tmp_path, monkeypatch, grey=Small(passes=passes))
    rng = np.random.default_rng(7)
    limits = np.iinfo(dtype)
    noise = rng.normal(0, 0.05, (2, 40, 53))
    wide = np.linspace(-0.1, 1.1, 53) + noise  # saturates at both ends
    narrow = wide.clip(0, 1) * 99 + limits.max - 99
    whole = wide.clip(0, 1) * (int(limits.max) - int(limits.min)) + limits.min
    for pixels, quality in ((whole.astype(dtype), 40), (narrow[0].astype(dtype), 10)):
        codec = NeuralImage("grey", quality)
        chunk = codec.encode(pixels)
        assert chunk[9] == 1

        array, parts = read(chunk, tmp_path / "files")

        assert len(parts) == 1 + len(passes)
        assert any((part.tables == 255).any() for part in parts)
        np.testing.assert_array_equal(array, codec.decode(chunk), strict=True)


def test_grey_chunks_in_which_all_latents_are_coded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tissue: Array
) -> None:
    from numcodecs_neural import NeuralImage

    install(tmp_path, monkeypatch, grey=Small())
    codec = NeuralImage("grey", 40)
    chunk = codec.encode(codec.decode(codec.encode(tissue[0, 100:196, 50:170])))

    array, parts = read(chunk, tmp_path / "files")

    assert chunk[37 + 4 * 2 + 4] == 1
    assert not any((part.tables == 255).any() for part in parts)
    np.testing.assert_array_equal(array, codec.decode(chunk), strict=True)
