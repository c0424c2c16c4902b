"""Turns a context model into integers: writes the weights files that the package codes with.

    python context_export.py he-fast-2.float16.safetensors FOLDER ... --name he-fast-2

The images say how often an encoder chooses each symbol, which gives the tables, and by how much the
streams of integers are longer than the float model's ideal code lengths. The files and their entry
in the catalogue are written into the package's folder of weights, or into `--into`. SPEC.md says
what the arrays are; `ContextModel` of the package proves that no sum leaves its integers.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import context_model as context
import numpy as np
import torch
from context_model import CONSTANT_FAMILY, CROP_PX, ELEMENTS, ContextNet, Floats
from numpy.typing import NDArray

from numcodecs_neural.coding.enc_dct_task import targets_of
from numcodecs_neural.dct.context.dec_context import HEAD
from numcodecs_neural.dct.context.dec_kernels import LANES
from numcodecs_neural.dct.context.enc_context import encode
from numcodecs_neural.dct.context.model import KIND, VERSION, ContextModel
from numcodecs_neural.dct.context.order import COEFFICIENTS, SIDE, natural
from numcodecs_neural.dct.steps import steps_of
from numcodecs_neural.training.data import Crops
from numcodecs_neural.training.sources import load_images
from numcodecs_neural.weights.files import read_weights, write_weights

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

log = logging.getLogger("context")

PACKAGE = Path(__file__).parents[1] / "numcodecs_neural" / "weights"
FAMILIES, FRACTIONS, INDEXES, ENTRIES = 4, 5, 64, 16
SLOTS = 1 << 14
LOWEST, BY_OCTAVE = -4.5, 5  # octaves of the scale where index 0 begins, and indexes in an octave
ESCAPE = ENTRIES - 1
HALF = ESCAPE // 2
OVERHEAD = 8 * HEAD.size + 16 * LANES  # bits of a stream: half of its states hold no symbols

# --- integers -------------------------------------------------------------------------------------

# What is 1 of the float model in integers. Kernels shift sums of hidden layers and heads to the
# next unit, rounding down; the biases make up for it.
HIDDEN = 1 << 8
WEIGHT = 1 << 10
SUM = HIDDEN << 8
SCALE = 64 * BY_OCTAVE  # indexes have 6 bits below them
ENERGY = 64  # sixteenths of an octave; the float model divides octaves by 4
OCTAVE = 1 << 7
ELEMENT = 1 << 8


def whole(values: Doubles, dtype: type) -> NDArray[Any]:
    """Round, within what a type holds."""
    limits = np.iinfo(dtype)
    return np.rint(values).clip(limits.min, limits.max).astype(dtype)


def integers_of(model: ContextNet) -> dict[str, NDArray[Any]]:
    """Return the arrays of a weights file, with tables of the logistics."""
    p = {name: value.double().numpy() for name, value in model.state_dict().items()}
    tables = symbol_tables(p["mix"], p["ratio"])
    arrays = _of_networks(p, model.axes) | _of_scales(p, model.axes)
    return arrays | {
        "elements": _elements(model, p, arrays["floors"]),
        "means": _means(p, model.axes),
        "tables": tables.astype(np.int16),
        "flag_tables": flag_tables(flag_probabilities()).astype(np.int16),
        "raw_bits": raw_bits().astype(np.int16),
    }


def by_diagonal(values: Doubles, axes: int) -> Doubles:
    """Return the last axis, C, as (axes, 256) in coding order."""
    return values.reshape(*values.shape[:-1], axes, COEFFICIENTS)[..., natural()]


def _of_networks(p: dict[str, Doubles], axes: int) -> dict[str, NDArray[Any]]:
    heads = by_diagonal(p["heads"].T, axes).transpose(1, 2, 0)
    return {
        "spread": whole(p["spread"] * (SUM / ENERGY), np.int16),
        "own": whole(p["own"] * (SUM / ENERGY), np.int16),
        "bias": whole(p["bias"] * SUM + 128, np.int32),
        "bias_steps": whole(p["bias_steps"] * SUM, np.int32),
        "layer": whole(p["layer"] * WEIGHT, np.int16),
        "layer_bias": whole(p["layer_bias"] * (HIDDEN * WEIGHT) + 512, np.int32),
        "heads": whole(heads * (SCALE << 12) / HIDDEN, np.int16),
        "flag": whole(p["flag"] * (4 << 12) / HIDDEN, np.int16),  # quarters of log-odds
        "flag_bias": whole(p["flag_bias"] * (4 << 12), np.int32),
    }


def _of_scales(p: dict[str, Doubles], axes: int) -> dict[str, NDArray[Any]]:
    base = by_diagonal(p["base"], axes) - LOWEST
    floors = np.exp(by_diagonal(p["floors"], axes)) * ELEMENT
    return {
        "base": whole(base * SCALE + 2, np.int32),
        "base_steps": whole(by_diagonal(p["base_steps"], axes) * SCALE, np.int32),
        "slopes": whole(by_diagonal(p["slopes"], axes) * SCALE * 256 / OCTAVE, np.int32),
        "floors": whole(floors, np.int16).clip(1),
    }


#: Which columns of the integers each element fills: where it is a mean, several.
_COLUMNS = {
    **{name: [number] for number, name in enumerate(ELEMENTS[:5])},
    "lower_before": [5, 6],
    "lower_after": [7, 8],
    **{name: [number] for number, name in zip(range(9, 13), ELEMENTS[-4:], strict=True)},
    "first": [13],
    "first_around": [14],
    "second": [15],
}
_ADDED = np.array([1] * 5 + [2] * 4 + [1] * 5 + [4, 1])  # magnitudes that a column multiplies


def _elements(model: ContextNet, p: dict[str, Doubles], floors: NDArray[Any]) -> NDArray[np.int16]:
    """Return weights of magnitudes, 0 where nothing is known, their sums below 2**16."""
    weights = np.log1p(np.exp(p["elements"])) * (0.5 * ELEMENT)
    masks = np.ones((SIDE, model.axes * COEFFICIENTS))
    masks[:5] = model.lower.numpy()
    masks[5:7], masks[7:9] = masks[:2], model.early.numpy()
    masks[13:15, :COEFFICIENTS] = 0
    masks[15, : 2 * COEFFICIENTS] = 0
    if model.axes == 1:
        masks[13:] = 0
    columns = np.zeros_like(masks)
    for name, numbers in _COLUMNS.items():
        columns[numbers] = weights[ELEMENTS.index(name)]
    columns *= masks / _ADDED[:, None]
    elements = whole(by_diagonal(columns, model.axes).transpose(1, 2, 0), np.int16)
    most = (elements.astype(np.int64) * _ADDED * context.KNOWN_LIMIT).sum(-1) + floors
    scale = np.minimum(1, 0.999 * (2**16 - 1) / most)[..., None]
    return np.where(scale < 1, np.floor(elements * scale), elements).astype(np.int16)


def _means(p: dict[str, Doubles], axes: int) -> NDArray[np.int16]:
    others = np.zeros((axes, 3))
    others[:, :axes] = p["others"]
    parts = [p["edges"].reshape(axes, -1), p["corners"], others]
    return whole(np.concatenate(parts, 1) * WEIGHT, np.int16)


# --- tables ---------------------------------------------------------------------------------------


def octaves_of_indexes() -> Doubles:
    """Return the scale that each index stands for."""
    octaves: Doubles = LOWEST + (np.arange(INDEXES) + 0.5) / BY_OCTAVE
    return octaves


def raw_bits() -> Integers:
    """Return how many low bits of a magnitude are plain, by index."""
    return np.maximum(0, np.ceil(octaves_of_indexes() - 1)).astype(np.int64)


def logistic(x: Doubles) -> Doubles:
    """Return the cumulative logistic distribution."""
    result: Doubles = 1 / (1 + np.exp(-x.clip(-80, 80)))
    return result


def symbol_tables(mix: Doubles, ratio: Doubles) -> Integers:
    """Return frequencies of the entries of all tables under two logistics: (9 * 64, 16).

    Of four families by index, for magnitudes; then of constant parts, by how many eighths they are
    expected above a whole step and by index, for rests from -7 to 7.
    """
    rows = []
    for family in range(FAMILIES):
        for octaves, plain in zip(octaves_of_indexes(), raw_bits(), strict=True):
            edges = np.array([0.0, *((np.arange(1, ENTRIES) << plain) - 0.5)])
            below = _below(edges, octaves, mix[family], ratio[family])
            rows.append(frequencies(np.append(np.diff(below), 1 - below[-1])))
    for fraction in range(FRACTIONS):
        for octaves, plain in zip(octaves_of_indexes(), raw_bits(), strict=True):
            edges = (np.arange(-HALF, HALF + 2) << plain) - 0.5 - fraction / 8
            below = _below(edges, octaves, mix[CONSTANT_FAMILY], ratio[CONSTANT_FAMILY])
            rows.append(frequencies(np.append(np.diff(below), 1 - (below[-1] - below[0]))))
    return np.stack(rows)


def _below(x: Doubles, octaves: float, mix: float, ratio: float) -> Doubles:
    weight = 1 / (1 + math.exp(-mix))
    narrow, wide = logistic(x * 2.0**-octaves), logistic(x * 2.0 ** -(octaves + ratio))
    return (1 - weight) * narrow + weight * wide


def frequencies(weights: Doubles) -> Integers:
    """Return integers of at least 1 with the sum 2**14."""
    weights = weights.clip(1e-12)
    whole_numbers = np.floor(weights / weights.sum() * SLOTS).clip(1).astype(np.int64)
    while whole_numbers.sum() > SLOTS:
        whole_numbers[whole_numbers.argmax()] -= 1
    whole_numbers[whole_numbers.argmax()] += SLOTS - whole_numbers.sum()
    return whole_numbers


def flag_probabilities() -> Doubles:
    """Return the probability that a band has anything, by level: quarters of log-odds from -8."""
    return logistic((np.arange(INDEXES) - INDEXES // 2 + 0.5) / 4)


def flag_tables(probabilities: Doubles) -> Integers:
    """Return frequencies of flags that are set."""
    return np.rint(probabilities * SLOTS).clip(1, SLOTS - 1).astype(np.int64)


@dataclass
class Counts:
    """How often an encoder chose each entry, and each flag, and the bits of streams and of ideals.

    Parameters
    ----------
    entries : (9 * 64, 16)
    flags : (64, 2)
    written, ideal : float
        Bits of all streams but what any stream has, and code lengths of the same symbols under the
        float model.
    """

    entries: Doubles = field(
        default_factory=lambda: np.zeros(((FAMILIES + FRACTIONS) * INDEXES, ENTRIES))
    )
    flags: Doubles = field(default_factory=lambda: np.zeros((INDEXES, 2)))
    written: float = 0
    ideal: float = 0

    @property
    def excess(self) -> float:
        """By how many per cent streams are longer than ideal."""
        return 100 * (self.written / self.ideal - 1)

    def tables(self, prior: NDArray[Any], weight: float = 300) -> Integers:
        """Return tables of what was counted, those before weighing as much as `weight` symbols."""
        return np.stack(
            [
                frequencies(counted + weight * before / SLOTS)
                for counted, before in zip(self.entries, prior, strict=True)
            ]
        )

    def flag_tables(self, weight: float = 20) -> Integers:
        """Return tables of flags, the logistic ones weighing as much as `weight` flags."""
        total = self.flags.sum(1) + weight
        return flag_tables((self.flags[:, 1] + weight * flag_probabilities()) / total)


@torch.no_grad()
def count(net: ContextNet, model: ContextModel, crops: Iterable[Floats], price: int) -> Counts:
    """Encode crops, and count what was chosen, by the indexes of the float model."""
    rng, counts = np.random.default_rng(123), Counts()
    for crop in crops:
        step = math.exp(rng.uniform(math.log(3), math.log(70)))
        quantisation = context.quantisation_of(step)
        batch = context.batch_of([crop], [quantisation])
        coefficients, matrices = context.coefficients_of(crop)
        steps = steps_of(quantisation, net.axes)
        axes = None if matrices is None else matrices.astype(np.int64)
        prices = np.full(coefficients.shape[:2], price, np.int32)
        stream, chosen = encode(targets_of(coefficients, steps), steps, axes, model, prices)
        symbols = torch.from_numpy(chosen.reshape(batch.exact.shape).astype(np.float32))
        coding = net(symbols, batch.steps, batch.turn)
        bits, flags = net.rate(symbols, coding)
        counts.written += 8 * len(stream) - OVERHEAD
        counts.ideal += float(bits.sum() + flags.sum())
        _add_flags(counts, net, symbols, coding)
        _add_details(counts, net, symbols, coding)
        _add_constants(counts, symbols, coding)
    return counts


def _indexes_of(scales: torch.Tensor) -> Integers:
    return np.floor((scales.numpy() - LOWEST) * BY_OCTAVE).clip(0, INDEXES - 1).astype(np.int64)


def _add_flags(
    counts: Counts, net: ContextNet, symbols: torch.Tensor, coding: context.Coding
) -> None:
    has_any = ((symbols.abs() @ net.belongs) > 0)[..., net.flagged].numpy()
    quarters = np.floor(coding.flags[..., net.flagged].numpy() * 4)
    level = (quarters + INDEXES // 2).clip(0, INDEXES - 1).astype(np.int64)
    np.add.at(counts.flags, (level, has_any.astype(np.int64)), 1)


def _add_details(
    counts: Counts, net: ContextNet, symbols: torch.Tensor, coding: context.Coding
) -> None:
    has_any = (symbols.abs() @ net.belongs) > 0
    is_flagged = torch.zeros(len(net.passes), dtype=torch.bool)
    is_flagged[net.flagged] = True
    is_coded = (has_any | ~is_flagged)[..., net.pass_of].numpy()
    is_coded[..., ::COEFFICIENTS] = False
    index = _indexes_of(coding.scales)
    entry = np.minimum(symbols.abs().numpy().astype(np.int64) >> raw_bits()[index], ESCAPE)
    table = net.family.numpy() * INDEXES + index
    np.add.at(counts.entries, (table[is_coded], entry[is_coded]), 1)


def _add_constants(counts: Counts, symbols: torch.Tensor, coding: context.Coding) -> None:
    index = _indexes_of(coding.scales[..., ::COEFFICIENTS])
    eighths = np.rint(coding.means[..., ::COEFFICIENTS].numpy() * 8).astype(np.int64)
    nearest = (eighths + 4) >> 3
    fraction = eighths - 8 * nearest
    rest = symbols[..., ::COEFFICIENTS].numpy().astype(np.int64) - nearest
    bucket = np.where(fraction < 0, -rest, rest) >> raw_bits()[index]
    entry = np.where(np.abs(bucket) <= HALF, bucket + HALF, ESCAPE)
    table = (FAMILIES + np.abs(fraction)) * INDEXES + index
    np.add.at(counts.entries, (table, entry), 1)


# --- files ----------------------------------------------------------------------------------------


def write_decoder(path: Path, axes: int, arrays: dict[str, NDArray[Any]]) -> str:
    """Write a decoder file, prove its bounds, and return its SHA-256."""
    description = {
        "kind": KIND,
        "version": VERSION,
        "axes": axes,
        "pixel_fraction": context.fraction_of(axes),
    }
    digest = write_weights(path, description, arrays)
    _model_of(path)
    return digest


def write_encoder(path: Path, decoder_sha256: str, price: int, axes: int) -> str:
    """Write an encoder file, and return its SHA-256.

    Steps begin at 3 grey levels at quality 100, and twice that with each 20 of quality less; of
    grey images at 2.
    """
    finest = 192 if axes == 3 else 128
    base = [round(finest * 2 ** ((100 - quality) / 20)) for quality in range(101)]
    description = {"kind": "context-encoder", "decoder_sha256": decoder_sha256, "price": price}
    return write_weights(path, description, {"base": np.array(base, np.int32)})


def enter(catalogue: Path, name: str, axes: int, sha256: str, encoder_sha256: str) -> None:
    """Write an entry of the catalogue."""
    content = json.loads(catalogue.read_text())
    content["weights"][name] = {
        "channels": axes,
        "dtypes": ["uint8"] if axes == 3 else ["uint8", "uint16", "int16"],
        "encoder_sha256": encoder_sha256,
        "sha256": sha256,
        "stride": SIDE,
    }
    catalogue.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def export(net: ContextNet, images: list[Path], number: int, price: int, path: Path) -> str:
    """Write a decoder file with tables by counts on `number` crops, and return its SHA-256."""
    crops = Crops(load_images(images, net.axes).sets, 1)
    arrays = integers_of(net)
    write_decoder(path, net.axes, arrays)
    counts = count(net, _model_of(path), crops.with_seed(123).batch(number, CROP_PX), price)
    log.info("tables of logistics: %+.2f %% on ideal bits", counts.excess)
    arrays["tables"] = counts.tables(arrays["tables"]).astype(np.int16)
    arrays["flag_tables"] = counts.flag_tables().astype(np.int16)
    digest = write_decoder(path, net.axes, arrays)
    others = crops.with_seed(124).batch(max(1, number // 4), CROP_PX)
    counts = count(net, _model_of(path), others, price)
    log.info("counted tables, on other crops: %+.2f %% on ideal bits", counts.excess)
    return digest


def _model_of(path: Path) -> ContextModel:
    return ContextModel.from_file(read_weights(path))


def main() -> None:
    """Write both files and the entry of the catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--name", required=True)
    parser.add_argument("--crops", type=int, default=80)
    parser.add_argument("--price", type=int, default=30)
    parser.add_argument("--into", type=Path, default=PACKAGE)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    net = context.load(args.weights)
    files = args.into / "files"
    decoder, encoder = (files / f"{args.name}.{k}.safetensors" for k in ("decoder", "encoder"))
    digest = export(net, args.images, args.crops, args.price, decoder)
    encoder_digest = write_encoder(encoder, digest, args.price, net.axes)
    enter(args.into / "catalogue.json", args.name, net.axes, digest, encoder_digest)
    log.info("%s: decoder %s, encoder %s", args.name, digest, encoder_digest)


if __name__ == "__main__":
    main()
