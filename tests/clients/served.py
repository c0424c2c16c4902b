"""The server in a process of its own, for tests, and for clients that lack the codec.

As a script it serves the built-in slide as OME-Zarr 0.4 and 0.5, and a picture of 16 bits, and has
a client read them: ``python tests/clients/served.py node tests/clients/serve_zarrita.mjs``. The
command gets the URL of a store as its last argument, and writes a line for each array that it has
read: the path, and the SHA-256 of the pixels, row by row, little-endian.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-m", "numcodecs_neural.cli"]
FORMS = ((), ("--compression", "zstd"), ("--sharded",))


@contextmanager
def served(*stores: str | Path, arguments: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Serve stores on any free port; yield the URL of each."""
    command = [*PROGRAM, "serve", *map(str, stores), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            # It says one line for each, and one more when all are there.
            yield [process.stdout.readline().strip() for _ in (*stores, "the list")][:-1]
        finally:
            process.terminate()


def demo_stores(folder: Path) -> list[Path]:
    """Convert the built-in slide to both versions, and a picture of 16 bits; return the stores."""
    from numcodecs_neural.converters.cli.main import main as convert

    stores = [folder / f"demo-{version}.ome.zarr" for version in ("0.4", "0.5")]
    for store, version in zip(stores, ("0.4", "0.5"), strict=True):
        assert convert(["--demo", str(store), "--ome-zarr-version", version, "-q"]) == 0
    grey = folder / "grey.ome.zarr"
    assert convert([str(grey_picture(folder / "grey.tif")), "-o", str(grey), "-q"]) == 0
    return [*stores, grey]


def grey_picture(path: Path) -> Path:
    """Write a picture of 700 x 900 samples of 16 bits."""
    import numpy as np
    import skimage.data
    import tifffile

    tissue = skimage.data.immunohistochemistry()[..., 0].astype(np.uint16)
    tifffile.imwrite(path, np.tile(tissue, (2, 2))[:700, :900] * 150 + 9, photometric="minisblack")
    return path


def pixels_of(store: Path) -> dict[str, str]:
    """Return the SHA-256 of the pixels of each level, as zarr reads them from the store."""
    import numpy as np
    import zarr

    group: Any = zarr.open_group(store, mode="r")
    attributes = group.attrs.asdict()
    multiscale = attributes.get("ome", attributes)["multiscales"][0]
    found = {}
    for path in (dataset["path"] for dataset in multiscale["datasets"]):
        pixels = np.asarray(group[path][...])
        little_endian = pixels.astype(pixels.dtype.newbyteorder("<"))
        found[path] = hashlib.sha256(little_endian.tobytes()).hexdigest()
    return found


def main(command: list[str]) -> int:
    """Have a client read the demo stores in each form; return 1 unless all pixels are equal."""
    is_equal = True
    with tempfile.TemporaryDirectory() as folder:
        stores = demo_stores(Path(folder))
        for form in FORMS:
            with served(*stores, arguments=form) as urls:
                for store, url in zip(stores, urls, strict=True):
                    done = subprocess.run([*command, url], capture_output=True, text=True)
                    read = dict(line.split() for line in done.stdout.splitlines() if line)
                    verdict = "equal" if read == pixels_of(store) else f"DIFFERS: {done.stderr}"
                    print(*(form or ("plain",)), store.name, verdict)
                    is_equal &= verdict == "equal"
    return int(not is_equal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
