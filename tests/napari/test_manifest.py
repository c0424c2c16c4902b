"""What napari is told of the plugin, and a real viewer where there is one."""

import os
import shutil
import sys
from fnmatch import fnmatch
from importlib import import_module, metadata, resources, util
from pathlib import Path
from subprocess import run
from typing import Any

import numpy as np
import pytest
import yaml
import zarr

from tests.converters.sources.omezarr_writer import RGB, write_image

HAS_DISPLAY = bool(os.environ.get("DISPLAY") or shutil.which("xvfb-run"))
VIEW = """
import sys, numpy as np, napari
viewer = napari.Viewer(show=False)
(layer,) = viewer.open(sys.argv[1], plugin="numcodecs-neural")
viewer.window.resize(900, 700)
viewer.reset_view()
shown = viewer.screenshot(canvas_only=False, flash=False)[..., :3].astype(int)
print(layer.rgb, layer.multiscale, [str(unit) for unit in layer.units], layer.scale.tolist())
print((abs(shown - (200, 120, 40)).max(-1) <= 2).mean())
"""


@pytest.fixture
def manifest() -> dict[str, Any]:
    text = resources.files("numcodecs_neural.napari").joinpath("napari.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_manifest_is_where_the_entry_point_says(manifest: dict[str, Any]) -> None:
    (point,) = (
        point
        for point in metadata.entry_points(group="napari.manifest")
        if point.name == "numcodecs-neural"
    )
    module, _, file = point.value.partition(":")

    assert resources.files(module).joinpath(file).is_file()
    # napari finds the plugin by the name of the distribution.
    assert manifest["name"] == "numcodecs-neural"


def test_every_command_of_the_manifest_is_a_function(manifest: dict[str, Any]) -> None:
    for command in manifest["contributions"]["commands"]:
        module, _, name = command["python_name"].partition(":")

        assert callable(getattr(import_module(module), name))


def test_readers_and_samples_name_commands_that_are_there(manifest: dict[str, Any]) -> None:
    given = manifest["contributions"]
    commands = {command["id"] for command in given["commands"]}

    assert {entry["command"] for entry in given["readers"] + given["sample_data"]} == commands
    assert given["readers"][0]["accepts_directories"]


def test_addresses_match_with_a_slash_at_the_end_or_without(manifest: dict[str, Any]) -> None:
    patterns = manifest["contributions"]["readers"][0]["filename_patterns"]

    for address in ("http://localhost:8000/a.ome.zarr", "http://localhost:8000/a.ome.zarr/"):
        assert any(fnmatch(address, pattern) for pattern in patterns)


@pytest.mark.slow
@pytest.mark.skipif(
    not (util.find_spec("napari") and HAS_DISPLAY),
    reason="napari, or a display (xvfb-run), is not installed",
)
def test_a_real_viewer_shows_the_slide(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w")
    brown = np.full((512, 512, 3), (200, 120, 40), np.uint8).transpose(2, 0, 1)
    write_image(group, [brown, brown[:, ::2, ::2]], "cyx", omero={"channels": RGB})
    display = [] if os.environ.get("DISPLAY") else ["xvfb-run", "-a"]

    done = run(
        [*display, sys.executable, "-c", VIEW, str(tmp_path / "a.ome.zarr")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said, share = done.stdout.splitlines()[-2:]
    assert said == "True True ['micrometer', 'micrometer'] [0.26, 0.25]"
    # Of the window, which is brown where the slide is.
    assert float(share) > 0.1
