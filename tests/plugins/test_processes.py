"""Fresh processes, forks, spawns, threads: the codec is found without an import and never hangs."""

import hashlib
import importlib.util
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural import NeuralImage
from tests.annotations import FreshPython, Image

READ = (
    "import sys, zarr, hashlib\n"
    "array = zarr.open(sys.argv[1], mode='r')\n"
    "print(hashlib.sha256(array[:].tobytes()).hexdigest(), 'torch' in sys.modules)"
)
NO_TORCH = "import sys; sys.modules['torch'] = None\n"


def path_of(array: Any) -> str:
    return str(array.store_path).removeprefix("file://")


def digest(image: Any) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


@pytest.fixture
def stored(layout: dict[str, Any], write: Callable[..., Any], tissue: Image) -> Any:
    return write(tissue[:, :256, :256], layout)


def test_plain_zarr_open_reads_in_a_fresh_process(stored: Any, fresh_python: FreshPython) -> None:
    assert fresh_python(READ, path_of(stored)).split()[0] == digest(stored[:])


def test_the_same_pixels_come_without_torch(stored: Any, fresh_python: FreshPython) -> None:
    assert fresh_python(NO_TORCH + READ, path_of(stored)) == f"{digest(stored[:])} True"


def test_the_same_bytes_are_written_without_torch(
    tissue: Image, fresh_python: FreshPython, tmp_path: Path
) -> None:
    image = tissue[:, :200, :200]
    np.save(tmp_path / "image.npy", image)
    code = (
        "import sys, numpy, numcodecs\n"
        "codec = numcodecs.get_codec({'id': 'neural_image'})\n"
        "print(codec.encode(numpy.load(sys.argv[1])).hex())"
    )

    chunk = fresh_python(NO_TORCH + code, tmp_path / "image.npy")

    assert chunk == NeuralImage().encode(image).hex()


@pytest.mark.parametrize("device", ["numpy", "cpu"])
def test_the_device_changes_no_pixel(device: str, stored: Any, fresh_python: FreshPython) -> None:
    if device == "cpu" and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")

    read = fresh_python(READ, path_of(stored), NUMCODECS_NEURAL_DEVICE=device)

    assert read.split()[0] == digest(stored[:])


def test_a_process_that_ends_waits_for_the_batch_in_work(fresh_python: FreshPython) -> None:
    """Else the thread is killed within torch, and the process aborts after all is printed."""
    code = (
        "import threading, time, types\n"
        "from numcodecs_neural.engine.batching import BatchingCoder\n"
        "begun = threading.Event()\n"
        "def decode_batch(streams, shape, quality):\n"
        "    begun.set()\n"
        "    time.sleep(0.5)\n"
        "    print('done', flush=True)\n"
        "    return streams\n"
        "coder = BatchingCoder(types.SimpleNamespace(\n"
        "    weights_id=b'', channels=3, pixel_fraction=0, decode_batch=decode_batch))\n"
        "client = threading.Thread(target=coder.decode, args=(b'', (1, 8, 8), 60), daemon=True)\n"
        "client.start()\n"
        "begun.wait()"
    )

    assert fresh_python(code) == "done"


def test_an_open_array_pickles(stored: Any) -> None:
    again = pickle.loads(pickle.dumps(stored))

    np.testing.assert_array_equal(again[:], stored[:])


def test_many_threads_read_and_write_at_once(tissue: Image) -> None:
    codec = NeuralImage()
    crops = [np.ascontiguousarray(tissue[:, y : y + 96, :96]) for y in range(0, 384, 24)]
    alone = [codec.encode(crop) for crop in crops]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(codec.encode, crops))
        decoded = list(pool.map(codec.decode, together))

    assert together == alone
    for chunk, image in zip(alone, decoded, strict=True):
        np.testing.assert_array_equal(image, codec.decode(chunk))


# In a process of their own: what pytest and its plugins have started must not fork with them.
CHILDREN = """
import hashlib, multiprocessing, sys, zarr

def read(path):
    return hashlib.sha256(zarr.open(path, mode="r")[:].tobytes()).hexdigest()

if __name__ == "__main__":
    path, method = sys.argv[1:]
    before = read(path)
    with multiprocessing.get_context(method).Pool(2) as pool:
        after = pool.map_async(read, [path] * 4).get(timeout=240)
    print(before, *sorted(set(after)))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_read_the_same_pixels(
    method: str, stored: Any, tmp_path: Path, fresh_python: FreshPython
) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {method}")
    # From a file, which a spawned child must be able to import again.
    script = tmp_path / "children.py"
    script.write_text(CHILDREN)
    start = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"

    found = fresh_python(start, script, path_of(stored), method)

    assert found == f"{digest(stored[:])} {digest(stored[:])}"
