"""OmeZarrSlide: an OME-Zarr image behind the interface of OpenSlide."""

import os
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.opened import open_omezarr
from numcodecs_neural.reading.cache import ChunkCache
from numcodecs_neural.reading.closing import Closing
from numcodecs_neural.reading.reader import ImageReader

from .base import AbstractSlide, SlideError, slide_errors
from .display import display_of
from .pictures import Pictures, extra_of
from .properties import VENDOR, SlideProperties
from .pyramid import Pyramid
from .stores import looks_like_a_store
from .tiles import Place, Tiles

if TYPE_CHECKING:
    from openslide import OpenSlideCache

__all__ = ["OmeZarrSlide"]

_BACKGROUND = "openslide.background-color"


class OmeZarrSlide(Closing, AbstractSlide):
    """A slide in an OME-Zarr store, read as `openslide.OpenSlide` reads files of scanners.

    Where openslide-python is installed, this is one of its `AbstractSlide`; without it, the same
    class works by itself. It is safe between threads, pickles, and survives a fork: in another
    process the store is opened again. Decoded chunks are kept in a cache that all slides of the
    process share, whose size is the setting ``cache_mib`` of `numcodecs_neural.config`.

    Places are in pixels of level 0, as in OpenSlide. One that falls between two pixels of a level
    takes the nearest, where OpenSlide interpolates. What is not stored, such as glass, has the
    fill value; what is beyond the image is transparent. A level or chunk that is not there is an
    error, and no transparent region.

    Parameters
    ----------
    filename : str, bytes or Path
        An OME-Zarr image of version 0.1 to 0.5: a folder, a zip (``.ozx``), or a URL.
    series : int
        Which image, where the store holds several.
    z, t : int, optional
        Which plane and which time are shown; by default those that the store names, or the first.
    cache : ChunkCache, optional
        Where decoded chunks are kept; by default in what all slides of the process share.

    Raises
    ------
    SlideError
        If it is no image of OME-Zarr, has no such series, or a codec that is not installed.

    Examples
    --------
    >>> with OmeZarrSlide("slide.ome.zarr") as slide:  # doctest: +SKIP
    ...     region = slide.read_region((10_000, 20_000), 0, (256, 256))
    """

    def __init__(
        self,
        filename: str | bytes | Path,
        *,
        series: int = 0,
        z: int | None = None,
        t: int | None = None,
        cache: ChunkCache | None = None,
    ) -> None:
        super().__init__()
        self._filename, self._z, self._t = filename, z, t
        with slide_errors():
            self._reader = ImageReader(os.fsdecode(filename), series=series, cache=cache)
            try:
                self._open()
            except BaseException:
                self._reader.close()
                raise

    def _open(self) -> None:
        image = self._reader.image
        self._levels = Pyramid(tuple((level.shape[-1], level.shape[-2]) for level in image.levels))
        self._tiles = Tiles(self._reader, display_of(image, z=self._z, t=self._t), "rgba")
        profile = extra_of(self._reader, "icc_profile")
        self._profile: bytes | None = None if profile is None else profile.tobytes()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (type(self), self._filename, self._arguments())

    def _arguments(self) -> dict[str, Any]:
        cache = self._reader.own_cache
        return {"series": self._reader.series, "z": self._z, "t": self._t, "cache": cache}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._filename!r})"

    @classmethod
    def detect_format(cls, filename: Any) -> str | None:
        """Return ``"ome-zarr"`` if this is an image that can be opened, and otherwise None."""
        if not looks_like_a_store(filename):
            return None
        try:
            open_omezarr(os.fsdecode(filename)).close()
        except SourceError:
            return None
        return VENDOR

    def close(self) -> None:
        """Close the store, and let go of its chunks; after that, all else is a SlideError."""
        self._reader.close()

    @property
    def _pyramid(self) -> Pyramid:
        """The levels; as in OpenSlide, a closed slide tells nothing of them."""
        with slide_errors():
            self._reader.check_open()
        return self._levels

    @property
    def level_count(self) -> int:
        """How many levels there are."""
        return len(self._pyramid.dimensions)

    @property
    def level_dimensions(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of each level."""
        return self._pyramid.dimensions

    @property
    def dimensions(self) -> tuple[int, int]:
        """(width, height) of level 0."""
        return self._pyramid.dimensions[0]

    @property
    def level_downsamples(self) -> tuple[float, ...]:
        """By how much each level is smaller than level 0."""
        return self._pyramid.downsamples

    @property
    def properties(self) -> Mapping[str, str]:
        """What is known of the slide, by the names that OpenSlide gives it."""
        with slide_errors():
            self._reader.check_open()
        return self._properties

    @cached_property
    def _properties(self) -> SlideProperties:
        with slide_errors():
            pictures = self._pictures.sizes()
            return SlideProperties(self._reader, self._pyramid, pictures, self._profile)

    @property
    def associated_images(self) -> Mapping[str, Image.Image]:
        """The label and the whole glass (``macro``), where the store keeps them, as RGBA."""
        with slide_errors():
            self._reader.check_open()
        return self._pictures

    @cached_property
    def _pictures(self) -> Pictures:
        with slide_errors():
            return Pictures(self._reader)

    @property
    def color_profile(self) -> ImageCms.ImageCmsProfile | None:
        """The scanner's ICC profile, if the store keeps one."""
        return None if self._profile is None else ImageCms.getOpenProfile(BytesIO(self._profile))

    def get_best_level_for_downsample(self, downsample: float) -> int:
        """Return the coarsest level that is no coarser than `downsample`, or level 0."""
        return self._pyramid.best_level(downsample)

    def read_region(
        self, location: tuple[int, int], level: int, size: tuple[int, int]
    ) -> Image.Image:
        """Return a region as an RGBA picture, transparent beyond the image.

        Parameters
        ----------
        location : (int, int)
            x and y of its left upper corner, in pixels of level 0.
        level : int
        size : (int, int)
            Width and height, in pixels of the level.

        Raises
        ------
        SlideError
            If there is no such level, the size is negative, the slide is closed, or a chunk is
            lost or damaged.
        """
        x, y = map(index, location)
        width, height = map(index, size)
        if not 0 <= level < self.level_count:
            raise SlideError(
                f"{self._reader.location} has no level {level}; its levels are 0 to "
                f"{self.level_count - 1}"
            )
        if width < 0 or height < 0:
            raise SlideError(
                f"a region of {width} x {height} pixels was asked for; it has 0 or more"
            )
        start = self._pyramid.start
        place = Place(level, start(level, x), start(level, y), width, height)
        region = self._region(place)
        if self._profile is not None:
            region.info["icc_profile"] = self._profile
        return region

    def _region(self, place: Place) -> Image.Image:
        size = place.width, place.height
        pixels = np.zeros((*size[::-1], 4), np.uint8)
        with slide_errors():
            self._tiles.fill([pixels], [place])
        if 0 in size:
            return Image.new("RGBA", size)
        return Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1)

    def get_thumbnail(self, size: tuple[int, int]) -> Image.Image:
        """Return the slide as an RGB picture that is no larger than `size`."""
        downsample = max(whole / part for whole, part in zip(self.dimensions, size, strict=True))
        level = self.get_best_level_for_downsample(downsample)
        region = self.read_region((0, 0), level, self.level_dimensions[level])
        thumbnail = Image.new("RGB", region.size, "#" + self.properties.get(_BACKGROUND, "ffffff"))
        thumbnail.paste(region, None, region)
        thumbnail.thumbnail(size, Image.Resampling.LANCZOS)
        if self._profile is not None:
            thumbnail.info["icc_profile"] = self._profile
        return thumbnail

    def set_cache(self, cache: "OpenSlideCache | ChunkCache") -> None:
        """Keep decoded chunks in another cache than the one that all slides share.

        Parameters
        ----------
        cache : ChunkCache or openslide.OpenSlideCache
            The latter holds tiles of OpenSlide only: it is taken for its size.

        Raises
        ------
        TypeError
            If it is no cache.
        """
        if isinstance(cache, ChunkCache):
            self._reader.use_cache(cache)
            return
        capacity = getattr(cache, "_capacity", None)
        if not hasattr(cache, "_openslide_cache") or not isinstance(capacity, int):
            raise TypeError(f"a cache is expected: ChunkCache or OpenSlideCache, and not {cache!r}")
        self._reader.use_cache(ChunkCache(capacity))


def _reopened(kind: type[OmeZarrSlide], filename: Any, arguments: dict[str, Any]) -> OmeZarrSlide:
    return kind(filename, **arguments)
