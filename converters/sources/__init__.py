"""Readers of slides: one protocol, one file a reader library."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.folder import is_url

from .base import (
    Associated,
    Channel,
    Compression,
    Frame,
    JpegTiles,
    SlideInfo,
    SlideSource,
    WithoutJpeg,
)

__all__ = [
    "Associated",
    "Channel",
    "Compression",
    "Frame",
    "JpegTiles",
    "SlideInfo",
    "SlideSource",
    "WithoutJpeg",
    "open_source",
]


@dataclass(frozen=True, slots=True)
class _Reader:
    """One folder of this one: which slides it reads, and what must be installed for it."""

    folder: str
    suffixes: tuple[str, ...]
    extra: str = ""


TIFF_SUFFIXES = (
    *(".svs", ".tif", ".tiff", ".btf", ".tf2", ".tf8"),
    *(".ndpi", ".qptiff", ".scn"),
)
# In this order: the first whose suffix fits reads the slide.
_READERS = (
    _Reader("tiff", TIFF_SUFFIXES),
    _Reader("plain", (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".jp2", ".jxl")),
    _Reader("czi", (".czi",), "czi"),
    _Reader("dicom", (".dcm", ".dicom"), "dicom"),
    _Reader("openslide", (".mrxs", ".vms", ".vmu", ".svslide", ".bif"), "openslide"),
    _Reader("omezarr", (".zarr", ".zip", ".ozx")),
)
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def open_source(path: Path | str, *, series: int = 0) -> SlideSource:
    """Open a slide.

    The suffix decides, since several vendors' files begin like a TIFF and keep their pixels
    elsewhere; of a folder, what is in it.

    Parameters
    ----------
    path : Path or str
        A file, the folder of an OME-Zarr store or of the DICOM files of one slide, or as a string
        the URL of a store.
    series : int
        Which image, where there are several.

    Raises
    ------
    SourceError
        If `path` is absent, no slide, or a slide that cannot be read here; says what would read it.
    """
    if isinstance(path, str) and is_url(path):
        from .omezarr.source import OmeZarrSource

        return OmeZarrSource(path, series)
    path = Path(path)
    reader = _reader_of(path)
    try:
        module = import_module(f"{__name__}.{reader.folder}.source")
    except ModuleNotFoundError as exc:
        if not reader.extra:
            raise
        library = (exc.name or reader.extra).partition(".")[0]
        raise SourceError(
            f"{path}: reading such slides needs {library}, which is not installed: "
            f"pip install 'numcodecs-neural[{reader.extra}]'"
        ) from exc
    # MIRAX slides are in the folder beside their file.
    if reader.folder != "openslide" and path.is_file():
        _check_not_empty(path)
    return cast(SlideSource, module.open_source(path, series=series))


def _reader_of(path: Path) -> _Reader:
    if not path.exists():
        raise SourceError(f"{path}: there is no such file")
    if path.is_dir():
        return _reader_named(_kind_of_folder(path))
    if not path.is_file():
        raise SourceError(f"{path} is neither a file nor a folder: save the slide as a file")
    suffix = path.suffix.lower()
    for reader in _READERS:
        if suffix in reader.suffixes:
            return reader
    known = ", ".join(suffix for reader in _READERS for suffix in reader.suffixes)
    raise SourceError(
        f"{path} is not a kind of slide that this release reads ({known}): convert it with "
        "bioformats2raw, whose OME-Zarr is read, or to OME-TIFF first"
    )


def _check_not_empty(path: Path) -> None:
    with path.open("rb") as file:
        if not file.read(1):
            raise SourceError(f"{path} is empty: copy it again from where it is whole")


def _kind_of_folder(path: Path) -> str:
    if any((path / name).is_file() for name in _ZARR_FILES):
        return "omezarr"
    if any(_is_dicom(file) for file in sorted(path.iterdir()) if file.is_file()):
        return "dicom"
    raise SourceError(
        f"{path} is a folder, and neither an OME-Zarr store nor DICOM: name the slides in it"
    )


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _reader_named(folder: str) -> _Reader:
    return next(reader for reader in _READERS if reader.folder == folder)
