"""What scanners' makers write into TIFF: sizes, channels, compressions, label and macro."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import SlideSource, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Image, Open

WHOLE = Region(0, 0, 128, 96)
TILES: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb", "metadata": None}
QPI = (
    '<?xml version="1.0" encoding="utf-16"?><PerkinElmer-QPI-ImageDescription>'
    "<ImageType>{kind}</ImageType><Name>{name}</Name><Color>{color}</Color>"
    "<Objective>40x</Objective><ScanProfile><root><ScanResolution>"
    "<PixelSizeMicrons>0.25</PixelSizeMicrons></ScanResolution></root></ScanProfile>"
    "</PerkinElmer-QPI-ImageDescription>"
)
SCN = (
    '<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">'
    '<collection sizeX="96000" sizeY="128000">'
    '<image name="whole"><pixels sizeX="48" sizeY="64">'
    '<dimension sizeX="48" sizeY="64" r="0" ifd="0"/></pixels>'
    '<view sizeX="96000" sizeY="128000" offsetX="0" offsetY="0"/></image>'
    '<image name="tissue"><pixels sizeX="96" sizeY="128">'
    '<dimension sizeX="96" sizeY="128" r="0" ifd="1"/>'
    '<dimension sizeX="48" sizeY="64" r="1" ifd="2"/></pixels>'
    '<view sizeX="48000" sizeY="64000" offsetX="9000" offsetY="9000"/>'
    "<scanSettings><objectiveSettings><objective>20</objective></objectiveSettings>"
    "</scanSettings></image>"
    '<supplementalImage type="label" ifd="3"/></collection></scn>'
)
VIPS = (
    '<image xmlns="http://www.vips.ecs.soton.ac.uk//dzsave"><properties>'
    "<property><name>openslide.mpp-x</name><value>0.24</value></property>"
    "<property><name>openslide.mpp-y</name><value>0.23</value></property>"
    "<property><name>openslide.objective-power</name><value>40</value></property>"
    "</properties></image>"
)
PHILIPS = (
    '<?xml version="1.0" encoding="UTF-8"?><DataObject ObjectType="DPUfsImport">'
    "<Attribute><Array>"
    '<DataObject ObjectType="PixelDataRepresentation">'
    '<Attribute Name="DICOM_PIXEL_SPACING">"0.00025" "0.00025"</Attribute></DataObject>'
    '<DataObject ObjectType="PixelDataRepresentation">'
    '<Attribute Name="DICOM_PIXEL_SPACING">"0.0005" "0.0005"</Attribute></DataObject>'
    "</Array></Attribute></DataObject>"
)


def picture_of(source: SlideSource, name: Literal["label", "macro"]) -> Image:
    picture: Image | None = source.read_associated(name)
    assert picture is not None
    return picture


def colored(value: int, shape: tuple[int, int] = (128, 96)) -> Image:
    """Return a picture of one colour."""
    return np.full((*shape, 3), (value, value + 1, value + 2), np.uint8)


def test_a_qptiff_s_pages_are_channels_with_names_and_colours(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "slide.qptiff"
    stains = [("DAPI", "0,0,255"), ("Opal 570", "255,128,0")]
    with tifffile.TiffWriter(path) as tiff:
        common: dict[str, Any] = {"software": "PerkinElmer-QPI", "metadata": None}
        for step in (1, 2):
            for n, (name, color) in enumerate(stains):
                text = QPI.format(kind="FullResolution", name=name, color=color).encode()
                page = np.full((128 // step, 96 // step), 10 * n + step, np.uint8)
                tiff.write(page, tile=(64, 64), description=text, **common)
            if step == 1:
                text = QPI.format(kind="Thumbnail", name="", color="").encode()
                tiff.write(colored(1, (32, 24)), description=text, photometric="rgb", **common)
        for kind, value in (("Overview", 70), ("Label", 80)):
            text = QPI.format(kind=kind, name="", color="").encode()
            tiff.write(colored(value, (30, 20)), description=text, photometric="rgb", **common)

    source = opened(path)

    info = source.info
    assert (info.frames, info.level_shapes) == ((("c", 2),), ((128, 96), (64, 48)))
    assert [(channel.label, channel.color) for channel in info.channels] == [
        ("DAPI", "0000FF"),
        ("Opal 570", "FF8000"),
    ]
    assert (info.mpp, info.magnification, info.series_count) == ((0.25, 0.25), 40, 1)
    assert (source.read_region(WHOLE, frame=(1,)) == 11).all()
    assert (source.read_region(Region(0, 0, 64, 48), 1, (0,)) == 2).all()
    assert np.array_equal(picture_of(source, "macro"), colored(70, (30, 20)))
    assert np.array_equal(picture_of(source, "label"), colored(80, (30, 20)))


def test_a_leica_slide_s_whole_glass_is_no_image(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "slide.scn"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(colored(50, (64, 48)), description=SCN, **TILES)
        tiff.write(colored(60), **TILES)
        tiff.write(colored(70, (64, 48)), **TILES)
        tiff.write(colored(80, (16, 16)), photometric="rgb", metadata=None)

    source = opened(path)

    info = source.info
    assert (info.level_shapes, info.series_count) == (((128, 96), (64, 48)), 1)
    assert (info.mpp, info.magnification) == ((0.5, 0.5), 20)
    assert (source.read_region(WHOLE) == colored(60)).all()
    assert np.array_equal(picture_of(source, "macro"), colored(50, (64, 48)))
    assert np.array_equal(picture_of(source, "label"), colored(80, (16, 16)))


def test_leica_s_fluorescence_has_channels_of_their_own(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "slide.scn"
    description = (
        '<scn><collection sizeX="9" sizeY="9"><image><pixels sizeX="96" sizeY="128">'
        '<dimension c="0" ifd="0"/><dimension c="1" ifd="1"/></pixels>'
        '<view sizeX="24000" sizeY="32000" offsetX="5" offsetY="5"/><scanSettings>'
        '<channelSettings><channel index="1" name="Cy5" rgb="#ff0000"/>'
        '<channel index="0" name="DAPI" rgb="#0000ff"/></channelSettings></scanSettings>'
        "</image></collection></scn>"
    )
    with tifffile.TiffWriter(path) as tiff:
        for n in range(2):
            text = description if n == 0 else None
            page = np.full((128, 96), 300 + n, np.uint16)
            tiff.write(page, tile=(64, 64), description=text, metadata=None)

    source = opened(path)

    found = [(channel.label, channel.color) for channel in source.info.channels]
    assert found == [("DAPI", "0000FF"), ("Cy5", "FF0000")]
    assert source.info.mpp == (0.25, 0.25)
    assert (source.read_region(WHOLE, frame=(1,)) == 301).all()


def test_a_philips_slide_has_levels_label_and_millimetres(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "slide.tiff"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(colored(60), description=PHILIPS, software="Philips DP v1.0", **TILES)
        tiff.write(colored(70, (64, 48)), subfiletype=1, **TILES)
        for name, value in (("Macro", 80), ("Label", 90)):
            tiff.write(colored(value, (20, 30)), description=name, photometric="rgb", metadata=None)

    source = opened(path)

    assert source.info.level_shapes == ((128, 96), (64, 48))
    assert source.info.mpp == (0.25, 0.25)
    assert np.array_equal(picture_of(source, "macro"), colored(80, (20, 30)))
    assert np.array_equal(picture_of(source, "label"), colored(90, (20, 30)))


def test_aperio_s_label_and_macro_are_found_by_their_descriptions(
    tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.svs"
    first = "Aperio Image Library v12\r\n96x128 (64x64) JPEG/RGB Q=70|AppMag = 40|MPP = 0.2500"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(colored(60), description=first, **TILES)
        tiff.write(colored(61, (32, 24)), description=first, photometric="rgb", metadata=None)
        # The other way round than Aperio writes them.
        for name, value in (("macro", 80), ("label", 90)):
            text = f"Aperio Image Library v12\r\n{name} 30x20"
            tiff.write(colored(value, (20, 30)), description=text, photometric="rgb", metadata=None)

    source = opened(path)

    assert (source.info.magnification, source.info.series_count) == (40, 1)
    assert np.array_equal(picture_of(source, "macro"), colored(80, (20, 30)))
    assert np.array_equal(picture_of(source, "label"), colored(90, (20, 30)))


def test_a_slide_without_label_has_none(svs: Path, opened: Open) -> None:
    source = opened(svs)

    assert source.read_associated("label") is None
    assert source.read_associated("macro") is None


def test_a_label_that_does_not_decode_is_named(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(colored(60), photometric="rgb", metadata={"axes": "YXS", "Name": "tissue"})
        options: dict[str, Any] = {"photometric": "rgb", "compression": "zlib"}
        tiff.write(colored(70), metadata={"axes": "YXS", "Name": "label"}, **options)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[1]
        start = page.dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[start : start + 8] = bytes(8)
    path.write_bytes(content)

    with pytest.raises(SourceError, match=r"slide\.ome\.tif: the picture of the label"):
        opened(path).read_associated("label")


def test_what_libvips_copied_from_openslide_is_known(open_tiff: Open) -> None:
    info = open_tiff(colored(60), description=VIPS, **TILES).info

    assert (info.mpp, info.magnification) == ((0.23, 0.24), 40)


def test_imagej_tells_sizes_in_its_unit_and_colours_of_channels(open_tiff: Open) -> None:
    tables = [np.zeros((3, 256), np.uint8) for _ in range(2)]
    tables[0][2], tables[1][1] = np.arange(256), np.arange(256)
    metadata = {"axes": "TZCYX", "spacing": 300, "finterval": 2.5, "unit": "nm", "LUTs": tables}
    pixels = np.zeros((2, 3, 2, 32, 24), np.uint16)

    info = open_tiff(pixels, imagej=True, resolution=(1 / 200, 1 / 100), metadata=metadata).info

    assert info.mpp == pytest.approx((0.1, 0.2))
    assert info.spacing == {"z": 0.3, "t": 2.5}
    assert [channel.color for channel in info.channels] == ["0000FF", "00FF00"]


def test_the_colour_profile_is_kept(open_tiff: Open) -> None:
    source = open_tiff(colored(60), iccprofile=b"a profile of colours", **TILES)

    assert source.info.icc_profile == b"a profile of colours"


@pytest.mark.parametrize(
    ("compression", "arguments", "method"),
    [
        pytest.param("webp", {"level": 80, "lossless": False}, "webp", id="WebP"),
        pytest.param("webp", {"lossless": True}, None, id="lossless WebP"),
        pytest.param("jpegxl", {"level": 80}, "jpegxl", id="JPEG XL"),
        pytest.param("jpegxr", {"level": 0.8}, "jpegxr", id="JPEG XR"),
        pytest.param("jpeg2000", {"level": 30, "reversible": False}, "jpeg2000", id="JPEG 2000"),
        pytest.param("jpeg2000", {"level": 0, "reversible": True}, None, id="lossless JPEG 2000"),
        pytest.param("zstd", {}, None, id="zstd"),
        pytest.param("lzw", {}, None, id="LZW"),
        pytest.param(None, {}, None, id="raw"),
    ],
)
def test_what_loses_something_is_history(
    slide: Image,
    tmp_path: Path,
    compression: str | None,
    arguments: dict[str, Any],
    method: str | None,
    opened: Open,
) -> None:
    path = tmp_path / "slide.tif"
    pixels = np.ascontiguousarray(slide[300:556, 200:456])
    tifffile.imwrite(
        path, pixels, compression=compression, compressionargs=arguments, tile=(128, 128)
    )

    source = opened(path)

    assert [step.method for step in source.info.history] == ([method] if method else [])
    found = source.read_region(Region(3, 5, 200, 180))
    assert (found == tifffile.imread(path)[3:203, 5:185]).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(
            {"software": "Ventana iScan", "extratags": [(700, "B", 8, b"<iScan/>", True)]},
            "is a Ventana BIF slide, .* OpenSlide",
            id="Ventana",
        ),
        pytest.param(
            {"software": "MedScan 2", "description": "OverlapsXY= 0 12 64 64; Objective=20"},
            "is a Trestle slide, .* OpenSlide",
            id="Trestle",
        ),
    ],
)
def test_tiles_that_overlap_are_refused(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, colored(60), **options, **TILES)

    with pytest.raises(SourceError, match=rf"slide\.tif {says}"):
        open_source(path)
