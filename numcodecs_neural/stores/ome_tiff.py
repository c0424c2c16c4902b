"""OME-TIFF: a pyramid of tiles with SubIFDs, which other programs read."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.codecs.qualities import jpegxl_distance
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Frame, SlideInfo, SlideSource
from numcodecs_neural.errors import ConfigError

from .kinds import TiffCodec
from .threads import in_order

__all__ = ["write_ome_tiff"]

_MICRONS_PER_CM = 10_000
# What a classic TIFF has room for is 4 GiB; no codec here makes more of pixels than they are.
_CLASSIC_NBYTES = 4_000_000_000
# Samples that the XML of OME has a name for.
_DTYPES = (
    *("int8", "int16", "int32", "uint8", "uint16", "uint32"),
    *("float32", "float64"),
)
# From here on chroma is kept whole.
_FULL_CHROMA = 90


@dataclass(frozen=True, slots=True)
class _Tile:
    """Where the pixels of a tile are."""

    level: int
    frame: Frame
    region: Region


def write_ome_tiff(
    source: SlideSource,
    path: Path,
    *,
    codec: TiffCodec,
    quality: int,
    tile_px: int,
    workers: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write all levels of a slide; no more than a few tiles are in memory.

    Parameters
    ----------
    source : SlideSource
    path : Path
        The file.
    codec : {"deflate", "zstd", "jpeg", "jpegxl"}
        Of the tiles.
    quality : int
        0 to 100, of JPEG and JPEG XL; 100 of the latter loses nothing.
    tile_px : int
        Side of a tile, a multiple of 16.
    workers : int
        Threads.
    progress : callable
        Called with the pixels written so far, and with all there are.

    Raises
    ------
    ConfigError
        If the codec does not code such samples.
    SourceError
        If the slide does not decode.
    """
    info = source.info
    arguments = _compression(info, codec, quality)
    is_big = _raw_nbytes(info) > _CLASSIC_NBYTES
    count = _counter(info, progress)
    with tifffile.TiffWriter(path, bigtiff=is_big, ome=True) as tiff:
        for level, shape in enumerate(info.level_shapes):
            tiff.write(
                _tiles(source, level, tile_px, workers, count),
                shape=(*info.frame_shape, *shape, *((3,) if info.is_rgb else ())),
                dtype=info.dtype,
                tile=(tile_px, tile_px),
                photometric="rgb" if info.is_rgb else "minisblack",
                iccprofile=info.icc_profile,
                maxworkers=workers,
                **_resolution(info, shape),
                **arguments,
                **_place(info, level),
            )


def _tiles(
    source: SlideSource, level: int, tile_px: int, workers: int, count: Callable[[int], None]
) -> Iterator[NDArray[Any]]:
    """Yield the tiles of a level, frame by frame and row by row, all of one size."""
    info = source.info

    def read(tile: _Tile) -> NDArray[Any]:
        pixels = source.read_region(tile.region, tile.level, tile.frame)
        sides = (tile.region.height, tile.region.width)
        padding = [*((0, tile_px - side) for side in sides), (0, 0)]
        # The edge goes on, since a border within a tile costs a lossy codec bits and ringing.
        padded = np.pad(pixels, padding, mode="edge")
        return padded if info.is_rgb else padded[..., 0]

    for tile, pixels in in_order(read, _places(info, level, tile_px), workers=workers):
        yield pixels
        count(tile.region.pixels)


def _counter(info: SlideInfo, progress: Callable[[int, int], None]) -> Callable[[int], None]:
    """Return a function that adds up pixels and calls `progress` with the sum."""
    frames = math.prod(info.frame_shape)
    total, done = frames * sum(height * width for height, width in info.level_shapes), 0

    def add(pixels: int) -> None:
        nonlocal done
        done += pixels
        progress(done, total)

    return add


def _places(info: SlideInfo, level: int, tile_px: int) -> Iterator[_Tile]:
    height, width = info.level_shapes[level]
    for frame in product(*map(range, info.frame_shape)):
        for y, x in product(range(0, height, tile_px), range(0, width, tile_px)):
            region = Region(y, x, min(tile_px, height - y), min(tile_px, width - x))
            yield _Tile(level, frame, region)


