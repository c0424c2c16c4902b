"""Try every client of the table with stores that the package under test writes.

``python -m tests.clients.run`` makes an environment for each client, tries its rows, and writes
docs/clients.md if all are true; ``--check`` only tries. Exit codes: 0 every row is true, 1 one is
not, 2 wrong usage.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

from tests.clients import page
from tests.clients.demo_stores import expected_digests, regions_of, write_stores
from tests.clients.environments import (
    NoInterpreterError,
    build_wheel,
    environment,
    freeze,
    note_made,
)
from tests.clients.measure import Task, measure
from tests.clients.serving import serving
from tests.clients.table import Client, Row, clients


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return the exit code."""
    table = clients()
    args = _arguments(table, argv)
    made = [table[key] for key in args.clients if key not in args.use]
    needs_wheel = any(client.codec for client in made)
    wheel = build_wheel(args.environments / "wheel") if needs_wheel else None
    with _tasks() as tasks:
        untrue = [key for key in args.clients if not _is_true(table[key], args, wheel, tasks)]
    print(f"{len(args.clients) - len(untrue)} of {len(args.clients)} clients as the table says")
    if untrue:
        return 1
    if not args.check:
        page.PAGE.write_text(page.with_generated(page.PAGE.read_text(), page.render(table)))
    return 0


def _arguments(table: dict[str, Client], argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients.run", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help="keys of the table (all)")
    parser.add_argument("--check", action="store_true", help="do not write the page")
    parser.add_argument(
        "--environments", type=Path, required=True, metavar="DIR", help="where they are kept"
    )
    parser.add_argument(
        "--use",
        action="append",
        default=[],
        metavar="CLIENT=PYTHON",
        help="try a client in an environment that is there, with the package installed",
    )
    parser.add_argument(
        "--freeze", action="store_true", help="write the versions of environments to constraints/"
    )
    args = parser.parse_args(argv)
    args.use = dict(text.partition("=")[::2] for text in args.use)
    args.clients = args.clients or [*table]
    unknown = sorted({*args.clients, *args.use} - {*table})
    if unknown:
        parser.error(f"{', '.join(unknown)}: not in the table, which has {', '.join(table)}")
    return args


@contextlib.contextmanager
def _tasks() -> Generator[dict[str, Task]]:
    """Write the stores, serve them, and yield what clients are to do with each."""
    with tempfile.TemporaryDirectory() as scratch:
        stores = write_stores(Path(scratch))
        with serving(stores) as urls:
            yield {
                name: Task(
                    store=store,
                    regions=regions_of(name),
                    expected=expected_digests(name, store),
                    url=urls[name],
                )
                for name, store in stores.items()
            }


def _is_true(
    client: Client, args: argparse.Namespace, wheel: Path | None, tasks: dict[str, Task]
) -> bool:
    """Try a client with each store, print what it does, and return whether the table says so."""
    try:
        interpreter = _interpreter(client, args, wheel)
    except NoInterpreterError as missing:
        print(f"{client.key}: {missing}")
        return False
    found = {name: measure(client, interpreter, task) for name, task in tasks.items()}
    for name, row in found.items():
        print(_said(client, name, row), flush=True)
    return all(client.rows[name].holds(row) for name, row in found.items())


def _interpreter(client: Client, args: argparse.Namespace, wheel: Path | None) -> Path:
    if client.key in args.use:
        return Path(args.use[client.key])
    interpreter = environment(client, args.environments, wheel)
    if args.freeze and client.python is not None:
        client.pins_path.write_text(freeze(client, interpreter))
        note_made(client, args.environments / client.key)
    return interpreter


def _said(client: Client, store: str, found: Row) -> str:
    expected = client.rows[store]
    line = f"{client.key}, {store}: {found.outcome}"
    if expected.holds(found):
        return line
    wanted = f"{expected.outcome} {expected.says!r}" if expected.says else expected.outcome
    served = f"; through serve: {found.through_serve}" if found.through_serve else ""
    return f"{line}, and the table says {wanted}; it says: {found.says}{served}"


if __name__ == "__main__":
    sys.exit(main())
