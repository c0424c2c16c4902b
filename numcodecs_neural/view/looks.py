"""Look: which plane, which time and which channels a tile shows, and in what colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.omezarr.shown_channels import ShownChannel, rgb_of

__all__ = ["Look"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a tile shows.

    Parameters
    ----------
    places : dict
        Index on the axes ``z`` and ``t``; 0 where it is not given.
    channels : tuple of ShownChannel
        Added up; of RGB slides none is needed.

    Examples
    --------
    >>> Look.parse({"z": "3"}, ["1:00FF00:100:4000"]).channels[0].color
    (0, 255, 0)
    """

    places: Mapping[str, int]
    channels: tuple[ShownChannel, ...]

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


def _channel(text: str) -> ShownChannel:
    channel, color, start, end = text.split(":")
    limits = float(start), float(end)
    if not all(map(isfinite, limits)):
        raise ValueError(text)
    return ShownChannel(int(channel), *limits, rgb_of(color))
