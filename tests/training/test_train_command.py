"""The commands: whole runs on generated images, and one sentence for what is wrong."""

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from numcodecs_neural.errors import ConfigError, SourceError, WeightsError
from numcodecs_neural.training.cli import register

pytest.importorskip("torch", reason="training needs torch")

from numcodecs_neural.training import model, phases, recipe
from numcodecs_neural.training.data import principal_components
from numcodecs_neural.training.fitting import export


@pytest.fixture(autouse=True)
def _small_models(monkeypatch: pytest.MonkeyPatch, small_shape: model.Shape) -> None:
    wider, grey = replace(small_shape, hyper=6), replace(small_shape, channels=1)
    kinds = {"small": small_shape, "wider": wider, "grey": grey}
    monkeypatch.setattr(model, "PRESETS", kinds, raising=False)


@pytest.fixture(autouse=True)
def _short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(principal_components, patches=2000)
    monkeypatch.setattr(phases, "principal_components", few)
    monkeypatch.setattr(recipe, "export", lambda *a, **k: export(*a, **{**k, "table_batches": 4}))


def run(*arguments: object) -> int:
    """Run a subcommand."""
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers(required=True))
    args = parser.parse_args(list(map(str, arguments)))
    code: int = args.run(args)
    return code


def train(folder: Path, work: Path, *more: object) -> int:
    quick = ("--kind", "small", "--steps", 4, "--finish-steps", 2, "--batch", 2, "--crop", 64)
    return run("train", folder, "--work", work, "--name", "small-1", *quick, *more)


def test_a_run_in_parts_gives_the_same_weights_and_says_what_it_did(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(folder, tmp_path / "whole") == 0
    for _ in range(5):
        assert train(folder, tmp_path / "parts", "--max-minutes", 0) == 0

    for kind in ("decoder", "encoder", "float16"):
        name = f"small-1.{kind}.safetensors"
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    result = json.loads((tmp_path / "whole" / "small-1.json").read_text())
    assert result["phases"]["float"]["steps"] == 4
    assert result["phases"]["integer"]["steps"] == 2
    assert result["settings"]["distortion"] == "mse"
    said = capsys.readouterr().out
    assert "images of 2 sources" in said
    assert said.count("stopped after --max-minutes; the same command continues") == 4


def test_training_reads_a_pack(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "images.pack"

    assert run("train", folder, "--kind", "small", "--pack", pack, "--pack-size", 1) == 0
    assert train(pack, tmp_path / "work", "--max-minutes", 0) == 0

    assert (tmp_path / "work" / "float.pt").exists()


def test_features_are_recorded_in_checkpoint_and_result(folder: Path, tmp_path: Path) -> None:
    from numcodecs_neural.training.checkpoints import read_checkpoint

    features = tmp_path / "f.safetensors"
    quick = ("--steps", 1, "--batch", 4, "--view", 32)
    assert run("pretrain-features", folder, "--work", tmp_path, "--out", features, *quick) == 0

    options = ("--distortion", "mse+features", "--features", features, "--max-minutes", 0)
    assert train(folder, tmp_path / "work", *options) == 0

    state = read_checkpoint(tmp_path / "work" / "float.pt")
    assert state is not None
    settings = json.loads(state["settings"])
    assert settings["distortion"] == "mse+features"
    assert len(settings["features"]) == 64


def test_another_run_begins_from_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path / "first", "--max-minutes", 0)
    init = ("--init", tmp_path / "first" / "float.pt")

    assert train(folder, tmp_path / "second", *init, "--max-minutes", 0) == 0
    with pytest.raises(WeightsError, match="holds a model of another shape"):
        run(
            *("train", folder, "--kind", "wider", "--work", tmp_path / "third", "--name", "x-1"),
            *init,
        )


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (("--kind", "huge"), ConfigError, "'huge' is unknown: take small, wider, grey"),
        (("--device", "cuda:99"), ConfigError, "--device 'cuda:99' cannot be used here"),
        (("--crop", 100), ConfigError, "crops of 100 pixels: take a multiple of 64"),
        (("--distortion", "ms-ssim", "--crop", 128), ConfigError, "take more than 160"),
        (("--kind", "grey"), SourceError, "no grey images .* 20 x 3 channels"),
        (("--crop", 256), SourceError, "20 x smaller than 256 x 256"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said(
    folder: Path, tmp_path: Path, options: tuple[str, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        train(folder, tmp_path / "work", *options)


def test_work_and_name_are_needed(folder: Path) -> None:
    with pytest.raises(ConfigError, match="train needs --work and --name"):
        run("train", folder, "--kind", "small")
