"""Connections: many, slow, silent and broken ones leave the server as it was."""

import http.client
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from numcodecs_neural.serve.form import Form
from tests.serve.conftest import Run
from tests.serve.served import PROGRAM

CHUNK = "/rgb-0.5.ome.zarr/0/c/0/0/0"
# Of a slow client in these tests: as long as a busy machine may take to close a connection.
LONG_S = 60


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=LONG_S) as connection:
        yield connection


def answers(url: str) -> bool:
    with urllib.request.urlopen(url + CHUNK, timeout=LONG_S) as answer:
        return answer.status == 200 and len(answer.read()) == 3 * 64 * 64


def wait_until_it_answers(url: str) -> None:
    """Wait until the server has noticed which connections were closed at this side."""
    end = time.monotonic() + LONG_S
    while True:
        try:
            assert answers(url)
        except (OSError, http.client.HTTPException):
            if time.monotonic() > end:
                raise
        else:
            return


def all_of(connection: socket.socket) -> bytes:
    """Return all that comes until the other side ends the connection, in whatever way."""
    found = bytearray()
    try:
        while part := connection.recv(2**16):
            found += part
    except ConnectionResetError:
        pass
    return bytes(found)


def test_a_connection_without_a_request_is_ended(stores: dict[str, Path], run_server: Run) -> None:
    url = run_server(stores["rgb-0.5"], request_s=0.2)

    with connected(url) as silent:
        assert all_of(silent) == b""


def test_a_request_that_never_ends_is_ended(stores: dict[str, Path], run_server: Run) -> None:
    url = run_server(stores["rgb-0.5"], request_s=0.2)

    with connected(url) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
        assert all_of(slow) == b""


def test_a_second_request_that_never_ends_is_ended(
    stores: dict[str, Path], run_server: Run
) -> None:
    url = run_server(stores["rgb-0.5"], request_s=0.2)

    with connected(url) as slow:
        slow.sendall(b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert slow.recv(2**16).startswith(b"HTTP/1.1 404")
        slow.sendall(b"GET / HTTP/1.1\r\nX-")
        assert b"HTTP/1.1" not in all_of(slow)


def ask_for_ever(connection: socket.socket, request: bytes) -> None:
    """Send requests and read no answer, until the server has stopped to read, and ended it."""
    while True:
        connection.sendall(request)


def test_a_client_that_does_not_read_is_ended(stores: dict[str, Path], run_server: Run) -> None:
    url = run_server(stores["rgb-0.5"], stall_s=0.2)
    request = f"GET {CHUNK} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    with connected(url) as lazy, pytest.raises(ConnectionError):
        ask_for_ever(lazy, request)

    assert answers(url)


def test_connections_beyond_the_limit_are_refused(stores: dict[str, Path], run_server: Run) -> None:
    url = run_server(stores["rgb-0.5"], connections=4, request_s=LONG_S)

    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(connected(url))
        late = stack.enter_context(connected(url))
        late.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

        assert all_of(late).startswith(b"HTTP/1.1 503")

    wait_until_it_answers(url)


def test_a_shard_that_is_damaged_further_on_ends_early(
    stores: dict[str, Path], tmp_path: Path, run_server: Run, caplog: pytest.LogCaptureFixture
) -> None:
    store = Path(shutil.copytree(stores["rgb-0.5"], tmp_path / "rgb-0.5.ome.zarr"))
    shard = store / "0" / "c" / "0" / "0" / "0"
    content = bytearray(shard.read_bytes())
    offset, nbytes = np.frombuffer(content[-68:-4], "<u8").reshape(4, 2)[-1].tolist()
    content[offset : offset + nbytes] = bytes(nbytes)
    shard.write_bytes(content)
    url = run_server(store, form=Form(sharded=True))

    with (
        urllib.request.urlopen(url + CHUNK, timeout=LONG_S) as answer,
        pytest.raises(http.client.IncompleteRead),
    ):
        answer.read()

    assert "Traceback" not in caplog.text


def flood(url: str, count: int, at_a_time: int) -> None:
    """Open connections that ask for nothing, `at_a_time` of them open on this side."""
    held: list[socket.socket] = []
    parts = urlsplit(url)
    for _ in range(count):
        held.append(socket.create_connection((parts.hostname, parts.port), timeout=LONG_S))
        if len(held) == at_a_time:
            held.pop(0).close()
    for connection in held:
        connection.close()


def test_hundreds_of_connections_leave_the_server_as_it_was(
    stores: dict[str, Path], run_server: Run
) -> None:
    url = run_server(stores["rgb-0.5"], connections=16)

    flood(url, 400, at_a_time=100)

    wait_until_it_answers(url)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
def test_ten_thousand_connections_take_little_memory(stores: dict[str, Path]) -> None:
    command = [*PROGRAM, "serve", str(stores["rgb-0.5"]), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().rpartition("/")[0]
        wait_until_it_answers(url)
        before = most_memory_kib(process.pid)

        flood(url, 10_000, at_a_time=500)

        wait_until_it_answers(url)
        after = most_memory_kib(process.pid)
        process.terminate()
    assert after - before < 64 * 1024


def most_memory_kib(pid: int) -> int:
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 70000, b"400", id="head"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400", id="tls"),
        pytest.param(b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400", id="up"),
        pytest.param(
            b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"400", id="proxy"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", b"400", id="no host"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", b"421", id="no host in 1.0"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999999\r\n\r\n",
            b"405",
            id="a body that never comes",
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"200",
            id="a body of a get that never comes",
        ),
    ],
)
def test_a_broken_request_ends_its_connection(
    request_bytes: bytes, status: bytes, stores: dict[str, Path], run_server: Run
) -> None:
    url = run_server(stores["rgb-0.5"])

    with connected(url) as broken:
        broken.sendall(request_bytes)
        answer = all_of(broken)

    assert answer.split(b" ", 2)[1] == status
    assert answers(url)
