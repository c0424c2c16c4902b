"""Readers over a real connection see the pixels that zarr reads from the store itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from numcodecs_neural.serve.form import Form
from tests.serve.conftest import Run

FORMS = {"plain": Form(), "zstd": Form(compression="zstd"), "sharded": Form(sharded=True)}


@pytest.mark.parametrize("form", FORMS)
def test_zarr_reads_the_pixels_of_the_store(
    form: str, stores: dict[str, Path], run_server: Run
) -> None:
    url = run_server(*stores.values(), form=FORMS[form])

    for store in stores.values():
        stored: Any = zarr.open_group(store, mode="r")
        shown: Any = zarr.open_consolidated(f"{url}/{store.name}")
        arrays = [path for path, node in shown.members(max_depth=None) if hasattr(node, "shape")]
        assert "0" in arrays
        for path in arrays:
            np.testing.assert_array_equal(shown[path][...], stored[path][...])
            assert shown[path].fill_value == stored[path].fill_value
            assert shown[path].dtype == stored[path].dtype


def test_metadata_without_their_consolidation_read_alike(
    stores: dict[str, Path], run_server: Run
) -> None:
    url = run_server(stores["rgb-0.5"])

    shown: Any = zarr.open_group(f"{url}/rgb-0.5.ome.zarr", mode="r", use_consolidated=False)

    assert shown["labels/tissue"].attrs["ome"]["image-label"]
    assert shown["1"].shape == (3, 110, 125)
