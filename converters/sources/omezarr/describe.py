"""SlideInfo of an OME-Zarr image: sizes, pixel size, channels and lossy history."""

from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural.files.series import image_name
from numcodecs_neural.omezarr.history import lossy_history
from numcodecs_neural.omezarr.levels import array_codecs
from numcodecs_neural.omezarr.lost_files import level_nbytes, store_nbytes
from numcodecs_neural.omezarr.opened import OpenedImage

from ..base import SlideInfo
from ..ome_xml import OmeImage, ome_image

__all__ = ["describe"]

_OME_XML = "OME/METADATA.ome.xml"


def describe(image: OpenedImage, *, series: int = 0) -> SlideInfo:
    """Return all that is known; raises what zarr does where a part is damaged."""
    files, metadata, block = image.files, image.metadata, image.block
    channels = metadata.channels
    if image.is_rgb or len(channels) != image.shape.get("c"):
        channels = ()
    ome_xml = files.read(_OME_XML)
    text = None if ome_xml is None else ome_xml.decode("utf-8", "replace")
    told = ome_image(text, name="", shape=image.levels[0].shape[-2:], index=series)
    profile = image.extra("icc_profile")
    return SlideInfo(
        name=image_name(Path(files.location), series),
        level_shapes=tuple(
            (level.shape[-2], level.shape[-1]) for level in image.levels_of_all_planes
        ),
        mpp=metadata.mpp,
        history=lossy_history(
            image.attributes,
            array_codecs(files, image.paths[0]),
            ratio=image.levels[0].nbytes / max(level_nbytes(image, 0), 1),
        ),
        size_bytes=store_nbytes(image),
        dtype=image.dtype,
        samples=3 if image.is_rgb else 1,
        frames=_frames(image, has_names=bool(channels)),
        channels=channels,
        spacing=told.spacing
        | {axis: metadata.scale[axis] for axis in "zt" if axis in metadata.scale},
        magnification=block.get("magnification") or told.magnification,
        significant_bits=_fewer_bits(told, image.dtype),
        series=series,
        series_count=image.series_count,
        icc_profile=None if profile is None else profile.tobytes(),
        ome_xml=text,
        description=block.get("image_description"),
    )


def _frames(image: OpenedImage, *, has_names: bool) -> tuple[tuple[str, int], ...]:
    """Return the axes that are longer than 1, and one channel if it has a name to keep."""
    kept = {axis for axis, length in image.shape.items() if length > 1} - {"y", "x"}
    if has_names:
        kept.add("c")
    if image.is_rgb:
        kept.discard("c")
    return tuple((axis, length) for axis, length in image.shape.items() if axis in kept)


def _fewer_bits(told: OmeImage, dtype: np.dtype[Any]) -> int | None:
    bits = told.significant_bits
    return bits if bits is not None and bits < 8 * dtype.itemsize else None
