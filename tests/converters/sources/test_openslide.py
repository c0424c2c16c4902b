"""OpenSlide as a source: the pixels that tifffile reads, and what OpenSlide says beside them."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Compression
from numcodecs_neural.errors import SourceError

pytest.importorskip("openslide", reason="openslide-python and openslide-bin are not installed")

from PIL import Image

from numcodecs_neural.converters import sources
from numcodecs_neural.converters.sources.openslide import source as openslide
from tests.annotations import FindFile, Open
from tests.converters.sources.mirax_writer import write_mirax


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return the reader's `open_source`; what it opened is closed after the test."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(openslide.open_source(path)))


@pytest.fixture
def tiled(slide: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a pyramid that OpenSlide calls a generic tiled TIFF."""
    path = tmp_path / "slide.tif"
    with tifffile.TiffWriter(path) as tiff:
        for n, pixels in enumerate((slide[:1500, :1300], slide[:1500:2, :1300:2])):
            tiff.write(
                pixels,
                tile=(256, 256),
                compression="deflate",
                photometric="rgb",
                resolution=(40000 / 2**n, 20000 / 2**n),
                resolutionunit="CENTIMETER",
                subfiletype=min(n, 1),
                metadata=None,
            )
    return path


def test_all_levels_have_the_pixels_that_tifffile_reads(tiled: Path, opened: Open) -> None:
    source = opened(tiled)

    info = source.info
    assert (info.name, info.samples, info.frames) == ("slide", 3, ())
    assert info.level_shapes == ((1500, 1300), (750, 650))
    assert info.mpp == pytest.approx((0.5, 0.25))
    assert info.size_bytes == tiled.stat().st_size
    with tifffile.TiffFile(tiled) as tiff:
        pages = [page.asarray() for page in tiff.pages]
    for level, expected in enumerate(pages):
        assert (source.read_region(Region(0, 0, *expected.shape[:2]), level) == expected).all()


@pytest.mark.parametrize(
    ("name", "mpp", "power", "pictures"),
    [
        ("aperio-svs/CMU-1-Small-Region.svs", 0.499, 20.0, {"label", "macro"}),
        ("hamamatsu-ndpi/test3-DAPI-2-387.ndpi", 0.2281750559, 40.0, {"macro"}),
    ],
)
def test_real_slides_have_the_pixels_that_tifffile_reads(
    shared_slide: FindFile, opened: Open, name: str, mpp: float, power: float, pictures: set[str]
) -> None:
    path = shared_slide(name)
    source = opened(path)

    assert source.info.mpp == pytest.approx((mpp, mpp))
    assert source.info.magnification == power
    with tifffile.TiffFile(path) as tiff:
        whole = tiff.series[0].levels[0].asarray()
    for region in (Region(1003, 505, 400, 300), Region(2900, 2200, 67, 20)):
        difference = source.read_region(region).astype(int) - whole[region.slices]
        # Decoders of JPEG may differ by a level or two.
        assert np.abs(difference).max() <= 2
    for kind in ("label", "macro"):
        picture = source.read_associated(kind)
        assert (picture is not None) == (kind in pictures)
        assert picture is None or (picture.ndim == 3 and picture.shape[2] == 3)


def test_a_mirax_slide_is_read_over_its_own_background(
    slide: NDArray[np.uint8], tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.mrxs"
    pixels = slide[256:512, 256:640]
    write_mirax(path, pixels, missing=(1, 2), fill=0xE6F0FA)

    source = opened(path)

    info = source.info
    assert info.level_shapes == ((256, 384), (128, 192))
    assert (info.mpp, info.magnification, info.history) == ((0.25, 0.25), 20.0, ())
    files = [path, *(tmp_path / "slide").iterdir()]
    assert info.size_bytes == sum(file.stat().st_size for file in files)
    expected = pixels.copy()
    expected[128:, 256:] = (0xFA, 0xF0, 0xE6)
    for region in (Region(0, 0, 256, 384), Region(100, 230, 60, 70)):
        assert (source.read_region(region) == expected[region.slices]).all()
    assert (source.read_region(Region(0, 0, 128, 192), 1) == pixels[::2, ::2]).all()


def test_a_vms_slide_is_read_with_the_files_it_names(
    slide: NDArray[np.uint8], tmp_path: Path, opened: Open
) -> None:
    path, picture, small = (tmp_path / name for name in ("slide.vms", "image.jpg", "map.jpg"))
    # OpenSlide finds tiles by the JPEG's restart markers.
    Image.fromarray(slide[:512, :640]).save(picture, subsampling=0, restart_marker_blocks=16)
    Image.fromarray(slide[:512:16, :640:16]).save(small, subsampling=0, restart_marker_blocks=5)
    path.write_text(
        "[Virtual Microscope Specimen]\nNoLayers=1\nNoJpegColumns=1\nNoJpegRows=1\n"
        "ImageFile=image.jpg\nMapFile=map.jpg\nMacroImage=map.jpg\nOptimisationFile=\n"
        "PhysicalWidth=320000\nPhysicalHeight=256000\nSourceLens=20\n"
    )

    source = opened(path)

    info = source.info
    assert (info.shape, info.mpp, info.magnification) == ((512, 640), (0.5, 0.5), 20.0)
    assert info.size_bytes == sum(file.stat().st_size for file in (path, picture, small))
    ratio = round(512 * 640 * 3 / (info.size_bytes or 1), 2)
    assert info.history == (Compression(method="jpeg", ratio=ratio),)
    with Image.open(picture) as image:
        decoded = np.asarray(image).astype(int)
    region = Region(111, 222, 300, 333)
    assert np.abs(source.read_region(region) - decoded[region.slices]).max() <= 2
    macro = source.read_associated("macro")
    assert macro is not None
    assert macro.shape == (32, 40, 3)


def test_the_colour_profile_is_kept(shared_slide: FindFile, opened: Open) -> None:
    source = opened(shared_slide("aperio-svs/TCGA-CR-7395-01A-01-TS1.svs"))

    profile = source.info.icc_profile
    assert profile is not None
    assert profile[36:40] == b"acsp"


def test_what_was_not_scanned_has_the_background_s_colour() -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, 0] = (10, 20, 30, 255)
    pixels[0, 1] = (200, 100, 0, 51)

    found = openslide._opaque(Image.fromarray(pixels), openslide._color("FF8040"))

    # The second is a fifth of its own colour and four fifths of the background's.
    assert found.tolist() == [[[10, 20, 30], [244, 122, 51], [255, 128, 64]]]
    assert openslide._color("no colour").tolist() == [255, 255, 255]
    assert openslide._color(None).tolist() == [255, 255, 255]


