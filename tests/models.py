"""Small models that really code, for tests: exact block transforms under a random entropy model.

Blocks of 8 x 8 pixels are transformed by the orthonormal Walsh-Hadamard transform, whose entries
are +-1/8, so that integers hold it exactly; what is lost is what quantisation loses. Means are
random functions of the latents decoded before, table indexes follow the size that latents of
images have.
"""

import functools
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.entropy import SymbolTables
from numcodecs_neural.entropy.enc_tables import tables_from_counts
from numcodecs_neural.networks.dec_model import DECODER_VERSION, DecoderModel
from numcodecs_neural.networks.description import Layer, Source, layers_to_json
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.weights import catalogue, load_decoder, load_encoder, resolve
from numcodecs_neural.weights.catalogue import _read
from numcodecs_neural.weights.files import WeightsFile, write_weights
from tests.context_models import SmallContext

Arrays = dict[str, NDArray[Any]]
Passes = Sequence[tuple[int, str]]

CHECKERBOARD: Passes = ((1, "even"), (1, "odd"), (2, "even"), (2, "odd"))
INTERLEAVED: Passes = ((1, "even"), (2, "even"), (2, "odd"), (1, "odd"))
WHOLE: Passes = ((1, "all"), (2, "all"))
MIXED: Passes = ((1, "even"), (1, "odd"), (2, "all"))

STRIDE, HYPER_STRIDE, HYPER, FEATURES, HIDDEN = 8, 2, 4, 6, 8
CLASSES = 12
STEPS = np.rint(2048 * (0.5 / 64) ** (np.arange(101) / 100)) / 32  # of a quality, in grey levels
SCALES: NDArray[np.floating[Any]] = 0.15 * 1.8 ** np.arange(CLASSES)  # of a class, in steps


@dataclass(frozen=True, kw_only=True)
class Small:
    """What a small model has.

    `pixel_fraction` is 4 for grey models and 0 for RGB ones, as in models that ship. The encoder
    pays `price` squares of sixteenths of a step for a bit.
    """

    channels: int = 1
    pixel_fraction: int = 4
    passes: Passes = CHECKERBOARD
    price: int = 15
    seed: int = 0
    stride: int = STRIDE

    @property
    def groups(self) -> tuple[int, int]:
        return 16 * self.channels, 48 * self.channels

    def load(self) -> tuple[DecoderModel, EncoderModel]:
        files = [WeightsFile(sha256="0" * 64, description=d, arrays=a) for d, a in self.contents()]
        return DecoderModel.from_file(files[0]), EncoderModel.from_file(files[1], "0" * 64)

    def contents(self) -> tuple[tuple[dict[str, Any], Arrays], tuple[dict[str, Any], Arrays]]:
        """Description and arrays of decoder and encoder; the digest in the latter is zeros."""
        return _decoder(self), _encoder(self)


