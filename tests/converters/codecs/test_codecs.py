"""Stores of every codec: created as the writer creates them, opened by plain zarr."""

from itertools import product
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.codecs import ChunkKind, check_codec, codec_for
from numcodecs_neural.converters.codecs.registry import codecs_for
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.sources import SlideInfo
from numcodecs_neural.errors import ConfigError, WeightsError
from numcodecs_neural.measure.metrics import psnr
from tests.annotations import FreshPython, Image
from tests.converters.conftest import slide_info

LOSSY = ["neural", "jpegxl", "jpeg2k", "jpeg"]
LOSSLESS = ["zstd", "none"]
# What a fresh process needs: not this package's modules, but its entry points.
READ = """
import sys, zarr
for folder in sys.argv[1:]:
    print(int(zarr.open_array(folder, mode="r")[:].astype(int).sum()))
"""


def grey_info(dtype: str, **changes: Any) -> SlideInfo:
    return slide_info(samples=1, dtype=np.dtype(dtype), **changes)


def options(codec: Any, version: Any = "0.5", **changes: Any) -> ConvertOptions:
    return ConvertOptions(codec=codec, ome_zarr_version=version, **changes)


def stored(
    folder: Path, pixels: NDArray[Any], chosen: ConvertOptions, info: SlideInfo, chunk_px: int = 128
) -> Any:
    """Write `pixels`, (..., y, x), as the writer does, and return the array opened again."""
    samples = 3 if info.is_rgb else 1
    axes = ChunkKind.of(info, chosen.ome_zarr_version).axes
    leading = tuple(samples if axis == "c" else 1 for axis in axes[:-2])
    layout: dict[str, Any] = {"zarr_format": 2}
    if chosen.ome_zarr_version == "0.5":
        layout = {"zarr_format": 3, "shards": (*leading, 2 * chunk_px, 2 * chunk_px)}
    zarr.create_array(
        folder,
        shape=pixels.shape,
        chunks=(*leading, chunk_px, chunk_px),
        dtype=pixels.dtype,
        fill_value=0,
        **layout,
        **codec_for(chosen, info).zarr_arguments,
    )[:] = pixels
    return zarr.open_array(folder, mode="r")


@pytest.fixture
def rgb(tissue: Image) -> Image:
    return tissue[:, :150, :260]


