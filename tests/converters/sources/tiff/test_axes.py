"""TIFF images of more than one plane: every axis ends up as time, channel or depth."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import SlideSource, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Open

REGION = Region(13, 7, 90, 61)
T, C, Z, Y, X = 2, 3, 4, 131, 77


@pytest.fixture(scope="module")
def stack() -> NDArray[np.uint16]:
    """Return an image (t, c, z, y, x) in which no two samples of a plane's row are alike."""
    rng = np.random.default_rng(3)
    return rng.integers(0, 1 << 16, (T, C, Z, Y, X), dtype=np.uint16)


def check_frames(source: SlideSource, expected: NDArray[Any], axes: str) -> None:
    """Compare a region of every frame with `expected`, whose axes are `axes`, y, x."""
    assert source.info.frames == tuple(zip(axes, expected.shape[: len(axes)], strict=True))
    assert (source.info.samples, source.info.dtype) == (1, expected.dtype)
    for frame in product(*map(range, source.info.frame_shape)):
        found = source.read_region(REGION, frame=frame)
        assert found.shape == (REGION.height, REGION.width, 1)
        assert (found[..., 0] == expected[frame][REGION.slices]).all()


@pytest.mark.parametrize("order", ["TCZ", "ZCT", "CTZ", "ZTC"])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"tile": (32, 48), "compression": "deflate"}, id="tiles"),
        pytest.param({"bigtiff": True, "byteorder": ">"}, id="raw, big-endian BigTIFF"),
    ],
)
def test_ome_axes_of_any_order_come_as_t_c_z(
    stack: NDArray[np.uint16], order: str, options: dict[str, Any], open_tiff: Open
) -> None:
    stored = stack.transpose(*("TCZ".index(axis) for axis in order), 3, 4)
    page: dict[str, Any] = {"metadata": {"axes": f"{order}YX"}, "photometric": "minisblack"}

    source = open_tiff(stored, name="stack.ome.tif", ome=True, **page, **options)

    check_frames(source, stack, "tcz")


def test_an_imagej_hyperstack_keeps_all_its_planes_behind_one_page(
    stack: NDArray[np.uint16], open_tiff: Open
) -> None:
    source = open_tiff(stack.swapaxes(1, 2), imagej=True, metadata={"axes": "TZCYX"})

    check_frames(source, stack, "tcz")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="one page for all"),
        pytest.param({"compression": "lzw", "predictor": True, "rowsperstrip": 9}, id="strips"),
        pytest.param({"tile": (16, 16, 16), "volumetric": True}, id="volume of tiles"),
        pytest.param({"planarconfig": "separate"}, id="planes of a page"),
    ],
)
def test_pages_of_no_meaning_count_depth(
    stack: NDArray[np.uint16], options: dict[str, Any], open_tiff: Open
) -> None:
    source = open_tiff(stack[0, 0], photometric="minisblack", **options)

    check_frames(source, stack[0, 0], "c" if "planarconfig" in options else "z")


