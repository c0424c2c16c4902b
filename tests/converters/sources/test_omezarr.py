"""OME-Zarr as a source: versions, axes, colours, several images, histories, and what is broken."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural import NeuralImageCodec
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Channel, Compression, SlideSource, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Image, Open, Psnr, Rng
from tests.converters.sources.omezarr_writer import RGB, axis, write_image


@pytest.fixture
def open_image(opened: Open, tmp_path: Path) -> Open:
    """Return a function that writes an image as `write_image` does, and opens it."""

    def write_and_open(
        levels: list[Any], axes: str, *, zarr_format: Any = 3, **options: Any
    ) -> SlideSource:
        path = tmp_path / "slide.ome.zarr"
        group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
        write_image(group, levels, axes, **options)
        return opened(path)

    return write_and_open


def write_small(path: Path, shape: tuple[int, ...] = (9, 9), axes: str = "yx") -> zarr.Group:
    """Write an image of one level, all ones."""
    group = zarr.open_group(path, mode="w")
    write_image(group, [np.ones(shape, "u1")], axes)
    return group


def multiscale_of(group: zarr.Group) -> dict[str, Any]:
    ome: Any = group.attrs["ome"]
    multiscale: dict[str, Any] = ome["multiscales"][0]
    return multiscale


def rewrite(path: Path, multiscale: dict[str, Any]) -> None:
    """Give an image another multiscale."""
    ome: Any = {"version": "0.5", "multiscales": [multiscale]}
    zarr.open_group(path, mode="r+").attrs["ome"] = ome


@pytest.fixture
def color(tissue: Image) -> list[Image]:
    """Return two levels (c, y, x) of odd size."""
    level = np.ascontiguousarray(tissue[:, :301, :203])
    return [level, np.ascontiguousarray(level[:, ::2, ::2])]


@pytest.mark.parametrize(
    ("zarr_format", "array"),
    [
        pytest.param(2, {"chunks": (3, 64, 64)}, id="0.4"),
        pytest.param(2, {"chunks": (1, 300, 70)}, id="0.4, a chunk a channel"),
        pytest.param(3, {"chunks": (3, 64, 64)}, id="0.5"),
        pytest.param(3, {"chunks": (3, 64, 64), "shards": (3, 128, 128)}, id="0.5 with shards"),
    ],
)
def test_rgb_is_read_from_both_versions(
    color: list[Image], tmp_path: Path, open_image: Open, zarr_format: int, array: dict[str, Any]
) -> None:
    source = open_image(color, "cyx", zarr_format=zarr_format, omero={"channels": RGB}, **array)

    info = source.info
    assert (info.name, info.samples, info.frames, info.channels) == ("slide", 3, (), ())
    assert info.level_shapes == ((301, 203), (151, 102))
    assert (info.mpp, info.history, info.dtype.name) == ((0.26, 0.25), (), "uint8")
    assert info.size_bytes == sum(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file())
    for level, planes in enumerate(color):
        found = source.read_region(Region(0, 0, *planes.shape[1:]), level)
        assert (found == np.moveaxis(planes, 0, -1)).all()


def test_frames_of_five_axes_keep_names_units_and_byte_order(rng: Rng, open_image: Open) -> None:
    pixels = rng.integers(0, 4096, (2, 3, 4, 70, 90)).astype(">u2")
    omero = {
        "channels": [
            {"label": "DAPI", "color": "0000ff"},
            {"label": "GFP", "color": "00FF00"},
            {"label": "Cy5", "color": "nonsense"},
        ]
    }

    source = open_image([pixels], "tczyx", zarr_format=2, omero=omero)

    info = source.info
    assert (info.samples, info.frames) == (1, (("t", 2), ("c", 3), ("z", 4)))
    assert info.dtype == np.dtype("=u2")
    assert info.spacing == {"t": 0.5, "z": 0.3}
    assert info.channels == (
        Channel(label="DAPI", color="0000FF"),
        Channel(label="GFP", color="00FF00"),
        Channel(label="Cy5"),
    )
    found = source.read_region(Region(7, 9, 60, 50), frame=(1, 2, 3))
    assert (found.shape, found.dtype) == ((60, 50, 1), np.dtype("=u2"))
    assert (found[..., 0] == pixels[1, 2, 3, 7:67, 9:59]).all()


@pytest.mark.parametrize(
    ("omero", "dtype", "samples"),
    [
        pytest.param({"channels": RGB}, "uint8", 3, id="colours"),
        pytest.param({"channels": RGB}, "uint16", 1, id="16 bits"),
        pytest.param({"channels": RGB[::-1]}, "uint8", 1, id="another order"),
        pytest.param({"channels": RGB[:2]}, "uint8", 1, id="two named of three"),
        pytest.param(
            {
                "channels": [{"label": n} for n in ("Red", "Green", "Blue")],
                "rdefs": {"model": "color"},
            },
            "uint8",
            3,
            id="names, shown in colour",
        ),
        pytest.param(
            {"channels": [{"label": n} for n in "RGB"], "rdefs": {"model": "greyscale"}},
            "uint8",
            1,
            id="names, shown in grey",
        ),
        pytest.param(None, "uint8", 1, id="nothing said"),
    ],
)
def test_three_channels_are_rgb_only_if_the_metadata_say_so(
    open_image: Open, omero: dict[str, Any] | None, dtype: str, samples: int
) -> None:
    pixels = np.arange(3 * 80 * 80).reshape(3, 80, 80).astype(dtype)

    assert open_image([pixels], "cyx", omero=omero).info.samples == samples


def test_axes_of_length_one_are_left_out(color: list[Image], open_image: Open) -> None:
    levels = [planes[np.newaxis, :, np.newaxis] for planes in color]

    source = open_image(levels, "tczyx", zarr_format=2, omero={"channels": RGB})

    assert (source.info.samples, source.info.frames) == (3, ())
    found = source.read_region(Region(3, 5, 100, 90))
    assert (found == np.moveaxis(color[0][:, 3:103, 5:95], 0, -1)).all()


def test_one_channel_stays_if_it_has_a_name(open_image: Open) -> None:
    omero = {"channels": [{"label": "DAPI", "color": "0000FF"}]}

    source = open_image([np.ones((1, 70, 70), "u1")], "cyx", omero=omero)

    assert source.info.frames == (("c", 1),)
    assert source.info.channels == (Channel(label="DAPI", color="0000FF"),)
    assert (source.read_region(Region(0, 0, 70, 70), frame=(0,)) == 1).all()


def test_levels_of_fewer_planes_are_left_out(open_image: Open) -> None:
    levels = [np.zeros(shape, "u1") + 1 for shape in ((4, 90, 90), (4, 45, 45), (2, 22, 22))]

    assert open_image(levels, "zyx").info.level_shapes == ((90, 90), (45, 45))


def test_no_unit_is_no_pixel_size(tmp_path: Path, opened: Open) -> None:
    multiscale = multiscale_of(write_small(tmp_path / "image.zarr"))
    for entry in multiscale["axes"]:
        del entry["unit"]

    rewrite(tmp_path / "image.zarr", multiscale)

    assert opened(tmp_path / "image.zarr").info.mpp is None


def test_versions_before_0_4_have_names_for_axes_or_five_of_them(
    tmp_path: Path, opened: Open
) -> None:
    pixels = np.arange(2 * 70 * 70, dtype="u1").reshape(1, 2, 1, 70, 70)
    for name, axes in (("0.1", None), ("0.3", list("tczyx"))):
        group = zarr.open_group(tmp_path / f"{name}.zarr", mode="w", zarr_format=2)
        group.create_array("a", shape=pixels.shape, dtype="u1")[...] = pixels
        multiscale: dict[str, Any] = {"version": name, "datasets": [{"path": "a"}]}
        group.attrs["multiscales"] = [multiscale | ({"axes": axes} if axes else {})]

        source = opened(tmp_path / f"{name}.zarr")

        assert (source.info.frames, source.info.mpp) == ((("c", 2),), None)
        assert (source.read_region(Region(0, 0, 70, 70), 0, (1,))[..., 0] == pixels[0, 1, 0]).all()


OME_XML = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Instrument ID="Instrument:0"><Objective ID="Objective:0" NominalMagnification="20.0"/></Instrument>
<Image ID="Image:0"><ObjectiveSettings ID="Objective:0"/><Pixels ID="Pixels:0" SizeX="90" SizeY="80"
 SizeC="1" SizeZ="1" SizeT="1" Type="uint16" SignificantBits="12" DimensionOrder="XYZCT"/></Image>
<Image ID="Image:1"><Pixels ID="Pixels:1" SizeX="30" SizeY="20" SizeC="1" SizeZ="1" SizeT="1"
 Type="uint16" DimensionOrder="XYZCT"/></Image></OME>"""


