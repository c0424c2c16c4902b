"""The integers that ship compute what the trained codec computes, tensor by tensor."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training needs torch")

from torch import Tensor  # noqa: E402

from numcodecs_neural.coding.walk import Walk  # noqa: E402
from numcodecs_neural.networks.backends.numba_kernels import CompiledKernels  # noqa: E402
from numcodecs_neural.networks.backends.numpy_backend import NumpyBackend  # noqa: E402
from numcodecs_neural.networks.dec_model import DecoderModel  # noqa: E402
from numcodecs_neural.networks.enc_model import EncoderModel  # noqa: E402
from numcodecs_neural.training.export import export_decoder, export_encoder  # noqa: E402
from numcodecs_neural.training.model import Codec, Pass, Shape, blend_of  # noqa: E402
from numcodecs_neural.training.quantize import calibrate  # noqa: E402
from numcodecs_neural.training.tables import logistic_tables  # noqa: E402
from numcodecs_neural.weights.files import read_weights  # noqa: E402

BACKEND = NumpyBackend(CompiledKernels())
QUALITY = 50  # halfway between two anchors
FRACTION = 16  # of a step: latents and means
LINEAR = Shape(
    groups=(6, 8, 10),
    passes=(Pass(1, "even", 8), Pass(1, "odd", 6), Pass(2, "all", 8), Pass(3, "all", 4)),
    hyper=4,
    features=8,
)
BRANCHES = replace(
    LINEAR,
    passes=(Pass(1, "even", 8), Pass(2, "all", 6, 2), Pass(1, "odd", 8), Pass(3, "all", 4, 3)),
    analysis=(8, 8),
    synthesis=(8, 8),
    blocks=2,
    context=10,
)
SHAPES = [
    pytest.param(LINEAR, id="linear"),
    pytest.param(BRANCHES, id="branches"),
    pytest.param(replace(LINEAR, channels=1, pixel_fraction=4), id="grey"),
]
Floats = NDArray[np.float32]


def fresh_codec(shape: Shape) -> Codec:
    """Return a codec whose analysis and synthesis are turned by a random basis."""
    torch.manual_seed(0)
    codec = Codec(shape)
    count = shape.channels * shape.stride**2
    basis, _ = torch.linalg.qr(torch.randn(count, count))
    codec.start_from_principal_components(basis[: shape.latents], torch.zeros(count))
    return codec


def export_both(codec: Codec, folder: Path) -> tuple[Path, Path, str]:
    """Return the files of decoder and encoder, and the digest of the former."""
    decoder, encoder = folder / "decoder.safetensors", folder / "encoder.safetensors"
    digest = export_decoder(codec.eval(), logistic_tables(), 0, decoder)
    export_encoder(codec, 15, digest, encoder)
    return decoder, encoder, digest


class Exported:
    """A calibrated codec, and the models read back from its files."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        self.codec = codec = fresh_codec(shape)
        with torch.no_grad():
            for layer in (*codec.entropy.mean, *codec.entropy.index):
                layer.weight.mul_(5)  # undo the caution at the beginning: all shall matter
        x = 128 + 50 * torch.randn(4, shape.channels, 64, 64)
        self.x = torch.floor(x.clamp(0, 255.9) * 2**shape.pixel_fraction) / 2**shape.pixel_fraction
        calibrate(codec, [(self.x, torch.linspace(0, 1, 4))])
        decoder, encoder, digest = export_both(codec, folder)
        self.decoder = DecoderModel.from_file(read_weights(decoder))
        self.encoder = EncoderModel.from_file(read_weights(encoder), digest)
        self.blend = blend_of(torch.full((4,), QUALITY / 100))

    def run(self, network: Any, tensors: dict[str, Floats], quality: int = QUALITY) -> Any:
        names = [layer.name for layer in network.layers]
        return BACKEND.run(network, tensors, quality, names)


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(params=SHAPES)
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Exported:
    return Exported(request.param, tmp_path)


def last(x: Tensor) -> Floats:
    """(N, C, h, w) as (N, h, w, C)."""
    moved: Floats = np.ascontiguousarray(x.detach().permute(0, 2, 3, 1).float().numpy())
    return moved


def draw(exported: Exported, seed: int = 1) -> Tensor:
    """Latents in sixteenths of a step, smaller where there are more of them: (4, M, 5, 6)."""
    rng = np.random.default_rng(seed)
    size = 12 / (1 + np.arange(exported.codec.shape.latents) / 4)
    whole = np.rint(FRACTION * rng.laplace(0, size[:, None, None], (4, len(size), 5, 6)))
    latents: Tensor = torch.from_numpy(whole.astype(np.float32)) / FRACTION
    return latents


def test_analysis(exported: Exported) -> None:
    codec, fraction = exported.codec, exported.codec.shape.pixel_fraction
    pixels = last(exported.x)
    given = {"x": np.floor(pixels) - 128}
    if fraction:
        given["x_fraction"] = (pixels - np.floor(pixels)) * 2**fraction

    found = exported.run(exported.encoder.networks["analysis"], given)["y"] / 4

    expected = last(codec.g_a(exported.x - 128, exported.blend))
    assert np.abs(found - expected).max() <= (0.5 if fraction else 0.3)  # units are quarters
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9999


