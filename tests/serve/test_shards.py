"""Shards as clients see them: uncompressed, of a known layout, decoded only where touched."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from starlette.testclient import TestClient

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.serve.arrays import PlainArray
from numcodecs_neural.serve.form import Form
from tests.serve.conftest import MakeClient

SHARDED = Form(sharded=True)
FIRST = "/rgb-0.5.ome.zarr/0/c/0/0/0"
CHUNK = 3 * 64 * 64
INDEX = 4 * 16 + 4


@pytest.fixture
def client(client_of: MakeClient, stores: dict[str, Path]) -> TestClient:
    return client_of(stores["rgb-0.5"], form=SHARDED)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return the places of chunks that were decoded, in their order."""
    places = []
    decode = PlainArray.chunk_in_shard

    def noted(self: PlainArray, place: tuple[int, ...]) -> bytes:
        places.append(place)
        return decode(self, place)

    monkeypatch.setattr(PlainArray, "chunk_in_shard", noted)
    return places


def test_a_shard_is_its_chunks_and_an_index(client: TestClient, stores: dict[str, Path]) -> None:
    pixels = np.asarray(zarr.open_array(stores["rgb-0.5"] / "0", mode="r")[:, :64, :64])

    content = client.get(FIRST).content

    assert len(content) % CHUNK == INDEX
    assert content[:CHUNK] == pixels.tobytes()
    offset, nbytes = np.frombuffer(content[-INDEX:-4], "<u8")[:2]
    assert (offset, nbytes) == (0, CHUNK)


def test_a_range_decodes_the_chunks_that_it_touches(
    client: TestClient, decoded: list[tuple[int, ...]]
) -> None:
    asked = f"bytes={CHUNK}-{2 * CHUNK - 1}"

    answer = client.get(FIRST, headers={"Range": asked})

    assert (answer.status_code, len(answer.content)) == (206, CHUNK)
    assert decoded == [(0, 0, 1)]


def test_the_index_is_sent_without_decoding(
    client: TestClient, decoded: list[tuple[int, ...]]
) -> None:
    answer = client.get(FIRST, headers={"Range": f"bytes=-{INDEX}"})

    assert len(answer.content) == INDEX
    assert decoded == []


def test_the_index_of_the_store_is_read_once_for_all_requests(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    index = PlainArray.shard_index

    def noted(self: PlainArray, place: tuple[int, ...]) -> bytes | None:
        read.append(place)
        return index(self, place)

    monkeypatch.setattr(PlainArray, "shard_index", noted)

    for start in (0, CHUNK):
        client.get(FIRST, headers={"Range": f"bytes={start}-{start + CHUNK - 1}"})

    assert read == [(0, 0, 0)]


def test_the_index_is_read_again_when_the_store_was_written_anew(
    client_of: MakeClient, stores: dict[str, Path], tmp_path: Path
) -> None:
    store = Path(shutil.copytree(stores["rgb-0.5"], tmp_path / "rgb-0.5.ome.zarr"))
    client = client_of(store, form=SHARDED)
    before = client.get(FIRST, headers={"Range": f"bytes=-{INDEX}"}).content
    shard = store / "0/c/0/0/0"
    damaged = bytearray(shard.read_bytes())
    damaged[-1] ^= 1
    shard.write_bytes(damaged + b"\0")

    after = client.get(FIRST, headers={"Range": f"bytes=-{INDEX}"})

    assert len(before) == INDEX
    assert after.status_code == 500


def test_the_size_is_known_without_decoding(
    client: TestClient, decoded: list[tuple[int, ...]]
) -> None:
    answer = client.head(FIRST)

    assert (int(answer.headers["content-length"]) - INDEX) % CHUNK == 0
    assert decoded == []


def test_a_range_across_chunks_is_what_is_there(client: TestClient) -> None:
    whole = client.get(FIRST).content

    answer = client.get(FIRST, headers={"Range": f"bytes={CHUNK - 5}-{CHUNK + 4}"})

    assert answer.content == whole[CHUNK - 5 : CHUNK + 5]


def test_an_empty_shard_is_not_found(client: TestClient) -> None:
    assert client.get("/rgb-0.5.ome.zarr/0/c/0/1/1").status_code == 404


def test_a_lost_shard_is_an_error_and_not_empty(
    client_of: MakeClient, stores: dict[str, Path], tmp_path: Path
) -> None:
    store = Path(shutil.copytree(stores["rgb-0.5"], tmp_path / "lost.ome.zarr"))
    (store / "0" / "c" / "0" / "0" / "0").unlink()

    answer = client_of(store, form=SHARDED).get("/lost.ome.zarr/0/c/0/0/0")

    assert answer.status_code == 500
    assert "stored and is lost" in answer.text


def test_a_store_without_shards_is_shown_without_them(
    client_of: MakeClient, stores: dict[str, Path]
) -> None:
    client = client_of(stores["rgb-0.4"], form=SHARDED)

    assert client.get("/rgb-0.4.ome.zarr/0/0/0/0").status_code == 200


def test_shards_are_not_compressed() -> None:
    with pytest.raises(ConfigError, match="without compression only"):
        Form(sharded=True, compression="zstd")
