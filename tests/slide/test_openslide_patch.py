"""Programs that know OpenSlide only, and OpenSlide not installed."""

from pathlib import Path

import openslide
import pytest
from openslide import OpenSlide, OpenSlideError, OpenSlideUnsupportedFormatError, open_slide
from PIL import Image

from numcodecs_neural.slide import OmeZarrSlide, patch_openslide
from tests.annotations import FreshPython


def test_a_store_opens_as_a_slide(store: Path) -> None:
    with patch_openslide():
        opened: list[object] = [
            openslide.open_slide(store),
            open_slide(str(store)),
            OpenSlide(str(store)),
        ]
        detected = OpenSlide.detect_format(str(store))

    assert [type(slide) for slide in opened] == [OmeZarrSlide] * 3
    assert detected == "ome-zarr"


def test_all_else_opens_as_before(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "picture.png")

    with patch_openslide():
        with openslide.open_slide(tmp_path / "picture.png") as picture:
            assert type(picture) is openslide.ImageSlide
        with pytest.raises(OpenSlideUnsupportedFormatError):
            OpenSlide(tmp_path / "picture.png")
        assert OpenSlide.detect_format(tmp_path / "picture.png") is None


def test_a_damaged_store_is_an_error_of_openslide(store: Path) -> None:
    (store / "zarr.json").write_text("{}")

    with patch_openslide(), pytest.raises(OpenSlideError, match=r"slide\.ome\.zarr"):
        openslide.open_slide(store)


def test_openslide_is_as_before_once_it_is_undone(store: Path) -> None:
    patch = patch_openslide()
    patch.undo()
    patch.undo()

    assert OpenSlide.detect_format(str(store)) is None
    with pytest.raises(OpenSlideUnsupportedFormatError):
        OpenSlide(str(store))


def test_the_outer_of_two_patches_stays(store: Path) -> None:
    with patch_openslide():
        with patch_openslide():
            pass

        assert isinstance(open_slide(store), OmeZarrSlide)


WITHOUT_OPENSLIDE = """
import sys
sys.modules["openslide"] = None
from numcodecs_neural.errors import MissingDependencyError, SourceError
from numcodecs_neural.slide import OmeZarrSlide, patch_openslide
with OmeZarrSlide(sys.argv[1]) as slide:
    print(slide.read_region((0, 0), 0, (30, 20)).size, slide.get_thumbnail((100, 100)).size)
    try:
        slide.read_region((0, 0), 9, (1, 1))
    except SourceError as error:
        print("has no level 9" in str(error))
try:
    patch_openslide()
except MissingDependencyError as error:
    print(str(error)[:18])
"""


def test_the_same_class_works_without_openslide(store: Path, fresh_python: FreshPython) -> None:
    found = fresh_python(WITHOUT_OPENSLIDE, store)

    assert found.splitlines() == ["(30, 20) (100, 83)", "True", "openslide-python c"]


def test_torch_is_not_imported_for_a_slide(store: Path, fresh_python: FreshPython) -> None:
    code = (
        "import sys\nfrom numcodecs_neural.slide import OmeZarrSlide, PatchReader\n"
        "OmeZarrSlide(sys.argv[1]).read_region((0, 0), 0, (30, 20))\n"
        "print('torch' in sys.modules)"
    )

    assert fresh_python(code, store) == "False"
