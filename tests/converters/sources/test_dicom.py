"""DICOM slides, which pydicom writes here, and the shared ones where they stand beside."""

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

pytest.importorskip("wsidicom", reason="wsidicom is not installed")

from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Channel, Compression, SlideSource, open_source
from numcodecs_neural.converters.sources.dicom import DicomSource
from numcodecs_neural.errors import SourceError

TILE = 128


def frames_of(pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the tiles of a level, row by row, edges padded by repetition."""
    height, width = pixels.shape[:2]
    padding = ((0, -height % TILE), (0, -width % TILE), *((0, 0),) * (pixels.ndim - 2))
    padded = np.pad(pixels, padding, mode="edge")
    rows, columns = padded.shape[0] // TILE, padded.shape[1] // TILE
    return [
        padded[TILE * row : TILE * row + TILE, TILE * column : TILE * column + TILE]
        for row in range(rows)
        for column in range(columns)
    ]


def jpeg(frame: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def optical_path(identifier: str, **values: Any) -> Dataset:
    path = Dataset()
    path.OpticalPathIdentifier = identifier
    for name, value in values.items():
        setattr(path, name, value)
    return path


def write_dicom(
    path: Path,
    planes: list[NDArray[Any]],
    *,
    series: str,
    mpp: float = 0.5,
    flavour: str = "VOLUME",
    paths: list[Dataset] | None = None,
    depths: int = 1,
    **values: Any,
) -> None:
    """Write one instance: tiles of all planes, optical paths outermost, then depths."""
    first = planes[0]
    is_rgb = first.ndim == 3
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if is_rgb else ExplicitVRLittleEndian
    data.StudyInstanceUID = data.SeriesInstanceUID = data.FrameOfReferenceUID = series
    data.ImageType = ["ORIGINAL", "PRIMARY", flavour, "NONE"]
    data.Modality = "SM"
    data.DimensionOrganizationType = "TILED_FULL"
    data.Rows = data.Columns = TILE
    data.TotalPixelMatrixRows, data.TotalPixelMatrixColumns = first.shape[:2]
    data.TotalPixelMatrixFocalPlanes = depths
    data.SamplesPerPixel = 3 if is_rgb else 1
    data.PhotometricInterpretation = "YBR_FULL" if is_rgb else "MONOCHROME2"
    if is_rgb:
        data.PlanarConfiguration = 0
    data.BitsAllocated = 8 * first.dtype.itemsize
    data.BitsStored = data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = 0
    data.ImagedVolumeWidth = first.shape[1] * mpp / 1000
    data.ImagedVolumeHeight = first.shape[0] * mpp / 1000
    data.ImagedVolumeDepth = 0.001
    data.FocusMethod = "AUTO"
    data.ExtendedDepthOfField = "NO"
    data.BurnedInAnnotation = "NO"
    data.SpecimenLabelInImage = "NO"
    measures = Dataset()
    measures.PixelSpacing = [mpp / 1000, mpp / 1000]
    measures.SliceThickness = 0.001
    measures.SpacingBetweenSlices = 0.002
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    data.OpticalPathSequence = Sequence(paths or [optical_path("1")])
    data.NumberOfOpticalPaths = len(data.OpticalPathSequence)
    for name, value in values.items():
        setattr(data, name, value)
    frames = [frame for plane in planes for frame in frames_of(plane)]
    data.NumberOfFrames = len(frames)
    if is_rgb:
        data.PixelData = encapsulate([jpeg(frame) for frame in frames])
        data["PixelData"].is_undefined_length = True
    else:
        data.PixelData = b"".join(frame.tobytes() for frame in frames)
    data["PixelData"].VR = "OB" if data.BitsAllocated == 8 else "OW"
    data.save_as(path, enforce_file_format=True)


@pytest.fixture
def opened() -> Iterator[Callable[..., SlideSource]]:
    """Return `open_source`; what it opened is closed after the test."""
    with ExitStack() as stack:
        yield lambda path, **options: stack.enter_context(closing(open_source(path, **options)))


@pytest.fixture
def color(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.moveaxis(tissue[:, :400, :300], 0, -1))


LENS = {"ObjectiveLensPower": 20.0, "ICCProfile": b"profile!"}


@pytest.fixture
def folder(color: NDArray[np.uint8], tmp_path: Path) -> Path:
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


def test_a_folder_is_a_slide(
    folder: Path,
    color: NDArray[np.uint8],
    psnr: Callable[..., float],
    opened: Callable[..., SlideSource],
) -> None:
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


def test_pictures_of_the_slide_are_read_unless_there_is_none(
    folder: Path, opened: Callable[..., SlideSource]
) -> None:
    source = opened(folder)

    label = source.read_associated("label")
    assert label is not None
    assert (label.shape, int(label.mean())) == ((TILE, TILE, 3), 99)
    assert source.read_associated("macro") is None


def test_one_file_stands_for_all_of_its_slide(
    folder: Path, opened: Callable[..., SlideSource]
) -> None:
    source = opened(folder / "b.dcm")

    assert source.info.level_shapes == ((400, 300), (200, 150))
    assert source.info.name == "b"


def test_several_slides_in_a_folder_are_named(
    folder: Path, color: NDArray[np.uint8], opened: Callable[..., SlideSource]
) -> None:
    write_dicom(folder / "z.dcm", [color[:200]], series=generate_uid())

    with pytest.raises(SourceError, match=r"holds 2 DICOM slides: .*: a.dcm, z.dcm"):
        open_source(folder)
    assert opened(folder / "z.dcm").info.shape == (200, 300)
    assert opened(folder / "a.dcm").info.shape == (400, 300)


def test_without_a_word_on_loss_the_transfer_syntax_tells(
    color: NDArray[np.uint8], tmp_path: Path, opened: Callable[..., SlideSource]
) -> None:
    path = tmp_path / "slide.dcm"
    write_dicom(path, [color], series=generate_uid())

    (step,) = opened(path).info.history

    assert step == Compression(method="jpeg", ratio=round(color.nbytes / path.stat().st_size, 2))


def test_optical_paths_and_focal_planes_are_frames(
    rng: np.random.Generator, tmp_path: Path, opened: Callable[..., SlideSource]
) -> None:
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
    for c in range(2):
        for z in range(3):
            found = source.read_region(Region(3, 5, 190, 140), frame=(c, z))
            assert (found[..., 0] == planes[3 * c + z][3:193, 5:145]).all()


def test_pieces_of_tissue_that_were_scanned_apart_are_series(
    color: NDArray[np.uint8], tmp_path: Path, opened: Callable[..., SlideSource]
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


def test_threads_and_other_processes_read_the_same_pixels(
    folder: Path, opened: Callable[..., SlideSource]
) -> None:
    source = opened(folder)
    pieces = [Region(y, x, 60, 50) for y in range(0, 340, 30) for x in range(0, 250, 30)]
    expected = [source.read_region(piece) for piece in pieces]

    with ThreadPoolExecutor(8) as pool, closing(pickle.loads(pickle.dumps(source))) as copy:
        found = list(pool.map(copy.read_region, pieces))

    assert isinstance(copy, DicomSource)
    assert copy.info == source.info
    assert all((a == b).all() for a, b in zip(found, expected, strict=True))


def test_no_such_series_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match="has no series 1: it holds one image: series 0"):
        open_source(folder, series=1)


def test_a_file_without_image_type_is_named(color: NDArray[np.uint8], tmp_path: Path) -> None:
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
    shared_slide: Callable[[str], Path], opened: Callable[..., SlideSource], name: str
) -> None:
    source = opened(shared_slide(f"dicom-wsi/{name}"))
    original = tifffile.imread(shared_slide("aperio-svs/CMU-1-Small-Region.svs"))

    assert source.info.mpp == pytest.approx((0.499, 0.499))
    assert [step.method for step in source.info.history] == ["jpeg"]
    for region in (Region(1003, 505, 400, 300), Region(2900, 2200, 67, 20)):
        difference = source.read_region(region).astype(int) - original[region.slices]
        assert np.abs(difference).max() <= 2
    assert source.read_associated("macro") is not None


def test_a_real_file_without_image_type_is_refused(shared_slide: Callable[[str], Path]) -> None:
    with pytest.raises(SourceError, match=r"small_dicom.dcm says no ImageType"):
        open_source(shared_slide("dicom-wsi/pathml-small"))
