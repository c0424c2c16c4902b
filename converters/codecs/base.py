"""What a codec is asked to code, and what the writer is told of a codec."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

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
    """

    method: str
    parameters: dict[str, Any]
    zarr_arguments: dict[str, Any] = field(repr=False)
    is_lossless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkKind:
    """The chunks of a slide.

    Parameters
    ----------
    is_rgb : bool
        Whether they hold three planes, along the axis ``c``; else they hold one.
    dtype : numpy.dtype
        Of the samples, in the machine's byte order.
    axes : str
        Of the array, such as ``"cyx"``. Chunks have length 1 along all of them but ``y``, ``x``
        and the ``c`` of RGB.
    significant_bits : int, optional
        Bits of a sample that are used, where that is known and fewer than it has.
    version : {"0.5", "0.4"}
        Of OME-Zarr.
    """

    is_rgb: bool = True
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    axes: str = "cyx"
    significant_bits: int | None = None
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

    @property
    def stored_bits(self) -> int | None:
        """For codecs of images: bits of samples of 16, of which they take 9 at least."""
        if self.dtype.itemsize == 1 or self.significant_bits is None:
            return None
        return max(self.significant_bits, 9)
