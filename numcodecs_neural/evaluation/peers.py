"""The codecs that a user could pick instead, and the settings that they are measured at.

Every curve spans what JPEG reaches from quality 30 to 95. Rates are of complete streams that
their own decoders read: for JPEG 2000 the codestream, for the others the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.evaluation.coders import Entrant, ImageCoder
from numcodecs_neural.evaluation.kinds import GREY16, RGB, Kind, Pixels
from numcodecs_neural.peers import codecs

__all__ = ["JPEG_420", "JPEG_444", "JPEG_GREY", "PEERS", "peer_entrants"]

JPEG_420, JPEG_444, JPEG_GREY = "JPEG 4:2:0", codecs.JPEG_444.title, codecs.JPEG.title


@dataclass(frozen=True, slots=True)
class _Curve:
    """A peer by its name on the command line, and its settings in order of rising rate.

    Those for 16 bits, of which images use some part, are empty if it codes 8 bits only. `rgb_title`
    is its name in tables of RGB images where that is another.
    """

    name: str
    peer: codecs.Peer
    settings: tuple[float, ...]
    settings16: tuple[float, ...] = ()
    rgb_title: str = ""


_JPEG = (30, 40, 50, 60, 70, 80, 90, 95)
_JPEG2K = (26, 28.5, 31, 33.5, 36, 38.5, 41, 43.5, 46)
_JPEGXL = (8, 6, 4, 2.7, 1.8, 1.2, 0.8, 0.5, 0.3)
_JPEGXL_16 = (8, 4, 2, 1, 0.5, 0.25, 0.12, 0.06, 0.03, 0.015)
_CURVES = (
    _Curve("jpeg420", codecs.JPEG, _JPEG, rgb_title=JPEG_420),
    _Curve("jpeg444", codecs.JPEG_444, _JPEG),
    _Curve("jpeg2000", codecs.JPEG2K, _JPEG2K, tuple(range(26, 82, 5))),
    _Curve("jpegxl", codecs.JPEGXL, _JPEGXL, _JPEGXL_16),
    _Curve("avif", codecs.AVIF, (30, 45, 58, 68, 76, 83, 88, 92, 95)),
    _Curve("webp", codecs.WEBP, (20, 40, 60, 75, 85, 92, 97, 100)),
)

PEERS = tuple(curve.name for curve in _CURVES)


def peer_entrants(names: Iterable[str] = PEERS) -> list[Entrant]:
    """Return the codecs of these command-line names, in that order and each once.

    Raises
    ------
    ConfigError
        If a name is not in `PEERS`, or imagecodecs is not installed.

    Examples
    --------
    >>> from numcodecs_neural.evaluation.kinds import GREY16, RGB
    >>> entrants = peer_entrants(["jpeg420", "jpegxl"])
    >>> [entrant.coder_for(RGB).name for entrant in entrants]
    ['JPEG 4:2:0', 'JPEG XL']
    >>> [entrant.coder_for(GREY16) is None for entrant in entrants]
    [True, False]
    """
    # Without it no image could be read either, so it is missed even where no peer is asked for.
    if find_spec("imagecodecs") is None:
        raise ConfigError(
            "the other codecs need imagecodecs: pip install 'numcodecs-neural[evaluate]'"
        )
    curves = {curve.name: curve for curve in _CURVES}
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in curves:
            raise ConfigError(f"there is no peer called {name!r}; known are {', '.join(PEERS)}")
    chosen = [curves[name] for name in names]
    return [Entrant(name=c.rgb_title or c.peer.title, coder_for=partial(_coder, c)) for c in chosen]


def _coder(curve: _Curve, kind: Kind) -> ImageCoder | None:
    settings = curve.settings16 if kind == GREY16 else curve.settings
    # Grey images have no chroma to subsample: both kinds of JPEG are one there.
    if not settings or (kind != RGB and curve.peer is codecs.JPEG_444):
        return None
    title = (curve.rgb_title if kind == RGB else "") or curve.peer.title
    samples = codecs.Samples(is_rgb=kind == RGB, dtype=np.dtype(kind.dtype))

    def encode(pixels: Pixels, setting: float, span: tuple[int, int]) -> bytes:
        used = replace(samples, significant_bits=span[1].bit_length())
        return curve.peer.encode(pixels, setting, used)

    def decode(stored: bytes, _setting: float, _shape: tuple[int, ...]) -> NDArray[np.generic]:
        return curve.peer.decode(stored, samples)

    return ImageCoder(name=title, settings=settings, encode=encode, decode=decode)
