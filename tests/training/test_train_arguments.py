"""What is wrong with arguments is said in one line, with exit code 2, before any work."""

import sys
from pathlib import Path

import numpy as np
import pytest

from numcodecs_neural import cli
from numcodecs_neural.arguments import check_output_file
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training import arguments
from tests.annotations import Refused


@pytest.fixture(params=["train", "pretrain-features"])
def command(request: pytest.FixtureRequest) -> str:
    """Return each of the two commands in turn."""
    name: str = request.param
    return name


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    """Return a function that runs a command which must be refused, and returns what it said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    # Looked for and not read: reading it would fail, with exit code 1.
    (tmp_path / "images" / "a.png").touch()
    (tmp_path / "empty").mkdir()
    needed = {
        "train": ("--work", "work", "--name", "x-1"),
        "pretrain-features": ("--work", "work", "--out", "x.safetensors"),
    }
    before = sorted(tmp_path.rglob("*"))

    def run(name: str, *options: str, images: str = "images") -> str:
        with pytest.raises(SystemExit) as stopped:
            cli.main([name, images, *needed[name], *options])
        assert stopped.value.code == 2
        assert sorted(tmp_path.rglob("*")) == before
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        return err

    return run


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--steps", "0", "'0' is no whole number from 1 on"),
        ("--steps", "-1", "'-1' is no whole number from 1 on"),
        ("--steps", "9" * 5000, "is no whole number from 1 on"),
        ("--minutes", "0", "'0' is no number above 0"),
        ("--minutes", "inf", "'inf' is no number above 0"),
        ("--max-minutes", "-1", "'-1' is no number from 0 on"),
        ("--max-minutes", "nan", "'nan' is no number from 0 on"),
        ("--rate", "nan", "'nan' is no number above 0"),
        ("--batch", "0", "is no whole number from"),
        ("--threads", "0", "'0' is no whole number from 1 to 1024"),
        ("--threads", "-1", "'-1' is no whole number from 1 to 1024"),
        ("--threads", str(10**20), "is no whole number from 1 to 1024"),
        ("--seed", "-1", "'-1' is no whole number from 0 to 18446744073709551615"),
        ("--seed", str(2**64), "is no whole number from 0 to 18446744073709551615"),
    ],
    ids=lambda value: value[:13],
)
def test_numbers_that_mean_nothing_are_refused(
    command: str, option: str, value: str, says: str, refused: Refused
) -> None:
    err = refused(command, option, value)

    assert f"argument {option}: " in err
    assert says in err


def test_a_negative_crop_is_refused(refused: Refused) -> None:
    pytest.importorskip("torch", reason="what crops may be is known to what trains")

    assert "crops of -64 pixels: take a multiple of 64, above 0" in refused(
        "train", "--crop", "-64"
    )


@pytest.mark.parametrize("device", ["meta", "abacus", "cuda:-1", ""])
def test_devices_that_nothing_trains_on_are_refused(
    command: str, device: str, refused: Refused
) -> None:
    err = refused(command, "--device", device)

    assert f"argument --device: {device!r} is not cpu, cuda or cuda:N" in err


@pytest.mark.parametrize("seed", [0, arguments.SEEDS - 1], ids=["first", "last"])
def test_torch_and_numpy_take_the_seeds_that_are_let_through(seed: int) -> None:
    torch = pytest.importorskip("torch", reason="it is what takes the seed")

    torch.manual_seed(seed)

    assert torch.initial_seed() % arguments.SEEDS == seed
    assert np.random.default_rng((seed, 1)).random() < 1


@pytest.mark.parametrize(
    "name",
    ["bad/name", "", ".", "..", "he-fast", "he-fast-", "he-fast-0", "-1", "a b-1", "x" * 300],
)
def test_names_that_are_not_name_and_number_are_refused(name: str, refused: Refused) -> None:
    err = refused("train", "--name", name)

    assert f"argument --name: {name!r} is no name such as liver-1: take" in err


@pytest.mark.parametrize("name", ["he-fast-1", "he-fast-2"])
def test_a_name_of_the_catalogue_is_refused(name: str, refused: Refused) -> None:
    err = refused("train", "--name", name)

    assert f"the package has weights called {name!r}: take another number" in err


@pytest.mark.parametrize("name", ["he-fast-77", "x-1", "Liver_2-10", "a" * 60 + "-1"])
def test_names_with_a_number_are_taken(name: str) -> None:
    assert arguments.weights_name(name) == name


@pytest.mark.parametrize(
    ("name", "option", "value", "says"),
    [
        ("train", "--finish-steps", "0", "--finish-steps: '0' is no whole number from 1 on"),
        ("train", "--finish-minutes", "nan", "--finish-minutes: 'nan' is no number above 0"),
        ("train", "--workers", "-1", "--workers: '-1' is no whole number from 0 to 1024"),
        ("train", "--pack-size", "nan", "--pack-size: 'nan' is no number above 0"),
        ("pretrain-features", "--view", "0", "--view: '0' is no whole number from 16 to 4096"),
        ("pretrain-features", "--batch", "1", "--batch: '1' is no whole number from 2 to 65536"),
        ("pretrain-features", "--out", "nowhere/x.safetensors", "nowhere is not a folder"),
        ("pretrain-features", "--out", "x.txt", "'x.txt' does not end in .safetensors"),
        ("train", "--pack", "nowhere/x.pack", "nowhere is not a folder"),
        ("train", "--pack", "images", "images cannot be written: it is a folder"),
    ],
)
def test_values_that_one_command_cannot_use_are_refused(
    name: str, option: str, value: str, says: str, refused: Refused
) -> None:
    assert says in refused(name, option, value)


@pytest.mark.parametrize(
    ("work", "says"),
    [
        ("images/a.png", "a.png is not a folder"),
        ("images/a.png/work", "a.png is not a folder"),
        ("", "argument --work: '' is no path"),
    ],
)
def test_work_that_cannot_be_a_folder_is_refused(
    command: str, work: str, says: str, refused: Refused
) -> None:
    assert says in refused(command, "--work", work)


def test_the_folder_that_a_run_makes_may_hold_what_it_writes(tmp_path: Path) -> None:
    check_output_file(tmp_path / "runs" / "f.safetensors", made=tmp_path / "runs" / "work")

    with pytest.raises(ConfigError, match="other is not a folder"):
        check_output_file(tmp_path / "other" / "f.safetensors", made=tmp_path / "runs")


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ("nowhere", "nowhere does not exist: give folders of images, or packs"),
        ("empty", "there are no images below empty"),
    ],
)
def test_inputs_that_are_not_there_are_wrong_usage(
    command: str, images: str, says: str, refused: Refused
) -> None:
    assert says in refused(command, images=images)


@pytest.mark.parametrize("option", ["--features", "--init"])
def test_networks_that_are_not_there_are_wrong_usage(option: str, refused: Refused) -> None:
    assert f"{option} nowhere is not a file" in refused("train", option, "nowhere")


def test_a_pack_is_not_made_of_what_is_not_there(refused: Refused) -> None:
    assert "nowhere does not exist" in refused("train", "--pack", "x.pack", images="nowhere")


def test_training_without_torch_names_the_extra_to_install(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    arguments = ["--work", str(tmp_path / "work")]
    if command == "pretrain-features":
        arguments += ["--out", "x.safetensors"]
    code = cli.main([command, str(tmp_path), *arguments])

    assert code == 1
    assert capsys.readouterr().err == (
        "numcodecs-neural: training needs torch, not installed here: "
        "pip install 'numcodecs-neural[train]'\n"
    )
