"""Stores of ours on a web server, which lists no files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.errors import SourceError
from numcodecs_neural.lazy import open_level
from numcodecs_neural.reading.reader import ImageReader
from numcodecs_neural.stores.info import store_facts
from numcodecs_neural.stores.verify import verify
from numcodecs_neural.view.subject import Subject
from tests.web_server import WebServer, web_server

VERSIONS = ["0.5", "0.4"]


@pytest.fixture
def server(kept: dict[str, Path]) -> Iterator[WebServer]:
    with web_server(kept["0.5"].parent) as running:
        yield running


def url_of(server: WebServer, version: str) -> str:
    return f"{server.url}/{version}.ome.zarr"


@pytest.mark.parametrize("version", VERSIONS)
def test_info_tells_of_levels_what_it_tells_of_the_folder(
    version: str, server: WebServer, kept: dict[str, Path]
) -> None:
    here, there = store_facts(kept[version]), store_facts(url_of(server, version))

    # A listing counts the metadata of an array, too.
    sizes = [
        (level.nbytes, other.nbytes) for level, other in zip(here.levels, there.levels, strict=True)
    ]
    assert all(0 <= listed - asked < 4000 for listed, asked in sizes)
    assert [replace(level, nbytes=0, bpp=0, bpp_stored=0) for level in here.levels] == [
        replace(level, nbytes=0, bpp=0, bpp_stored=0) for level in there.levels
    ]
    assert there.nbytes == sum(level.nbytes for level in there.levels)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_store_is_verified(version: str, server: WebServer) -> None:
    report = verify(url_of(server, version))

    assert report.tally.problems == []


def test_a_lost_shard_is_found(server: WebServer) -> None:
    server.failures["/0/c/0/1/1"] = 404

    report = verify(url_of(server, "0.5"))

    assert {problem.kind for problem in report.tally.problems} == {"lost"}
    with pytest.raises(
        SourceError, match=r"the shard c/0/1/1 of level 0, .* was stored and is lost"
    ):
        open_level(url_of(server, "0.5"))


def test_glass_reads_where_absent_files_are_refused(
    server: WebServer, kept: dict[str, Path]
) -> None:
    server.absent = 403

    with ImageReader(url_of(server, "0.5")) as there, ImageReader(kept["0.5"]) as here:
        whole = tuple(slice(0, length) for length in there.level(0).shape)
        np.testing.assert_array_equal(there.read(0, whole), here.read(0, whole))
    assert any(path.startswith("/0.5.ome.zarr/0/c/") for path, _ in server.asked)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_level_opens_for_xarray(version: str, server: WebServer, kept: dict[str, Path]) -> None:
    there, here = open_level(url_of(server, version), 1), open_level(kept[version], 1)

    np.testing.assert_array_equal(there.values, here.values)


def test_a_url_is_a_source_and_can_be_viewed(server: WebServer, kept: dict[str, Path]) -> None:
    source, subject = open_source(url_of(server, "0.5")), Subject(url_of(server, "0.5"))

    assert source.info.name == subject.info.name == "0.5"
    assert source.info.size_bytes > 1000
