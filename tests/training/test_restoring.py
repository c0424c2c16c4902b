"""What a linear synthesis did is undone, so that images lose nothing when they are coded again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels  # noqa: E402
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend  # noqa: E402
from numcodecs_neural.networks.dec_model import DecoderModel  # noqa: E402
from numcodecs_neural.networks.enc_latents import in_steps  # noqa: E402
from numcodecs_neural.networks.enc_model import EncoderModel  # noqa: E402
from numcodecs_neural.training.model import Shape  # noqa: E402
from numcodecs_neural.training.quantize import calibrate  # noqa: E402
from numcodecs_neural.training.restoring import add_restoring  # noqa: E402
from numcodecs_neural.weights.files import read_weights  # noqa: E402
from tests.training.test_export import (  # noqa: E402
    BRANCHES,
    LINEAR,
    export_both,
    fresh_codec,
)

BACKEND = NumpyBackend(CompiledKernels())
QUALITY = 80
GREY = replace(LINEAR, channels=1, pixel_fraction=4)


def exported(shape: Shape, folder: Path, leak: float = 0.0) -> tuple[DecoderModel, EncoderModel]:
    """Models whose analysis lets every latent leak into its neighbour."""
    codec = fresh_codec(shape)
    with torch.no_grad():
        weight = codec.g_a.linear.weight
        weight.add_(leak * weight.roll(1, 0))
        x = 128 + 50 * torch.randn(4, shape.channels, 64, 64)
        calibrate(codec, [(x.clamp(0, 255).floor(), torch.linspace(0, 1, 4))])
        decoder, encoder, digest = export_both(codec, folder)
    add_restoring(decoder, encoder)
    return (
        DecoderModel.from_file(read_weights(decoder)),
        EncoderModel.from_file(read_weights(encoder), digest),
    )


def errors(models: tuple[DecoderModel, EncoderModel], network: str, result: str) -> Any:
    """Sixteenths of a step between latents and what is found of them in their pixels."""
    decoder, encoder = models
    rng = np.random.default_rng(3)
    latents = rng.integers(-20, 21, (2, 3, 4, sum(decoder.groups)), np.int32) * 8
    d = {
        f"d{n}": BACKEND.dequantize(latents[..., s], decoder, s, QUALITY)
        for n, s in enumerate(decoder.group_slices, 1)
    }
    pixels = BACKEND.run_to_pixels(decoder.networks["synthesis"], d, QUALITY)
    assert 0 < pixels.min() < pixels.max() < (256 << decoder.pixel_fraction) - 1  # none is clipped
    pixels = pixels.transpose(0, 2, 3, 1)
    fraction = decoder.pixel_fraction
    given = {"x": (pixels >> fraction).astype(np.float32) - 128}
    if fraction:
        given["x_fraction"] = (pixels & ((1 << fraction) - 1)).astype(np.float32)
    found = BACKEND.run(encoder.networks[network], given, QUALITY, (result,))[result]
    return in_steps(encoder, found, QUALITY, is_decoded=True) - latents


@pytest.mark.parametrize("shape", [pytest.param(LINEAR, id="RGB"), pytest.param(GREY, id="grey")])
def test_latents_are_found_again_but_for_the_rounding_of_pixels(
    shape: Shape, tmp_path: Path
) -> None:
    models = exported(shape, tmp_path, leak=0.1)

    restored, analysed = errors(models, "restoring", "restored"), errors(models, "analysis", "y")

    assert np.abs(restored).max() <= 4  # the nearest value of the trellis is the right one
    assert (restored.astype(float) ** 2).mean() < 0.1 * (analysed.astype(float) ** 2).mean()


def test_a_synthesis_that_is_not_linear_is_left_alone(tmp_path: Path) -> None:
    _, encoder = exported(BRANCHES, tmp_path)

    assert set(encoder.networks) == {"analysis", "hyper_analysis"}
