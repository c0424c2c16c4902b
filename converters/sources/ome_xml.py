"""OME-XML of one image: sizes, channels, objective, and the files of its set."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from numcodecs_neural.files.units import microns, positive, sane_mpp, seconds

from .base import Channel

__all__ = ["OmeImage", "is_damaged", "missing_files", "named_files", "ome_image"]

_WHITE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeImage:
    """What an Image element says; what it does not say is None or empty."""

    mpp: tuple[float, float] | None = None
    spacing: dict[str, float] = field(default_factory=dict)
    magnification: float | None = None
    significant_bits: int | None = None
    channels: tuple[Channel, ...] = ()


def ome_image(xml: str | None, *, name: str, shape: tuple[int, int], index: int) -> OmeImage:
    """Return what is said of the image of this name, height and width.

    Where several are alike in that, `index` picks one of them.
    """
    root = _parse(xml)
    if root is None:
        return OmeImage()
    images = [image for image in root.iterfind("{*}Image") if image.find("{*}Pixels") is not None]
    alike = [image for image in images if _shape(image) == shape]
    named = [image for image in alike if image.get("Name", "") == name] or alike
    # As many images as were found before this one may be its twins, and never more.
    place = sum(1 for image in images[:index] if image in named)
    return _describe(root, named[min(place, len(named) - 1)]) if named else OmeImage()


def is_damaged(description: str) -> bool:
    """Return whether a description begins as OME-XML does, and is none."""
    return "<OME " in description[:2048] and _parse(description) is None


def missing_files(xml: str | None, folder: Path) -> tuple[str, ...]:
    """Return the names of the files that hold planes and are not in `folder`, sorted."""
    return tuple(name for name in named_files(xml) if not (folder / name).is_file())


def named_files(xml: str | None) -> tuple[str, ...]:
    """Return the names of the other files that hold planes, sorted."""
    root = _parse(xml)
    if root is None:
        return ()
    # The file that is read may have been renamed: it is told by its UUID.
    names = {
        uuid.get("FileName")
        for uuid in root.iterfind(".//{*}TiffData/{*}UUID")
        if uuid.text != root.get("UUID")
    }
    return tuple(sorted(name for name in names if name))


def _describe(root: ElementTree.Element, image: ElementTree.Element) -> OmeImage:
    pixels = image.find("{*}Pixels")
    assert pixels is not None
    y, x, z = (_physical_size(pixels, axis) for axis in "YXZ")
    step = positive(pixels.get("TimeIncrement"))
    t = None if step is None else seconds(step, pixels.get("TimeIncrementUnit", "s"))
    bits = pixels.get("SignificantBits", "")
    return OmeImage(
        mpp=sane_mpp(y, x, is_stated=True),
        spacing={axis: size for axis, size in (("z", z), ("t", t)) if size},
        magnification=_magnification(root, image),
        significant_bits=int(bits) if bits.isdecimal() else None,
        channels=tuple(_channels(pixels)),
    )


def _parse(xml: str | None) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(xml) if xml else None
    except ElementTree.ParseError:
        return None


def _shape(image: ElementTree.Element) -> tuple[int, int] | None:
    pixels = image.find("{*}Pixels")
    sizes = [] if pixels is None else [pixels.get(f"Size{axis}", "") for axis in "YX"]
    return (int(sizes[0]), int(sizes[1])) if all(map(str.isdecimal, sizes)) else None


def _physical_size(pixels: ElementTree.Element, axis: str) -> float | None:
    size = positive(pixels.get(f"PhysicalSize{axis}"))
    unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
    return None if size is None else microns(size, unit)


def _magnification(root: ElementTree.Element, image: ElementTree.Element) -> float | None:
    settings = image.find("{*}ObjectiveSettings")
    if settings is None:
        return None
    objectives = root.iterfind("{*}Instrument/{*}Objective")
    found = next((o for o in objectives if o.get("ID") == settings.get("ID")), None)
    return None if found is None else positive(found.get("NominalMagnification"))


def _channels(pixels: ElementTree.Element) -> Iterator[Channel]:
    """Yield the channels, with numbers for names; none where no channel has name or colour."""
    channels = list(pixels.iterfind("{*}Channel"))
    if not any(channel.get(key) for channel in channels for key in ("Name", "Fluor", "Color")):
        return
    for number, channel in enumerate(channels, start=1):
        label = channel.get("Name") or channel.get("Fluor") or f"Channel {number}"
        yield Channel(label=label, color=_color(channel.get("Color", "")))


def _color(text: str) -> str | None:
    """Return RRGGBB of a number whose four bytes are red, green, blue, alpha."""
    try:
        value = int(text)
    except ValueError:
        return None
    # White is what the schema takes where nothing is said: it says nothing.
    return None if value == _WHITE else f"{value >> 8 & 0xFFFFFF:06X}"