def test_raw_pages_apart_count_depth_too(
    stack: NDArray[np.uint16], tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as tiff:
        for plane in stack[0, 0]:
            tiff.write(plane, contiguous=False, metadata=None)

    check_frames(opened(path), stack[0, 0], "z")


def test_channels_in_one_page_are_picked_apart(stack: NDArray[np.uint16], open_tiff: Open) -> None:
    channels = stack[0, :2].reshape(-1, Y, X)[:5]
    interleaved = np.ascontiguousarray(np.moveaxis(channels, 0, -1))

    page: dict[str, Any] = {"photometric": "minisblack", "planarconfig": "contig"}

    source = open_tiff(interleaved, tile=(32, 32), **page)

    check_frames(source, channels, "c")


def test_wavelengths_are_channels_of_channels(stack: NDArray[np.uint16], open_tiff: Open) -> None:
    source = open_tiff(stack[0, :, :2], metadata={"axes": "CEYX"}, photometric="minisblack")

    check_frames(source, stack[0, :, :2].reshape(6, Y, X), "c")


@pytest.mark.parametrize("axis", ["I", "Q"])
def test_a_sequence_beside_depth_is_time(
    stack: NDArray[np.uint16], axis: str, open_tiff: Open
) -> None:
    source = open_tiff(stack[:, 0], metadata={"axes": f"{axis}ZYX"}, photometric="minisblack")

    check_frames(source, stack[:, 0], "tz")


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
@pytest.mark.parametrize("samples", [3, 4])
def test_rgb_has_frames_too_and_loses_its_alpha(
    planarconfig: str, samples: int, open_tiff: Open
) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (T, Z, Y, X, samples), dtype=np.uint8)
    axes, stored = "TZYXS", pixels
    if planarconfig == "separate":
        axes, stored = "TZSYX", np.moveaxis(pixels, -1, 2)

    source = open_tiff(
        stored,
        name="colours.ome.tif",
        photometric="rgb",
        planarconfig=planarconfig,
        tile=(48, 32),
        extrasamples=["unassalpha"] if samples == 4 else None,
        metadata={"axes": axes},
    )

    assert (source.info.samples, source.info.frames) == (3, (("t", T), ("z", Z)))
    for frame in product(range(T), range(Z)):
        found = source.read_region(REGION, frame=frame)
        assert (found == pixels[frame][(*REGION.slices, slice(3))]).all()


def test_sub_images_of_every_plane_make_levels(
    stack: NDArray[np.uint16], tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "pyramid.ome.tif"
    channels, small = stack[0, :, 0], stack[0, :, 0, ::2, ::2]
    with tifffile.TiffWriter(path, ome=True) as tiff:
        options: dict[str, Any] = {"tile": (32, 32), "photometric": "minisblack"}
        tiff.write(channels, subifds=1, metadata={"axes": "CYX"}, **options)
        tiff.write(small, subfiletype=1, **options)

    source = opened(path)

    assert source.info.level_shapes == ((Y, X), small.shape[1:])
    for channel in range(C):
        found = source.read_region(Region(3, 5, 50, 30), 1, (channel,))
        assert (found[..., 0] == small[channel, 3:53, 5:35]).all()


def test_a_sequence_of_smaller_pages_makes_levels(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "pages.tif"
    pixels = np.random.default_rng(6).integers(0, 256, (512, 384, 3), dtype=np.uint8)
    with tifffile.TiffWriter(path) as tiff:
        for step in (1, 2, 4):
            page = np.ascontiguousarray(pixels[::step, ::step])
            tiff.write(page, photometric="rgb", tile=(64, 64), metadata=None)

    source = opened(path)

    assert source.info.level_shapes == ((512, 384), (256, 192), (128, 96))
    found = source.read_region(Region(3, 5, 50, 30), 2)
    assert (found == pixels[12:212:4, 20:140:4]).all()


@pytest.mark.parametrize(
    ("axes", "shape", "says"),
    [
        pytest.param("RYX", (3, 20, 30), r"3 images along the axis R \(tile\)", id="positions"),
        pytest.param("AZYX", (2, 3, 20, 30), r"axis A \(angle\)", id="angles"),
        pytest.param("QZTYX", (2, 3, 4, 20, 30), r"axis Q \(other\)", id="one too many"),
        pytest.param("YXZT", (20, 30, 2, 2), r"y and x must be the last", id="y first"),
        pytest.param("CYXS", (2, 20, 30, 3), r"2 RGB images side by side", id="RGB channels"),
    ],
)
def test_axes_of_another_kind_are_refused_by_name(
    tmp_path: Path, axes: str, shape: tuple[int, ...], says: str
) -> None:
    path = tmp_path / "odd.tif"
    photometric = "rgb" if axes.endswith("S") else "minisblack"
    tifffile.imwrite(
        path, np.zeros(shape, np.uint8), metadata={"axes": axes}, photometric=photometric
    )

    with pytest.raises(SourceError, match=says):
        open_source(path)
