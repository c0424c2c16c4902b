"""Peers as the arrays of a slide take them: stores that open wherever imagecodecs is known."""

from typing import Any

from numcodecs_neural.peers.codecs import JPEG, JPEG2K, Peer

from .base import ChunkCodec, ChunkKind
from .qualities import QualityScale

__all__ = ["peer_codec"]


def peer_codec(scale: QualityScale, quality: int, kind: ChunkKind) -> ChunkCodec:
    """Return a peer at a quality of 0 to 100.

    Only for what `codecs_for` says that it codes.
    """
    peer, setting = scale.peer, scale.setting_of(quality, kind)
    arguments = peer.arguments(setting, kind)
    if peer is JPEG2K and "level" in arguments:
        arguments["level"] = int(setting)  # as its wrappers for Zarr take it
    return ChunkCodec(
        method=peer.name,
        parameters={"quality": quality, **_told(peer, arguments)},
        zarr_arguments=_zarr_arguments(peer, arguments, kind),
        is_lossless=scale.is_lossless_at(setting),
    )


def _told(peer: Peer, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what of the arguments tells more than the quality does."""
    if peer is JPEG:
        return {"subsampling": "4:2:0"} if "subsampling" in arguments else {}
    if peer is JPEG2K:
        return {"psnr_db": arguments["level"]} if "level" in arguments else {"reversible": True}
    return {key: value for key, value in arguments.items() if key != "bitspersample"}


def _zarr_arguments(peer: Peer, arguments: dict[str, Any], kind: ChunkKind) -> dict[str, Any]:
    if kind.version == "0.4":
        return {"compressors": _zarr_codec(peer, arguments, kind), "filters": None}
    is_moved = kind.is_rgb and not peer.planes_first
    # Inside, because it needs zarr 3.
    from zarr.codecs import TransposeCodec

    order = [n for n, axis in enumerate(kind.axes) if axis != "c"] + [kind.axes.find("c")]
    return {
        "serializer": _zarr_codec(peer, arguments, kind),
        "compressors": None,
        "filters": [TransposeCodec(order=order)] if is_moved else None,
    }


def _zarr_codec(peer: Peer, arguments: dict[str, Any], kind: ChunkKind) -> Any:
    """Return the codec of the peer's name, such as ``Jpeg2k``, for the version of Zarr."""
    from imagecodecs import numcodecs

    from numcodecs_neural.peers import imagecodecs_zarr

    module = numcodecs if kind.version == "0.4" else imagecodecs_zarr
    return getattr(module, peer.name.capitalize())(**arguments)
