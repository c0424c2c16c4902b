"""Look: which plane, which time and which channels a tile shows, and in what colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from numcodecs_neural.errors import ConfigError

__all__ = ["ChannelLook", "Look", "rgb_of"]

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ChannelLook:
    """How one channel is shown.

    Parameters
    ----------
    channel : int
        Its place on the axis ``c``.
    colour : tuple of int
        Red, green and blue of its brightest sample.
    low, high : float
        The samples that are shown black and in full colour.
    """

    channel: int
    colour: RGB
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Look:
    """What a tile shows.

    Parameters
    ----------
    places : dict
        Index on the axes ``z`` and ``t``; 0 where it is not given.
    channels : tuple of ChannelLook
        Added up; of RGB slides none is needed.

    Examples
    --------
    >>> Look.parse({"z": "3"}, ["1:00FF00:100:4000"]).channels[0].colour
    (0, 255, 0)
    """

    places: Mapping[str, int]
    channels: tuple[ChannelLook, ...]

    @classmethod
    def parse(cls, places: Mapping[str, str], channels: Sequence[str]) -> "Look":
        """Return the look that a query asks for.

        Parameters
        ----------
        places : mapping of str to str
            Of ``z`` and ``t``; other names are passed over.
        channels : sequence of str
            ``CHANNEL:RRGGBB:LOW:HIGH`` each.

        Raises
        ------
        ConfigError
            If a part is no number, or no colour.
        """
        try:
            indexes = {axis: int(places[axis]) for axis in "zt" if axis in places}
            return cls(indexes, tuple(map(_channel, channels)))
        except ValueError as exc:
            raise ConfigError(
                "a tile is asked for with z=NUMBER, t=NUMBER and c=CHANNEL:RRGGBB:LOW:HIGH"
            ) from exc


def rgb_of(code: str) -> RGB:
    """Return red, green and blue of six hexadecimal digits; raises ValueError."""
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


def _channel(text: str) -> ChannelLook:
    channel, colour, low, high = text.split(":")
    limits = float(low), float(high)
    if not all(map(isfinite, limits)):
        raise ValueError(text)
    return ChannelLook(int(channel), rgb_of(colour), *limits)
