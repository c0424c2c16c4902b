"""Modes of a chunk, and what its header and sections hold in each (see SPEC.md, section 4).

A new mode is an entry of `RULES`, and in `numcodecs_neural.coding` a module ``dec_*`` and one
``enc_*``, with their entries in `DECODERS` and `ENCODERS`.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["RULES", "Mode", "ModeRules"]


class Mode(enum.IntEnum):
    """How the payload stands for the samples."""

    CONSTANT = 0
    LOSSY = 1
    EXACT = 2
    STORED = 3
    JPEG = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRules:
    """What chunks of a mode hold.

    Parameters
    ----------
    sections : int
        How many sections there are.
    has_weights : bool
        Whether the header may name weights; else their id is zeros.
    has_quality : bool
        Whether the header names a quality; else it is 0.
    has_levels : bool
        Whether samples of 16 bits have a lowest sample and a level shift.
    has_max_error : bool
        Whether the header names a largest error; else it is 0.
    """

    sections: int = 1
    has_weights: bool = False
    has_quality: bool = False
    has_levels: bool = False
    has_max_error: bool = False


RULES: Mapping[Mode, ModeRules] = MappingProxyType(
    {
        Mode.CONSTANT: ModeRules(),
        Mode.LOSSY: ModeRules(has_weights=True, has_quality=True, has_levels=True),
        Mode.EXACT: ModeRules(has_weights=True, has_max_error=True),
        Mode.STORED: ModeRules(),
        Mode.JPEG: ModeRules(has_weights=True),
    }
)
"""The modes that this release reads."""
