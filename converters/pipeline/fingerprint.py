"""Fingerprint: digest of all that a store's bytes depend on; a resumed run compares it."""

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs import ChunkCodec
from ..options import ConvertOptions
from ..sources import SlideInfo
from .levels import LevelPlan

__all__ = ["fingerprint_of"]

# These change how fast a store is written, and whether it may be, never what is in it.
_NOT_STORED = ("workers", "scheduler", "scratch", "overwrite", "resume")
# For these stand the levels and their codecs.
_DECIDED = (
    *("codec", "model", "quality", "levels_quality", "jpeg_quality", "target_psnr", "chunk_psnr"),
    *(
        "max_error",
        "exact_regions",
        "exact_all_levels",
        "archive",
        "chunk_px",
        "shard_px",
        "levels",
        "downsample",
    ),
)

# Rises when the same slide and options come to other pixels: 2 since the edges of odd levels are
# exact averages, 3 since elided glass reads as its grey.
_PIXELS = 3


def fingerprint_of(
    info: SlideInfo,
    options: ConvertOptions,
    levels: tuple[LevelPlan, ...],
    codecs: tuple[ChunkCodec, ...],
    tissue_picture: bytes = b"",
    exact: tuple[NDArray[np.bool_], ...] = (),
) -> str:
    """Return the SHA-256 of slide, options, weights and software, in hexadecimal.

    The slide by its name, size and description: its pixels are not read for this.

    Parameters
    ----------
    levels : tuple of LevelPlan
        Stand for the options that chose them.
    codecs : tuple of ChunkCodec
        That of each level, with the digest of its weights. Of options that name a PSNR, at a
        quality that is always the same: the PSNR stands for the quality then.
    tissue_picture : bytes
        Content of the picture that is the tissue mask, where one is given.
    exact : tuple of ndarray
        Which chunks of each level are in exact regions, where some are given.
    """
    described: dict[str, Any] = asdict(info)
    for profile in ("icc_profile", "ome_xml", "description"):
        described[profile] = _sha256(repr(described[profile]).encode())
    left_out = _NOT_STORED + _DECIDED
    kept = {key: value for key, value in asdict(options).items() if key not in left_out}
    kept["glass"] = options.treatment
    # Stores of before there was such a thing have none.
    if not options.embed_weights:
        del kept["embed_weights"]
    if options.target_psnr is not None:
        kept["target_psnr"] = float(options.target_psnr)
    if tissue_picture:
        kept["tissue"] = _sha256(tissue_picture)
    if exact:
        kept["exact"] = [_sha256(np.packbits(chunks).tobytes()) for chunks in exact]
    decided = [
        [asdict(level.grid), level.coding, level.jpeg_quality, codec.method, codec.parameters]
        for level, codec in zip(levels, codecs, strict=True)
    ]
    parts = [version("numcodecs-neural"), _PIXELS, described, kept, decided]
    return _sha256(json.dumps(parts, sort_keys=True, default=str).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
