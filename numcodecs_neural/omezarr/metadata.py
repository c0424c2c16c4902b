"""OME-Zarr metadata of versions 0.1 to 0.5: images, axes, scales, channels."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from numcodecs_neural.files.units import microns, number, seconds

__all__ = [
    "Channel",
    "OmeZarrImage",
    "Placement",
    "image_of",
    "label_names",
    "ome_attributes",
    "omero_of",
    "window_of_channel",
]

_ORDER = "tczyx"
_RGB_COLORS = ("FF0000", "00FF00", "0000FF")
_RGB_NAMES = (("r", "g", "b"), ("red", "green", "blue"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel of a slide that is not RGB.

    Parameters
    ----------
    label : str
        Its name: a stain, a fluorophore.
    color : str, optional
        Six hexadecimal digits in which viewers show it, such as ``"00FF00"``.
    """

    label: str
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the pixels of a level are: the centre of number `i` is at ``translation + i * scale``.

    Parameters
    ----------
    scale, translation : dict
        Of each axis.
    units : dict
        ``"micrometer"`` or ``"second"`` of each axis whose unit is known; all others count what
        the metadata count.
    """

    scale: dict[str, float]
    translation: dict[str, float]
    units: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeZarrImage:
    """One entry of ``multiscales``, with what ``omero`` says of its channels.

    Parameters
    ----------
    axes : str
        Some of ``tczyx``, in that order.
    paths : tuple of str
        Of the arrays, level 0 first.
    scale : dict
        Of level 0: microns of y, x and z and seconds of t, where their units are known.
    channels : tuple of Channel
        Empty where they are not named.
    windows : tuple
        Samples that viewers show as black and in full colour, of each channel that is described,
        with a name or without; None where they are not said.
    colors : tuple
        Six hexadecimal digits for each of these channels; None where they are not said.
    is_shown : tuple of bool
        Whether viewers show each of them at first: all, if the metadata would have none shown.
    is_color : bool
        Whether the channels are those of RGB, if there are three of 8 bits.
    name : str
        Its name; empty if it has none.
    placements : tuple of Placement
        Of the arrays, level 0 first.
    """

    axes: str
    paths: tuple[str, ...]
    scale: dict[str, float]
    channels: tuple[Channel, ...]
    windows: tuple[tuple[float, float] | None, ...]
    colors: tuple[str | None, ...]
    is_shown: tuple[bool, ...]
    is_color: bool
    name: str
    placements: tuple[Placement, ...]

    @property
    def mpp(self) -> tuple[float, float] | None:
        """Microns per pixel, (y, x)."""
        y, x = self.scale.get("y"), self.scale.get("x")
        return None if y is None or x is None else (y, x)


def ome_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return those of OME-Zarr out of a group's attributes; 0.5 keeps them under one key."""
    found = attributes.get("ome", attributes)
    return dict(found) if isinstance(found, dict) else {}


def label_names(attributes: dict[str, Any]) -> list[str]:
    """Return the labels that the attributes of a group ``labels`` list."""
    listed = ome_attributes(attributes).get("labels")
    return [str(name) for name in listed] if isinstance(listed, list) else []


def omero_of(ome: dict[str, Any]) -> dict[str, Any]:
    """Return ``omero``: ``channels``, a list of dicts, and ``rdefs``, a dict.

    It says how pixels are shown, and OME-Zarr asks for none of it: what is not as it should be is
    passed over.
    """
    found = ome.get("omero")
    told = found if isinstance(found, dict) else {}
    channels, defaults = told.get("channels"), told.get("rdefs")
    entries = channels if isinstance(channels, list) else []
    return {
        "channels": [entry if isinstance(entry, dict) else {} for entry in entries],
        "rdefs": defaults if isinstance(defaults, dict) else {},
    }


