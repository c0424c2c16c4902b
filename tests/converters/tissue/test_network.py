"""The network detector: integers that are exact, and masks that are better than the threshold's."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from numcodecs_neural.converters.tissue import find_tissue
from numcodecs_neural.converters.tissue.network import LAYERS, WEIGHTS, TissueNetwork
from numcodecs_neural.errors import WeightsError
from tests.annotations import Rng

from .tissue_slides import Figures, held_back_library, measured, overview

GLASS = (240, 236, 241)
Arrays = dict[str, NDArray[np.generic]]


def random_arrays(rng: Rng) -> Arrays:
    """Return weights that make every layer use the whole range of its activations."""
    arrays: Arrays = {}
    for name, (kernel, inputs, outputs) in LAYERS.items():
        shape = (kernel, kernel, inputs, outputs)
        arrays[f"{name}.weight"] = rng.integers(-20, 21, shape, np.int8)
        arrays[f"{name}.bias"] = rng.integers(-(2**14), 2**14, outputs, np.int32)
        arrays[f"{name}.shift"] = rng.integers(6, 9, outputs, np.int32)
    return arrays


def exact_layer(arrays: Arrays, name: str, x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a layer's sums in 64-bit integers, product by product."""
    weight = arrays[f"{name}.weight"].astype(np.int64)
    reach = weight.shape[0] // 2
    padded = np.pad(x, [(reach, reach), (reach, reach), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[:2], axis=(0, 1))
    total: NDArray[np.int64] = np.einsum("yxcij,ijco->yxo", windows, weight)
    return total + arrays[f"{name}.bias"].astype(np.int64)


def test_layers_are_exact_to_the_last_bit(rng: Rng) -> None:
    arrays = random_arrays(rng)
    network = TissueNetwork(arrays)

    for name, (_, inputs, _) in LAYERS.items():
        x = rng.integers(0, 256, (9, 13, inputs), np.uint8)
        wanted = exact_layer(arrays, name, x.astype(np.int64))
        assert (network._sum(name, x) == wanted).all()

        shift = arrays[f"{name}.shift"].astype(np.int64)
        rounded = (wanted + (1 << shift) // 2) >> shift
        assert (network._active(name, x) == rounded.clip(0, 255)).all()


def test_bands_of_a_large_picture_meet_without_a_seam(
    rng: Rng, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numcodecs_neural.converters.tissue import network as module

    network = TissueNetwork(random_arrays(rng))
    pixels = rng.integers(0, 256, (96, 64, 3), np.uint8)
    whole = network.evidence(pixels, GLASS)
    monkeypatch.setattr(module, "_BAND_VALUES", 1)

    assert (network.evidence(pixels, GLASS) == whole).all()


@pytest.mark.parametrize("shape", [(1, 1), (33, 64), (31, 97)])
def test_pictures_may_have_any_size(shape: tuple[int, int], rng: Rng) -> None:
    pixels = rng.integers(0, 256, (*shape, 3), np.uint8)

    evidence = TissueNetwork(random_arrays(rng)).evidence(pixels, GLASS)

    assert evidence.shape == (-(-shape[0] // 2), -(-shape[1] // 2))
    assert find_tissue(overview(pixels), "network").shape == shape


def test_the_weights_and_their_card_are_in_the_wheel(root: Path) -> None:
    folder = root / "converters" / "tissue"
    project = tomllib.loads((root / "pyproject.toml").read_text())
    data = project["tool"]["setuptools"]["package-data"]["numcodecs_neural.converters.tissue"]

    files = {path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".py"}

    assert set(data) == files


def test_the_card_names_the_weights_that_ship() -> None:
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()

    assert digest in WEIGHTS.with_name("README.md").read_text()


def test_weights_whose_sums_would_be_rounded_are_refused(rng: Rng) -> None:
    arrays = random_arrays(rng)
    arrays["e5.weight"][...] = 127

    with pytest.raises(WeightsError, match=r"sums of e5 may reach \d+"):
        TissueNetwork(arrays)


@pytest.mark.parametrize("change", ["absent", "shape", "type", "shift"])
def test_other_weights_are_refused(change: str, rng: Rng) -> None:
    arrays = random_arrays(rng)
    if change == "absent":
        del arrays["d1.bias"]
    elif change == "shape":
        arrays["d1.bias"] = arrays["d1.bias"][:3]
    elif change == "type":
        arrays["d1.bias"] = arrays["d1.bias"].astype(np.float32)
    else:
        arrays["d1.shift"] = np.full(16, 60, np.int32)

    with pytest.raises(WeightsError, match="d1"):
        TissueNetwork(arrays)


def test_the_shipped_weights_are_small_and_give_the_same_numbers_everywhere() -> None:
    network = TissueNetwork(load_file(WEIGHTS))
    y, x, c = np.mgrid[:96, :128, :3]
    pixels = ((y * 7 + x * 13 + c * 50 + (y * x) % 61) % 256).astype(np.uint8)

    evidence = network.evidence(pixels, GLASS)

    assert WEIGHTS.stat().st_size < 400_000
    position = np.arange(evidence.size).reshape(evidence.shape) % 251
    assert (int(evidence.sum()), int((evidence * position).sum())) == FROZEN


# Sums over the network's evidence for one picture, as it was on the machine that trained it.
FROZEN = (260331, 32208407)


KINDS = ("plain", "faint", "tinted", "pen", "dust", "unscanned")


@cache
def figures_of(how: str, kind: str) -> Figures:
    return measured(how, kind, slides=5, library=held_back_library())


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_slides_held_back_are_right(kind: str) -> None:
    found = figures_of("network", kind)

    assert found.dice >= 0.9
    # Of the faintest tissue, nine grey levels darker than its glass, some is lost.
    assert found.recall_with_margin >= (0.985 if kind == "faint" else 0.998)


def test_masks_of_slides_held_back_are_right_on_average() -> None:
    found = {kind: figures_of("network", kind) for kind in KINDS}

    kept = [figures.recall_with_margin for kind, figures in found.items() if kind != "faint"]
    assert np.mean([figures.dice for figures in found.values()]) >= 0.95
    assert np.mean(kept) >= 0.999


@pytest.mark.parametrize("kind", ["pen", "faint"])
def test_the_network_is_better_than_the_threshold(kind: str) -> None:
    assert figures_of("network", kind).dice > figures_of("threshold", kind).dice
