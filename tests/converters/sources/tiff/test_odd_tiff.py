"""TIFF files that are cut off, mixed or unusual: what is not all there is never read as less."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Open, Rng

HEIGHT, WIDTH = 40, 50
WHOLE = Region(0, 0, HEIGHT, WIDTH)


@pytest.fixture
def stack(rng: Rng) -> NDArray[np.uint16]:
    """Return (t, c, z, y, x) of noise without zeros."""
    return rng.integers(1, 65536, (2, 3, 4, HEIGHT, WIDTH)).astype(np.uint16)


def cut(path: Path, part: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"ome": True, "metadata": {"axes": "TCZYX"}}, id="OME-TIFF"),
        pytest.param({"imagej": True, "metadata": {"axes": "TZCYX"}}, id="ImageJ"),
    ],
)
def test_a_stack_that_is_cut_off_does_not_become_a_shorter_one(
    tmp_path: Path, stack: NDArray[np.uint16], options: dict[str, Any], part: float
) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, stack, photometric="minisblack", **options)
    cut(path, part)

    with pytest.raises(SourceError, match=r"stack\.tif is cut off: .*copy it again"):
        open_source(path)


def test_a_description_that_is_cut_off_is_not_left_out(
    tmp_path: Path, stack: NDArray[np.uint16]
) -> None:
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": "TCZYX"})
    cut(path, 0.999)

    with pytest.raises(SourceError, match=r"is cut off: its description is not all in it"):
        open_source(path)


def imagej_of_one_page(path: Path, pixels: NDArray[Any]) -> None:
    """Write a stack as ImageJ does where it is large: one page, and all planes behind it."""
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path, mode="r+") as tiff:
        page: Any = tiff.pages.first
        tags = page.tags
        place = page.offset + tiff.tiff.tagnosize + len(tags) * tiff.tiff.tagsize
        start = page.dataoffsets[0]
    content = bytearray(path.read_bytes()[: start + pixels.nbytes])
    content[place : place + 4] = struct.pack(tiff.byteorder + "I", 0)
    path.write_bytes(content)


def test_planes_of_imagej_without_pages_of_their_own_are_counted(
    tmp_path: Path, stack: NDArray[np.uint16], opened: Open
) -> None:
    path = tmp_path / "stack.tif"
    imagej_of_one_page(path, stack[0, 0])
    assert dict(opened(path).info.frames) == {"z": 4}
    cut(path, 0.7)

    with pytest.raises(SourceError, match=r"is cut off: it ends after 2\.\d of its 4 planes"):
        open_source(path)


def test_ome_xml_that_is_damaged_is_named_where_it_matters(
    tmp_path: Path, stack: NDArray[np.uint16]
) -> None:
    xml = tifffile.OmeXml()
    xml.addimage("uint16", (3, HEIGHT, WIDTH), (3, 1, 1, HEIGHT, WIDTH, 1), axes="CYX")
    path = tmp_path / "stack.ome.tif"
    options: dict[str, Any] = {"photometric": "minisblack", "metadata": None}
    tifffile.imwrite(path, stack[0, :, 0], description=xml.tostring()[:-20], **options)

    with pytest.raises(SourceError, match=r"stack\.ome\.tif has OME-XML that is damaged"):
        open_source(path)


@pytest.fixture
def members(tmp_path: Path, stack: NDArray[np.uint16]) -> list[Path]:
    """Return the three files of an OME-TIFF set, one channel each."""
    names = [f"c{n}.ome.tif" for n in range(3)]
    ids = [f"urn:uuid:0000000{n}-0000-0000-0000-000000000000" for n in range(3)]
    planes = "".join(
        f'<TiffData FirstC="{n}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{one}</UUID>'
        "</TiffData>"
        for n, (name, one) in enumerate(zip(names, ids, strict=True))
    )
    for n, name in enumerate(names):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[n]}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" '
            f'SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="3" SizeZ="1" SizeT="1">{planes}</Pixels>'
            "</Image></OME>"
        )
        tifffile.imwrite(tmp_path / name, stack[0, n, 0], description=xml, metadata=None)
    return [tmp_path / name for name in names]


@pytest.mark.parametrize("content", [b"", b"no TIFF at all"])
def test_a_member_of_a_set_that_is_no_tiff_is_not_read_as_zeros(
    members: list[Path], content: bytes
) -> None:
    members[1].write_bytes(content)

    with pytest.raises(SourceError, match=r"c0\.ome\.tif is one file of a set, .*c1\.ome\.tif"):
        open_source(members[0])


@pytest.mark.parametrize("compression", ["zstd", "lzw"])
def test_members_of_a_set_may_be_compressed_each_in_its_own_way(
    members: list[Path], stack: NDArray[np.uint16], compression: str, opened: Open
) -> None:
    tifffile.imwrite(members[1], stack[0, 1, 0], compression=compression, predictor=True)

    source = opened(members[0])

    for channel in range(3):
        found = source.read_region(WHOLE, 0, (channel,))
        assert (found[..., 0] == stack[0, channel, 0]).all()


def test_members_of_a_set_may_have_bytes_in_another_order(
    members: list[Path], stack: NDArray[np.uint16], opened: Open
) -> None:
    tifffile.imwrite(members[2], stack[0, 2, 0], byteorder=">")

    found = opened(members[0]).read_region(WHOLE, 0, (2,))

    assert (found[..., 0] == stack[0, 2, 0]).all()


def test_a_member_of_another_type_is_refused(
    members: list[Path], stack: NDArray[np.uint16]
) -> None:
    tifffile.imwrite(members[1], stack[0, 1, 0].astype(np.float32))

    with pytest.raises(SourceError, match=r"c1\.ome\.tif has a page of .*float32.*: save all"):
        open_source(members[0])


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_samples_of_64_bits_are_of_the_type_that_zarr_knows(dtype: str, open_tiff: Open) -> None:
    source = open_tiff(np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(dtype))

    # Equal they are in any case: one of two classes is the one that is looked up.
    assert type(source.info.dtype) is type(np.dtype(dtype))


@pytest.mark.parametrize(("kind", "channels"), [("unassalpha", 1), ("unspecified", 2)])
def test_transparency_beside_grey_is_dropped_and_a_channel_is_not(
    rng: Rng, kind: str, channels: int, open_tiff: Open
) -> None:
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 2)).astype(np.uint8)
    page: dict[str, Any] = {"photometric": "minisblack", "planarconfig": "contig"}

    source = open_tiff(pixels, extrasamples=[kind], metadata=None, **page)

    assert dict(source.info.frames).get("c", 1) == channels
    for channel in range(channels):
        found = source.read_region(WHOLE, 0, (channel,)[: channels - 1])
        assert (found[..., 0] == pixels[..., channel]).all()


def test_a_picture_that_says_it_is_larger_than_its_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "grey.tif"
    tifffile.imwrite(path, np.zeros((HEIGHT, WIDTH), np.uint8))
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name in ("ImageLength", "ImageWidth", "RowsPerStrip"):
            tiff.pages.first.tags[name].overwrite(4_000_000, dtype="I")

    with pytest.raises(SourceError, match=r"grey\.tif: the file is cut off: it has fewer bytes"):
        open_source(path)


def rewrite_tag(path: Path, code: int, *, kind: int | None = None, **changed: int) -> None:
    """Give a tag of the first page another type, count or value, as damage does."""
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (tags,) = struct.unpack_from("<H", content, start)
    for place in range(start + 2, start + 2 + 12 * tags, 12):
        found, old_kind, count, value = struct.unpack_from("<HHII", content, place)
        if found == code:
            new = changed.get("count", count), changed.get("value", value)
            struct.pack_into("<HHII", content, place, code, kind or old_kind, *new)
    path.write_bytes(content)


WIDTH_TAG, SAMPLES_TAG, PHOTOMETRIC_TAG, TILE_WIDTH_TAG = 256, 277, 262, 322


@pytest.mark.parametrize(
    ("code", "changed", "says"),
    [
        pytest.param(WIDTH_TAG, {"count": 2}, "it is damaged", id="two widths"),
        pytest.param(WIDTH_TAG, {"kind": 2}, "it is damaged", id="a width in letters"),
        pytest.param(
            WIDTH_TAG, {"kind": 8, "value": 0xFFF0}, "an image of no pixels", id="a width below 0"
        ),
        pytest.param(SAMPLES_TAG, {"count": 2}, "it is damaged", id="two numbers of samples"),
        pytest.param(PHOTOMETRIC_TAG, {"count": 2}, "it is damaged", id="two kinds of colours"),
        pytest.param(TILE_WIDTH_TAG, {"value": 0}, "it is damaged", id="tiles of no width"),
        pytest.param(
            TILE_WIDTH_TAG, {"value": 48}, "another number of pixels", id="tiles of another width"
        ),
    ],
)
def test_damaged_tags_are_told_without_words_of_python(
    opened: Open, tmp_path: Path, code: int, changed: dict[str, int], says: str
) -> None:
    path = tmp_path / "slide.tif"
    pixels = np.arange(3 * 64 * 64, dtype=np.uint8).reshape(64, 64, 3)
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(32, 32), compression="zstd")
    rewrite_tag(path, code, **changed)

    with pytest.raises(SourceError, match=says):
        opened(path).read_region(Region(0, 0, 64, 64))
