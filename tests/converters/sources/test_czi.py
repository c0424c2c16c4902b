"""CZI as a source: mosaics, scenes, channels, compressions, pyramids, and what is damaged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("czifile", reason="czifile is not installed")

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Channel, SlideSource, open_source
from numcodecs_neural.converters.sources.czi import source as czi
from numcodecs_neural.converters.sources.czi.blocks import Block
from numcodecs_neural.converters.sources.czi.decode import decode_block
from numcodecs_neural.errors import SourceError
from tests.annotations import FindFile, Image, Open, Psnr, Rng
from tests.converters.sources.czi_writer import (
    JPEG,
    JPEGXR,
    LZW,
    RAW,
    ZSTD,
    ZSTD_WITH_HEADER,
    Tile,
    write_czi,
)

XML = """<Metadata><Information><Image><ComponentBitCount>12</ComponentBitCount>
<OriginalEncodingQuality>85</OriginalEncodingQuality><Dimensions>
<Channels><Channel Id="Channel:0" Name="DAPI"/><Channel Id="Channel:1" Name="GFP"/></Channels>
<T><Positions><Interval><Increment>2.5</Increment></Interval></Positions></T>
</Dimensions></Image><Instrument><Objectives><Objective Id="Objective:0">
<NominalMagnification>20</NominalMagnification></Objective></Objectives></Instrument></Information>
<DisplaySetting><Channels><Channel Id="Channel:0"><Color>#FF0000FF</Color></Channel>
<Channel Id="Channel:1"><Color>#FF00FF00</Color></Channel></Channels></DisplaySetting>
<Scaling><Items><Distance Id="X"><Value>2.2E-07</Value></Distance>
<Distance Id="Y"><Value>2.3E-07</Value></Distance>
<Distance Id="Z"><Value>5E-07</Value></Distance></Items></Scaling></Metadata>"""


@pytest.fixture
def color(tissue: Image) -> Image:
    return np.ascontiguousarray(np.moveaxis(tissue[:, :300, :200], 0, -1))


@pytest.fixture
def open_czi(opened: Open, tmp_path: Path) -> Open:
    """Return a function that writes a file as `write_czi` does, and opens it."""

    def write_and_open(tiles: list[Tile], **options: Any) -> SlideSource:
        write_czi(tmp_path / "slide.czi", tiles, **options)
        return opened(tmp_path / "slide.czi")

    return write_and_open


def whole(source: SlideSource, level: int = 0, frame: tuple[int, ...] = ()) -> NDArray[Any]:
    height, width = source.info.level_shapes[level]
    pixels: NDArray[Any] = source.read_region(Region(0, 0, height, width), level, frame)
    return pixels


def test_a_mosaic_is_put_together_with_the_latest_tile_on_top(
    color: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.czi"
    below = np.full((180, 200, 3), 7, np.uint8)
    # ZEN counts from the stage's origin, in pixels that may be negative; tiles come in any order.
    tiles = [
        Tile(color[150:], y=-850, x=-500, place={"M": 1}),
        Tile(below, y=-1000, x=-500, place={"M": 0}),
        Tile(color[:120], y=-1000, x=-500, place={"M": 2}),
    ]
    write_czi(path, tiles, xml=XML)
    expected = color.copy()
    expected[120:150] = 7

    source = opened(path)

    info = source.info
    assert (info.name, info.samples, info.frames, info.channels) == ("slide", 3, (), ())
    assert (info.shape, info.dtype.name) == ((300, 200), "uint8")
    assert (info.mpp, info.magnification) == ((0.23, 0.22), 20)
    assert info.history == ()
    assert info.size_bytes == path.stat().st_size
    assert (whole(source) == expected).all()


def test_what_no_tile_covers_is_white_in_colour_and_else_0(
    color: Image, tmp_path: Path, opened: Open
) -> None:
    for name, pixels, fill in (("rgb", color, 255), ("grey", color[..., 0] | 1, 0)):
        path = tmp_path / f"{name}.czi"
        tiles = [Tile(pixels[:50]), Tile(pixels[:50], y=100, x=10, place={"M": 1})]
        write_czi(path, tiles)

        found = whole(opened(path))

        assert found.shape[:2] == (150, 210)
        assert (found[50:100] == fill).all()
        assert (found[100:, :10] == fill).all()
        assert (np.squeeze(found[100:, 10:]) == pixels[:50]).all()


@pytest.mark.parametrize("compression", [RAW, LZW, ZSTD, ZSTD_WITH_HEADER, JPEGXR])
@pytest.mark.parametrize(
    "kind", ["uint8", "uint16", "uint8 colours", "uint16 colours", "colours and alpha"]
)
def test_lossless_pixels_come_back_as_they_were(
    rng: Rng, open_czi: Open, compression: int, kind: str
) -> None:
    if compression == JPEGXR and kind == "colours and alpha":
        pytest.skip("ZEN writes no transparency in JPEG XR")
    samples = {"uint8": (), "uint16": ()}.get(kind, (4,) if "alpha" in kind else (3,))
    dtype = np.uint16 if "16" in kind else np.uint8
    pixels = rng.integers(0, np.iinfo(dtype).max, (70, 90, *samples)).astype(dtype)

    source = open_czi([Tile(pixels, compression=compression)])

    assert (source.info.dtype, source.info.samples) == (np.dtype(dtype), 3 if samples else 1)
    expected = pixels[..., :3] if samples else pixels[..., np.newaxis]
    assert (whole(source) == expected).all()


def test_jpeg_is_history_and_its_colours_are_in_order(
    color: Image, tmp_path: Path, psnr: Psnr, opened: Open
) -> None:
    path = tmp_path / "slide.czi"
    write_czi(path, [Tile(color, compression=JPEG)], xml=XML)

    source = opened(path)

    (step,) = source.info.history
    ratio = round(color.nbytes / path.stat().st_size, 2)
    assert (step.method, step.quality, step.ratio) == ("jpeg", 85, ratio)
    assert psnr(whole(source), color) > 30


def test_jpeg_xr_is_history_that_may_have_lost_nothing(color: Image, open_czi: Open) -> None:
    (step,) = open_czi([Tile(color, compression=JPEGXR)]).info.history

    assert (step.method, step.quality) == ("jpegxr", None)
    assert "may be lossless" in step.details["note"]


def test_channels_depths_and_times_are_frames(rng: Rng, open_czi: Open) -> None:
    planes = rng.integers(0, 4096, (2, 2, 3, 60, 70)).astype(np.uint16)
    tiles = [
        Tile(planes[t, c, z], place={"C": c, "Z": z + 4, "T": t}) for t, c, z in np.ndindex(2, 2, 3)
    ]

    source = open_czi(tiles[::-1], xml=XML)

    info = source.info
    assert info.frames == (("t", 2), ("c", 2), ("z", 3))
    assert info.channels == (
        Channel(label="DAPI", color="0000FF"),
        Channel(label="GFP", color="00FF00"),
    )
    assert info.spacing == {"z": 0.5, "t": 2.5}
    assert info.significant_bits == 12
    for t, c, z in np.ndindex(2, 2, 3):
        assert (whole(source, frame=(t, c, z))[..., 0] == planes[t, c, z]).all()


def test_scenes_are_series_each_in_its_own_corner(
    color: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.czi"
    tiles = [
        Tile(color[:100], y=4000, x=9000, place={"S": 3, "M": 0}),
        Tile(color[100:], y=50, x=60, place={"S": 1, "M": 1}),
    ]
    write_czi(path, tiles)

    first, second = (opened(path, series=n) for n in (0, 1))

    assert (first.info.name, second.info.name) == ("slide", "slide-1")
    assert (first.info.series_count, second.info.series) == (2, 1)
    assert (whole(first) == color[100:]).all()
    assert (whole(second) == color[:100]).all()
    with pytest.raises(SourceError, match="no series 2: it holds 2 images: series 0 to 1"):
        open_source(path, series=2)


def test_reduced_tiles_are_levels_if_they_show_everything(color: Image, open_czi: Open) -> None:
    half, quarter = color[::2, ::2], color[::4, ::4]
    tiles = [
        Tile(color[:200], y=20, x=30, place={"M": 0}),
        Tile(color[200:], y=220, x=30, place={"M": 1}),
        Tile(half[:80], y=20, x=30, scale=2),
        Tile(half[80:], y=180, x=30, scale=2),
        # An overview of a part of the scene is none of its levels.
        Tile(quarter[:20], y=20, x=30, scale=4),
    ]

    source = open_czi(tiles)

    assert source.info.level_shapes == ((300, 200), (150, 100))
    assert (whole(source) == color).all()
    assert (whole(source, 1) == half).all()


def test_label_and_preview_are_found_inside(color: Image, tmp_path: Path, opened: Open) -> None:
    inner, path = tmp_path / "inner.czi", tmp_path / "slide.czi"
    write_czi(inner, [Tile(color[:40, :50])])
    write_czi(path, [Tile(color)], attachments={"SlidePreview": inner.read_bytes()})

    source = opened(path)

    macro = source.read_associated("macro")
    assert macro is not None
    assert (macro == color[:40, :50]).all()
    assert source.read_associated("label") is None


def test_only_the_tiles_of_a_region_are_decoded(
    color: Image, monkeypatch: pytest.MonkeyPatch, open_czi: Open
) -> None:
    source = open_czi([Tile(color[y : y + 50], y=y, place={"M": y}) for y in range(0, 300, 50)])
    decoded = []
    decode: Callable[..., NDArray[Any]] = decode_block

    def note_and_decode(block: Block, data: bytes) -> NDArray[Any]:
        decoded.append(block.y)
        return decode(block, data)

    monkeypatch.setattr(czi, "decode_block", note_and_decode)

    for _ in range(3):
        source.read_region(Region(60, 0, 80, 200))

    assert decoded == [50, 100]


GREY = np.ones((40, 40), np.uint8)


@pytest.mark.parametrize(
    ("tiles", "says"),
    [
        pytest.param([], "is a CZI file without an image", id="no image"),
        pytest.param(
            [Tile(GREY, place={"H": n}) for n in range(3)],
            "holds 3 images along its axis H",
            id="phases",
        ),
        pytest.param(
            [Tile(GREY, place={"C": 0}), Tile(GREY.astype("u2"), place={"C": 1})],
            "channels of different kinds of samples",
            id="two kinds of samples",
        ),
        pytest.param(
            [Tile(np.ones((9, 9, 3), "u1"), place={"C": n}) for n in range(2)],
            "several channels of colours",
            id="two channels of colours",
        ),
        pytest.param([Tile(GREY, scale=2)], "level 0 is missing", id="an overview only"),
    ],
)
def test_what_has_no_place_in_ome_zarr_is_refused(
    tmp_path: Path, tiles: list[Tile], says: str
) -> None:
    path = tmp_path / "image.czi"
    write_czi(path, tiles)

    with pytest.raises(SourceError, match=f"image.czi {says}|image.czi .*{says}"):
        open_source(path)


def test_damaged_tiles_are_named_by_their_place(color: Image, tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "slide.czi"
    tiles = [
        Tile(color[:100], compression=ZSTD),
        Tile(color[:100], y=100, compression=ZSTD),
    ]
    write_czi(path, tiles)
    data = path.read_bytes()
    magic = b"\x28\xb5\x2f\xfd"
    second = data.index(magic, data.index(magic) + 1)
    path.write_bytes(data[: second + 40] + bytes(400) + data[second + 440 :])
    source = opened(path)

    assert (source.read_region(Region(0, 0, 100, 200)) == color[:100]).all()
    with pytest.raises(SourceError, match=r"tile of 200 x 100 pixels at row 100, column 0 .*"):
        source.read_region(Region(100, 0, 100, 200))


def test_an_unknown_compression_is_named_by_its_number(
    color: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.czi"
    write_czi(path, [Tile(color[:100], compression=ZSTD)])
    with_entry = path.read_bytes()
    # In the directory, a pixel type, a place in the file and a part of it stand before it.
    place = with_entry.rindex(b"DV") + 2 + 4 + 8 + 4
    path.write_bytes(with_entry[:place] + b"\x63\0\0\0" + with_entry[place + 4 :])

    with pytest.raises(SourceError, match=r"compression, number 99 of CZI, is not known"):
        opened(path).read_region(Region(0, 0, 10, 10))


@pytest.mark.parametrize("length", [1, 5, 40, 700, 2000])
def test_a_file_that_is_cut_off_is_refused(color: Image, tmp_path: Path, length: int) -> None:
    path = tmp_path / "slide.czi"
    write_czi(path, [Tile(color)])
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(SourceError, match=r"slide.czi (cannot be read as|is) a CZI file"):
        open_source(path)


def test_other_content_behind_the_suffix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.czi"
    path.write_bytes(b"II*\0" + bytes(600))

    with pytest.raises(SourceError, match=r"slide.czi cannot be read as a CZI file"):
        open_source(path)


def test_a_real_file_of_two_scenes_is_read(shared_file: FindFile, opened: Open) -> None:
    name = "image_data__xyz__multiple_images.czi"
    path = shared_file(f"microscopy/neubias_ccby4/{name}")

    first, second = (opened(path, series=n) for n in (0, 1))

    assert first.info.shape == second.info.shape == (251, 251)
    assert first.info.frames == (("c", 1), ("z", 2))
    assert first.info.mpp == pytest.approx((0.195644, 0.195644), abs=1e-6)
    assert (first.info.spacing, first.info.magnification) == ({"z": 0.3}, 40)
    means = [whole(source, frame=(0, z)).mean() for source in (first, second) for z in (0, 1)]
    assert means == pytest.approx([13716.46, 13344.15, 12475.75, 12146.01], abs=0.01)
