"""Shapes from files: GeoJSON as QuPath exports it, and boxes as JSON or CSV."""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural.errors import ConfigError

from .shapes import Points, Shape, box

__all__ = ["SUFFIXES", "read_shapes"]

SUFFIXES = (".geojson", ".json", ".csv", ".tsv", ".txt")
_SIDES = ("x", "y", "width", "height")
_SHORT = {"w": "width", "h": "height"}
# Of coordinates in a geometry: how often its lists are nested around a point.
_DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


def read_shapes(path: Path) -> list[Shape]:
    """Return the shapes that a file describes in pixels of level 0, at least one.

    Parameters
    ----------
    path : Path
        ``.geojson`` or ``.json``: a FeatureCollection, a Feature, a geometry, or a list of
        features; or a list of boxes, each ``[x, y, width, height]`` or an object of these names.
        ``.csv``, ``.tsv`` or ``.txt``: rows of x, y, width and height, by their names in the first
        row if it has any, in which case other columns are passed over.

    Raises
    ------
    ConfigError
        If it does not read, describes nothing, or something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read as text: {exc}") from exc
    if path.suffix.lower() in (".geojson", ".json"):
        shapes = list(_of_json(path, text))
    else:
        shapes = list(_of_rows(path, text))
    if not shapes:
        raise ConfigError(
            f"{path} describes no region: draw one, or leave exact-regions out, since no chunk "
            "would be exact"
        )
    return shapes


# Boxes --------------------------------------------------------------------------------------------


def _of_rows(path: Path, text: str) -> Iterator[Shape]:
    delimiter = next((mark for mark in "\t;," if mark in text), ",")
    rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
    columns, first = list(range(len(_SIDES))), 0
    if rows and rows[0] and not _is_number(rows[0][0]):
        names = [_SHORT.get(name.strip().lower(), name.strip().lower()) for name in rows[0]]
        missing = [side for side in _SIDES if side not in names]
        if missing:
            raise ConfigError(
                f"{path} has the columns {', '.join(names)} and lacks {', '.join(missing)}: boxes "
                "are x, y, width and height in pixels of level 0"
            )
        columns, first = [names.index(side) for side in _SIDES], 1
    for number, row in enumerate(rows[first:], first + 1):
        if any(cell.strip() for cell in row):
            values = [row[column] if column < len(row) else "" for column in columns]
            yield _box(path, f"line {number}", values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _box(path: Path, name: str, values: list[Any]) -> Shape:
    try:
        x, y, width, height = (float(value) for value in values)
    except (TypeError, ValueError):
        x, y, width, height = math.nan, 0.0, 0.0, 0.0
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        shown = ", ".join(map(str, values))
        raise ConfigError(
            f"{name} of {path} is {shown!r}; a box is four numbers, x, y, width and height in "
            "pixels of level 0, and the last two are above 0"
        )
    return box(name, x, y, width, height)


# JSON ---------------------------------------------------------------------------------------------


def _of_json(path: Path, text: str) -> Iterator[Shape]:
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise ConfigError(f"{path} is no JSON: {exc}") from exc
    if isinstance(found, dict) and found.get("type") == "FeatureCollection":
        found = found.get("features")
    for number, entry in enumerate(found if isinstance(found, list) else [found], 1):
        if isinstance(entry, list):
            yield _box(path, f"box {number}", entry)
        elif isinstance(entry, dict) and "type" in entry:
            yield from _of_feature(path, f"feature {number}", entry)
        elif isinstance(entry, dict):
            named = {_SHORT.get(key, key): value for key, value in entry.items()}
            yield _box(path, f"box {number}", [named.get(side) for side in _SIDES])
        else:
            raise ConfigError(
                f"entry {number} of {path} is {entry!r}; it must be a feature of GeoJSON, or a box"
            )


def _of_feature(path: Path, name: str, entry: dict[str, Any]) -> Iterator[Shape]:
    geometry = entry.get("geometry") if entry["type"] == "Feature" else entry
    if not isinstance(geometry, dict):
        raise ConfigError(f"{name} of {path} has no geometry: nothing says where it is")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "GeometryCollection":
        for part in geometry.get("geometries") or []:
            yield from _of_feature(path, name, {"type": "Feature", "geometry": part})
        return
    if kind not in _DEPTHS:
        raise ConfigError(
            f"{name} of {path} is a {kind}; known are {', '.join(_DEPTHS)} and GeometryCollection"
        )
    try:
        yield from _of_geometry(name, kind, coordinates)
    except (TypeError, ValueError) as exc:
        raise ConfigError(
            f"{name} of {path} has coordinates that are no {kind}: points are two finite numbers, "
            "x and y in pixels of level 0"
        ) from exc


def _of_geometry(name: str, kind: str, coordinates: Any) -> Iterator[Shape]:
    if kind == "MultiPolygon":
        for polygon in coordinates:
            yield from _of_geometry(name, "Polygon", polygon)
        return
    nested = coordinates if _DEPTHS[kind] == 2 else [coordinates]
    if kind == "Point":
        nested = [[coordinates]]
    parts = tuple(_points(part) for part in nested)
    if kind == "MultiPoint":
        parts = tuple(parts[0][:, None])
    is_closed = kind == "Polygon"
    if not parts or (is_closed and min(map(len, parts)) < 3):
        raise ValueError(kind)
    yield Shape(name=name, parts=parts, is_closed=is_closed)


def _points(values: Any) -> Points:
    """Return points of which GeoJSON may tell a height, too."""
    points = np.array([[float(x) for x in point[:2]] for point in values], np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError("no points")
    return points
