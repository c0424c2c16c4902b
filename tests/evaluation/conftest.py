"""The command under test, run as from the command line."""

import pytest

from numcodecs_neural import cli
from tests.annotations import Refused, RunCli


@pytest.fixture
def run_evaluate(capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Return a function that runs the command: exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main(["evaluate", *map(str, arguments)])
        except SystemExit as exc:
            code = int(exc.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def refused(run_evaluate: RunCli) -> Refused:
    """Return a function that runs the command, which must fail with one sentence: that."""

    def run(*arguments: object, code: int = 2) -> str:
        found, out, err = run_evaluate(*arguments)
        assert (found, out) == (code, "")
        assert err.count("\n") == 1
        return err

    return run
