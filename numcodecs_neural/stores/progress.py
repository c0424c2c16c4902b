"""Progress of long work, on stderr: how much is done, how fast, and how long it will take."""

import sys
import time

__all__ = ["Progress", "duration"]

# On a terminal a line is written over; in a log each one stays.
_TERMINAL_EVERY_S, _LOG_EVERY_S = 0.5, 60.0


class Progress:
    """A line that says how far work is.

    Parameters
    ----------
    total : float
        How much there is to be done.
    done : float
        How much an earlier run did.
    unit : str
        Of both.
    """

    def __init__(self, total: float, done: float = 0, unit: str = "chunks") -> None:
        self._total, self._begun, self._unit = total, done, unit
        self._is_terminal = sys.stderr.isatty()
        self._every = _TERMINAL_EVERY_S if self._is_terminal else _LOG_EVERY_S
        self._started = time.monotonic()
        self._next = self._started + self._every
        self._is_shown = False

    def tell(self, done: float, more: str = "") -> None:
        """Say how far it is, and more, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        text = ", ".join(filter(None, (self._line(done, now - self._started), more)))
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        self._is_shown = True

    def close(self) -> None:
        """Take the line away from a terminal."""
        if self._is_terminal and self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _line(self, done: float, seconds: float) -> str:
        rate = (done - self._begun) / seconds if seconds > 0 else 0.0
        left = duration((self._total - done) / rate) if rate else "not known"
        percent = 100 * done / self._total if self._total else 100.0
        return (
            f"{done:.0f} of {self._total:.0f} {self._unit} ({percent:.1f} %), "
            f"{rate:.1f} {self._unit}/s, {left} left"
        )


def duration(seconds: float) -> str:
    """Return a duration in its two largest units.

    Examples
    --------
    >>> duration(42), duration(3723), duration(200_000)
    ('42 s', '1 h 2 min', '2 d 7 h')
    """
    whole = max(round(seconds), 0)
    for name, length, smaller, part in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= length:
            return f"{whole // length} {name} {whole % length // part} {smaller}"
    return f"{whole} s"
