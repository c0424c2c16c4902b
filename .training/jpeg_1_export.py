"""Turns jpeg-1 into integers: writes the weights file that the package codes with.

    python jpeg_1_export.py jpeg-1.float16.safetensors val_*.npz --out jpeg-1.safetensors

The coefficients (made by `jpeg_1_model.py make`) say how large activations become; nothing else is
taken from them. SPEC.md, section 8, says what the arrays are; `read_components` of the package
proves that no sum leaves the range in which products are exact.
"""

import argparse
import logging
from pathlib import Path
from typing import Any

import jpeg_1_model as jpeg1
import numpy as np
import torch
from jpeg_1_model import ORDER, PASSES, Component, Jpeg1, Samples, features, twin_of
from numpy.typing import NDArray

from numcodecs_neural.coefficients.network import order, parameters, tables
from numcodecs_neural.weights.files import read_weights, write_weights

Doubles = NDArray[np.float64]

log = logging.getLogger("jpeg-1")

MOST = 2**24 * 0.98
LARGEST = 1023  # activation
UNIT = 0.35 / 23  # of levels and companded values
RANK = np.argsort(ORDER)


def units_of(others: int) -> Doubles:
    """Return what one step of each integer input of the trunk is worth to the float model."""
    levels = 6 if others == 2 else 5 if others else 0
    counted = [UNIT] * (7 * jpeg1.GROUPS + 48) + [1 / 64] * 4 + [UNIT] * (levels * jpeg1.GROUPS)
    return np.array(counted + [1 / 64, 0.1 / 16] * others)


def power_of_two(values: Doubles) -> Doubles:
    """Round down to a power of two."""
    return 2.0 ** np.floor(np.log2(values))


