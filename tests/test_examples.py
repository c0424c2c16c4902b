"""The examples run as a reader would run them, and declare what they import."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# What each prints last, when all went well.
LAST_LINES = {
    "choose_quality.py": r" +100 .*",
    "look_for_seams.py": r"error at borders: [+-]0\.[0-4]\d dB .*",
    "share_with_zarr2.py": "the same pixels: True",
}
# These have tests of their own.
TESTED_ELSEWHERE = {"measure_tissue.py", "train_compressai.py", "train_tissue.py"}
METADATA = re.compile(r"^# /// script\n((?:#.*\n)+?)# ///$", re.M)
DISTRIBUTIONS = {"skimage": "scikit-image", "numcodecs_neural": "numcodecs-neural"}


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
    source = (EXAMPLES / name).read_text()
    (block,) = METADATA.findall(source)
    declared = tomllib.loads("".join(line[2:] + "\n" for line in block.splitlines()))

    nodes = list(ast.walk(ast.parse(source)))
    imported = {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {name.split(".")[0] for name in imported} - sys.stdlib_module_names

    assert {DISTRIBUTIONS.get(root, root) for root in roots} <= {
        Requirement(line).name for line in declared["dependencies"]
    }
