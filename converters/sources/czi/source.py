"""CziSource: images of Zeiss' CZI files, scene by scene, tile by tile."""

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.reasons import reason_of
from numcodecs_neural.files.series import check_series, image_name

from ...geometry.levels import Region
from ..base import Associated, Compression, FileSource, Frame, SlideInfo
from ..tile_cache import TileCache
from .blocks import CZI_ERRORS, Block, CziBlocks
from .decode import LOSSY, decode_block
from .metadata import CziMetadata, parse_metadata
from .scenes import CziScene, find_scenes, scene_of

__all__ = ["CziSource", "open_source"]

# Tiles overlap, and regions cut them: each is wanted several times.
CACHE_NBYTES = 128 << 20
_ATTACHMENTS = {"label": "Label", "macro": "SlidePreview"}


def open_source(path: Path, *, series: int = 0) -> "CziSource":
    """Open one scene of a CZI file."""
    return CziSource(path, series)


class CziSource(FileSource):
    """A scene of a CZI file.

    Only the tiles that a region touches are read; where they overlap, the one that was taken last
    is on top. What lies between tiles is white in colour images, and else 0.

    Parameters
    ----------
    path : Path
        The file.
    series : int
        Which scene.

    Raises
    ------
    SourceError
        If it is no CZI file, has no such scene, or one of axes that OME-Zarr does not have.
    """

    not_jpeg = "its tiles may lie anywhere and overlap"

    def __init__(self, path: Path, series: int = 0) -> None:
        self._path, self._series = path, series
        self._file = CziBlocks(path)
        self._cache: TileCache[NDArray[Any]] = TileCache(CACHE_NBYTES)
        try:
            scenes = find_scenes(self._file.blocks)
            check_series(path, series, len(scenes))
            metadata = parse_metadata(self._file.metadata)
            self._scene = scene_of(scenes[series], path, has_names=bool(metadata.channels))
            self._info = self._describe(metadata, len(scenes))
        except BaseException:
            self._file.close()
            raise

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[Any]:
        """Return the pixels of `region`, shape (height, width, samples)."""
        info, planes = self._info, self._scene.levels[level]
        fill = np.iinfo(info.dtype).max if info.is_rgb and info.dtype.kind == "u" else 0
        out = np.full((region.height, region.width, info.samples), fill, info.dtype)
        if frame not in planes.blocks:
            return out
        for block, top, left in planes.blocks_in(region, frame):
            pixels = self._pixels(block, level)
            bottom, right = top + pixels.shape[0], left + pixels.shape[1]
            y0, y1 = max(top, region.y), min(bottom, region.y + region.height)
            x0, x1 = max(left, region.x), min(right, region.x + region.width)
            if y0 < y1 and x0 < x1:
                target = out[y0 - region.y : y1 - region.y, x0 - region.x : x1 - region.x]
                target[:] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
        return out

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return the picture of the slide's label or of the whole glass, if there is one."""
        try:
            data = self._file.attachment(_ATTACHMENTS[name])
        except CZI_ERRORS as exc:
            raise SourceError(
                f"{self._path}: its {name} picture cannot be read: {reason_of(exc)}"
            ) from exc
        return None if data is None else _picture(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _pixels(self, block: Block, level: int) -> NDArray[Any]:
        def decode() -> NDArray[Any]:
            try:
                return decode_block(block, self._file.data(block))
            except CZI_ERRORS as exc:
                raise SourceError(
                    f"{self._path}: the tile of {block.width} x {block.height} pixels at row "
                    f"{block.y}, column {block.x} of level {level} does not decode: "
                    f"{reason_of(exc)}"
                ) from exc

        return self._cache.get_or_decode((block.index,), decode, is_kept=True, is_big=False)

    def _describe(self, metadata: CziMetadata, count: int) -> SlideInfo:
        scene = self._scene
        samples = 1 if scene.first.samples == 1 else 3
        size_bytes = self._path.stat().st_size
        lengths = dict(scene.frames)
        bits = metadata.bits
        dtype = scene.first.dtype.newbyteorder("=")
        has_names = "c" in lengths and lengths["c"] == len(metadata.channels)
        return SlideInfo(
            name=image_name(self._path, self._series),
            level_shapes=tuple(level.shape for level in scene.levels),
            mpp=metadata.mpp,
            history=_history(self._file.blocks, scene, metadata.quality, size_bytes),
            size_bytes=size_bytes,
            dtype=dtype,
            samples=samples,
            frames=scene.frames,
            channels=metadata.channels if has_names else (),
            spacing={axis: size for axis, size in metadata.spacing.items() if axis in lengths},
            magnification=metadata.magnification,
            significant_bits=bits if bits is not None and bits < 8 * dtype.itemsize else None,
            series=self._series,
            series_count=count,
        )


def _history(
    blocks: list[Block], scene: CziScene, quality: int | None, size_bytes: int
) -> tuple[Compression, ...]:
    """Return the step that level 0 went through; its ratio is that of all that the file holds."""
    method = LOSSY.get(scene.first.compression)
    if method is None:
        return ()
    note = (
        {} if method == "jpeg" else {"note": "JPEG XR may be lossless, and the file does not tell"}
    )
    ratio = round(sum(block.nbytes for block in blocks) / size_bytes, 2)
    return (Compression(method=method, quality=quality, ratio=ratio, details=note),)


def _picture(data: bytes) -> NDArray[np.uint8]:
    """Return level 0 of a CZI file that was inside another, in 8-bit RGB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.czi"
        path.write_bytes(data)
        with closing(CziSource(path)) as source:
            height, width = source.info.shape
            frame = (0,) * len(source.info.frames)
            pixels = source.read_region(Region(0, 0, height, width), 0, frame)
    if pixels.dtype != np.uint8:
        pixels = (pixels >> 8).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3)))
