"""OME-Zarr metadata of versions 0.1 to 0.5: images, axes, scales, channels."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from numcodecs_neural.files.units import microns, seconds

__all__ = ["Channel", "OmeZarrImage", "image_of", "ome_attributes"]

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
    is_color : bool
        Whether the channels are those of RGB, if there are three of 8 bits.
    """

    axes: str
    paths: tuple[str, ...]
    scale: dict[str, float]
    channels: tuple[Channel, ...]
    is_color: bool

    @property
    def mpp(self) -> tuple[float, float] | None:
        """Microns per pixel, (y, x)."""
        y, x = self.scale.get("y"), self.scale.get("x")
        return None if y is None or x is None else (y, x)


def ome_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return those of OME-Zarr out of a group's attributes; 0.5 keeps them under one key."""
    found = attributes.get("ome", attributes)
    return dict(found) if isinstance(found, dict) else {}


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
    omero = ome.get("omero") or {}
    channels = tuple(_channels(omero))
    return OmeZarrImage(
        axes=axes,
        paths=tuple(str(dataset["path"]) for dataset in datasets),
        scale=_scale(multiscale, datasets[0], axes, units),
        channels=channels if any(channel.label for channel in channels) else (),
        is_color=_is_color(channels, omero),
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


def _scale(
    multiscale: dict[str, Any], dataset: dict[str, Any], axes: str, units: dict[str, str]
) -> dict[str, float]:
    """Return the product of the scales of level 0 and of all levels, in known units."""
    factors = dict.fromkeys(axes, 1.0)
    for holder in (dataset, multiscale):
        for step in holder.get("coordinateTransformations") or ():
            if step.get("type") == "scale":
                for axis, value in zip(axes, step["scale"], strict=True):
                    factors[axis] *= float(value)
    found = {
        axis: (seconds if axis == "t" else microns)(value, units.get(axis))
        for axis, value in factors.items()
        if isfinite(value) and value > 0
    }
    return {axis: value for axis, value in found.items() if value is not None}


def _channels(omero: dict[str, Any]) -> Iterator[Channel]:
    for entry in omero.get("channels") or ():
        color = str(entry.get("color") or "").lstrip("#").upper()
        yield Channel(
            label=str(entry.get("label") or ""), color=color if _is_color_code(color) else None
        )


def _is_color_code(text: str) -> bool:
    return len(text) == 6 and set(text) <= set("0123456789ABCDEF")


def _is_color(channels: tuple[Channel, ...], omero: dict[str, Any]) -> bool:
    if tuple(channel.color for channel in channels) == _RGB_COLORS:
        return True
    labels = tuple(channel.label.lower() for channel in channels)
    return labels in _RGB_NAMES and (omero.get("rdefs") or {}).get("model") == "color"
