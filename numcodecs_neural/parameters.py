"""The parameters that both codecs share: parsed once, at the door, and checked against the weights.

The weights themselves are looked up (name, digest, what they can code) and not loaded.
"""

import copy
import json
import math
import operator
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_neural.errors import ConfigError, DtypeError, WeightsError

if TYPE_CHECKING:
    from numcodecs_neural.weights import WeightsInfo

__all__ = [
    "DEFAULT_QUALITY",
    "TUNINGS",
    "check_chunk",
    "check_keys",
    "check_max_error",
    "check_one_aim",
    "check_samples",
    "check_size",
    "chunk_behind_filters",
    "config_of",
    "has_bound",
    "installed_weights",
    "is_exact",
    "max_error_of",
    "parse_channel_axis",
    "parse_encoder",
    "parse_quality",
    "parse_sha256",
    "pin_weights",
    "require_weights",
    "resolve_channel_axis",
    "target_psnr_of",
    "tune_of",
    "value_range_of",
]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_AXES = {
    -4: "(..., c, z, y, x)",
    -3: "(..., c, y, x)",
    -1: "(..., y, x, c)",
    None: "(..., y, x)",
}
TUNINGS = ("psnr", "ssim", "ms-ssim")
"""Measures of quality that steps can be shaped for; the first is the usual one."""

DEFAULT_QUALITY = 60
_PSNR_DB = 20, 100
"""The lowest and the highest that can be asked for."""

_LEAST_AXES = {-4: 4, -3: 3, -1: 3}


def check_keys(config: Mapping[str, Any], codec_id: str, keys: tuple[str, ...]) -> None:
    """Refuse keys of later releases by name: what stands at the top level is needed to decode.

    Raises
    ------
    ConfigError
        If `config` has a key that is not in `keys`.
    """
    unknown = sorted(set(config) - set(keys))
    if unknown:
        raise ConfigError(
            f"{codec_id} has no parameter {', '.join(map(repr, unknown))}; this release knows "
            f"{', '.join(keys)}. A later release of numcodecs-neural may have written this array"
        )


