"""Training goes on where it stopped, as if it had not; and never keeps NaN."""

import copy
import re
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from torch import Tensor  # noqa: E402

from numcodecs_neural.errors import ConfigError, WeightsError  # noqa: E402
from numcodecs_neural.training.checkpoints import (  # noqa: E402
    load_weights,
    previous_of,
    read_checkpoint,
    read_initial_weights,
    write_checkpoint,
    write_float16,
)
from numcodecs_neural.training.data import Crops, principal_components  # noqa: E402
from numcodecs_neural.training.loop import Trainer  # noqa: E402
from numcodecs_neural.training.losses import Distortion  # noqa: E402
from numcodecs_neural.training.model import Codec, Shape  # noqa: E402
from numcodecs_neural.training.quantize import calibrate  # noqa: E402
from numcodecs_neural.training.run import Progress, Schedule  # noqa: E402

SETTINGS = {"shape": "small", "seed": 0}
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def fresh(crops: Crops, small_shape: Shape) -> Codec:
    """Return a codec as training begins with it."""
    torch.manual_seed(0)
    codec = Codec(small_shape)
    components, mean = principal_components(crops.with_seed(5), small_shape.latents, patches=2000)
    codec.start_from_principal_components(torch.from_numpy(components), torch.from_numpy(mean))
    return codec


@pytest.fixture(scope="module")
def calibrated(crops: Crops, fresh: Codec) -> Codec:
    """Return the same, computing as integers."""
    codec = copy.deepcopy(fresh)
    batch = torch.from_numpy(crops.with_seed(6).batch(2, 64))
    calibrate(codec, [(batch, torch.tensor([0.1, 0.9]))])
    return codec


def trainer_of(codec: Codec, path: Path, *, steps: int = 6, workers: int = 0) -> Trainer:
    """Return a trainer of a copy of `codec`."""
    schedule = Schedule(steps=steps, batch=2, crop_px=64)
    codec = copy.deepcopy(codec)
    return Trainer(codec, schedule, path, settings=SETTINGS, workers=workers)


def silent(line: str) -> None:
    """Take a report."""


def assert_equal(one: Weights, other: Weights) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize("kind", ["fresh", "calibrated"])
def test_an_interrupted_run_ends_in_the_same_weights(
    crops: Crops,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    kind: str,
) -> None:
    monkeypatch.setattr("numcodecs_neural.training.loop.SETTLE_STEPS", 4)
    codec: Codec = request.getfixturevalue(kind)
    whole = trainer_of(codec, tmp_path / "whole.pt")
    assert whole.run(crops, silent)

    for _ in range(5):  # each stops after one step
        part = trainer_of(codec, tmp_path / "part.pt")
        part.resume()
        assert not part.run(crops, silent, deadline=0)
    part = trainer_of(codec, tmp_path / "part.pt")
    assert part.resume()
    assert part.run(crops, silent, deadline=0)

    assert part.steps == whole.steps == 6
    assert_equal(part.codec.state_dict(), whole.codec.state_dict())
    assert_equal(part.average.state_dict(), whole.average.state_dict())


def test_a_finished_run_does_nothing_more(crops: Crops, fresh: Codec, tmp_path: Path) -> None:
    trainer_of(fresh, tmp_path / "c.pt", steps=1).run(crops, silent)
    content = (tmp_path / "c.pt").read_bytes()

    again = trainer_of(fresh, tmp_path / "c.pt", steps=1)
    again.resume()

    assert again.run(crops, silent)
    assert (tmp_path / "c.pt").read_bytes() == content


def test_a_run_by_minutes_ends_when_they_are_over(
    crops: Crops, fresh: Codec, tmp_path: Path
) -> None:
    trainer = trainer_of(fresh, tmp_path / "c.pt")
    trainer.schedule = Schedule(minutes=0.004, batch=2, crop_px=64)
    lines: list[str] = []

    assert trainer.run(crops, lines.append)

    assert trainer.seconds >= 0.24
    assert trainer.steps >= 1  # a slow machine takes longer for one
    pattern = r"\(0\.0 left\)  step \d+ .* lr .* bpp .* psnr .* loss .* = rate \d+ % \+ mse \d+ %"
    assert re.search(pattern, lines[-1])


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_divergence_stops_and_keeps_the_last_good_checkpoint(
    crops: Crops, fresh: Codec, tmp_path: Path, where: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    trainer = trainer_of(fresh, path)
    trainer.save()
    good = path.read_bytes()
    bias = trainer.codec.g_s.linear.bias
    if where == "loss":
        with torch.no_grad():
            bias.fill_(float("nan"))
    else:
        bias.register_hook(lambda grad: grad * float("inf"))  # type: ignore[no-untyped-call]

    with pytest.raises(FloatingPointError, match=f"the {where} of step 0 is not finite; the last"):
        trainer.run(crops, silent)

    assert path.read_bytes() == good


def test_nan_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    write_checkpoint(path, {"a": {"b": torch.ones(2)}}, SETTINGS)
    good = path.read_bytes()

    with pytest.raises(FloatingPointError, match=r"a\.b holds numbers that are not finite"):
        write_checkpoint(path, {"a": {"b": torch.tensor([1.0, torch.inf])}}, SETTINGS)

    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_the_checkpoint_before_is_kept_and_used_if_the_last_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    for number in range(3):
        write_checkpoint(path, {"steps": number}, SETTINGS)

    last = read_checkpoint(path, SETTINGS)
    path.unlink()
    before = read_checkpoint(path, SETTINGS)

    assert last is not None
    assert before is not None
    assert (last["steps"], before["steps"]) == (2, 1)
    previous_of(path).unlink()
    assert read_checkpoint(path, SETTINGS) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "empty"])
