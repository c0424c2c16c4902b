"""The models folder: imported models as safetensors files, each named by its SHA-256.

The folder is ``NUMCODECS_NEURAL_MODELS`` (environment variable), or ``.numcodecs-neural/models``
in the home directory. Its files can be copied to other machines as they are.
"""

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.weights.files import write_weights

__all__ = ["VARIABLE", "load_model", "models_folder", "read_model_file", "save_model"]

VARIABLE = "NUMCODECS_NEURAL_MODELS"
KIND = "compressai"
_HEAD = struct.Struct("<Q")  # safetensors: length of the JSON that follows

Arrays = Mapping[str, NDArray[Any]]


def models_folder() -> Path:
    """Return the folder in which models are kept and looked for; it may not exist yet.

    Examples
    --------
    >>> models_folder().name
    'models'
    """
    return Path(os.environ.get(VARIABLE) or Path.home() / ".numcodecs-neural" / "models")


def save_model(arch: str, arrays: Arrays) -> str:
    """Write a model into the models folder and return its SHA-256.

    Raises
    ------
    WeightsError
        If the folder cannot be written.
    """
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Under its final name only when it is whole: other processes look there.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as partial:
            path = Path(partial) / "model"
            digest = write_weights(path, {"kind": KIND, "version": 1, "arch": arch}, arrays)
            path.replace(_path(digest))
    except OSError as exc:
        raise WeightsError(
            f"cannot keep the model in {folder}: {exc}. Set {VARIABLE} to a folder that can be "
            "written"
        ) from exc
    return digest


def load_model(digest: str, arch: str) -> Arrays:
    """Read the model with this SHA-256 from the models folder.

    Raises
    ------
    WeightsError
        If it is not there, is damaged, or is of another architecture.
    """
    path = _path(digest)
    try:
        content = path.read_bytes()
    except FileNotFoundError as exc:
        raise WeightsError(
            f"the {arch} model with SHA-256 {digest} is not in {path.parent}: copy the file "
            f"{path.name} there from where the array was written, or set {VARIABLE} to the folder "
            "that has it"
        ) from exc
    except OSError as exc:
        raise WeightsError(f"cannot read the {arch} model {path}: {exc}") from exc
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise WeightsError(
            f"the model {path} is damaged: its SHA-256 is {found}. Replace it with a good copy"
        )
    there, arrays = parse_model(content, str(path))
    if there != arch:
        raise WeightsError(f"the model {path} is a {there}, and {arch} was asked for")
    return arrays


def read_model_file(path: Path) -> tuple[str | None, Arrays]:
    """Return the architecture, if the file says so, and the arrays of any safetensors file.

    Raises
    ------
    WeightsError
        If it cannot be read, or is no safetensors file.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise WeightsError(f"cannot read the model {path}: {exc}") from exc
    description = _description(content, str(path))
    return (description or {}).get("arch"), _arrays(content, str(path))


def parse_model(content: bytes, source: str) -> tuple[str, Arrays]:
    """Return the architecture and the arrays of a file that `save_model` wrote."""
    description = _description(content, source)
    if description is None or description.get("version") != 1:
        raise WeightsError(
            f"{source} is a foreign safetensors file, or one of a later release; models get into "
            "the folder by numcodecs_neural.compressai.import_checkpoint"
        )
    return str(description["arch"]), _arrays(content, source)


def _path(digest: str) -> Path:
    return models_folder() / f"{digest}.safetensors"


def _description(content: bytes, source: str) -> dict[str, Any] | None:
    """What `save_model` noted in the file, or None where someone else wrote it."""
    try:
        (length,) = _HEAD.unpack_from(content)
        header = json.loads(content[_HEAD.size : _HEAD.size + length])
    except (struct.error, ValueError) as exc:
        raise WeightsError(f"{source} is no safetensors file: {exc}") from exc
    try:
        description = json.loads(header["__metadata__"]["description"])
        is_ours = description["kind"] == KIND
    except (ValueError, KeyError, TypeError):
        return None
    return description if is_ours else None


def _arrays(content: bytes, source: str) -> Arrays:
    try:
        arrays: Arrays = load(content)
    except (SafetensorError, ValueError, KeyError) as exc:
        raise WeightsError(f"{source} is no safetensors file: {exc}") from exc
    return arrays
