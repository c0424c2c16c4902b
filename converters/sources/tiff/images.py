"""Images of a TIFF file, told from the pictures of its label and of the whole glass."""

import re
from pathlib import Path
from typing import Any

import tifffile

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.reasons import reason_of
from numcodecs_neural.files.series import check_series

from .completeness import check_set, check_whole
from .file import DECODE_ERRORS, series_in
from .scn_xml import scn_roles

__all__ = ["find_image", "role_of", "series_of"]

_NAMED = re.compile(r"\s*(label|macro)(?:[ _]?image)?\s*", re.IGNORECASE)
# How tifffile calls what scanners' files hold beside their images.
_MAKERS = ("avs", "ndpi", "philips", "qpi", "svs")
_BESIDE = ("Map", "Other", "Thumbnail")
_OVERLAPS = re.compile(r"\bOverlapsXY\s*=([\d ]*[1-9])")
_QPI_TYPE = re.compile(r"<ImageType>\s*(\w+)\s*</ImageType>")
_QPI_ROLES = {"Overview": "macro", "Label": "label", "Thumbnail": "thumbnail"}
_APERIO_NAME = re.compile(r"\n\s*(label|macro)\b")


def find_image(tiff: tifffile.TiffFile, path: Path, index: int) -> tuple[Any, int]:
    """Return the series of pages of an image, and how many images there are.

    Raises
    ------
    SourceError
        If there is none of this index, if it cannot be read, or if a part of it is in a file that
        is not there.
    """
    _check_sides(tiff, path)
    _check_plain(tiff, path)
    check_whole(tiff, path)
    found = series_of(tiff, path)
    check_set(tiff, [series for series, _ in found], path)
    images = [series for series, role in found if role == "image"]
    if not images:
        raise SourceError(f"{path} has no image that can be read: it may be cut off")
    check_series(path, index, len(images))
    if images[index].transform is not None:
        raise SourceError(f"{path} has samples that stand for others by a formula: save it plainly")
    return images[index], len(images)


def series_of(tiff: tifffile.TiffFile, path: Path) -> list[tuple[Any, str]]:
    """Return all series of pages with their roles: "image", "label", "macro" or "thumbnail".

    Raises
    ------
    SourceError
        If the file's structure is damaged.
    """
    try:
        found = series_in(tiff)
        roles = scn_roles(tiff) if tiff.is_scn else [role_of(series) for series in found]
    except DECODE_ERRORS as exc:
        raise SourceError(f"{path} has no image that can be read: {reason_of(exc)}") from exc
    if len(roles) != len(found) or "image" not in roles:
        roles = ["image"] * len(found)
    return list(zip(found, roles, strict=True))


def role_of(series: Any) -> str:
    """Return what a series or a page shows, by what its makers write into it."""
    page = getattr(series, "keyframe", series)
    text = str(getattr(page, "description", "") or "")[:4096]
    aperio = _APERIO_NAME.search(text) if text.startswith("Aperio") else None
    if aperio is not None:
        return aperio[1]
    qpi = _QPI_TYPE.search(text)
    if qpi is not None and qpi[1] in _QPI_ROLES:
        return _QPI_ROLES[qpi[1]]
    name = getattr(series, "name", "") or ""
    if getattr(series, "kind", "") in _MAKERS and name in _BESIDE:
        return "thumbnail"
    named = _NAMED.fullmatch(name)
    return "image" if named is None else named[1].lower()


def _check_sides(tiff: tifffile.TiffFile, path: Path) -> None:
    """Refuse a first page of no pixels: of sides below 0, tifffile looks for pages without end."""
    first = tiff.pages.first if tiff.pages else None
    sides = [getattr(first, name, 1) for name in ("imagelength", "imagewidth")]
    if any(isinstance(side, int) and side < 1 for side in sides):
        raise SourceError(f"{path} has an image of no pixels: {sides[0]} rows of {sides[1]}")


def _check_plain(tiff: tifffile.TiffFile, path: Path) -> None:
    """Refuse tiles that are not side by side."""
    first = tiff.pages.first if tiff.pages else None
    is_trestle = str(getattr(first, "software", "")).startswith("MedScan")
    if tiff.is_bif:
        raise SourceError(
            f"{path} is a Ventana BIF slide, whose tiles overlap and must be stitched: name it "
            ".bif, and OpenSlide does that (pip install 'numcodecs-neural[openslide]')"
        )
    if is_trestle and _OVERLAPS.search(str(getattr(first, "description", ""))):
        raise SourceError(
            f"{path} is a Trestle slide, whose tiles overlap and must be stitched, as OpenSlide "
            "does it: save it as another kind of TIFF first"
        )
