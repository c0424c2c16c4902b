"""Closing: what `with` needs of everything here that is open until it is closed."""

from types import TracebackType
from typing import Literal, Self

__all__ = ["Closing"]


class Closing:
    """Closed at the end of a `with`, whatever happens in it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        self.close()
        return False

    def close(self) -> None:
        """Close what is open; each class says what that is."""
        raise NotImplementedError
