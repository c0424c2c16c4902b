"""What a slide carries beside its pixels: kept where it is wanted, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import ome_zarr_models
import pytest
import zarr

from numcodecs_neural.converters.options import ConvertOptions, OmeZarrVersion
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources import Compression, SlideInfo
from numcodecs_neural.converters.store.deidentify import without_confidential
from tests.annotations import Convert, Image

OME = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" Creator="scanner of J. Doe">
<Experimenter ID="Experimenter:0" LastName="Doe"/>
<Image ID="Image:0" Name="Doe_Jane.svs"><AcquisitionDate>2020-01-01T00:00:00</AcquisitionDate>
<Description>Jane Doe, born 1950</Description><ExperimenterRef ID="Experimenter:0"/>
<Pixels ID="Pixels:0" SizeX="8" SizeY="8" PhysicalSizeX="0.25">
<Channel ID="Channel:0:0" Name="DAPI"/><TiffData><UUID FileName="Doe.tif">urn</UUID></TiffData>
</Pixels></Image>
<StructuredAnnotations><CommentAnnotation ID="A:0"><Value>Doe</Value></CommentAnnotation>
</StructuredAnnotations></OME>"""
VERSIONS = ["0.4", "0.5"]


def options(version: OmeZarrVersion = "0.5", **changes: Any) -> ConvertOptions:
    return ConvertOptions(ome_zarr_version=version, codec="zstd", chunk_px=256, **changes)


@pytest.fixture
def rich_source(source_of: Callable[..., Any], slide: Image) -> Any:
    """Return a slide with all that one can carry."""
    source = source_of(slide, (0.25, 0.25))
    source.info = replace(
        source.info,
        ome_xml=OME,
        icc_profile=bytes(range(256)),
        magnification=40.0,
        history=(
            Compression(method="jpeg", quality=70, ratio=12.5),
            Compression(method="neural_image", details={"model": "he-fast-1", "ratio": 20.0}),
        ),
    )
    pictures = {
        name: np.full((30, 50, 3), n, np.uint8) for n, name in enumerate(["label", "macro"])
    }
    source.asked = []

    def read_associated(name: str) -> Image:
        source.asked.append(name)
        return pictures[name]

    source.read_associated = read_associated
    return source


@pytest.mark.parametrize("version", VERSIONS)
def test_label_and_macro_are_not_even_read_unless_asked_for(
    rich_source: Any, converted: Convert, version: OmeZarrVersion
) -> None:
    group, _ = converted(rich_source, options(version))

    assert rich_source.asked == []
    assert "associated" not in group


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wanted", [["label"], ["macro"], ["label", "macro"]], ids=" and ".join)
def test_pictures_that_are_asked_for_become_images_of_their_own(
    rich_source: Any, converted: Convert, version: OmeZarrVersion, wanted: list[str]
) -> None:
    group, _ = converted(rich_source, options(version, **dict.fromkeys(wanted, True)))

    assert rich_source.asked == wanted
    assert [name for name in ("label", "macro") if f"associated/{name}" in group] == wanted
    block = group.attrs["numcodecs_neural"]
    for name in wanted:
        image: Any = ome_zarr_models.open_ome_zarr(group[f"associated/{name}"])
        assert image.ome_zarr_version == version
        pixels = np.asarray(group[f"associated/{name}/0"])
        assert pixels.shape == (3, 30, 50)
        assert (pixels == ["label", "macro"].index(name)).all()
        assert block["extras"][name] == f"associated/{name}"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_colour_profile_is_kept_as_it_is(
    rich_source: Any, converted: Convert, version: OmeZarrVersion
) -> None:
    group, _ = converted(rich_source, options(version))

    profile = group["icc_profile"]
    assert bytes(profile[:]) == bytes(range(256))
    assert profile.attrs["media_type"] == "application/vnd.iccprofile"


def test_magnification_and_history_are_told(rich_source: Any, converted: Convert) -> None:
    group, _ = converted(rich_source, options())

    block = group.attrs["numcodecs_neural"]
    assert block["magnification"] == 40
    assert block["lossy_history"] == [
        {"method": "jpeg", "quality": 70, "ratio": 12.5},
        {"method": "neural_image", "model": "he-fast-1", "ratio": 20.0},
    ]


def test_ome_xml_is_kept_without_people_dates_and_free_text(
    rich_source: Any, tmp_path: Path
) -> None:
    convert(rich_source, str(tmp_path / "out"), options())

    kept = (tmp_path / "out/OME/METADATA.ome.xml").read_text()
    assert "Doe" not in kept
    assert "2020" not in kept
    assert 'PhysicalSizeX="0.25"' in kept
    assert 'Name="DAPI"' in kept
    assert ElementTree.fromstring(kept).tag.endswith("}OME")


def test_ome_xml_is_kept_whole_when_asked_for(rich_source: Any, tmp_path: Path) -> None:
    convert(rich_source, str(tmp_path / "out"), options(confidential=True))

    assert (tmp_path / "out/OME/METADATA.ome.xml").read_text() == OME


