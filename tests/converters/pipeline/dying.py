"""Conversions that die by SIGKILL, and always at the same moment: before a file gets its place.

That is when all harm is done: what is written lies beside its place, and nothing says so yet.
"""

import subprocess
import sys

ALL = 10**9
# A store's writers, zarr's and ours, write beside a file's place, and then rename.
PROGRAM = f"""
import os, signal, sys
from numcodecs_neural.converters import cli

place, left = sys.argv[1], int(sys.argv[2])

def count(event, arguments):
    global left
    if event in ("os.rename", "os.link") and place in f"{{os.fsdecode(arguments[1])}}<end>":
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
code = cli.main(sys.argv[3:])
print({ALL} - left)
sys.exit(code)
"""


def run_until(place: str, files: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run the program in a process of its own that dies before its n-th file gets its place.

    Parameters
    ----------
    place : str
        Part of the paths of the files that count; each path ends in ``<end>``.
    files : int
        How many of these it takes; 1 is before the first.
    *arguments
        Of the program.
    """
    # -P: what is installed runs, and not the folder that the tests are started in.
    command = [sys.executable, "-P", "-c", PROGRAM, place, str(files), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def count_files(place: str, *arguments: object) -> int:
    """Run the program to its end; return how many files got their place whose paths have `place`.

    Others do not count: what is compiled is kept in files, too, the first time only.
    """
    done = run_until(place, ALL, *arguments)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])
