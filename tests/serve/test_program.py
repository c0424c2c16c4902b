"""``numcodecs-neural serve``: what it says, and how it ends."""

import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from numcodecs_neural import cli
from tests.serve.served import INTERRUPTIBLE, PROGRAM, served


def test_the_program_says_where_the_stores_are(stores: dict[str, Path]) -> None:
    with served(stores["rgb-0.5"]) as (url,):
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}/0/c/0/0/0") as answer:
            assert len(answer.read()) == 3 * 64 * 64


def test_an_interrupt_ends_it_in_a_word(stores: dict[str, Path]) -> None:
    command = [*INTERRUPTIBLE, "serve", str(stores["rgb-0.5"]), "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()

    assert process.returncode == 130
    assert err == "numcodecs-neural: interrupted\n"


def test_other_machines_are_let_in_loudly_only(stores: dict[str, Path]) -> None:
    command = [*PROGRAM, "serve", str(stores["rgb-0.5"]), "--port", "0", "--host", "0.0.0.0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        warning = process.stderr.readline()
        process.terminate()

    assert "WARNING" in warning
    assert "other machines" in warning


def test_a_port_in_use_is_wrong_usage(
    stores: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as stopped:
        cli.main(["serve", str(stores["rgb-0.5"]), "--port", str(taken.getsockname()[1])])

    assert stopped.value.code == 2
    assert "name another with --port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sharded", "--compression", "zstd"], "without compression only"),
        (["--port", "70000"], "no whole number from 0 to 65535"),
        (["--connections", "0"], "no whole number from 1"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["serve", "slide.ome.zarr", *arguments])

    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_no_store_at_all_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", str(tmp_path), "--port", "0"]) == 1
    assert str(tmp_path) in capsys.readouterr().err
