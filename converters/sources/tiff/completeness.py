"""Checks that a TIFF file, and the set that it belongs to, is complete.

tifffile reads what it finds, and zeros or fewer pages for the rest. A stack that was cut off while
it was copied would become a shorter one, and nobody would know.
"""

import re
import struct
from pathlib import Path
from typing import Any

import tifffile

from numcodecs_neural.errors import SourceError

from ..ome_xml import is_damaged, missing_files, named_files
from .file import DECODE_ERRORS, opened

__all__ = ["check_set", "check_whole"]

_DESCRIPTION = 270
_IMAGES = re.compile(r"^images=(\d+)", re.MULTILINE)


def check_whole(tiff: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file that ends before its pages do, or that a set of files is missing others of.

    Raises
    ------
    SourceError
        If it is not all there; says what is missing.
    """
    if not tiff.pages:
        return
    if _DESCRIPTION in _codes_of_tags(tiff).difference(tiff.pages.first.tags.keys()):
        raise SourceError(f"{path} is cut off: its description is not all in it; copy it again")
    if not _is_chain_whole(tiff):
        raise SourceError(
            f"{path} is cut off: it refers to a page after page {len(tiff.pages)} that is not in "
            "it; copy it again"
        )
    _check_imagej(tiff, path)
    _check_description(tiff, path)


def check_set(tiff: tifffile.TiffFile, images: list[Any], path: Path) -> None:
    """Refuse a set of which a file is no TIFF: tifffile would read zeros in its place.

    Parameters
    ----------
    images : list
        All series of pages that were found.

    Raises
    ------
    SourceError
        If one is none; names it.
    """
    names = named_files(tiff.ome_metadata)
    if not names:
        return
    read = {page.parent.filehandle.name for image in images for page in image if page is not None}
    for name in names:
        if name not in read:
            _check_member(path.parent / name, path)


def _check_description(tiff: tifffile.TiffFile, path: Path) -> None:
    """Refuse OME-XML that no one can understand, or that names files that are not there."""
    first: Any = tiff.pages.first
    if len(tiff.pages) > 1 and is_damaged(str(first.description or "")):
        raise SourceError(
            f"{path} has OME-XML that is damaged, and only that tells what its {len(tiff.pages)} "
            "pages are: mend the description of its first page, or remove it"
        )
    absent = missing_files(tiff.ome_metadata, path.parent)
    if absent:
        raise SourceError(
            f"{path} is one file of a set, and {absent[0]} is not beside it"
            + (f" ({len(absent)} files are missing)" if len(absent) > 1 else "")
            + ": put all files of the set into one folder"
        )


def _check_member(member: Path, path: Path) -> None:
    try:
        with opened(member) as tiff:
            is_read = bool(tiff.pages)
    except SourceError as exc:
        raise SourceError(f"{path} is one file of a set, and another is damaged: {exc}") from exc
    if not is_read:
        raise SourceError(f"{path} is one file of a set, and {member} holds no page: copy it again")


def _codes_of_tags(tiff: tifffile.TiffFile) -> set[int]:
    """Return the codes of the first page's tags; tifffile drops those whose values are cut off."""
    structure, file = tiff.tiff, tiff.filehandle
    file.seek(tiff.pages.first.offset)
    (count,) = struct.unpack(structure.tagnoformat, file.read(structure.tagnosize))
    tags = file.read(count * structure.tagsize)
    return {
        struct.unpack_from(f"{structure.byteorder}H", tags, place)[0]
        for place in range(0, len(tags) - 1, structure.tagsize)
    }


def _is_chain_whole(tiff: tifffile.TiffFile) -> bool:
    """Return whether each page that the file refers to is there: the last refers to none."""
    if tiff.is_scanimage:
        return True  # Whose pages tifffile finds without following the chain.
    try:
        place = tiff.pages.next_page_offset
        if place is None:
            return True
        tiff.filehandle.seek(place)
        data = tiff.filehandle.read(tiff.tiff.offsetsize)
        (following,) = struct.unpack(tiff.tiff.offsetformat, data)
    except DECODE_ERRORS:
        return False
    # What refers back to a page before it has an end, too.
    return bool(following < place)


def _check_imagej(tiff: tifffile.TiffFile, path: Path) -> None:
    """Refuse a stack of ImageJ that is cut off: its planes follow the first, without pages."""
    first: Any = tiff.pages.first
    said = _IMAGES.search(str(first.description or "")) if tiff.is_imagej else None
    if said is None or len(tiff.pages) > 1 or not first.is_contiguous:
        return
    start, end = int(first.dataoffsets[0]), tiff.filehandle.size
    # Other programs copy the description into files of a single plane, and end with their page.
    is_followed = first.offset < start and end > start + first.nbytes
    if is_followed and end < start + int(said[1]) * first.nbytes:
        raise SourceError(
            f"{path} is cut off: it ends after {(end - start) / first.nbytes:.1f} of its "
            f"{said[1]} planes; copy it again"
        )
