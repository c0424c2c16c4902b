"""Entry points: both programs end in a word where they are interrupted while they start."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# Ctrl-C while the first large library is imported.
INTERRUPTED_START = """
import sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
sys.argv = [{program!r}, "models"]
from {module} import {function}
sys.exit({function}())
"""


@pytest.mark.parametrize("program", ["numcodecs-neural", "convert-to-omezarr"])
def test_an_interrupt_while_a_program_starts_is_one_word(
    root: Path, tmp_path: Path, program: str
) -> None:
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts[program].partition(":")
    code = INTERRUPTED_START.format(program=program, module=module, function=function)

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.stderr == f"{program}: interrupted\n"
    assert done.returncode == 130
