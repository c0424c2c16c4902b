"""Jobs and batches: which slides, which stores, and what became of each."""

import io
import json
from pathlib import Path

import pytest
import tifffile

from numcodecs_neural.converters.batch.jobs import Job, expand_inputs, named_inputs, plan_jobs
from numcodecs_neural.errors import ConfigError
from tests.annotations import RunCli

SMALL = ("--chunk", 256, "--shard", 512, "--codec", "zstd")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.svs", "a.svs", "deep/c.svs", "notes.txt"):
        (folder / name).write_bytes(b"")
    return folder


def test_a_pattern_names_its_matches_in_order(archive: Path) -> None:
    assert expand_inputs([f"{archive}/*.svs"]) == [archive / "a.svs", archive / "b.svs"]
    assert expand_inputs([f"{archive}/**/*.svs"])[-1] == archive / "deep/c.svs"


def test_a_slide_named_twice_is_converted_once(archive: Path) -> None:
    assert expand_inputs([f"{archive}/a.svs", f"{archive}/*.svs"]) == [
        archive / "a.svs",
        archive / "b.svs",
    ]


def test_a_pattern_without_a_match_is_refused(archive: Path) -> None:
    with pytest.raises(ConfigError, match=r"no slide matches .*\*\.mrxs"):
        expand_inputs([f"{archive}/*.mrxs"])


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    path = tmp_path / "slide [1].svs"
    path.write_bytes(b"")

    assert expand_inputs([str(path)]) == [path]


def test_a_list_names_slides_and_patterns(archive: Path, tmp_path: Path) -> None:
    listed = tmp_path / "slides.txt"
    listed.write_text(f"# tonight\n\n{archive}/b.svs\n  {archive}/deep/*.svs  \n")

    assert expand_inputs(named_inputs([], listed)) == [archive / "b.svs", archive / "deep/c.svs"]


