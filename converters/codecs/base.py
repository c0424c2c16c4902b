"""What a codec is asked to code, and what the writer is told of a codec."""

from dataclasses import dataclass, field
from typing import Any, Self

from numcodecs_neural.peers.codecs import Samples

from ..options import OmeZarrVersion
from ..sources import SlideInfo

__all__ = ["ChunkCodec", "ChunkKind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCodec:
    """How chunks are coded.

    Parameters
    ----------
    method : str
        Name in the store's lossy history.
    parameters : dict
        What the history tells of it: whatever changes pixels.
    zarr_arguments : dict
        Keywords for `zarr.create_array`.
    is_lossless : bool
        Whether every sample comes back as it was.
    channel_axis : int
        Where the neural codec finds the channels of a chunk; 0 without channels.
    """

    method: str
    parameters: dict[str, Any]
    zarr_arguments: dict[str, Any] = field(repr=False)
    is_lossless: bool = False
    channel_axis: int = 0

    @property
    def told(self) -> dict[str, Any]:
        """Method and parameters together."""
        return {"method": self.method, **self.parameters}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkKind(Samples):
    """The chunks of a slide: three planes, along the axis ``c``, if they are RGB; else one.

    Parameters
    ----------
    axes : str
        Of the array, such as ``"cyx"``. Chunks have length 1 along all of them but ``y``, ``x``
        and the ``c`` of RGB.
    version : {"0.5", "0.4"}
        Of OME-Zarr.
    """

    axes: str = "cyx"
    version: OmeZarrVersion = "0.5"

    @classmethod
    def of(cls, info: SlideInfo | None, version: OmeZarrVersion) -> Self:
        """Return the chunks of a slide; of a plain one, RGB and of 8 bits, if None."""
        if info is None:
            return cls(version=version)
        return cls(
            is_rgb=info.is_rgb,
            dtype=info.dtype.newbyteorder("="),
            axes="".join(info.axes.names),
            significant_bits=info.significant_bits,
            version=version,
        )

    @property
    def name(self) -> str:
        """For error messages: ``"RGB of uint8"``."""
        return f"{'RGB' if self.is_rgb else 'one sample'} of {self.dtype.name}"
