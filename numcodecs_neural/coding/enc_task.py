"""Task and payload that the encoders of all modes share; nothing of it is needed to decode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.format import Mode
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.networks.description import Pixels

__all__ = ["EncodeParameters", "EncodeTask", "LossyEncoder", "Payload", "Trial", "Trials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeParameters:
    """How a chunk is to be encoded.

    Parameters
    ----------
    quality : int
        0 (smallest) to 100 (best).
    channel_axis : {0, -1, -3, -4}
        Where the channels lie; 0 for arrays without channels.
    value_range : (low, high), optional
        For samples of 16 bits: a grey level is no finer than this range of samples needs. With any
        range, dim chunks are coded in the same steps as others.
    tune : str
        Which measure of quality the steps are shaped for, where the weights can.
    target_psnr : float, optional
        Decibels that the chunk shall have, in place of a quality.
    max_error : int, optional
        By how much a sample may differ; `quality` and `tune` do not matter then.
    """

    quality: int
    channel_axis: int = 0
    value_range: tuple[int, int] | None = None
    tune: str = "psnr"
    target_psnr: float | None = None
    max_error: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An encoding of images, and what a reader will make of it.

    Parameters
    ----------
    payload : bytes
    quality : int
        For the header of the chunk.
    pixels : ndarray, shape (n, C, H, W)
    """

    payload: bytes
    quality: int
    pixels: Pixels


class Trials(Protocol):
    """Encodings of some images, on a ladder of rungs from the coarsest to the finest."""

    @property
    def rungs(self) -> int:
        """How many there are."""

    def guess(self, error: float) -> tuple[int, float]:
        """Return the rung with a mean squared error, and the decibels from rung to rung there."""

    def again(self, rung: int) -> Trial | None:
        """Encode images that were decoded before as then, if that is near a rung."""

    def at(self, rung: int) -> Trial:
        """Encode the images."""


class LossyEncoder(Protocol):
    """Loaded weights that encode images; `weights_id` is theirs.

    Their pixels are grey levels with `pixel_fraction` bits below them: uint8 without such bits,
    else uint16.
    """

    weights_id: bytes
    pixel_fraction: int

    def encode(self, images: Pixels, parameters: EncodeParameters) -> bytes:
        """Return the payload of pixels (n, C, H, W)."""

    def grey_steps(self, parameters: EncodeParameters) -> Sequence[NDArray[np.int64]]:
        """Return all steps (1, 256) that grey images may get; none if weights have no steps."""

    def trials(self, images: Pixels, parameters: EncodeParameters) -> Trials:
        """Return the encodings of pixels (n, C, H, W) that a target is looked for among."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeTask:
    """One chunk to encode.

    Parameters
    ----------
    planes : ndarray, shape (n, C, H, W)
        Samples of the box, C-contiguous.
    plane : (int, int)
        Height and width of the whole chunk.
    mosaic : Mosaic or None
        The JPEG tiles that are offered for the chunk.
    must_be_exact : bool
        Whether nothing may be lost, whatever the parameters say.
    parameters : EncodeParameters
    coder : LossyEncoder or None
        None where nothing may be lost, or no more than a bound.
    """

    planes: NDArray[Any]
    plane: tuple[int, int]
    mosaic: Mosaic | None
    must_be_exact: bool = False
    parameters: EncodeParameters
    coder: LossyEncoder | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What a mode made of a chunk.

    Parameters
    ----------
    mode : Mode
    sections : tuple of bytes
    fields : mapping
        Fields of the header that only this mode has.
    is_final : bool
        Whether no other mode needs to be tried.
    """

    mode: Mode
    sections: tuple[bytes, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_final: bool = False

    @property
    def nbytes(self) -> int:
        """Size of all sections."""
        return sum(map(len, self.sections))