def activations(net: Component, seen: Any) -> tuple[Doubles, Doubles]:
    """Return the largest activation of each unit of both layers, by pass."""
    steps = torch.log2(seen.steps) - 4
    passes, images, blocks = len(PASSES), len(steps), len(seen.trunk)
    own = torch.einsum("pgw,ng->pwn", net.own * net.visible[..., None], seen.own)
    bias = (0.3 * steps @ net.steps).view(images, passes, -1) + net.bias
    bias = bias.repeat_interleave(blocks // images, 0)
    total, rank, largest = net.trunk.T @ seen.trunk.T, 0, ([], [])
    for p, ks in enumerate(PASSES):
        hidden = torch.relu(total + own[p] + bias[:, p].T)
        second = torch.relu(net.layer[p] @ hidden + net.layer_bias[p][:, None])
        largest[0].append(hidden.amax(1).double().numpy())
        largest[1].append(second.amax(1).double().numpy())
        part = slice(rank, rank + len(ks))
        total = total + net.signed[part].T @ seen.signed[part]
        rank += len(ks)
    return np.stack(largest[0]), np.stack(largest[1])


def calibrate(model: Jpeg1, files: list[Path]) -> dict[str, list[Doubles]]:
    """Return the largest activations of each network over all files."""
    found: dict[str, list[Doubles]] = {}
    for file in files:
        samples = Samples.read(file)
        names = {"grey": ["Y"], "rgb": ["Y", "R", "B"]}.get(samples.mode, ["Y", "Cb", "Cr"])
        for i in range(len(samples.steps)):
            coefs, steps = [c[i : i + 1] for c in samples.coefs], samples.steps[i : i + 1]
            for number, name in enumerate(names):
                twins = np.zeros((number, *coefs[number].shape), np.float32)
                for j in range(number):
                    plane = coefs[j].astype(np.float32) * steps[:, j, None, None]
                    shape = coefs[number].shape[1:3]
                    twins[j] = plane if j else twin_of(plane, samples.mode, shape)
                with torch.no_grad():
                    seen = features(coefs[number], steps[:, number], twins)
                    now = activations(model.components[name], seen)
                before = found.get(name, now)
                found[name] = [np.maximum(a, b) for a, b in zip(before, now, strict=True)]
    return found


def integers_of(net: Component, largest: list[Doubles]) -> dict[str, Doubles]:
    """Return the arrays of a component, rounded."""
    p = {name: value.double().numpy() for name, value in net.state_dict().items()}
    visible = net.visible.numpy()
    out = _accumulator(net, p, visible)
    accumulator = out.pop("unit")
    first = np.minimum(power_of_two(LARGEST / np.maximum(largest[0] * 1.15, 1e-2)), accumulator)
    second = power_of_two(LARGEST / np.maximum(largest[1] * 1.15, 1e-2))
    out["shift1"] = -np.log2(first / accumulator)

    weights = p["layer"] / first[:, None, :]
    bound = np.abs(weights).sum(2) * LARGEST + np.abs(p["layer_bias"])
    unit = np.minimum(power_of_two(MOST / bound), second * 2**16)
    out["layer"] = (weights * unit[..., None]).transpose(0, 2, 1)
    out["layer_bias"], out["shift2"] = p["layer_bias"] * unit, -np.log2(second / unit)
    return out | _heads(net, p, second) | _of_coefficients(p)


def _accumulator(net: Component, p: dict[str, Doubles], visible: Doubles) -> dict[str, Any]:
    trunk, own = p["trunk"] * units_of(net.others)[:, None], p["own"] * visible[..., None] * UNIT
    signed = p["signed"] * UNIT
    signed[-1] = 0  # nothing follows DC
    by_steps = p["steps"].reshape(64, len(PASSES), -1) * 0.3
    limits = parameters.FEATURES[net.others][:, None]
    bound = (np.abs(trunk) * limits).sum(0) + (np.abs(own) * 200).sum(1).max(0)
    bound += (np.abs(signed) * 300).sum(0) + np.abs(p["bias"]).max(0)
    bound += np.abs(by_steps).sum(0).max(0) * 12
    unit = power_of_two(MOST / bound.max())
    return {
        "trunk": trunk * unit,
        "own": own * unit,
        "signed": (signed * unit)[RANK],
        "bias": p["bias"] * unit,
        "steps": by_steps * unit,
        "unit": unit,
    }


def _heads(net: Component, p: dict[str, Doubles], second: Doubles) -> dict[str, Doubles]:
    count = max(parameters.output_counts(net.others))
    passes, width = second.shape
    heads, bias = np.zeros((passes, width, count)), np.zeros((passes, count))
    shift = np.zeros((passes, count))
    for number in range(passes):
        weights, offset = p[f"heads.{number}"], np.zeros(len(p[f"heads.{number}"]))
        if number < passes - 1:
            weights = np.concatenate([weights, p["flag"][number : number + 1]])
            offset = np.append(offset, p["flag_bias"][number])
        weights = weights / second[number]
        bound = np.abs(weights).sum(1) * LARGEST + np.abs(offset)
        unit = power_of_two(MOST / np.maximum(bound, 1e-6)).clip(256, 2**20)
        heads[number, :, : len(weights)] = (weights * unit[:, None]).T
        bias[number, : len(weights)] = (offset + 0.5 / 256) * unit
        shift[number, : len(weights)] = np.log2(unit) - 8
    return {"heads": heads, "head_bias": bias, "shift3": shift}


def _of_coefficients(p: dict[str, Doubles]) -> dict[str, Doubles]:
    magnitude = np.zeros((3, parameters.MAGNITUDES, 64))
    magnitude[:, : p["magnitude"].shape[1]] = np.exp(p["magnitude"])[RANK].transpose(2, 1, 0)
    magnitude[:, 12, 1:] /= order.NEIGHBOURS_IN_FREQUENCY[1:]
    mean = np.zeros((64, parameters.MEANS))
    mean[:, : p["mean"].shape[1]] = 3 * p["mean"][RANK]
    edge = np.arange(64) > 0
    mean[edge & (np.arange(64) % 8 == 0), 2] *= 0.3
    mean[edge & (np.arange(64) < 8), 3] *= 0.3
    scale = (np.arange(tables.LOG_SCALES) - tables.LOG_SCALE_ZERO) / 8
    mix = p["mix"].mean() + p["mix_slope"].mean() * scale  # one for all; see jpeg-1.md
    return {
        "magnitude": magnitude * 4096,
        "floor": np.maximum(np.rint(np.exp(p["floor"][RANK, 0]) * 4096 * 32), 1).T,
        "exponent": p["alpha"][RANK, 0] * np.log(2) * 4096,
        "base": p["base"][RANK, 0] * 2**20,
        "slope": p["step_slope"][RANK] * 4096,
        "mean": mean * 4096,
        "mix": 32768 / (1 + np.exp(-mix)),
        "ratio": np.clip(np.rint(8 * p["ratio"].mean(keepdims=True)), 0, tables.MAX_RATIO),
    }


def narrow(values: Doubles) -> NDArray[Any]:
    """Round, to the smallest type that holds all."""
    rounded = np.rint(values).astype(np.int64)
    most = np.abs(rounded).max()
    kind = np.int8 if most < 128 else np.int16 if most < 32768 else np.int32
    return rounded.astype(kind)


def main() -> None:
    """Write the file, and prove its bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("coefficients", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model = jpeg1.load(args.weights)
    largest = calibrate(model, args.coefficients)
    arrays = {
        f"{name}.{key}": narrow(values)
        for name, net in model.components.items()
        for key, values in integers_of(net, largest[name]).items()
    }
    description = {
        "kind": parameters.KIND,
        "version": parameters.VERSION,
        "tables": tables.DIGEST,
    }
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    log.info("%s", write_weights(args.out, description, arrays))
    parameters.read_components(read_weights(args.out))


if __name__ == "__main__":
    main()
