"""Passes: in which order, and at which positions, the latents are coded.

A channel group is coded in one pass over all positions, or in two: over the even positions of a
checkerboard first, and over the odd ones with what their neighbours say (He et al. 2021,
checkerboard context).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError

__all__ = ["Pass", "Phase", "passes_from_json", "positions_of"]

Phase = Literal["all", "even", "odd"]
_WHOLE: tuple[tuple[Phase, ...], ...] = (("all",), ("even", "odd"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over the latents of a group.

    Parameters
    ----------
    number : int
        Place in the order of coding, from 1; names the network and its results.
    group : int
        Which group is coded, from 1.
    phase : {"all", "even", "odd"}
        At which positions: even ones are those where row + column is even.
    has_mean : bool
        Whether the network predicts means (else they are 0).
    """

    number: int
    group: int
    phase: Phase
    has_mean: bool

    @property
    def network(self) -> str:
        """Name of the network that predicts this pass."""
        return f"pass{self.number}"

    @property
    def mean(self) -> str:
        """Name of the tensor of means."""
        return f"mean{self.number}"

    @property
    def index(self) -> str:
        """Name of the tensor of table indexes."""
        return f"index{self.number}"

    @property
    def is_last_of_group(self) -> bool:
        """Whether the group is complete after this pass."""
        return self.phase != "even"


def passes_from_json(entries: object, has_mean: object, groups: int) -> tuple[Pass, ...]:
    """Return the passes as a weights file describes them.

    Parameters
    ----------
    entries : list of [group, phase]
    has_mean : list of bool
        One for each pass.
    groups : int
        How many groups there are.

    Raises
    ------
    WeightsError
        If they do not code every position of every group once, even positions first.
    """
    if not isinstance(entries, Sequence) or not isinstance(has_mean, Sequence):
        raise WeightsError("the weights file describes its passes by something other than lists")
    if len(entries) != len(has_mean) or any(not isinstance(x, bool) for x in has_mean):
        raise WeightsError(f"the weights file has {len(entries)} passes and has_mean {has_mean}")
    passes = tuple(
        _pass(number, entry, has_mean=mean)
        for number, (entry, mean) in enumerate(zip(entries, has_mean, strict=True), 1)
    )
    for group in range(1, groups + 1):
        phases = tuple(p.phase for p in passes if p.group == group)
        if phases not in _WHOLE:
            raise WeightsError(
                f"the weights file codes group {group} in the passes {list(phases)}; allowed are "
                "'all', or 'even' and then 'odd'"
            )
    if any(p.group > groups for p in passes):
        raise WeightsError(
            f"the weights file has a pass over a group beyond the {groups} there are"
        )
    return passes


@functools.lru_cache(maxsize=32)
def positions_of(phase: Phase, height: int, width: int) -> NDArray[np.intp] | None:
    """Return which of ``height * width`` positions, in C order, a phase codes; None: all of them.

    Examples
    --------
    >>> positions_of("odd", 2, 3).tolist()
    [1, 3, 5]
    """
    if phase == "all":
        return None
    parity = np.add.outer(np.arange(height), np.arange(width)) & 1
    positions = np.flatnonzero(parity == (phase == "odd"))
    positions.flags.writeable = False
    return positions


def _pass(number: int, entry: Any, *, has_mean: bool) -> Pass:
    is_pair = isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 2
    if not is_pair or type(entry[0]) is not int or entry[0] < 1 or entry[1] not in get_args(Phase):
        raise WeightsError(
            f"the weights file describes pass {number} as {entry!r}; expected a group, counted "
            f"from 1, and one of {', '.join(get_args(Phase))}"
        )
    return Pass(number=number, group=entry[0], phase=entry[1], has_mean=has_mean)
