"""Files in a folder that are one DICOM slide, and their headers."""

import struct
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from numcodecs_neural.errors import SourceError

__all__ = ["files_of_slide"]

_SLIDE_IMAGE = "1.2.840.10008.5.1.4.1.1.77.1.6"
# What pydicom raises at files of other kinds, and at headers that are damaged.
_NO_HEADER = (
    *(AttributeError, EOFError, KeyError, NotImplementedError, OSError, TypeError, ValueError),
    *(BytesLengthException, InvalidDicomError, struct.error),
)
_MARK_AT, _MARK = 128, b"DICM"
_TAGS = ["SOPClassUID", "ImageType", "SeriesInstanceUID", "TotalPixelMatrixFocalPlanes"]
# wsidicom makes a list of them, however many a damaged header promises.
MAX_DEPTHS = 10_000


def files_of_slide(path: Path) -> list[Path]:
    """Return the files of one slide, sorted: of a folder that holds one, or those beside a file.

    Raises
    ------
    SourceError
        If there is no slide, or if a folder holds several; names a file of each. If the header of
        any DICOM file there is damaged: whether it belongs to the slide cannot be told.
    """
    folder, chosen = (path, None) if path.is_dir() else (path.parent, path)
    if chosen is not None and _header(chosen) is None:
        raise SourceError(f"{path} is not a DICOM file of a whole slide")
    slides = _slides_in(folder)
    if chosen is not None:
        return next(files for files in slides.values() if chosen in files)
    if len(slides) > 1:
        examples = ", ".join(files[0].name for files in slides.values())
        raise SourceError(
            f"{path} holds {len(slides)} DICOM slides: name a file of the one that is meant, or of "
            f"each of them; these are of different slides: {examples}"
        )
    if not slides:
        raise SourceError(f"{path} holds no DICOM file of a whole slide")
    return next(iter(slides.values()))


def _slides_in(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each slide: one slide is one series."""
    slides: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if (header := _header(file)) is not None:
            slides.setdefault(str(header.get("SeriesInstanceUID", "")), []).append(file)
    return slides


def _header(file: Path) -> Dataset | None:
    """Return what tells slides apart, or None for any other file; refuses images of no kind."""
    if not file.is_file() or not _is_dicom(file):
        return None
    try:
        header = dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        # The kind of a file stands in it twice.
        kinds = {header.get("SOPClassUID"), header.file_meta.get("MediaStorageSOPClassUID")}
        # Values are understood when they are asked for.
        has_type, has_series = (bool(header.get(tag)) for tag in ("ImageType", "SeriesInstanceUID"))
    except _NO_HEADER as exc:
        raise _damaged(file) from exc
    if _SLIDE_IMAGE not in kinds:
        return None
    if len(kinds) > 1 or not has_series:
        raise _damaged(file)
    if not has_type:
        raise SourceError(
            f"{file} says no ImageType (0008,0008), by which levels and labels of a DICOM slide "
            "are told apart: it was not written to the standard and cannot be read"
        )
    if _depths(header) > MAX_DEPTHS:
        raise SourceError(
            f"{file} says that it has {_depths(header)} focal planes, and up to {MAX_DEPTHS} are "
            "read: it is damaged; copy it again"
        )
    return header


def _is_dicom(file: Path) -> bool:
    """Return whether a file is to be one of DICOM, by its start or its name."""
    with file.open("rb") as opened:
        start = opened.read(_MARK_AT + len(_MARK))
    return start[_MARK_AT:] == _MARK or file.suffix.lower() == ".dcm"


def _damaged(file: Path) -> SourceError:
    return SourceError(
        f"{file} is not a DICOM file of a whole slide, or its header is damaged: copy it again, or "
        "move it out of the slide's folder if it does not belong there"
    )


def _depths(header: Dataset) -> int:
    """Return the number of focal planes; 1 if it cannot be read, at which wsidicom fails."""
    try:
        return int(header.get("TotalPixelMatrixFocalPlanes") or 1)
    except _NO_HEADER:
        return 1