@pytest.mark.parametrize("codec", LOSSY)
def test_rgb_comes_back_better_at_a_higher_quality(codec: str, rgb: Image, tmp_path: Path) -> None:
    low, high = (
        stored(tmp_path / f"{quality}.zarr", rgb, options(codec, quality=quality), slide_info())
        for quality in (30, 80)
    )

    assert 24 < psnr(rgb, low[:]) < psnr(rgb, high[:]) - 1.5
    assert low.nbytes_stored() < high.nbytes_stored() < rgb.nbytes / 3


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("codec", LOSSLESS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_lossless_codecs_give_back_every_sample(
    codec: str, version: str, dtype: str, rgb: Image, tmp_path: Path
) -> None:
    pixels = rgb.astype(dtype) * np.dtype(dtype).type(3)
    info = slide_info(dtype=np.dtype(dtype))

    found = stored(tmp_path / "a.zarr", pixels, options(codec, version), info)

    assert found.dtype == pixels.dtype
    assert np.array_equal(found[:], pixels)
    assert codec_for(options(codec, version), info).is_lossless


@pytest.mark.parametrize("codec", ["jpegxl", "jpeg2k"])
def test_quality_100_is_lossless_where_a_codec_can(codec: str, rgb: Image, tmp_path: Path) -> None:
    best = options(codec, quality=100)

    found = stored(tmp_path / "a.zarr", rgb, best, slide_info())

    assert np.array_equal(found[:], rgb)
    assert codec_for(best).is_lossless
    assert not codec_for(options(codec, quality=99)).is_lossless


@pytest.mark.parametrize(
    ("codec", "frames", "shape"),
    [
        *((codec, (("t", 2),), (2, 3)) for codec in LOSSY),
        *((codec, (("z", 2),), (3, 2)) for codec in LOSSY),
        *((codec, (("t", 1), ("z", 2)), (1, 3, 2)) for codec in LOSSY),
    ],
)
def test_rgb_with_other_axes_is_coded_as_rgb(
    codec: str,
    frames: tuple[tuple[str, int], ...],
    shape: tuple[int, ...],
    rgb: Image,
    tmp_path: Path,
) -> None:
    channels = shape.index(3)
    pixels = np.moveaxis(np.stack([rgb, rgb[:, ::-1]]), 1, 0)  # (c, frame, y, x)
    pixels = pixels if channels == len(shape) - 2 else np.moveaxis(pixels, 0, 1)
    pixels = np.ascontiguousarray(pixels).reshape(*shape, *rgb.shape[1:])
    chosen = options(codec, quality=70)

    found = stored(tmp_path / "a.zarr", pixels, chosen, slide_info(frames=frames))
    plain = stored(tmp_path / "plain.zarr", rgb, chosen, slide_info())

    first = tuple(slice(None) if length == 3 else 0 for length in shape)
    assert np.array_equal(found[first], plain[:])
    assert psnr(pixels, found[:]) > 26


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("codec", LOSSY)
@pytest.mark.parametrize("frames", [(), (("t", 1), ("c", 2), ("z", 1))], ids=["yx", "tczyx"])
def test_grey_planes_come_back(
    codec: str, version: str, frames: tuple[tuple[str, int], ...], rgb: Image, tmp_path: Path
) -> None:
    pixels = rgb[:2].reshape(1, 2, 1, *rgb.shape[1:]) if frames else rgb[0]
    info = grey_info("uint8", frames=frames)

    found = stored(tmp_path / "a.zarr", pixels, options(codec, version, quality=80), info)

    assert psnr(pixels, found[:]) > 30
    assert found.nbytes_stored() < pixels.nbytes / 2


@pytest.mark.parametrize("bits", [None, 12])
@pytest.mark.parametrize("codec", ["neural", "jpegxl", "jpeg2k"])
def test_grey_of_16_bits_comes_back(
    codec: str, bits: int | None, rgb: Image, tmp_path: Path
) -> None:
    pixels = rgb[0].astype(np.uint16) * 16
    info = grey_info("uint16", significant_bits=bits)

    found = stored(tmp_path / "a.zarr", pixels, options(codec, quality=80), info)

    assert found.dtype == np.uint16
    assert psnr(pixels, found[:], 255 * 16) > 30
    assert found.nbytes_stored() < pixels.nbytes / 2.5


def test_jpeg2000_holds_rgb_in_version_04(rgb: Image, tmp_path: Path) -> None:
    chosen = options("jpeg2k", "0.4", quality=60)

    found = stored(tmp_path / "a.zarr", rgb, chosen, slide_info())

    assert np.array_equal(
        found[:], stored(tmp_path / "b.zarr", rgb, options("jpeg2k"), slide_info())[:]
    )


@pytest.mark.parametrize(
    ("codec", "version", "info", "others"),
    [
        ("neural", "0.5", slide_info(dtype=np.dtype("uint16")), "jpegxl, jpeg2k, zstd, none"),
        ("jpeg", "0.5", grey_info("uint16"), "neural, jpegxl, jpeg2k, zstd, none"),
        ("jpegxl", "0.5", grey_info("float32"), "zstd, none"),
        ("neural", "0.5", grey_info("float32"), "zstd, none"),
        ("jpeg2k", "0.5", grey_info("int16"), "neural, zstd, none"),
        ("jpeg", "0.4", slide_info(), "neural, jpeg2k, zstd, none, or write OME-Zarr 0.5"),
        ("jpegxl", "0.4", slide_info(), "neural, jpeg2k, zstd, none, or write OME-Zarr 0.5"),
    ],
)
def test_codec_that_cannot_code_the_slide_names_those_that_can(
    codec: str, version: str, info: SlideInfo, others: str
) -> None:
    with pytest.raises(ConfigError, match=f"the codec {codec} does not code") as caught:
        codec_for(options(codec, version), info)

    assert str(caught.value).endswith(f"choose one of {others}")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32"])
@pytest.mark.parametrize("is_rgb", [True, False], ids=["rgb", "grey"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_every_codec_that_is_offered_codes_the_slide(
    version: Any, is_rgb: bool, dtype: str, rgb: Image, tmp_path: Path
) -> None:
    step = 1 if dtype == "uint8" else 100
    planes = (rgb[:, :70, :70] if is_rgb else rgb[0, :70, :70]).astype(dtype) * step
    info = slide_info(dtype=np.dtype(dtype)) if is_rgb else grey_info(dtype)

    offered = codecs_for(ChunkKind.of(info, version))

    assert offered[-2:] == ("zstd", "none")
    for codec in offered:
        found = stored(tmp_path / codec, planes, options(codec, version), info, chunk_px=80)
        error = np.abs(planes.astype(float) - found[:]).mean() / step
        assert error < (0.001 if codec in LOSSLESS else 12), codec


def test_model_is_chosen_by_the_samples_and_told() -> None:
    assert codec_for(options("neural")).parameters["model"] == "he-fast-2"
    grey = codec_for(options("neural"), grey_info("uint16"))
    assert grey.parameters["model"] == "grey-fast-2"
    assert grey.method == "neural_image"


def test_model_by_name_is_used() -> None:
    codec = codec_for(options("neural", model="he-perceptual", quality=35))

    assert codec.parameters["model"] == "he-perceptual-1"
    assert codec.parameters["quality"] == 35


def test_model_of_rgb_refuses_a_slide_of_one_sample() -> None:
    with pytest.raises(ConfigError, match=r"he-fast-2 codes RGB.*grey-fast"):
        codec_for(options("neural", model="he-fast"), grey_info("uint8"))


def test_unknown_model_is_refused() -> None:
    with pytest.raises(WeightsError, match="no-such-model"):
        codec_for(options("neural", model="no-such-model"))


def test_check_without_a_slide_refuses_what_no_slide_allows() -> None:
    check_codec(options("jpegxl", "0.4"))
    check_codec(options("neural", model="grey-fast"))

    with pytest.raises(WeightsError, match="no-such-model"):
        check_codec(options("neural", model="no-such-model"))


def test_history_says_what_changes_pixels() -> None:
    jpegxl = codec_for(options("jpegxl", quality=60))
    jpeg2k = codec_for(options("jpeg2k", quality=60))
    jpeg = codec_for(options("jpeg", quality=60))

    assert (jpegxl.method, jpeg2k.method, jpeg.method) == ("jpegxl", "jpeg2k", "jpeg")
    assert jpegxl.parameters["distance"] == 3.7
    assert jpeg2k.parameters == {"quality": 60, "psnr_db": 35}
    assert jpeg.parameters == {"quality": 60, "subsampling": "4:2:0"}
    assert codec_for(options("jpeg"), grey_info("uint8")).parameters == {"quality": 60}


@pytest.mark.parametrize("codec", ["jpegxl", "jpeg2k", "jpeg"])
def test_names_are_those_of_imagecodecs(codec: str, rgb: Image, tmp_path: Path) -> None:
    found = stored(tmp_path / "a.zarr", rgb, options(codec), slide_info())
    sharding = found.metadata.to_dict()["codecs"][0]["configuration"]["codecs"]

    assert sharding[-1]["name"] == f"imagecodecs_{codec}"
    assert "numthreads" not in sharding[-1]["configuration"]


def test_fresh_process_opens_stores_by_zarr_alone(
    rgb: Image, tmp_path: Path, fresh_python: FreshPython
) -> None:
    sums = {}
    for codec, version in product(LOSSY, ["0.4", "0.5"]):
        folder = tmp_path / f"{codec}-{version}.zarr"
        found = stored(folder, rgb[0], options(codec, version), grey_info("uint8"))
        sums[str(folder)] = int(found[:].astype(int).sum())

    lines = fresh_python(READ, *sums, PYTHONWARNINGS="error").splitlines()

    assert [int(line) for line in lines] == list(sums.values())


def test_codecs_of_version_04_are_known_to_numcodecs() -> None:
    for name in ("jpeg", "jpeg2k", "jpegxl"):
        assert numcodecs.get_codec({"id": f"imagecodecs_{name}"}).codec_id == f"imagecodecs_{name}"


def test_a_tuning_reaches_the_chunks_and_the_history(rgb: Image, tmp_path: Path) -> None:
    usual, tuned = (codec_for(options("neural", tune=tune)) for tune in ("psnr", "ssim"))

    assert "tune" not in usual.parameters
    assert tuned.parameters["tune"] == "ssim"
    for version in ("0.4", "0.5"):
        plain, other = (
            stored(
                tmp_path / f"{version}-{tune}",
                rgb[:, :64, :64],
                options("neural", version, tune=tune),
                slide_info(),
            )
            for tune in ("psnr", "ssim")
        )
        assert not np.array_equal(plain[:], other[:])


def test_a_tuning_is_for_the_neural_codec() -> None:
    with pytest.raises(ConfigError, match="tune is for the neural codec, and codec is jpegxl"):
        options("jpegxl", tune="ssim")
    with pytest.raises(ConfigError, match="tune is 'vmaf'"):
        options("neural", tune="vmaf")
