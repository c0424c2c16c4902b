"""The reference decoder, which knows SPEC.md alone, decodes the same samples as the package."""

import hashlib
import json
import lzma
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from make_vectors import SPEC, example
from numcodecs_neural import NeuralImage
from numcodecs_neural.coding.jpeg_section import pack_section
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.coefficients.network.enc_network import encode_network
from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.mosaic import Mosaic, plain_frame, zero_coefficients
from numcodecs_neural.weights.catalogue import coefficient_weights
from numcodecs_neural.weights.files import write_weights
from reference_decoder import (
    SKIPPED,
    WEIGHTS,
    Fields,
    RefusedError,
    Stream,
    Table,
    decode,
    find_networks,
    main,
    read_mosaic,
    read_network,
    read_networks,
    read_safetensors,
    read_weights,
)
from tests.jpeg.streams import equal, frame_of, random_coefficients
from tests.models import CHECKERBOARD, INTERLEAVED, MIXED, Passes, Small, install

Array = NDArray[Any]

LOSSY = example("A lossy chunk")
PAGE = SPEC.read_text(encoding="utf-8").split("### 7.4 A lossy chunk")[1]
GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("v2/*/*.chunk"))


def table(head: str) -> list[list[str]]:
    """Return the cells of the table whose first cell is `head`, without its head."""
    rows = PAGE[PAGE.index(f"| {head} |") :].split("\n\n")[0].strip().splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_the_stream_example_has_the_symbols_of_the_page() -> None:
    tables = [
        Table(-1, [4096, 8192, 4095, 1], [0, 4096, 12288, 16383]),
        Table(0, [16300, 83, 1], [0, 16300, 16383]),
    ]

    stream = Stream(example("A symbol stream"), tables)
    part = stream.part(np.array([0, 0, SKIPPED, 0, 1, 1, 0]))
    stream.finish()

    assert part.symbols.tolist() == [0, -1, 0, 1, 0, 9, -3]


def test_the_lossy_example_has_the_symbols_of_the_page() -> None:
    for part, row in zip(decode(LOSSY).parts, table("part"), strict=True):
        flat = part.symbols.ravel().tolist()
        coded = int(np.count_nonzero(part.tables != SKIPPED))
        first = " ".join(map(str, part.tables.ravel()[:8].tolist()))
        others = ", ".join(f"{c}: {s}" for c, s in enumerate(flat) if s)
        assert [str(len(flat)), str(coded), first, others] == row[1:], row[0]


