"""ngff-zarr as a client of ``numcodecs-neural serve``: see served.py."""

import hashlib
import sys

import ngff_zarr
import numpy as np


def main(url: str) -> None:
    """Read all levels."""
    multiscales = ngff_zarr.from_ngff_zarr(url)
    for dataset, image in zip(multiscales.metadata.datasets, multiscales.images, strict=True):
        pixels = np.ascontiguousarray(image.data)
        print(dataset.path, hashlib.sha256(pixels.tobytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
