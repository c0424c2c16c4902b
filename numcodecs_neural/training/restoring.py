"""Pseudo-inverse of the synthesis: the analysis of images that were decoded before.

The analysis that training finds takes the least bits, and does not undo the synthesis: each latent
leaks into others, by which the finest steps are told wrong, and an image would lose a little in
every generation. Where the synthesis is linear its pseudo-inverse does undo it: the latents of a
decoded image, but for the rounding of its pixels.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.networks.dec_model import LATENT_LIMIT, LEVEL_CENTRE
from numcodecs_neural.weights import WeightsFile
from numcodecs_neural.weights.files import read_weights, write_weights

__all__ = ["add_restoring", "restoring_content"]

NETWORK, LAYER = "restoring", "restored"
WEIGHT_LIMIT = 2**11 - 1
SUM_LIMIT = 2**24

Arrays = dict[str, NDArray[Any]]


def add_restoring(decoder: Path, encoder: Path) -> None:
    """Write the encoder file again with the network ``restoring``, if the synthesis is linear."""
    file = read_weights(decoder)
    if [x["op"] for x in file.description["networks"]["synthesis"]] == ["conv", "shuffle"]:
        write_weights(encoder, *restoring_content(file, read_weights(encoder)))


def restoring_content(decoder: WeightsFile, encoder: WeightsFile) -> tuple[dict[str, Any], Arrays]:
    """Return description and arrays of the encoder file with the network ``restoring``.

    Parameters
    ----------
    decoder, encoder : WeightsFile
        A pair as it was exported; of a linear synthesis.
    """
    product, shuffle = decoder.description["networks"]["synthesis"]
    matrix, offset = _synthesis(decoder, product["name"])
    inverse = np.linalg.pinv(matrix) * _units(decoder, encoder)[:, None]
    fraction = encoder.description["pixel_fraction"]
    # Pixels are whole levels about the centre, and the bits below them where there are any.
    parts = [inverse * 2**fraction, inverse] if fraction else [inverse]
    constant = ((LEVEL_CENTRE << fraction) - offset) @ inverse.T
    names = ["x", "x_fraction"][: len(parts)]
    layers = [
        {
            "name": f"{LAYER}_{name}",
            "op": "unshuffle",
            "inputs": [[name, 0, None]],
            "kernel": 1,
            "factor": shuffle["factor"],
        }
        for name in names
    ]
    layers.append(
        {
            "name": LAYER,
            "op": "conv",
            "inputs": [[layer["name"], 0, None] for layer in layers],
            "kernel": 1,
            "factor": 1,
        }
    )
    networks = {**encoder.description["networks"], NETWORK: layers}
    largest = [LEVEL_CENTRE, (1 << fraction) - 1][: len(parts)]
    return (
        {**encoder.description, "networks": networks},
        {**encoder.arrays, **_integers(parts, constant, largest)},
    )


def _synthesis(decoder: WeightsFile, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels of a block by dequantised latents: (pixels, latents), and by quality (101, pixels)."""
    weight, bias, shift = (
        decoder.arrays[f"{name}.{array}"].astype(np.float64)
        for array in ("weight", "bias", "shift")
    )
    # A shift rounds down: half a pixel of the bias is there to round to the nearest.
    return weight.T / 2 ** shift[:, None], bias / 2**shift - 0.5


def _units(decoder: WeightsFile, encoder: WeightsFile) -> NDArray[np.float64]:
    """Latents of the encoder in a dequantised one: the same at every quality, but for rounding."""
    steps = decoder.arrays["step"] / 2.0 ** decoder.arrays["step_shift"]
    inverse = encoder.arrays["restoring_step"] / 2.0 ** encoder.description["inverse_shift"]
    units: NDArray[np.float64] = np.median(1 / (steps * inverse), axis=0)
    return units


def _integers(
    parts: list[NDArray[np.float64]], constant: NDArray[np.float64], largest: list[int]
) -> Arrays:
    """Weights of 11 bits, as fine as the bound of the sums allows."""
    latents = len(parts[0])
    shift = np.full(latents, 20)
    while True:
        scale = 2.0**shift
        weights = [np.rint(part * scale[:, None]) for part in parts]
        bias = np.floor(constant * scale + scale / 2 + 0.5)
        reach = np.abs(bias).max(axis=0) + sum(
            most * np.abs(weight).sum(axis=1) for most, weight in zip(largest, weights, strict=True)
        )
        tallest = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
        is_over = (reach >= SUM_LIMIT) | (tallest > WEIGHT_LIMIT)
        if not is_over.any():
            break
        shift -= is_over
        if shift.min() < 0:
            raise ValueError("the inverse of the synthesis has weights of more than 11 bits")
    return {
        f"{LAYER}.weight": np.concatenate(weights, axis=1).T.astype(np.int16),
        f"{LAYER}.bias": bias.astype(np.int32),
        f"{LAYER}.shift": shift.astype(np.uint8),
        f"{LAYER}.low": np.full(latents, -LATENT_LIMIT, np.int32),
        f"{LAYER}.high": np.full(latents, LATENT_LIMIT, np.int32),
    }
