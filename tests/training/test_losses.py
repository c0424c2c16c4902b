"""What is traded against the rate."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from torch import Tensor  # noqa: E402

from numcodecs_neural.errors import ConfigError, WeightsError  # noqa: E402
from numcodecs_neural.training.features import (  # noqa: E402
    FeatureNetwork,
    load_features,
    save_features,
)
from numcodecs_neural.training.losses import (  # noqa: E402
    MS_SSIM_WEIGHT,
    Distortion,
    ms_ssim,
)
from numcodecs_neural.training.sources import load_images  # noqa: E402


def with_noise(folder: Path, noise: float) -> tuple[Tensor, Tensor]:
    """Return three images (3, 3, 192, 192), and the same with noise."""
    images = [im for planes in load_images(folder).sets.values() for im in planes][:3]
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    x = torch.nn.functional.interpolate(x, size=192, mode="bilinear")
    generator = torch.Generator().manual_seed(0)
    return x, x + noise * torch.randn(x.shape, generator=generator)


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    torch.manual_seed(0)
    network = FeatureNetwork((4, 6, 8, 10))
    return network.eval().requires_grad_(requires_grad=False)


def test_ms_ssim_is_that_of_pytorch_msssim(folder: Path) -> None:
    reference = pytest.importorskip("pytorch_msssim", reason="pytorch-msssim is not installed")
    x, y = with_noise(folder, 8)

    ours = ms_ssim(x, y)

    theirs = reference.ms_ssim(x, y, data_range=255, size_average=False)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    assert (ours < 0.995).all()
    np.testing.assert_allclose(ms_ssim(x, x), 1, atol=1e-6)


def test_ms_ssim_has_finite_gradients_where_nothing_is_alike() -> None:
    x = torch.full((1, 1, 176, 176), 128.0)
    x[..., ::2] = 255
    y = (255 - x).requires_grad_()

    ms_ssim(x, y).sum().backward()  # type: ignore[no-untyped-call]

    assert y.grad is not None
    assert torch.isfinite(y.grad).all()


def test_distortions_are_on_one_scale(folder: Path, network: FeatureNetwork) -> None:
    x, y = with_noise(folder, 5)
    network.settle(x, y)

    terms = Distortion("mse+features", network).terms(x, y, progress=1.0)
    (structural,) = Distortion("ms-ssim").terms(x, y, progress=1.0).values()

    assert terms["mse"].mean().item() == pytest.approx(25, rel=0.02)
    assert terms["features"].mean().item() == pytest.approx(0.7 * 25, rel=0.02)
    np.testing.assert_allclose(structural, MS_SSIM_WEIGHT * (1 - ms_ssim(x, y)), rtol=1e-6)


def test_features_weigh_half_at_first_and_more_later(folder: Path, network: FeatureNetwork) -> None:
    x, y = with_noise(folder, 5)
    distortion = Distortion("ms-ssim+features", network)

    first, last = (distortion.terms(x, y, at)["features"].sum() for at in (0.59, 0.6))

    assert (last / first).item() == pytest.approx(0.7 / 0.5)


def test_the_feature_term_pulls_towards_the_image(folder: Path, network: FeatureNetwork) -> None:
    x, y = with_noise(folder, 20)
    y.requires_grad_()

    network.distance(x, y).sum().backward()  # type: ignore[no-untyped-call]

    assert y.grad is not None
    assert torch.nn.functional.cosine_similarity(y.grad.flatten(), (y - x).flatten(), dim=0) > 0.05
    assert all(p.grad is None for p in network.parameters())


def test_channels_are_weighed_by_their_spread(folder: Path, network: FeatureNetwork) -> None:
    x, y = with_noise(folder, 5)
    network.settle(x, y)
    features = network(x)

    for depth in range(4):
        normalised = features[depth] / network.spread(depth)[:, None, None]
        alive = features[depth].std((0, 2, 3)) > 1e-3
        assert alive.any()
        np.testing.assert_allclose(normalised.std((0, 2, 3))[alive], 1, rtol=1e-3)


def test_a_feature_network_is_read_as_it_was_written(
    network: FeatureNetwork, folder: Path, tmp_path: Path
) -> None:
    x, y = with_noise(folder, 5)
    digest = save_features(network, tmp_path / "f.safetensors", {"steps": 3})

    again, found = load_features(tmp_path / "f.safetensors")

    assert found == digest
    assert torch.equal(again.distance(x, y), network.distance(x, y))
    assert save_features(again, tmp_path / "g.safetensors", {"steps": 3}) == digest


@pytest.mark.parametrize("content", [b"", b"some text", b"\x08" + bytes(7) + b"{}      "])
def test_other_files_are_no_feature_network(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.safetensors").write_bytes(content)

    with pytest.raises(WeightsError, match="is no feature network of numcodecs-neural, or damaged"):
        load_features(tmp_path / "f.safetensors")


def test_unknown_distortions_and_missing_networks_are_refused(network: FeatureNetwork) -> None:
    with pytest.raises(ConfigError, match="'psnr' is unknown: take mse, ms-ssim, mse"):
        Distortion("psnr")
    with pytest.raises(ConfigError, match="needs a feature network"):
        Distortion("mse+features")
    with pytest.raises(ConfigError, match="no use for a feature network"):
        Distortion("mse", network)
