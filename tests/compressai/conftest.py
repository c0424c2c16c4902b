"""Tiny models with random weights, as checkpoints in a models folder of the test's own."""

import contextlib
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.compressai import CompressAIImage
from numcodecs_neural.compressai.library import Library, load_library
from numcodecs_neural.compressai.store import VARIABLE
from numcodecs_neural.errors import MissingDependencyError
from tests.annotations import Image

OPERATORS = Path(__file__).with_name("operators.py")

with contextlib.suppress(ImportError):  # without torch: what needs it skips by `library`
    KEPT = runpy.run_path(str(OPERATORS))["declare"]()


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the models folder, which is not there yet."""
    folder = tmp_path / "models"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="session")
def library() -> Library:
    """Return CompressAI, or skip with the reason that users would be told."""
    try:
        return load_library()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture
def make_net(library: Library) -> Callable[..., Any]:
    """Return a function that makes a model with random weights and lively latents."""
    import torch

    def make(arch: str, channels: tuple[int, int] = (12, 18), seed: int = 0) -> Any:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            model = library.models[arch]
            net = model(channels[0]) if arch.startswith("cheng") else model(*channels)
            latents = [m for m in net.g_a.children() if isinstance(m, torch.nn.Conv2d)][-1]
            spread = net.g_a(torch.rand(1, 3, 64, 64)).std()
            latents.weight *= 6 / spread
            convs = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
            pixels: Any = [m for m in net.g_s.modules() if isinstance(m, convs)][-1]
            pixels.bias += 0.5
            if arch != "bmshj2018-factorized":
                parameters = getattr(net, "entropy_parameters", net.h_s)
                scales: Any = [m for m in parameters.modules() if isinstance(m, convs)][-1]
                scales.bias.uniform_(0.2, 4)
        return net.eval()

    return make


@pytest.fixture
def make_checkpoint(make_net: Callable[..., Any], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves such a model as CompressAI's training does."""
    import torch

    def make(arch: str = "bmshj2018-factorized", **options: Any) -> Path:
        path = tmp_path / f"{arch}-{options.get('seed', 0)}.pth.tar"
        torch.save({"epoch": 3, "state_dict": make_net(arch, **options).state_dict()}, path)
        return path

    return make


@pytest.fixture
def make_codec(make_checkpoint: Callable[..., Path]) -> Callable[..., CompressAIImage]:
    """Return a function that makes the codec of such a model."""

    def make(arch: str = "bmshj2018-factorized", **options: Any) -> CompressAIImage:
        return CompressAIImage(arch, make_checkpoint(arch), **options)

    return make


@pytest.fixture(scope="session")
def crop(tissue: Image) -> Image:
    """Return 3 x 100 x 140 pixels: no multiple of 64."""
    return np.ascontiguousarray(tissue[:, 100:200, 50:190])
