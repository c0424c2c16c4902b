"""Lossy history of an OME-Zarr image: its own record, and the codecs of its arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Compression", "codecs_of", "lossy_history"]

_BLOCK = "numcodecs_neural"
# Codecs that lose something, by the name in the metadata without the prefix of who brings them.
_LOSSY = {
    "avif": "avif",
    "bitround": "bitround",
    "compressai_image": "compressai_image",
    "fixedscaleoffset": "fixedscaleoffset",
    "heif": "heif",
    "jpeg": "jpeg",
    "jpeg2k": "jpeg2k",
    "jpeg8": "jpeg",
    "jpegxl": "jpegxl",
    "jpegxr": "jpegxr",
    "lerc": "lerc",
    "mozjpeg": "jpeg",
    "neural_image": "neural_image",
    "quantize": "quantize",
    "sz3": "sz3",
    "ultrahdr": "jpeg",
    "webp": "webp",
    "zfp": "zfp",
    "zfpy": "zfp",
}
_PREFIXES = ("imagecodecs_", "numcodecs.", "imagecodecs.")
_SAME = {"jpeg2000": "jpeg2k"}
_LOSSLESS = ("none", "zstd")
# How codecs say that this once they lose nothing.
_LOSSLESS_SETTINGS = (("lossless", True), ("reversible", True), ("distance", 0), ("max_error", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """One compression that the pixels went through before they came here.

    Parameters
    ----------
    method : str
        Name of the codec, in small letters.
    quality : int, optional
        As the file states it, on the codec's own scale.
    ratio : float, optional
        Raw bytes over stored bytes of level 0, where it could be measured.
    details : dict
        Whatever else a lossy history that came with the slide says of this step; JSON values.
    """

    method: str
    quality: int | None = None
    ratio: float | None = None
    details: dict[str, Any] = field(default_factory=dict, hash=False)


def codecs_of(metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the codecs of an array with their settings, in order, from its JSON.

    Of Zarr v2 the filters and the compressor; of v3 all codecs, those inside shards too.
    """
    if "codecs" in metadata:
        return dict(_nested(metadata["codecs"]))
    found = [*(metadata.get("filters") or ()), metadata.get("compressor")]
    return {
        str(codec["id"]): {key: value for key, value in codec.items() if key != "id"}
        for codec in found
        if codec
    }


def lossy_history(
    attributes: dict[str, Any], codecs: dict[str, dict[str, Any]], *, ratio: float | None
) -> tuple[Compression, ...]:
    """Return the lossy compressions of level 0, oldest first.

    Parameters
    ----------
    attributes : dict
        Of the image's group; our own block has the history up to what wrote the store.
    codecs : dict
        Of level 0. A lossy one that the history does not end with is added to it.
    ratio : float, optional
        Raw bytes over stored bytes of level 0.
    """
    block = attributes.get(_BLOCK)
    steps = [
        _step(entry)
        for entry in _recorded(block)
        if entry["method"] not in _LOSSLESS and not _is_lossless(entry)
    ]
    last = _canonical(steps[-1].method) if steps else None
    if _is_told(block):
        return tuple(steps)
    for name, settings in codecs.items():
        method = _LOSSY.get(_plain(name))
        if method is None or method == last or _is_lossless(settings):
            continue
        entry = {"method": method, **settings}
        steps.append(_step(entry if ratio is None else entry | {"ratio": round(ratio, 2)}))
    return tuple(steps)


def _recorded(block: Any) -> list[dict[str, Any]]:
    """Return the steps that our own block records; none if it is damaged."""
    found = block.get("lossy_history") if isinstance(block, dict) else None
    steps = found if isinstance(found, list) else []
    return [step for step in steps if isinstance(step, dict) and "method" in step]


def _is_told(block: Any) -> bool:
    """Return whether our own record tells what level 0 lost, whatever its codec can do.

    So it does where nothing was lost, and where JPEG data were kept in some chunks.
    """
    levels = block.get("levels") if isinstance(block, dict) else None
    first = levels[0] if isinstance(levels, list) and levels else None
    return isinstance(first, dict) and (
        first.get("is_exact") is True or first.get("coding") == "jpeg"
    )


def _nested(codecs: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for codec in codecs:
        if isinstance(codec, str):
            yield codec, {}
            continue
        settings = dict(codec.get("configuration") or {})
        yield str(codec["name"]), settings
        # Inside shards; the index's codecs lose nothing.
        yield from _nested(settings.get("codecs") or [])


def _step(entry: dict[str, Any]) -> Compression:
    """Return a step as it was recorded: what has no place of its own is a detail."""
    numbers = {key: entry[key] for key in ("quality", "ratio") if _is_number(entry.get(key))}
    details = {key: value for key, value in entry.items() if key not in ("method", *numbers)}
    return Compression(method=str(entry["method"]), details=_without_none(details), **numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _canonical(method: str) -> str:
    plain = _SAME.get(method, method)
    return _LOSSY.get(plain, plain)


def _is_lossless(settings: dict[str, Any]) -> bool:
    noted = settings.get("encoder")
    settings = settings | (noted if isinstance(noted, dict) else {})
    return any(
        key in settings and settings[key] is not None and settings[key] == value
        for key, value in _LOSSLESS_SETTINGS
    )
