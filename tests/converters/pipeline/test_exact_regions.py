"""exact-regions: bit-equal inside, unchanged bytes outside, and told wherever it matters."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.options import ConvertOptions, OmeZarrVersion
from numcodecs_neural.converters.pipeline import region_writer
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.converters.trials.dry_run import estimate
from numcodecs_neural.errors import ConfigError, NeuralCodecError, SourceError
from tests.annotations import Convert, FindFile, ReadFiles, Refused, RunCli

CHUNK = 64
INSIDE = [(1, 2), (1, 3), (2, 2), (2, 3)]


@pytest.fixture
def source(source_of: Callable[..., Any]) -> Any:
    data: Any = skimage.data
    return source_of(np.ascontiguousarray(data.immunohistochemistry()[:300, :400]))


@pytest.fixture
def boxes(tmp_path: Path) -> str:
    """Return a file of one box, which touches the chunks `INSIDE`."""
    path = tmp_path / "boxes.csv"
    path.write_text("x,y,width,height\n130,70,100,100\n")
    return str(path)


def options(**changes: Any) -> ConvertOptions:
    defaults: dict[str, Any] = {
        "chunk_px": CHUNK,
        "glass": "keep",
        "levels": 3,
        "workers": 1,
        "quality": 30,
    }
    return ConvertOptions(**(defaults | changes))


def chunk(image: NDArray[Any], cell: tuple[int, int]) -> NDArray[Any]:
    y, x = (CHUNK * at for at in cell)
    return image[..., y : y + CHUNK, x : x + CHUNK]


def equal_cells(stored: NDArray[Any], original: NDArray[Any]) -> list[tuple[int, int]]:
    """Return the chunks of (c, y, x) that are the same."""
    rows, columns = (-(-side // CHUNK) for side in stored.shape[-2:])
    cells = [(row, column) for row in range(rows) for column in range(columns)]
    return [c for c in cells if np.array_equal(chunk(stored, c), chunk(original, c))]


@pytest.mark.parametrize("codec", ["auto", "neural"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_chunks_of_a_region_are_exact_and_no_others(
    version: OmeZarrVersion, codec: Any, source: Any, boxes: str, converted: Convert
) -> None:
    chosen = options(exact_regions=boxes, ome_zarr_version=version, codec=codec)

    group, report = converted(source, chosen)

    level: Any = group["0"]
    assert equal_cells(level[:], np.moveaxis(source.pixels, -1, 0)) == INSIDE
    assert [each.exact for each in report.levels] == [4, 0, 0]


def test_bytes_of_all_other_chunks_are_unchanged(
    source: Any, boxes: str, tmp_path: Path, files_of: ReadFiles
) -> None:
    stores = []
    for name, regions in (("usual", None), ("exact", boxes)):
        chosen = options(exact_regions=regions, ome_zarr_version="0.4")
        convert(source, tmp_path / name, chosen)
        stores.append(files_of(tmp_path / name))

    usual, exact = stores
    assert usual.keys() == exact.keys()
    images = [name for name in usual if name[0] in "012" and ".z" not in name]
    changed = sorted(name for name in images if usual[name] != exact[name])
    assert len(images) == 5 * 7 + 3 * 4 + 2 * 2
    assert changed == [f"0/0/{row}/{column}" for row, column in INSIDE]


def test_all_levels_are_exact_over_the_region_if_asked_for(
    source: Any, boxes: str, converted: Convert
) -> None:
    group, report = converted(source, options(exact_regions=boxes, exact_all_levels=True))

    assert [each.exact for each in report.levels] == [4, 2, 1]
    first: Any = group["0"]
    second: Any = group["1"]
    exact, reduced = chunk(first[:], (1, 2)).astype(int), chunk(second[:], (0, 1))[:, 32:, :32]
    mean = (
        exact[:, ::2, ::2] + exact[:, 1::2, ::2] + exact[:, ::2, 1::2] + exact[:, 1::2, 1::2]
    ) / 4
    assert np.abs(reduced - mean).max() <= 0.5


def test_attributes_and_coverage_tell_which_chunks_are_exact(
    source: Any, boxes: str, converted: Convert
) -> None:
    group, report = converted(source, options(exact_regions=boxes))

    block: Any = group.attrs["numcodecs_neural"]
    (step,) = block["lossy_history"]
    coverage: Any = group["coverage/levels/0"]
    assert np.argwhere(coverage[:] == 4).tolist() == [list(cell) for cell in INSIDE]
    assert set(np.unique(coverage[:])) == {1, 4}
    assert (step["chunks"], step["of_chunks"]) == (31, 35)
    assert block["levels"][0]["exact"] == 4
    assert not block["levels"][0]["is_exact"]
    assert report.levels[0].pixels == "q30, 4 exact"
    assert report.levels[0].stored == 35


def test_an_exact_chunk_that_is_lost_is_known(source: Any, boxes: str, tmp_path: Path) -> None:
    chosen = options(exact_regions=boxes, ome_zarr_version="0.4")
    convert(source, tmp_path / "a.ome.zarr", chosen)
    (tmp_path / "a.ome.zarr" / "0" / "0" / "1" / "2").unlink()

    with pytest.raises(SourceError, match=r"chunk 0/1/2 .* was stored and is lost"):
        open_source(tmp_path / "a.ome.zarr")


def test_a_level_that_is_exact_everywhere_has_no_lossy_step(
    source: Any, tmp_path: Path, converted: Convert
) -> None:
    path = tmp_path / "all.csv"
    path.write_text("0,0,400,300\n")

    group, report = converted(source, options(exact_regions=str(path)))

    block: Any = group.attrs["numcodecs_neural"]
    assert block["lossy_history"] == []
    assert report.levels[0].is_exact
    assert report.levels[0].psnr_db is None


def test_glass_in_a_region_is_stored(source_of: Callable[..., Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(238, 246, (1024, 1024, 3), np.uint8)
    pixels[600:900, 600:900] = (160, 60, 140)
    path = tmp_path / "glass.csv"
    path.write_text("10,10,20,20\n")
    source = source_of(pixels, mpp=(0.5, 0.5))
    chosen = options(glass="elide", levels=2, bright_field="yes", margin_um=0)

    usual, exact = (
        plan_conversion(source, replace(chosen, exact_regions=regions)).glass
        for regions in (None, str(path))
    )
    convert(source, tmp_path / "out", replace(chosen, exact_regions=str(path)))

    changed = [
        np.argwhere(a != b).tolist() for a, b in zip(usual.elided, exact.elided, strict=True)
    ]
    assert changed == [[[0, 0]], [[0, 0]]]
    stored: Any = zarr.open_group(tmp_path / "out", mode="r")["0"]
    np.testing.assert_array_equal(
        stored[:, :CHUNK, :CHUNK], pixels[:CHUNK, :CHUNK].transpose(2, 0, 1)
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_planes_of_one_sample_are_exact_in_every_frame(
    dtype: str, tmp_path: Path, boxes: str
) -> None:
    stack = tmp_path / "stack.ome.zarr"
    group = zarr.create_group(stack)
    rng = np.random.default_rng(2)
    planes = rng.integers(0, 200, (2, 300, 400)).astype(dtype)
    array: Any = group.create_array("0", shape=planes.shape, dtype=dtype, chunks=(1, 100, 100))
    array[...] = planes
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space"} for n in "yx")]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    described: Any = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    group.attrs["ome"] = described
    source = open_source(stack)

    report = convert(source, tmp_path / "out", options(exact_regions=boxes, levels=1))

    stored: Any = zarr.open_group(tmp_path / "out", mode="r")["0"]
    for frame, plane in enumerate(planes):
        assert equal_cells(stored[frame], plane) == INSIDE
    assert report.levels[0].exact == 8
    source.close()


def test_jpeg_data_of_a_region_are_not_made_coarser(svs: Path, tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([[500, 500, 100, 100]]))
    source = open_source(svs)
    chosen = ConvertOptions(
        chunk_px=240, jpeg_quality=85, glass="keep", exact_regions=str(path), workers=1, levels=1
    )

    report = convert(source, tmp_path / "out", chosen)

    grid = plan_conversion(source, chosen).grids[0]
    region = grid.chunk((2, 2))
    stored: Any = zarr.open_group(tmp_path / "out", mode="r")["0"]
    np.testing.assert_array_equal(
        stored[:, *region.slices], source.read_region(region).transpose(2, 0, 1)
    )
    assert report.levels[0].coarser > 0
    assert report.levels[0].exact >= 1
    source.close()


def test_a_killed_run_that_is_resumed_ends_in_the_same_bytes(
    source: Any, boxes: str, tmp_path: Path, files_of: ReadFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = options(exact_regions=boxes, shard_px=128)
    convert(source, tmp_path / "whole", chosen)
    write, left = region_writer.PyramidWriter.write_region, [5]

    def dying(self: Any, *place: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return write(self, *place)

    with monkeypatch.context() as patched:
        patched.setattr(region_writer.PyramidWriter, "write_region", dying)
        with pytest.raises(KeyboardInterrupt):
            convert(source, tmp_path / "resumed", chosen)
    convert(source, tmp_path / "resumed", replace(chosen, resume=True))

    assert files_of(tmp_path / "whole") == files_of(tmp_path / "resumed")


def test_the_fingerprint_is_that_of_the_chunks_and_not_of_the_file(
    source: Any, boxes: str, tmp_path: Path
) -> None:
    same, other = tmp_path / "same.json", tmp_path / "other.json"
    same.write_text("[[131, 71, 100, 100]]")
    other.write_text("[[131, 71, 10, 10]]")

    first, second, third, usual, levels = (
        plan_conversion(source, options(exact_regions=regions, exact_all_levels=every)).fingerprint
        for regions, every in (
            (boxes, False),
            (str(same), False),
            (str(other), False),
            (None, False),
            (boxes, True),
        )
    )

    assert first == second
    assert len({first, third, usual, levels}) == 4


def test_a_dry_run_counts_exact_chunks_and_their_bytes(source: Any, boxes: str) -> None:
    usual, exact = (
        estimate(plan_conversion(source, options(exact_regions=regions)))
        for regions in (None, boxes)
    )

    assert (usual.exact_chunks, exact.exact_chunks) == (0, 4)
    assert exact.nbytes > usual.nbytes + 4 * CHUNK**2


def test_a_chunk_that_lost_something_all_the_same_is_an_error(
    source: Any, boxes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region_writer, "is_lossy", lambda start: True)

    with pytest.raises(NeuralCodecError, match="were to be exact lost something"):
        convert(source, tmp_path / "out", options(exact_regions=boxes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"codec": "jpegxl"}, "exact-regions are for the neural codec"),
        ({"glass": "flatten"}, "glass flatten paints some"),
        ({"archive": True, "glass": None, "levels": None}, "exact-regions is a.csv"),
        ({"exact_regions": None, "exact_all_levels": True}, "give these, too"),
    ],
)
def test_what_excludes_regions_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        options(**({"exact_regions": "a.csv"} | changes))


def test_regions_that_do_not_read_are_refused_before_anything_is_written(
    refused: Refused, svs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "regions.geojson"
    path.write_text('{"type": "FeatureCollection"')

    said = refused(svs, "-o", tmp_path / "out", "--exact-regions", path)

    assert "regions.geojson is no JSON" in said
    assert [each.name for each in tmp_path.iterdir()] == ["regions.geojson"]


def test_the_program_shows_what_is_exact(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    path = tmp_path / "regions.csv"
    path.write_text("10,10,100,100\n")

    code, out, _ = run_cli(
        svs, "--dry-run", "--codec", "neural", "--exact-regions", path, "--workers", 1
    )

    assert code == 0
    assert "1 chunks" in out


def test_regions_of_a_real_slide_are_exact(shared_file: FindFile, tmp_path: Path) -> None:
    source = open_source(shared_file("wsi/aperio-svs/CMU-1-Small-Region.svs"))
    path = tmp_path / "regions.geojson"
    corners = [[900, 900], [1400, 1100], [1000, 1500], [900, 900]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))
    chosen = ConvertOptions(codec="neural", exact_regions=str(path), workers=2, levels=2)

    report = convert(source, tmp_path / "out", chosen)

    plan = plan_conversion(source, chosen)
    stored: Any = zarr.open_group(tmp_path / "out", mode="r")["0"]
    cells = [(int(y), int(x)) for y, x in np.argwhere(plan.exact[0])]
    assert report.levels[0].exact == len(cells) == 4
    for cell in cells:
        region = plan.grids[0].chunk(cell)
        found = stored[:, *region.slices]
        np.testing.assert_array_equal(found, source.read_region(region).transpose(2, 0, 1))
    source.close()
