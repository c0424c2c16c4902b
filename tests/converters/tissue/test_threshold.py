"""The threshold detector, on slides of which we know what is tissue."""

import numpy as np
import pytest

from numcodecs_neural.converters.tissue import find_tissue
from tests.annotations import Image, Rng

from .tissue_slides import glass, overview, stained

DETECTORS = pytest.mark.parametrize("how", ["threshold", "network"])


@pytest.fixture
def section(rng: Rng, tissue: Image) -> Image:
    """Return a slide with tissue in rows 100 to 200 and columns 80 to 220."""
    pixels = glass(rng)
    pixels[100:200, 80:220] = stained(tissue)[:100, :140]
    return pixels


def assert_finds_section(pixels: Image) -> None:
    mask = find_tissue(overview(pixels))
    assert mask[100:200, 80:220].mean() > 0.98
    mask[95:205, 75:225] = False
    assert not mask.any()


def test_tissue_is_found_and_glass_is_not(section: Image) -> None:
    assert_finds_section(section)


def test_a_lamp_out_of_centre_is_not_tissue(section: Image) -> None:
    y, x = np.mgrid[:300, :300] / 300

    shaded = section * (1 - 0.25 * (y * y + x * x) / 2)[..., None]

    assert_finds_section(shaded.astype(np.uint8))


@pytest.mark.parametrize("level", [0, 18, 255], ids=["black", "nearly black", "white"])
def test_unscanned_area_is_not_tissue(section: Image, level: int) -> None:
    section[:60] = section[:, 260:] = level

    assert_finds_section(section)


@pytest.mark.parametrize(
    "ink",
    [
        pytest.param((40, 150, 110), id="green"),
        pytest.param((30, 70, 160), id="blue"),
        pytest.param((20, 18, 22), id="black"),
    ],
)
def test_ink_on_glass_is_not_tissue(section: Image, ink: tuple[int, int, int]) -> None:
    section[20:40, 30:270] = ink

    assert_finds_section(section)


def test_ink_on_tissue_hides_none(section: Image) -> None:
    section[140:150, 80:220] = section[140:150, 80:220] * (0.3, 0.7, 0.6)

    assert_finds_section(section)


@DETECTORS
def test_clean_glass_has_no_tissue(how: str, rng: Rng) -> None:
    assert not find_tissue(overview(glass(rng)), how).any()


def test_dust_is_not_tissue(rng: Rng) -> None:
    pixels = glass(rng)
    pixels[50:52, 60:62] = 40
    pixels[200, 100:102] = 90

    assert not find_tissue(overview(pixels)).any()


@DETECTORS
def test_a_slide_without_glass_is_all_tissue(how: str, tissue: Image) -> None:
    pixels = np.minimum(stained(tissue), 150)

    assert find_tissue(overview(pixels), how).all()


def test_faint_tissue_is_found_by_its_texture(rng: Rng) -> None:
    pixels = glass(rng)
    pixels[100:200, 100:200] -= rng.integers(0, 30, (100, 100, 1), np.uint8)

    assert find_tissue(overview(pixels))[105:195, 105:195].mean() > 0.98


def test_faint_tissue_is_found_by_its_colour(rng: Rng) -> None:
    pixels = glass(rng)
    pixels[60:260, 60:260] -= np.array([3, 32, 10], np.uint8)

    assert find_tissue(overview(pixels))[65:255, 65:255].all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 5), (33, 64)])
def test_small_pictures_have_masks_of_their_shape(shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 240, np.uint8)

    mask = find_tissue(overview(pixels))

    assert mask.shape == shape
    assert not mask.any()
