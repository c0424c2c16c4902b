"""Every python block of the page on stores runs, in order and in one namespace."""

import re
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@pytest.mark.slow
def test_the_blocks_of_the_page_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (root / "docs" / "stores.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMCODECS_NEURAL_WEIGHTS", str(tmp_path / "weights"))
    namespace: dict[str, object] = {"__name__": "stores"}

    for block in blocks:
        exec(compile(block, "stores.md", "exec"), namespace)

    assert len(blocks) == text.count("```python") == 6