def test_the_lossy_example_has_the_paths_of_the_page() -> None:
    rows = [[int(x or SKIPPED) for x in row] for row in table("latent")]
    walked = re.search(r"latents of pass (\d+):", PAGE)
    assert walked is not None
    part = decode(LOSSY).parts[int(walked[1])]
    assert len(rows) == 12
    for i, lane, c, t, row, symbol, half, after in rows:
        assert lane == i % 4
        assert row == (SKIPPED if c == SKIPPED else c + 64 * (1 + t // 2))
        assert [row, symbol, half] == [
            int(x.flat[i]) for x in (part.tables, part.symbols, part.values)
        ]
        assert after == next((r[3] for r in rows if r[0] == i + 4), after)


def test_the_lossy_example_has_the_samples_of_the_page() -> None:
    array = decode(LOSSY).array

    rows = [[int(x) for x in row[1].split()] for row in table("channel")]
    assert array[:, 0].tolist() == rows
    assert f"`{hashlib.sha256(array.tobytes()).hexdigest()}`" in PAGE


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_frozen_chunks_have_their_symbols_and_pixels(path: Path) -> None:
    array, parts = decode(path.read_bytes())

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
def test_grey_chunks_of_every_dtype_and_order_of_passes_are_decoded(
    passes: Passes, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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

        array, parts = decode(chunk, tmp_path / "files")

        assert len(parts) == 1 + len(passes)
        assert any((part.tables == SKIPPED).any() for part in parts)
        np.testing.assert_array_equal(array, codec.decode(chunk), strict=True)


def test_grey_chunks_in_which_all_latents_are_coded_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tissue: Array
) -> None:
    install(tmp_path, monkeypatch, grey=Small())
    codec = NeuralImage("grey", 40)
    chunk = codec.encode(codec.decode(codec.encode(tissue[0, 100:196, 50:170])))

    array, parts = decode(chunk, tmp_path / "files")

    assert chunk[37 + 4 * 2 + 4] == 1
    assert not any((part.tables == SKIPPED).any() for part in parts)
    np.testing.assert_array_equal(array, codec.decode(chunk), strict=True)


@pytest.mark.parametrize(
    ("name", "addend", "says"),
    [
        pytest.param("p.weight", 2**11, "a factor of layer p", id="a factor"),
        pytest.param("p.bias", 2**24, "a sum of layer p", id="a sum"),
    ],
)
def test_weights_beyond_the_bounds_are_refused(
    name: str, addend: int, says: str, tmp_path: Path
) -> None:
    (description, arrays), _ = Small().contents()
    path = tmp_path / "small.decoder.safetensors"
    write_weights(path, description, arrays | {name: arrays[name] + addend})

    with pytest.raises(RefusedError, match=says) as caught:
        read_weights(path.read_bytes())

    assert caught.value.kind == "weights"


NETWORK_GRIDS = [
    (Colour.GREY, [(1, 1)]),
    (Colour.YCBCR, [(1, 1), (1, 1), (1, 1)]),
    (Colour.YCBCR, [(2, 1), (1, 1), (1, 1)]),
    (Colour.YCBCR, [(1, 2), (1, 1), (1, 1)]),
    (Colour.YCBCR, [(2, 2), (2, 1), (1, 1)]),
    (Colour.YCBCR, [(4, 2), (1, 1), (1, 1)]),
    (Colour.RGB, [(1, 1), (1, 1), (1, 1)]),
    (Colour.RGB, [(1, 1), (2, 2), (1, 1)]),
]


@pytest.mark.parametrize("largest", [2, 1023])
@pytest.mark.parametrize(("colour", "factors"), NETWORK_GRIDS)
def test_the_network_coder_gives_the_coefficients_that_were_encoded(
    colour: Colour, factors: list[tuple[int, int]], largest: int
) -> None:
    # Its integers are Python's own: with the largest coefficients and steps, this also shows that
    # none leaves the 32 bits of the package.
    rng = np.random.default_rng(largest)
    for highest_step, density in ((1, 1.0), (300, 0.1), (65535, 1.0)):
        mosaic = random_mosaic(rng, colour, factors, highest_step)
        for row, column in np.argwhere(mosaic.present):
            drawn = random_coefficients(rng, mosaic.frame, largest=largest, density=density)
            for place, blocks in zip(mosaic.tile(row, column), drawn, strict=True):
                place[:] = blocks
        weights = coefficient_weights()
        data = encode_network(mosaic.coefficients, Layout.of(mosaic), weights.id)
        fields = Fields(pack_section(2, mosaic, data)[1:])

        planes = read_network(data, read_mosaic(fields), find_networks(weights.id, WEIGHTS))

        assert fields.rest() == data
        assert equal(tuple(planes), mosaic.coefficients)


def test_the_network_coder_takes_long_diagonals_sixteen_rows_at_a_time() -> None:
    rng = np.random.default_rng(1)
    frame = plain_frame(frame_of(8 * 17, 8 * 34, (1, 1)))
    coefficients = zero_coefficients(frame, (1, 1))
    coefficients[0][..., 0] = rng.integers(-9, 10, (17, 34))
    coefficients[0][::4, ::2, 1] = 1
    mosaic = Mosaic(
        frame=frame,
        colour=Colour.GREY,
        steps=((16,) * 64,),
        grid=(1, 1),
        present=np.ones((1, 1), np.bool_),
        coefficients=coefficients,
        fill=(0,),
        offset=(0, 0),
    )
    weights = coefficient_weights()
    data = encode_network(mosaic.coefficients, Layout.of(mosaic), weights.id)
    fields = Fields(pack_section(2, mosaic, data)[1:])

    planes = read_network(data, read_mosaic(fields), find_networks(weights.id, WEIGHTS))

    assert equal(tuple(planes), mosaic.coefficients)


def random_mosaic(
    rng: np.random.Generator, colour: Colour, factors: list[tuple[int, int]], highest_step: int
) -> Mosaic:
    """Return a mosaic of three small tiles, of which one is absent, without coefficients."""
    frame = plain_frame(frame_of(9, 17, *factors))
    return Mosaic(
        frame=frame,
        colour=colour,
        steps=tuple(
            tuple(rng.integers(1, highest_step, 64, endpoint=True).tolist()) for _ in factors
        ),
        grid=(1, 3),
        present=np.array([[True, False, True]]),
        coefficients=zero_coefficients(frame, (1, 3)),
        fill=(0,) * len(factors),
        offset=(0, 0),
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        pytest.param("Cb.trunk", 2**24, "a sum is beyond", id="a sum"),
        pytest.param("B.ratio", 40, "ratio is beyond its limits", id="a limit"),
    ],
)
def test_networks_of_coefficients_beyond_the_bounds_are_refused(
    name: str, value: int, says: str, tmp_path: Path
) -> None:
    description, arrays = read_safetensors((WEIGHTS / "jpeg-1.safetensors").read_bytes())
    arrays[name].flat[0] = value
    path = tmp_path / "other.safetensors"
    write_weights(path, description, arrays)

    with pytest.raises(RefusedError, match=says) as caught:
        read_networks(path.read_bytes())

    assert caught.value.kind == "weights"


def test_networks_of_coefficients_by_other_tables_are_refused(tmp_path: Path) -> None:
    description, arrays = read_safetensors((WEIGHTS / "jpeg-1.safetensors").read_bytes())
    path = tmp_path / "other.safetensors"
    write_weights(path, description | {"tables": "0" * 64}, arrays)

    with pytest.raises(RefusedError, match="the tables are others"):
        read_networks(path.read_bytes())


def test_the_command_writes_the_pixels(tmp_path: Path) -> None:
    chunk, out = tmp_path / "a.chunk", tmp_path / "a.npy"
    chunk.write_bytes(example("A stored chunk"))

    assert main([str(chunk), "-o", str(out)]) == 0

    expected = np.array([[1000, 1001, 1003], [999, 999, 1001]], ">u2")
    np.testing.assert_array_equal(np.load(out), expected, strict=True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(LOSSY[:-1], "refused (truncated): 110 of 111 bytes", id="truncated"),
        pytest.param(LOSSY[:-1] + b"?", "refused (checksum)", id="damaged"),
        pytest.param(LOSSY, "does not hold the weights 4443f88740c73324", id="no weights"),
    ],
)
def test_the_command_says_why_it_refuses(
    data: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chunk, out = tmp_path / "a.chunk", tmp_path / "a.npy"
    chunk.write_bytes(data)

    assert main([str(chunk), "-o", str(out), "--weights", str(tmp_path)]) == 1

    assert says in capsys.readouterr().err
    assert not out.exists()
