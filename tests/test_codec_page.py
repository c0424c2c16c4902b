"""docs/codec: the page of `neural_image` and its JSON schema, held against the codec."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from numcodecs_neural import NeuralImageCodec
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.parameters import TUNINGS, installed_weights
from numcodecs_neural.weights import catalogue

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "codec"
PAGE = (FOLDER / "neural_image.md").read_text()
SCHEMA = json.loads((FOLDER / "schema.json").read_text())
EXAMPLES = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)]
VALID = NeuralImageCodec().to_dict()


def is_valid(metadata: object) -> bool:
    """Return whether the schema allows metadata of a codec, as they stand in JSON."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return bool(validator.is_valid(json.loads(json.dumps(metadata))))


def with_changed(**members: Any) -> dict[str, Any]:
    """Return valid metadata but for some members of their configuration."""
    return VALID | {"configuration": VALID["configuration"] | members}


def codecs_in(example: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the codec objects of our name in an example, those inside shards too."""
    found = []
    for codec in example["codecs"]:
        found += [codec] if codec["name"] == "neural_image" else []
        found += codecs_in(codec["configuration"]) if codec["name"] == "sharding_indexed" else []
    return found


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("model", [*catalogue(), "exact"])
def test_metadata_of_all_weights_are_valid(model: str) -> None:
    assert is_valid(NeuralImageCodec(model).to_dict())


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"quality": 0}, id="lowest quality"),
        pytest.param({"quality": 100}, id="highest quality"),
        pytest.param({"target_psnr": 38.5}, id="decibels"),
        *(pytest.param({"tune": name}, id=name) for name in TUNINGS),
        *(pytest.param({"channel_axis": axis}, id=f"axis {axis}") for axis in (-4, -3, -1)),
        pytest.param({"max_error": 0}, id="no loss"),
        pytest.param({"max_error": 65535}, id="any loss"),
        pytest.param({"model": "grey-fast", "value_range": (-100, 4095)}, id="range"),
        pytest.param({"encoder": {"note": ["of a", {"later": "release"}]}}, id="other notes"),
        pytest.param({"model": "unknown-7", "weights": "0" * 64}, id="weights of a later release"),
    ],
)
def test_metadata_of_every_option_are_valid(options: dict[str, Any]) -> None:
    assert is_valid(NeuralImageCodec(**options).to_dict())


WRONG = {
    "a name in place of a digest": {"weights": "he-fast-2"},
    "a digest in capitals": {"weights": "A" * 64},
    "quality above 100": {"quality": 101},
    "quality in halves": {"quality": 60.5},
    "quality in words": {"quality": "high"},
    "an axis of batches": {"channel_axis": -2},
    "a model that is no name": {"model": 2},
    "notes that are a list": {"encoder": []},
    "a parameter of a later release": {"entropy": "neural"},
}


@pytest.mark.parametrize("members", WRONG.values(), ids=WRONG)
def test_what_the_codec_refuses_is_not_valid(members: dict[str, Any]) -> None:
    wrong = with_changed(**members)

    assert not is_valid(wrong)
    with pytest.raises(ConfigError):
        NeuralImageCodec.from_dict(wrong)


@pytest.mark.parametrize(
    "notes",
    [
        pytest.param({"tune": "vmaf"}, id="tuning"),
        pytest.param({"target_psnr": 101}, id="decibels"),
        pytest.param({"max_error": -1}, id="bound"),
        pytest.param({"value_range": [0]}, id="half a range"),
        pytest.param({"max_error": 2, "tune": "ssim"}, id="two aims"),
    ],
)
def test_notes_that_no_encoder_writes_are_not_valid(notes: dict[str, Any]) -> None:
    assert not is_valid(with_changed(encoder=notes))


@pytest.mark.parametrize("member", VALID["configuration"])
def test_no_member_may_be_missing(member: str) -> None:
    kept = {key: value for key, value in VALID["configuration"].items() if key != member}

    assert not is_valid(VALID | {"configuration": kept})


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param("neural_image", id="a bare name"),
        pytest.param({"name": "neural_image"}, id="no configuration"),
        pytest.param(VALID | {"name": "neural-image"}, id="another name"),
        pytest.param(VALID | {"must_understand": False}, id="another member"),
    ],
)
def test_no_other_object_is_valid(metadata: object) -> None:
    assert not is_valid(metadata)


def test_examples_of_the_page_are_valid_and_name_weights_of_this_release() -> None:
    found = [codec for example in EXAMPLES for codec in codecs_in(example)]

    assert len(found) == len(EXAMPLES) == 3
    for metadata in found:
        assert is_valid(metadata)
        codec = NeuralImageCodec.from_dict(metadata)
        assert codec.to_dict() == metadata
        assert installed_weights(codec.model, codec.weights) is not None


def test_the_page_names_every_member() -> None:
    configuration = SCHEMA["properties"]["configuration"]["properties"]

    assert [m for m in configuration if f"\n- `{m}` (" not in PAGE] == []
    notes = configuration["encoder"]["properties"]
    assert [m for m in notes if f"\n  - `{m}` (" not in PAGE] == []
