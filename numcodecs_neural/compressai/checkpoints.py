"""Checkpoints of CompressAI's training into the models folder, once and for all readers."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numcodecs_neural.compressai.architectures import parse_architecture
from numcodecs_neural.compressai.library import load_library
from numcodecs_neural.compressai.store import read_model_file, save_model
from numcodecs_neural.errors import WeightsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["import_checkpoint"]


def import_checkpoint(path: str | os.PathLike[str], arch: str) -> str:
    """Keep a trained model in the models folder and return its SHA-256.

    The tables of the entropy coder are made here, once: making them takes floating-point
    arithmetic, so a reader must have the very file that the writer had. Importing on another
    machine may give another digest; copy the file instead.

    Parameters
    ----------
    path : path
        What CompressAI's training saved (``{"state_dict": ...}``), a plain state dict as in its
        zoo, or a safetensors file: a state dict, or a model from another models folder.
    arch : str
        The architecture: ``"bmshj2018-factorized"``, ``"bmshj2018-hyperprior"``,
        ``"mbt2018-mean"``, ``"mbt2018"``, ``"cheng2020-anchor"`` or ``"cheng2020-attn"``. The
        numbers of channels are found in the file.

    Returns
    -------
    str
        SHA-256 of the model file, in hexadecimal.

    Raises
    ------
    ConfigError
        If `arch` is unknown.
    WeightsError
        If the file cannot be read, holds anything but tensors, or is of another architecture.
    MissingDependencyError
        If CompressAI cannot be imported.
    """
    name = parse_architecture(arch).name
    path = Path(path)
    load_library()  # before torch, which it may miss too
    from numcodecs_neural.compressai.networks import arrays_of, build_model, update_tables

    said, state = _read(path)
    if said is not None and said != name:
        raise WeightsError(f"{path} is a {said} model, and {name} was asked for")
    net = build_model(name, state, source=str(path))
    if said is None:
        update_tables(net, source=str(path))
    return save_model(name, arrays_of(net))


def _read(path: Path) -> tuple[str | None, Mapping[str, NDArray[Any]]]:
    """Architecture, where the file tells, and state dict as arrays."""
    if path.suffix == ".safetensors":
        return read_model_file(path)
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        raise WeightsError(
            f"{path} is no checkpoint, or holds more than tensors, which may run code when it is "
            "read and is refused: save the state dict of the model alone"
        ) from exc
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError) as exc:
        raise WeightsError(f"cannot read the checkpoint {path}: {exc}") from exc
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise WeightsError(
            f"{path} holds no state dict: expected tensors by name, or a dictionary that has them "
            "under 'state_dict'"
        )
    modern = load_library().modern_keys(state)
    return None, {key: _to_array(value) for key, value in modern.items()}


def _to_array(tensor: Any) -> NDArray[Any]:
    """Floating point as float32, since half-precision checkpoints exist; integers as they are."""
    array: NDArray[Any] = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    return array