def image_of(ome: dict[str, Any], index: int) -> OmeZarrImage:
    """Return what the `index`-th entry of ``multiscales`` says.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, IndexError
        If it is not what OME-Zarr says it should be; ValueErrors have a text that says how.
    """
    multiscale = ome["multiscales"][index]
    axes, units = _axes(multiscale.get("axes"))
    datasets = multiscale["datasets"]
    if not datasets:
        raise ValueError("its multiscales name no array")
    omero = omero_of(ome)
    channels = tuple(_channels(omero))
    placements = tuple(_placement(multiscale, dataset, axes, units) for dataset in datasets)
    first = placements[0]
    return OmeZarrImage(
        axes=axes,
        paths=tuple(str(dataset["path"]) for dataset in datasets),
        scale={axis: value for axis, value in first.scale.items() if axis in first.units},
        channels=channels if any(channel.label for channel in channels) else (),
        windows=tuple(map(window_of_channel, omero["channels"])),
        colors=tuple(channel.color for channel in channels),
        is_shown=_are_shown(omero),
        is_color=_is_color(channels, omero),
        name=str(multiscale.get("name") or ""),
        placements=placements,
    )


def _axes(entries: list[Any] | None) -> tuple[str, dict[str, str]]:
    """Return the names of the axes, and their units; 0.3 had names only, and 0.1 always five."""
    if entries is None:
        return _ORDER, {}
    described = [entry if isinstance(entry, dict) else {"name": entry} for entry in entries]
    names = [str(entry["name"]).lower() for entry in described]
    expected = [axis for axis in _ORDER if axis in names]
    if names != expected or names[-2:] != ["y", "x"]:
        raise ValueError(
            f"its axes are {', '.join(names)}; those of an image are some of t, c, z, then y, x"
        )
    units = {
        name: entry["unit"]
        for name, entry in zip(names, described, strict=True)
        if entry.get("unit")
    }
    return "".join(names), units


def _placement(
    multiscale: dict[str, Any], dataset: dict[str, Any], axes: str, units: dict[str, str]
) -> Placement:
    """Return where the pixels of a level are, after its own steps and those of all levels."""
    factors, shifts = dict.fromkeys(axes, 1.0), dict.fromkeys(axes, 0.0)
    for holder in (dataset, multiscale):
        for step in holder.get("coordinateTransformations") or ():
            kind = step.get("type")
            if kind not in ("scale", "translation"):
                continue
            for axis, value in zip(axes, step[kind], strict=True):
                if kind == "scale":
                    factors[axis] *= float(value)
                    shifts[axis] *= float(value)
                else:
                    shifts[axis] += float(value)
    placement = Placement(scale={}, translation={}, units={})
    for axis in axes:
        _place(placement, axis, factors[axis], shifts[axis], units.get(axis))
    return placement


def _place(placement: Placement, axis: str, factor: float, shift: float, unit: str | None) -> None:
    """Note an axis: in known units where they are known, and pixel by pixel if it is damaged."""
    if not isfinite(factor) or factor <= 0:
        factor, shift, unit = 1.0, 0.0, None
    convert = seconds if axis == "t" else microns
    scale, translation = convert(factor, unit), convert(shift, unit)
    if scale is None or translation is None:
        placement.scale[axis] = factor
        placement.translation[axis] = shift if isfinite(shift) else 0.0
        return
    placement.scale[axis], placement.translation[axis] = scale, translation
    placement.units[axis] = "second" if axis == "t" else "micrometer"


def _channels(omero: dict[str, Any]) -> Iterator[Channel]:
    for entry in omero["channels"]:
        color = str(entry.get("color") or "").lstrip("#").upper()
        yield Channel(
            label=str(entry.get("label") or ""), color=color if _is_color_code(color) else None
        )


def _are_shown(omero: dict[str, Any]) -> tuple[bool, ...]:
    active = tuple(bool(entry.get("active", True)) for entry in omero["channels"])
    return active if any(active) else (True,) * len(active)


def window_of_channel(entry: dict[str, Any]) -> tuple[float, float] | None:
    """Return what a channel is shown from and to; None if it is not said, or is no range."""
    window = entry.get("window")
    if not isinstance(window, dict):
        return None
    low, high = number(window.get("start")), number(window.get("end"))
    is_range = low is not None and high is not None and isfinite(high - low) and low < high
    return (low, high) if low is not None and high is not None and is_range else None


def _is_color_code(text: str) -> bool:
    return len(text) == 6 and set(text) <= set("0123456789ABCDEF")


def _is_color(channels: tuple[Channel, ...], omero: dict[str, Any]) -> bool:
    if tuple(channel.color for channel in channels) == _RGB_COLORS:
        return True
    labels = tuple(channel.label.lower() for channel in channels)
    return labels in _RGB_NAMES and omero["rdefs"].get("model") == "color"
