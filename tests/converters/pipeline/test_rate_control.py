from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from zarr.storage import MemoryStore

from numcodecs_neural.converters.codecs import ChunkKind, codec_for, family_of
from numcodecs_neural.converters.geometry.levels import LevelGrid, plan_levels
from numcodecs_neural.converters.measure.sampling import data_range_of, own_range_of, sample_chunks
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.rate_control import (
    Trial,
    quality_for_psnr,
    quality_that_fits,
    setting_for_ssim,
)
from numcodecs_neural.converters.tissue.glass_plan import GlassPlan, plan_glass
from numcodecs_neural.errors import ConfigError
from tests.annotations import Image
from tests.converters.conftest import slide_info

CHUNK_PX = 64


def options(**changes: Any) -> ConvertOptions:
    return ConvertOptions(chunk_px=CHUNK_PX, **changes)


def grid_of(source: Any) -> LevelGrid:
    (grid,) = plan_levels(source.info.shape, levels=1, chunk_px=CHUNK_PX, region_px=2048)
    return grid


def glass_of(source: Any, tissue: NDArray[np.bool_] | None, **changes: Any) -> GlassPlan:
    plain: dict[str, Any] = {"treatment": "elide", "colour": (240, 240, 240), "margin_px": 0.0}
    return plan_glass(tissue, (grid_of(source),), **(plain | changes))


@pytest.fixture
def source(tissue: Image, source_of: Callable[..., Any]) -> Any:
    """Return a slide of 130 x 200 pixels, whose left half is tissue."""
    pixels = np.moveaxis(tissue, 0, -1)[:130, :200].copy()
    pixels[:, 100:] = 240
    return source_of(pixels)


@pytest.fixture
def half(source: Any) -> NDArray[np.bool_]:
    mask = np.zeros(source.info.shape, bool)
    mask[:, :100] = True
    return mask


@pytest.fixture
def glass(source: Any, half: NDArray[np.bool_]) -> GlassPlan:
    return glass_of(source, half)


def test_samples_are_the_chunks_with_tissue(source: Any, glass: GlassPlan) -> None:
    samples = sample_chunks(source, grid_of(source), glass)

    shapes = sorted(sample.pixels.shape for sample in samples)
    assert shapes == [(3, 2, 64), (3, 2, 64), *[(3, 64, 64)] * 4]
    assert sum(int(sample.tissue.sum()) for sample in samples) == 130 * 100


def test_samples_of_flattened_glass_are_painted(source: Any, half: NDArray[np.bool_]) -> None:
    glass = glass_of(source, half, treatment="flatten", colour=(9, 8, 7))

    for sample in sample_chunks(source, grid_of(source), glass):
        assert np.all(sample.pixels[:, ~sample.tissue] == [[9], [8], [7]])
        assert not np.all(sample.pixels[:, sample.tissue] == [[9], [8], [7]])


def test_slide_without_tissue_is_sampled_all_the_same(source: Any) -> None:
    glass = glass_of(source, np.zeros(source.info.shape, bool), treatment="keep")

    assert len(sample_chunks(source, grid_of(source), glass)) == 12


def test_number_of_samples_is_bounded(tissue: Image, source_of: Callable[..., Any]) -> None:
    large = source_of(np.tile(np.moveaxis(tissue, 0, -1), (4, 4, 1))[:1600, :1600])

    assert len(sample_chunks(large, grid_of(large), glass_of(large, None))) == 256


def test_edge_is_padded_with_the_fill_value(source: Any, glass: GlassPlan) -> None:
    (edge, *_) = (
        s for s in sample_chunks(source, grid_of(source), glass) if s.pixels.shape[1] == 2
    )

    padded = edge.padded(CHUNK_PX, 255)

    assert padded.shape == (3, CHUNK_PX, CHUNK_PX)
    assert np.array_equal(padded[:, :2], edge.pixels)
    assert np.all(padded[:, 2:] == 255)


def test_data_range_is_that_of_8_bits_or_of_the_samples(source: Any, glass: GlassPlan) -> None:
    samples = sample_chunks(source, grid_of(source), glass)
    grey = [replace(s, pixels=s.pixels[:1].astype(np.uint16) * 7) for s in samples]
    flat = [replace(s, pixels=np.full_like(s.pixels[:1], 3)) for s in samples]

    values = np.concatenate([s.pixels[0].ravel() for s in samples]).astype(float)
    assert data_range_of(samples) == data_range_of(flat) == 255
    assert data_range_of(grey) == own_range_of(grey) == 7 * np.ptp(values)
    assert own_range_of(flat) == 1


