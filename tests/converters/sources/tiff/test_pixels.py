"""What the samples of TIFF images stand for, and which kinds are refused."""

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Open

WHOLE = Region(0, 0, 70, 90)
GREYS = np.tile(np.arange(256, dtype=np.uint16) * 256, (3, 1))
REDS = np.stack([257 * np.arange(256, dtype=np.uint16), *np.zeros((2, 256), np.uint16)])


def ramp(dtype: Any) -> NDArray[Any]:
    """Return an image (70, 90) of many values."""
    return (np.arange(70 * 90) % 251).reshape(70, 90).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f4", ">u2", ">f4"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_samples_keep_their_type(dtype: str, compression: str | None, open_tiff: Open) -> None:
    byteorder: Any = ">" if dtype.startswith(">") else "<"

    source = open_tiff(ramp(dtype), compression=compression, byteorder=byteorder)

    found = source.read_region(WHOLE)
    assert source.info.dtype == found.dtype == np.dtype(dtype).newbyteorder("=")
    assert (found[..., 0] == ramp(dtype)).all()


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_white_for_0_becomes_black_for_0(dtype: str, open_tiff: Open) -> None:
    found = open_tiff(ramp(dtype), photometric="miniswhite").read_region(WHOLE)

    assert (found[..., 0] == np.iinfo(dtype).max - ramp(dtype)).all()


def test_samples_of_twelve_bits_say_so(open_tiff: Open) -> None:
    values = ramp("u2") * 16
    page: dict[str, Any] = {"bitspersample": 12, "compression": "jpeg2000", "tile": (80, 96)}

    source = open_tiff(values, **page)

    assert source.info.significant_bits == 12
    assert (source.read_region(WHOLE)[..., 0] == values).all()


def test_a_palette_of_colours_becomes_rgb(open_tiff: Open) -> None:
    colors = np.random.default_rng(2).integers(0, 256, (3, 256)).astype(np.uint16)

    source = open_tiff(ramp("u1"), photometric="palette", colormap=colors * 257)

    assert (source.info.samples, source.info.dtype.name) == (3, "uint8")
    assert (source.read_region(WHOLE) == np.moveaxis(colors, 0, -1)[ramp("u1")]).all()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"photometric": "palette", "colormap": GREYS}, id="rising greys"),
        pytest.param({"imagej": True, "colormap": REDS}, id="ImageJ's, which is for display"),
    ],
)
def test_a_table_that_names_no_colours_means_nothing(
    options: dict[str, Any], open_tiff: Open
) -> None:
    source = open_tiff(ramp("u1"), **options)

    assert source.info.samples == 1
    assert (source.read_region(WHOLE)[..., 0] == ramp("u1")).all()


def test_what_imagej_calls_rgb_of_16_bits_are_channels(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "composite.tif"
    values = np.stack([ramp("u2") + n for n in range(3)], axis=-1)
    with tifffile.TiffWriter(path, byteorder=">") as tiff:
        description = "ImageJ=1.54f\nchannels=3\nmode=composite\n"
        tiff.write(values, photometric="rgb", description=description, metadata=None)

    source = opened(path)

    assert (source.info.samples, source.info.frames) == (1, (("c", 3),))
    assert (source.read_region(WHOLE, frame=(2,))[..., 0] == values[..., 2]).all()


def test_aperio_s_ycbcr_in_jpeg_2000_becomes_rgb(open_tiff: Open) -> None:
    y = ramp("u1") // 2 + 60
    ycc = np.stack([y, np.full_like(y, 140), np.full_like(y, 100)], axis=-1)
    tiles = [bytes(imagecodecs.jpeg2k_encode(ycc, level=0, codecformat="J2K", mct=False))]

    page: dict[str, Any] = {"shape": ycc.shape, "dtype": np.uint8, "rowsperstrip": 70}
    page |= {"compression": 33003, "photometric": "rgb", "metadata": None}

    found = open_tiff(iter(tiles), name="ycc.svs", **page).read_region(WHOLE).astype(int)

    expected = (y + 1.402 * -28, y - 0.344 * 12 - 0.714 * -28, y + 1.772 * 12)
    assert np.abs(found - np.stack(expected, axis=-1)).max() <= 1


def test_planes_that_were_left_out_of_a_grey_image_are_0(open_tiff: Open) -> None:
    tiles = iter([np.full((64, 64), 9, np.uint16), None])

    source = open_tiff(tiles, shape=(64, 128), dtype=np.uint16, tile=(64, 64))

    found = source.read_region(Region(0, 0, 64, 128))
    assert (found[:, 64:] == 0).all()
    assert (found[:, :64] == 9).all()


@pytest.mark.parametrize(
    ("pixels", "options", "says"),
    [
        pytest.param(np.zeros((16, 16), bool), {}, "single bits", id="bilevel"),
        pytest.param(np.zeros((16, 16), np.complex64), {}, "samples of complex64", id="complex"),
        pytest.param(
            np.zeros((16, 16, 4), np.uint8), {"photometric": "separated"}, "separated", id="CMYK"
        ),
        pytest.param(
            np.zeros((16, 16, 3), np.uint8), {"photometric": "cielab"}, "cielab", id="Lab"
        ),
        pytest.param(
            np.zeros((16, 16, 3), np.uint8), {"photometric": "ycbcr"}, "not in JPEG", id="YCbCr"
        ),
        pytest.param(
            np.zeros((16, 16), np.float32), {"photometric": "miniswhite"}, "white for 0", id="float"
        ),
    ],
)
def test_samples_of_other_kinds_are_refused(
    tmp_path: Path, pixels: NDArray[Any], options: dict[str, Any], says: str
) -> None:
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, pixels, **options)

    with pytest.raises(SourceError, match=rf"other\.tif .*{says}"):
        open_source(path)


def test_a_compression_that_nobody_decodes_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "jbig.tif"
    tifffile.imwrite(path, ramp("u1"))
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["Compression"].overwrite(34661)

    with pytest.raises(SourceError, match=r"jbig\.tif is compressed with JBIG"):
        open_source(path)
