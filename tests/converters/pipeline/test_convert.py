"""From a slide to a store: pixels, chunks, metadata, and the same bytes each time."""

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import ome_zarr_models
import pytest
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.options import ConvertOptions, OmeZarrVersion
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.tissue import find_tissue, read_overview
from tests.annotations import Convert, Image, ReadFiles, Rng

pytestmark = pytest.mark.usefixtures("lossless")

VERSIONS = ["0.4", "0.5"]


def options(version: OmeZarrVersion = "0.5", **changes: Any) -> ConvertOptions:
    # Small chunks and regions: several of each at most levels of a small slide.
    sizes: dict[str, Any] = {"chunk_px": 128, "workers": 2}
    if version == "0.5":
        sizes["shard_px"] = 256
    return ConvertOptions(ome_zarr_version=version, **{**sizes, **changes})


def planes(slide: Image) -> Image:
    return np.moveaxis(slide, -1, 0)


def per_pixel(chunks: NDArray[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a map of chunks as one of pixels."""
    return np.kron(chunks, np.ones((128, 128), chunks.dtype))[: shape[-2], : shape[-1]]


@pytest.mark.parametrize("version", VERSIONS)
def test_stored_pixels_are_untouched_and_glass_chunks_absent(
    array_source: Any, slide: Image, converted: Convert, version: OmeZarrVersion
) -> None:
    group, report = converted(array_source, options(version))

    level = group["0"]
    coverage = np.asarray(group["coverage/levels/0"])
    pixels = level[:]
    is_stored = per_pixel(coverage, pixels.shape) == 1
    assert (pixels[:, is_stored] == planes(slide)[:, is_stored]).all()
    # The grey nearest to the glass of the slide, (243, 241, 244).
    assert (pixels[:, ~is_stored] == 243).all()
    assert {group[str(n)].fill_value for n in range(len(report.levels))} == {243}
    assert group.attrs["numcodecs_neural"]["glass"]["fill_value"] == 243
    assert is_stored[300:700, 200:650].all()
    assert is_stored[1300:, 1100:].all()
    assert report.levels[0].elided == (coverage == 2).sum() > 50


@pytest.mark.parametrize(
    ("mpp", "margin_um", "margin_px"),
    [
        pytest.param((0.5, 0.5), 0, 0, id="none"),
        pytest.param((0.5, 0.5), 50, 100, id="of 0.5 micrometres a pixel"),
        pytest.param((0.25, 0.3), 50, 200, id="of 0.25 micrometres a pixel"),
        pytest.param(None, 50, 128, id="of unknown pixels"),
    ],
)
def test_what_is_near_tissue_is_kept_and_what_is_far_is_not(
    source_of: Any,
    slide: Image,
    converted: Convert,
    mpp: tuple[float, float] | None,
    margin_um: float,
    margin_px: int,
) -> None:
    chosen = options(levels=1, chunk_px=32, margin_um=margin_um)
    group, _ = converted(source_of(slide, mpp), chosen)

    tissue = np.asarray(group["labels/tissue/0"]) == 1
    coverage = np.asarray(group["coverage/levels/0"])
    kept: list[int] = []
    for row, column in np.ndindex(coverage.shape):
        y, x = 32 * row, 32 * column
        near, far = (
            tissue[max(y - d, 0) : y + 32 + d, max(x - d, 0) : x + 32 + d].any()
            # A pixel of the mask of this slide stands for less than 16 of its own.
            for d in (margin_px, margin_px + 16)
        )
        assert not near or coverage[row, column] != 2
        assert far or coverage[row, column] == 2
        kept.append(coverage[row, column] != 2)
    assert 0.1 < np.mean(kept) < 0.7


def test_a_picture_of_tissue_decides_what_is_kept(
    array_source: Any, slide: Image, tmp_path: Path
) -> None:
    drawn = np.zeros(slide.shape[:2], np.uint8)
    drawn[:100, 1200:] = 255
    imagecodecs.imwrite(tmp_path / "mask.png", drawn)
    chosen = options(tissue=str(tmp_path / "mask.png"), margin_um=0, levels=1)

    convert(array_source, tmp_path / "out.ome.zarr", chosen)

    group = zarr.open_group(tmp_path / "out.ome.zarr", mode="r")
    is_kept = np.asarray(group["coverage/levels/0"]) != 2
    assert np.argwhere(is_kept).tolist() == [[0, 9], [0, 10]]


@pytest.mark.parametrize("how", ["threshold", "network"])
def test_the_detector_that_is_asked_for_looks_for_tissue(array_source: Any, how: str) -> None:
    overview = read_overview(array_source)

    glass = plan_conversion(array_source, options(tissue=how)).glass

    wanted, other = (find_tissue(overview, by) for by in (how, *{"threshold", "network"} - {how}))
    assert np.array_equal(np.asarray(glass.tissue), wanted)
    assert not np.array_equal(wanted, other)


def test_an_elided_chunk_of_zarr_v2_has_no_file(array_source: Any, tmp_path: Path) -> None:
    convert(array_source, tmp_path / "out.ome.zarr", options("0.4"))

    for level in range(4):
        coverage = np.asarray(
            zarr.open_group(tmp_path / "out.ome.zarr", mode="r")[f"coverage/levels/{level}"]
        )
        for row, column in np.ndindex(coverage.shape):
            file = tmp_path / "out.ome.zarr" / str(level) / "0" / str(row) / str(column)
            assert file.is_file() == (coverage[row, column] == 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_level_is_the_area_average_of_the_original(
    array_source: Any, slide: Image, converted: Convert, version: OmeZarrVersion
) -> None:
    group, _ = converted(array_source, options(version, glass="keep"))

    for level in range(5):
        side = 2**level
        rows, columns = -(-1501 // side), -(-1303 // side)
        beyond = ((0, 0), (0, rows * side - 1501), (0, columns * side - 1303))
        whole = np.pad(planes(slide).astype(float), beyond, constant_values=np.nan)
        mean = np.nanmean(whole.reshape(3, rows, side, columns, side), (2, 4))
        stored = group[str(level)]
        assert stored.shape == (3, rows, columns)
        assert np.abs(stored[:] - mean).max() <= 0.5 + level / 256


def test_each_pixel_of_level_0_is_read_once(array_source: Any, converted: Convert) -> None:
    converted(array_source, options())

    assert (array_source.reads == 1).all()


def test_a_shard_holds_all_its_chunks(array_source: Any, tmp_path: Path) -> None:
    convert(array_source, tmp_path / "out.ome.zarr", options(glass="keep"))

    shards = [path for path in (tmp_path / "out.ome.zarr/0/c").rglob("*") if path.is_file()]
    assert len(shards) == 6 * 6


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("glass", ["elide", "flatten", "keep"])
def test_workers_do_not_change_a_byte(
    source_of: Any,
    slide: Image,
    tmp_path: Path,
    files_of: ReadFiles,
    version: OmeZarrVersion,
    glass: str,
) -> None:
    for workers in (1, 2, 5):
        convert(
            source_of(slide),
            tmp_path / str(workers),
            options(version, workers=workers, glass=glass),
        )

    first = files_of(tmp_path / "1")
    assert files_of(tmp_path / "2") == first
    assert files_of(tmp_path / "5") == first


def test_a_store_tells_nothing_about_the_machine(
    array_source: Any, tmp_path: Path, files_of: ReadFiles
) -> None:
    convert(array_source, tmp_path / "out.ome.zarr", options(workers=3))

    text = b"".join(
        data for name, data in files_of(tmp_path / "out.ome.zarr").items() if name.endswith(".json")
    )
    assert str(tmp_path).encode() not in text
    assert b"worker" not in text
    assert b"second" not in text


def test_only_the_store_is_left(array_source: Any, tmp_path: Path) -> None:
    convert(array_source, tmp_path / "out.ome.zarr", options())

    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr"]


def test_flatten_paints_glass_and_stores_it(
    array_source: Any, slide: Image, converted: Convert
) -> None:
    group, report = converted(array_source, options(glass="flatten"))

    pixels = np.asarray(group["0"])
    assert (pixels[:, :100, :100].reshape(3, -1).T == (243, 241, 244)).all()
    assert (pixels[:, 300:700, 200:650] == planes(slide)[:, 300:700, 200:650]).all()
    assert (np.asarray(group["coverage/levels/0"]) == 1).all()
    assert report.levels[0].elided == 0


def test_keep_stores_every_chunk_even_white_ones(
    source_of: Any, slide: Image, converted: Convert
) -> None:
    white = slide.copy()
    white[:256] = 255

    group, _ = converted(source_of(white), options(glass="keep"))

    assert (np.asarray(group["0"]) == planes(white)).all()
    assert (np.asarray(group["coverage/levels/0"]) == 1).all()


@pytest.mark.parametrize(("sample", "told"), [(243, 3), (255, 1)], ids=["as glass", "white"])
def test_a_flat_chunk_beside_tissue_is_told_from_an_elided_one(
    source_of: Any, slide: Image, converted: Convert, sample: int, told: int
) -> None:
    flat = slide.copy()
    flat[384:512, 256:384] = sample

    group, _ = converted(source_of(flat), options())

    assert np.asarray(group["coverage/levels/0"])[3, 2] == told
    assert (np.asarray(group["0"])[:, 384:512, 256:384] == sample).all()


def test_what_is_elided_of_a_slide_without_glass_is_white(
    source_of: Any, tissue: Image, tmp_path: Path
) -> None:
    pixels = np.moveaxis(tissue, 0, -1)[:512, :512] // 2
    drawn = np.zeros((512, 512), np.uint8)
    drawn[:100, :100] = 255
    imagecodecs.imwrite(tmp_path / "mask.png", drawn)
    chosen = options(tissue=str(tmp_path / "mask.png"), bright_field="yes", margin_um=0)

    convert(source_of(pixels), tmp_path / "out.ome.zarr", chosen)

    level: Any = zarr.open_array(tmp_path / "out.ome.zarr" / "0", mode="r")
    assert level.fill_value == 255
    assert (level[:, 256:, 256:] == 255).all()


def test_a_dark_slide_is_kept_whole_on_black(source_of: Any, rng: Rng, converted: Convert) -> None:
    dark = np.zeros((600, 500, 3), np.uint8)
    dark[100:200, 100:200] = rng.integers(0, 200, (100, 100, 3))

    group, report = converted(source_of(dark), options())

    level = group["0"]
    assert level.fill_value == 0
    assert (level[:] == planes(dark)).all()
    assert report.glass == "keep"
    assert "labels" not in group


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (513, 511), (128, 128)])
def test_slides_of_any_size_convert(
    source_of: Any, slide: Image, converted: Convert, shape: tuple[int, int]
) -> None:
    pixels = slide[300 : 300 + shape[0], 200 : 200 + shape[1]]

    group, _ = converted(source_of(pixels), options(glass="keep"))

    assert (np.asarray(group["0"]) == planes(pixels)).all()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mpp", [None, (0.25, 0.26)], ids=["without mpp", "with mpp"])
def test_metadata_are_valid_and_scales_are_micrometres(
    source_of: Any,
    slide: Image,
    converted: Convert,
    version: OmeZarrVersion,
    mpp: tuple[float, float] | None,
) -> None:
    group, _ = converted(source_of(slide, mpp), options(version))

    image: Any = ome_zarr_models.open_ome_zarr(group)
    assert image.ome_zarr_version == version
    assert image.labels is not None
    (multiscale,) = (
        image.attributes.multiscales if version == "0.4" else (image.ome_attributes.multiscales)
    )
    assert [axis.name for axis in multiscale.axes] == ["c", "y", "x"]
    assert [axis.unit for axis in multiscale.axes][1:] == ["micrometer" if mpp else None] * 2
    y, x = mpp or (1.0, 1.0)
    scale, translation = multiscale.datasets[2].coordinateTransformations
    assert scale.scale == [1, 4 * y, 4 * x]
    assert translation.translation == [0, 1.5 * y, 1.5 * x]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_tissue_mask_lies_where_the_slide_does(
    source_of: Any, slide: Image, tmp_path: Path, version: OmeZarrVersion
) -> None:
    convert(source_of(slide, (0.25, 0.26)), tmp_path / "out.ome.zarr", options(version))

    placed = []
    for path in ("/", "labels/tissue"):
        group: Any = zarr.open_group(tmp_path / "out.ome.zarr", mode="r")[path]
        attributes = group.attrs.asdict()
        (multiscale,) = (attributes if version == "0.4" else attributes["ome"])["multiscales"]
        assert [axis["unit"] for axis in multiscale["axes"][-2:]] == ["micrometer"] * 2
        placed.append(
            [
                (scale["scale"][-2:], translation["translation"][-2:])
                for scale, translation in (
                    dataset["coordinateTransformations"] for dataset in multiscale["datasets"]
                )
            ]
        )
    assert placed[0] == placed[1]
    assert placed[0][1] == ([0.5, 0.52], [0.125, 0.13])


@pytest.mark.parametrize("version", VERSIONS)
def test_channels_are_red_green_and_blue(
    array_source: Any, converted: Convert, version: OmeZarrVersion
) -> None:
    group, _ = converted(array_source, options(version))

    attributes = group.attrs.asdict()
    omero = attributes["omero"] if version == "0.4" else attributes["ome"]["omero"]
    assert [(c["label"], c["color"]) for c in omero["channels"]] == [
        ("R", "FF0000"),
        ("G", "00FF00"),
        ("B", "0000FF"),
    ]


def test_the_tissue_mask_is_a_label_of_every_level(array_source: Any, converted: Convert) -> None:
    group, _ = converted(array_source, options())

    for level in range(5):
        mask = np.asarray(group[f"labels/tissue/{level}"])
        image = group[str(level)]
        assert mask.shape == image.shape[1:]
        assert mask[300 >> level : 700 >> level, 200 >> level : 650 >> level].mean() > 0.95
        assert set(np.unique(mask)) == {0, 1}


def test_the_lossy_history_is_appended_to(array_source: Any, svs: Path, converted: Convert) -> None:
    from numcodecs_neural.converters.sources import open_source

    source = open_source(svs)
    group, _ = converted(source, options())
    source.close()

    block = group.attrs["numcodecs_neural"]
    jpeg, ours = block["lossy_history"]
    assert (jpeg["method"], jpeg["quality"]) == ("jpeg", 90)
    assert ours["method"] == "zstd"
    assert 0.5 < block["glass"]["elided_area"] < 1


def test_the_report_counts_what_is_stored(array_source: Any, tmp_path: Path) -> None:
    store = tmp_path / "out.ome.zarr"

    report = convert(array_source, store, options())

    for level in report.levels:
        files = [path for path in (store / str(level.level) / "c").rglob("*") if path.is_file()]
        assert level.nbytes == sum(path.stat().st_size for path in files)
        assert level.chunks == level.stored + level.elided + level.empty
        assert level.chunks_sampled > 0
        assert level.psnr_db is None
    assert report.nbytes == sum(level.nbytes for level in report.levels)
    assert json.loads(json.dumps(report.to_json()))["levels"][0]["width"] == 1303


def test_progress_ends_where_it_said(array_source: Any, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    convert(
        array_source,
        tmp_path / "out.ome.zarr",
        options(),
        progress=lambda done, total: seen.append((done, total)),
    )

    assert len({total for _, total in seen}) == 1
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]
