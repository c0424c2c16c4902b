"""The predictor of a weights file: its integers, proven and laid out for the kernels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.exact.layout import INPUTS, MAX_REFERENCES
from numcodecs_neural.exact.symbols import ENTRIES
from numcodecs_neural.weights.files import WeightsFile

__all__ = [
    "FRACTIONS",
    "HIDDEN_LIMIT",
    "INPUT_LIMIT",
    "KIND",
    "MAX_SETS",
    "SLOTS",
    "TABLES",
    "VERSION",
    "ExactModel",
]

KIND, VERSION = "exact", 1
SCALES, FRACTIONS = 28, 5
TABLES = SCALES * FRACTIONS
SLOTS = 1 << 14
MAX_SETS = 64
"""Of tables: a plane says which set suits it."""
_OUTPUTS = 2
_GROUP = 4
"""Numbers of a hidden layer that kernels make at once."""

INPUT_LIMIT, HIDDEN_LIMIT = 512, 16383
"""Largest values of what is multiplied by weights, for which bounds are proven."""

_INT16, _INT32 = 1 << 15, 1 << 31


@dataclass(frozen=True, kw_only=True, eq=False)
class ExactModel:
    """What predicts samples.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As SPEC.md, section 10.1, names them.
    """

    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def from_file(cls, file: WeightsFile) -> "ExactModel":
        """Read and prove a model.

        Raises
        ------
        WeightsError
            If the file lacks something, or a bound does not hold.
        """
        described = file.description
        if described.get("kind") != KIND or described.get("version") != VERSION:
            raise WeightsError(f"the file holds no exact model of version {VERSION}")
        model = cls(arrays=file.arrays)
        model._check_shapes()
        model._prove()
        return model

    @property
    def hidden(self) -> tuple[int, int]:
        """Numbers of both hidden layers."""
        _, first, second = (*self.arrays["layer.0"].shape, self.arrays["head.0"].shape[0])
        return first, second

    @property
    def sets(self) -> int:
        """How many sets of tables there are."""
        return len(self.arrays["tables"])

    def _check_shapes(self) -> None:
        for name, axes in (("layer.0", 2), ("head.0", 2), ("tables", 3)):
            if name not in self.arrays or self.arrays[name].ndim != axes:
                raise WeightsError(f"the exact model has no array {name!r} of {axes} axes")
        if not 0 < self.sets <= MAX_SETS:
            raise WeightsError(
                f"the exact model has {self.sets} sets of tables; allowed are 1 to {MAX_SETS}"
            )
        first, second = self.hidden
        if first % _GROUP or second % _GROUP or not 0 < first <= 64 or not 0 < second <= 64:
            raise WeightsError(
                f"the exact model has layers of {first} and {second}; allowed are multiples of "
                f"{_GROUP} up to 64"
            )
        expected: dict[str, tuple[int, ...]] = {"tables": (self.sets, TABLES, ENTRIES)}
        for number, inputs in enumerate(INPUTS):
            expected |= {
                f"layer.{number}": (inputs, first),
                f"layer_bias.{number}": (first,),
                f"second.{number}": (first, second),
                f"second_bias.{number}": (second,),
                f"head.{number}": (second, _OUTPUTS),
                f"head_bias.{number}": (_OUTPUTS,),
            }
        for name, shape in expected.items():
            found = self.arrays[name].shape if name in self.arrays else None
            if found != shape:
                raise WeightsError(f"array {name!r} has the shape {found}; expected {shape}")

    def _prove(self) -> None:
        """No sum leaves its integers, whatever the samples are."""
        for number in range(MAX_REFERENCES + 1):
            for name, most in (
                ("layer", INPUT_LIMIT),
                ("second", HIDDEN_LIMIT),
                ("head", HIDDEN_LIMIT),
            ):
                weights = self.arrays[f"{name}.{number}"].astype(np.int64)
                bias = self.arrays[f"{name}_bias.{number}"].astype(np.int64)
                reach = np.abs(weights).sum(0) * most + np.abs(bias)
                if np.any(np.abs(weights) >= _INT16) or np.any(reach >= _INT32):
                    raise WeightsError(
                        f"numbers of {name}.{number!r} break the bounds of the exact model"
                    )
        tables = self.arrays["tables"].astype(np.int64)
        if np.any(tables < 1) or np.any(tables.sum(2) != SLOTS):
            raise WeightsError(f"a table of the exact model does not sum to {SLOTS}, or has a 0")

    @cached_property
    def tables(self) -> NDArray[np.int16]:
        """Sets of tables as the decoder takes them: every fourth start, then all, then 16384."""
        rows = np.zeros((self.sets, TABLES, 96), np.int16)
        rows[..., :16] = self._starts[..., 4::4]
        rows[..., 16 : 16 + ENTRIES + 1] = self._starts
        return rows.reshape(self.sets, -1)

    @cached_property
    def codes(self) -> NDArray[np.uint32]:
        """Start and frequency of each entry of a set's tables, as the encoder takes them."""
        starts = self._starts
        codes = starts[..., :-1] | (np.diff(starts) << 16)
        return codes.reshape(self.sets, -1).astype(np.uint32)

    @cached_property
    def prices(self) -> NDArray[np.int64]:
        """How many bits each entry takes, in 4096ths."""
        share = self.arrays["tables"].astype(np.float64).reshape(self.sets, -1) / SLOTS
        prices: NDArray[np.int64] = np.rint(-4096 * np.log2(share)).astype(np.int64)
        return prices

    @property
    def _starts(self) -> NDArray[np.int64]:
        starts = np.zeros((self.sets, TABLES, ENTRIES + 1), np.int64)
        starts[..., 1:] = self.arrays["tables"].astype(np.int64).cumsum(2)
        return starts

    @cached_property
    def networks(self) -> tuple[NDArray[np.int32], ...]:
        """The network for each number of references, as kernels take it."""
        return tuple(self._laid_out(number) for number in range(MAX_REFERENCES + 1))

    def _laid_out(self, number: int) -> NDArray[np.int32]:
        parts: list[NDArray[np.int32]] = []
        for name in ("layer", "second", "head"):
            weights, bias = self.arrays[f"{name}.{number}"], self.arrays[f"{name}_bias.{number}"]
            group = _OUTPUTS if name == "head" else _GROUP
            for start in range(0, weights.shape[1], group):
                some = slice(start, start + group)
                parts.append(bias[some].astype(np.int32))
                pairs = weights[:, some].astype("<i2").reshape(-1, 2, group).transpose(0, 2, 1)
                parts.append(np.ascontiguousarray(pairs).view("<i4").reshape(-1))
        return np.concatenate(parts).astype(np.int32)