@pytest.mark.parametrize("codec", ["neural", "jpegxl", "jpeg"])
def test_quality_for_a_psnr_is_the_lowest_that_reaches_it(
    codec: Any, source: Any, glass: GlassPlan
) -> None:
    chosen = options(codec=codec, target_psnr=33.0)
    trial = Trial.of(source, grid_of(source), glass)
    family = family_of(codec, ChunkKind())

    quality = quality_for_psnr(source, chosen, grid_of(source), glass)

    here, below = (
        trial.measure(family, family.setting_of(q)).quality.psnr_db()
        for q in (quality, quality - 1)
    )
    assert here is not None
    assert below is not None
    assert below < 33.0 <= here


def test_best_quality_that_is_not_enough_is_named(source: Any, glass: GlassPlan) -> None:
    with pytest.raises(ConfigError, match=r"70 dB, and the best that he-fast-2 .* is \d\d\.\d+ dB"):
        quality_for_psnr(source, options(target_psnr=70), grid_of(source), glass)


def test_lossless_quality_reaches_any_psnr(source: Any, glass: GlassPlan) -> None:
    chosen = options(codec="jpeg2k", target_psnr=80)

    assert quality_for_psnr(source, chosen, grid_of(source), glass) == 100


def test_quality_for_a_codec_that_cannot_code_the_slide_is_refused(
    source: Any, glass: GlassPlan
) -> None:
    source.info = replace(source.info, dtype=np.dtype("float32"))

    with pytest.raises(ConfigError, match="zstd"):
        quality_for_psnr(source, options(target_psnr=30), grid_of(source), glass)


@pytest.mark.parametrize("codec", ["auto", "jpegxl"])
def test_quality_that_fits_is_the_best_of_those_that_take_no_more(
    codec: Any, source: Any, glass: GlassPlan
) -> None:
    grid = grid_of(source)

    quality = quality_that_fits(source, options(codec=codec), grid, glass, quality=60, part=0.7)

    family = family_of(codec, ChunkKind())
    samples = sample_chunks(source, grid, glass, count=4)

    def nbytes(setting: int) -> int:
        planes = (sample.padded(CHUNK_PX, glass.fill_value) for sample in samples)
        return sum(len(family.encode(each, family.setting_of(setting))) for each in planes)

    assert quality is not None
    assert nbytes(quality) <= 0.7 * nbytes(60) < nbytes(quality + 1)


def test_no_quality_fits_what_is_too_small(source: Any, glass: GlassPlan) -> None:
    grid = grid_of(source)

    assert quality_that_fits(source, options(), grid, glass, quality=60, part=0.001) is None


@pytest.mark.parametrize("codec", ["neural", "jpegxl", "jpeg2k"])
def test_equal_ssim_is_found_within_a_five_hundredth(
    codec: Any, source: Any, glass: GlassPlan
) -> None:
    trial = Trial.of(source, grid_of(source), glass)
    jpeg = trial.measure(family_of("jpeg", ChunkKind()), 80).quality.ssim
    assert jpeg is not None

    found = setting_for_ssim(trial, family_of(codec, ChunkKind()), jpeg).quality.ssim

    assert found == pytest.approx(jpeg, abs=0.002)


def test_ssim_out_of_reach_gives_the_nearest(source: Any, glass: GlassPlan) -> None:
    trial = Trial.of(source, grid_of(source), glass)
    neural = family_of("neural", ChunkKind())

    assert setting_for_ssim(trial, neural, 1.0).setting == 100
    assert setting_for_ssim(trial, neural, 0.0).setting == 0


def test_slide_too_small_for_a_window_is_refused(source_of: Callable[..., Any]) -> None:
    small = source_of(np.full((8, 9, 3), 100, np.uint8))
    trial = Trial.of(small, grid_of(small), glass_of(small, None))

    with pytest.raises(ConfigError, match="too little tissue"):
        setting_for_ssim(trial, family_of("jpeg", ChunkKind()), 0.9)


@pytest.mark.parametrize("codec", ["neural", "jpegxl", "jpeg2k", "jpeg", "zstd", "none"])
@pytest.mark.parametrize("samples", [3, 1])
def test_bytes_tried_are_those_that_a_store_holds(codec: Any, samples: int, tissue: Image) -> None:
    info = slide_info(samples=samples, frames=() if samples == 3 else (("c", 1),))
    chunk = np.ascontiguousarray(tissue[:samples, :64, :64])
    family = family_of(codec, ChunkKind.of(info, "0.5"))
    store: dict[str, Any] = {}
    array = zarr.create_array(
        MemoryStore(store),
        shape=chunk.shape,
        chunks=chunk.shape,
        dtype=chunk.dtype,
        **codec_for(options(codec=codec, quality=50), info).zarr_arguments,
    )
    array[...] = chunk

    tried = family.encode(chunk, family.setting_of(50))

    (held,) = (value.to_bytes() for key, value in store.items() if key.startswith("c/"))
    assert tried == held
    decoded = family.decode(tried).reshape(chunk.shape)
    assert np.array_equal(decoded, np.asarray(array[...]))
