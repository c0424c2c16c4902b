"""The context model of a weights file: its integers, proven and laid out for the kernels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.context.order import COEFFICIENTS, SIDE, STARTS, Diagonal, passes
from numcodecs_neural.errors import WeightsError
from numcodecs_neural.weights.files import WeightsFile

__all__ = ["KIND", "STEP_INPUTS", "VERSION", "ContextModel", "aligned"]

KIND, VERSION = "context", 1
FAMILIES, FRACTIONS, INDEXES, ENTRIES = 4, 5, 64, 16
STEP_INPUTS, DETAIL_STEPS = 4, 2
TAPS, OWN_TAPS = 9, 4
OTHERS = 3
MEANS = 4 * SIDE + 4 + OTHERS
SLOTS = 1 << 14
_LINE = 64
"""Bytes of a cache line; parts of a pile begin at so many numbers."""
_LOWER = ((1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (1, 0), (0, 1), (1, 0), (0, 1))
"""By how much in `u` and `v` those coefficients are lower whose weights the first elements are."""

# Largest values of what is multiplied: see kernels.
_KNOWN, _ENERGY, _HIDDEN = 63, 224, 16383
_INT16, _INT32 = 1 << 15, 1 << 31
_UINT16 = 1 << 16
_SHORTS = ("spread", "own", "layer", "heads", "flag", "elements")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The numbers as the kernels take them (`kernels` names the columns).

    Parameters
    ----------
    passes, diagonals : (n, columns) int64
        A row for each, and a last row of `passes` with the sizes of the layers and where the tables
        of flags and of constant parts begin.
    small, large : int16, int32
    tables : (tables * 32,) int16
        Of each symbol table where its 16 entries begin, where the last one ends, and how many low
        bits of a magnitude are plain.
    bias_at : (passes, width) int64, base_at : (axes, 256) int64
        Where in `large` the biases of passes and the bases of coefficients stand, which differ
        from image to image.
    means : (axes * 71,) int64
        Weights of the prediction of constant parts.
    """

    passes: NDArray[np.int64]
    diagonals: NDArray[np.int64]
    small: NDArray[np.int16]
    large: NDArray[np.int32]
    tables: NDArray[np.int16]
    bias_at: NDArray[np.int64]
    base_at: NDArray[np.int64]
    means: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ContextModel:
    """What says how each coefficient is coded.

    Parameters
    ----------
    axes : int
        Of colour: 3, or 1 for grey.
    arrays : mapping of str to ndarray
        As SPEC.md, section 9.1, names them.
    """

    axes: int
    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def from_file(cls, file: WeightsFile) -> "ContextModel":
        """Read and prove a model.

        Raises
        ------
        WeightsError
            If the file lacks something, or a bound does not hold.
        """
        described = file.description
        if described.get("kind") != KIND or described.get("version") != VERSION:
            raise WeightsError(f"the file holds no context model of version {VERSION}")
        model = cls(axes=described.get("axes", 0), arrays=file.arrays)
        model._check_shapes()
        model._prove()
        return model

    @property
    def width(self) -> int:
        """Numbers of the first hidden layer."""
        return int(self.arrays["layer"].shape[1])

    @property
    def second(self) -> int:
        """Numbers of the second hidden layer."""
        return int(self.arrays["layer"].shape[2])

    def _check_shapes(self) -> None:
        if self.axes not in (1, 3) or "layer" not in self.arrays or self.arrays["layer"].ndim != 3:
            raise WeightsError("the context model has no layers, or axes other than 1 or 3")
        count, a, w, s = len(passes(self.axes)), self.axes, self.width, self.second
        if w % SIDE or s % SIDE:
            raise WeightsError(f"the context model has layers of {w} and {s}, not multiples of 16")
        tables = (FAMILIES + FRACTIONS) * INDEXES
        expected = {
            "spread": (count, TAPS, w),
            "own": (count, OWN_TAPS, w),
            "bias": (count, w),
            "bias_steps": (count, STEP_INPUTS, w),
            "layer": (count, w, s),
            "layer_bias": (count, s),
            "heads": (a, COEFFICIENTS, s),
            "flag": (count, s),
            "flag_bias": (count,),
            "base": (a, COEFFICIENTS),
            "base_steps": (DETAIL_STEPS, a, COEFFICIENTS),
            "elements": (a, COEFFICIENTS, SIDE),
            "floors": (a, COEFFICIENTS),
            "slopes": (a, COEFFICIENTS),
            "means": (a, MEANS),
            "tables": (tables, ENTRIES),
            "flag_tables": (INDEXES,),
            "raw_bits": (INDEXES,),
        }
        for name, shape in expected.items():
            found = self.arrays[name].shape if name in self.arrays else None
            if found != shape:
                raise WeightsError(f"array {name!r} has the shape {found}; expected {shape}")

    def _prove(self) -> None:
        """No sum leaves its integers, whatever was decoded before."""
        w = {name: array.astype(np.int64) for name, array in self.arrays.items()}
        for name in _SHORTS:
            _refuse(np.abs(w[name]) >= _INT16, name)
        # all energies of all passes, and the own ones; the input of steps is below 2**10
        reach = np.abs(w["spread"]).sum((0, 1)) * _ENERGY
        reach = reach + np.abs(w["own"]).sum(1) * _ENERGY + np.abs(w["bias"])
        reach = reach + (np.abs(w["bias_steps"]).sum(1) << 4)
        _refuse(reach + 1 >= _INT32, "spread")  # rounding adds up to 1
        reach = np.abs(w["layer"]).sum(1) * _HIDDEN + np.abs(w["layer_bias"])
        _refuse(reach >= _INT32, "layer")
        reach = np.abs(w["heads"]).sum(-1) * _HIDDEN
        _refuse(reach >= _INT32, "heads")
        _refuse(np.abs(w["flag"]).sum(-1) * _HIDDEN + np.abs(w["flag_bias"]) >= _INT32, "flag")
        most = np.full(SIDE, _KNOWN)
        most[5:9] *= 2
        most[14] *= 4
        _refuse(w["elements"] < 0, "elements")
        _refuse((w["elements"] * most).sum(-1) + w["floors"] >= _UINT16, "elements")
        _refuse((w["floors"] < 1) | (w["floors"] >= _INT16), "floors")
        _refuse(np.abs(w["slopes"]) >= 1 << 20, "slopes")
        _refuse(np.abs(w["base"]) >= 1 << 24, "base")
        _refuse(np.abs(w["base_steps"]) >= 1 << 16, "base_steps")
        _refuse(np.abs(w["means"]) >= _INT16, "means")
        _refuse((w["tables"] < 1).any(-1) | (w["tables"].sum(-1) != SLOTS), "tables")
        _refuse((w["flag_tables"] < 1) | (w["flag_tables"] >= SLOTS), "flag_tables")
        _refuse((w["raw_bits"] < 0) | (w["raw_bits"] > 12), "raw_bits")

    @cached_property
    def packed(self) -> Packed:
        """The numbers as the kernels take them."""
        return _pack(self)


