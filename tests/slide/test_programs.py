"""Programs that know OpenSlide only, run unmodified."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import openslide
from beside import name_of
slide = openslide.open_slide(sys.argv[1])
print(__name__, name_of(slide), sys.argv[2:])
sys.exit(3)
"""
BESIDE = "def name_of(slide):\n    return type(slide).__name__\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "numcodecs_neural.slide", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_program_opens_stores_as_slides(store: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "beside.py").write_text(BESIDE)

    found = run(str(tmp_path / "program.py"), str(store), "--more")

    assert found.stdout.strip() == "__main__ OmeZarrSlide ['--more']", found.stderr
    assert found.returncode == 3


def test_without_a_program_it_says_how_it_is_called(tmp_path: Path) -> None:
    found = run(str(tmp_path / "absent.py"))

    assert found.returncode == 2
    assert found.stderr.startswith("usage: python -m numcodecs_neural.slide PROGRAM.py")
