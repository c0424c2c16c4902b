"""Entry points of the two programs, which end without a traceback where a shell ends them.

An interrupt takes a word, while they import, too; and nothing is said to who closed the pipe.

Nothing heavy may be imported here: Python itself prints a traceback for an interrupt that comes
before `_run`.
"""

import os
import sys
from importlib import import_module

__all__ = ["convert_to_omezarr", "numcodecs_neural"]

# What a shell makes of SIGINT, and of SIGPIPE.
INTERRUPTED, UNHEARD = 130, 141


def numcodecs_neural() -> int:
    """Run the program ``numcodecs-neural``; return its exit code."""
    return _run("numcodecs-neural", "numcodecs_neural.cli")


def convert_to_omezarr() -> int:
    """Run the program ``convert-to-omezarr``; return its exit code."""
    return _run("convert-to-omezarr", "numcodecs_neural.converters.cli.main")


def _run(program: str, module: str) -> int:
    try:
        try:
            code: int = import_module(module).main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go, and Python would try, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNHEARD
    return code