def test_a_list_may_come_from_the_standard_input(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{archive}/a.svs\n"))

    assert named_inputs([], Path("-")) == [f"{archive}/a.svs"]


def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the list of slides .* cannot be read"):
        named_inputs([], tmp_path / "absent.txt")


@pytest.mark.parametrize(
    ("output", "zipped", "store"),
    [
        ("out", False, "out/a.ome.zarr"),
        ("out", True, "out/a.ozx"),
        ("s3://bucket/out/", False, "s3://bucket/out/a.ome.zarr"),
    ],
)
def test_several_slides_get_stores_named_like_them(output: str, zipped: bool, store: str) -> None:
    jobs = plan_jobs(["x/a.svs", "x/b.svs"], output, zipped=zipped)

    assert jobs[0].output == store


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, which is the working folder too, with slides of the same name in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("2023/case1/slide.svs", "2023/case2/slide.svs", "2024/other.svs"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    return tmp_path / "archive"


@pytest.mark.parametrize(
    ("names", "stores"),
    [
        pytest.param(
            ["archive/**/*.svs"],
            ["2023/case1/slide", "2023/case2/slide", "2024/other"],
            id="below the wildcard",
        ),
        pytest.param(["archive/2023/*/slide.svs"], ["case1/slide", "case2/slide"], id="deeper"),
        pytest.param(
            ["archive/2023/case1/slide.svs", "./archive/2023/case2/../case2/slide.svs"],
            ["case1/slide", "case2/slide"],
            id="of paths",
        ),
        pytest.param(
            ["archive/2023/case1/*.svs", "archive/2023/case2/*.svs", "archive/2024/*.svs"],
            ["2023/case1/slide", "2023/case2/slide", "2024/other"],
            id="of several patterns",
        ),
        pytest.param(
            ["archive/2023/case1/", "archive/2024/../2023/case2", "archive/2024/case1"],
            ["2023/case1", "2023/case2", "2024/case1"],
            id="of slides that are folders",
        ),
        pytest.param(["a/Slide.svs", "b/slide.svs"], ["a/Slide", "b/slide"], id="but for capitals"),
        pytest.param(["a/s.svs", "b/t.svs"], ["s", "t"], id="not where names differ"),
    ],
)
@pytest.mark.usefixtures("cases")
def test_stores_keep_folders_where_slides_have_one_name(
    names: list[str], stores: list[str]
) -> None:
    outputs = [job.output for job in plan_jobs(names, "s3://bucket/out")]

    assert outputs == [f"s3://bucket/out/{store}.ome.zarr" for store in stores]


def test_the_folders_of_a_pattern_do_not_depend_on_what_it_matches(cases: Path) -> None:
    (cases / "2023/case1/slide.svs").unlink()
    (cases / "2024/other.svs").unlink()

    (job,) = plan_jobs(["archive/**/*.svs"], "out", keep_folders=True)

    assert job.output == str(Path("out/2023/case2/slide.ome.zarr"))


def test_folders_are_kept_in_names_that_every_system_accepts() -> None:
    paths = [f"/x/{folder}/s.svs" for folder in ("a: b|", "con", "NUL.1", "end. ", "...", "ä")]

    outputs = [job.output for job in plan_jobs(paths, "s3://b")]

    kept = [output.split("/")[3] for output in outputs]
    assert kept == ["a_ b_", "_con", "_NUL.1", "end", "_", "ä"]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a/s.svs", "a/s.tif", "b/s.svs"], r"a/s\.svs and a/s\.tif would both be written to"),
        (["a/s:/s.svs", "a/s|/s.svs"], r"would both be written to out/s_/s\.ome\.zarr"),
        (
            ["a/s.svs", "a/s.ome.zarr/s.svs"],
            r"out/s\.ome\.zarr/s\.ome\.zarr, would be inside that of a/s\.svs",
        ),
    ],
)
def test_stores_that_would_share_a_place_are_refused(names: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan_jobs(names, "out")


def test_slides_of_one_name_are_converted_in_one_batch_with_a_notice(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    for case in ("case1", "case2"):
        (tmp_path / case).mkdir()
        (tmp_path / case / "slide.svs").write_bytes(svs.read_bytes())
    arguments = (f"{tmp_path}/case*/slide.svs", "-o", tmp_path / "out", "--levels", 1, *SMALL)

    code, out, err = run_cli(*arguments)

    assert code == 0
    stores = sorted(path.relative_to(tmp_path) for path in tmp_path.glob("out/*/*"))
    assert stores == [Path(f"out/case{n}/slide.ome.zarr") for n in (1, 2)]
    assert "have the same name, so stores keep the folders of their slides" in err
    assert err.count("\n") == 1
    assert "case1/slide.svs" in "".join(out.split())
    assert run_cli(*arguments, "--resume", "--keep-folders")[::2] == (0, "")
    assert run_cli(*arguments, "--resume", "-q") == (0, "", "")


@pytest.mark.parametrize(
    ("output", "other"),
    [("a.ome.zarr", "a-2.ome.zarr"), ("a.ozx", "a-2.ozx"), ("a", "a-2")],
)
def test_other_images_of_a_file_go_to_stores_beside(output: str, other: str) -> None:
    job = Job(path=Path("a.tif"), output=output)

    assert job.of_series(2) == Job(path=Path("a.tif"), output=other, series=2)
    assert job.of_series(0) == job


@pytest.fixture
def five_slides(svs: Path, tmp_path: Path) -> Path:
    """Three slides that are sound, one that is damaged and one of a kind nobody reads."""
    folder = tmp_path / "five"
    folder.mkdir()
    for name in ("a", "c", "e"):
        (folder / f"{name}.svs").write_bytes(svs.read_bytes())
    (folder / "b.svs").write_bytes(svs.read_bytes()[:2000])
    (folder / "d.vsi").write_bytes(b"II*\0 and what follows")
    return folder


def test_a_batch_converts_what_is_sound_and_names_the_rest(
    run_cli: RunCli, five_slides: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "log.jsonl"

    code, out, err = run_cli(
        f"{five_slides}/*", "-o", tmp_path / "out", "--json-lines", lines, *SMALL
    )

    assert code == 1
    stores = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert stores == [f"{name}.ome.zarr" for name in "ace"]
    assert f"{five_slides / 'b.svs'} is cut off: " in err
    assert "d.vsi is not a kind of slide" in err
    assert "bioformats2raw" in err
    assert "2 of 5 slides failed" in err
    assert "Traceback" not in err + out
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [slide["status"] for slide in told] == [*["converted", "failed"] * 2, "converted"]
    assert told[3]["error"] in err
    assert out.count("converted") == 3


def test_a_batch_that_is_resumed_does_only_what_is_left(
    run_cli: RunCli, five_slides: Path, tmp_path: Path
) -> None:
    run_cli(five_slides / "a.svs", five_slides / "c.svs", "-o", tmp_path / "out", *SMALL)

    code, out, _ = run_cli(f"{five_slides}/[ace].svs", "-o", tmp_path / "out", "--resume", *SMALL)

    assert code == 0
    assert out.count("skipped") == 2
    assert out.count("converted") == 1


def test_a_dry_run_writes_nothing_and_tells_sizes(
    run_cli: RunCli, five_slides: Path, tmp_path: Path
) -> None:
    code, out, err = run_cli(f"{five_slides}/*", "-o", tmp_path / "out", "--dry-run", *SMALL)

    assert code == 1
    assert out.count("1303x1501") == 3
    assert "d.vsi" in err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_comes_close(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    from numcodecs_neural.converters.options import ConvertOptions
    from numcodecs_neural.converters.pipeline.convert import convert_planned
    from numcodecs_neural.converters.pipeline.plan import plan_conversion
    from numcodecs_neural.converters.sources import open_source
    from numcodecs_neural.converters.trials.dry_run import estimate

    options = ConvertOptions(chunk_px=128, shard_px=256)
    source = open_source(svs)

    plan = plan_conversion(source, options)
    expected = estimate(plan)
    report = convert_planned(plan, str(tmp_path / "out"), lambda done, total: None)
    source.close()

    assert expected.raw_nbytes == report.raw_nbytes
    assert expected.elided_area == pytest.approx(report.levels[0].elided_area, abs=1e-3)
    assert 0.6 < expected.nbytes / report.nbytes < 1.6


def test_all_images_of_a_file_become_stores(run_cli: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "three.ome.tif"
    with tifffile.TiffWriter(path) as tiff:
        for side in (40, 50, 60):
            tiff.write(shape=(side, side), dtype="uint8", metadata={"axes": "YX"})

    code, _, _ = run_cli(path, "-o", tmp_path / "out.ome.zarr", "--series", "all", *SMALL)

    assert code == 0
    stores = sorted(store.name for store in tmp_path.glob("*.zarr"))
    assert stores == ["out-1.ome.zarr", "out-2.ome.zarr", "out.ome.zarr"]


def test_a_quiet_run_says_nothing(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    assert run_cli(svs, "-o", tmp_path / "out", "-q", *SMALL) == (0, "", "")


def test_codecs_are_compared_on_the_slide(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    code, out, err = run_cli(svs, "--compare", "--chunk", 128)

    assert (code, err) == (0, "")
    for title in ("JPEG XL", "he-fast-2", "JPEG 2000", "Zstandard"):
        assert title in out
    assert "each codec set to the SSIM of JPEG at quality 80" in out
    assert " MB, would be about " in out
    assert not list(tmp_path.glob("*.zarr"))
