"""The one name that this package takes from a private module of zarr, for type checkers only."""

from zarr.core.array_spec import ArraySpec

__all__ = ["ArraySpec"]