def _refuse(breaks: NDArray[np.bool_], name: str) -> None:
    if np.any(breaks):
        raise WeightsError(f"numbers of {name!r} break the bounds of the context model")


def aligned(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that begins where a cache line does: a load of 16 then touches one of them."""
    room = np.empty(numbers.nbytes + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    copy: NDArray[Any] = room[start : start + numbers.nbytes].view(numbers.dtype)
    copy[:] = numbers
    return copy


class _Pile:
    """Numbers behind each other, each part at a known place, the start of a cache line."""

    def __init__(self, dtype: type) -> None:
        self.parts: list[NDArray[Any]] = []
        self.dtype, self.size = dtype, 0

    def put(self, numbers: NDArray[Any]) -> int:
        """Add numbers, and return where they begin."""
        start, size = self.size, -(-numbers.size // _LINE) * _LINE
        part: NDArray[Any] = np.zeros(size, self.dtype)
        part[: numbers.size] = numbers.reshape(-1)
        self.parts.append(part)
        self.size += size
        return start

    def array(self) -> NDArray[Any]:
        """Return all, and a few zeros that loads of 16 may touch."""
        return aligned(np.concatenate([*self.parts, np.zeros(_LINE, self.dtype)]))


def _paired(weights: NDArray[Any]) -> NDArray[Any]:
    """Return weights (inputs, outputs) as kernels take them: by 16 outputs, by pairs of inputs."""
    inputs, outputs = weights.shape
    pairs = weights.reshape(inputs // 2, 2, outputs // SIDE, SIDE)
    return pairs.transpose(2, 0, 3, 1)


def _by_row(weights: NDArray[Any]) -> NDArray[Any]:
    """Return weights of neighbours, three a row and a zero: pairs do not cross rows."""
    rows = np.zeros((-(-len(weights) // 3), 4, weights.shape[1]), weights.dtype)
    for place, numbers in enumerate(weights):
        rows[place // 3, place % 3] = numbers
    return rows.reshape(-1, weights.shape[1])


def _rows_of(numbers: NDArray[Any]) -> NDArray[Any]:
    """Pad the first axis to a multiple of 16."""
    short = -len(numbers) % SIDE
    return np.concatenate([numbers, np.zeros((short, *numbers.shape[1:]), numbers.dtype)])


def _pack(model: ContextModel) -> Packed:
    a = model.arrays
    small, large = _Pile(np.int16), _Pile(np.int32)
    pass_rows: list[list[int]] = []
    diagonal_rows: list[list[int]] = []
    bias_at, base_at = [], np.zeros((model.axes, COEFFICIENTS), np.int64)
    for number, step in enumerate(passes(model.axes)):
        members = slice(step.start, step.start + step.length)
        heads = _rows_of(a["heads"][step.axis, members])
        bias = large.put(np.zeros(model.width))  # in place of it come those of an image
        bias_at.append(bias + np.arange(model.width))
        pass_rows.append(
            [
                *(step.axis, step.length, int(step.is_flagged), step.family),
                *(len(diagonal_rows), len(step.diagonals)),
                small.put(_paired(_by_row(a["spread"][number]))),
                small.put(_paired(a["own"][number])),
                small.put(_paired(a["layer"][number])),
                small.put(_paired(heads.T)),
                small.put(a["flag"][number]),
                bias,
                large.put(a["layer_bias"][number]),
                large.put(a["flag_bias"][number]),
                round(48 * 64 / step.length),
                step.start,
            ]
        )
        for diagonal in step.diagonals:
            here = slice(diagonal.start, diagonal.start + diagonal.length)
            elements = _rows_of(_existing(a["elements"][step.axis, here], diagonal))
            one, two = _back(diagonal.number, 1), _back(diagonal.number, 2)
            base = large.put(np.zeros(SIDE))  # in place of it come those of an image
            base_at[step.axis, here] = base + np.arange(diagonal.length)
            diagonal_rows.append(
                [
                    *(diagonal.start, diagonal.length, diagonal.place, *one, *two),
                    int(diagonal is step.diagonals[0]),
                    small.put(elements.T),
                    base,
                    large.put(_rows_of(a["slopes"][step.axis, here])),
                    small.put(_rows_of(a["floors"][step.axis, here])),
                ]
            )
    flags, constants = (FAMILIES + FRACTIONS) * INDEXES, FAMILIES * INDEXES
    sizes = [model.width, model.second, flags, constants]
    pass_rows.append(sizes + [0] * (len(pass_rows[0]) - len(sizes)))
    return Packed(
        passes=np.array(pass_rows, np.int64),
        diagonals=np.array(diagonal_rows, np.int64),
        small=small.array(),
        large=large.array(),
        tables=_tables_of(a),
        bias_at=np.array(bias_at),
        base_at=base_at,
        means=a["means"].astype(np.int64).reshape(-1),
    )


def _tables_of(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.int16]:
    """Lay out the symbol tables: those of magnitudes and constant parts, then those of flags."""
    count = (FAMILIES + FRACTIONS) * INDEXES
    frequencies = np.zeros((count + INDEXES, ENTRIES), np.int64)
    frequencies[:count] = arrays["tables"]
    frequencies[count:, 1] = arrays["flag_tables"]
    frequencies[count:, 0] = SLOTS - frequencies[count:, 1]
    rows = np.zeros((count + INDEXES, _LINE // 2), np.int16)
    rows[:, 1 : ENTRIES + 1] = frequencies.cumsum(1)
    rows[:count, ENTRIES + 1] = np.tile(arrays["raw_bits"], FAMILIES + FRACTIONS)
    return aligned(rows.reshape(-1))


def _back(number: int, by: int) -> tuple[int, int, int]:
    """Where the coefficients lie that are `by` lower than those of a diagonal.

    The start and length of their diagonal, and how far in it from the place of a coefficient (u, v)
    the one of (u - by, v) is; those of rising u, up to (u, v - by), come behind it. Where a block
    has no such coefficient, its weight is zero, and what is read there does not matter.
    """
    if number < by:
        return 0, 1, 0
    shift = -max(0, min(by, SIDE - 1 + by - number))
    return STARTS[number - by], STARTS[number - by + 1] - STARTS[number - by], shift


def _existing(elements: NDArray[Any], diagonal: Diagonal) -> NDArray[Any]:
    """Return elements (length, 16) of a diagonal with zeros for neighbours outside the block."""
    u = np.arange(diagonal.length) + max(0, diagonal.number - SIDE + 1)
    v = diagonal.number - u
    kept = elements.copy()
    for place, (du, dv) in enumerate(_LOWER):
        kept[(u < du) | (v < dv), place] = 0
    return kept
