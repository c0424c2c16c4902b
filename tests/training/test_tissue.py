"""Slides painted with known masks, and the network of integers that learns from them."""

import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import torch

from numcodecs_neural.converters.tissue.network import TissueNetwork
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training.tissue.fit import Fit, fit
from numcodecs_neural.training.tissue.library import Library, load_library, synthetic_library
from numcodecs_neural.training.tissue.network import GLASS_LEVEL, TissueNet, integers_of
from numcodecs_neural.training.tissue.slides import KINDS, paint_slide

SHAPE = (160, 192)


@pytest.fixture(scope="module")
def library() -> Library:
    return synthetic_library(np.random.default_rng(1), number=3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_slide_is_painted_from_its_seed(kind: str, library: Library) -> None:
    first, again = (paint_slide(np.random.default_rng(5), library, SHAPE, [kind]) for _ in range(2))
    plain, _ = paint_slide(np.random.default_rng(5), library, SHAPE)

    assert first[0].shape == (*SHAPE, 3)
    assert first[1].shape == SHAPE
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert kind == "plain" or (first[0] != plain).any()


def test_tissue_is_darker_than_the_glass_around_it(library: Library) -> None:
    darker = []
    for seed in range(8):
        pixels, mask = paint_slide(np.random.default_rng(seed), library, SHAPE)
        if mask.any() and not mask.all():
            darker.append(pixels[~mask].mean() - pixels[mask].mean())

    assert len(darker) >= 4
    assert min(darker) > 5


def test_a_folder_without_tissue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no picture there is tissue all over"):
        load_library([tmp_path])


def test_the_integers_are_what_the_rounded_network_computes() -> None:
    torch.manual_seed(3)
    net = TissueNet()
    net.is_rounded = True
    for layer in net.layers.values():
        torch.nn.init.normal_(layer.bias, 0, 0.3)  # type: ignore[arg-type]
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    glass = (230, 225, 235)

    evidence = TissueNetwork(integers_of(net)).evidence(pixels, glass)

    darkness = np.clip(np.array(glass) + GLASS_LEVEL - pixels.astype(int), 0, 255)
    with torch.inference_mode():
        logits = net(torch.from_numpy(darkness.transpose(2, 0, 1)[None].astype(np.float32)))
    assert (np.floor(logits[0, 0].numpy() * 16) == evidence).all()


def test_a_stopped_run_goes_on_from_its_checkpoint(library: Library, tmp_path: Path) -> None:
    lines: list[str] = []
    plan = Fit(library=library, scenes=[], work=tmp_path, minutes=0.02)
    first = fit(plan, lines.append)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]

    again = fit(plan, lines.append)

    assert state["step"] >= 1
    assert state["seconds"] >= 1.2
    # The time was over: nothing was learnt any more.
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"] == state
    for key, value in first.state_dict().items():
        assert (again.state_dict()[key] == value).all()


def test_the_examples_train_weights_and_measure_them(
    library: Library, root: Path, tmp_path: Path
) -> None:
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    for number, light in enumerate(library.tissue):
        tile = (255 * light).astype(np.uint8).repeat(4, 0).repeat(4, 1)
        imagecodecs.imwrite(tiles / f"{number}.png", tile)
    weights = tmp_path / "weights.safetensors"

    def run(name: str, *arguments: object) -> str:
        command = [sys.executable, root / "examples" / name, *arguments]
        done = subprocess.run(
            [str(part) for part in command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    scene = tiles / "0.png"
    trained = run(
        "train_tissue.py", weights, "--tissue", tiles, "--scenes", scene, "--minutes", 0.01
    )
    measured = run(
        *("measure_tissue.py", tiles, "--slides", 1, "--kinds", "pen", "--weights", weights)
    )

    assert trained.startswith(f"{weights}: ")
    assert measured.startswith("| pen | ")
    assert measured.count("|") == 8
