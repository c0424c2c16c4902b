"""The python blocks of the pages on analysis, features and napari run, beside the demo slide."""

from pathlib import Path

import pytest

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources.demo import DemoSource
from tests.test_readme import BLOCK, ROOT

PAGES = ("analysis", "features", "napari")
COMMENT = "  # "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the demo slide in it."""
    made = tmp_path_factory.mktemp("pages")
    convert(DemoSource(), made / "demo.ome.zarr", ConvertOptions())
    return made


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_of_a_page_run_and_print_what_it_says(
    page: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    blocks = [block["code"] for block in BLOCK.finditer(text) if not block["skip"]]
    monkeypatch.chdir(folder)
    namespace: dict[str, object] = {"__name__": "page"}

    for code in blocks:
        exec(compile(code, page, "exec"), namespace)

    said = [
        line.partition(COMMENT)[2].partition(": ")[0]
        for code in blocks
        for line in code.splitlines()
        if line.startswith("print(") and COMMENT in line
    ]
    printed = capsys.readouterr().out
    assert blocks
    assert [what for what in said if what not in printed] == []
