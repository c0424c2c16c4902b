"""Images that other programs wrote: all readers have the pixels that were written."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from numcodecs_neural.cli import main
from numcodecs_neural.lazy import open_level
from numcodecs_neural.omezarr.opened import open_omezarr
from numcodecs_neural.serve.app import make_app
from numcodecs_neural.serve.form import Form
from numcodecs_neural.serve.stores import open_store
from numcodecs_neural.slide import OmeZarrSlide, PatchReader
from numcodecs_neural.view.app import Exhibit, view_app
from numcodecs_neural.view.subject import Subject
from tests.foreign.zoo import ANIMALS, Animal, store_of

_GREEN_MAGENTA = np.array([[0, 255, 0], [255, 0, 255], [0, 255, 255], [255, 255, 0], [255, 0, 0]])
_HOST = "http://127.0.0.1"

every_animal = pytest.mark.parametrize("animal", ANIMALS.values(), ids=ANIMALS)


def shown(animal: Animal, level: NDArray[Any]) -> NDArray[np.float64]:
    """Return the first plane of a level as red, green and blue (y, x, 3), by the plain formula."""
    place = tuple(0 if axis in "tz" else slice(None) for axis in animal.axes)
    planes = level[place] if "c" in animal.axes else level[place][np.newaxis]
    if len(planes) == 3 and planes.dtype == np.uint8:
        return np.moveaxis(planes, 0, -1).astype(np.float64)
    largest = 1 if planes.dtype.kind == "f" else np.iinfo(planes.dtype).max
    colors = np.vstack([_GREEN_MAGENTA, [[0, 0, 255]], _GREEN_MAGENTA])[: len(planes)]
    colors = np.full((1, 3), 255) if len(planes) == 1 else colors
    light = np.tensordot(np.clip(planes / largest, 0, 1), colors, (0, 0))
    return np.asarray(light.clip(0, 255))


@every_animal
def test_a_slide_shows_every_level(animal: Animal, tmp_path: Path) -> None:
    levels = store_of(animal, tmp_path / "a.zarr")

    with OmeZarrSlide(tmp_path / "a.zarr") as slide:
        found = [
            np.asarray(slide.read_region((0, 0), n, size))
            for n, size in enumerate(slide.level_dimensions)
        ]

    assert len(found) == len(levels)
    for region, level in zip(found, levels, strict=True):
        np.testing.assert_allclose(region[..., :3], shown(animal, level), atol=1)
        assert (region[..., 3] == 255).all()


@pytest.mark.parametrize("name", ["yx", "named RGB", "seven channels", "shards"])
def test_patches_are_white_beyond_the_image(name: str, tmp_path: Path) -> None:
    animal = ANIMALS[name]
    levels = store_of(animal, tmp_path / "a.zarr")
    expected = np.full((80, 80, 3), 255.0)
    whole = shown(animal, levels[0])
    expected[3 : 3 + len(whole), 2 : 2 + whole.shape[1]] = whole

    with PatchReader(tmp_path / "a.zarr") as reader:
        (patch,) = reader.read(0, [-2], [-3], 80)

    np.testing.assert_allclose(np.moveaxis(patch, 0, -1), expected, atol=1)


@every_animal
def test_a_level_of_xarray_has_the_samples(animal: Animal, tmp_path: Path) -> None:
    levels = store_of(animal, tmp_path / "a.zarr")

    for n, level in enumerate(levels):
        opened = open_level(tmp_path / "a.zarr", n)
        np.testing.assert_array_equal(opened.values, level)
        assert "".join(map(str, opened.dims)) == animal.axes


@every_animal
def test_what_is_exported_has_the_samples(animal: Animal, tmp_path: Path) -> None:
    levels = store_of(animal, tmp_path / "a.zarr")

    assert main(["export", str(tmp_path / "a.zarr"), str(tmp_path / "b.zarr")]) == 0
    exported = open_omezarr(tmp_path / "b.zarr").levels

    assert len(exported) == len(levels)
    for array, level in zip(exported, levels, strict=True):
        np.testing.assert_array_equal(array[...].reshape(level.shape), level)


@every_animal
def test_all_chunks_are_verified(
    animal: Animal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(animal, tmp_path / "a.zarr")

    code = main(["verify", str(tmp_path / "a.zarr"), "--against", str(tmp_path / "a.zarr")])

    assert code == 0, capsys.readouterr()
    assert main(["info", "--json", str(tmp_path / "a.zarr")]) == 0


@every_animal
def test_plain_zarr_has_the_samples_by_http(animal: Animal, tmp_path: Path) -> None:
    levels = store_of(animal, tmp_path / "a.zarr")
    served = open_store(tmp_path / "a.zarr", "a", Form(sharded="shards" in animal.array))
    client = TestClient(make_app([served]), base_url=_HOST)

    for n, level in enumerate(levels):
        copy = tmp_path / "copy.zarr"
        for name in _files(served.arrays[str(n)].document):
            answer = client.get(f"/a/{n}/{name}")
            if answer.status_code == 200:
                (copy / str(n) / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / str(n) / name).write_bytes(answer.content)
        np.testing.assert_array_equal(_array(copy / str(n)), level)
    served.files.close()


def _array(path: Path) -> Any:
    return zarr.open_array(path, mode="r")[...]


def _files(document: dict[str, Any]) -> list[str]:
    """Return the names of the files of an array by its metadata."""
    if "chunks" in document:
        separator, chunk = document.get("dimension_separator", "."), document["chunks"]
        prefix, names = "", [".zarray"]
    else:
        keys = document["chunk_key_encoding"]
        separator = keys["configuration"]["separator"]
        chunk = document["chunk_grid"]["configuration"]["chunk_shape"]
        prefix = f"c{separator}" if keys["name"] == "default" else ""
        names = ["zarr.json"]
    grid = [-(-length // side) for length, side in zip(document["shape"], chunk, strict=True)]
    return names + [prefix + separator.join(map(str, index)) for index in np.ndindex(*grid)]


@every_animal
def test_the_viewer_draws_level_0(animal: Animal, tmp_path: Path) -> None:
    levels = store_of(animal, tmp_path / "a.zarr")
    exhibit = Exhibit(shown=Subject(tmp_path / "a.zarr"))
    client = TestClient(view_app([exhibit]), base_url=_HOST)
    told = client.get("/slides/0.json").json()
    channels = "&".join(
        f"c={n}:{one['colour']}:{one['low']}:{one['high']}"
        for n, one in enumerate(told["channels"])
    )

    answer = client.get(f"/slides/0/shown/0/0-0.png?{channels}")
    exhibit.close()

    tile = np.asarray(Image.open(BytesIO(answer.content)).convert("RGB"))
    assert tile.shape[:2] == levels[0].shape[-2:]
    if told["rgb"]:
        np.testing.assert_array_equal(tile, shown(animal, levels[0]))


def test_levels_of_another_type_are_left_out(tmp_path: Path) -> None:
    levels = store_of(Animal(), tmp_path / "a.zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="a")
    del group["1"]
    group.create_array("1", data=np.full((3, 35, 25), 999, np.uint16))

    with OmeZarrSlide(tmp_path / "a.zarr") as slide:
        assert slide.level_count == 1
        region = np.asarray(slide.read_region((0, 0), 0, slide.dimensions))

    np.testing.assert_array_equal(region[..., :3], np.moveaxis(levels[0], 0, -1))


@pytest.mark.parametrize(
    "omero",
    [
        5,
        [1, 2],
        {"channels": {"a": 1}},
        {"channels": [1, None, "red"], "rdefs": 7},
        {"channels": [{"window": {"start": "0", "end": float("nan")}}] * 3},
    ],
    ids=str,
)
def test_what_is_said_of_the_display_in_a_strange_way_is_passed_over(
    omero: Any, tmp_path: Path
) -> None:
    levels = store_of(Animal(), tmp_path / "a.zarr")
    _change(tmp_path / "a.zarr", lambda attributes: attributes["ome"].update(omero=omero))

    with OmeZarrSlide(tmp_path / "a.zarr") as slide:
        region = np.asarray(slide.read_region((0, 0), 0, slide.dimensions))

    np.testing.assert_array_equal(region[..., :3], np.moveaxis(levels[0], 0, -1))


@pytest.mark.parametrize(
    "block",
    [
        "text",
        {"levels": 3, "glass": 7, "extras": 5, "magnification": "x", "software": 1},
        {"lossy_history": 5},
        {"lossy_history": [3, {"quality": 5}], "extras": {"label": 3, "macro": "gone"}},
    ],
    ids=str,
)
def test_what_is_noted_in_a_strange_way_is_no_traceback(block: Any, tmp_path: Path) -> None:
    store_of(Animal(), tmp_path / "a.zarr")
    _change(tmp_path / "a.zarr", lambda attributes: attributes.update(numcodecs_neural=block))

    assert main(["info", str(tmp_path / "a.zarr")]) == 0
    assert main(["verify", str(tmp_path / "a.zarr")]) in (0, 1)
    with OmeZarrSlide(tmp_path / "a.zarr") as slide:
        assert dict(slide.properties)["openslide.level-count"] == "2"
    exhibit = Exhibit(shown=Subject(tmp_path / "a.zarr"))
    assert exhibit.description["levels"]
    exhibit.close()


def test_a_damaged_label_does_not_hide_the_image(tmp_path: Path) -> None:
    store_of(Animal(), tmp_path / "a.zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="a")
    labels = group.create_group("labels", attributes={"ome": {"labels": ["cells"]}})
    labels.create_group("cells", attributes={"ome": {"multiscales": 3}})

    served = open_store(tmp_path / "a.zarr", "a", Form())

    assert sorted(served.arrays) == ["0", "1"]
    served.files.close()


def test_a_fill_value_that_is_no_number_is_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(Animal(dtype="f4", array={"fill_value": float("nan")}), tmp_path / "a.zarr")

    assert main(["info", "--json", str(tmp_path / "a.zarr")]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)

    assert found["levels"][0]["fill_value"] == "NaN"


def test_a_channel_of_which_nothing_is_known_leaves_the_others(tmp_path: Path) -> None:
    store_of(Animal(dtype="f4", channels=2), tmp_path / "a.zarr")
    array: Any = zarr.open_group(tmp_path / "a.zarr", mode="a")["0"]
    array[0] = np.nan
    array[1] = 1
    omero = {"channels": [{"color": "FFFFFF"}, {"color": "00FF00"}]}
    _change(tmp_path / "a.zarr", lambda attributes: attributes["ome"].update(omero=omero))

    with OmeZarrSlide(tmp_path / "a.zarr") as slide:
        assert slide.read_region((0, 0), 0, (1, 1)).getpixel((0, 0)) == (0, 255, 0, 255)


def _change(store: Path, edit: Any) -> None:
    metadata = json.loads((store / "zarr.json").read_text())
    edit(metadata["attributes"])
    (store / "zarr.json").write_text(json.dumps(metadata))
