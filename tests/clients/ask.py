"""Read regions of a store with one client, by the Python of its environment.

Usage: ``python -P ask.py READER LOCATION REGIONS``, where REGIONS is a JSON list of ``[level, y, x,
height, width]``. Prints one line of JSON: ``{"sha256": [...]}``, or ``{"error": "..."}``. Needs
numpy, and nothing of ours: no module of the folder can be mistaken for one that is installed.
"""

import hashlib
import json
import runpy
import sys
import warnings
from typing import Any

import numpy as np


def digest_of(pixels: Any) -> str:
    """Return the SHA-256 of dtype, shape and samples, these little-endian in C order."""
    array = np.ascontiguousarray(pixels)
    array = array.astype(array.dtype.newbyteorder("<"))
    said = f"{array.dtype.name} {array.shape}".encode()
    return hashlib.sha256(said + array.tobytes()).hexdigest()


def answer(reader: str, location: str, regions: list[list[int]]) -> dict[str, Any]:
    """Return the digests of regions, or the text of the error that came instead."""
    try:
        read = runpy.run_path(reader)["opened"](location)
        digests = [
            digest_of(read(level, slice(y, y + height), slice(x, x + width)))
            for level, y, x, height, width in regions
        ]
    # Whatever a client raises is what this program is asked for.
    except BaseException as exc:
        return {"error": f"{type(exc).__name__}: {exc}"}
    return {"sha256": digests}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(answer(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
