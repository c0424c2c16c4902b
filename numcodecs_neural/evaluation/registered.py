"""Any codec that numcodecs knows, as one more curve: described by a JSON file.

The file holds ``{"name": "...", "configs": [{"id": "...", ...}, ...]}``: what tables call the
curve, and one configuration of a registered codec for each of its points. Chunks are given to it
as (c, y, x), C-contiguous. It takes part where images are 8-bit RGB, or of what ``"channels"``
and ``"dtypes"`` say, if they are given.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
from numcodecs.compat import ensure_bytes, ensure_ndarray
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError, NeuralCodecError
from numcodecs_neural.evaluation.coders import Entrant, ImageCoder
from numcodecs_neural.evaluation.kinds import Kind, Pixels

__all__ = ["registered_entrant"]

KEYS = {"name", "configs", "channels", "dtypes"}


def registered_entrant(path: Path) -> Entrant:
    """Return the codec that a JSON file describes.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not as described, or a codec refuses its configuration.
    """
    content = _content(path)
    codecs = [_codec(config, path) for config in content["configs"]]
    name = content["name"]
    channels, dtypes = content.get("channels", 3), content.get("dtypes", ["uint8"])

    def coder_for(kind: Kind) -> ImageCoder | None:
        if kind.channels != channels or kind.dtype not in dtypes:
            return None
        return _coder(name, codecs, kind)

    return Entrant(name=name, coder_for=coder_for)


def _coder(name: str, codecs: list[Any], kind: Kind) -> ImageCoder:
    def encode(pixels: Pixels, setting: float, _span: tuple[int, int]) -> bytes:
        chunk = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        stored: bytes = ensure_bytes(_tried(name, setting, codecs[int(setting) - 1].encode, chunk))
        return stored

    def decode(stored: bytes, setting: float, shape: tuple[int, ...]) -> NDArray[np.generic]:
        height, width, channels = shape
        decoded = _tried(name, setting, codecs[int(setting) - 1].decode, stored)
        content = np.ascontiguousarray(ensure_ndarray(decoded)).reshape(-1).view(np.uint8)
        count = content.size / np.dtype(kind.dtype).itemsize
        if count != height * width * channels:
            raise NeuralCodecError(
                f"{name}, configuration {setting:g}, decodes a chunk of "
                f"{(channels, height, width)} to {count:.15g} samples of {kind.dtype}"
            )
        return content.view(kind.dtype).reshape(channels, height, width).transpose(1, 2, 0)

    settings = tuple(range(1, len(codecs) + 1))
    return ImageCoder(name=name, settings=settings, encode=encode, decode=decode)


def _tried(name: str, setting: float, function: Any, argument: Any) -> Any:
    try:
        return function(argument)
    except NeuralCodecError:
        raise
    # A codec of somebody else raises what it likes.
    except Exception as exc:
        raise NeuralCodecError(f"{name}, configuration {setting:g}, failed: {exc}") from exc


def _content(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path} cannot be read as the JSON of a codec: {exc}") from exc
    is_object = isinstance(content, dict)
    if not is_object or not set(content) <= KEYS or not _is_whole(content):
        raise ConfigError(
            f'{path} must hold {{"name": "...", "configs": [{{"id": "...", ...}}, ...]}}, and may '
            'hold "channels": 1 or 3 and "dtypes": ["uint8", "uint16"]'
        )
    return dict(content)


def _is_whole(content: Mapping[str, Any]) -> bool:
    name, configs = content.get("name"), content.get("configs")
    return (
        isinstance(name, str)
        and bool(name)
        and isinstance(configs, list)
        and len(configs) > 0
        and all(isinstance(config, dict) and "id" in config for config in configs)
        and content.get("channels", 3) in (1, 3)
        and isinstance(content.get("dtypes", []), list)
    )


def _codec(config: Mapping[str, Any], path: Path) -> Any:
    try:
        return numcodecs.get_codec(dict(config))
    # Unknown ids are ValueErrors; what a codec raises at its own parameters, nobody can list.
    except Exception as exc:
        raise ConfigError(f"{path}: numcodecs makes no codec of {config}: {exc}") from exc