def test_a_mirax_slide_without_its_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.mrxs"
    path.write_bytes(b"\xff\xd8\xff\xe0")

    with pytest.raises(SourceError, match=r"slide.mrxs .* in a folder slide that belongs beside"):
        sources.open_source(path)


@pytest.mark.parametrize("suffix", [".mrxs", ".vms", ".svslide", ".bif"])
def test_other_content_behind_a_suffix_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"slide{suffix}"
    path.write_bytes(b"something else")
    path.with_suffix("").mkdir()

    with pytest.raises(SourceError, match=rf"slide\{suffix} cannot be read by OpenSlide"):
        sources.open_source(path)


def test_a_slide_that_is_cut_off_is_refused_or_its_region_is_named(
    tiled: Path, opened: Open
) -> None:
    data = bytearray(tiled.read_bytes())
    with tifffile.TiffFile(tiled) as tiff:
        page = tiff.pages.first
        offset, count = page.dataoffsets[-1], page.databytecounts[-1]
    data[offset : offset + count] = bytes(count)
    tiled.write_bytes(data)
    source = opened(tiled)

    with pytest.raises(SourceError, match=r"row 1400, column 1290 of level 0 do not decode"):
        source.read_region(Region(1400, 1290, 10, 10))


def test_files_of_a_slide_count_together(tmp_path: Path) -> None:
    mirax, vms = tmp_path / "slide.mrxs", tmp_path / "other.vms"
    mirax.write_bytes(bytes(10))
    (tmp_path / "slide").mkdir()
    (tmp_path / "slide" / "Data0000.dat").write_bytes(bytes(1000))
    (tmp_path / "slide" / "Slidedat.ini").write_bytes(bytes(100))
    (tmp_path / "map.jpg").write_bytes(bytes(500))
    vms.write_text("[Virtual Microscope Specimen]\nMapFile=map.jpg\nImageFile=missing.jpg\n")

    assert openslide.files_nbytes(mirax) == 1110
    assert openslide.files_nbytes(vms) == 500 + vms.stat().st_size


MIRAX = "mirax.LAYER_0_LEVEL_0_SECTION."


@pytest.mark.parametrize(
    ("name", "properties", "steps"),
    [
        pytest.param(
            "a.mrxs",
            {
                "openslide.vendor": "mirax",
                f"{MIRAX}IMAGE_FORMAT": "JPEG",
                f"{MIRAX}IMAGE_COMPRESSION_FACTOR": "80",
            },
            (Compression(method="jpeg", quality=80, ratio=12.35),),
            id="MIRAX in JPEG",
        ),
        pytest.param(
            "a.mrxs",
            {"openslide.vendor": "mirax", f"{MIRAX}IMAGE_FORMAT": "PNG"},
            (),
            id="MIRAX in PNG",
        ),
        pytest.param("a.vms", {}, (Compression(method="jpeg", ratio=12.35),), id="VMS"),
        pytest.param("a.vmu", {}, (), id="VMU is raw"),
    ],
)
def test_compression_is_what_the_slide_or_its_kind_says(
    name: str, properties: dict[str, str], steps: tuple[Compression, ...]
) -> None:
    assert openslide.compression_steps(properties, Path(name), ratio=12.3456) == steps


def test_unknown_compression_is_said_to_be_unknown() -> None:
    (step,) = openslide.compression_steps({}, Path("a.bif"), ratio=3)

    assert (step.method, step.ratio) == ("unknown", 3)
    assert "does not tell" in step.details["note"]
