# /// script
# requires-python = ">=3.11"
# dependencies = ["dask[array]", "numcodecs-neural", "numpy", "scikit-image", "zarr>=3.1"]
# ///
"""One array in both formats of Zarr, written by dask: v3 with shards, and v2 for older readers.

python share_with_zarr2.py FOLDER
"""

import sys
from pathlib import Path

import dask.array
import numpy as np
import skimage.data
import zarr

from numcodecs_neural import NeuralImage, NeuralImageCodec


def main(folder: Path) -> None:
    tissue = skimage.data.immunohistochemistry().transpose(2, 0, 1)  # (c, y, x)
    common = {"shape": tissue.shape, "dtype": "uint8", "fill_value": 255}
    sharded = zarr.create_array(
        folder / "v3.zarr",
        chunks=(3, 128, 128),
        shards=(3, 512, 512),
        serializer=NeuralImageCodec("he-fast", quality=60),
        compressors=None,
        **common,
    )
    plain = zarr.create_array(
        folder / "v2.zarr",
        zarr_format=2,
        chunks=(3, 128, 128),
        compressors=NeuralImage("he-fast", quality=60),
        **common,
    )

    # Each task writes whole shards or whole chunks: a partial write would code its chunk twice.
    dask.array.from_array(tissue, chunks=sharded.shards).store(sharded, lock=False)
    dask.array.from_array(tissue, chunks=plain.chunks).store(plain, lock=False)

    for name, array in (("v3, sharded", sharded), ("v2", plain)):
        print(f"{name}: {array.nbytes / array.nbytes_stored():.0f} times smaller")
    print("the same pixels:", np.array_equal(sharded[:], plain[:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
