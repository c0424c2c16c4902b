"""Weights files: safetensors with integer arrays, and a description in the metadata."""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.weights.catalogue import WeightsInfo

__all__ = [
    "WeightsFile",
    "load_decoder",
    "load_encoder",
    "parse_weights",
    "read_weights",
    "write_weights",
]

_HINT = (
    "; reinstall numcodecs-neural; or, where a store brings them along, call "
    "`numcodecs-neural models install STORE`"
)
_HEAD = struct.Struct("<Q")  # safetensors: length of the JSON that follows


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsFile:
    """Content of a weights file.

    Parameters
    ----------
    sha256 : str
        Digest of the file.
    description : mapping
        Layers and scalars, as JSON.
    arrays : mapping of str to ndarray
        Integers.
    """

    sha256: str
    description: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def load_decoder(info: WeightsInfo) -> WeightsFile:
    """Read the decoder file of `info`; raise WeightsError if its digest differs."""
    return read_weights(info.decoder_path, sha256=info.sha256)


def load_encoder(info: WeightsInfo) -> WeightsFile:
    """Read the encoder file of `info`; raise WeightsError if its digest differs."""
    return read_weights(info.encoder_path, sha256=info.encoder_sha256)


def read_weights(path: Path | Traversable, *, sha256: str | None = None) -> WeightsFile:
    """Read a weights file.

    Parameters
    ----------
    path : path
    sha256 : str, optional
        What the digest must be.

    Raises
    ------
    WeightsError
        If the file is absent, is no weights file, or has another digest.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        hint = "" if sha256 is None else _HINT
        raise WeightsError(f"cannot read the weights file {path}: {exc}{hint}") from exc
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        raise WeightsError(
            f"the weights file {path} has SHA-256 {digest} and should have {sha256}: "
            "reinstall numcodecs-neural"
        )
    return parse_weights(content, str(path))


def parse_weights(content: bytes, name: str) -> WeightsFile:
    """Return what the bytes of a weights file hold.

    Parameters
    ----------
    content : bytes
    name : str
        What to call it in errors.

    Raises
    ------
    WeightsError
        If it is no weights file.
    """
    try:
        arrays = load(content)
        (length,) = _HEAD.unpack_from(content)
        metadata = json.loads(content[_HEAD.size : _HEAD.size + length])["__metadata__"]
        description = json.loads(metadata["description"])
    except (SafetensorError, struct.error, ValueError, KeyError, TypeError) as exc:
        raise WeightsError(f"{name} is no weights file of numcodecs-neural: {exc}") from exc
    if any(array.dtype.kind not in "iu" for array in arrays.values()):
        raise WeightsError(f"{name} holds arrays that are not integers")
    digest = hashlib.sha256(content).hexdigest()
    return WeightsFile(sha256=digest, description=description, arrays=arrays)


def write_weights(
    path: Path, description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> str:
    """Write a weights file and return its SHA-256; equal content gives equal bytes."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"))
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    content = save(ordered, metadata={"description": text})
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
