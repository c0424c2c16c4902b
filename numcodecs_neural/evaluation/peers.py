"""The codecs that a user could pick instead, by way of imagecodecs, one thread each.

Every curve spans what JPEG reaches from quality 30 to 95. Rates are of complete streams that
their own decoders read: for JPEG 2000 the codestream, for the others the file.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.evaluation.coders import ImageCoder

__all__ = ["JPEG_420", "JPEG_444", "PEERS", "peer_coders"]

JPEG_420, JPEG_444 = "JPEG 4:2:0", "JPEG 4:4:4"

_JPEG_QUALITIES = (30, 40, 50, 60, 70, 80, 90, 95)

# Name in tables: name on the command line, codec of imagecodecs, its rate parameter, the values of
# that in order of rising rate, and what else it is given.
_CURVES: dict[str, tuple[str, str, str, tuple[float, ...], dict[str, Any]]] = {
    JPEG_420: ("jpeg420", "jpeg", "level", _JPEG_QUALITIES, {"subsampling": "420"}),
    JPEG_444: ("jpeg444", "jpeg", "level", _JPEG_QUALITIES, {"subsampling": "444"}),
    "JPEG 2000": (
        "jpeg2000",
        "jpeg2k",
        "level",  # the PSNR in dB that a stream is cut at
        (26, 28.5, 31, 33.5, 36, 38.5, 41, 43.5, 46),
        {"codecformat": "j2k", "reversible": False, "numthreads": 1},
    ),
    "JPEG XL": (
        "jpegxl",
        "jpegxl",
        "distance",
        (8, 6, 4, 2.7, 1.8, 1.2, 0.8, 0.5, 0.3),
        {"effort": 7, "numthreads": 1},
    ),
    "AVIF": (
        "avif",
        "avif",
        "level",
        (30, 45, 58, 68, 76, 83, 88, 92, 95),
        {"speed": 6, "pixelformat": "444", "numthreads": 1},
    ),
    "WebP": ("webp", "webp", "level", (20, 40, 60, 75, 85, 92, 97, 100), {"lossless": False}),
}

PEERS = tuple(curve[0] for curve in _CURVES.values())


def peer_coders(names: Iterable[str] = PEERS) -> list[ImageCoder]:
    """Return the codecs of these command-line names, in that order and each once.

    Raises
    ------
    ConfigError
        If a name is not in `PEERS`, or imagecodecs is not installed.

    Examples
    --------
    >>> [coder.name for coder in peer_coders(["jpeg420", "avif"])]
    ['JPEG 4:2:0', 'AVIF']
    """
    # Without it no image could be read either, so it is missed even where no peer is asked for.
    imagecodecs = _imagecodecs()
    titles = {curve[0]: title for title, curve in _CURVES.items()}
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in titles:
            raise ConfigError(f"there is no peer called {name!r}; known are {', '.join(PEERS)}")
    return [_coder(titles[name], imagecodecs) for name in names]


def _coder(title: str, imagecodecs: Any) -> ImageCoder:
    _, codec, parameter, settings, options = _CURVES[title]
    encode = partial(getattr(imagecodecs, f"{codec}_encode"), **options)
    threads = {"numthreads": 1} if "numthreads" in options else {}
    decode = partial(getattr(imagecodecs, f"{codec}_decode"), **threads)

    def encode_at(pixels: NDArray[np.uint8], setting: float) -> bytes:
        return bytes(encode(pixels, **{parameter: setting}))

    return ImageCoder(name=title, settings=settings, encode=encode_at, decode=decode)


def _imagecodecs() -> Any:
    try:
        import imagecodecs
    except ImportError as exc:
        raise ConfigError(
            "the other codecs need imagecodecs: pip install 'numcodecs-neural[evaluate]'"
        ) from exc
    return imagecodecs
