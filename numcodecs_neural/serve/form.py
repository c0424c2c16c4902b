"""Form: whether chunks are shown compressed, and whether in shards."""

from dataclasses import dataclass

from numcodecs_neural.errors import ConfigError

__all__ = ["COMPRESSIONS", "Form"]

COMPRESSIONS = ("none", "zstd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How chunks are shown.

    Parameters
    ----------
    compression : str
        ``"none"`` or ``"zstd"``.
    sharded : bool
        Whether stores that have shards are shown with them. Only uncompressed: then the places of
        chunks in a shard are known before any is decoded, and a request of a range decodes what it
        touches.

    Raises
    ------
    ConfigError
        If the two do not go together.
    """

    compression: str = "none"
    sharded: bool = False

    def __post_init__(self) -> None:
        if self.compression not in COMPRESSIONS:
            raise ConfigError(
                f"compression {self.compression!r} is unknown: {' or '.join(COMPRESSIONS)}"
            )
        if self.sharded and self.compression != "none":
            raise ConfigError(
                "shards are shown without compression only, as their index would need all their "
                "chunks decoded: leave out sharded or compression"
            )
