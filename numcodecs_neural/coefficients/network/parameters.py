"""Parameters of the context model: a weights file, read and proven."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network.limits import ACTIVATION_LIMIT, MOST_UNITS, UNITS
from numcodecs_neural.coefficients.network.order import GROUPS, PASS_START, PASSES, STEERED
from numcodecs_neural.coefficients.network.tables import DIGEST, LOG_SCALES, MAX_RATIO
from numcodecs_neural.errors import WeightsError
from numcodecs_neural.weights.files import WeightsFile

__all__ = [
    "FEATURES",
    "KIND",
    "MAGNITUDES",
    "MEANS",
    "NAMES",
    "OTHERS",
    "VERSION",
    "Component",
    "read_components",
]

KIND, VERSION = "jpeg", 1

NAMES = {"grey": ("Y",), "ycbcr": ("Y", "Cb", "Cr"), "rgb": ("Y", "R", "B")}
"""Networks of the components in the order of coding, by colour; RGB is coded G, R, B."""

OTHERS = {"Y": 0, "Cb": 1, "Cr": 2, "R": 1, "B": 2}
"""How many components each network knows already."""

MAGNITUDES = 20
MEANS = 10

_LEVEL, _COMPANDED, _FLAG, _SLOPE, _LOG = 200, 300, 64, 256, 511
_TWIN_LEVEL = 400
"""Levels of twins: they may have values of ``5.4 * 16383`` in steps of 1."""
_MAX_SUM = 1 << 24
_SIGNED = {"trunk", "own", "signed", "layer", "heads", "exponent", "base", "slope", "mean"}
"""Arrays whose numbers may be negative, of those that have a range."""
_MAX_LOG2 = 16 * 256 - 1024
"""Largest magnitude of ``256 log2`` of a step, less 1024."""


def _features(others: int) -> NDArray[np.int64]:
    """Return the largest magnitude of each input of a component's trunk."""
    levels = 7 + (0, 5, 6)[others]
    limits = [_LEVEL] * (7 * GROUPS) + [_COMPANDED] * 48 + [_FLAG] * 4
    limits += [_TWIN_LEVEL] * ((levels - 7) * GROUPS) + [_SLOPE, _LOG] * others
    return np.array(limits, np.int64)


FEATURES = {others: _features(others) for others in range(3)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Component:
    """Integers of one component's network; SPEC.md, section 8.6, says what each is.

    Parameters
    ----------
    others : int
        How many components were coded before it.
    arrays : mapping of str to ndarray
        By name.
    """

    others: int
    arrays: Mapping[str, NDArray[Any]]

    @property
    def width(self) -> int:
        """Numbers in its accumulator and in each of its layers."""
        return int(self.arrays["trunk"].shape[1])


def outputs_of(number: int, others: int) -> int:
    """Return how many outputs each coefficient of a pass has."""
    return 4 + (others > 0) if STEERED[number] else 1


def output_counts(others: int) -> list[int]:
    """Return the outputs of each pass: those of its coefficients, and one whether all is zero."""
    sizes = np.diff(PASS_START)
    return [
        int(size) * outputs_of(number, others) + (number < len(PASSES) - 1)
        for number, size in enumerate(sizes)
    ]


def read_components(file: WeightsFile) -> dict[str, Component]:
    """Return the components of a weights file.

    Raises
    ------
    WeightsError
        If it holds something else, or a sum could leave the range in which products are exact.
    """
    found = file.description.get("kind"), file.description.get("version")
    if found != (KIND, VERSION) or file.description.get("tables") != DIGEST:
        raise WeightsError(
            f"weights {file.sha256[:16]} are of kind and version {found}, with tables "
            f"{file.description.get('tables')}; expected {(KIND, VERSION)} and {DIGEST}"
        )
    components = {}
    for name, others in OTHERS.items():
        prefix = f"{name}."
        arrays = {
            key.removeprefix(prefix): value
            for key, value in file.arrays.items()
            if key.startswith(prefix)
        }
        components[name] = Component(others=others, arrays=arrays)
        _check_shapes(name, components[name])
        _check_bounds(name, components[name])
    return components


def _check_shapes(name: str, component: Component) -> None:
    others, passes = component.others, len(PASSES)
    if "trunk" not in component.arrays or component.arrays["trunk"].ndim != 2:
        raise WeightsError(f"network {name} has no trunk")
    width, most = component.width, max(output_counts(others))
    if width % UNITS or not 0 < width <= MOST_UNITS:
        raise WeightsError(
            f"network {name} has layers of {width} units; expected a multiple of {UNITS} up to "
            f"{MOST_UNITS}"
        )
    expected = {
        "trunk": (len(FEATURES[others]), width),
        "own": (passes, GROUPS, width),
        "signed": (64, width),
        "bias": (passes, width),
        "steps": (64, passes, width),
        "layer": (passes, width, width),
        "layer_bias": (passes, width),
        "heads": (passes, width, most),
        "head_bias": (passes, most),
        "shift1": (passes, width),
        "shift2": (passes, width),
        "shift3": (passes, most),
        "magnitude": (3, MAGNITUDES, 64),
        "floor": (3, 64),
        "exponent": (64, 3),
        "base": (64,),
        "slope": (64,),
        "mean": (64, MEANS),
        "mix": (LOG_SCALES,),
        "ratio": (1,),
    }
    shapes = {key: value.shape for key, value in component.arrays.items()}
    if shapes != expected:
        wrong = sorted(
            key for key in shapes.keys() | expected if shapes.get(key) != expected.get(key)
        )
        raise WeightsError(f"network {name} has other arrays than it needs: {', '.join(wrong)}")


def _check_bounds(name: str, component: Component) -> None:
    """Prove that no sum reaches 2^24, and that the other numbers are in their ranges."""
    a = {key: np.abs(value.astype(np.int64)) for key, value in component.arrays.items()}
    trunk = (a["trunk"] * FEATURES[component.others][:, None]).sum(0) + 1
    first = trunk + (a["own"] * _LEVEL).sum(1) + (a["signed"] * _COMPANDED).sum(0) + a["bias"]
    first = first + (a["steps"].sum(0) * _MAX_LOG2 >> 8) + 1
    second = a["layer"].sum(1) * ACTIVATION_LIMIT + a["layer_bias"]
    third = a["heads"].sum(1) * ACTIVATION_LIMIT + a["head_bias"]
    largest = max(int(first.max()), int(second.max()), int(third.max()))
    if largest >= _MAX_SUM:
        raise WeightsError(f"network {name} has a sum of up to {largest}; allowed are sums to 2^24")
    limits = {
        **dict.fromkeys(("trunk", "own", "signed", "layer", "heads"), (1 << 15) - 1),
        "shift1": 23,
        "shift2": 23,
        "shift3": 23,
        "magnitude": 1 << 15,
        "floor": 1 << 30,
        "exponent": 1 << 12,
        "base": 1 << 26,
        "slope": 1 << 15,
        "mean": 1 << 15,
        "mix": 1 << 15,
        "ratio": MAX_RATIO,
    }
    for key, limit in limits.items():
        signed_too = key in _SIGNED
        low = component.arrays[key].min()
        if a[key].max() > limit or (low < 0 and not signed_too):
            raise WeightsError(f"network {name} has {key} outside of its range, up to {limit}")
    if a["floor"].min() < 1:
        raise WeightsError(f"network {name} has a floor of 0, whose logarithm there is not")
