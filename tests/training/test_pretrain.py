"""The feature network learns by contrast: resumable, and what it learns is useful."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from numcodecs_neural.errors import ConfigError, SourceError  # noqa: E402
from numcodecs_neural.training.features import load_features  # noqa: E402
from numcodecs_neural.training.pretrain import Plan, found_of, nt_xent, pretrain  # noqa: E402
from numcodecs_neural.training.views import view_of  # noqa: E402


def test_nt_xent_is_the_cross_entropy_of_the_partner() -> None:
    # Two tiles, views at right angles or equal: exp(10) against twice exp(0).
    z = torch.eye(2).repeat(2, 1)

    loss, found = nt_xent(z)

    assert loss.item() == pytest.approx(np.log(np.exp(10) + 2) - 10, abs=1e-6)
    assert found.item() == 1


def test_found_counts_rows_whose_partner_is_nearest() -> None:
    one = torch.eye(4)

    assert found_of(one, one).item() == 1
    assert found_of(one, one[[0, 1, 3, 2]]).item() == 0.5


def test_views_show_the_tile_in_other_colours_and_places() -> None:
    tiles = torch.full((64, 3, 32, 32), 200.0)
    tiles[:, 1] = 120.0

    one, other = (view_of(tiles, 24, torch.Generator().manual_seed(seed)) for seed in (0, 1))

    assert one.shape == (64, 3, 24, 24)
    assert 0 <= one.min() <= one.max() <= 255
    assert torch.equal(one, view_of(tiles, 24, torch.Generator().manual_seed(0)))
    shift = (one - other).abs().mean((1, 2, 3))
    assert 2 < shift.mean() < 60
    # The tiles were flat: places change nothing, colours change as a whole.
    assert one.std((2, 3)).max() < 0.01


def test_a_short_run_learns_to_tell_tiles_apart(folder: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    plan = Plan(steps=12, batch=16, view_px=32)

    assert pretrain(folder, tmp_path / "work", tmp_path / "f.safetensors", plan, lines.append)

    network, digest = load_features(tmp_path / "f.safetensors")
    assert digest in lines[-1]
    share = float(lines[-1].split(";")[1].split()[0])
    assert share > 3 / 64  # of 50 tiles of two images; chance is one in 50
    assert network.scale > 0


def test_a_stopped_run_ends_in_the_same_file(folder: Path, tmp_path: Path) -> None:
    files = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    plan = Plan(steps=3, batch=4, view_px=32)

    assert pretrain(folder, tmp_path / "a", files[0], plan, lambda line: None)
    for _ in range(2):
        assert not pretrain(folder, tmp_path / "b", files[1], plan, lambda line: None, deadline=0.0)
        assert not files[1].exists()
    assert pretrain(folder, tmp_path / "b", files[1], plan, lambda line: None, deadline=0.0)

    assert files[0].read_bytes() == files[1].read_bytes()


def test_another_plan_does_not_continue_a_run(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "f.safetensors"
    pretrain(folder, tmp_path, out, Plan(steps=1, batch=4, view_px=32), lambda line: None)

    with pytest.raises(ConfigError, match="was begun with batch 4 instead of 5"):
        pretrain(folder, tmp_path, out, Plan(steps=1, batch=5, view_px=32), lambda line: None)


def test_one_image_is_not_enough(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one.png").write_bytes((folder / "set0" / "00.png").read_bytes())

    with pytest.raises(SourceError, match="it takes two images or more"):
        pretrain(tmp_path / "images", tmp_path, tmp_path / "f", Plan(steps=1, view_px=32))
