"""Parameters of the CompressAI codecs for both Zarr formats, parsed once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.weights import WeightsInfo

__all__ = ["KEYS", "check_keys", "info_of", "parse_weights"]

KEYS = ("arch", "weights", "channel_axis")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_keys(config: Mapping[str, Any]) -> None:
    """Refuse keys of later releases by name.

    Raises
    ------
    ConfigError
        If `config` has a key that is not in `KEYS`.
    """
    unknown = sorted(set(config) - set(KEYS))
    if unknown:
        raise ConfigError(
            f"compressai_image has no parameter {', '.join(map(repr, unknown))}; this release "
            f"knows {', '.join(KEYS)}. A later release of numcodecs-neural may have written this "
            "array"
        )


def parse_weights(arch: str, checkpoint: object, weights: object) -> str:
    """Return the SHA-256 of the model: as given, or of the checkpoint, which is imported.

    Raises
    ------
    ConfigError
        If there is neither or both, or `weights` are no SHA-256.
    """
    if (checkpoint is None) == (weights is None):
        raise ConfigError(
            "compressai_image needs either checkpoint (a file to import) or weights (the SHA-256 "
            "of a model that was imported before)"
        )
    if checkpoint is not None:
        from numcodecs_neural.compressai.checkpoints import import_checkpoint

        return import_checkpoint(checkpoint, arch)  # type: ignore[arg-type]
    if not (isinstance(weights, str) and _SHA256.fullmatch(weights)):
        raise ConfigError(f"weights is {weights!r}; it must be a SHA-256 of 64 hexadecimal digits")
    return weights


def info_of(arch: str, weights: str) -> WeightsInfo:
    """Return what every model can code: three channels of bytes."""
    return WeightsInfo(
        name=arch, sha256=weights, encoder_sha256=weights, channels=3, dtypes=("uint8",), stride=64
    )
