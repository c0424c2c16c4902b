"""DICOM slides, which pydicom writes here, and the shared ones where they stand beside."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

pytest.importorskip("wsidicom", reason="wsidicom is not installed")

from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Channel, Compression, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import FindFile, Image, Open, Psnr, Rng
from tests.converters.sources.dicom_writer import TILE, optical_path, write_dicom


@pytest.fixture
def color(tissue: Image) -> Image:
    return np.ascontiguousarray(np.moveaxis(tissue[:, :400, :300], 0, -1))


LENS = {"ObjectiveLensPower": 20.0, "ICCProfile": b"profile!"}


@pytest.fixture
def folder(color: Image, tmp_path: Path) -> Path:
    """Return a slide of two levels with a label, beside a file that is no DICOM."""
    path = tmp_path / "slide"
    path.mkdir()
    series = generate_uid()
    lossy: dict[str, Any] = {
        "LossyImageCompression": "01",
        "LossyImageCompressionMethod": ["ISO_15444_1", "ISO_10918_1"],
        "LossyImageCompressionRatio": [12.5, 7.25],
    }
    write_dicom(path / "a.dcm", [color], series=series, paths=[optical_path("1", **LENS)], **lossy)
    half = color.reshape(200, 2, 150, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    write_dicom(path / "b.dcm", [half], series=series, mpp=1.0, **lossy)
    label = np.full((TILE, TILE, 3), 99, np.uint8)
    write_dicom(path / "c.dcm", [label], series=series, flavour="LABEL")
    (path / "notes.txt").write_text("not DICOM")
    return path


def test_a_folder_is_a_slide(folder: Path, color: Image, psnr: Psnr, opened: Open) -> None:
    source = opened(folder)

    info = source.info
    assert (info.name, info.samples, info.frames, info.channels) == ("slide", 3, (), ())
    assert info.level_shapes == ((400, 300), (200, 150))
    assert info.mpp == pytest.approx((0.5, 0.5))
    assert info.size_bytes == sum(file.stat().st_size for file in folder.glob("*.dcm"))
    assert (info.magnification, info.icc_profile) == (20.0, b"profile!")
    assert info.history == (
        Compression(method="jpeg2000", ratio=12.5),
        Compression(method="jpeg", ratio=7.25),
    )
    region = Region(37, 51, 301, 203)
    assert psnr(source.read_region(region), color[region.slices]) > 35
    half = source.read_region(Region(10, 20, 100, 100), 1)
    assert psnr(half, color[20:220:2, 40:240:2]) > 20


def test_pictures_of_the_slide_are_read_unless_there_is_none(folder: Path, opened: Open) -> None:
    source = opened(folder)

    label = source.read_associated("label")
    assert label is not None
    assert (label.shape, int(label.mean())) == ((TILE, TILE, 3), 99)
    assert source.read_associated("macro") is None


def test_one_file_stands_for_all_of_its_slide(folder: Path, opened: Open) -> None:
    source = opened(folder / "b.dcm")

    assert source.info.level_shapes == ((400, 300), (200, 150))
    assert source.info.name == "b"


def test_several_slides_in_a_folder_are_named(folder: Path, color: Image, opened: Open) -> None:
    write_dicom(folder / "z.dcm", [color[:200]], series=generate_uid())

    with pytest.raises(SourceError, match=r"holds 2 DICOM slides: .*: a.dcm, z.dcm"):
        open_source(folder)
    assert opened(folder / "z.dcm").info.shape == (200, 300)
    assert opened(folder / "a.dcm").info.shape == (400, 300)


def test_without_a_word_on_loss_the_transfer_syntax_tells(
    color: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.dcm"
    write_dicom(path, [color], series=generate_uid())

    (step,) = opened(path).info.history

    assert step == Compression(method="jpeg", ratio=round(color.nbytes / path.stat().st_size, 2))


def test_optical_paths_and_focal_planes_are_frames(rng: Rng, tmp_path: Path, opened: Open) -> None:
    planes = [rng.integers(0, 65536, (200, 150)).astype(np.uint16) for _ in range(6)]
    paths = [
        optical_path("1", OpticalPathDescription="DAPI"),
        optical_path("2", OpticalPathDescription="GFP"),
    ]
    path = tmp_path / "cells.dcm"
    write_dicom(path, planes, series=generate_uid(), paths=paths, depths=3)

    source = opened(path)

    info = source.info
    assert (info.samples, info.dtype.name, info.significant_bits) == (1, "uint16", None)
    assert info.frames == (("c", 2), ("z", 3))
    assert info.channels == (Channel(label="DAPI"), Channel(label="GFP"))
    assert info.spacing == pytest.approx({"z": 2.0})
    assert info.history == ()
    # Optical paths change slowest, then depths.
    for c, z in np.ndindex(2, 3):
        found = source.read_region(Region(3, 5, 190, 140), frame=(c, z))
        assert (found[..., 0] == planes[3 * c + z][3:193, 5:145]).all()


def test_pieces_of_tissue_that_were_scanned_apart_are_series(
    color: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "1.2.3"
    path.mkdir()
    series = generate_uid()
    for number, height in enumerate((400, 200)):
        origin = Dataset()
        origin.XOffsetInSlideCoordinateSystem = 5.0 * number
        origin.YOffsetInSlideCoordinateSystem = 3.0
        origins = Sequence([origin])
        write_dicom(
            path / f"{number}.dcm",
            [color[:height]],
            series=series,
            TotalPixelMatrixOriginSequence=origins,
            ImageOrientationSlide=[0, -1, 0, -1, 0, 0],
        )

    sources = [opened(path, series=number) for number in (0, 1)]

    assert [source.info.name for source in sources] == ["1.2.3", "1.2.3-1"]
    assert {source.info.series_count for source in sources} == {2}
    assert {source.info.shape for source in sources} == {(400, 300), (200, 300)}
    for source in sources:
        pixels = source.read_region(Region(0, 0, 150, 150))
        assert abs(pixels.astype(int) - color[:150, :150]).mean() < 4


def test_a_file_without_image_type_is_named(color: Image, tmp_path: Path) -> None:
    write_dicom(tmp_path / "slide.dcm", [color], series=generate_uid(), ImageType=None)

    with pytest.raises(SourceError, match=r"slide.dcm says no ImageType"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"no DICOM", id="text"),
        pytest.param(bytes(128) + b"DICM\x02\0", id="only a start"),
    ],
)
def test_other_content_behind_the_suffix_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "slide.dcm"
    path.write_bytes(data)

    with pytest.raises(SourceError, match=r"slide.dcm is not a DICOM file of a whole slide"):
        open_source(path)


def test_a_file_that_is_cut_off_is_refused_or_its_region_is_named(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = folder / "a.dcm"
    file.write_bytes(file.read_bytes()[:-9000])
    (folder / "b.dcm").unlink()

    with pytest.raises(SourceError, match=r"slide: .*(is no DICOM slide|do not decode)"):
        open_source(folder).read_region(Region(256, 200, 144, 100))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["CMU-1-Small-Region", "CMU-1-Small-Region-J2K"])
def test_real_slides_have_the_pixels_of_the_slide_they_were_made_from(
    shared_slide: FindFile, opened: Open, name: str
) -> None:
    source = opened(shared_slide(f"dicom-wsi/{name}"))
    original = tifffile.imread(shared_slide("aperio-svs/CMU-1-Small-Region.svs"))

    assert source.info.mpp == pytest.approx((0.499, 0.499))
    assert [step.method for step in source.info.history] == ["jpeg"]
    for region in (Region(1003, 505, 400, 300), Region(2900, 2200, 67, 20)):
        difference = source.read_region(region).astype(int) - original[region.slices]
        assert np.abs(difference).max() <= 2
    assert source.read_associated("macro") is not None


@pytest.mark.parametrize(
    ("name", "whole", "damaged", "says"),
    [
        pytest.param(
            *("a.dcm", b"\x08\0\x18\0UI", b"\x08\0\x19\0UI"),
            r"a\.dcm belongs to the slide, and wsidicom leaves it out: its header is damaged",
            id="an attribute that is absent",
        ),
        pytest.param(
            *("a.dcm", b"\x48\0\x03\x03UL\x04\0", b"\x48\0\x03\x03UL\x06\0"),
            r"it is no DICOM slide: it is damaged",
            id="a value of the wrong length",
        ),
        pytest.param(
            *("a.dcm", b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.90"),
            r"level 0 do not decode: not a J2K or JP2",
            id="frames of another kind",
        ),
        pytest.param(
            *("a.dcm", b"OB\0\0\xff\xff\xff\xff\xfe", b"OB\0\0\xff\xff\xff\xff\xfd"),
            r"level 0 do not decode: .* ItemTag",
            id="frames without their mark",
        ),
    ],
)
def test_damage_is_told_without_words_of_python(
    opened: Open, folder: Path, name: str, whole: bytes, damaged: bytes, says: str
) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(whole, damaged, 1))

    with pytest.raises(SourceError, match=says) as refused:
        opened(folder).read_region(Region(0, 0, 400, 300))

    assert not re.search(r"0x[0-9a-f]{6}|object|Error\(|WsiDicom", str(refused.value))


@pytest.mark.parametrize("tag", [b"\x08\0\x16\0UI", b"\x20\0\x0e\0UI"])
def test_a_header_of_unknown_values_is_no_dicom_of_a_slide(folder: Path, tag: bytes) -> None:
    content = (folder / "a.dcm").read_bytes()
    (folder / "a.dcm").write_bytes(content.replace(tag, tag[:-1] + b"\x01"))

    with pytest.raises(SourceError, match="is not a DICOM file of a whole slide"):
        open_source(folder / "a.dcm")


@pytest.mark.parametrize("chosen", ["", "a.dcm"])
@pytest.mark.parametrize(
    ("whole", "damaged"),
    [
        pytest.param(b"\x08\0\x16\0UI", b"\x08\0\x16\0U\x01", id="its kind has no type"),
        pytest.param(b"\x08\0\x16\0UI", b"\x08\0\x17\0UI", id="its kind is not there"),
        pytest.param(b"\x20\0\x0e\0UI", b"\x20\0\x0f\0UI", id="its slide is not there"),
        pytest.param(b"DICM", b"DIC\0", id="it does not begin as DICOM"),
        pytest.param(b"\x48\0\x06\0UL", b"\x48\0\x05\0UL", id="it has no size"),
        pytest.param(b"VOLUME", b"VOLUMF", id="an image of no known kind"),
        pytest.param(b"\x20\0\x0d\0UI", b"\x20\0\x0c\0UI", id="its study is not there"),
    ],
)
def test_a_file_whose_header_is_damaged_is_named(
    folder: Path, whole: bytes, damaged: bytes, chosen: str
) -> None:
    content = (folder / "b.dcm").read_bytes()
    assert whole in content
    (folder / "b.dcm").write_bytes(content.replace(whole, damaged, 1))

    with pytest.raises(SourceError, match=r"b\.dcm .* header is damaged"):
        open_source(folder / chosen)


def test_other_dicom_files_beside_a_slide_are_left_alone(folder: Path, opened: Open) -> None:
    other: Any = dcmread(folder / "c.dcm")
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    other.save_as(folder / "report.dcm")

    assert opened(folder).info.level_shapes == ((400, 300), (200, 150))


def test_more_focal_planes_than_a_slide_can_have_are_refused(folder: Path) -> None:
    one = b"\x48\0\x03\x03UL\x04\0\x01\0\0\0"
    content = (folder / "c.dcm").read_bytes()
    (folder / "c.dcm").write_bytes(content.replace(one, one[:-1] + b"\x7f"))

    with pytest.raises(SourceError, match=r"c\.dcm says that it has 2130706433 focal planes"):
        open_source(folder)