class _Writer:
    def __init__(self) -> None:
        self.networks: dict[str, list[dict[str, Any]]] = {}
        self.arrays: Arrays = {}

    def begin(self, network: str) -> None:
        self._layers = self.networks[network] = []

    def layer(self, name: str, op: Any, *inputs: str, **options: int) -> None:
        sources = tuple(Source(x) for x in inputs)
        self._layers += layers_to_json([Layer(name=name, op=op, inputs=sources, **options)])

    def table(self, name: str, source: str) -> None:
        """Whole steps of latents in sixteenths, limited."""
        self.layer(name, "table", source)
        self.arrays[f"{name}.table"] = np.clip(np.arange(-512, 513) // 16, -30, 30).astype(np.int16)

    def conv(
        self,
        name: str,
        inputs: Sequence[str],
        weight: NDArray[Any],
        *,
        shift: int,
        limits: tuple[int, int],
        bias: Any = 0,
        kernel: int = 1,
    ) -> None:
        outputs = weight.shape[1]
        self.layer(name, "conv", *inputs, kernel=kernel)
        self.arrays |= {
            f"{name}.weight": weight.astype(np.int16),
            f"{name}.bias": (np.zeros((1, outputs), np.int32) + bias).astype(np.int32),
            f"{name}.shift": np.full(outputs, shift, np.uint8),
            f"{name}.low": np.full(outputs, limits[0], np.int32),
            f"{name}.high": np.full(outputs, limits[1], np.int32),
        }


def walsh() -> NDArray[np.int64]:
    """Rows are the 64 basis images of 8 x 8 pixels times 8, from smooth to rough."""
    row = np.array([[1]])
    while len(row) < STRIDE:
        row = np.block([[row, row], [row, -row]])
    row = row[np.argsort(np.abs(np.diff(row)).sum(1))]
    roughness = np.add.outer(np.arange(STRIDE), np.arange(STRIDE)).ravel()
    basis: NDArray[np.int64] = np.kron(row, row)[np.argsort(roughness, kind="stable")]
    return basis


def _basis(channels: int) -> NDArray[np.int64]:
    """(latents, channels * 64): latents of all channels side by side, channels of pixels apart."""
    apart = np.eye(channels, dtype=np.int64)
    basis: NDArray[np.int64] = np.einsum("kp,cd->kcdp", walsh(), apart)
    return basis.reshape(64 * channels, 64 * channels)


def _decoder(model: Small) -> tuple[dict[str, Any], Arrays]:
    rng = np.random.default_rng(model.seed)
    writer = _Writer()
    writer.begin("features")
    weight = rng.integers(-20, 21, (9 * HYPER, 4 * FEATURES))
    writer.conv("f1", ["z"], weight, shift=5, limits=(0, 2047), kernel=3)
    writer.layer("f", "shuffle", "f1", factor=2)
    begun: list[int] = []
    for number, (group, phase) in enumerate(model.passes, 1):
        _write_pass(writer, model, rng, number, group, begun)
        begun += [group] if phase != "odd" else []
    writer.begin("synthesis")
    bias = (128 << 10) + (1 << (9 - model.pixel_fraction))
    top = (256 << model.pixel_fraction) - 1
    weight, shift = 64 * _basis(model.channels), 10 - model.pixel_fraction
    writer.conv("p", ["d1", "d2"], weight, shift=shift, limits=(0, top), bias=bias)
    writer.layer("pixels", "shuffle", "p", factor=STRIDE)
    latents = sum(model.groups)
    tables = tables_of(SCALES)
    arrays = writer.arrays | {
        "step": np.repeat(np.rint(32 * STEPS)[:, None], latents, 1).astype(np.int32),
        "step_shift": np.full(latents, 8, np.uint8),
        "hyper_mean": np.tile(np.array([0, 1, -1, 2], np.int16), (101, 1)),
        "hyper_index": np.full((101, HYPER), 6, np.uint8),
        "tables.offset": tables.offset,
        "tables.size": tables.size,
        "tables.frequency": tables.frequency,
    }
    description = {
        "kind": "decoder",
        "version": DECODER_VERSION,
        "channels": model.channels,
        "stride": STRIDE,
        "hyper_stride": HYPER_STRIDE,
        "pixel_fraction": model.pixel_fraction,
        "groups": list(model.groups),
        "passes": [list(entry) for entry in model.passes],
        "has_mean": [_has_mean(number) for number in range(1, len(model.passes) + 1)],
        "hyper_limit": 20,
        "skip_below": 1,
        "networks": writer.networks,
    }
    return description, arrays


def _write_pass(
    writer: _Writer,
    model: Small,
    rng: np.random.Generator,
    number: int,
    group: int,
    begun: Sequence[int],
) -> None:
    """Predict from features, the pass before, and what is decoded of every group begun.

    Means are predicted from decoded latents alone, so that they come again with these.
    """
    count, first = model.groups[group - 1], 16 * model.channels * (group - 1)
    writer.begin(f"pass{number}")
    for g in begun:
        writer.table(f"t{number}_{g}", f"y{g}")
    before = [f"h{number - 1}"] if number > 1 else []
    inputs = ["f", *before, *(f"t{number}_{g}" for g in begun)]
    channels = FEATURES + HIDDEN * len(before) + sum(model.groups[g - 1] for g in begun)
    weight = rng.integers(-9, 10, (9 * channels, HIDDEN))
    writer.conv(f"h{number}", inputs, weight, shift=5, limits=(0, 255), kernel=3)
    if _has_mean(number):
        seen = [f"t{number}_{g}" for g in begun]
        weight = rng.integers(-9, 10, (9 * sum(model.groups[g - 1] for g in begun), count))
        writer.conv(f"mean{number}", seen, weight, shift=4, limits=(-99, 99), kernel=3)
    magnitude = 100 / (1 + np.arange(64 * model.channels) // model.channels)[first:][:count]
    wanted = np.log(magnitude / STEPS[:, None] / SCALES[0]) / np.log(1.8)
    weight = rng.integers(-2, 3, (HIDDEN, count))
    bias = np.rint(1024 * wanted.clip(0, CLASSES - 1)) + 512
    limits = (0, CLASSES - 1)
    writer.conv(f"index{number}", [f"h{number}"], weight, shift=10, limits=limits, bias=bias)


def _has_mean(number: int) -> bool:
    return number % 3 != 1  # never the first, which has nothing to predict from


def _encoder(model: Small) -> tuple[dict[str, Any], Arrays]:
    rng = np.random.default_rng(model.seed + 1)
    writer = _Writer()
    writer.begin("analysis")
    writer.layer("xu", "unshuffle", "x", factor=STRIDE)
    inputs, basis = ["xu"], _basis(model.channels).T
    weight = 1024 * basis
    if model.pixel_fraction:
        writer.layer("xfu", "unshuffle", "x_fraction", factor=STRIDE)
        inputs.append("xfu")
        weight = np.concatenate([weight, (1024 >> model.pixel_fraction) * basis])
    writer.conv("y", inputs, weight, shift=9, limits=(-32767, 32767), bias=256)
    writer.begin("hyper_analysis")
    writer.table("a1", "y")
    weight = rng.integers(-9, 10, (sum(model.groups), HIDDEN))
    writer.conv("a2", ["a1"], weight, shift=4, limits=(0, 2047))
    writer.layer("a3", "unshuffle", "a2", factor=HYPER_STRIDE)
    weight = rng.integers(-9, 10, (HIDDEN * HYPER_STRIDE**2, HYPER))
    writer.conv("z", ["a3"], weight, shift=8, limits=(-20, 20))
    latents = sum(model.groups)
    arrays = writer.arrays | {
        "inverse_step": np.repeat(np.rint(2**20 / STEPS)[:, None], latents, 1).astype(np.int32),
    }
    description = {
        "kind": "encoder",
        "decoder_sha256": "0" * 64,
        "channels": model.channels,
        "pixel_fraction": model.pixel_fraction,
        "inverse_shift": 20,
        "price": model.price,
        "networks": writer.networks,
    }
    return description, arrays


def tables_of(scales: Sequence[float] | NDArray[np.floating[Any]]) -> SymbolTables:
    """Tables of Laplacians, three for each scale: plain, and under either quantiser."""
    counts, offsets = [], []
    for offset in (0, 0, 0.5):  # of a symbol's magnitude beyond that of its value, in steps
        for scale in scales:
            reach = min(300, 2 + int(8 * scale))
            sizes = np.abs(np.arange(-reach, reach + 1))
            density = np.exp(-np.maximum(sizes - offset, 0) / scale)
            counts.append(np.append(np.rint(1e6 * density), 50).astype(np.int64))
            offsets.append(-reach)
    return tables_from_counts(counts, offsets)


def network_names() -> list[str]:
    """Return the names of those weights of the release that are networks."""
    kinds = {name: load_decoder(resolve(name)).description["kind"] for name in catalogue()}
    return [name for name, kind in kinds.items() if kind == "decoder"]


def shipped(name: str) -> tuple[DecoderModel, EncoderModel]:
    """Load weights of the release."""
    info = resolve(name)
    encoder = EncoderModel.from_file(load_encoder(info), info.sha256)
    return DecoderModel.from_file(load_decoder(info)), encoder


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **models: Small | SmallContext) -> None:
    """Make small models available by name beside the shipped ones, ``-1`` behind each family."""
    shipped = Path(str(resources.files("numcodecs_neural.weights")))
    content = json.loads((shipped / "catalogue.json").read_text(encoding="utf-8"))
    shutil.copytree(shipped / "files", folder / "files")
    for family, model in models.items():
        name = f"{family}-1"
        (decoder, arrays), (encoder, encoder_arrays) = model.contents()
        path = folder / "files" / f"{name}.decoder.safetensors"
        sha256 = write_weights(path, decoder, arrays)
        path = folder / "files" / f"{name}.encoder.safetensors"
        encoder["decoder_sha256"] = sha256
        content["families"][family] = name
        content["weights"][name] = {
            "channels": model.channels,
            "dtypes": ["uint8", "uint16", "int16"] if model.pixel_fraction else ["uint8"],
            "encoder_sha256": write_weights(path, encoder, encoder_arrays),
            "sha256": sha256,
            "stride": model.stride,
        }
    (folder / "catalogue.json").write_text(json.dumps(content), encoding="utf-8")
    module = sys.modules[resolve.__module__]
    monkeypatch.setattr(module, "_folder", lambda: folder)
    monkeypatch.setattr(module, "_read", functools.cache(_read.__wrapped__))
    assert {resolve(family).name for family in models} <= set(catalogue())
