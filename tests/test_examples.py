"""The examples run as a reader would run them, and declare what they import."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.test_packaging import imports_of

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# What each prints last, when all went well.
LAST_LINES = {
    "choose_quality.py": r" +100 .*",
    "classify_latents.py": r"latents +[01]\.\d+ .*",
    "look_for_seams.py": r"error at borders: [+-]0\.[0-4]\d dB .*",
    "share_with_zarr2.py": "the same pixels: True",
    "transcode_jpeg.py": r"this codec +\d+  -[23]\d\.\d %",
}
# These have tests of their own.
TESTED_ELSEWHERE = {"measure_tissue.py", "train_compressai.py", "train_tissue.py"}
METADATA = re.compile(r"^# /// script\n((?:#.*\n)+?)# ///$", re.M)
DISTRIBUTIONS = {
    "PIL": "pillow",
    "skimage": "scikit-image",
    "numcodecs_neural": "numcodecs-neural",
    # What our own package brings.
    **dict.fromkeys(("torch", "matplotlib"), "numcodecs-neural"),
}


def declared_in(script: Path) -> set[str]:
    """Return the distributions that the metadata of a script name."""
    (block,) = METADATA.findall(script.read_text())
    content = tomllib.loads("".join(line[2:] + "\n" for line in block.splitlines()))
    return {Requirement(line).name for line in content["dependencies"]}


def distributions_of(roots: set[str], **names: str) -> set[str]:
    """Return what is to be installed for top-level packages that are not Python's own."""
    return {(DISTRIBUTIONS | names).get(root, root) for root in roots - sys.stdlib_module_names}


def test_every_example_is_tested() -> None:
    names = {path.name for path in EXAMPLES.glob("*.py")}

    assert names == LAST_LINES.keys() | TESTED_ELSEWHERE


@pytest.mark.parametrize("name", LAST_LINES)
def test_example_runs(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / name)]
    if "FOLDER" in (EXAMPLES / name).read_text():
        command.append(str(tmp_path))

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(LAST_LINES[name], done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", [*LAST_LINES, *sorted(TESTED_ELSEWHERE)])
def test_example_declares_what_it_imports(name: str) -> None:
    path = EXAMPLES / name

    assert distributions_of(imports_of(path)) <= declared_in(path)
