"""Closing: a base class whose objects are closed at the end of a `with`."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Literal, Self

__all__ = ["Closing"]


class Closing(ABC):
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

    @abstractmethod
    def close(self) -> None:
        """Close what is open; each class says what that is."""
