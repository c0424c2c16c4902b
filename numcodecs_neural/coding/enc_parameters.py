"""What an encoder is asked for; nothing of it is needed to decode."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EncodeParameters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeParameters:
    """How a chunk is to be encoded.

    Parameters
    ----------
    quality : int
        0 (smallest) to 100 (best).
    channel_axis : {0, -1, -3, -4}
        Where the channels lie; 0 for arrays without channels.
    value_range : (low, high), optional
        For samples of 16 bits: a grey level is no finer than this range of samples needs.
    """

    quality: int
    channel_axis: int = 0
    value_range: tuple[int, int] | None = None
