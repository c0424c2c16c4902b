"""Every python block of the READMEs and the documentation runs, in order, as a reader would."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "converters" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?P<skip><!-- not run: [^\n]+ -->\n)?```python\n(?P<code>.*?)^```$", re.M | re.S
)
# A whole block may opt out by a comment line before it that says why: <!-- not run: REASON -->


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [p for p in PAGES if "```python" in p.read_text()], ids=name_of)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = list(BLOCK.finditer(page.read_text()))
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}

    for block in blocks:
        if not block["skip"]:
            exec(compile(block["code"], name_of(page), "exec"), namespace)

    assert len(blocks) >= (2 if page == README else 1)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_python_block_escapes_the_search(page: Path) -> None:
    text = page.read_text()

    assert len(BLOCK.findall(text)) == text.count("```python")


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


@pytest.mark.parametrize(
    "command",
    [
        'pip install -c constraints.txt ".[convert]" && convert-to-omezarr --demo demo.ome.zarr',
        'pip install -c constraints.txt -e ".[test]" && pytest',
    ],
    ids=["main job", "tests"],
)
def test_readme_has_the_two_commands(command: str) -> None:
    assert README.read_text().count(command) == 1


def test_every_page_is_in_the_navigation() -> None:
    listed = (ROOT / "mkdocs.yml").read_text()
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]

    assert [page for page in pages if f"- {page}" not in listed] == []
