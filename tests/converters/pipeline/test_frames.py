"""Slides with channels, times and depths: each frame in its place, whatever the dtype."""

from pathlib import Path
from typing import Any

import numpy as np
import ome_zarr_models
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.axes import Axes
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import ConvertOptions, OmeZarrVersion
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources import Channel, Frame, JpegTiles
from numcodecs_neural.errors import ConfigError
from tests.annotations import Convert, Image, Rng, RunCli
from tests.converters.conftest import slide_info

VERSIONS = ["0.4", "0.5"]


class FrameSource:
    """A slide in memory: an array of its frames' axes, then y, x and sample."""

    def __init__(self, pixels: NDArray[Any], axes: str, **info: Any) -> None:
        self._pixels = pixels
        self.info = slide_info(
            level_shapes=(pixels.shape[-3:-1],),
            mpp=(0.5, 0.5),
            dtype=pixels.dtype,
            samples=pixels.shape[-1],
            frames=tuple(zip(axes, pixels.shape[:-3], strict=True)),
            **info,
        )

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[Any]:
        pixels: NDArray[Any] = self._pixels[frame][region.slices]
        return pixels

    def read_associated(self, name: str) -> None:
        return None

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        return JpegTiles(reason="its pixels are in memory")

    def close(self) -> None:
        pass


def options(version: OmeZarrVersion = "0.5", **changes: Any) -> ConvertOptions:
    sizes: dict[str, Any] = {"chunk_px": 64, "workers": 2, "codec": "zstd"}
    if version == "0.5":
        sizes["shard_px"] = 128
    return ConvertOptions(ome_zarr_version=version, **{**sizes, **changes})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32"])
def test_every_frame_is_stored_in_its_place(
    rng: Rng, converted: Convert, dtype: str, version: OmeZarrVersion
) -> None:
    pixels = rng.integers(0, 200, (2, 3, 2, 150, 170, 1)).astype(dtype)

    group, _ = converted(FrameSource(pixels, "tcz"), options(version))

    stored = np.asarray(group["0"])
    assert stored.dtype == dtype
    assert (stored == pixels[..., 0]).all()


@pytest.mark.parametrize(("dtype", "top"), [("uint8", 255), ("uint16", 65535)])
def test_smaller_levels_are_area_averages_of_every_frame(
    rng: Rng, converted: Convert, dtype: str, top: int
) -> None:
    pixels = rng.integers(0, top, (3, 160, 192, 1), dtype, endpoint=True)

    group, _ = converted(FrameSource(pixels, "c"), options(levels=3))

    mean = pixels[..., 0].reshape(3, 40, 4, 48, 4).mean((2, 4))
    assert np.abs(np.asarray(group["2"]) - mean).max() <= 0.51


def test_levels_may_be_a_fourth_of_each_other(rng: Rng, converted: Convert) -> None:
    pixels = rng.integers(0, 255, (1, 331, 271, 1), np.uint8)

    group, _ = converted(FrameSource(pixels, "c"), options(downsample=4))

    whole = np.pad(pixels[0, ..., 0].astype(float), ((0, 1), (0, 1)), constant_values=np.nan)
    mean = np.nanmean(whole.reshape(83, 4, 68, 4), (1, 3))
    stored = np.asarray(group["1"])
    assert stored.shape == (1, 83, 68)
    assert np.abs(stored[0] - mean).max() <= 0.51
    image: Any = ome_zarr_models.open_ome_zarr(group)
    scale, translation = image.ome_attributes.multiscales[0].datasets[1].coordinateTransformations
    assert scale.scale == [1, 2, 2]
    assert translation.translation == [0, 0.75, 0.75]


@pytest.mark.parametrize("version", VERSIONS)
def test_metadata_name_axes_channels_and_spacing(
    rng: Rng, converted: Convert, version: OmeZarrVersion
) -> None:
    source = FrameSource(
        rng.integers(0, 4000, (2, 2, 3, 90, 80, 1), np.uint16),
        "tcz",
        channels=(Channel(label="DAPI", color="0000FF"), Channel(label="GFP")),
        spacing={"z": 2.0, "t": 30.0},
        significant_bits=12,
    )

    group, _ = converted(source, options(version))

    image: Any = ome_zarr_models.open_ome_zarr(group)
    attributes = image.attributes if version == "0.4" else image.ome_attributes
    (multiscale,) = attributes.multiscales
    assert [axis.name for axis in multiscale.axes] == list("tczyx")
    assert [axis.unit for axis in multiscale.axes] == ["second", None, *["micrometer"] * 3]
    assert multiscale.datasets[1].coordinateTransformations[0].scale == [30, 1, 2, 1, 1]
    root = group.attrs.asdict()
    omero = root["omero"] if version == "0.4" else root["ome"]["omero"]
    first, second = omero["channels"]
    assert (first["label"], first["color"], second["label"]) == ("DAPI", "0000FF", "GFP")
    window = first["window"]
    assert (window["min"], window["max"]) == (0, 4095)
    assert 0 <= window["start"] < window["end"] <= 4095


