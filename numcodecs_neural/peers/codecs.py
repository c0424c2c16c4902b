"""Codecs of images that others wrote, by way of imagecodecs, one thread each.

Both the converter and the evaluation code chunks with them, with the same arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AVIF", "JPEG", "JPEG2K", "JPEGXL", "JPEG_444", "LOSSLESS_DB", "WEBP", "Peer", "Samples"]

JPEGXL_EFFORT = 7
# The PSNR that stands for JPEG 2000 without loss.
LOSSLESS_DB = 1000.0
# JPEG XL and JPEG 2000 take no fewer for samples of 16 bits.
_LEAST_BITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What the pixels of a chunk are made of.

    Parameters
    ----------
    is_rgb : bool
        Whether each has three samples; else it has one.
    dtype : numpy.dtype
        Of the samples, in the machine's byte order.
    significant_bits : int, optional
        Bits of a sample that are used, where that is known and fewer than it has.
    """

    is_rgb: bool = True
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    significant_bits: int | None = None

    @property
    def stored_bits(self) -> int | None:
        """Bits of samples of 16 that codecs of images are told of; None if all count."""
        if self.dtype.itemsize == 1 or self.significant_bits is None:
            return None
        return max(self.significant_bits, _LEAST_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A lossy codec of images.

    Parameters
    ----------
    name : str
        In imagecodecs; also as an option, and in a store's lossy history.
    title : str
        In tables.
    arguments : callable
        ``(setting, samples) -> dict`` of what imagecodecs' encoder is given.
    dtypes : tuple of str
        What it codes.
    planes_first : bool
        Whether it takes RGB as (3, y, x); else as (y, x, 3).
    has_grey : bool
        Whether it takes grey images as they are; else as RGB.
    has_threads : bool
        Whether it would use several threads unless told otherwise.
    """

    name: str
    title: str
    arguments: Callable[[float, Samples], dict[str, Any]]
    dtypes: tuple[str, ...] = ("uint8",)
    planes_first: bool = False
    has_grey: bool = True
    has_threads: bool = True

    def encode(self, pixels: NDArray[Any], setting: float, samples: Samples) -> bytes:
        """Return the complete stream, which its own decoder reads, of pixels (y, x, 3 or 1).

        Examples
        --------
        >>> grey = np.full((16, 16, 3), 200, np.uint8)
        >>> JPEG.decode(JPEG.encode(grey, 90, Samples()), Samples())[0, 0]
        array([200, 200, 200], dtype=uint8)
        """
        image = pixels
        if not samples.is_rgb:
            image = pixels[..., 0] if self.has_grey else np.repeat(pixels, 3, axis=2)
        elif self.planes_first:
            image = np.moveaxis(pixels, -1, 0)
        arguments = self.arguments(setting, samples) | self._threads
        return bytes(self._call("encode", np.ascontiguousarray(image), **arguments))

    def decode(self, stream: bytes, samples: Samples) -> NDArray[Any]:
        """Return the pixels (y, x, 3 or 1) of a stream."""
        if samples.is_rgb and self.planes_first:
            return np.moveaxis(self._call("decode", stream, planar=True, **self._threads), 0, -1)
        image = np.asarray(self._call("decode", stream, **self._threads))
        if samples.is_rgb:
            return image
        # WebP gives back RGB, of which all channels are the same.
        return image[..., 1:2] if image.ndim == 3 else image[..., np.newaxis]

    @property
    def _threads(self) -> dict[str, int]:
        return {"numthreads": 1} if self.has_threads else {}

    def _call(self, function: str, argument: Any, **arguments: Any) -> Any:
        import imagecodecs

        return getattr(imagecodecs, f"{self.name}_{function}")(argument, **arguments)


def _jpeg_arguments(setting: float, samples: Samples) -> dict[str, Any]:
    # Chroma is halved both ways, as scanners do; grey images have none.
    subsampling = {"subsampling": "420"} if samples.is_rgb else {}
    return {"level": int(setting), **subsampling}


# In the order in which imagecodecs' own serializers write them, so that stores are the same.


def _jpegxl_arguments(setting: float, samples: Samples) -> dict[str, Any]:
    arguments: dict[str, Any] = {"effort": JPEGXL_EFFORT}
    arguments |= {"distance": setting, "lossless": False} if setting else {"lossless": True}
    if samples.stored_bits is not None:
        arguments["bitspersample"] = samples.stored_bits
    return arguments


def _jpeg2k_arguments(setting: float, samples: Samples) -> dict[str, Any]:
    is_lossless = setting == LOSSLESS_DB
    arguments: dict[str, Any] = {} if is_lossless else {"level": setting}
    arguments["codecformat"] = "j2k"
    if samples.is_rgb:
        arguments["planar"] = True
    if samples.stored_bits is not None:
        arguments["bitspersample"] = samples.stored_bits
    return arguments | {"reversible": is_lossless}


def _avif_arguments(setting: float, samples: Samples) -> dict[str, Any]:
    return {"level": setting, "speed": 6, "pixelformat": "444" if samples.is_rgb else "400"}


# Settings are a quality of its own; for JPEG XL a distance in units of just noticeable difference,
# where 0 is lossless; for JPEG 2000 the PSNR in dB that a stream is cut at, against the greatest
# value that the bits of the image hold, which lies above its own range.
JPEG = Peer(name="jpeg", title="JPEG", arguments=_jpeg_arguments, has_threads=False)
JPEG_444 = replace(
    JPEG,
    title="JPEG 4:4:4",
    arguments=lambda setting, _samples: {"level": int(setting), "subsampling": "444"},
)
JPEGXL = Peer(
    name="jpegxl", title="JPEG XL", arguments=_jpegxl_arguments, dtypes=("uint8", "uint16")
)
JPEG2K = Peer(
    name="jpeg2k",
    title="JPEG 2000",
    arguments=_jpeg2k_arguments,
    dtypes=("uint8", "uint16"),
    planes_first=True,
)
# imagecodecs makes a lossless AVIF of grey images whatever the level; of RGB it stores the one
# channel that the pixel format asks for. WebP has no grey.
AVIF = Peer(name="avif", title="AVIF", arguments=_avif_arguments, has_grey=False)
WEBP = Peer(
    name="webp",
    title="WebP",
    arguments=lambda setting, _samples: {"level": setting, "lossless": False},
    has_grey=False,
    has_threads=False,
)
