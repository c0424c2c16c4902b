"""The page about the server: its code runs, and its options are those of the program."""

import re
import shutil
from pathlib import Path

import pytest

from numcodecs_neural import cli
from tests.serve.conftest import Run

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "serve.md").read_text()


def test_the_code_of_the_page_runs(
    page: str, stores: dict[str, Path], tmp_path: Path, run_server: Run
) -> None:
    url = run_server(Path(shutil.copytree(stores["rgb-0.5"], tmp_path / "slide.ome.zarr")))
    (block,) = BLOCK.findall(page)
    names: dict[str, object] = {}

    exec(block.replace("http://127.0.0.1:8000", url), names)

    assert names["pixels"].shape == (3, 64, 64)  # type: ignore[attr-defined]


def test_the_page_names_options_that_there_are(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])

    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert set(re.findall(r"`(--[a-z-]+)", page)) == options
