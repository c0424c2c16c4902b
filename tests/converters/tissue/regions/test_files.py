"""Files of regions: what they may be, and what is said of those that are something else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.converters.tissue.regions.files import read_shapes
from numcodecs_neural.errors import ConfigError

SQUARE = [[[10, 20], [40, 20], [40, 50], [10, 50], [10, 20]]]
BOUNDS = (10.0, 20.0, 40.0, 50.0)


def feature(kind: str = "Polygon", coordinates: Any = SQUARE) -> dict[str, Any]:
    """Return a feature as QuPath writes it."""
    return {
        "type": "Feature",
        "id": "5c1e0a51-0d5c-4bd2-93a9-0a3b4a8f3d10",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": {"name": "Tumor"}},
    }


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"type": "FeatureCollection", "features": [feature()]}, id="collection"),
        pytest.param([feature()], id="list of features"),
        pytest.param(feature(), id="feature"),
        pytest.param(feature()["geometry"], id="geometry"),
        pytest.param(feature("MultiPolygon", [SQUARE]), id="MultiPolygon"),
        pytest.param(feature("LineString", SQUARE[0]), id="LineString"),
        pytest.param(feature("MultiLineString", SQUARE), id="MultiLineString"),
        pytest.param(feature("MultiPoint", SQUARE[0]), id="MultiPoint"),
        pytest.param(
            {
                "type": "Feature",
                "geometry": {
                    "type": "GeometryCollection",
                    "geometries": [{"type": "Polygon", "coordinates": SQUARE}],
                },
            },
            id="GeometryCollection",
        ),
        pytest.param([[10, 20, 30, 30]], id="list of boxes"),
        pytest.param([{"x": 10, "y": 20, "width": 30, "height": 30}], id="named boxes"),
        pytest.param([{"x": 10, "y": 20, "w": 30, "h": 30}], id="short names"),
    ],
)
def test_json_of_every_kind_is_read(content: Any, tmp_path: Path) -> None:
    (shape,) = read_shapes(written(tmp_path, "regions.geojson", content))

    assert shape.bounds == BOUNDS


@pytest.mark.parametrize(
    "content",
    [
        "10,20,30,30\n",
        "x,y,width,height\n10,20,30,30\n",
        "\ufeffName;Height;Width;Y;X\nfirst;30;30;20;10\n\n",
        "x\ty\tw\th\n10\t20\t30.0\t30.0\n",
    ],
    ids=["plain", "header", "other columns", "tabs"],
)
def test_rows_of_boxes_are_read(content: str, tmp_path: Path) -> None:
    (shape,) = read_shapes(written(tmp_path, "regions.csv", content))

    assert shape.bounds == BOUNDS


def test_a_polygon_keeps_its_holes_and_points_may_have_a_height(tmp_path: Path) -> None:
    hole = [[20, 30, 0.5], [30, 30, 0.5], [30, 40, 0.5]]

    (shape,) = read_shapes(written(tmp_path, "a.json", feature("Polygon", [SQUARE[0], hole])))

    assert [len(part) for part in shape.parts] == [5, 3]
    np.testing.assert_array_equal(shape.parts[1], [[20, 30], [30, 30], [30, 40]])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.geojson", "{", "a.geojson is no JSON"),
        ("a.geojson", "", "a.geojson is no JSON"),
        ("a.geojson", [], "describes no region"),
        ("a.geojson", {"type": "FeatureCollection", "features": []}, "describes no region"),
        ("a.geojson", feature() | {"geometry": None}, "feature 1 of .* has no geometry"),
        ("a.geojson", [feature(), feature("Circle")], "feature 2 of .* is a Circle; known are"),
        ("a.geojson", feature("Polygon", [[[1, 2], [3, 4]]]), "that are no Polygon"),
        ("a.geojson", feature("Polygon", [[["a", 2], [3, 4], [5, 6]]]), "that are no Polygon"),
        ("a.geojson", feature("Polygon", None), "that are no Polygon"),
        ("a.geojson", feature("Polygon", []), "that are no Polygon"),
        ("a.geojson", feature("LineString", [[1, None]]), "that are no LineString"),
        ("a.geojson", '{"type": "Point", "coordinates": [NaN, 1]}', "that are no Point"),
        ("a.json", [[1, 2, 3]], "box 1 of .* is '1, 2, 3'; a box is four numbers"),
        ("a.json", [[1, 2, 3, 0]], "the last two are above 0"),
        ("a.json", [{"x": 1, "y": 2}], "a box is four numbers"),
        ("a.json", [7], "entry 1 of .* is 7"),
        ("a.csv", "", "describes no region"),
        ("a.csv", "x,y,width\n1,2,3\n", "lacks height"),
        ("a.csv", "1,2,3,4\n1,2,three,4\n", "line 2 of .* is '1, 2, three, 4'"),
        ("a.csv", "x,y,width,height\n1,2,3\n", "line 2 of"),
        ("a.csv", "1,2,-3,4\n", "above 0"),
        ("a.csv", "1,2,inf,4\n", "four numbers"),
    ],
)
def test_what_is_no_region_is_refused(name: str, content: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        read_shapes(written(tmp_path, name, content))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00\xd8")

    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_shapes(path)
