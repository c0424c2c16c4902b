"""Arguments of the program, and the options that the library gets of them."""

from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from numcodecs_neural.converters.cli.arguments import Inputs, Work, make_parser, values_of
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.errors import ConfigError

OPTIONS: list[tuple[list[str], dict[str, Any]]] = [
    (["--codec", "jpegxl"], {"codec": "jpegxl"}),
    (["--model", "he-perceptual"], {"model": "he-perceptual"}),
    (["--quality", "71"], {"quality": 71}),
    (["--levels-quality", "30"], {"levels_quality": 30}),
    (["--jpeg-quality", "90"], {"jpeg_quality": 90}),
    (["--tune", "ssim"], {"tune": "ssim"}),
    (["--target-psnr", "33.5"], {"target_psnr": 33.5}),
    (["--chunk-psnr", "38"], {"chunk_psnr": 38.0}),
    (["--max-error", "2"], {"max_error": 2}),
    (["--exact-regions", "a.geojson"], {"exact_regions": "a.geojson"}),
    (
        ["--exact-all-levels", "--exact-regions", "a"],
        {"exact_regions": "a", "exact_all_levels": True},
    ),
    (["--archive"], {"archive": True}),
    (["--chunk", "256"], {"chunk_px": 256}),
    (["--tile-size", "256"], {"chunk_px": 256}),
    (["--shard", "1024"], {"shard_px": 1024}),
    (["--levels", "3"], {"levels": 3}),
    (["--resolutions", "3"], {"levels": 3}),
    (["--downsample", "4"], {"downsample": 4}),
    (["--use-existing-levels"], {"use_existing_levels": True}),
    (["--use-existing-resolutions"], {"use_existing_levels": True}),
    (["--ome-zarr-version", "0.4"], {"ome_zarr_version": "0.4"}),
    (["--ngff-version", "0.4"], {"ome_zarr_version": "0.4"}),
    (["--glass", "flatten"], {"glass": "flatten"}),
    (["--tissue", "network"], {"tissue": "network"}),
    (["--margin", "12.5"], {"margin_um": 12.5}),
    (["--bright-field", "no"], {"bright_field": "no"}),
    (["--name", "case 7"], {"name": "case 7"}),
    (["--label"], {"label": True}),
    (["--macro"], {"macro": True}),
    (["--confidential"], {"confidential": True}),
    (["--embed-weights"], {"embed_weights": True}),
    (["--workers", "3"], {"workers": 3}),
    (["-w", "3"], {"workers": 3}),
    (["--scheduler", "tcp://host:8786"], {"scheduler": "tcp://host:8786"}),
    (["--scratch", "/fast"], {"scratch": "/fast"}),
    (["--overwrite"], {"overwrite": True}),
    (["--resume"], {"resume": True}),
]


def parsed(*arguments: str) -> ConvertOptions:
    return values_of(ConvertOptions, make_parser().parse_args(["a.svs", *arguments]))


def test_nothing_asked_for_is_the_library_s_default() -> None:
    assert parsed() == ConvertOptions()


@pytest.mark.parametrize(
    ("arguments", "changed"), OPTIONS, ids=[arguments[0] for arguments, _ in OPTIONS]
)
def test_an_argument_changes_its_option_and_no_other(
    arguments: list[str], changed: dict[str, Any]
) -> None:
    assert asdict(parsed(*arguments)) == asdict(replace(ConvertOptions(), **changed))


def test_whole_floats_are_qualities_and_no_others() -> None:
    assert repr(parsed("--quality", "40.0")) == repr(ConvertOptions(quality=40))
    assert repr(ConvertOptions(quality=40.0)) == repr(ConvertOptions(quality=40))
    with pytest.raises(ConfigError, match=r"quality is 40\.5; it must be a whole number"):
        ConvertOptions(quality=40.5)


def test_every_option_of_the_library_can_be_given_as_an_argument() -> None:
    changed = {name for _, names in OPTIONS for name in names}

    assert changed == {field.name for field in fields(ConvertOptions)}


def test_every_argument_is_an_option_of_the_library_or_of_the_program() -> None:
    known = [field.name for kind in (Inputs, ConvertOptions, Work) for field in fields(kind)]

    assert sorted(vars(make_parser().parse_args([]))) == sorted(known)
