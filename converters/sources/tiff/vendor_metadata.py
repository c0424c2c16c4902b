"""Metadata in the tags and descriptions of scanner vendors, one function each."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from numcodecs_neural.files.units import microns, number, sane_mpp

from ..base import Channel

__all__ = [
    "VendorFacts",
    "aperio_facts",
    "imagej_facts",
    "ndpi_magnification",
    "philips_mpp",
    "qpi_facts",
    "vips_facts",
]

_NDPI_MAGNIFICATION = 65421
# ImageJ writes the micro sign as an escape.
_ESCAPED_MICRO = "\\u00B5"


class VendorFacts:
    """What a maker says; None or empty where nothing."""

    def __init__(
        self,
        *,
        mpp: tuple[float, float] | None = None,
        magnification: float | None = None,
        spacing: dict[str, float] | None = None,
        channels: tuple[Channel, ...] = (),
    ) -> None:
        self.mpp = mpp
        self.magnification = magnification
        self.spacing = spacing or {}
        self.channels = channels


def aperio_facts(description: str) -> VendorFacts:
    """Return what the description of an Aperio slide's first page says.

    Examples
    --------
    >>> aperio_facts("Aperio Image Library|AppMag = 20|MPP = 0.4990").mpp
    (0.499, 0.499)
    """
    size = _number_after(r"\bMPP\s*=\s*", description)
    return VendorFacts(
        mpp=sane_mpp(size, size), magnification=_number_after(r"\bAppMag\s*=\s*", description)
    )


def vips_facts(description: str) -> VendorFacts:
    """Return what libvips copied into its XML from a slide that it read with OpenSlide."""
    if "<image" not in description[:1024] or "openslide." not in description:
        return VendorFacts()
    root = _parse(description)
    found = {} if root is None else _vips_properties(root)
    sizes = (number(found.get(f"openslide.mpp-{axis}")) for axis in "yx")
    return VendorFacts(
        mpp=sane_mpp(*sizes), magnification=number(found.get("openslide.objective-power"))
    )


def qpi_facts(descriptions: list[str]) -> VendorFacts:
    """Return what PerkinElmer's XML says, one description a channel."""
    roots = [root for root in map(_parse, descriptions) if root is not None]
    if not roots:
        return VendorFacts()
    scan = roots[0].find(".//ScanResolution")
    size = number(None if scan is None else scan.findtext("PixelSizeMicrons"))
    channels = tuple(_qpi_channel(root, n) for n, root in enumerate(roots, start=1))
    objective = _number_after("", roots[0].findtext("Objective") or "")
    stated = number(None if scan is None else scan.findtext("Magnification"))
    has_names = any(root.findtext("Name") for root in roots)
    return VendorFacts(
        mpp=sane_mpp(size, size),
        magnification=objective or stated,
        channels=channels if has_names else (),
    )


def imagej_facts(metadata: Mapping[str, Any], tags: Any) -> VendorFacts:
    """Return what ImageJ says: sizes in its unit, seconds between frames, colours of channels."""
    unit = str(metadata.get("unit", "")).replace(_ESCAPED_MICRO, "µ")
    y, x = (_imagej_size(tags, name, unit) for name in ("YResolution", "XResolution"))
    depth, step = number(metadata.get("spacing")), number(metadata.get("finterval"))
    z = None if depth is None else microns(depth, unit)
    known = {"z": z, "t": step}
    return VendorFacts(
        mpp=sane_mpp(y, x, is_stated=True),
        spacing={axis: value for axis, value in known.items() if value and value > 0},
        channels=_imagej_channels(metadata),
    )


def ndpi_magnification(tags: Any) -> float | None:
    """Return the magnification of a Hamamatsu slide's objective."""
    value = number(tags.valueof(_NDPI_MAGNIFICATION))
    # Below zero, it tells the macro and the map of the slide.
    return value if value and value > 0 else None


def philips_mpp(xml: str | None) -> tuple[float, float] | None:
    """Return the pixel size in the description of a Philips slide, which has millimetres."""
    root = _parse(xml or "")
    found = [] if root is None else root.iterfind(".//Attribute[@Name='DICOM_PIXEL_SPACING']")
    for element in found:
        sizes = [number(text) for text in (element.text or "").replace('"', "").split()]
        if len(sizes) == 2 and sizes[0] and sizes[1]:
            return sane_mpp(sizes[0] * 1000, sizes[1] * 1000)
    return None


def _qpi_channel(root: ElementTree.Element, place: int) -> Channel:
    parts = (root.findtext("Color") or "").split(",")
    values = [int(part) for part in parts if part.strip().isdecimal()]
    is_color = len(values) == 3 and max(values) <= 255
    color = "{:02X}{:02X}{:02X}".format(*values) if is_color else None
    return Channel(label=root.findtext("Name") or f"Channel {place}", color=color)


def _imagej_size(tags: Any, name: str, unit: str) -> float | None:
    """Return micrometres of a pixel, of a resolution in pixels a unit."""
    value = tags.valueof(name)
    if not isinstance(value, tuple) or len(value) != 2 or 0 in value:
        return None
    return microns(value[1] / value[0], unit)


def _imagej_channels(metadata: Mapping[str, Any]) -> tuple[Channel, ...]:
    # What a channel's brightest pixels are shown in.
    tables = [
        table for table in metadata.get("LUTs", ()) if getattr(table, "shape", ()) == (3, 256)
    ]
    colors = ["{:02X}{:02X}{:02X}".format(*map(int, table[:, -1])) for table in tables]
    return tuple(
        Channel(label=f"Channel {n}", color=color) for n, color in enumerate(colors, start=1)
    )


def _vips_properties(root: ElementTree.Element) -> dict[str, str]:
    return {
        element.findtext("{*}name") or "": element.findtext("{*}value") or ""
        for element in root.iterfind(".//{*}property")
    }


def _number_after(pattern: str, text: str) -> float | None:
    match = re.search(pattern + r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)", text)
    return None if match is None else number(match[1])


def _parse(xml: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError):
        return None
