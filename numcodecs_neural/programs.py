"""Entry points of the two programs: an interrupt ends them in a word, while they import, too.

Nothing heavy may be imported here: Python itself prints a traceback for an interrupt that comes
before `_run`.
"""

import sys
from importlib import import_module

__all__ = ["convert_to_omezarr", "numcodecs_neural"]

# What a shell makes of SIGINT.
INTERRUPTED = 130


def numcodecs_neural() -> int:
    """Run the program ``numcodecs-neural``; return its exit code."""
    return _run("numcodecs-neural", "numcodecs_neural.cli")


def convert_to_omezarr() -> int:
    """Run the program ``convert-to-omezarr``; return its exit code."""
    return _run("convert-to-omezarr", "numcodecs_neural.converters.cli.main")


def _run(program: str, module: str) -> int:
    try:
        code: int = import_module(module).main()
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: interrupted\n")
        return INTERRUPTED
    return code
