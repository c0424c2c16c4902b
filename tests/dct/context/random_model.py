"""A context model of random numbers within their bounds, and random targets for it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.context.model import KIND, VERSION, ContextModel
from numcodecs_neural.dct.context.order import passes
from numcodecs_neural.weights.files import WeightsFile

TABLES, SLOTS = 9 * 64, 1 << 14


def random_model(axes: int, width: int, second: int) -> ContextModel:
    """Return a model whose every part matters, and nothing of which was trained."""
    rng = np.random.default_rng(axes + width)
    count, per = len(passes(axes)), (axes, 256)

    def within(most: int, *shape: int) -> NDArray[np.int32]:
        return rng.integers(-most, most + 1, shape).astype(np.int32)

    arrays: dict[str, NDArray[Any]] = {
        "spread": within(300, count, 9, width),
        "own": within(3000, count, 4, width),
        "bias": within(200_000, count, width),
        "bias_steps": within(2000, count, 4, width),
        "layer": within(1500, count, width, second),
        "layer_bias": within(100_000, count, second),
        "heads": within(2000, *per, second),
        "flag": within(1000, count, second),
        "flag_bias": within(100_000, count),
        "base": within(1000, *per) + 1000,
        "base_steps": within(300, 2, *per),
        "elements": rng.integers(0, 40, (*per, 16)),
        "floors": rng.integers(1, 2000, per),
        "slopes": rng.integers(0, 1500, per),
        "means": within(1000, axes, 71),
        "tables": _random_tables(rng),
        "flag_tables": rng.integers(1, SLOTS, 64),
        "raw_bits": np.arange(64) // 8,
    }
    described = {"kind": KIND, "version": VERSION, "axes": axes}
    return ContextModel.from_file(WeightsFile(sha256="", description=described, arrays=arrays))


def _random_tables(rng: np.random.Generator) -> NDArray[np.int64]:
    tables = 1 + np.floor(rng.dirichlet(np.full(16, 0.5), TABLES) * (SLOTS - 16)).astype(np.int64)
    tables[:, 0] += SLOTS - tables.sum(1)
    return tables


def random_targets(rows: int, columns: int, axes: int) -> NDArray[np.int32]:
    """Return coefficients in sixteenths of steps: mostly small, a few very large."""
    rng = np.random.default_rng(rows + columns)
    sizes = np.linspace(60, 2, 256) * rng.choice([0, 1, 1, 4], (rows, columns, axes, 1))
    targets = np.rint(rng.laplace(size=(rows, columns, axes, 256)) * sizes)
    targets[rng.random(targets.shape) < 0.002] *= 2000
    limited: NDArray[np.int32] = np.clip(targets, -16 * 32000, 16 * 32000).astype(np.int32)
    return limited


def random_steps(axes: int) -> NDArray[np.int64]:
    """Return steps in eighths of a grey level."""
    return np.random.default_rng(axes).integers(20, 400, (axes, 256))


def some_matrices(axes: int) -> NDArray[np.int64] | None:
    """Return axes of colour for low and high frequencies, in 2**-14."""
    if axes == 1:
        return None
    low, high = (np.linalg.qr(np.random.default_rng(s).normal(size=(3, 3)))[0] for s in (1, 2))
    matrices: NDArray[np.int64] = np.rint(np.stack([low, high]) * (1 << 14)).astype(np.int64)
    return matrices