@pytest.mark.parametrize(
    "element",
    [
        *("AcquisitionDate", "AnnotationRef", "BinData", "Dataset", "DatasetRef", "Description"),
        *("Experiment", "ExperimentRef", "Experimenter", "ExperimenterGroup"),
        *("ExperimenterGroupRef", "ExperimenterRef", "Folder", "FolderRef", "Project"),
        *("ProjectRef", "Screen", "StructuredAnnotations", "TiffData"),
    ],
)
@pytest.mark.parametrize("namespace", ["", ' xmlns="http://www.openmicroscopy.org/Schemas/OME/x"'])
def test_no_element_of_people_dates_and_free_text_is_kept(element: str, namespace: str) -> None:
    told = f'<{element} ID="Doe"><Any Name="Doe">Doe</Any></{element}>'
    document = f"<OME{namespace}>{told}<Image>{told}{told}<Pixels>{told}</Pixels></Image></OME>"

    kept = without_confidential(document)

    assert kept is not None
    assert element not in kept
    assert "Doe" not in kept
    assert "Pixels" in kept


@pytest.mark.parametrize("attribute", ["Image Name", "Plate Name", "OME Creator", "OME UUID"])
def test_no_attribute_that_names_a_file_or_somebody_is_kept(attribute: str) -> None:
    element, name = attribute.split()
    document = f'<OME><{element} {name}="Doe" ID="0"><Channel Name="DAPI"/></{element}></OME>'

    kept = without_confidential(document)

    assert kept == f'<OME><{element} ID="0"><Channel Name="DAPI" /></{element}></OME>'


def test_what_is_no_xml_is_left_out() -> None:
    assert without_confidential("<OME><Image") is None


def test_nothing_of_a_name_is_in_the_store_but_the_name(rich_source: Any, tmp_path: Path) -> None:
    convert(rich_source, str(tmp_path / "out"), options(name="case 7"))

    attributes: Any = zarr.open_group(tmp_path / "out", mode="r").attrs["ome"]
    assert attributes["multiscales"][0]["name"] == "case 7"
    assert attributes["omero"]["name"] == "case 7"
    text = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.json"))
    assert b'"slide"' not in text


@pytest.mark.parametrize("version", VERSIONS)
def test_the_levels_of_the_source_can_be_kept(
    source_of: Callable[..., Any], slide: Image, converted: Convert, version: OmeZarrVersion
) -> None:
    source = source_of(slide, (0.25, 0.25))

    group, report = converted(source, options(version, use_existing_levels=True))

    coverage = np.asarray(group["coverage/levels/1"])
    assert [level.level for level in report.levels] == [0, 1]
    stored, small = np.asarray(group["1"]), np.moveaxis(slide[::8, ::8], -1, 0)
    assert stored.shape == small.shape
    assert coverage.shape == (1, 1)
    assert (stored == small).all()
    image: Any = ome_zarr_models.open_ome_zarr(group)
    attributes = image.attributes if version == "0.4" else image.ome_attributes
    scale = attributes.multiscales[0].datasets[1].coordinateTransformations[0].scale
    assert scale == pytest.approx([1, 0.25 * 1501 / 188, 0.25 * 1303 / 163])


# OME-XML lies in a folder that is no group, which Zarr says whenever it lists the root.
@pytest.mark.filterwarnings("ignore:Object at OME:zarr.errors.ZarrUserWarning")
@pytest.mark.parametrize("version", VERSIONS)
def test_generic_readers_find_no_other_image_in_the_root(
    rich_source: Any, converted: Convert, version: OmeZarrVersion
) -> None:
    group, _ = converted(rich_source, options(version, label=True))

    root = group
    groups: dict[str, Any] = dict(root.groups())
    assert {"associated", "coverage"} <= groups.keys()
    assert [name for name, group in groups.items() if list(group.array_keys())] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_viewer_is_told_which_time_and_depth_to_show(
    rich_source: Any, converted: Convert, version: OmeZarrVersion
) -> None:
    group, _ = converted(rich_source, options(version))

    attributes: Any = dict(group.attrs)
    omero = attributes.get("ome", attributes)["omero"]
    assert omero["rdefs"] == {"defaultT": 0, "defaultZ": 0, "model": "color"}


def test_a_quality_is_found_for_a_psnr(array_source: Any, converted: Convert) -> None:
    chosen = ConvertOptions(chunk_px=128, shard_px=256, target_psnr=33.0)

    _, report = converted(array_source, chosen)

    assert 0 < report.codec["quality"] < 100
    assert report.levels[0].psnr_db == pytest.approx(33.0, abs=0.7)


def test_info_of_a_plain_slide_needs_four_values_only() -> None:
    info = SlideInfo(name="a", level_shapes=((8, 9),), mpp=None, history=(), size_bytes=None)

    assert (info.shape, info.is_rgb, info.frame_shape) == ((8, 9), True, ())


@pytest.mark.parametrize("name", ["0", "1", "labels/tissue/0"])
def test_arrays_of_version_2_name_their_dimensions_as_xarray_expects(
    rich_source: Any, tmp_path: Path, name: str
) -> None:
    convert(rich_source, str(tmp_path / "slide.ome.zarr"), options("0.4", levels=2))

    array: Any = zarr.open_group(tmp_path / "slide.ome.zarr", mode="r")[name]

    assert array.attrs["_ARRAY_DIMENSIONS"] == ["c", "y", "x"][-array.ndim :]
