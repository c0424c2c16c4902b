"""patch_openslide: makes openslide-python open OME-Zarr stores, too."""

from types import TracebackType
from typing import Any, Self

from numcodecs_neural.errors import MissingDependencyError

from .omezarr_slide import OmeZarrSlide
from .stores import looks_like_a_store

__all__ = ["patch_openslide"]


class patch_openslide:
    """Have ``openslide.OpenSlide(x)`` and ``openslide.open_slide(x)`` open OME-Zarr stores.

    From now on, until `undo`, or for the length of a `with`. Programs may have imported the names
    before: the class itself is changed. For a store it makes an `OmeZarrSlide`, for all else what
    it always made. A process that is spawned is to call this again.

    Raises
    ------
    MissingDependencyError
        If openslide-python is not installed.

    Examples
    --------
    >>> import openslide
    >>> with patch_openslide():  # doctest: +SKIP
    ...     slide = openslide.open_slide("slide.ome.zarr")
    """

    def __init__(self) -> None:
        try:
            import openslide
        except (ImportError, OSError) as exc:
            raise MissingDependencyError(
                f"openslide-python cannot be imported: {exc}; it is needed to patch it: "
                'pip install "numcodecs-neural[openslide]"'
            ) from exc
        _hook(openslide.OpenSlide)
        self._is_undone = False
        _in_force.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.undo()

    def undo(self) -> None:
        """Let openslide open what it opened before, unless another call is in force as well."""
        if not self._is_undone:
            self._is_undone = True
            _in_force.remove(self)


_in_force: list[patch_openslide] = []


def _hook(openslide_class: Any) -> None:
    """Have a class ask here first; the hook stays, since Python cannot take `__new__` back."""
    if "__new__" in vars(openslide_class):
        return
    detect_before = openslide_class.detect_format.__func__

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        filename: Any = args[0] if args else kwargs.get("filename")
        if _in_force and cls is openslide_class and looks_like_a_store(filename):
            # Of another class, so that Python does not call __init__ again.
            return OmeZarrSlide(filename)
        return object.__new__(cls)

    def detect_format(cls: Any, filename: Any) -> str | None:
        found = OmeZarrSlide.detect_format(filename) if _in_force else None
        return found or detect_before(cls, filename)

    openslide_class.__new__ = new
    openslide_class.detect_format = classmethod(detect_format)
