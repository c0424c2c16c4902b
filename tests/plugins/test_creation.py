"""NeuralImageCodec at array creation: metadata, and refusals of what could not be coded later."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import zarr

from numcodecs_neural import NeuralImage, NeuralImageCodec
from numcodecs_neural.errors import ConfigError, WeightsError

NINE_AXES = (1, 1, 1, 1, 1, 1, 3, 8, 8)
GOOD: dict[str, Any] = {"shape": (3, 200, 200), "chunks": (3, 64, 64), "dtype": "uint8"}


def create(store: Any, **options: Any) -> Any:
    codec = options.pop("serializer", NeuralImageCodec())
    return zarr.create_array(store, serializer=codec, compressors=None, **(GOOD | options))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param({"dtype": "uint16"}, "the array is uint16", id="dtype"),
        pytest.param({"dtype": "uint16", "shards": (3, 128, 128)}, "uint16", id="dtype in shards"),
        pytest.param({"chunks": (1, 64, 64)}, "length 1 at channel_axis=-3", id="split channels"),
        pytest.param(
            {"chunks": (1, 64, 64), "shards": (3, 128, 128)}, "length 1", id="split in shards"
        ),
        pytest.param({"shape": (4, 200, 200), "chunks": (4, 64, 64)}, "length 4", id="RGBA"),
        pytest.param({"shape": (200, 200), "chunks": (64, 64)}, "has 2 axes", id="grey"),
        pytest.param(
            {"shape": (3, 10**5, 10**5), "chunks": (3, 10**4, 10**4)}, "smaller chunks", id="large"
        ),
        pytest.param(
            {"shape": (1,) * 6 + (3, 8, 8), "chunks": (1,) * 6 + (3, 8, 8)},
            "9 axes",
            id="nine axes",
        ),
    ],
)
def test_what_cannot_be_coded_is_refused(
    options: dict[str, Any], says: str, tmp_path: Path
) -> None:
    store = tmp_path / "array.zarr"

    with pytest.raises(ConfigError, match=says) as caught:
        create(store, **options)

    assert len(str(caught.value).splitlines()) == 1
    assert not (store / "zarr.json").exists()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"shape": (6, 200, 200)}, id="two images along c"),
        pytest.param({"shape": (3, 0, 200)}, id="to be resized"),
        pytest.param({"shape": (3, 10**5, 10**5), "shards": (3, 12800, 12800)}, id="large shards"),
        pytest.param({"shape": (3, 20, 20)}, id="smaller than its chunk"),
        pytest.param({"shape": (5, 3, 200, 200), "chunks": (1, 3, 64, 64)}, id="time"),
        pytest.param({"shards": (3, 128, 128)}, id="shards"),
        pytest.param({"shape": (200, 200, 3), "chunks": (64, 64, 3)}, id="a filter may transpose"),
    ],
)
def test_what_can_be_coded_is_accepted(options: dict[str, Any]) -> None:
    assert create({}, **options).shape == options.get("shape", GOOD["shape"])


def test_channels_on_another_axis_are_refused_at_the_first_write() -> None:
    array = create({}, shape=(200, 200, 3), chunks=(64, 64, 3))

    with pytest.raises(ConfigError, match="pass channel_axis=-1"):
        array[:] = 1


def test_the_numcodecs_codec_in_zarr_3_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"serializer=NeuralImageCodec.* and compressors=None"):
        zarr.create_array({}, **GOOD, compressors=NeuralImage())


def test_metadata_name_the_codec_and_pin_the_weights(tmp_path: Path) -> None:
    create(tmp_path, serializer=NeuralImageCodec("he-fast", 70))

    (stored,) = json.loads((tmp_path / "zarr.json").read_text())["codecs"]

    weights = stored["configuration"].pop("weights")
    assert len(bytes.fromhex(weights)) == 32
    assert stored == {
        "name": "neural_image",
        "configuration": {"model": "he-fast-2", "quality": 70, "channel_axis": -3, "encoder": {}},
    }


def rewrite(store: Path, **changes: Any) -> None:
    """Change the codec's configuration in the metadata of an array."""
    metadata = json.loads((store / "zarr.json").read_text())
    metadata["codecs"][0]["configuration"].update(changes)
    (store / "zarr.json").write_text(json.dumps(metadata))


def test_notes_of_a_later_encoder_are_kept_and_ignored(tmp_path: Path) -> None:
    create(tmp_path)
    rewrite(tmp_path, encoder={"effort": 9})

    array: Any = zarr.open_array(tmp_path)

    (codec,) = array.metadata.codecs
    assert codec.to_dict()["configuration"]["encoder"] == {"effort": 9}


def test_parameters_of_a_later_release_are_refused_by_name(tmp_path: Path) -> None:
    create(tmp_path)
    rewrite(tmp_path, max_error=2)

    with pytest.raises(ConfigError, match="no parameter 'max_error'"):
        zarr.open_array(tmp_path)


def test_an_array_whose_weights_are_absent_opens_and_says_what_to_install(tmp_path: Path) -> None:
    create(tmp_path)
    rewrite(tmp_path, model="he-future-9", weights="0" * 64)

    array: Any = zarr.open_array(tmp_path)

    assert "he-future-9" in repr(array.metadata)
    with pytest.raises(WeightsError, match="install"):
        array[:] = 1


@pytest.mark.parametrize(
    "codec",
    [NeuralImageCodec(), NeuralImageCodec(quality=3, channel_axis=-1, encoder={"effort": [1]})],
    ids=["default", "changed"],
)
def test_codec_survives_json_and_pickle(codec: NeuralImageCodec) -> None:
    again = NeuralImageCodec.from_dict(json.loads(json.dumps(codec.to_dict())))

    assert again == codec == pickle.loads(pickle.dumps(codec))
    assert hash(again) == hash(codec)


def test_codec_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        NeuralImageCodec().quality = 3  # type: ignore[misc]


def test_codecs_of_another_quality_differ() -> None:
    assert NeuralImageCodec(quality=3) != NeuralImageCodec(quality=4)
