"""Subject: a slide or a store that the page shows, with what its controls need to know."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.axes import Frame
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import SlideInfo, SlideSource, open_source
from numcodecs_neural.converters.sources.omezarr.source import OmeZarrSource
from numcodecs_neural.converters.store.display_range import sample_limits, window_of
from numcodecs_neural.omezarr.shown_channels import added_up, default_color

from .levels import TILE_PX, ShownLevels
from .looks import Look

__all__ = ["Subject"]

# Of chunks that are drawn one by one; smaller and larger ones are cut anew.
_TILE_SIDES = range(200, 1025)
# Of the sliders of a channel beyond its samples, in ranges of these: of all that 16 bits hold, most
# slides use little.
_REACH = 3


class Subject:
    """A slide, opened to be shown.

    Parameters
    ----------
    path : Path or str
        Of any slide or store that the converter reads, or as a string the URL of a store.
    series : int
        Which image, where there are several.

    Raises
    ------
    SourceError
        If it is none, or too large to be shown without smaller levels.
    """

    def __init__(self, path: Path | str, *, series: int = 0) -> None:
        self.path = path
        self._source = open_source(path, series=series)
        try:
            self._levels = ShownLevels(self._source, _tile_sides(self._source))
        except BaseException:
            self._source.close()
            raise

    @property
    def info(self) -> SlideInfo:
        """What is known of the slide."""
        return self._source.info

    def tile(self, level: int, row: int, column: int, look: Look) -> NDArray[np.uint8] | None:
        """Return a tile as it is shown, (height, width, 3); None where there is none.

        Raises
        ------
        SourceError
            If its pixels do not decode.
        """
        if not 0 <= level < len(self._levels.sizes):
            return None
        region = self._levels.sizes[level].tile(row, column)
        if region is None or not self._is_there(look):
            return None
        if self.info.is_rgb:
            return self._levels.read(level, region, self._frame(look))
        planes = (
            self._levels.read(level, region, self._frame(look, shown.channel))[..., 0]
            for shown in look.channels
        )
        return np.moveaxis(added_up(planes, look.channels), 0, -1)

    def describe(self) -> dict[str, Any]:
        """Return sizes, channels and axes as values of JSON."""
        info = self.info
        return {
            "name": info.name,
            "levels": [
                {"height": one.height, "width": one.width, "tile": one.tile_px}
                for one in self._levels.sizes
            ],
            "mpp": info.mpp and list(info.mpp),
            "magnification": info.magnification,
            "dtype": str(info.dtype),
            "rgb": info.is_rgb,
            "axes": {axis: length for axis, length in info.frames if axis != "c"},
            "channels": [] if info.is_rgb else self._channels(),
            "bytes": info.size_bytes,
            "lossy": [step.method for step in info.history],
        }

    def close(self) -> None:
        """Close the slide."""
        self._source.close()

    def _channels(self) -> list[dict[str, Any]]:
        """Return name, colour and samples from dark to bright of each channel."""
        count = dict(self.info.frames).get("c", 1)
        named = self.info.channels
        low, high = sample_limits(self.info.dtype, self.info.significant_bits)
        found = []
        for channel in range(count):
            told = named[channel] if channel < len(named) else None
            dark, bright = self._window(channel)
            reach = _REACH * (bright - dark)
            found.append(
                {
                    "label": (told and told.label) or f"channel {channel}",
                    "colour": (told and told.color) or default_color(channel, count),
                    "low": dark,
                    "high": bright,
                    "min": max(low, dark - reach) if low < dark else dark,
                    "max": min(high, bright + reach) if high > bright else bright,
                }
            )
        return found

    def _window(self, channel: int) -> tuple[float, float]:
        """Return what is shown from dark to bright: as a store tells, or what most samples are."""
        told = self._source.windows if isinstance(self._source, OmeZarrSource) else ()
        window = told[channel] if channel < len(told) else None
        return window or self._common_samples(channel)

    def _common_samples(self, channel: int) -> tuple[float, float]:
        """Return the samples between which all but a few of the smallest level are."""
        level = len(self._levels.sizes) - 1
        size = self._levels.sizes[level]
        frame = self._frame(Look({}, ()), channel)
        pixels = self._levels.read(level, Region(0, 0, size.height, size.width), frame)
        window: tuple[float, float] = window_of(pixels, (0, 1))
        return window

    def _is_there(self, look: Look) -> bool:
        lengths = dict(self.info.frames)
        places = [(axis, place) for axis, place in look.places.items() if axis in lengths]
        count = lengths.get("c", 1)
        places += [("c", shown.channel) for shown in look.channels] if "c" in lengths else []
        has_channels = self.info.is_rgb or (
            bool(look.channels) and all(0 <= shown.channel < count for shown in look.channels)
        )
        return has_channels and all(0 <= place < lengths[axis] for axis, place in places)

    def _frame(self, look: Look, channel: int = 0) -> Frame:
        places = {**look.places, "c": channel}
        return tuple(places.get(axis, 0) for axis, _ in self.info.frames)


def _tile_sides(source: SlideSource) -> list[int]:
    """Return the sides of tiles: of a store those of its chunks, so that each is decoded once."""
    if not isinstance(source, OmeZarrSource):
        return [TILE_PX] * len(source.info.level_shapes)
    return [side if side in _TILE_SIDES else TILE_PX for side in source.chunk_sides]
