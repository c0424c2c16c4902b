"""The server in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = [sys.executable, "-m", "numcodecs_neural.cli"]
# A test run in the background has shells that ignore interrupts, and so would what it starts.
_LISTENING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from numcodecs_neural.cli import main
sys.exit(main())
"""
INTERRUPTIBLE = [sys.executable, "-c", _LISTENING]


@contextmanager
def served(*stores: Path, arguments: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Serve stores on any free port; yield the URL of each."""
    command = [*PROGRAM, "serve", *map(str, stores), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            # It says one line for each, and one more when all are there.
            yield [process.stdout.readline().strip() for _ in (*stores, "the list")][:-1]
        finally:
            process.terminate()
