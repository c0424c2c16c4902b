"""Answers of the server: metadata, chunks, what is empty, what is lost, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from starlette.testclient import TestClient

from numcodecs_neural.serve.form import Form
from tests.serve.conftest import MakeClient

FIRST = "/rgb-0.5.ome.zarr/0/c/0/0/0"
# Of glass only: it is not stored.
EMPTY = "/rgb-0.5.ome.zarr/0/c/0/3/3"


@pytest.fixture
def copied(stores: dict[str, Path], tmp_path: Path) -> Path:
    """Return a store that a test may damage."""
    return Path(shutil.copytree(stores["rgb-0.5"], tmp_path / "rgb-0.5.ome.zarr"))


def test_a_chunk_is_its_pixels(client: TestClient, stores: dict[str, Path]) -> None:
    pixels = zarr.open_array(stores["rgb-0.5"] / "0", mode="r")[:, :64, :64]

    answer = client.get(FIRST)

    assert answer.status_code == 200
    assert answer.content == np.asarray(pixels).tobytes()


def test_a_chunk_at_the_edge_is_filled_up(client: TestClient, stores: dict[str, Path]) -> None:
    array = zarr.open_array(stores["rgb-0.5"] / "0", mode="r")
    level = zarr.open_array(stores["rgb-0.5"] / "1", mode="r")
    assert level.shape == (3, 110, 125)

    found = client.get("/rgb-0.5.ome.zarr/1/c/0/1/0").content

    chunk = np.frombuffer(found, np.uint8).reshape(3, 64, 64)
    np.testing.assert_array_equal(chunk[:, :46], np.asarray(level[:, 64:, :64]))
    assert (chunk[:, 46:] == array.fill_value).all()


def test_samples_of_16_bits_are_little_endian(
    client_of: MakeClient, stores: dict[str, Path]
) -> None:
    pixels = np.asarray(zarr.open_array(stores["grey-0.5"] / "0", mode="r")[...])
    place = "/".join("0" * pixels.ndim)

    found = client_of(stores["grey-0.5"]).get(f"/grey-0.5.ome.zarr/0/c/{place}").content

    assert found == pixels[..., :64, :64].astype("<u2").tobytes()


def test_metadata_name_standard_codecs_only(client: TestClient, stores: dict[str, Path]) -> None:
    stored: Any = zarr.open_array(stores["rgb-0.5"] / "0", mode="r")
    found = client.get("/rgb-0.5.ome.zarr/0/zarr.json").json()

    assert found["codecs"] == [{"name": "bytes"}]
    assert found["chunk_grid"]["configuration"] == {"chunk_shape": [3, 64, 64]}
    assert found["fill_value"] == stored.fill_value
    assert found["dimension_names"] == ["c", "y", "x"]


def test_metadata_are_consolidated(client: TestClient) -> None:
    root = client.get("/rgb-0.5.ome.zarr/zarr.json").json()
    nodes = root["consolidated_metadata"]["metadata"]

    assert {"0", "1", "labels", "labels/tissue", "labels/tissue/0"} <= set(nodes)
    for path, node in nodes.items():
        assert client.get(f"/rgb-0.5.ome.zarr/{path}/zarr.json").json() == node


def test_metadata_of_zarr_2_are_consolidated(
    client_of: MakeClient, stores: dict[str, Path]
) -> None:
    client = client_of(stores["rgb-0.4"])
    files = client.get("/rgb-0.4.ome.zarr/.zmetadata").json()["metadata"]

    assert {".zgroup", ".zattrs", "0/.zarray", "0/.zattrs", "labels/.zgroup"} <= set(files)
    assert files["0/.zarray"]["compressor"] is None
    for path, content in files.items():
        assert client.get(f"/rgb-0.4.ome.zarr/{path}").json() == content


def test_what_the_pixels_went_through_is_told(client: TestClient) -> None:
    attributes = client.get("/rgb-0.5.ome.zarr/zarr.json").json()["attributes"]

    assert set(attributes) == {"ome", "numcodecs_neural"}
    (step,) = attributes["numcodecs_neural"]["lossy_history"]
    assert step["method"] == "neural_image"


@pytest.mark.parametrize("path", ["coverage/zarr.json", "coverage/levels/0/zarr.json", ".git"])
def test_only_images_and_labels_are_shown(client: TestClient, path: str) -> None:
    assert client.get(f"/rgb-0.5.ome.zarr/{path}").status_code == 404


@pytest.mark.parametrize("path", [EMPTY, EMPTY.replace("0.5.ome.zarr/0/c", "0.4.ome.zarr/0")])
def test_an_empty_chunk_is_not_found(
    path: str, client_of: MakeClient, stores: dict[str, Path]
) -> None:
    client = client_of(stores["rgb-0.4"], stores["rgb-0.5"])

    answer = client.get(path)

    assert answer.status_code == 404
    assert "empty" in answer.text


@pytest.mark.parametrize(
    "key",
    ["c/0/4/0", "c/0/0", "c/0/0/0/0", "c/0/00/0", "c/0/-1/0", "c/0/1e0/0", "c/0/٣/0", "0/0/0"],
)
def test_what_is_no_chunk_is_not_found(client: TestClient, key: str) -> None:
    answer = client.get(f"/rgb-0.5.ome.zarr/0/{key}")

    assert answer.status_code == 404
    assert "no such file" in answer.text


def test_a_lost_shard_is_an_error_and_not_empty(client_of: MakeClient, copied: Path) -> None:
    (copied / "0" / "c" / "0" / "0" / "0").unlink()

    answer = client_of(copied).get(FIRST)

    assert answer.status_code == 500
    assert "stored and is lost" in answer.text
    assert str(copied.parent) not in answer.text


def test_a_lost_chunk_is_an_error_and_not_empty(
    client_of: MakeClient, stores: dict[str, Path], tmp_path: Path
) -> None:
    store = Path(shutil.copytree(stores["rgb-0.4"], tmp_path / "lost.ome.zarr"))
    (store / "0" / "0" / "0" / "0").unlink()

    answer = client_of(store).get("/lost.ome.zarr/0/0/0/0")

    assert answer.status_code == 500
    assert "stored and is lost" in answer.text


def test_a_damaged_chunk_is_an_error_without_a_traceback(
    client_of: MakeClient, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shard = copied / "0" / "c" / "0" / "0" / "0"
    content = bytearray(shard.read_bytes())
    content[40:60] = bytes(20)
    shard.write_bytes(content)

    answer = client_of(copied).get(FIRST)

    assert answer.status_code == 500
    assert "cannot be read" in answer.text
    assert answer.text.count("\n") == 1
    assert "Traceback" not in answer.text + capsys.readouterr().err


def test_a_store_that_is_none_is_said_so_beside_the_others(
    client_of: MakeClient, stores: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text("{")
    client = client_of(tmp_path / "bad.zarr", stores["rgb-0.5"])

    answer = client.get("/bad.ome.zarr/zarr.json")

    assert answer.status_code == 500
    assert str(tmp_path) not in answer.text + client.get("/index.json").text
    assert client.get(FIRST).status_code == 200


def test_a_link_out_of_the_store_is_not_followed(client_of: MakeClient, copied: Path) -> None:
    shard = copied / "0" / "c" / "0" / "0" / "0"
    outside = copied.parent / "outside"
    shard.rename(outside)
    shard.symlink_to(outside)

    answer = client_of(copied).get(FIRST)

    assert answer.status_code == 500
    assert "link out of the store" in answer.text


def test_an_array_that_is_a_link_out_of_the_store_is_not_shown(
    client_of: MakeClient, copied: Path, slide_ozx: Path
) -> None:
    (copied / "1").rename(copied.parent / "outside")
    (copied / "1").symlink_to(copied.parent / "outside")

    answer = client_of(copied, slide_ozx).get("/rgb-0.5.ome.zarr/zarr.json")

    assert answer.status_code == 500
    assert "link out of the store" in answer.text


def test_a_zip_is_shown_as_a_folder(client_of: MakeClient, slide_ozx: Path) -> None:
    client = client_of(slide_ozx)

    assert client.get("/zipped.ome.zarr/0/c/0/0/0").status_code == 200
    assert client.get("/zipped.ome.zarr/0/c/0/3/3").status_code == 404


def test_bytes_that_a_client_has_are_not_sent_again(client: TestClient) -> None:
    etag = client.get(FIRST).headers["etag"]

    answer = client.get(FIRST, headers={"If-None-Match": f'"other", {etag}'})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag


def test_the_etag_changes_with_the_file(client_of: MakeClient, copied: Path) -> None:
    client = client_of(copied)
    etag = client.get(FIRST).headers["etag"]
    shard = copied / "0" / "c" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes() + bytes(8))

    answer = client.head(FIRST, headers={"If-None-Match": etag})

    assert answer.status_code != 304


def test_the_etag_differs_between_forms(client_of: MakeClient, stores: dict[str, Path]) -> None:
    plain, packed = (
        client_of(stores["rgb-0.5"], form=Form(compression=name)).get(FIRST)
        for name in ("none", "zstd")
    )

    assert plain.headers["etag"] != packed.headers["etag"]
    assert len(packed.content) < len(plain.content)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        pytest.param("bytes=0-99", 0, 100, id="first"),
        pytest.param("bytes=100-", 100, None, id="from"),
        pytest.param("bytes=-50", -50, None, id="last"),
        pytest.param("bytes=12000-99999999999999999999", 12000, None, id="beyond the end"),
        pytest.param("bytes=-99999999999999999999", 0, None, id="more than all"),
    ],
)
def test_a_range_is_sent(client: TestClient, asked: str, start: int, stop: int | None) -> None:
    whole = client.get(FIRST).content

    answer = client.get(FIRST, headers={"Range": asked})

    assert answer.status_code == 206
    assert answer.content == whole[start:stop]
    first = start % len(whole)
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=12288-", "bytes=5-3", "bytes=-0", "bytes=-", "bytes=a-b", "bytes=0-0,2-2",
     "bytes=" + "0-0," * 1000, "bytes=0x1-2", "bytes=" + "9" * 5000 + "-"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_range_that_is_none_is_refused(client: TestClient, asked: str) -> None:
    answer = client.get(FIRST, headers={"Range": asked})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */12288"


def test_a_range_of_other_bytes_than_these_is_left_out(client: TestClient) -> None:
    answer = client.get(FIRST, headers={"Range": "bytes=0-9", "If-Range": '"older"'})

    assert (answer.status_code, len(answer.content)) == (200, 12288)


@pytest.mark.parametrize("path", [FIRST, EMPTY, "/rgb-0.5.ome.zarr/zarr.json", "/", "/none"])
def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)

    assert head.status_code == got.status_code
    assert head.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_stores_are_read_only(client: TestClient, method: str) -> None:
    answer = client.request(method, FIRST)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://viewer.example", True),
        ("http://localhost:5173", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
    ],
)
def test_pages_of_the_named_origins_may_read(
    origin: str, *, is_allowed: bool, client_of: MakeClient, stores: dict[str, Path]
) -> None:
    client = client_of(stores["rgb-0.5"], origins=["https://viewer.example"])

    answer = client.get(FIRST, headers={"Origin": origin})

    assert answer.headers.get("access-control-allow-origin") == (origin if is_allowed else None)
    assert "Origin" in answer.headers["vary"]


def test_a_page_may_ask_for_ranges(client_of: MakeClient, stores: dict[str, Path]) -> None:
    client = client_of(stores["rgb-0.5"], origins=["*"])
    asks = {"Origin": "https://any.example", "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "range"}  # fmt: skip

    answer = client.options(FIRST, headers=asks)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "range" in answer.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""]
)
def test_other_names_of_this_machine_are_refused(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"Host": host})

    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "[::1]"])
def test_names_of_this_machine_are_known(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_the_list_names_urls_and_viewers(client: TestClient) -> None:
    (store,) = client.get("/index.json").json()["stores"]
    page = client.get("/").text

    (image,) = store["images"]
    assert store["url"] == "http://127.0.0.1/rgb-0.5.ome.zarr"
    assert (image["axes"], image["shape"], image["dtype"]) == ("cyx", [3, 220, 250], "uint8")
    assert set(image["viewers"]) == {"vizarr", "neuroglancer"}
    assert store["url"] in page


def test_names_are_escaped_on_the_page(
    client_of: MakeClient, stores: dict[str, Path], tmp_path: Path
) -> None:
    name = "<script>alert(1)</script> & 'x'".replace("/", "_")
    store = shutil.copytree(stores["grey-0.5"], tmp_path / f"{name}.ome.zarr")
    client = client_of(store)

    page = client.get("/").text
    url = client.get("/index.json").json()["stores"][0]["url"]

    assert "<script" not in page
    assert client.get(f"{url}/zarr.json").json()["node_type"] == "group"


def test_a_series_of_images_is_shown(
    client_of: MakeClient, stores: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("0", "1"):
        shutil.copytree(stores["rgb-0.5"], tmp_path / "many.zarr" / name)
    layout = {"ome": {"version": "0.5", "bioformats2raw.layout": 3}}
    root = {"zarr_format": 3, "node_type": "group", "attributes": layout}
    (tmp_path / "many.zarr" / "zarr.json").write_text(json.dumps(root))
    client = client_of(tmp_path / "many.zarr")

    (store,) = client.get("/index.json").json()["stores"]

    urls = [image["url"] for image in store["images"]]
    assert urls == [f"{store['url']}/0", f"{store['url']}/1"]
    assert client.get("/many.ome.zarr/1/0/c/0/0/0").status_code == 200
