"""Several images in one TIFF file, and one image in several OME-TIFF files."""

import pickle
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Channel, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Open

WHOLE = Region(0, 0, 60, 50)
SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
FILES = ("first.ome.tif", "second.ome.tif")


@pytest.fixture
def planes() -> NDArray[np.uint16]:
    """Return two channels (c, y, x)."""
    return np.random.default_rng(8).integers(0, 4096, (2, 60, 50), dtype=np.uint16)


@pytest.fixture
def two_images(tmp_path: Path) -> Path:
    """Return an OME-TIFF of a grey and an RGB image, of a label and of a macro."""
    path = tmp_path / "images.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        grey = {"axes": "YX", "Name": "cells", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        tiff.write(np.full((60, 50), 700, np.uint16), metadata=grey, photometric="minisblack")
        for name, value in (("tissue", 90), ("label image", 10), ("macro", 20)):
            pixels = np.full((60, 50, 3), value, np.uint8)
            metadata = {"axes": "YXS", "Name": name, "PhysicalSizeX": 250, "PhysicalSizeY": 250}
            units = {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
            tiff.write(pixels, metadata={**metadata, **units}, photometric="rgb")
    return path


def ome_xml(uuid: str) -> str:
    """Return the description of one image whose two channels are in two files."""
    data = "".join(
        f'<TiffData FirstC="{n}" FirstT="0" FirstZ="0" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{n}</UUID></TiffData>'
        for n, name in enumerate(FILES)
    )
    return (
        f'<OME xmlns="{SCHEMA}" UUID="{uuid}">'
        '<Instrument ID="Instrument:0">'
        '<Objective ID="Objective:0" NominalMagnification="63"/></Instrument>'
        '<Image ID="Image:0" Name="set"><ObjectiveSettings ID="Objective:0"/>'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="50" SizeY="60" '
        'SizeC="2" SizeT="1" SizeZ="1" SignificantBits="12" PhysicalSizeX="0.1" '
        'PhysicalSizeY="0.2" PhysicalSizeZ="300" PhysicalSizeZUnit="nm">'
        '<Channel ID="Channel:0:0" Name="DAPI" Color="65535" SamplesPerPixel="1"/>'
        '<Channel ID="Channel:0:1" Fluor="Cy5" SamplesPerPixel="1"/>'
        f"{data}</Pixels></Image></OME>"
    )


def write_files(folder: Path, planes: NDArray[Any], describe: Callable[[int], str]) -> list[Path]:
    """Write one channel a file, with the description of each."""
    options: dict[str, Any] = {"metadata": None, "tile": (32, 32), "compression": "deflate"}
    for n, name in enumerate(FILES):
        tifffile.imwrite(folder / name, planes[n], description=describe(n), **options)
    return [folder / name for name in FILES]


def write_stack(path: Path, planes: NDArray[Any], data: str, **options: Any) -> None:
    """Write two channels of three depths of which `data`, TiffData elements, tells the pages."""
    height, width = planes.shape[-2:]
    xml = (
        f'<OME xmlns="{SCHEMA}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        f'Type="uint16" SizeX="{width}" SizeY="{height}" SizeC="2" SizeT="1" SizeZ="3">'
        f"{data}</Pixels></Image></OME>"
    )
    with tifffile.TiffWriter(path) as tiff:
        for n, plane in enumerate(planes):
            tiff.write(plane, description=xml if n == 0 else None, metadata=None, **options)


def tiff_data(c: int, z: int, ifd: int, count: int = 1) -> str:
    return f'<TiffData FirstC="{c}" FirstZ="{z}" FirstT="0" IFD="{ifd}" PlaneCount="{count}"/>'


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"contiguous": False}, id="raw"),
        pytest.param({"tile": (32, 32), "compression": "deflate"}, id="tiles"),
    ],
)
@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(
            tiff_data(0, 0, 0, 2) + tiff_data(1, 1, 2),
            r"does not hold 3 of the 6 planes of level 0 .*: c 0, z 2; c 1, z 0; c 1, z 2\. Copy",
            id="not named",
        ),
        pytest.param(
            tiff_data(0, 0, 0, 3) + tiff_data(1, 0, 2, 3),
            r"2 of the 6 planes of level 0 .*: c 1, z 1; c 1, z 2\.",
            id="in pages that are not there",
        ),
        pytest.param(tiff_data(1, 2, 0), r"5 of the 6 .*: c 0, z 0; .*; and 1 more\.", id="many"),
    ],
)
def test_planes_that_no_file_holds_are_refused_by_their_place(
    planes: NDArray[np.uint16], tmp_path: Path, data: str, says: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "half.ome.tif"
    write_stack(path, planes[[0, 1, 0]], data, **options)

    with pytest.raises(SourceError, match=says):
        open_source(path)


def test_a_file_of_a_set_that_lacks_a_page_is_refused(
    planes: NDArray[np.uint16], tmp_path: Path
) -> None:
    first, _ = write_files(tmp_path, planes, lambda n: ome_xml(f"urn:uuid:{n}"))
    xml = ome_xml("urn:uuid:0").replace('FirstC="1" FirstT="0" FirstZ="0" IFD="0"',
                                        'FirstC="1" FirstT="0" FirstZ="0" IFD="1"')  # fmt: skip
    tifffile.imwrite(first, planes[0], description=xml, metadata=None)

    with pytest.raises(SourceError, match=r"does not hold 1 of the 2 planes .*: c 1\. Copy"):
        open_source(first)


def test_planes_may_be_named_in_any_order(
    planes: NDArray[np.uint16], tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "whole.ome.tif"
    data = tiff_data(1, 0, 0, 3) + tiff_data(0, 0, 3, 3)
    write_stack(path, planes[[0, 0, 0, 1, 1, 1]], data, contiguous=False)

    source = opened(path)

    assert (source.read_region(WHOLE, frame=(0, 1))[..., 0] == planes[1]).all()
    assert (source.read_region(WHOLE, frame=(1, 2))[..., 0] == planes[0]).all()


@pytest.mark.parametrize("which", [0, 1])
def test_any_file_of_a_set_opens_the_whole_set(
    planes: NDArray[np.uint16], tmp_path: Path, which: int, opened: Open
) -> None:
    paths = write_files(tmp_path, planes, lambda n: ome_xml(f"urn:uuid:{n}"))

    source = opened(paths[which])

    assert source.info.frames == (("c", 2),)
    assert source.info.channels == (Channel(label="DAPI", color="0000FF"), Channel(label="Cy5"))
    assert source.info.mpp == (0.2, 0.1)
    assert (source.info.magnification, source.info.significant_bits) == (63, 12)
    assert source.info.size_bytes == sum(path.stat().st_size for path in paths)
    assert source.info.ome_xml == ome_xml(f"urn:uuid:{which}")
    for channel in range(2):
        assert (source.read_region(WHOLE, frame=(channel,))[..., 0] == planes[channel]).all()


def test_a_set_with_a_file_missing_is_refused_by_that_file_s_name(
    planes: NDArray[np.uint16], tmp_path: Path
) -> None:
    first, second = write_files(tmp_path, planes, lambda n: ome_xml(f"urn:uuid:{n}"))
    second.unlink()

    with pytest.raises(SourceError, match=r"first\.ome\.tif .* second\.ome\.tif is not beside it"):
        open_source(first)


def test_a_set_that_another_file_describes_is_read_by_it(
    planes: NDArray[np.uint16], tmp_path: Path, opened: Open
) -> None:
    pointer = '<OME xmlns="{}"><BinaryOnly MetadataFile="set.companion.ome" UUID="x"/></OME>'
    paths = write_files(tmp_path, planes, lambda _: pointer.format(SCHEMA))
    (tmp_path / "set.companion.ome").write_text(ome_xml("urn:uuid:companion"))

    source = opened(paths[1])

    assert source.info.frames == (("c", 2),)
    assert (source.read_region(WHOLE, frame=(0,))[..., 0] == planes[0]).all()


def test_a_set_whose_description_is_missing_is_refused(
    planes: NDArray[np.uint16], tmp_path: Path
) -> None:
    pointer = f'<OME xmlns="{SCHEMA}"><BinaryOnly MetadataFile="set.companion.ome"/></OME>'
    paths = write_files(tmp_path, planes, lambda _: pointer)

    with pytest.raises(SourceError, match=r"set\.companion\.ome describes, .* not beside it"):
        open_source(paths[0])


def test_images_open_by_index_and_have_their_own_metadata(two_images: Path, opened: Open) -> None:
    grey, rgb = (opened(two_images, series=n).info for n in (0, 1))

    assert (grey.name, grey.samples, grey.mpp) == ("images", 1, (0.5, 0.5))
    assert (rgb.name, rgb.samples, rgb.mpp) == ("images-1", 3, (0.25, 0.25))
    assert (grey.series, rgb.series, rgb.series_count) == (0, 1, 2)


def test_a_later_image_pickles_by_its_index(two_images: Path, opened: Open) -> None:
    with closing(pickle.loads(pickle.dumps(opened(two_images, series=1)))) as copy:
        assert (copy.read_region(WHOLE) == 90).all()


def test_label_and_macro_are_no_images_but_pictures(two_images: Path, opened: Open) -> None:
    source = opened(two_images)

    label, macro = source.read_associated("label"), source.read_associated("macro")
    assert label is not None
    assert macro is not None
    assert (label == np.full((60, 50, 3), 10)).all()
    assert (macro == np.full((60, 50, 3), 20)).all()
