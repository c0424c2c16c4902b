"""The tissue mask, on slides of which we know what is tissue."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.converters.sources.demo import DemoSource
from numcodecs_neural.converters.tissue import (
    Overview,
    find_tissue,
    glass_colour,
    is_bright_field,
    read_overview,
)


def overview(pixels: NDArray[np.uint8]) -> Overview:
    return Overview(pixels, (8 * pixels.shape[0], 8 * pixels.shape[1]))


def glass(rng: np.random.Generator, height: int = 300, width: int = 300) -> NDArray[np.uint8]:
    noise = rng.integers(-2, 3, (height, width, 1))
    return (np.array([225, 212, 226]) + noise).astype(np.uint8)


def stained(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.moveaxis(tissue, 0, -1)


def test_tissue_is_found_and_glass_is_not(
    rng: np.random.Generator, tissue: NDArray[np.uint8]
) -> None:
    pixels = glass(rng)
    pixels[100:200, 80:220] = stained(tissue)[:100, :140]

    mask = find_tissue(overview(pixels))

    assert mask[100:200, 80:220].mean() > 0.98
    mask[95:205, 75:225] = False
    assert not mask.any()


def test_clean_glass_has_no_tissue(rng: np.random.Generator) -> None:
    assert not find_tissue(overview(glass(rng))).any()


def test_uneven_light_is_not_tissue(rng: np.random.Generator) -> None:
    shade = np.linspace(0, 18, 300).astype(np.uint8)
    pixels = glass(rng) - shade[:, None, None]

    assert not find_tissue(overview(pixels)).any()


def test_dust_is_not_tissue(rng: np.random.Generator) -> None:
    pixels = glass(rng)
    pixels[50:52, 60:62] = 40
    pixels[200, 100:102] = 90

    assert not find_tissue(overview(pixels)).any()


def test_a_slide_without_glass_is_all_tissue(tissue: NDArray[np.uint8]) -> None:
    pixels = np.minimum(stained(tissue), 150)

    assert find_tissue(overview(pixels)).all()


def test_faint_tissue_is_found_by_its_texture(rng: np.random.Generator) -> None:
    pixels = glass(rng)
    pixels[100:200, 100:200] -= rng.integers(0, 30, (100, 100, 1), np.uint8)

    assert find_tissue(overview(pixels))[105:195, 105:195].mean() > 0.98


def test_fluorescence_is_not_bright_field(rng: np.random.Generator) -> None:
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[50:90, 50:90, 2] = 220

    assert not is_bright_field(overview(pixels))
    assert is_bright_field(overview(glass(rng)))


def test_the_colour_of_glass_is_its_most_frequent_one(
    rng: np.random.Generator, tissue: NDArray[np.uint8]
) -> None:
    pixels = glass(rng)
    pixels[:100, :200] = stained(tissue)[:100, :200]

    assert np.abs(np.subtract(glass_colour(overview(pixels)), (225, 212, 226))).max() <= 2


def test_an_overview_without_small_levels_is_read_in_bands(
    source_of: Callable[..., Any], slide: NDArray[np.uint8]
) -> None:
    single = source_of(slide)
    object.__setattr__(single.info, "level_shapes", (slide.shape[:2],))

    seen = read_overview(single)

    assert seen.pixels.shape == (188, 163, 3)
    blocks = slide[:1496, :1296].reshape(187, 8, 162, 8, 3).mean((1, 3))
    assert np.abs(seen.pixels[:187, :162] - blocks).max() <= 1.5
    assert seen.downsample == 1501 / 188


def test_the_demo_slide_is_the_same_each_time_and_has_tissue_on_glass() -> None:
    demo = DemoSource()

    mask = find_tissue(read_overview(demo))

    assert (DemoSource()._pixels == demo._pixels).all()
    assert 0.1 < mask.mean() < 0.3
