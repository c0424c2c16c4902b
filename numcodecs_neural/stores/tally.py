"""Tally: what was found of the chunks that were checked so far; it can be kept in a file."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from numcodecs_neural.converters.measure.distortion import ChunkQuality

from .checking import Problem
from .comparing import Compared, WorstChunk

__all__ = ["ArrayTally", "ComparedTally", "Outcome", "Tally"]

# Of a store that is damaged from end to end, more would fill the memory.
MOST_PROBLEMS = 10_000
_MOST_WORST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was found of a chunk.

    Parameters
    ----------
    problem : Problem, optional
        What is wrong with it.
    is_decoded : bool
        Whether it is stored and decodes.
    compared : Compared, optional
        How it compares with the source, where it was compared.
    """

    problem: Problem | None
    is_decoded: bool
    compared: Compared | None


@dataclass(slots=True, kw_only=True)
class ArrayTally:
    """Chunks of an array: how many were looked at, decoded, and are not stored."""

    chunks: int = 0
    decoded: int = 0
    not_stored: int = 0


@dataclass(slots=True, kw_only=True)
class ComparedTally:
    """How a level compares with the source.

    Parameters
    ----------
    chunks : int
        How many were compared.
    exact : int
        How many of them were to be exact.
    largest_error : int or float
        Of all samples.
    quality : ChunkQuality
        Sums over all of them.
    worst : list of WorstChunk
        Those of lowest PSNR, lowest first.
    """

    chunks: int = 0
    exact: int = 0
    largest_error: float = 0
    quality: ChunkQuality = field(default_factory=ChunkQuality)
    worst: list[WorstChunk] = field(default_factory=list)

    def add(self, found: Compared) -> None:
        """Add a chunk."""
        self.chunks += 1
        self.exact += found.is_exact
        self.largest_error = max(self.largest_error, found.largest_error)
        self.quality += found.quality
        if found.worst is not None:
            ranked = sorted([*self.worst, found.worst], key=lambda worst: worst.psnr_db)
            self.worst = ranked[:_MOST_WORST]


@dataclass(slots=True, kw_only=True)
class Tally:
    """All that was found.

    Parameters
    ----------
    arrays : dict
        `ArrayTally` by the name of the array.
    compared : dict
        `ComparedTally` by the name of the level.
    kinds : dict
        How many problems there are of each kind.
    problems : list of Problem
        The first 10,000 of them.
    """

    arrays: dict[str, ArrayTally] = field(default_factory=dict)
    compared: dict[str, ComparedTally] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return self.count == 0

    @property
    def count(self) -> int:
        """How many problems there are."""
        return sum(self.kinds.values())

    def add(self, name: str, found: Outcome) -> None:
        """Add a chunk of the array of this name."""
        its = self.arrays.setdefault(name, ArrayTally())
        its.chunks += 1
        its.decoded += found.is_decoded
        its.not_stored += not found.is_decoded and found.problem is None
        self.complain(found.problem)
        if found.compared is not None:
            self.compared.setdefault(name, ComparedTally()).add(found.compared)
            self.complain(found.compared.problem)

    def complain(self, problem: Problem | None) -> None:
        """Add a problem, if it is one."""
        if problem is None:
            return
        self.kinds[problem.kind] = self.kinds.get(problem.kind, 0) + 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-safe values, from which `from_json` makes it again."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return what `to_json` told.

        Raises
        ------
        KeyError, TypeError
            If it did not.
        """
        return cls(
            arrays={name: ArrayTally(**its) for name, its in values["arrays"].items()},
            compared={name: _compared(its) for name, its in values["compared"].items()},
            kinds=dict(values["kinds"]),
            problems=[_with_tuple(Problem, problem) for problem in values["problems"]],
        )


def _compared(values: dict[str, Any]) -> ComparedTally:
    others = {key: value for key, value in values.items() if key not in ("quality", "worst")}
    return ComparedTally(
        quality=ChunkQuality(**values["quality"]),
        worst=[_with_tuple(WorstChunk, worst) for worst in values["worst"]],
        **others,
    )


def _with_tuple(kind: Any, values: dict[str, Any]) -> Any:
    """Return a dataclass whose index of a chunk JSON made a list."""
    return kind(**{**values, "chunk": tuple(values["chunk"])})
