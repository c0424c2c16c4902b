"""Checkpoints: written whole or not at all, never with NaN, the one before kept."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors_torch
from torch import Tensor

from numcodecs_neural.errors import ConfigError, WeightsError

PROGRAM = "numcodecs-neural checkpoint 1"
FLOAT16 = "numcodecs-neural float16 1"

State = dict[str, Any]


def previous_of(path: Path) -> Path:
    """Where the checkpoint before the last one lies."""
    return path.with_name(path.name + ".previous")


def write_checkpoint(path: Path, state: State, settings: Mapping[str, Any]) -> None:
    """Replace the checkpoint; the one that was there becomes ``.previous``.

    `settings` (JSON) decide what comes out, and must be the same when it is read.

    Raises
    ------
    FloatingPointError
        If a number in `state` is not finite; nothing is written then.
    """
    for name, tensor in _tensors(state):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FloatingPointError(
                f"{name} holds numbers that are not finite; the last good state is in {path}"
            )
    buffer = io.BytesIO()
    torch.save({"program": PROGRAM, "settings": json.dumps(settings), **state}, buffer)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        path.replace(previous_of(path))
    partial.replace(path)


def read_checkpoint(path: Path, settings: Mapping[str, Any] | None = None) -> State | None:
    """Return what was written, or None if nothing was.

    Where a run was stopped between the two moves of a write, that is the one before.

    Raises
    ------
    WeightsError
        If the file is damaged, or no checkpoint of this program.
    ConfigError
        If it was written with other settings than `settings`.
    """
    if not path.exists():
        path = previous_of(path)
        if not path.exists():
            return None
    state = _load(path)
    if settings is not None:
        _compare(path, json.loads(state["settings"]), json.loads(json.dumps(settings)))
    return state


def read_initial_weights(path: Path) -> dict[str, Tensor]:
    """Return a codec's weights from a checkpoint, or from a file of `write_float16`.

    Raises
    ------
    WeightsError
        If the file is damaged or something else.
    FileNotFoundError
        If there is none.
    """
    if path.suffix != ".safetensors":
        weights: dict[str, Tensor] = _load(path)["average"]
        return weights
    content = path.read_bytes()
    try:
        tensors: dict[str, Tensor] = safetensors_torch.load(content)
        length = int.from_bytes(content[:8], "little")
        program = json.loads(content[8 : 8 + length])["__metadata__"]["program"]
    except (SafetensorError, KeyError, ValueError) as exc:
        raise WeightsError(f"{path} is damaged, or no float weights of numcodecs-neural") from exc
    if program != FLOAT16:
        raise WeightsError(f"{path} holds {program}, not float weights of a codec")
    return {name: tensor.float() for name, tensor in tensors.items()}


def load_weights(module: torch.nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Give `weights`, read from `path`, to a model.

    Raises
    ------
    WeightsError
        If they are those of another shape.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as exc:
        mine, theirs = (sum(t.numel() for t in w.values()) for w in (module.state_dict(), weights))
        raise WeightsError(
            f"{path} holds a model of another shape, with {theirs} numbers; this one has {mine}: "
            "choose the --kind that it was trained as"
        ) from exc


def write_float16(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a codec's weights in half of the bytes, to start other runs from."""
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in sorted(weights.items())}
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(safetensors_torch.save(tensors, {"program": FLOAT16}))
    partial.replace(path)


def _load(path: Path) -> State:
    damaged = (
        f"{path} is damaged: delete it, to go on from {previous_of(path).name} if that is there "
        "and to begin again otherwise"
    )
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise WeightsError(damaged)
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (zipfile.BadZipFile, EOFError, RuntimeError, pickle.UnpicklingError) as exc:
        raise WeightsError(damaged) from exc
    if not isinstance(state, dict) or state.get("program") != PROGRAM:
        raise WeightsError(f"{path} is no checkpoint of numcodecs-neural")
    return state


def _compare(path: Path, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    differing = [key for key in mine if theirs.get(key) != mine[key]]
    if "shape" in differing:
        raise ConfigError(
            f"{path} holds a model of another shape: continue with the --kind it was begun with, "
            "or take another --work"
        )
    if differing:
        values = ", ".join(f"{key} {theirs.get(key)} instead of {mine[key]}" for key in differing)
        raise ConfigError(
            f"{path} was begun with {values}: continue with the same, or take another --work"
        )


def _tensors(value: Any, name: str = "the state") -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _tensors(inner, f"{name}.{key}" if name != "the state" else str(key))
