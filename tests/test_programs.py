"""Entry points: both programs end without a traceback where a shell ends them."""

import os
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


def test_nothing_is_said_to_who_closed_the_pipe(tmp_path: Path) -> None:
    code = (
        "import sys; from numcodecs_neural.programs import numcodecs_neural as run; sys.exit(run())"
    )
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-c", code, "models"],
            cwd=tmp_path,
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=60,
        )

    assert done.stderr == b""
    assert done.returncode == 141