def config_of(codec: object, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of `keys`, in copies: who changes them changes no codec."""
    return {key: copy.deepcopy(getattr(codec, key)) for key in keys}


def pin_weights(model: object, weights: object) -> tuple[str, str]:
    """Return the exact name and the SHA-256 of the weights.

    An array whose weights are not installed can still be opened and described: then what its
    metadata say is kept as it is, and only coding fails.

    Raises
    ------
    ConfigError
        If `model` is no string, or `weights` no SHA-256.
    WeightsError
        If `weights` are None and `model` is unknown.
    """
    from numcodecs_neural.weights import resolve

    if not isinstance(model, str):
        raise ConfigError(f"model is {model!r}; it must be a name such as 'he-fast'")
    if weights is None:
        info = resolve(model)
        return info.name, info.sha256
    digest = parse_sha256(weights)
    found = installed_weights(model, digest)
    return (found.name if found else model), digest


def parse_sha256(weights: object) -> str:
    """Return `weights` if it is a SHA-256 in hexadecimal, or raise ConfigError."""
    if not (isinstance(weights, str) and _SHA256.fullmatch(weights)):
        raise ConfigError(f"weights is {weights!r}; it must be a SHA-256 of 64 hexadecimal digits")
    return weights


def installed_weights(model: str, sha256: str) -> "WeightsInfo | None":
    """Return what is installed as `model`, or None if that is nothing or has another digest."""
    from numcodecs_neural.weights import resolve

    try:
        info = resolve(model)
    except WeightsError:
        return None
    return info if info.sha256 == sha256 else None


def require_weights(model: str, sha256: str) -> "WeightsInfo":
    """Return what is installed as `model`.

    Raises
    ------
    WeightsError
        If that is nothing, or has another digest.
    """
    info = installed_weights(model, sha256)
    if info is None:
        raise WeightsError(
            f"the weights {model!r} with SHA-256 {sha256} are not installed: install the release "
            "of numcodecs-neural that wrote this array, or a later one"
        )
    return info


def check_chunk(
    shape: tuple[int, ...],
    dtype: "np.dtype[Any]",
    channel_axis: int | None,
    info: "WeightsInfo",
) -> None:
    """Refuse chunks that the weights cannot code.

    Raises
    ------
    ConfigError
        If `dtype`, or the axes of `shape`, are not those of the weights.
    """
    name = dtype.newbyteorder("=").name
    if name not in info.dtypes:
        instead = "convert the array, or choose another codec"
        if is_exact(info) and dtype.kind == "f":
            instead = (
                "scale it to whole numbers, or keep floats with numcodecs' PCodec or zarr's "
                "BloscCodec"
            )
        raise DtypeError(
            f"the array is {name}, and the weights {info.name!r} code {' or '.join(info.dtypes)}: "
            + instead
        )
    axes = _AXES[channel_axis]
    if channel_axis is None:
        if len(shape) < 2:
            raise ConfigError(
                f"shape {shape} has {len(shape)} axes, and the weights {info.name!r} code images "
                f"{axes}: give the array both"
            )
        return
    if len(shape) < _LEAST_AXES[channel_axis]:
        raise ConfigError(
            f"shape {shape} has {len(shape)} axes, and channel_axis={channel_axis} needs {axes}: "
            f"give the array all of them, with {_count_of(info)} channels"
        )
    if not is_exact(info) and shape[channel_axis] != info.channels:
        fits = (a for a, n in _LEAST_AXES.items() if len(shape) >= n and shape[a] == info.channels)
        hint = "".join(f", or pass channel_axis={axis}" for axis in fits)
        raise ConfigError(
            f"shape {shape} has length {shape[channel_axis]} at channel_axis={channel_axis}, and "
            f"the weights {info.name!r} code {info.channels} channels: choose chunks {axes} that "
            f"hold {info.channels} channels each{hint}"
        )


def is_exact(info: "WeightsInfo") -> bool:
    """Return whether weights code without loss or within a bound, any number of channels."""
    return info.channels == 0


def _count_of(info: "WeightsInfo") -> str:
    return "their" if is_exact(info) else str(info.channels)


def chunk_behind_filters(
    shape: tuple[int, ...],
    channel_axis: int | None,
    info: "WeightsInfo",
    *,
    is_chunk: bool,
) -> tuple[int, ...]:
    """Return a chunk that the codec may be given for `shape`, or `shape` where none has channels.

    Zarr shows its codecs a shape before the filters, of which one may transpose: the channels may
    lie on any axis there. A whole array may hold those of several chunks.

    Parameters
    ----------
    is_chunk : bool
        Whether `shape` is that of one chunk, and not possibly of an array.
    """
    if channel_axis is None or is_exact(info) or len(shape) < _LEAST_AXES[channel_axis]:
        return shape
    for axis, length in enumerate(shape):
        if length == info.channels or not (is_chunk or length % info.channels):
            chunk = list(shape[:axis] + shape[axis + 1 :])
            chunk.insert(len(shape) + channel_axis, info.channels)
            return tuple(chunk)
    return shape


def check_samples(shape: tuple[int, ...], itemsize: int) -> None:
    """Refuse what no chunk can hold, whatever its samples are.

    Raises
    ------
    ConfigError
        If `shape` has more axes than a header holds, or an empty one, or too many bytes.
    """
    from numcodecs_neural.format.header import MAX_CHUNK_NBYTES, MAX_NDIM

    if 0 in shape:
        raise ConfigError(f"shape {shape} holds no samples: choose chunks without an empty axis")
    nbytes = math.prod(shape) * itemsize
    if len(shape) > MAX_NDIM or nbytes > MAX_CHUNK_NBYTES:
        raise ConfigError(
            f"a chunk of shape {shape} has {len(shape)} axes and {nbytes} bytes, and at most "
            f"{MAX_NDIM} axes and {MAX_CHUNK_NBYTES} bytes can be coded: choose smaller chunks"
        )


def check_size(shape: tuple[int, ...], info: "WeightsInfo") -> None:
    """Refuse chunks that are larger than one chunk may be, or hold nothing.

    Raises
    ------
    ConfigError
        If `shape` has more axes than a header holds, or an empty one, or too many pixels.
    """
    from numcodecs_neural.coding.dec_lossy import MAX_LOSSY_PIXELS
    from numcodecs_neural.format.header import MAX_NDIM

    if 0 in shape:
        raise ConfigError(f"chunks of shape {shape} hold no pixels: give each axis a length")
    pixels = math.prod(shape) // max(info.channels, 1)
    if len(shape) > MAX_NDIM or pixels > MAX_LOSSY_PIXELS:
        raise ConfigError(
            f"chunks of shape {shape} have {len(shape)} axes and {pixels} pixels, and at most "
            f"{MAX_NDIM} axes and {MAX_LOSSY_PIXELS} pixels can be coded: choose smaller chunks"
        )


def parse_quality(value: object) -> int:
    """Return `value`, a whole number from 0 to 100, as an int, or raise ConfigError.

    Examples
    --------
    >>> parse_quality(60.0)
    60
    """
    if isinstance(value, float | np.floating) and value.is_integer():
        value = int(value)
    return _parse_int(value, "quality", range(101), "a whole number from 0 to 100")


def check_one_aim(
    quality: object,
    target_psnr: object,
    max_error: object,
    *,
    value_range: object = None,
    tune: object = None,
) -> None:
    """Refuse two answers to one question.

    Raises
    ------
    ConfigError
        If two of a quality, a PSNR and a bound are asked for, or with a bound what only matters
        where there is none.
    """
    if quality is not None and target_psnr is not None:
        raise ConfigError(
            f"quality is {quality!r} and target_psnr is {target_psnr!r}: leave one of them out, "
            "since the quality of each chunk follows from its PSNR"
        )
    others = {
        "quality": quality,
        "target_psnr": target_psnr,
        "value_range": value_range,
        "tune": tune,
    }
    for name, other in others.items():
        if max_error is not None and other is not None:
            raise ConfigError(
                f"{name} is {other!r} and max_error is {max_error!r}: leave one of them out, since "
                "a bound says how each sample is coded"
            )


def parse_channel_axis(value: object) -> int:
    """Return `value` as -4, -3 or -1, or raise ConfigError."""
    says = " or ".join(f"{axis} for {_AXES[axis]}" for axis in _LEAST_AXES)
    return _parse_int(value, "channel_axis", _LEAST_AXES, says)


def resolve_channel_axis(value: object, info: "WeightsInfo | None") -> int | None:
    """Return where the channels lie, or None for weights that need none.

    Parameters
    ----------
    value : object
        None stands for what the weights need: -3, or no axis.
    info : WeightsInfo, optional
        None where the weights are not installed: then None is kept.

    Raises
    ------
    ConfigError
        If it is no such axis, or the weights have one channel and need none.
    """
    if value is None:
        return None if info is None or info.channels <= 1 else -3
    axis = parse_channel_axis(value)
    if info is not None and info.channels == 1:
        raise ConfigError(
            f"channel_axis is {axis}, and the weights {info.name!r} code arrays (..., y, x) of one "
            "channel: leave channel_axis out"
        )
    return axis


def parse_encoder(
    value: object,
    value_range: object = None,
    tune: object = None,
    target_psnr: object = None,
    max_error: object = None,
) -> dict[str, Any]:
    """Return a copy of `value` that is certain to be JSON, with what else is given.

    Raises
    ------
    ConfigError
        If `value` is no dictionary of JSON values, `value_range` not two integers that rise,
        `tune` no name of a tuning, `target_psnr` no number of decibels, or `max_error` no whole
        number of samples.
    """
    if not (value is None or isinstance(value, Mapping)):
        raise ConfigError(f"encoder is {value!r}; it must be a dictionary of JSON values")
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(value or {}), allow_nan=False))
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"encoder must be a dictionary of JSON values: {exc}") from exc
    if value_range is not None:
        copied["value_range"] = list(_parse_range(value_range))
    if tune is not None:
        copied["tune"] = _parse_tune(tune)
    if target_psnr is not None:
        copied["target_psnr"] = _parse_psnr(target_psnr)
    if max_error is not None:
        copied["max_error"] = _parse_max_error(max_error)
    return copied


def has_bound(encoder: object) -> bool:
    """Return whether notes of an encoder that were not checked yet name a bound."""
    return isinstance(encoder, Mapping) and encoder.get("max_error") is not None


def max_error_of(encoder: Mapping[str, Any]) -> int | None:
    """Return the bound that `encoder` notes, or None; only who encodes needs to understand it.

    Raises
    ------
    ConfigError
        If it is no whole number of samples.
    """
    noted = encoder.get("max_error")
    return None if noted is None else _parse_max_error(noted)


def target_psnr_of(encoder: Mapping[str, Any]) -> float | None:
    """Return the PSNR in decibels that `encoder` notes, or None.

    Raises
    ------
    ConfigError
        If it is no number that can be asked for.
    """
    noted = encoder.get("target_psnr")
    return None if noted is None else _parse_psnr(noted)


def _parse_psnr(value: object) -> float:
    low, high = _PSNR_DB
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if not is_number or isinstance(value, bool) or not low <= value <= high:  # type: ignore[operator]
        raise ConfigError(
            f"target_psnr is {value!r}; it must be a number of decibels from {low} to {high}"
        )
    return float(value)  # type: ignore[arg-type]


def check_max_error(dtype: "np.dtype[Any]", encoder: Mapping[str, Any]) -> None:
    """Refuse a bound that all samples of a dtype are within.

    Raises
    ------
    ConfigError
        If there is such a bound.
    """
    noted = max_error_of(encoder)
    most = (1 << (8 * dtype.itemsize)) - 2
    if noted is not None and noted > most:
        raise ConfigError(
            f"max_error is {noted}, and samples of {dtype.name} never differ by more than "
            f"{most + 1}: give it 0 for no loss at all, or what may be lost, up to {most}"
        )


def _parse_max_error(value: object) -> int:
    return _parse_int(value, "max_error", range(1 << 16), "a whole number from 0 to 65535")


def tune_of(encoder: Mapping[str, Any]) -> str:
    """Return the tuning that `encoder` notes, or the usual one.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    return _parse_tune(encoder.get("tune", TUNINGS[0]))


def _parse_tune(value: object) -> str:
    if value not in TUNINGS:
        raise ConfigError(f"tune is {value!r}; it must be {' or '.join(map(repr, TUNINGS))}")
    return str(value)


def value_range_of(encoder: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the range of samples that `encoder` notes; only who encodes needs to understand it.

    Raises
    ------
    ConfigError
        If it is not two integers that rise.
    """
    noted = encoder.get("value_range")
    return None if noted is None else _parse_range(noted)


def _parse_range(value: object) -> tuple[int, int]:
    try:
        low, high = (operator.index(end) for end in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low, high = 0, -1
    if not 0 <= high - low < 1 << 16:
        raise ConfigError(
            f"value_range is {value!r}; it must be the lowest and the highest sample to expect, "
            "such as (0, 4095)"
        )
    return low, high


def _parse_int(value: object, name: str, allowed: Collection[int], says: str) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or number not in allowed or isinstance(value, bool):
        raise ConfigError(f"{name} is {value!r}; it must be {says}")
    return number
