"""The worked examples of SPEC.md, read byte by byte as the page says, and by this package."""

import re
import zlib
from importlib import resources

import numpy as np
import pytest

from numcodecs_neural.entropy import SymbolDecoder, SymbolTables
from numcodecs_neural.entropy.enc_stream import encode_symbols
from numcodecs_neural.format import ChunkHeader, Mode, pack_chunk, unpack_chunk
from numcodecs_neural.format.checksum import crc32c

SPEC = resources.files("numcodecs_neural.format").joinpath("SPEC.md").read_text(encoding="utf-8")


def example(title: str) -> bytes:
    """Return the bytes of the first block below a heading of SPEC.md."""
    match = re.search(rf"^### [\d.]+ {title}$.*?^```$(.*?)^```$", SPEC, re.DOTALL | re.MULTILINE)
    assert match is not None, f"SPEC.md has no example {title!r}"
    return bytes.fromhex("".join(line.split(";")[0] for line in match[1].splitlines()))


CONSTANT = example("A constant chunk")
STORED = example("A stored chunk")
STREAM = example("A symbol stream")


def number(data: bytes, begin: int, nbytes: int) -> int:
    return int.from_bytes(data[begin : begin + nbytes], "little")


@pytest.mark.parametrize(
    ("chunk", "mode", "axes"),
    [
        pytest.param(CONSTANT, 0, 3, id="constant"),
        pytest.param(STORED, 3, 2, id="stored"),
    ],
)
def test_offsets_of_the_specification_hold(chunk: bytes, mode: int, axes: int) -> None:
    section = 37 + 4 * axes

    assert chunk[:5] == b"NNIC\2"
    assert number(chunk, 5, 4) == len(chunk)
    assert chunk[9] == mode
    assert chunk[14] == axes
    assert section + 4 + number(chunk, section, 4) + 4 == len(chunk)
    assert number(chunk, len(chunk) - 4, 4) == crc32c(chunk[:-4])


def test_constant_example_is_the_chunk_it_describes() -> None:
    header = ChunkHeader(
        mode=Mode.CONSTANT,
        dtype=np.dtype(np.uint8),
        shape=(3, 4, 5),
        box=(4, 3),
        margin_value=255,
        channel_axis=-3,
    )

    assert unpack_chunk(CONSTANT) == (header, (bytes([240, 230, 235]),))
    assert pack_chunk(header, [bytes([240, 230, 235])]) == CONSTANT


def test_stored_example_is_the_chunk_it_describes() -> None:
    header, (section,) = unpack_chunk(STORED)
    inflated = zlib.decompress(section, wbits=-15)
    differences = np.frombuffer(inflated, "<u2").reshape(header.box_shape)

    samples = np.cumsum(differences, axis=-1, dtype=np.uint16)

    assert samples.tolist() == [[1000, 1001, 1003], [999, 999, 1001]]
    assert (header.dtype, header.order) == (np.dtype(">u2"), "F")


def test_stream_example_holds_the_symbols_it_describes() -> None:
    tables = SymbolTables(
        offset=np.array([-1, 0], np.int32),
        size=np.array([4, 3], np.int32),
        frequency=np.array([[4096, 8192, 4095, 1], [16300, 83, 1, 0]], np.uint16),
    )
    indexes = np.array([0, 0, 255, 0, 1, 1, 0], np.uint8)

    decoder = SymbolDecoder(STREAM)
    symbols = decoder.decode(indexes, tables)
    decoder.finish()

    assert symbols.tolist() == [0, -1, 0, 1, 0, 9, -3]
    assert encode_symbols([(symbols, indexes, tables)], lanes=2) == STREAM
