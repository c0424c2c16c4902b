"""CZI metadata: pixel sizes, channels, objective and significant bits from its XML."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from numcodecs_neural.files.units import positive

from ..base import Channel

__all__ = ["CziMetadata", "parse_metadata"]

_COLOR = re.compile(r"#(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{6})")
_IMAGE = "Metadata/Information/Image"


@dataclass(frozen=True, slots=True, kw_only=True)
class CziMetadata:
    """What is said; what is not is None or empty.

    Parameters
    ----------
    mpp : tuple of float, optional
        Microns per pixel, (y, x).
    spacing : dict
        Microns between planes (``"z"``) and seconds between times (``"t"``).
    channels : tuple of Channel
        In their order in the file.
    magnification : float, optional
        Of the objective.
    bits : int, optional
        Of a sample, that are used.
    quality : int, optional
        That lossy compression was told.
    """

    mpp: tuple[float, float] | None = None
    spacing: dict[str, float] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    magnification: float | None = None
    bits: int | None = None
    quality: int | None = None


def parse_metadata(xml: str) -> CziMetadata:
    """Return what the metadata segment says; nothing, if it is no XML."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return CziMetadata()
    y, x, z = (_distance(root, axis) for axis in "YXZ")
    step = positive(root.findtext(f"{_IMAGE}/Dimensions/T/Positions/Interval/Increment"))
    bits = positive(root.findtext(f"{_IMAGE}/ComponentBitCount"))
    quality = positive(root.findtext(f"{_IMAGE}/OriginalEncodingQuality"))
    objectives = root.iterfind(".//Objectives/Objective/NominalMagnification")
    return CziMetadata(
        mpp=None if y is None or x is None else (y, x),
        spacing={axis: size for axis, size in (("z", z), ("t", step)) if size},
        channels=tuple(_channels(root)),
        magnification=next((positive(element.text) for element in objectives), None),
        bits=None if bits is None else int(bits),
        quality=None if quality is None else int(quality),
    )


def _distance(root: ElementTree.Element, axis: str) -> float | None:
    """Return the size of a pixel in micrometres; it is in metres, whatever is shown to users."""
    value = positive(root.findtext(f"Metadata/Scaling/Items/Distance[@Id='{axis}']/Value"))
    return None if value is None else float(f"{value * 1e6:.12g}")


def _channels(root: ElementTree.Element) -> Iterator[Channel]:
    shown = root.findall("Metadata/DisplaySetting/Channels/Channel")
    colors = {channel.get("Id"): _color(channel) for channel in shown}
    found = root.findall(f"{_IMAGE}/Dimensions/Channels/Channel")
    for number, channel in enumerate(found):
        label = channel.get("Name") or channel.findtext("Fluor") or f"Channel {number}"
        by_place = _color(shown[number]) if len(shown) == len(found) else None
        yield Channel(
            label=label,
            color=_color(channel) or colors.get(channel.get("Id")) or by_place,
        )


def _color(channel: ElementTree.Element) -> str | None:
    """Return RRGGBB; CZI writes an opacity before it."""
    match = _COLOR.fullmatch(channel.findtext("Color") or "")
    return None if match is None else match[1].upper()
