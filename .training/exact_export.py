"""Float predictor of `exact_model` to the integers of a weights file (SPEC.md, section 10.1).

python exact_export.py exact-1.float16.safetensors --out exact-1.decoder.safetensors
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from numcodecs_neural.exact.layout import MAX_REFERENCES
from numcodecs_neural.exact.model import FRACTIONS, KIND, SCALES, SLOTS, VERSION, ExactModel
from numcodecs_neural.exact.symbols import ENTRIES, LOWEST
from numcodecs_neural.weights.files import WeightsFile, write_weights

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

SHARE = 1 << 11
"""One, as a weight."""
INPUT, HIDDEN = 64, 1024
"""One, as an input and as a number of a hidden layer."""
SCALES_PER_OCTAVE, LOWEST_OCTAVE = 4, -5


def integers_of(floats: dict[str, Floats]) -> dict[str, NDArray[np.integer]]:
    """Return the arrays of a weights file."""
    # Counted ones of `exact_tables`, where it has been run.
    tables = floats.get("tables", tables_of(floats)[None])
    arrays: dict[str, NDArray[np.integer]] = {"tables": tables.astype(np.uint16)}
    for number in range(MAX_REFERENCES + 1):
        unit = INPUT
        for name, place in (("layer", "ls.0"), ("second", "ls.1"), ("head", "out")):
            weights = floats[f"{number}.{place}.weight"].T * SHARE
            bias = floats[f"{number}.{place}.bias"] * SHARE * unit
            # Shifts round down: half a unit is added, of a hidden number, or of an output.
            if name == "head":
                bias = bias + np.array([1 << 12, 1 << 15])
            else:
                bias = bias + SHARE * unit // HIDDEN // 2
            arrays[f"{name}.{number}"] = np.rint(weights).astype(np.int16)
            arrays[f"{name}_bias.{number}"] = np.rint(bias).astype(np.int32)
            unit = HIDDEN
    return arrays


def tables_of(floats: dict[str, Floats]) -> Integers:
    """Return frequencies (tables, entries) of two logistic distributions with one mean."""
    rows = [
        _frequencies(floats, LOWEST_OCTAVE + scale / SCALES_PER_OCTAVE, fraction / 8)
        for scale in range(SCALES)
        for fraction in range(FRACTIONS)
    ]
    return np.array(rows)


def _frequencies(floats: dict[str, Floats], octave: float, mean: float) -> Integers:
    knots = np.arange(LOWEST_OCTAVE, LOWEST_OCTAVE + len(floats["mix.w"]))
    weight = _sigmoid(np.interp(octave, knots, floats["mix.w"]))
    ratio = np.exp(np.interp(octave, knots, floats["mix.r"]))
    edges = np.concatenate([[-1e9], LOWEST[1:] - 0.5, [1e9]]) - mean
    scale = 2.0**octave
    below = (1 - weight) * _sigmoid(edges / scale) + weight * _sigmoid(edges / (scale * ratio))
    counts = 1 + np.floor(np.diff(below) * (SLOTS - ENTRIES)).astype(np.int64)
    counts[np.argmax(counts)] += SLOTS - counts.sum()
    return counts


def _sigmoid(x: float | Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -700, 700))))


def main() -> None:
    """Export a checkpoint and log the digest of the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    floats = {k: v.astype(np.float64) for k, v in load_file(arguments.checkpoint).items()}
    arrays = integers_of(floats)
    description = {"kind": KIND, "version": VERSION}
    ExactModel.from_file(WeightsFile(sha256="", description=description, arrays=arrays))
    digest = write_weights(arguments.out, description, arrays)
    logging.getLogger("exact").warning("%s  %s", digest, arguments.out)


if __name__ == "__main__":
    main()
