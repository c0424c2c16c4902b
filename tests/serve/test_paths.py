"""Paths of requests: what leads out of a store is refused before anything is looked up."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from numcodecs_neural.serve.paths import parts_of
from numcodecs_neural.serve.problems import Problem

HOSTILE = [
    b"/../etc/passwd",
    b"/rgb-0.5.ome.zarr/../../etc/passwd",
    b"/rgb-0.5.ome.zarr/%2e%2e/%2e%2e/etc/passwd",
    b"/rgb-0.5.ome.zarr/%2E%2e/x",
    b"/rgb-0.5.ome.zarr/..%2f..%2fetc%2fpasswd",
    b"/rgb-0.5.ome.zarr/0%2fzarr.json",
    b"/rgb-0.5.ome.zarr/..\\..\\windows",
    b"/rgb-0.5.ome.zarr/..%5c..%5cwindows",
    b"/rgb-0.5.ome.zarr/./zarr.json",
    b"/rgb-0.5.ome.zarr//zarr.json",
    b"//etc/passwd",
    b"/rgb-0.5.ome.zarr/zarr.json%00.png",
    b"/rgb-0.5.ome.zarr/zarr%0a.json",
    b"/rgb-0.5.ome.zarr/%ff%fe",
    b"/rgb-0.5.ome.zarr/%c0%ae%c0%ae/x",
    b"http://127.0.0.1/etc/passwd",
    b"*",
    b"",
    b"/" + b"a/" * 40,
]


@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: raw.decode()[:40])
def test_a_path_that_leads_out_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parts_of(raw)

    assert refused.value.status == 400


def test_a_path_that_is_too_long_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        parts_of(b"/" + b"a" * 3000)

    assert refused.value.status == 414


# Decoded once: what is escaped twice is a name, and no such file is there.
@pytest.mark.parametrize(
    "path", ["/%252e%252e/x", "/c:/x", "/~root", "/etc/passwd", "/.git/config"]
)
def test_what_is_in_no_store_is_not_found(path: str, client: TestClient) -> None:
    assert client.get(path).status_code == 404


def test_files_beside_metadata_and_chunks_are_not_found(
    client: TestClient, stores: dict[str, Path]
) -> None:
    files = {str(file.relative_to(stores["rgb-0.5"])) for file in stores["rgb-0.5"].rglob("*")}
    hidden = [name for name in files if name.startswith("coverage")]

    assert hidden
    assert {client.get(f"/rgb-0.5.ome.zarr/{name}").status_code for name in hidden} == {404}
