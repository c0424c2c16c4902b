"""The weights that ship with the package: ``catalogue.json`` and what it says."""

import functools
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import WeightsError

__all__ = [
    "ANY_CHANNELS",
    "WEIGHTS_ID_NBYTES",
    "CoefficientWeights",
    "WeightsInfo",
    "by_id",
    "catalogue",
    "coefficient_weights",
    "coefficient_weights_by_id",
    "exact_weights",
    "exact_weights_by_id",
    "file_digest",
    "resolve",
]

WEIGHTS_ID_NBYTES = 8

ANY_CHANNELS = 0
"""Channels of weights that code any number of them."""

_EXACT_FAMILY = "exact"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsInfo:
    """What can be said of weights without loading them.

    Parameters
    ----------
    name : str
        Exact name, e.g. ``"he-fast-2"``.
    sha256 : str
        Digest of the decoder file, in hexadecimal: the identity of these weights.
    encoder_sha256 : str
        Digest of the encoder file that this release encodes with; no reader needs it.
    channels : int
        Length of the channel axis; `ANY_CHANNELS` for weights that code without loss.
    dtypes : tuple of str
        Names of the dtypes that can be coded.
    stride : int
        Pixels per latent step.
    """

    name: str
    sha256: str
    encoder_sha256: str
    channels: int
    dtypes: tuple[str, ...]
    stride: int

    @property
    def id(self) -> bytes:
        """The first 8 bytes of the digest, as every chunk carries them."""
        return bytes.fromhex(self.sha256)[:WEIGHTS_ID_NBYTES]

    @property
    def decoder_path(self) -> Traversable:
        """Where the decoder file lies."""
        return _folder() / "files" / f"{self.name}.decoder.safetensors"

    @property
    def encoder_path(self) -> Traversable:
        """Where the encoder file lies."""
        return _folder() / "files" / f"{self.name}.encoder.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoefficientWeights:
    """Weights of the coder of JPEG coefficients; both directions need the same file.

    Parameters
    ----------
    name : str
        Exact name, e.g. ``"jpeg-1"``.
    sha256 : str
        Digest of the file, in hexadecimal.
    """

    name: str
    sha256: str

    @property
    def id(self) -> bytes:
        """The first 8 bytes of the digest, as chunks carry them."""
        return bytes.fromhex(self.sha256)[:WEIGHTS_ID_NBYTES]

    @property
    def path(self) -> Traversable:
        """Where the file lies."""
        return _folder() / "files" / f"{self.name}.safetensors"


def catalogue() -> list[str]:
    """Return the exact names of the lossy weights of this release, oldest first.

    Examples
    --------
    >>> "he-fast-2" in catalogue()
    True
    """
    return list(_read()[0])


def resolve(model: str) -> WeightsInfo:
    """Return the weights that `model` names: an exact name, or a family's newest member.

    Raises
    ------
    WeightsError
        If there are none of that name.

    Examples
    --------
    >>> resolve("he-fast").name
    'he-fast-2'
    """
    infos, families = _read()
    info = infos.get(families.get(model, model))
    exact = {weights.name: weights for weights in _exact_weights()}
    if info is None:
        info = exact_weights() if model == _EXACT_FAMILY else exact.get(model)
    if info is None:
        known = ", ".join([*families, *infos, _EXACT_FAMILY, *exact])
        raise WeightsError(f"there are no weights called {model!r}; this release has {known}")
    return info


def by_id(weights_id: bytes) -> WeightsInfo:
    """Return the weights whose id a chunk carries.

    Raises
    ------
    WeightsError
        If this release does not have them.
    """
    for info in _read()[0].values():
        if info.id == weights_id:
            return info
    raise _unknown(weights_id)


def exact_weights() -> WeightsInfo:
    """Return the newest weights that code without loss.

    Examples
    --------
    >>> exact_weights().name
    'exact-1'
    """
    return _exact_weights()[-1]


def exact_weights_by_id(weights_id: bytes) -> WeightsInfo:
    """Return the weights for exact chunks whose id a chunk carries.

    Raises
    ------
    WeightsError
        If this release does not have them.
    """
    for weights in _exact_weights():
        if weights.id == weights_id:
            return weights
    raise _unknown(weights_id)


def coefficient_weights() -> CoefficientWeights:
    """Return the newest weights for JPEG coefficients.

    Examples
    --------
    >>> coefficient_weights().name
    'jpeg-1'
    """
    return _coefficient_weights()[-1]


def coefficient_weights_by_id(weights_id: bytes) -> CoefficientWeights:
    """Return the weights for JPEG coefficients whose id a chunk carries.

    Raises
    ------
    WeightsError
        If this release does not have them.
    """
    for weights in _coefficient_weights():
        if weights.id == weights_id:
            return weights
    raise _unknown(weights_id)


def _unknown(weights_id: bytes) -> WeightsError:
    return WeightsError(
        f"the chunk was written with weights {weights_id.hex()}, which this release does not have: "
        "install the release of numcodecs-neural that wrote it, or a later one"
    )


def file_digest(path: Path | Traversable) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _folder() -> Traversable:
    return resources.files("numcodecs_neural.weights")


def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_folder() / "catalogue.json").read_text(encoding="utf-8"))
    return content


@functools.cache
def _coefficient_weights() -> tuple[CoefficientWeights, ...]:
    """Return all, oldest first."""
    found = _content()["coefficients"]
    return tuple(CoefficientWeights(name=name, sha256=sha256) for name, sha256 in found.items())


@functools.cache
def _exact_weights() -> tuple[WeightsInfo, ...]:
    """Return all, oldest first; one file serves both directions."""
    return tuple(
        WeightsInfo(
            name=name,
            sha256=sha256,
            encoder_sha256=sha256,
            channels=ANY_CHANNELS,
            dtypes=("uint8", "uint16", "int16"),
            stride=1,
        )
        for name, sha256 in _content()["exact"].items()
    )


@functools.cache
def _read() -> tuple[dict[str, WeightsInfo], dict[str, str]]:
    content = _content()
    infos = {
        name: WeightsInfo(name=name, **{**entry, "dtypes": tuple(entry["dtypes"])})
        for name, entry in content["weights"].items()
    }
    return infos, content["families"]
