"""Which reader reads a path, and what is said where none does."""

import sys
from pathlib import Path

import pytest

from numcodecs_neural.converters import sources
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.errors import SourceError


@pytest.mark.parametrize(
    ("library", "name", "extra"),
    [
        ("openslide", "slide.mrxs", "openslide"),
        ("openslide", "slide.BIF", "openslide"),
        ("wsidicom", "slide.dcm", "dicom"),
        ("pydicom", "slide.dcm", "dicom"),
        ("czifile", "slide.czi", "czi"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, name: str, extra: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    for module in [m for m in sys.modules if m.startswith(f"{sources.__name__}.{extra}")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)

    says = rf"{name}: .* needs {library}, which is not installed: .*numcodecs-neural\[{extra}\]"
    with pytest.raises(SourceError, match=says):
        open_source(path)


def test_other_files_are_refused_with_what_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "slide.vsi"
    path.write_bytes(b"II*\0")

    with pytest.raises(SourceError, match=r"slide.vsi is not a kind of slide .* bioformats2raw"):
        open_source(path)


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")

    with pytest.raises(SourceError, match="neither an OME-Zarr store nor DICOM"):
        open_source(tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"slide.svs: there is no such file"):
        open_source(tmp_path / "slide.svs")
