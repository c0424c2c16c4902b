"""The table of clients, its page, and the programs around it; the clients are tried by `run`."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.clients import ask, environments, measure, page
from tests.clients.table import FOLDER, OUTCOMES, STORES, Client, Row, clients

CLIENTS = clients()
READER = """
import numpy as np

def opened(location):
    if location == "foreign":
        raise ValueError("codec neural_image is not supported")
    fill = 1 if location == "other" else 0
    return lambda level, y, x: np.full((3, y.stop - y.start, x.stop - x.start), fill, np.uint8)
"""
REGIONS = [(0, 2, 3, 4, 5)]
EXPECTED = [ask.digest_of(np.zeros((3, 4, 5), np.uint8))]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Return a client whose reader is a script of this file, run by this Python."""
    path = tmp_path / "reader.py"
    path.write_text(READER)
    return replace(CLIENTS["tensorstore"], reader=str(path))


def measured(client: Client, store: str, url: str) -> Row:
    """Return what the client does with a store of a name."""
    task = measure.Task(store=Path(store), regions=REGIONS, expected=EXPECTED, url=url)
    return measure.measure(client, Path(sys.executable), task)


@pytest.mark.parametrize("key", CLIENTS)
def test_a_client_says_what_it_does_with_every_store(key: str) -> None:
    rows = CLIENTS[key].rows

    assert [*rows] == [*STORES]
    assert {row.outcome for row in rows.values()} <= {*OUTCOMES}


@pytest.mark.parametrize("key", CLIENTS)
def test_a_client_says_why_exactly_where_it_does_not_read_the_store_itself(key: str) -> None:
    rows = CLIENTS[key].rows.values()

    assert [bool(row.says) for row in rows] == [row.outcome != "equal" for row in rows]


@pytest.mark.parametrize("key", CLIENTS)
def test_only_clients_that_open_urls_read_through_serve(key: str) -> None:
    client = CLIENTS[key]

    assert client.urls or all(row.outcome != "serve" for row in client.rows.values())


@pytest.mark.parametrize("key", CLIENTS)
def test_a_client_has_a_reader_and_its_own_version_among_exact_ones(key: str) -> None:
    client = CLIENTS[key]

    assert client.reader_path.is_file()
    assert client.version == pinned(client)[client.package.lower()]


def pinned(client: Client) -> dict[str, str]:
    """Return the exact versions to try a client with, by their names."""
    text = client.pins_path.read_text()
    if client.python is None:
        packages: dict[str, str] = json.loads(text)["dependencies"]
        return packages
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name.lower(): version for name, version in (line.split("==") for line in lines)}


def test_no_reader_and_no_versions_are_left_of_a_client_that_is_gone() -> None:
    known = {path for client in CLIENTS.values() for path in (client.reader_path, client.pins_path)}

    found = {path for name in ("readers", "constraints") for path in (FOLDER / name).glob("*.*")}

    assert found == known


def test_the_page_is_what_the_table_says() -> None:
    text = page.PAGE.read_text()

    assert page.with_generated(text, page.render(CLIENTS)) == text


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"clients\.md has no part between"):
        page.with_generated("# Clients\n", "| client |")


def test_a_store_that_is_read_as_expected_reads_equal(client: Client) -> None:
    assert measured(client, "store", "url") == Row(outcome="equal")


def test_a_store_that_is_refused_and_read_from_its_url_reads_through_serve(client: Client) -> None:
    found = measured(client, "foreign", "http://store")

    assert found.outcome == "serve"
    assert found.says == "ValueError: codec neural_image is not supported"


def test_other_pixels_are_no_reading(client: Client) -> None:
    found = measured(client, "other", "other")

    assert found.outcome == "refuses"
    assert found.says == found.through_serve == "other pixels, without an error"


def test_a_client_that_opens_no_urls_is_not_asked_to(client: Client) -> None:
    found = measured(replace(client, urls=False), "foreign", "http://store")

    assert (found.outcome, found.through_serve) == ("refuses", "it opens no URL")


def test_a_client_that_dies_says_its_exit_code(client: Client) -> None:
    client.reader_path.write_text("import os\nos._exit(7)\n")

    assert measured(client, "store", "url").says.startswith("exit code 7")


@pytest.mark.parametrize(
    ("found", "is_true"),
    [
        pytest.param(Row(outcome="serve", says="Error: no codec neural_image"), True, id="as said"),
        pytest.param(Row(outcome="serve", says="Error: no such file"), False, id="another text"),
        pytest.param(Row(outcome="equal"), False, id="reads by now"),
        pytest.param(Row(outcome="refuses", says="no codec neural_image"), False, id="refuses"),
    ],
)
def test_a_row_holds_for_what_it_says_and_for_nothing_else(found: Row, *, is_true: bool) -> None:
    row = Row(outcome="serve", says="no codec neural_image")

    assert row.holds(found) is is_true


def test_digests_are_of_values_and_not_of_how_they_lie_in_memory() -> None:
    pixels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)

    assert ask.digest_of(np.asfortranarray(pixels.astype(">u2"))) == ask.digest_of(pixels)
    assert ask.digest_of(pixels.astype(np.int16)) != ask.digest_of(pixels)


def test_a_python_that_is_nowhere_is_said_by_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))

    with pytest.raises(environments.NoInterpreterError, match=r"no Python 3\.99 was found"):
        environments.find_python("3.99")


def test_other_versions_make_an_environment_anew(tmp_path: Path) -> None:
    client = CLIENTS["tensorstore"]
    environments.note_made(client, tmp_path)

    assert environments.is_made(client, tmp_path)
    assert not environments.is_made(replace(client, version="0.1.85"), tmp_path)