def test_hyper_analysis(exported: Exported) -> None:
    y = draw(exported)

    found = exported.run(
        exported.encoder.networks["hyper_analysis"],
        {"y": last(FRACTION * torch.nn.functional.pad(y, (0, 2, 0, 3), mode="replicate"))},
    )["z"]

    expected = last(torch.floor(exported.codec.h_a(y, exported.blend) + 0.5))
    assert np.abs(found - expected).max() <= 1
    assert (found == expected).mean() > 0.98
    assert np.abs(found).max() > 1


def test_means_and_classes_of_every_pass(exported: Exported) -> None:
    codec, decoder = exported.codec, exported.decoder
    rng = np.random.default_rng(2)
    z = torch.from_numpy(rng.integers(-6, 7, (4, codec.shape.hyper, 2, 2)).astype(np.float32))
    y_hat, means, indexes = (last(v) for v in codec.entropy(draw(exported), z, exported.blend))
    walk = Walk(decoder, BACKEND, QUALITY, (5, 6), np.ones(4, bool))
    walk.begin(last(z).astype(np.int32))

    for step in decoder.passes:
        classes = walk.indexes(step)
        mean = walk.mean()

        group = decoder.group_slices[step.group - 1]
        wanted = BACKEND.take(means[..., group], step.phase) * FRACTION
        assert np.abs(mean - wanted).max() <= 1
        assert np.mean(mean == wanted) > 0.98
        assert np.any(wanted) == step.has_mean
        wanted = np.floor(BACKEND.take(indexes[..., group], step.phase) + 0.5)
        assert np.abs(classes - wanted).max() <= 1
        assert np.mean(classes == wanted) > 0.98
        assert len(np.unique(wanted)) > 2
        latents = np.rint(BACKEND.take(y_hat[..., group], step.phase) * FRACTION)
        walk.add_latents(step, latents.astype(np.int32))
    steps = torch.exp(exported.blend @ codec.log_step)[..., None, None]
    for number, group in enumerate(decoder.group_slices, 1):
        units = np.exp2(codec.latent_exponent.numpy()[group])
        expected = last(torch.from_numpy(y_hat).permute(0, 3, 1, 2) * steps)[..., group]
        found = walk.dequantized[f"d{number}"] / units
        limited = np.clip(expected, -2047 / units, 2047 / units)
        assert np.abs((found - limited) * units).max() <= 1


def test_synthesis(exported: Exported) -> None:
    codec, decoder = exported.codec, exported.decoder
    steps = torch.exp(exported.blend @ codec.log_step)[..., None, None]
    d = codec.dequantize(draw(exported) * steps)
    integers = last(d) * np.exp2(codec.latent_exponent.numpy())

    found = BACKEND.run_to_pixels(
        decoder.networks["synthesis"],
        {f"d{i}": integers[..., g] for i, g in enumerate(decoder.group_slices, 1)},
        QUALITY,
    )

    top = 256 * 2**decoder.pixel_fraction - 1
    expected = (codec.g_s(d, exported.blend) + 128).numpy() * 2**decoder.pixel_fraction
    limited = np.floor(expected + 0.5).clip(0, top)
    assert np.abs(found - limited).max() <= 1
    assert (found == limited).mean() > 0.98
    assert limited.std() > 10


def test_no_mean_depends_on_hyper_latents(exported: Exported) -> None:
    decoder, rng = exported.decoder, np.random.default_rng(3)
    latents = [
        rng.integers(-99, 99, (1, 30, g)).astype(np.int32) for g in exported.codec.shape.groups
    ]
    found: list[list[Any]] = []
    for scale in (0, 6):
        z = scale * rng.integers(-1, 2, (1, 2, 2, exported.codec.shape.hyper))
        walk = Walk(decoder, BACKEND, QUALITY, (5, 6), np.ones(1, bool))
        walk.begin(z.astype(np.int32))
        found.append([])
        for step in decoder.passes:
            indexes = walk.indexes(step)
            found[-1].append((walk.mean(), indexes))
            y = latents[step.group - 1].reshape(1, 5, 6, -1)
            walk.add_latents(step, BACKEND.take(y, step.phase))

    pairs = list(zip(*found, strict=True))
    for (mean, _), (other, _) in pairs:
        np.testing.assert_array_equal(mean, other)
    assert any((a != b).any() for (_, a), (_, b) in pairs)  # but classes do


def test_a_shrinking_analysis_is_undone_for_images_decoded_before() -> None:
    codec = fresh_codec(LINEAR)
    shrunk = copy.deepcopy(codec)
    shrunk.g_a.linear.weight[3] *= 0.8
    x = 128 + 300 * torch.randn(4, 3, 64, 64)

    for each in (codec, shrunk):
        calibrate(each, [(x, torch.linspace(0.5, 1, 4))])

    others = np.delete(np.arange(LINEAR.latents), 3)
    np.testing.assert_allclose(codec.analysis_gain, 1, atol=0.02)
    np.testing.assert_allclose(shrunk.analysis_gain[others], 1, atol=0.02)
    assert float(shrunk.analysis_gain[3]) == pytest.approx(0.8, abs=0.02)


def test_the_encoder_file_says_how_to_restore(exported: Exported) -> None:
    gain = exported.codec.analysis_gain.numpy()
    encoder = exported.encoder

    for quality, rest in ((0, 1), (30, 1), (50, 0.5), (70, 0), (100, 0)):  # of the shrinking
        np.testing.assert_allclose(
            encoder.restoring_step[quality] * gain**rest,
            encoder.inverse_step[quality],
            rtol=1e-4,
            atol=1,
        )
    assert encoder.price == 15
