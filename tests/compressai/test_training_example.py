"""The training example, for a few steps: resumed, then used as a codec."""

import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from numcodecs_neural.compressai import CompressAIImage
from tests.annotations import Image

torch = pytest.importorskip("torch", reason="training needs torch")

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = Path(__file__).with_name("operators.py")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def command(library: object, tissue: Image, tmp_path: Path, work: Path) -> list[str]:
    """Return the command that trains a tiny model for some seconds at two rates."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        part = tissue[:, 100 * number : 100 * number + 160, :160].transpose(1, 2, 0)
        imagecodecs.imwrite(folder / f"{number}.png", np.ascontiguousarray(part))
    example = ROOT / "examples" / "train_compressai.py"
    arguments = "--channels 8,12 --batch 2 --crop 64 --threads 1 --minutes 0.1 --lmbda 0.002,0.02"
    run_it = [sys.executable, str(OPERATORS), str(example), str(folder), "--work", str(work)]
    return [*run_it, *arguments.split()]


def run(command: list[str]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_trained_models_code_and_are_not_trained_again(command: list[str], tissue: Image) -> None:
    first = run(command)
    again = run(command)

    assert [line.split(":")[0] for line in first[-2:]] == ["lambda 0.02", "lambda 0.002"]
    assert again == [first[0], *first[-2:]]
    crop = tissue[:, :64, :64]
    for line in first[-2:]:
        codec = CompressAIImage("bmshj2018-factorized", weights=line.split()[-1])
        assert codec.decode(codec.encode(crop)).shape == crop.shape


@pytest.mark.slow
def test_a_killed_run_continues_where_its_checkpoint_is(command: list[str], work: Path) -> None:
    checkpoint = work / "bmshj2018-factorized-0.02.pth.running"
    endless = [*command, "--minutes", "1000", "--checkpoint-seconds", "0.2"]
    with subprocess.Popen(endless, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        next(line for line in lines if "step" in line)
        next(line for line in lines if "step" in line)  # so the first one's checkpoint is whole
        process.kill()
    state = torch.load(checkpoint, weights_only=True)

    # Less than was spent: so it ends at once, with the steps that it had.
    run([*command, "--minutes", str(state["seconds"] / 60)])

    done = torch.load(work / "bmshj2018-factorized-0.02.pth.tar", weights_only=True)
    assert done["steps"] >= state["step"] > 0