def test_a_damaged_checkpoint_is_named(fresh: Codec, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c.pt"
    trainer_of(fresh, path).save()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged: dict[str, bytes | bytearray] = {
        "cut": content[:-900],
        "flipped": content,
        "text": b"no checkpoint",
        "empty": b"",
    }
    path.write_bytes(damaged[damage])

    with pytest.raises(WeightsError, match=r"c\.pt is damaged: delete it, to go on from c\.pt"):
        trainer_of(fresh, path).resume()


def test_a_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "c.pt")

    with pytest.raises(WeightsError, match="is no checkpoint of numcodecs-neural"):
        read_checkpoint(tmp_path / "c.pt")


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c.pt", {}, SETTINGS)

    with pytest.raises(ConfigError, match="was begun with seed 0 instead of 1: continue with"):
        read_checkpoint(tmp_path / "c.pt", {**SETTINGS, "seed": 1})
    with pytest.raises(ConfigError, match=r"holds a model of another shape: .* --kind"):
        read_checkpoint(tmp_path / "c.pt", {**SETTINGS, "shape": "large"})


def test_other_runs_begin_from_checkpoints_and_from_float16(fresh: Codec, tmp_path: Path) -> None:
    trainer = trainer_of(fresh, tmp_path / "c.pt")
    trainer.save()
    write_float16(tmp_path / "c.safetensors", trainer.average.state_dict())

    whole = read_initial_weights(tmp_path / "c.pt")
    half = read_initial_weights(tmp_path / "c.safetensors")

    assert_equal(whole, trainer.average.state_dict())
    load_weights(copy.deepcopy(fresh), half, tmp_path / "c.safetensors")
    for name in whole:
        torch.testing.assert_close(half[name], whole[name], rtol=1e-3, atol=1e-3)


def test_weights_of_another_shape_or_program_are_refused(fresh: Codec, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    trainer_of(fresh, tmp_path / "c.pt").save()
    save_file({"a": torch.ones(1)}, tmp_path / "foreign.safetensors")
    other = Codec(replace(fresh.shape, hyper=6))

    with pytest.raises(WeightsError, match=r"holds a model of another shape, with .* the --kind"):
        load_weights(other, read_initial_weights(tmp_path / "c.pt"), tmp_path / "c.pt")
    with pytest.raises(WeightsError, match="no float weights of numcodecs-neural"):
        read_initial_weights(tmp_path / "foreign.safetensors")


def test_half_precision_leaves_the_linear_transforms_alone(fresh: Codec, tmp_path: Path) -> None:
    from numcodecs_neural.training.loop import _exact_transforms

    codec = trainer_of(fresh, tmp_path / "c.pt").codec
    x = torch.randn(1, 3 * 256, 4, 4) * 1000
    plain = codec.g_a.linear(x)

    with torch.autocast("cpu", torch.bfloat16):
        rough = codec.g_a.linear(x)
        with _exact_transforms(codec):
            exact = codec.g_a.linear(x)

    assert torch.equal(exact, plain)
    assert not torch.equal(rough.float(), plain)
    assert "forward" not in vars(codec.g_a.linear)


@pytest.mark.parametrize("name", ["mse", "ms-ssim"])
def test_a_grey_model_trains_on_16_bit_planes(
    tmp_path: Path, small_shape: Shape, name: str
) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    planes = [rng.integers(0, 3000, (200, 200, 1)).astype(np.uint16) for _ in range(2)]
    crops = Crops({"cells": planes}, 0)
    codec = Codec(replace(small_shape, channels=1))
    schedule = Schedule(steps=2, batch=2, crop_px=192)
    lines: list[str] = []

    trainer = Trainer(codec, schedule, tmp_path / "c.pt", distortion=Distortion(name))

    assert trainer.run(crops, lines.append)
    assert f"% + {name} " in lines[-1]


def test_crops_drawn_by_other_processes_are_the_same(
    crops: Crops, fresh: Codec, tmp_path: Path
) -> None:
    own = trainer_of(fresh, tmp_path / "own.pt", steps=3)
    own.run(crops, silent)

    helped = trainer_of(fresh, tmp_path / "helped.pt", steps=3, workers=1)
    helped.run(crops, silent)

    assert_equal(own.codec.state_dict(), helped.codec.state_dict())


def test_time_left_follows_from_time_spent() -> None:
    progress = Progress(seconds=600, steps=90)
    progress.add({"loss": 1.0, "share rate": 0.25, "share mse": 0.75})
    progress.add({"loss": 3.0, "share rate": 0.75, "share mse": 0.25})

    line = progress.line(steps=100, spent=0.25, rate=3e-4)

    assert "10.0 min (30.0 left)  step 100" in line
    assert line.endswith("lr 3.0e-04  loss 2.0000 = rate 50 % + mse 50 %")