def _compression(info: SlideInfo, codec: TiffCodec, quality: int) -> dict[str, Any]:
    """Return what tifffile takes for a codec."""
    if info.dtype.name not in _DTYPES:
        raise ConfigError(
            f"OME-TIFF has no samples of {info.dtype.name}, of which the store is: it has "
            f"{', '.join(_DTYPES)}; export to .ome.zarr"
        )
    kinds = {"jpeg": ("uint8",), "jpegxl": ("uint8", "uint16", "float32")}
    allowed = kinds.get(codec)
    if allowed is not None and info.dtype.name not in allowed:
        others = ", ".join(name for name in get_args(TiffCodec) if name not in kinds)
        raise ConfigError(
            f"codec is {codec}, which codes samples of {' or '.join(allowed)}, and the store has "
            f"{info.dtype.name}: choose one of {others}"
        )
    if codec == "jpeg":
        chroma = {"subsampling": (1, 1) if quality >= _FULL_CHROMA else (2, 2)}
        return {
            "compression": "jpeg",
            "compressionargs": {"level": max(quality, 1)},
            **(chroma if info.is_rgb else {}),
        }
    if codec == "jpegxl":
        distance = jpegxl_distance(quality)
        setting = {"distance": distance} if distance else {"lossless": True}
        return {"compression": "jpegxl", "compressionargs": setting}
    return {"compression": {"deflate": "zlib"}.get(codec, codec), "predictor": True}


def _place(info: SlideInfo, level: int) -> dict[str, Any]:
    """Return what makes level 0 the image, and the others its SubIFDs."""
    if level > 0:
        return {"subfiletype": 1, "metadata": None}
    return {"subifds": len(info.level_shapes) - 1, "metadata": _ome(info)}


def _ome(info: SlideInfo) -> dict[str, Any]:
    """Return what the OME-XML is made of."""
    axes = "".join(name for name, _ in info.frames).upper()
    found: dict[str, Any] = {"axes": f"{axes}YX{'S' if info.is_rgb else ''}", "Name": info.name}
    sizes = dict(zip("YX", info.mpp or (), strict=False))
    sizes |= {"Z": info.spacing["z"]} if "z" in info.spacing else {}
    for axis, size in sizes.items():
        found[f"PhysicalSize{axis}"] = size
        found[f"PhysicalSize{axis}Unit"] = "µm"
    if "t" in info.spacing:
        found |= {"TimeIncrement": info.spacing["t"], "TimeIncrementUnit": "s"}
    if info.channels:
        found["Channel"] = _channels(info)
    return found


def _channels(info: SlideInfo) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"Name": [channel.label for channel in info.channels]}
    colors = [channel.color for channel in info.channels]
    if all(colors):
        found["Color"] = [_rgba(color) for color in colors if color]
    return found


def _rgba(color: str) -> int:
    """Return a colour as OME-XML has it: red, green, blue and opacity in a signed integer.

    Examples
    --------
    >>> _rgba("00FF00"), _rgba("FF0000")
    (16711935, -16776961)
    """
    value = int(f"{color}FF", 16)
    return value - (1 << 32) if value >= 1 << 31 else value


def _resolution(info: SlideInfo, shape: tuple[int, int]) -> dict[str, Any]:
    if info.mpp is None:
        return {}
    y, x = (
        size * whole / own for size, whole, own in zip(info.mpp, info.shape, shape, strict=True)
    )
    return {
        "resolution": (_MICRONS_PER_CM / x, _MICRONS_PER_CM / y),
        "resolutionunit": "CENTIMETER",
    }


def _raw_nbytes(info: SlideInfo) -> int:
    pixels: int = sum(height * width for height, width in info.level_shapes)
    nbytes: int = pixels * math.prod(info.frame_shape) * info.samples * info.dtype.itemsize
    return nbytes
