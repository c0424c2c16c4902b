"""What the program says of slides that are kept exactly."""

from pathlib import Path

from tests.annotations import RunCli


def test_levels_that_are_exact_are_told(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    code, out, err = run_cli(svs, "-o", tmp_path / "out.ome.zarr")

    assert (code, err) == (0, "")
    told = " ".join(out.split())
    assert "Levels 0 to 1: every pixel of what is stored is exact" in told
    assert "% smaller than the source file" in told


def test_dry_run_tells_which_levels_will_be_exact(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    _, out, _ = run_cli(svs, "-o", tmp_path / "out", "--dry-run")
    _, of_neural, _ = run_cli(svs, "-o", tmp_path / "out", "--dry-run", "--codec", "neural")

    assert "0 to 1" in out
    assert "none" in of_neural
