"""Compression, optics and channels from DICOM headers."""

from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.uid import UID

from ..base import Channel, Compression

__all__ = ["channels", "compression_steps", "icc_profile", "magnification", "read_header"]

_TAGS = [
    *("SOPInstanceUID", "ImageType", "BitsAllocated", "OpticalPathSequence", "ICCProfile"),
    *("LossyImageCompression", "LossyImageCompressionMethod", "LossyImageCompressionRatio"),
]
# Values of LossyImageCompressionMethod (0028,2114).
_METHODS = {
    "ISO_10918_1": "jpeg",
    "ISO_14495_1": "jpegls",
    "ISO_15444_1": "jpeg2000",
    "ISO_15444_15": "htj2k",
    "ISO_18181_1": "jpegxl",
    "ISO_13818_2": "mpeg2",
    "ISO_14496_10": "h264",
    "ISO_23008_2": "h265",
}
# Transfer syntaxes that always lose something.
_LOSSY_SYNTAXES = {"1.2.840.10008.1.2.4.50": "jpeg", "1.2.840.10008.1.2.4.51": "jpeg"}


def read_header(file: Path) -> Dataset:
    """Return what the other functions here ask of a file."""
    return dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))


def compression_steps(header: Dataset, *, ratio: float) -> tuple[Compression, ...]:
    """Return the lossy compressions of level 0 that the file admits to, oldest first.

    Parameters
    ----------
    ratio : float
        Raw bytes over those of the files, of level 0: of the last step, where the file has none.
    """
    methods = _values(header, "LossyImageCompressionMethod")
    syntax = _LOSSY_SYNTAXES.get(str(_syntax(header)))
    # Some writers name the method, and leave out the flag that goes before it.
    if header.get("LossyImageCompression") == "00" or not (methods or syntax or _is_lossy(header)):
        return ()
    names = [_METHODS.get(method, method.lower()) for method in methods] or [syntax or "unknown"]
    stated = [float(value) for value in _values(header, "LossyImageCompressionRatio")]
    ratios = stated if len(stated) == len(names) else [None] * (len(names) - 1) + [round(ratio, 2)]
    return tuple(
        Compression(method=name, ratio=one) for name, one in zip(names, ratios, strict=True)
    )


def magnification(header: Dataset) -> float | None:
    """Return that of the objective, or None."""
    power = next((path.get("ObjectiveLensPower") for path in _optical_paths(header)), None)
    return None if power is None else float(power)


def icc_profile(header: Dataset) -> bytes | None:
    """Return the colour profile of the first optical path, or None."""
    found = next((path.get("ICCProfile") for path in _optical_paths(header)), None)
    return (found or header.get("ICCProfile")) or None


def channels(header: Dataset, identifiers: list[str]) -> tuple[Channel, ...]:
    """Return the names of the optical paths, in the order of `identifiers`."""
    described = {
        str(path.get("OpticalPathIdentifier")): str(path.get("OpticalPathDescription") or "")
        for path in _optical_paths(header)
    }
    return tuple(Channel(label=described.get(name) or name) for name in identifiers)


def _is_lossy(header: Dataset) -> bool:
    return bool(header.get("LossyImageCompression") == "01")


def _syntax(header: Dataset) -> UID | None:
    meta = getattr(header, "file_meta", None)
    return None if meta is None else meta.get("TransferSyntaxUID")


def _optical_paths(header: Dataset) -> list[Any]:
    return list(header.get("OpticalPathSequence") or ())


def _values(header: Dataset, keyword: str) -> list[str]:
    """Return the values of an element that has one, several or none."""
    found = header.get(keyword)
    if found is None or found == "":
        return []
    return [str(found)] if isinstance(found, str | float) else [str(value) for value in found]
