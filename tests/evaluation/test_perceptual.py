"""MS-SSIM against its paper's formula, and LPIPS with stand-ins: its weights are never shipped."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.evaluation import perceptual
from numcodecs_neural.evaluation.measures import LPIPS, MS_SSIM, PSNR, SSIM, measures_by_name
from tests.annotations import Image

torch = pytest.importorskip("torch", reason="MS-SSIM and LPIPS need torch")


@pytest.fixture
def image(tissue: Image) -> Image:
    """Return 192 x 192 pixels of tissue (H, W, C)."""
    return np.ascontiguousarray(tissue[:, 100:292, 100:292].transpose(1, 2, 0))


def noisy(image: Image, step: int) -> Image:
    noise = np.random.default_rng(1).integers(-step, step + 1, image.shape)
    changed: Image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return changed


def test_ms_ssim_of_equal_images_is_one(image: Image) -> None:
    assert perceptual.ms_ssim(image, image) == pytest.approx(1)


def test_ms_ssim_falls_with_noise(image: Image) -> None:
    values = [perceptual.ms_ssim(image, noisy(image, step)) for step in (2, 5, 10, 20, 40)]

    assert values == sorted(values, reverse=True)
    assert 0.5 < values[-1] < values[0] < 1


def test_ms_ssim_is_that_of_its_paper(image: Image) -> None:
    decoded = noisy(image, 20)

    found = perceptual.ms_ssim(image, decoded)

    assert found == pytest.approx(_plain_ms_ssim(image, decoded), abs=1e-6)


def test_ms_ssim_of_16_bits_is_that_of_8_at_the_same_scale(image: Image) -> None:
    decoded = noisy(image, 10)
    wide, wide_decoded = (pixels.astype(np.uint16) * 200 for pixels in (image, decoded))

    found = perceptual.ms_ssim(wide, wide_decoded, data_range=255 * 200)

    assert found == pytest.approx(perceptual.ms_ssim(image, decoded))


@pytest.mark.parametrize(("side", "has_value"), [(160, False), (161, True)])
def test_ms_ssim_needs_room_for_five_scales(side: int, image: Image, *, has_value: bool) -> None:
    crop = image[:side]

    assert np.isfinite(perceptual.ms_ssim(crop, crop)) == has_value


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [
        pytest.param(PSNR, 37.5, 37.5, id="psnr"),
        pytest.param(SSIM, 0.99, 20.0, id="ssim"),
        pytest.param(MS_SSIM, 0.999, 30.0, id="ms-ssim"),
        pytest.param(LPIPS, 0.01, 20.0, id="lpips"),
        pytest.param(SSIM, 1.0, float("inf"), id="equal"),
        pytest.param(LPIPS, 0.0, float("inf"), id="no distance"),
    ],
)
def test_measures_are_compared_in_decibels(measure: Any, value: float, expected: float) -> None:
    assert measure.to_db(value) == pytest.approx(expected)


def test_unknown_measures_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'vmaf'; known are psnr, ssim, ms-ssim, lpips"):
        measures_by_name(("ssim", "vmaf"))


class StandIn(torch.nn.Module):  # type: ignore[name-defined,misc]
    """Has the layout of LPIPS on AlexNet, and measures the mean absolute difference."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        # What would download them, or print, is not asked for.
        assert options == {"net": "alex", "pnet_rand": True, "verbose": False}
        self.net = torch.nn.Module()
        self.net.slice1 = torch.nn.Module()
        self.net.slice1.add_module("0", torch.nn.Conv2d(3, 2, 1))

    def forward(self, first: Any, second: Any) -> Any:
        assert self.net.slice1.get_submodule("0").weight.flatten().tolist() == [7.0] * 6
        return (first - second).abs().mean().reshape(1, 1, 1, 1)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder where AlexNet is looked for; lpips is the stand-in."""
    lpips = ModuleType("lpips")
    lpips.LPIPS = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lpips", lpips)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    perceptual._network.cache_clear()
    yield folder
    perceptual._network.cache_clear()


@pytest.fixture
def alexnet(hub: Path) -> Path:
    """Put a file where torchvision would have put AlexNet."""
    path = hub / perceptual.ALEXNET
    weights = {"features.0.weight": torch.full((2, 3, 1, 1), 7.0), "features.0.bias": torch.ones(2)}
    torch.save(weights | {"classifier.1.weight": torch.ones(3)}, path)
    return path


@pytest.mark.usefixtures("alexnet")
def test_lpips_is_given_pixels_from_minus_one_to_one(image: Image) -> None:
    black, white = np.zeros_like(image), np.full_like(image, 255)

    assert perceptual.why_no_lpips() is None
    assert perceptual.lpips_distance(black, white) == pytest.approx(2)
    assert perceptual.lpips_distance(image, image) == 0


@pytest.mark.usefixtures("alexnet")
@pytest.mark.parametrize(
    ("view", "data_range"),
    [
        pytest.param(np.s_[:, :, :1], 255, id="grey"),
        pytest.param(np.s_[:, :, :], 4000, id="another range"),
        pytest.param(np.s_[:48], 255, id="small"),
    ],
)
def test_lpips_has_no_value_for_other_images(view: Any, data_range: float, image: Image) -> None:
    assert np.isnan(perceptual.lpips_distance(image[view], image[view], data_range))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "nothing is downloaded: put torchvision's alexnet-owt", id="absent"),
        pytest.param(b"damaged", "does not hold the weights of AlexNet", id="damaged"),
    ],
)
def test_lpips_says_what_is_missing(content: bytes | None, says: str, hub: Path) -> None:
    if content is not None:
        (hub / perceptual.ALEXNET).write_bytes(content)

    assert says in (perceptual.why_no_lpips() or "")


@pytest.mark.usefixtures("alexnet")
@pytest.mark.parametrize(
    ("failure", "says"),
    [
        pytest.param(ImportError("no torchvision"), "is not installed", id="absent"),
        pytest.param(
            RuntimeError("operator torchvision::nms does not exist\nmore"),
            "does not work with this torch: operator torchvision::nms does not exist",
            id="another torch",
        ),
    ],
)
def test_lpips_without_a_torchvision_that_works_says_so(
    failure: Exception, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = __import__

    def fail(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "lpips":
            raise failure
        return real(name, *arguments, **options)

    monkeypatch.setattr("builtins.__import__", fail)

    found = perceptual.why_no_lpips() or ""

    assert says in found
    assert "\n" not in found


def _plain_ms_ssim(image: Image, decoded: Image) -> float:
    """MS-SSIM as its paper writes it down, by scipy; the mean over channels at the end."""
    from scipy.ndimage import correlate1d

    taps = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        smooth: NDArray[np.float64] = correlate1d(correlate1d(values, taps, 0), taps, 1)
        return smooth[5:-5, 5:-5]

    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    x, y = image.astype(np.float64), decoded.astype(np.float64)
    total = np.ones(3)
    for scale, weight in enumerate(weights):
        mean_x, mean_y = mean(x), mean(y)
        var_x, var_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
        structure = (2 * (mean(x * y) - mean_x * mean_y) + c2) / (var_x + var_y + c2)
        if scale == len(weights) - 1:
            structure *= (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        total *= np.maximum(structure.mean((0, 1)), 0) ** weight
        # All sides of this image halve exactly.
        x, y = ((v[::2, ::2] + v[1::2, ::2] + v[::2, 1::2] + v[1::2, 1::2]) / 4 for v in (x, y))
    return float(total.mean())
