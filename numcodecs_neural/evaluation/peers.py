"""The codecs that a user could pick instead, by way of imagecodecs, one thread each.

Every curve spans what JPEG reaches from quality 30 to 95. Rates are of complete streams that
their own decoders read: for JPEG 2000 the codestream, for the others the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.evaluation.coders import Entrant, ImageCoder
from numcodecs_neural.evaluation.kinds import GREY16, RGB, Kind, Pixels

__all__ = ["JPEG_420", "JPEG_444", "JPEG_GREY", "PEERS", "peer_entrants"]

# Grey images have no chroma to subsample: there the two are one, which the first stands for.
JPEG_420, JPEG_444, JPEG_GREY = "JPEG 4:2:0", "JPEG 4:4:4", "JPEG"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Peer:
    """One codec of imagecodecs.

    Parameters
    ----------
    name, title : str
        On the command line and in tables.
    codec, parameter : str
        Of imagecodecs: the codec, and what sets its rate.
    settings : tuple of float
        Values of that for 8 bits, in order of rising rate.
    options : dict
        What else it is given.
    settings16 : tuple of float
        The same for 16 bits, of which images use some part; empty if it codes 8 bits only.
    grey_title : str, optional
        In tables of grey images, where it is another; empty if it does not take part there.
    grey_options : dict
        In place of those of `options` with the same names.
    """

    name: str
    title: str
    codec: str
    parameter: str
    settings: tuple[float, ...]
    options: dict[str, Any]
    settings16: tuple[float, ...] = ()
    grey_title: str | None = None
    grey_options: dict[str, Any] = field(default_factory=dict)


# JPEG XL takes no fewer for samples of 16 bits.
_LEAST_BITS = 9
_JPEG_QUALITIES = (30, 40, 50, 60, 70, 80, 90, 95)

_PEERS = (
    _Peer(
        name="jpeg420",
        title=JPEG_420,
        codec="jpeg",
        parameter="level",
        settings=_JPEG_QUALITIES,
        options={"subsampling": "420"},
        grey_title=JPEG_GREY,
        grey_options={"subsampling": None},
    ),
    _Peer(
        name="jpeg444",
        title=JPEG_444,
        codec="jpeg",
        parameter="level",
        settings=_JPEG_QUALITIES,
        options={"subsampling": "444"},
        grey_title="",
    ),
    _Peer(
        name="jpeg2000",
        title="JPEG 2000",
        codec="jpeg2k",
        # The PSNR in dB that a stream is cut at: against the greatest value that the bits of the
        # image hold, which lies above its own range.
        parameter="level",
        settings=(26, 28.5, 31, 33.5, 36, 38.5, 41, 43.5, 46),
        options={"codecformat": "j2k", "reversible": False, "numthreads": 1},
        settings16=tuple(range(26, 82, 5)),
    ),
    _Peer(
        name="jpegxl",
        title="JPEG XL",
        codec="jpegxl",
        parameter="distance",
        settings=(8, 6, 4, 2.7, 1.8, 1.2, 0.8, 0.5, 0.3),
        options={"effort": 7, "numthreads": 1},
        settings16=(8, 4, 2, 1, 0.5, 0.25, 0.12, 0.06, 0.03, 0.015),
    ),
    _Peer(
        name="avif",
        title="AVIF",
        codec="avif",
        parameter="level",
        settings=(30, 45, 58, 68, 76, 83, 88, 92, 95),
        options={"speed": 6, "pixelformat": "444", "numthreads": 1},
        grey_options={"pixelformat": "400"},
    ),
    _Peer(
        name="webp",
        title="WebP",
        codec="webp",
        parameter="level",
        settings=(20, 40, 60, 75, 85, 92, 97, 100),
        options={"lossless": False},
    ),
)

PEERS = tuple(peer.name for peer in _PEERS)


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
    imagecodecs = _imagecodecs()
    peers = {peer.name: peer for peer in _PEERS}
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in peers:
            raise ConfigError(f"there is no peer called {name!r}; known are {', '.join(PEERS)}")
    return [
        Entrant(name=peers[name].title, coder_for=partial(_coder, peers[name], imagecodecs))
        for name in names
    ]


def _coder(peer: _Peer, imagecodecs: Any, kind: Kind) -> ImageCoder | None:
    settings = peer.settings16 if kind == GREY16 else peer.settings
    title = peer.title if kind == RGB or peer.grey_title is None else peer.grey_title
    if not settings or not title:
        return None
    options = peer.options if kind == RGB else peer.options | peer.grey_options
    encode = partial(getattr(imagecodecs, f"{peer.codec}_encode"), **options)
    threads = {"numthreads": 1} if "numthreads" in options else {}
    decode = partial(getattr(imagecodecs, f"{peer.codec}_decode"), **threads)

    def encode_at(pixels: Pixels, setting: float, span: tuple[int, int]) -> bytes:
        depth = {"bitspersample": max(span[1].bit_length(), _LEAST_BITS)} if kind == GREY16 else {}
        return bytes(encode(_as_taken(peer, pixels), **{peer.parameter: setting}, **depth))

    def decode_as_given(
        stored: bytes, _setting: float, shape: tuple[int, ...]
    ) -> NDArray[np.generic]:
        decoded: NDArray[np.generic] = decode(stored)
        # WebP gives RGB back: see `_as_taken`.
        return decoded[..., 1] if shape[2] == 1 and decoded.ndim == 3 else decoded

    return ImageCoder(name=title, settings=settings, encode=encode_at, decode=decode_as_given)


def _as_taken(peer: _Peer, pixels: Pixels) -> Pixels:
    """Return grey pixels (H, W, 1) as (H, W), or as RGB where a codec must have that.

    WebP has no grey, and imagecodecs makes a lossless AVIF of grey whatever the level; of RGB it
    stores the one channel that the pixel format asks for.
    """
    if pixels.shape[2] == 3:
        return pixels
    if peer.codec in ("avif", "webp"):
        return np.ascontiguousarray(np.repeat(pixels, 3, axis=2))
    return pixels[..., 0]


def _imagecodecs() -> Any:
    try:
        import imagecodecs
    except ImportError as exc:
        raise ConfigError(
            "the other codecs need imagecodecs: pip install 'numcodecs-neural[evaluate]'"
        ) from exc
    return imagecodecs
