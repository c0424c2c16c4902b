"""The weights that ship with the package, and those that were installed beside it."""

import functools
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.weights.installed import installed_digests, installed_path

__all__ = [
    "ANY_CHANNELS",
    "WEIGHTS_ID_NBYTES",
    "CoefficientWeights",
    "WeightsInfo",
    "by_id",
    "card",
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
        return _file(f"{self.name}.decoder.safetensors", self.sha256)

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
        return _file(f"{self.name}.safetensors", self.sha256)


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
        If this release does not have them, and they are not installed.
    """
    for info in _read()[0].values():
        if info.id == weights_id:
            return info
    return _installed(weights_id)


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
        If this release does not have them, and they are not installed.
    """
    for weights in _exact_weights():
        if weights.id == weights_id:
            return weights
    return _installed(weights_id)


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
        If this release does not have them, and they are not installed.
    """
    for weights in _coefficient_weights():
        if weights.id == weights_id:
            return weights
    found = _installed(weights_id)
    return CoefficientWeights(name=found.name, sha256=found.sha256)


def card(name: str) -> str:
    """Return the card of weights of this release: what they were trained on, and how they do.

    Parameters
    ----------
    name : str
        An exact name, or a family's.

    Raises
    ------
    WeightsError
        If there are none of that name.

    Examples
    --------
    >>> card("he-fast").splitlines()[0]
    '# he-fast-2'
    """
    coefficients = {weights.name for weights in _coefficient_weights()}
    found = name if name in coefficients else resolve(name).name
    return (_folder() / "cards" / f"{found}.md").read_text(encoding="utf-8")


@functools.lru_cache
def _installed(weights_id: bytes) -> WeightsInfo:
    """Return weights that were installed; what they are, their file says when it is loaded.

    What is not there is looked for again the next time: only results are remembered.
    """
    for sha256 in installed_digests():
        if bytes.fromhex(sha256)[:WEIGHTS_ID_NBYTES] == weights_id:
            return WeightsInfo(
                name=sha256[: 2 * WEIGHTS_ID_NBYTES],
                sha256=sha256,
                encoder_sha256="",
                channels=ANY_CHANNELS,
                dtypes=(),
                stride=1,
            )
    raise WeightsError(
        f"the chunk was written with weights {weights_id.hex()}, which this release does not have: "
        "install the release of numcodecs-neural that wrote it, or a later one; or, where the "
        "store brings them along, call `numcodecs-neural models install STORE`"
    )


def _file(name: str, sha256: str) -> Traversable:
    """Return where a file of weights lies: in the package, or beside it if only there."""
    shipped = _folder() / "files" / name
    if not shipped.is_file() and sha256 in installed_digests():
        return installed_path(sha256)
    return shipped


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
