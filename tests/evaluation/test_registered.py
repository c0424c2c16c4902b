"""Any codec of numcodecs becomes a curve by a JSON file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numcodecs.abc import Codec
from numcodecs.registry import register_codec

from numcodecs_neural.errors import ConfigError, NeuralCodecError
from numcodecs_neural.evaluation import registered_entrant
from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.kinds import GREY, GREY16, KINDS, RGB, Kind
from numcodecs_neural.evaluation.tally import measure_chunk
from tests.annotations import Image, Rng


class Coarse(Codec):
    """Keeps the upper bits of samples; takes (c, y, x) only, and can be made to fail."""

    codec_id = "coarse_for_tests"

    def __init__(self, lost: int = 0, *, fortran: bool = False) -> None:
        if lost > 8:
            raise TypeError("8 bits at most")
        self.lost, self.fortran = lost, fortran

    def encode(self, buf: Any) -> Any:
        if self.lost == 8:
            raise ZeroDivisionError("nothing left")
        assert buf.ndim == 3
        assert buf.flags.c_contiguous
        self.shape, self.dtype = buf.shape, buf.dtype
        return buf >> self.lost << self.lost

    def decode(self, buf: Any, out: Any = None) -> Any:
        array = np.frombuffer(buf, self.dtype)
        if self.lost == 7:
            return array.tobytes()[:5]
        array = array.reshape(self.shape)
        return np.asfortranarray(array) if self.fortran else array.tobytes()


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_codec(Coarse)


@pytest.fixture
def pixels(rng: Rng) -> Image:
    return rng.integers(0, 256, (16, 32, 3), np.uint8)


def described(path: Path, *configs: dict[str, Any], **others: Any) -> Path:
    path.write_text(json.dumps({"name": "coarse", "configs": configs} | others))
    return path


def config(**parameters: Any) -> dict[str, Any]:
    return {"id": "coarse_for_tests"} | parameters


def coder_of(path: Path, kind: Kind = RGB) -> ImageCoder:
    coder = registered_entrant(path).coder_for(kind)
    assert coder is not None
    return coder


@pytest.mark.parametrize("fortran", [False, True])
def test_each_configuration_is_a_point(fortran: bool, pixels: Image, tmp_path: Path) -> None:
    configs = [config(lost=lost, fortran=fortran) for lost in (4, 0)]
    coder = coder_of(described(tmp_path / "c.json", *configs))

    coarse, exact = (measure_chunk(pixels, coder, setting) for setting in coder.settings)

    assert (coder.name, coder.settings) == ("coarse", (1, 2))
    assert coarse.error == int(((pixels % 16).astype(int) ** 2).sum())
    assert (exact.error, exact.nbytes) == (0, pixels.size)


def test_grey_and_16_bits_take_part_where_the_file_says_so(tmp_path: Path, rng: Rng) -> None:
    path = described(tmp_path / "c.json", config(), channels=1, dtypes=["uint8", "uint16"])
    wide = rng.integers(0, 65536, (16, 32, 1), np.uint16)

    tally = measure_chunk(wide, coder_of(path, GREY16), 1)

    assert (tally.error, tally.nbytes) == (0, 2 * wide.size)
    assert [kind for kind in KINDS if registered_entrant(path).coder_for(kind)] == [GREY, GREY16]


def test_only_rgb_takes_part_by_default(tmp_path: Path) -> None:
    entrant = registered_entrant(described(tmp_path / "c.json", config()))

    assert [kind for kind in KINDS if entrant.coder_for(kind)] == [RGB]


@pytest.mark.parametrize(
    ("lost", "kind", "says"),
    [
        pytest.param(8, GREY, "coarse, configuration 1, failed: nothing left", id="failing"),
        pytest.param(7, GREY, "decodes .* to 5 samples of uint8", id="too few"),
        pytest.param(7, GREY16, r"decodes .* to 2\.5 samples of uint16", id="half a sample"),
    ],
)
def test_a_codec_that_fails_is_told_by_name(
    lost: int, kind: Kind, says: str, pixels: Image, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"channels": 1, "dtypes": ["uint8", "uint16"]}
    coder = coder_of(described(tmp_path / "c.json", config(lost=lost), **options), kind)
    dtype = np.uint16 if kind is GREY16 else np.uint8

    with pytest.raises(NeuralCodecError, match=says):
        measure_chunk(pixels[..., :1].astype(dtype), coder, 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "cannot be read as the JSON of a codec", id="absent"),
        pytest.param("{", "cannot be read as the JSON of a codec", id="no JSON"),
        pytest.param("[]", "must hold", id="a list"),
        pytest.param('{"name": "a"}', "must hold", id="no configurations"),
        pytest.param('{"name": "a", "configs": []}', "must hold", id="no points"),
        pytest.param('{"name": "a", "configs": [{}]}', "must hold", id="no id"),
        pytest.param('{"name": "", "configs": [{"id": "a"}]}', "must hold", id="no name"),
        pytest.param(
            '{"name": "a", "configs": [{"id": "zlib"}], "colour": 1}', "must hold", id="typo"
        ),
        pytest.param(
            '{"name": "a", "configs": [{"id": "nobodys"}]}', "makes no codec of", id="unknown"
        ),
        pytest.param(
            '{"name": "a", "configs": [{"id": "coarse_for_tests", "lost": 9}]}',
            "makes no codec of .*: 8 bits at most",
            id="refused",
        ),
    ],
)
def test_a_file_that_describes_no_codec_is_refused(
    content: str | None, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError, match=says):
        registered_entrant(path)
