"""Every python block of the READMEs runs, in order and in one namespace, as a reader would."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
READMES = [README, ROOT / "converters" / "README.md"]
BLOCK = re.compile(r"^(?P<skip><!-- not run: .+ -->\n)?```python\n(?P<code>.*?)^```$", re.M | re.S)
# A whole block may opt out by a comment line before it that says why: <!-- not run: REASON -->


@pytest.mark.parametrize("readme", READMES, ids=["package", "converter"])
def test_readme_blocks_run(readme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = list(BLOCK.finditer(readme.read_text()))
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}

    for block in blocks:
        if not block["skip"]:
            exec(compile(block["code"], str(readme), "exec"), namespace)

    assert len(blocks) >= (3 if readme == README else 1)


@pytest.mark.parametrize("readme", READMES, ids=["package", "converter"])
def test_no_python_block_escapes_the_search(readme: Path) -> None:
    text = readme.read_text()

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
