"""Damaged images are refused in one line that names them, by all that reads images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from numcodecs_neural.cli import main
from numcodecs_neural.errors import SourceError
from numcodecs_neural.lazy import open_latents, open_level
from numcodecs_neural.napari.reader import read
from numcodecs_neural.serve.form import Form
from numcodecs_neural.serve.stores import open_store
from numcodecs_neural.slide import OmeZarrSlide, PatchReader, SlideError
from numcodecs_neural.stores.verify import verify
from numcodecs_neural.view.subject import Subject
from tests.foreign.zoo import ANIMALS, DAMAGES, Animal, damaged, pack, store_of

READERS: dict[str, Callable[[Path], object]] = {
    "slide": OmeZarrSlide,
    "patches": PatchReader,
    "xarray": open_level,
    "latents": open_latents,
    "napari": lambda store: read(str(store)),
    "serve": lambda store: open_store(store, "a", Form()),
    "view": Subject,
}
COMMANDS = {
    "info": ["info", "{}"],
    "verify": ["verify", "{}"],
    "export to Zarr": ["export", "{}", "{}.out.zarr"],
    "export to TIFF": ["export", "{}", "{}.out.tif"],
    "embed": ["models", "embed", "{}"],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_readers_refuse_what_is_damaged(damage: str, tmp_path: Path) -> None:
    store = tmp_path / "odd.ome.zarr"
    damaged(damage, store)

    for read_it in READERS.values():
        with pytest.raises(SourceError, match=r"odd\.ome\.zarr") as caught:
            read_it(store)
        assert "\n" not in str(caught.value)
    assert OmeZarrSlide.detect_format(store) is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_commands_refuse_what_is_damaged_in_one_line(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "odd.ome.zarr"
    damaged(damage, store)

    for command in COMMANDS.values():
        assert main([word.format(store) for word in command]) == 1
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "odd.ome.zarr" in err
    assert [path.name for path in tmp_path.iterdir()] == ["odd.ome.zarr"]


def test_a_zip_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    store_of(ANIMALS["shards"], tmp_path / "a.zarr")
    pack(tmp_path / "a.zarr", tmp_path / "a.ozx")
    content = (tmp_path / "a.ozx").read_bytes()
    (tmp_path / "a.ozx").write_bytes(content[: len(content) // 2])

    with pytest.raises(SlideError, match=r"a\.ozx cannot be opened as a zip"):
        OmeZarrSlide(tmp_path / "a.ozx")


def write_series(path: Path, *names: str) -> None:
    group = zarr.open_group(path, mode="w")
    group.update_attributes({"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    for name in names:
        store_of(ANIMALS["not compressed"], path / name)


def test_all_images_of_a_store_are_verified(tmp_path: Path) -> None:
    write_series(tmp_path / "a.zarr", "0", "1", "2")
    (tmp_path / "a.zarr/1/0/c/2/1/0").write_bytes(b"cut off")
    (tmp_path / "a.zarr/2/1/zarr.json").unlink()

    report = verify(tmp_path / "a.zarr")

    found = [(problem.kind, problem.array) for problem in report.tally.problems]
    assert sorted(found) == [("damaged", "image 1 level 0"), ("damaged", "image 2")]


def test_arrays_that_are_no_levels_are_verified(tmp_path: Path) -> None:
    store_of(Animal("zyx", sizes=((70, 50), (70, 50))), tmp_path / "a.zarr")
    (tmp_path / "a.zarr/1/c/0/0/0").write_bytes(b"cut off")

    (problem,) = verify(tmp_path / "a.zarr").tally.problems

    assert (problem.kind, problem.array, problem.chunk) == ("damaged", "array 1", (0, 0, 0))


@pytest.mark.parametrize("name", ["not compressed", "shards"])
def test_files_without_bytes_are_damaged(name: str, tmp_path: Path) -> None:
    store_of(ANIMALS[name], tmp_path / "a.zarr")
    (tmp_path / "a.zarr/0/c/0/0/0").write_bytes(b"")

    problems = verify(tmp_path / "a.zarr").tally.problems

    assert {problem.kind for problem in problems} == {"damaged"}
    assert problems[0].chunk == (0, 0, 0)


@pytest.mark.parametrize("dtype", ["i8", "u8", "f2"])
def test_samples_that_ome_tiff_has_no_name_for_are_refused(
    dtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_of(Animal(dtype=dtype), tmp_path / "a.zarr")

    with pytest.raises(SystemExit) as caught:
        main(["export", str(tmp_path / "a.zarr"), str(tmp_path / "a.ome.tif")])

    assert caught.value.code == 2
    assert np.dtype(dtype).name in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize(
    "words",
    [
        ["export", "s3://bucket/a.zarr", "b.ozx"],
        ["verify", "a.zarr", "--against", "s3://bucket/a.zarr"],
    ],
    ids=" ".join,
)
def test_commands_that_read_no_urls_say_so(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)

    assert caught.value.code == 2
    assert "s3://bucket/a.zarr is a URL" in capsys.readouterr().err
