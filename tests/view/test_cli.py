"""The subcommand ``view``: its errors, and that it serves until it is interrupted."""

import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from numcodecs_neural.cli import main
from numcodecs_neural.serve.run import ServeOptions, bind
from tests.serve.served import INTERRUPTIBLE


def test_what_is_no_slide_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["view", str(tmp_path / "absent.svs")]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_two_slides_are_not_compared_with_one(
    capsys: pytest.CaptureFixture[str], tiff: Path
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["view", str(tiff), str(tiff), "--against", str(tiff)])

    assert "--against compares one slide" in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused(capsys: pytest.CaptureFixture[str], tiff: Path) -> None:
    with bind(ServeOptions(port=0)) as taken, pytest.raises(SystemExit, match="2"):
        main(["view", str(tiff), "--no-browser", "--port", str(taken.getsockname()[1])])

    assert "cannot be listened on" in capsys.readouterr().err


def test_it_serves_until_it_is_interrupted(tiff: Path) -> None:
    command = [*INTERRUPTIBLE, "view", str(tiff)]
    process = subprocess.Popen(
        [*command, "--no-browser", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().split()[0]

    with urllib.request.urlopen(f"{address}slides.json") as answer:
        listed = answer.read()
    process.send_signal(signal.SIGINT)
    process.communicate()

    assert b'"slide"' in listed
    assert process.returncode == 130
