"""Checkpoints come in, in all the forms in which they are saved, and nothing else does."""

import hashlib
import importlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from numcodecs_neural.compressai import CompressAIImage, import_checkpoint, models_folder
from numcodecs_neural.compressai.architectures import ARCHITECTURES
from numcodecs_neural.errors import ConfigError, WeightsError
from tests.annotations import Image

FACTORIZED = "bmshj2018-factorized"


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.fixture
def save(library: object, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves anything as torch does."""
    import torch

    def write(content: object, name: str = "c.pth") -> Path:
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return write


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_checkpoint_is_kept_under_its_digest_with_its_tables(
    arch: str, make_checkpoint: Callable[..., Path], models: Path
) -> None:
    digest = import_checkpoint(make_checkpoint(arch), arch)

    (path,) = models.iterdir()
    assert path.name == f"{digest}.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    arrays = load_file(path)
    assert {name for name, array in arrays.items() if not array.size} == set()
    assert arrays["entropy_bottleneck._quantized_cdf"].max() == 1 << 16


def test_all_forms_of_a_state_dict_give_one_digest(
    make_net: Callable[..., Any], save: Callable[..., Path], tmp_path: Path
) -> None:
    state = make_net(FACTORIZED).state_dict()
    forms = {
        "training": {"state_dict": state, "optimizer": {"lr": 1e-4}, "epoch": 1},
        "zoo": state,
        "parallel": {"state_dict": {f"module.{key}": value for key, value in state.items()}},
        "old release": {
            key.replace("._matrix", "._matrices.")
            .replace("._bias", "._biases.")
            .replace("._factor", "._factors."): value
            for key, value in state.items()
        },
    }
    paths = [save(form, f"{name}.pth") for name, form in forms.items()]
    paths.append(tmp_path / "s.safetensors")
    save_file({key: value.numpy() for key, value in state.items()}, paths[-1])

    digests = {import_checkpoint(path, FACTORIZED) for path in paths}

    assert len(digests) == 1


def test_a_model_can_be_copied_from_another_models_folder(
    make_checkpoint: Callable[..., Path],
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = import_checkpoint(make_checkpoint("mbt2018-mean"), "mbt2018-mean")
    monkeypatch.setenv("NUMCODECS_NEURAL_MODELS", str(tmp_path / "other"))

    again = import_checkpoint(models / f"{digest}.safetensors", "mbt2018-mean")

    assert again == digest
    assert (models_folder() / f"{digest}.safetensors").exists()


@pytest.mark.parametrize("arch", ["bmshj2018-factorized", "mbt2018"])
def test_tables_are_never_made_by_a_reader(
    arch: str,
    make_codec: Callable[..., CompressAIImage],
    crop: Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from numcodecs_neural.compressai import sessions

    codec = make_codec(arch)
    sessions._sessions.clear()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a probability was computed")

    library = importlib.import_module("compressai.entropy_models")
    monkeypatch.setattr(library.EntropyModel, "_pmf_to_cdf", refuse)

    assert codec.decode(codec.encode(crop)).shape == crop.shape


@pytest.mark.parametrize("wrong", [a for a in ARCHITECTURES if a != "mbt2018-mean"])
def test_a_checkpoint_of_another_architecture_is_refused(
    wrong: str, make_checkpoint: Callable[..., Path], models: Path
) -> None:
    path = make_checkpoint("mbt2018-mean")

    with pytest.raises(WeightsError, match=f"is no {wrong} model"):
        import_checkpoint(path, wrong)
    assert not models.exists()


def test_a_kept_model_of_another_architecture_is_refused(
    make_checkpoint: Callable[..., Path], crop: Image, models: Path
) -> None:
    digest = import_checkpoint(make_checkpoint("mbt2018-mean"), "mbt2018-mean")

    with pytest.raises(WeightsError, match=r"is a mbt2018-mean.*bmshj2018-factorized"):
        CompressAIImage(FACTORIZED, weights=digest).encode(crop)
    with pytest.raises(WeightsError, match=r"is a mbt2018-mean.*bmshj2018-factorized"):
        import_checkpoint(models / f"{digest}.safetensors", FACTORIZED)


def test_a_pickle_with_code_is_refused_and_does_not_run(library: object, tmp_path: Path) -> None:
    path, target = tmp_path / "bomb.pth", tmp_path / "made-by-the-bomb"
    path.write_bytes(pickle.dumps({"state_dict": Bomb(target)}, protocol=2))

    with pytest.raises(WeightsError, match="may run code"):
        import_checkpoint(path, FACTORIZED)
    assert not target.exists()


def test_a_checkpoint_with_code_inside_is_refused(
    save: Callable[..., Path], tmp_path: Path
) -> None:
    path = save({"state_dict": {}, "args": Bomb(tmp_path / "made-by-the-bomb")})

    with pytest.raises(WeightsError, match="may run code"):
        import_checkpoint(path, FACTORIZED)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"state_dict": [1, 2]}, id="a list"),
        pytest.param({"model": {"epoch": 1}}, id="another dictionary"),
        pytest.param(7, id="a number"),
    ],
)
def test_what_is_no_state_dict_is_refused(content: object, save: Callable[..., Path]) -> None:
    with pytest.raises(WeightsError, match="holds no state dict"):
        import_checkpoint(save(content), FACTORIZED)


@pytest.mark.parametrize("name", ["c.pth", "c.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"\x00" * 100], ids=len)
def test_a_damaged_file_is_refused(
    content: bytes, name: str, library: object, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(WeightsError):
        import_checkpoint(tmp_path / name, FACTORIZED)


def test_a_truncated_checkpoint_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint()
    path.write_bytes(path.read_bytes()[:-1000])

    with pytest.raises(WeightsError, match="cannot read"):
        import_checkpoint(path, FACTORIZED)


def test_an_absent_checkpoint_is_named(library: object, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.pth"):
        import_checkpoint(tmp_path / "gone.pth", FACTORIZED)


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="elic2022"):
        import_checkpoint(tmp_path / "c.pth", "elic2022")


def test_weights_that_are_not_finite_are_refused(
    make_net: Callable[..., Any], save: Callable[..., Path]
) -> None:
    net = make_net(FACTORIZED)
    net.g_s[0].weight.data[0, 0] = float("nan")

    with pytest.raises(WeightsError, match=r"g_s\.0\.weight .*not finite"):
        import_checkpoint(save(net.state_dict()), FACTORIZED)


def test_a_model_of_too_few_channels_is_refused(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint("mbt2018-mean", channels=(2, 4))

    with pytest.raises(WeightsError, match="the least are 4"):
        import_checkpoint(path, "mbt2018-mean")


def test_an_absent_model_is_named_with_where_it_was_looked_for(
    library: object, crop: Image, models: Path
) -> None:
    digest = "ab" * 32

    with pytest.raises(WeightsError) as error:
        CompressAIImage("mbt2018", weights=digest).encode(crop)

    for said in (digest, "mbt2018", str(models), "NUMCODECS_NEURAL_MODELS"):
        assert said in str(error.value)


def test_a_damaged_model_is_refused(
    make_checkpoint: Callable[..., Path], crop: Image, models: Path
) -> None:
    digest = import_checkpoint(make_checkpoint(), FACTORIZED)
    path = models / f"{digest}.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(WeightsError, match="is damaged"):
        CompressAIImage(FACTORIZED, weights=digest).encode(crop)


def test_a_foreign_file_under_its_digest_is_refused(
    library: object, crop: Image, models: Path
) -> None:
    models.mkdir()
    save_file({"weight": np.zeros(3, np.float32)}, models / "foreign")
    digest = hashlib.sha256((models / "foreign").read_bytes()).hexdigest()
    (models / "foreign").rename(models / f"{digest}.safetensors")

    with pytest.raises(WeightsError, match="foreign safetensors file"):
        CompressAIImage(FACTORIZED, weights=digest).encode(crop)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda cdf: np.zeros_like(cdf), id="zeros"),
        pytest.param(lambda cdf: cdf[:, ::-1].copy(), id="falling"),
        pytest.param(lambda cdf: cdf[:, :2].copy(), id="shorter than it says"),
        pytest.param(lambda cdf: cdf[:0].copy(), id="none"),
    ],
)
def test_tables_that_would_mislead_the_coder_are_refused(
    spoil: Callable[[NDArray[np.int32]], NDArray[np.int32]],
    make_checkpoint: Callable[..., Path],
    crop: Image,
    models: Path,
) -> None:
    from numcodecs_neural.compressai.store import load_model, save_model

    digest = import_checkpoint(make_checkpoint(), FACTORIZED)
    arrays = dict(load_model(digest, FACTORIZED))
    name = "entropy_bottleneck._quantized_cdf"
    arrays[name] = spoil(arrays[name])

    with pytest.raises(WeightsError, match=r"table|model"):
        CompressAIImage(FACTORIZED, weights=save_model(FACTORIZED, arrays)).encode(crop)


def test_a_folder_that_cannot_be_made_is_named(
    make_checkpoint: Callable[..., Path], models: Path
) -> None:
    path = make_checkpoint()
    models.write_text("a file where the folder should be")

    with pytest.raises(WeightsError, match=str(models)):
        import_checkpoint(path, FACTORIZED)
