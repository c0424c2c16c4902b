"""Arrays of both Zarr formats, written by a model of the papers and opened by plain Zarr."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.compressai import CompressAIImage, CompressAIImageCodec, chunks
from numcodecs_neural.compressai import codec as codec_module
from numcodecs_neural.compressai.architectures import ARCHITECTURES
from numcodecs_neural.errors import ConfigError
from tests.annotations import Image

OPERATORS = Path(__file__).with_name("operators.py")
Make = Callable[..., CompressAIImage]
LAYOUTS: dict[str, dict[str, Any]] = {
    "v2": {"zarr_format": 2},
    "v3": {},
    "v3-sharded": {"shards": (3, 128, 256)},
}


def create(store: Any, codec: CompressAIImage, layout: str, **options: Any) -> Any:
    """Create an array of 3 x 100 x 140 in chunks of 64 pixels."""
    if layout == "v2":
        coding: dict[str, Any] = {"compressors": codec}
    else:
        serializer = CompressAIImageCodec(codec.arch, weights=codec.weights)
        coding = {"serializer": serializer, "compressors": None}
    defaults: dict[str, Any] = {
        "shape": (3, 100, 140),
        "chunks": (3, 64, 64),
        "dtype": "uint8",
        "fill_value": 255,
    }
    return zarr.create_array(store, **(defaults | LAYOUTS[layout] | coding | options))


def expected_of(codec: CompressAIImage, image: Image) -> Image:
    """Return the image as its chunks come back, one by one."""
    whole = np.full((3, 128, 192), 255, np.uint8)
    whole[:, : image.shape[1], : image.shape[2]] = image
    for y in range(0, 128, 64):
        for x in range(0, 192, 64):
            place = np.s_[:, y : y + 64, x : x + 64]
            whole[place] = codec.decode(codec.encode(whole[place]))
    return whole[:, : image.shape[1], : image.shape[2]]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_an_array_holds_what_the_codec_gives(
    arch: str, layout: str, make_codec: Make, crop: Image, tmp_path: Path
) -> None:
    codec = make_codec(arch)
    array = create(tmp_path / "a.zarr", codec, layout)

    array[:] = crop

    read = zarr.open_array(tmp_path / "a.zarr", mode="r")[:]
    np.testing.assert_array_equal(read, expected_of(codec, crop))


def test_a_chunk_is_parsed_once(
    make_codec: Make, crop: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = create(tmp_path / "a.zarr", make_codec(), "v3")
    array[:, :64, :64] = crop[:, :64, :64]
    parsed: list[bytes] = []

    def unpack(data: bytes) -> chunks.Chunk:
        parsed.append(data)
        return chunks.unpack(data)

    monkeypatch.setattr(codec_module, "unpack", unpack)

    array[:, :64, :64]

    assert len(parsed) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_metadata_name_the_model_by_digest(layout: str, make_codec: Make, tmp_path: Path) -> None:
    codec = make_codec()
    create(tmp_path / "a.zarr", codec, layout)

    name = ".zarray" if layout == "v2" else "zarr.json"
    text = (tmp_path / "a.zarr" / name).read_text()

    assert codec.weights in text
    assert str(tmp_path) not in text


# One process for several arrays: most of its time goes into importing torch.
READ = """
import sys, zarr
for path in sys.argv[1:]:
    array = zarr.open_array(path)
    print(array.shape)
    try:
        print(int(array[:].sum()))
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def read_elsewhere(library: object, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that reads arrays in a fresh process, with nothing but zarr imported."""

    def read(*arrays: Path, **variables: str) -> list[str]:
        (tmp_path / "read.py").write_text(READ)
        command = [sys.executable, str(OPERATORS), str(tmp_path / "read.py"), *map(str, arrays)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | variables, timeout=900
        )
        assert done.returncode == 0, done.stderr
        lines: list[str] = done.stdout.splitlines()
        return lines

    return read


def test_a_fresh_process_opens_arrays_without_importing_us(
    make_codec: Make, crop: Image, tmp_path: Path, read_elsewhere: Callable[..., list[str]]
) -> None:
    sums = []
    for layout in ("v2", "v3"):
        array = create(tmp_path / layout, make_codec("mbt2018-mean"), layout)
        array[:] = crop
        sums.append(int(array[:].sum()))

    lines = read_elsewhere(tmp_path / "v2", tmp_path / "v3")

    assert lines == ["(3, 100, 140)", str(sums[0]), "(3, 100, 140)", str(sums[1])]


def test_arrays_whose_model_is_absent_open_and_say_what_they_lack(
    make_codec: Make, crop: Image, tmp_path: Path, read_elsewhere: Callable[..., list[str]]
) -> None:
    codec, elsewhere = make_codec(), str(tmp_path / "elsewhere")
    for layout in ("v2", "v3"):
        create(tmp_path / layout, codec, layout)[:] = crop

    lines = read_elsewhere(tmp_path / "v2", tmp_path / "v3", NUMCODECS_NEURAL_MODELS=elsewhere)

    assert lines[0] == lines[2] == "(3, 100, 140)"
    for line in (lines[1], lines[3]):
        assert line.startswith("WeightsError the bmshj2018-factorized model with SHA-256")
        assert codec.weights in line
        assert elsewhere in line


@pytest.mark.parametrize("options", [{"dtype": "uint16"}, {"chunks": (1, 64, 64)}], ids=str)
def test_what_no_model_can_code_is_refused_at_creation(options: dict[str, Any]) -> None:
    codec = CompressAIImage(weights="0f" * 32)

    with pytest.raises(ConfigError, match=r"uint16|length 1"):
        create({}, codec, "v3", **options)


def test_the_v3_codec_survives_its_metadata() -> None:
    codec = CompressAIImageCodec("mbt2018", weights="0f" * 32, channel_axis=-1)

    data = json.loads(json.dumps(codec.to_dict()))

    assert CompressAIImageCodec.from_dict(data) == codec


def test_a_chunk_of_another_array_is_refused(make_codec: Make, crop: Image, tmp_path: Path) -> None:
    codec = make_codec()
    array = create(tmp_path / "a.zarr", codec, "v3")
    array[:] = crop
    (tmp_path / "a.zarr" / "c" / "0" / "0" / "0").write_bytes(codec.encode(crop[:, :32, :32]))

    with pytest.raises(ValueError, match="belongs to another array"):
        array[:]
