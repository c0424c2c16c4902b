"""Every python block of the README runs, in order and in one namespace, as a reader would."""

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"^(?P<skip><!-- not run: .+ -->\n)?```python\n(?P<code>.*?)^```$", re.M | re.S)
# A whole block may opt out by a comment line before it that says why: <!-- not run: REASON -->


def test_readme_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = list(BLOCK.finditer(README.read_text()))
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}

    for block in blocks:
        if not block["skip"]:
            exec(compile(block["code"], str(README), "exec"), namespace)

    assert len(blocks) >= 3


def test_no_python_block_escapes_the_search() -> None:
    text = README.read_text()

    assert len(BLOCK.findall(text)) == text.count("```python")


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


@pytest.mark.parametrize(
    "command",
    [
        'pip install -c constraints.txt ".[convert]" && convert-to-omezarr --demo demo.ome.zarr',
        'pip install -c constraints.txt ".[test]" && pytest',
    ],
    ids=["main job", "tests"],
)
def test_readme_has_the_two_commands(command: str) -> None:
    assert README.read_text().count(command) == 1
