"""Peak memory and time of a conversion: they must not depend on the size of the slide.

An ordinary test by default, on a small slide. Measured, on generated slides of 10,000 x 10,000 and
30,000 x 30,000 pixels, half of them glass, by

    pytest tests/benchmarks/test_convert_memory.py --benchmark-enable -s

in some ten minutes, with 3 GB of free disk under pytest's temporary folder.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.converters.slides.generate import write_slide

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak is read from /proc, which is Linux's"
)

WORKERS = 2
SIDES_PX, SMALL_PX = (10_000, 30_000), 700
MOST_NBYTES = 2 << 30
MOST_RATIO = 1.2

# What `convert-to-omezarr` does; then what it took. The peak of /proc is that of this program
# alone, where getrusage counts the process that started it, too.
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from numcodecs_neural.converters.cli.main import main

started = time.perf_counter()
code = main(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_SELF)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({
    "code": code,
    "peak_nbytes": 1024 * int(status["VmHWM"].split()[0]),
    "cpu_s": usage.ru_utime + usage.ru_stime,
    "wall_s": time.perf_counter() - started,
}))
"""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What one conversion took."""

    side_px: int
    peak_nbytes: int
    cpu_s: float
    wall_s: float

    @property
    def cpu_s_per_mpx(self) -> float:
        return self.cpu_s / (self.side_px**2 / 1e6)

    def __str__(self) -> str:
        mpx = self.side_px**2 / 1e6
        return (
            f"{self.side_px:,} x {self.side_px:,}: peak {self.peak_nbytes / 1e6:.0f} MB, "
            f"{self.cpu_s_per_mpx:.3f} CPU s/Mpx, {self.wall_s / mpx:.3f} s/Mpx, "
            f"{self.wall_s:.0f} s in all"
        )


def test_memory_and_time_do_not_depend_on_the_size_of_the_slide(
    tmp_path: Path, *, is_measured: bool
) -> None:
    if not is_measured:
        assert 1 << 26 < converted(tmp_path, SMALL_PX).peak_nbytes < MOST_NBYTES
        return

    small, large = (converted(tmp_path, side) for side in SIDES_PX)

    print(f"\n{small}\n{large}")
    assert large.peak_nbytes < MOST_NBYTES
    assert are_alike(large.peak_nbytes, small.peak_nbytes)
    assert are_alike(large.cpu_s_per_mpx, small.cpu_s_per_mpx)


def are_alike(a: float, b: float) -> bool:
    return max(a, b) < MOST_RATIO * min(a, b)


def converted(folder: Path, side_px: int) -> Conversion:
    """Convert a generated slide in a process of its own."""
    slide = folder / f"{side_px}.svs"
    write_slide(slide, side_px)
    arguments = [slide, "-o", folder / f"{side_px}.ome.zarr", "--workers", WORKERS, "--quiet"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("code") == 0, done.stderr
    return Conversion(side_px=side_px, **found)