def test_channels_without_names_get_some(rng: Rng, converted: Convert) -> None:
    pixels = rng.integers(0, 255, (4, 70, 70, 1), np.uint8)

    group, _ = converted(FrameSource(pixels, "c"), options())

    attributes = group.attrs["ome"]
    channels = attributes["omero"]["channels"]
    assert len({channel["label"] for channel in channels}) == 4
    assert len({channel["color"] for channel in channels}) == 4


def test_coverage_has_the_axes_of_the_frames(rng: Rng, converted: Convert) -> None:
    pixels = rng.integers(1, 255, (2, 150, 170, 1), np.uint8)
    pixels[1, :64, :64] = 0

    group, report = converted(FrameSource(pixels, "c"), options(glass="elide"))

    coverage = np.asarray(group["coverage/levels/0"])
    assert coverage.shape == (2, 3, 3)
    assert (coverage == 1).all()  # no glass: then what is empty is stored as well
    assert report.levels[0].chunks == 18


def test_rgb_with_depth_keeps_its_channels(rng: Rng, converted: Convert) -> None:
    pixels = rng.integers(0, 255, (2, 150, 130, 3), np.uint8)

    group, _ = converted(FrameSource(pixels, "z"), options())

    stored = np.asarray(group["0"])
    assert stored.shape == (3, 2, 150, 130)
    assert (np.moveaxis(stored, 0, -1) == pixels).all()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axis", ["t", "z"])
def test_rgb_frames_are_coded_by_the_neural_codec(
    axis: str, version: OmeZarrVersion, tissue: Image, converted: Convert
) -> None:
    pixels = np.stack([np.moveaxis(tissue, 0, -1)[y : y + 150, :130] for y in (0, 60)])

    group, report = converted(
        FrameSource(pixels, axis), options(version, codec="neural", chunk_px=128)
    )

    stored = np.moveaxis(np.asarray(group["0"]), 1 if axis == "t" else 0, -1)
    error = stored.astype(float) - pixels
    assert 10 * np.log10(255**2 / (error**2).mean()) > 30
    assert report.codec["model"] == "he-fast-2"


def test_grey_channels_are_coded_by_the_grey_model(rng: Rng, converted: Convert) -> None:
    y, x = np.mgrid[:140, :150]
    smooth = (2000 + 900 * np.sin(y / 9) * np.cos(x / 11)).astype(np.uint16)
    pixels = np.stack([smooth, smooth // 3])[..., None]

    group, report = converted(FrameSource(pixels, "c"), options(codec="neural", quality=80))

    assert report.codec["model"] == "grey-fast-2"
    assert np.abs(np.asarray(group["0"]).astype(int) - pixels[..., 0]).max() < 200
    assert report.levels[0].psnr_db is not None
    assert report.levels[0].ssim is None


def test_what_a_codec_cannot_code_is_refused_with_those_that_can(rng: Rng, tmp_path: Path) -> None:
    source = FrameSource(rng.random((1, 70, 80, 1), np.float32), "c")

    with pytest.raises(ConfigError, match="choose one of zstd, none"):
        convert(source, str(tmp_path / "out"), options(codec="neural"))

    assert list(tmp_path.iterdir()) == []


def test_an_ome_tiff_of_channels_converts_from_the_command_line(
    run_cli: RunCli, rng: Rng, tmp_path: Path
) -> None:
    pixels = rng.integers(0, 1000, (2, 3, 90, 100), np.uint16)
    tifffile.imwrite(
        tmp_path / "cells.ome.tif",
        pixels,
        metadata={"axes": "ZCYX", "Channel": {"Name": ["a", "b", "c"]}},
        photometric="minisblack",
    )

    code, _, err = run_cli(
        tmp_path / "cells.ome.tif", "-o", tmp_path / "out", "--codec", "zstd", "--chunk", 64
    )

    assert (code, err) == (0, "")
    level = np.asarray(zarr.open_array(tmp_path / "out/0", mode="r"))
    assert (level == pixels.transpose(1, 0, 2, 3)).all()


def test_frames_are_listed_in_the_order_of_the_axes() -> None:
    axes = Axes(samples=1, frames=(("t", 2), ("c", 3), ("z", 4)))

    frames = list(axes.all_frames())

    assert frames == sorted(set(frames))
    assert len(frames) == axes.count == 24
    assert axes.shape(5, 6) == (2, 3, 4, 5, 6)
    assert axes.chunk_index((1, 2, 3), (7, 8)) == (1, 2, 3, 7, 8)


def test_the_channels_of_rgb_lie_between_time_and_depth() -> None:
    axes = Axes(samples=3, frames=(("t", 2), ("z", 4)))

    assert axes.names == ("t", "c", "z", "y", "x")
    assert axes.shape(5, 6) == (2, 3, 4, 5, 6)
    assert axes.frame_shape(5, 6) == (1, 3, 1, 5, 6)
    assert axes.chunk_index((1, 3), (7, 8)) == (1, 0, 3, 7, 8)
