"""The program: its subcommands, and exit codes with one sentence instead of a traceback."""

import argparse
import subprocess
import sys
from importlib.metadata import version

import pytest

from numcodecs_neural import cli
from numcodecs_neural.errors import ConfigError, SourceError, WeightsError
from numcodecs_neural.weights import catalogue, resolve


def test_models_are_listed_with_what_they_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*catalogue(), "exact-1", "jpeg-1"]
    assert f"he-fast-1  3 x uint8  {resolve('he-fast-1').sha256}" in lines
    grey = resolve("grey-fast-1")
    assert f"grey-fast-1  1 x uint8,uint16,int16  {grey.sha256}" in lines


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["models", "--help"]])
def test_help_is_there(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)

    assert stopped.value.code == 0
    assert "usage: numcodecs-neural" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param([], "required: COMMAND", id="no subcommand"),
        pytest.param(["decode"], "invalid choice: 'decode'", id="unknown subcommand"),
        pytest.param(["evaluate"], "required: PATH", id="no input"),
        pytest.param(["models", "-x"], "unrecognized arguments: -x", id="option"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)

    err = capsys.readouterr().err
    assert stopped.value.code == 2
    assert says in err
    assert err.startswith("numcodecs-neural")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        pytest.param(SourceError("a.png is\ntorn"), 1, "a.png is torn", id="image"),
        pytest.param(WeightsError("no weights"), 1, "no weights", id="weights"),
        pytest.param(OSError(28, "No space left", "a.json"), 1, "a.json: No space left", id="disk"),
        pytest.param(FloatingPointError("loss is NaN"), 1, "loss is NaN", id="not a number"),
        pytest.param(ConfigError("quality is 101"), 2, "quality is 101 (see --help)", id="value"),
        pytest.param(
            argparse.ArgumentError(None, "no such peer"), 2, "no such peer (see", id="argument"
        ),
        pytest.param(KeyboardInterrupt(), 130, "interrupted", id="Ctrl-C"),
    ],
)
def test_errors_while_working_are_one_sentence(
    error: BaseException,
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr("numcodecs_neural.stores.cli._models", fail)

    try:
        found = cli.main(["models"])
    except SystemExit as exc:
        found = int(exc.code or 0)

    assert found == code
    err = capsys.readouterr().err
    assert err.startswith(f"numcodecs-neural: {says}")
    assert err.count("\n") == 1


def test_the_program_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "numcodecs_neural.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == f"numcodecs-neural {version('numcodecs-neural')}"
