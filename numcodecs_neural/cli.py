"""``numcodecs-neural``: one program, whose subcommands the parts of the package bring along.

Each part's ``cli.py`` has ``register(subparsers)``, which adds subcommands whose default ``run``
takes the parsed arguments and returns an exit code. What they need is imported when they run.

Exit codes: 0 all went well, 1 something failed while working, 2 wrong usage, found before any
work, 130 interrupted, 141 nobody reads the output any more.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import NoReturn

from numcodecs_neural.converters.restore import cli as restoring
from numcodecs_neural.errors import ConfigError, NeuralCodecError
from numcodecs_neural.evaluation import cli as evaluation
from numcodecs_neural.serve import cli as serving
from numcodecs_neural.stores import cli as stores
from numcodecs_neural.training import cli as training
from numcodecs_neural.view import cli as viewing

__all__ = ["main"]

PROGRAM = "numcodecs-neural"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    SystemExit
        With code 2 if the arguments are wrong, and with 0 after ``--help`` and ``--version``.
    BrokenPipeError
        If nobody reads the output any more, as of ``| head``; entry points end quietly then.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    except BrokenPipeError:
        raise
    # What a subcommand finds wrong with its arguments once it looks at them.
    except (argparse.ArgumentError, ConfigError) as exc:
        parser.error(_sentence(exc))
    except (NeuralCodecError, OSError, FloatingPointError) as exc:
        _complain(_sentence(exc))
        return 1


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line: the usage of all options would bury it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog=PROGRAM, description="Learned image compression for numcodecs and Zarr."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version(PROGRAM)}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    evaluation.register(subparsers)
    training.register(subparsers)
    restoring.register(subparsers)
    viewing.register(subparsers)
    serving.register(subparsers)
    stores.register(subparsers)
    return parser


def _sentence(exc: Exception) -> str:
    """Return an error's text in one line; the str of a LookupError would put it in quotes."""
    if isinstance(exc, OSError) and exc.strerror:
        text = f"{exc.filename}: {exc.strerror}" if exc.filename else exc.strerror
    elif isinstance(exc, argparse.ArgumentError):
        text = exc.message
    else:
        text = str(exc.args[0]) if exc.args else type(exc).__name__
    return " ".join(text.split())


def _complain(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
