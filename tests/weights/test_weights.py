"""Weights: found by name and id, refused when their bytes are not what the catalogue says."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.dec_model import DecoderModel
from numcodecs_neural.networks.enc_model import EncoderModel
from numcodecs_neural.weights import by_id, catalogue, file_digest, load_decoder, resolve
from numcodecs_neural.weights.catalogue import (
    coefficient_weights,
    coefficient_weights_by_id,
    exact_weights,
    exact_weights_by_id,
)
from numcodecs_neural.weights.files import WeightsFile, read_weights, write_weights


@pytest.mark.parametrize("name", catalogue())
def test_shipped_files_have_the_digests_of_the_catalogue(name: str) -> None:
    info = resolve(name)

    assert file_digest(info.decoder_path) == info.sha256
    assert file_digest(info.encoder_path) == info.encoder_sha256
    assert by_id(info.id) == info


@pytest.mark.parametrize("name", catalogue())
def test_every_shipped_model_has_a_card(name: str, root: Path) -> None:
    card = (root / "numcodecs_neural" / "weights" / "cards" / f"{name}.md").read_text()

    info = resolve(name)
    assert info.sha256 in card
    assert info.encoder_sha256 in card
    for heading in ("Data", "Training", "Rate and distortion", "Limits"):
        assert f"## {heading}" in card


def test_the_exact_weights_have_their_digest_and_a_card(root: Path) -> None:
    info = exact_weights()

    assert file_digest(info.decoder_path) == info.sha256
    assert resolve("exact") == resolve(info.name) == exact_weights_by_id(info.id) == info
    card = (root / "numcodecs_neural" / "weights" / "cards" / f"{info.name}.md").read_text()
    assert info.sha256 in card
    for heading in ("Data", "Training", "Rate and distortion", "Limits"):
        assert f"## {heading}" in card


def test_the_weights_of_jpeg_coefficients_have_their_digest_and_a_card(root: Path) -> None:
    weights = coefficient_weights()

    assert file_digest(weights.path) == weights.sha256
    assert coefficient_weights_by_id(weights.id) == weights
    card = (root / "numcodecs_neural" / "weights" / "cards" / f"{weights.name}.md").read_text()
    assert weights.sha256 in card
    for heading in ("Data", "Training", "Bytes", "Limits"):
        assert f"## {heading}" in card


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(WeightsError, match=r"no weights called 'he-slow'; .*he-fast, .*he-fast-1"):
        resolve("he-slow")


def test_an_unknown_id_says_what_to_install() -> None:
    with pytest.raises(WeightsError, match=r"weights 0102030405060708, .*: install the release"):
        by_id(bytes(range(1, 9)))


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {
        "b": np.arange(3, dtype=np.int16),
        "a": np.ones((2, 2), np.uint8),
    }
    first = write_weights(tmp_path / "a", {"x": 1, "y": [2]}, arrays)
    second = write_weights(tmp_path / "b", {"y": [2], "x": 1}, dict(reversed(arrays.items())))

    assert first == second
    file = read_weights(tmp_path / "a", sha256=first)
    assert file.description == {"x": 1, "y": [2]}
    np.testing.assert_array_equal(file.arrays["a"], arrays["a"])


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    info = resolve("he-fast-1")
    content = bytearray(info.decoder_path.read_bytes())
    content[-1] ^= 1
    (tmp_path / "changed").write_bytes(content)

    with pytest.raises(WeightsError, match=r"should have .*: reinstall"):
        read_weights(tmp_path / "changed", sha256=info.sha256)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "is no weights file", id="empty"),
        pytest.param(b"\xff" * 64, "is no weights file", id="garbage"),
        pytest.param(None, "cannot read the weights file", id="absent"),
    ],
)
def test_other_files_are_refused(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(WeightsError, match=says):
        read_weights(path)


def test_a_lost_file_of_the_package_says_to_reinstall(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot read the weights file .*; reinstall"):
        read_weights(tmp_path / "lost", sha256=resolve("he-fast-1").sha256)


def test_foreign_safetensors_are_refused(tmp_path: Path) -> None:
    save_file({"w": np.zeros(3, np.float32)}, tmp_path / "bare")
    save_file(
        {"w": np.zeros(3, np.float32)},
        tmp_path / "floats",
        metadata={"description": json.dumps({})},
    )

    with pytest.raises(WeightsError, match=r"is no weights file"):
        read_weights(tmp_path / "bare")
    with pytest.raises(WeightsError, match="not integers"):
        read_weights(tmp_path / "floats")


def _without(file: WeightsFile, key: str) -> WeightsFile:
    arrays = {k: v for k, v in file.arrays.items() if k != key}
    description = {k: v for k, v in file.description.items() if k != key}
    return replace(file, arrays=arrays, description=description)


@pytest.mark.parametrize("key", ["step", "groups", "context2.weight", "tables.size", "networks"])
def test_a_decoder_that_lacks_something_is_refused(key: str) -> None:
    file = load_decoder(resolve("he-fast-1"))

    with pytest.raises(WeightsError, match="lacks"):
        DecoderModel.from_file(_without(file, key))


def test_a_decoder_whose_sums_are_not_exact_is_refused() -> None:
    file = load_decoder(resolve("he-fast-1"))
    arrays: dict[str, Any] = dict(file.arrays)
    arrays["p.weight"] = np.full_like(arrays["p.weight"], 100)

    with pytest.raises(WeightsError, match=r"layer 'p', channel .*: sums may reach"):
        DecoderModel.from_file(replace(file, arrays=arrays))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda arrays: {k: arrays[k][:-1] for k in arrays if k.startswith("tables.")},
            "there are 191 symbol tables",
            id="a table of a class is missing",
        ),
        pytest.param(
            lambda arrays: {"hyper_index": arrays["hyper_index"] | 64},
            "192 symbol tables, and hyper-latents are of class",
            id="hyper-latents in tables of latents",
        ),
    ],
)
def test_a_decoder_without_three_tables_for_every_class_is_refused(
    change: Callable[[Any], dict[str, Any]], says: str
) -> None:
    file = load_decoder(resolve("he-fast-1"))
    arrays: dict[str, Any] = {**file.arrays, **change(file.arrays)}

    with pytest.raises(WeightsError, match=says):
        DecoderModel.from_file(replace(file, arrays=arrays))


def test_an_encoder_of_other_weights_is_refused() -> None:
    info = resolve("he-fast-1")

    with pytest.raises(WeightsError, match="belongs to other decoder weights"):
        EncoderModel.from_file(read_weights(info.encoder_path), "0" * 64)
