"""Run a program that knows OpenSlide only, with OME-Zarr stores as its slides.

Usage: ``python -m numcodecs_neural.slide PROGRAM.py ARGUMENTS ...``.
"""

import runpy
import sys
from pathlib import Path

from .openslide_patch import patch_openslide

__all__ = ["main"]

_USAGE = """\
usage: python -m numcodecs_neural.slide PROGRAM.py [ARGUMENTS ...]

Runs a Python program in which openslide-python opens OME-Zarr stores, too. Processes that it
forks open them as well; those that it spawns call numcodecs_neural.slide.patch_openslide().
"""


def main(arguments: list[str]) -> int:
    """Run the program that the first of the arguments names, with the others as its own.

    Returns
    -------
    int
        0, or 2 if no program is named. What the program exits with leaves as its own SystemExit.
    """
    if not arguments or not Path(arguments[0]).is_file():
        print(_USAGE, file=sys.stdout if arguments[:1] in (["-h"], ["--help"]) else sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    patch_openslide()
    sys.argv = arguments
    # As python has it for a program: what lies beside it can be imported.
    sys.path[0] = str(Path(arguments[0]).resolve().parent)
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
