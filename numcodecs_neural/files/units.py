"""Numbers in slide metadata: units of lengths and times, and the range of plausible pixel sizes."""

import math
from typing import Any

__all__ = ["microns", "number", "positive", "sane_mpp", "seconds"]

_MICRONS = {
    **dict.fromkeys(("angstrom", "Å"), 1e-4),
    **dict.fromkeys(("nanometer", "nm"), 1e-3),
    **dict.fromkeys(("micrometer", "micron", "µm", "μm", "um"), 1.0),
    **dict.fromkeys(("millimeter", "mm"), 1e3),
    **dict.fromkeys(("centimeter", "cm"), 1e4),
    **dict.fromkeys(("inch", "in"), 25400.0),
    **dict.fromkeys(("meter", "m"), 1e6),
}
_SECONDS = {
    **dict.fromkeys(("nanosecond", "ns"), 1e-9),
    **dict.fromkeys(("microsecond", "µs", "us"), 1e-6),
    **dict.fromkeys(("millisecond", "ms"), 1e-3),
    **dict.fromkeys(("second", "s"), 1.0),
    **dict.fromkeys(("minute", "min"), 60.0),
    **dict.fromkeys(("hour", "h"), 3600.0),
    **dict.fromkeys(("day", "d"), 86400.0),
}
# Of light microscopes. Screen resolutions such as 72 dpi, which tools write by default, and which
# others have turned into micrometres, are larger.
_SANE_MPP = (0.02, 50.0)
# Electron microscopes see atoms: believed where a length has its unit.
_LEAST_STATED_MPP = 1e-5


def number(value: Any) -> float | None:
    """Return what a text or another value says as a number, or None if it is none."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def positive(value: Any) -> float | None:
    """Return the same if it is above 0 and finite, or None."""
    found = number(value)
    return found if found is not None and math.isfinite(found) and found > 0 else None


def microns(value: float, unit: str | None) -> float | None:
    """Return a length in micrometres, or None if its unit is none or unknown.

    Examples
    --------
    >>> microns(250, "nm"), microns(0.5, "micrometer"), microns(3, None)
    (0.25, 0.5, None)
    """
    return _in_unit(value, _MICRONS.get(unit or ""))


def seconds(value: float, unit: str | None) -> float | None:
    """Return a time in seconds, or None if its unit is none or unknown."""
    return _in_unit(value, _SECONDS.get(unit or ""))


def sane_mpp(
    y: float | None, x: float | None, *, is_stated: bool = False
) -> tuple[float, float] | None:
    """Return the pixel size (y, x), or None unless both are known and a microscope's.

    Parameters
    ----------
    is_stated : bool
        Whether they are lengths that somebody wrote with their unit, and no resolution for print:
        then they may be an electron microscope's.

    Examples
    --------
    >>> sane_mpp(0.25, 0.25), sane_mpp(25400 / 72, 25400 / 72)
    ((0.25, 0.25), None)
    >>> sane_mpp(0.004, 0.004), sane_mpp(0.004, 0.004, is_stated=True)
    (None, (0.004, 0.004))
    """
    if y is None or x is None:
        return None
    low, high = _SANE_MPP
    if is_stated:
        low = _LEAST_STATED_MPP
    is_sane = all(low <= size <= high for size in (y, x))
    return (y, x) if is_sane else None


def _in_unit(value: float, factor: float | None) -> float | None:
    if factor is None or not math.isfinite(value):
        return None
    # Twelve digits: what 250 x 1e-3 has too many of.
    return float(f"{value * factor:.12g}")
