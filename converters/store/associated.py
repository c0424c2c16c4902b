"""Writes OME-XML, colour profile, and the pictures of label and macro beside the pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.files.folder import Folder

from ..geometry.axes import Axes
from ..geometry.levels import keep_levels
from ..options import ConvertOptions, OmeZarrVersion
from ..sources import Associated, SlideSource
from .arrays import write_plain
from .deidentify import without_confidential
from .metadata import Picture, write_image_group
from .source_markers import JPEG_MARKERS, markers_of, write_markers

__all__ = ["file_notices", "write_extras"]

OME_XML = "OME/METADATA.ome.xml"
ICC_PROFILE = "icc_profile"
ASSOCIATED_GROUP = "associated"


def write_extras(store: Folder, source: SlideSource, options: ConvertOptions) -> dict[str, str]:
    """Write all that is there and wanted; return where, by what it is.

    The pictures of the label and of the whole glass may identify a patient, and are read only if
    `options` ask for them.
    """
    info, version = source.info, options.ome_zarr_version
    written: dict[str, str] = {}
    ome_xml = info.ome_xml
    if ome_xml is not None and not options.confidential:
        ome_xml = without_confidential(ome_xml)
    if ome_xml is not None:
        store.write(OME_XML, ome_xml.encode())
        written["ome_xml"] = OME_XML
    if info.icc_profile is not None:
        _write_profile(store, info.icc_profile, version)
        written["icc_profile"] = ICC_PROFILE
    wanted: dict[Associated, bool] = {"label": options.label, "macro": options.macro}
    for name, is_wanted in wanted.items():
        pixels = source.read_associated(name) if is_wanted else None
        if pixels is not None:
            _write_picture(store, name, pixels, version)
            written[name] = f"{ASSOCIATED_GROUP}/{name}"
    data = source.jpeg_file() if options.archive else None
    if data is not None:
        written |= _write_markers(store, data, options)
    return written


def file_notices(source: SlideSource, options: ConvertOptions) -> list[str]:
    """Return why an archive of one JPEG file does not give back its bytes; empty if it does."""
    data = source.jpeg_file() if options.archive else None
    if data is None:
        return []
    found = markers_of(data, confidential=options.confidential)
    return (
        [f"the JPEG file is restored with new markers: {found}"] if isinstance(found, str) else []
    )


def _write_markers(store: Folder, data: bytes, options: ConvertOptions) -> dict[str, str]:
    """Write the markers of a JPEG file if they may be kept; return where."""
    found = markers_of(data, confidential=options.confidential)
    if isinstance(found, str):
        return {}
    return {JPEG_MARKERS: write_markers(store, data, found, options.ome_zarr_version)}


def _write_profile(store: Folder, profile: bytes, version: OmeZarrVersion) -> None:
    attributes: dict[str, Any] = {"media_type": "application/vnd.iccprofile"}
    values = np.frombuffer(profile, np.uint8)
    write_plain(store, ICC_PROFILE, values, version, ("byte",), attributes=attributes)


def _write_picture(
    store: Folder, name: str, pixels: NDArray[np.uint8], version: OmeZarrVersion
) -> None:
    """Write a picture of shape (y, x, 3) as an image of one level, without loss."""
    height, width = pixels.shape[:2]
    group = f"{ASSOCIATED_GROUP}/{name}"
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    write_plain(store, f"{group}/0", planes, version, ("c", "y", "x"), fill_value=255)
    picture = Picture(
        name=name,
        axes=Axes(samples=3),
        grids=keep_levels(((height, width),), chunk_px=max(height, width), region_px=width),
        mpp=None,
        spacing={},
        channels=(),
        windows=((0, 255),) * 3,
        limits=(0, 255),
        reduction="source",
    )
    write_image_group(store, group, version, picture)