@pytest.fixture(params=[2, 3], ids=["0.4", "0.5"])
def bioformats2raw(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a store of two images as bioformats2raw lays it out."""
    path = tmp_path / "many.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=request.param)
    layout = {"bioformats2raw.layout": 3}
    root.update_attributes(layout if request.param == 2 else {"ome": {"version": "0.5", **layout}})
    for name, shape in (("0", (80, 90)), ("1", (20, 30))):
        write_image(root.create_group(name), [np.full(shape, int(name) + 1, "u2")], "yx")
    listed = {"series": ["0", "1"]}
    root.create_group("OME").update_attributes(
        listed if request.param == 2 else {"ome": {"version": "0.5", **listed}}
    )
    (path / "OME" / "METADATA.ome.xml").write_text(OME_XML)
    return path


def test_series_of_bioformats2raw_are_images_by_number(bioformats2raw: Path, opened: Open) -> None:
    first, second = (opened(bioformats2raw, series=n) for n in (0, 1))

    assert (first.info.name, second.info.name) == ("many", "many-1")
    assert (first.info.series_count, second.info.series) == (2, 1)
    assert (first.info.shape, second.info.shape) == ((80, 90), (20, 30))
    assert (second.read_region(Region(0, 0, 20, 30)) == 2).all()
    assert first.info.ome_xml == OME_XML
    assert (first.info.magnification, first.info.significant_bits) == (20.0, 12)
    assert (second.info.magnification, second.info.significant_bits) == (None, None)


def test_series_are_counted_where_the_store_does_not_list_them(
    bioformats2raw: Path, opened: Open
) -> None:
    shutil.rmtree(bioformats2raw / "OME")

    assert opened(bioformats2raw, series=1).info.series_count == 2
    with pytest.raises(SourceError, match=r"no series 2: it holds 2 images: series 0 to 1"):
        open_source(bioformats2raw, series=2)


@pytest.mark.parametrize("prefix", ["", "slide.ome.zarr/"], ids=["of the store", "of its folder"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zip_is_read_like_its_folder(
    color: list[Image], tmp_path: Path, opened: Open, zarr_format: Any, prefix: str
) -> None:
    folder = tmp_path / "slide.ome.zarr"
    group = zarr.open_group(folder, mode="w", zarr_format=zarr_format)
    write_image(group, color, "cyx", omero={"channels": RGB})
    path = tmp_path / "slide.ome.zarr.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(folder).as_posix())

    source, whole = opened(path), opened(folder)

    assert source.info.name == "slide"
    assert source.info.size_bytes == whole.info.size_bytes
    region = Region(60, 60, 70, 70)
    assert (source.read_region(region) == whole.read_region(region)).all()


HISTORY: list[dict[str, Any]] = [
    {"method": "jpeg", "quality": 80, "ratio": 9.5, "seen_by": "scanner"},
    {"method": "zstd", "ratio": 2.1},
    {"method": "jpegxl", "quality": 100, "lossless": True},
    {"method": "neural_image", "model": "he-fast", "quality": 60, "ratio": 40, "psnr_db": 36.5},
]


def test_a_recorded_history_is_carried_over_but_for_what_lost_nothing(
    color: list[Image], open_image: Open
) -> None:
    source = open_image(
        [color[1]],
        "cyx",
        omero={"channels": RGB},
        extra={"numcodecs_neural": {"lossy_history": HISTORY, "magnification": 40}},
        chunks=(3, 64, 64),
        serializer=NeuralImageCodec(quality=60),
        compressors=None,
    )

    assert source.info.magnification == 40
    assert source.info.history == (
        Compression(method="jpeg", quality=80, ratio=9.5, details={"seen_by": "scanner"}),
        Compression(
            method="neural_image",
            quality=60,
            ratio=40,
            details={"model": "he-fast", "psnr_db": 36.5},
        ),
    )


def test_a_lossy_codec_without_a_record_is_a_step(
    color: list[Image], open_image: Open, psnr: Psnr
) -> None:
    source = open_image(
        [color[0]],
        "cyx",
        omero={"channels": RGB},
        extra={"numcodecs_neural": {"lossy_history": HISTORY[:3]}},
        chunks=(3, 64, 64),
        shards=(3, 128, 128),
        serializer=NeuralImageCodec(quality=70),
        compressors=None,
    )

    jpeg, neural = source.info.history
    assert (jpeg.method, neural.method, neural.quality) == ("jpeg", "neural_image", 70)
    assert neural.ratio is not None
    assert neural.ratio > 3
    found = source.read_region(Region(0, 0, 301, 203))
    assert psnr(found, np.moveaxis(color[0], 0, -1)) > 25


@pytest.mark.parametrize(("max_error", "methods"), [(0, []), (2, ["neural_image"])])
def test_a_codec_without_loss_is_no_step_and_one_within_a_bound_is(
    max_error: int, methods: list[str], color: list[Image], open_image: Open
) -> None:
    source = open_image(
        [color[1]],
        "cyx",
        omero={"channels": RGB},
        chunks=(3, 64, 64),
        serializer=NeuralImageCodec(max_error=max_error, channel_axis=-3),
        compressors=None,
    )

    assert [step.method for step in source.info.history] == methods


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_codecs_of_imagecodecs_are_made_known(
    zarr_format: int, color: list[Image], open_image: Open
) -> None:
    from imagecodecs import numcodecs as image_codecs

    from numcodecs_neural.peers.imagecodecs_zarr import Jpeg2k

    coding: dict[str, Any] = {"compressors": image_codecs.Jpeg2k(level=40)}
    if zarr_format == 3:
        coding = {"serializer": Jpeg2k(level=40, codecformat="j2k"), "compressors": None}

    source = open_image([color[0][0]], "yx", zarr_format=zarr_format, **coding)

    (step,) = source.info.history
    assert (step.method, step.details["level"]) == ("jpeg2k", 40)
    found = source.read_region(Region(0, 0, 64, 64))[..., 0]
    assert abs(found - color[0][0, :64, :64].astype(int)).mean() < 8


def test_a_codec_that_is_not_installed_is_named(color: list[Image], tmp_path: Path) -> None:
    for zarr_format in (2, 3):
        path = tmp_path / f"{zarr_format}.zarr"
        group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
        write_image(group, [color[0]], "cyx")
        file = path / "0" / ("zarr.json" if zarr_format == 3 else ".zarray")
        metadata = json.loads(file.read_text())
        if zarr_format == 3:
            metadata["codecs"][-1] = {"name": "quantum_image"}
        else:
            metadata["compressor"] = {"id": "quantum_image"}
        file.write_text(json.dumps(metadata))

        with pytest.raises(SourceError, match=r"array 0 .*install .* quantum_image"):
            open_source(path)


def test_the_pictures_and_the_profile_that_our_own_stores_keep_are_found(
    color: list[Image], tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.zarr"
    group = zarr.open_group(path, mode="w")
    extras = {"macro": "associated/macro", "icc_profile": "icc_profile"}
    block = {"numcodecs_neural": {"extras": extras}}
    write_image(group, [color[0]], "cyx", omero={"channels": RGB}, extra=block)
    picture = group.create_array("associated/macro/0", shape=(3, 20, 30), dtype="u1")
    picture[...] = 7
    profile = group.create_array("icc_profile", shape=(4,), dtype="u1")
    profile[...] = np.frombuffer(b"acsp", np.uint8)

    source = opened(path)

    macro = source.read_associated("macro")
    assert macro is not None
    assert (macro.shape, macro.max()) == ((20, 30, 3), 7)
    assert source.read_associated("label") is None
    assert source.info.icc_profile == b"acsp"


def test_what_is_not_stored_is_the_fill_value(tmp_path: Path, open_image: Open) -> None:
    pixels = np.full((3, 128, 128), 255, "u1")
    pixels[:, :64, :64] = 9
    options = {"omero": {"channels": RGB}, "chunks": (3, 64, 64), "fill_value": 255}

    source = open_image([pixels], "cyx", **options)

    assert len(list(tmp_path.glob("*/0/c/*/1/1"))) == 0
    found = source.read_region(Region(0, 0, 128, 128))
    assert (found == np.moveaxis(pixels, 0, -1)).all()


def a_plain_array(path: Path) -> None:
    zarr.create_array(path, shape=(70, 70), dtype="u1")[...] = 1


def a_plain_group(path: Path) -> None:
    zarr.open_group(path, mode="w")
    write_small(path / "inner")


def a_plate(path: Path) -> None:
    plate = {"ome": {"version": "0.5", "plate": {"wells": []}}}
    zarr.open_group(path, mode="w").update_attributes(plate)


def a_plate_with_images(path: Path) -> None:
    metadata: dict[str, Any] = {
        "": {"plate": {"wells": [{"path": "A/2"}, {"path": "C/7"}]}},
        "C/7": {"well": {"images": [{"path": "3"}]}},
    }
    for place, ome in metadata.items():
        group = zarr.open_group(path, path=place, mode="a")
        group.update_attributes({"ome": {"version": "0.5", **ome}})
    write_small(path / "C" / "7" / "3")


def a_well(path: Path) -> None:
    well: dict[str, Any] = {"version": "0.5", "well": {"images": [{"path": "5"}]}}
    zarr.open_group(path, mode="w").update_attributes({"ome": well})
    write_small(path / "5")


def odd_axes(path: Path) -> None:
    multiscale = multiscale_of(write_small(path))
    rewrite(path, multiscale | {"axes": multiscale["axes"][::-1]})


def missing_axes(path: Path) -> None:
    multiscale = multiscale_of(write_small(path, (2, 9, 9), "zyx"))
    multiscale["datasets"][0]["coordinateTransformations"] = []
    rewrite(path, multiscale | {"axes": multiscale["axes"][1:]})


def no_datasets(path: Path) -> None:
    zarr.open_group(path, mode="w")
    rewrite(path, {"axes": [axis("y"), axis("x")]})


def no_array(path: Path) -> None:
    write_small(path)
    shutil.rmtree(path / "0")


def no_chunks(path: Path) -> None:
    write_small(path)
    shutil.rmtree(path / "0" / "c")


def damaged_metadata(path: Path) -> None:
    write_small(path)
    (path / "0" / "zarr.json").write_text('{"zarr_format": 3,')


@pytest.mark.parametrize(
    ("write", "says"),
    [
        pytest.param(a_plain_array, "is a Zarr array without the metadata", id="a plain array"),
        pytest.param(a_plain_group, "may be images: inner", id="a plain group"),
        pytest.param(a_plate, "is a plate .*: none is where its metadata say", id="a plate"),
        pytest.param(
            a_plate_with_images,
            "is a plate .* one by one, such as .*broken.zarr/C/7/3$",
            id="a plate with images",
        ),
        pytest.param(a_well, "is a well .* one by one, such as .*broken.zarr/5$", id="a well"),
        pytest.param(odd_axes, "its axes are x, y; those of an image", id="axes in another order"),
        pytest.param(missing_axes, "has 3 axes, and its metadata name 2: y, x", id="too few axes"),
        pytest.param(no_datasets, "not what they should be: .*datasets", id="no datasets"),
        pytest.param(no_array, "array 0 is not there", id="no array"),
        pytest.param(no_chunks, "array 0 holds no chunk", id="no chunks"),
        pytest.param(damaged_metadata, "0/zarr.json is damaged", id="damaged metadata"),
    ],
)
def test_what_is_no_image_is_refused(
    tmp_path: Path, write: Callable[[Path], None], says: str
) -> None:
    path = tmp_path / "broken.zarr"
    write(path)

    with pytest.raises(SourceError, match=f"broken.zarr.*{says}"):
        open_source(path)


def test_a_plate_in_a_zip_is_to_be_unpacked(tmp_path: Path) -> None:
    a_plate_with_images(tmp_path / "plate.zarr")
    path = Path(shutil.make_archive(str(tmp_path / "plate"), "zip", tmp_path / "plate.zarr"))

    with pytest.raises(SourceError, match=r"is a plate .*: unpack the file, and name"):
        open_source(path)


def test_metadata_damaged_in_a_zip_are_named(tmp_path: Path) -> None:
    path = tmp_path / "slide.ozx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zarr.json", "{}")
    path.write_bytes(path.read_bytes().replace(b"{}", b"[]"))

    with pytest.raises(SourceError, match=r"slide\.ozx: zarr\.json cannot be read: Bad CRC-32"):
        open_source(path)


def test_a_damaged_chunk_is_named_by_its_place(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "slide.zarr"
    write_small(path, (128, 128))
    chunk = path / "0" / "c" / "1" / "1"
    chunk.write_bytes(chunk.read_bytes()[:5])
    source = opened(path)

    assert (source.read_region(Region(0, 0, 64, 64)) == 1).all()
    with pytest.raises(SourceError, match=r"row 64, column 64 of level 0 does not decode"):
        source.read_region(Region(64, 64, 64, 64))


def test_a_zip_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "nothing to see")

    with pytest.raises(SourceError, match=r"slide.zip cannot be opened as a Zarr store"):
        open_source(path)


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "slide.ozx"
    path.write_bytes(b"PK but no more of a zip")

    with pytest.raises(SourceError, match=r"slide.ozx cannot be opened as a zip"):
        open_source(path)
