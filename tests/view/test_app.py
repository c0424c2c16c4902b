"""What the server of the page answers."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from starlette.testclient import TestClient

from numcodecs_neural.view import app
from numcodecs_neural.view.app import Exhibit, view_app
from numcodecs_neural.view.overlays import Overlay, make_overlay
from numcodecs_neural.view.subject import Subject
from tests.annotations import Image

LOCAL = "http://localhost:8050"


def picture_in(content: bytes) -> Image:
    return np.asarray(PIL.Image.open(BytesIO(content)))


@pytest.fixture
def client(store: Path, tiff: Path, stack: Path) -> Iterator[TestClient]:
    exhibits = [Exhibit(shown=Subject(store), against=Subject(tiff)), Exhibit(shown=Subject(stack))]
    yield TestClient(view_app(exhibits), base_url=LOCAL, raise_server_exceptions=False)
    for exhibit in exhibits:
        exhibit.close()


def test_the_page_and_its_parts_come_from_the_package(client: TestClient) -> None:
    page = client.get("/")
    parts = [client.get(f"/page/{name}") for name in ("main.js", "view.css")]

    assert 'id="viewer"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert all(part.status_code == 200 for part in parts)


def test_slides_are_listed_and_described(client: TestClient) -> None:
    listed, described = client.get("/slides.json").json(), client.get("/slides/0.json").json()

    assert listed["names"] == ["store", "stack"]
    assert described["against"]["name"] == "slide"
    assert set(described["overlays"]) == {"tissue", "bits"}
    assert described["overlays"]["bits"] == pytest.approx(4 * 512 / 1800)


def test_slides_of_one_name_are_listed_by_their_paths(store: Path, tmp_path: Path) -> None:
    other = tmp_path / store.name
    other.symlink_to(store)
    exhibits = [Exhibit(shown=Subject(path)) for path in (store, other)]

    listed = TestClient(view_app(exhibits), base_url=LOCAL).get("/slides.json").json()

    assert listed["names"] == [str(store), str(other)]
    for exhibit in exhibits:
        exhibit.close()


def test_a_tile_of_the_other_slide_is_exact(client: TestClient, pixels: Image) -> None:
    answer = client.get("/slides/0/against/0/1-1.png")

    assert answer.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(picture_in(answer.content), pixels[512:1024, 512:1024])


def test_a_tile_is_drawn_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/slides/0/shown/0/1-1.png")
    monkeypatch.setattr(Subject, "tile", None)

    assert client.get("/slides/0/shown/0/1-1.png").content == first.content


def test_overlays_show_tissue_and_stored_chunks(client: TestClient) -> None:
    tissue = picture_in(client.get("/slides/0/overlays/tissue.png").content)
    bits = picture_in(client.get("/slides/0/overlays/bits.png").content)

    share = (tissue[..., 3] > 0).mean()
    assert 0.5 < share / (400 * 450 / (1300 * 1800)) < 2
    assert bits.shape == (3 * 16, 4 * 16, 4)
    assert bits[24, 24, 3] > 0  # tissue
    assert bits[0, -1, 3] == 0  # glass, which is not stored


def test_a_slide_is_described_before_its_overlays_are_made(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def make(path: Path, name: str) -> Overlay:
        made.append(name)
        return make_overlay(path, name)

    monkeypatch.setattr(app, "make_overlay", make)
    exhibit = Exhibit(shown=Subject(store))
    client = TestClient(view_app([exhibit]), base_url=LOCAL)

    client.get("/slides/0.json")
    before = [*made]
    legend = client.get("/slides/0/overlays/bits.json").json()
    client.get("/slides/0/overlays/bits.png")

    assert before == []
    assert made == ["bits"]
    assert 0 < legend["low"] < legend["high"] < 24
    exhibit.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/slides/2.json", 404),
        ("/slides/-1.json", 404),
        ("/slides/0/shown/9/0-0.png", 404),
        ("/slides/0/shown/0/99-0.png", 404),
        ("/slides/0/beside/0/0-0.png", 404),
        ("/slides/1/against/0/0-0.png", 404),
        ("/slides/0/overlays/other.png", 404),
        ("/slides/1/overlays/bits.json", 404),
        ("/slides/1/shown/0/0-0.png?c=0:red:0:1", 400),
        ("/slides/99999999999999999999/shown/0/0-0.png", 404),
        ("/page/../app.py", 404),
        ("/page/%2e%2e/app.py", 404),
        ("/page//etc/passwd", 404),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_a_page_from_elsewhere_gets_nothing(client: TestClient) -> None:
    answer = client.get("/slides.json", headers={"Host": "slides.example.org"})

    assert answer.status_code == 421
    assert "store" not in answer.text


def test_it_only_answers_reads(client: TestClient) -> None:
    assert client.post("/slides.json").status_code == 405


def test_pixels_that_are_lost_are_an_error_that_says_so(store: Path, tmp_path: Path) -> None:
    import shutil

    damaged = tmp_path / "damaged.ome.zarr"
    shutil.copytree(store, damaged)
    (shard,) = [path for path in (damaged / "0" / "c").rglob("*") if path.is_file()]
    content = bytearray(shard.read_bytes())
    content[: len(content) // 2] = bytes(len(content) // 2)
    shard.write_bytes(content)
    exhibit = Exhibit(shown=Subject(damaged))

    answer = TestClient(view_app([exhibit]), base_url=LOCAL).get("/slides/0/shown/0/1-1.png")

    assert answer.status_code == 500
    assert "does not decode" in answer.text
    exhibit.close()
