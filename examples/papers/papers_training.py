"""Training of a small network on one core: seeded, in steps or minutes, with checkpoints."""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch

CHECKPOINT_S = 60
LARGEST_NORM = 1.0


def add_options(parser: argparse.ArgumentParser, *, minutes: float) -> None:
    """Add what every training takes."""
    parser.add_argument("--work", type=Path, required=True, help="folder of the weights")
    parser.add_argument(
        "--minutes", type=float, default=minutes, help=f"of a core, a network ({minutes:g})"
    )
    parser.add_argument("--steps", type=int, help="in place of minutes: the same on any machine")
    parser.add_argument("--seed", type=int, default=0)


def train(
    net: torch.nn.Module,
    loss_of: Callable[[int], torch.Tensor],
    done: Path,
    options: argparse.Namespace,
    *,
    rate: float = 2e-3,
) -> None:
    """Lower the loss of step after step, and write the weights to `done`.

    A run that was stopped continues from its checkpoint; weights that are there are kept.

    Parameters
    ----------
    loss_of : callable
        ``loss_of(step)`` draws what it needs by the number of the step.
    """
    if done.exists():
        return
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=rate)
    partial = done.with_suffix(".running")
    spent_s, step = resume(partial, net, optimizer)
    begin, saved, losses = time.process_time() - spent_s, time.monotonic(), []
    torch.manual_seed(options.seed + step)
    while (share := share_of(options, time.process_time() - begin, step)) < 1:
        loss = loss_of(step)
        take_step(optimizer, loss, rate * rate_factor(share))
        losses.append(loss.item())
        step += 1
        if time.monotonic() - saved > CHECKPOINT_S:
            spent_s, saved = time.process_time() - begin, time.monotonic()
            report(done, spent_s, step, losses)
            keep(partial, net, optimizer, spent_s, step)
            losses.clear()
    report(done, time.process_time() - begin, step, losses)
    write({"net": net.state_dict(), "steps": step}, done)
    partial.unlink(missing_ok=True)


def share_of(options: argparse.Namespace, spent_s: float, step: int) -> float:
    """Return which share of the training is over."""
    return step / options.steps if options.steps else spent_s / (60 * options.minutes)


def rate_factor(share: float) -> float:
    """Return the factor of the learning rate: flat for the first half, then down to a 50th."""
    return 0.02 + 0.49 * (1 + math.cos(math.pi * max(0.0, 2 * share - 1)))


def take_step(optimizer: torch.optim.Optimizer, loss: torch.Tensor, rate: float) -> None:
    (group,) = optimizer.param_groups
    group["lr"] = rate
    optimizer.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(group["params"], LARGEST_NORM)
    if not torch.isfinite(norm):
        raise SystemExit("the loss is no longer finite: start again from the last checkpoint")
    optimizer.step()


def report(done: Path, spent_s: float, step: int, losses: list[float]) -> None:
    if losses:
        mean = sum(losses) / len(losses)
        print(f"{done.stem}: {spent_s / 60:.1f} min, step {step}, loss {mean:.4f}", flush=True)


def resume(path: Path, net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> tuple[float, int]:
    """Go on from a checkpoint, if there is one; return the seconds and the steps before."""
    if not path.exists():
        return 0.0, 0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    return state["spent_s"], state["step"]


def keep(
    path: Path, net: torch.nn.Module, optimizer: torch.optim.Optimizer, spent_s: float, step: int
) -> None:
    state = {"net": net.state_dict(), "optimizer": optimizer.state_dict()}
    write(state | {"spent_s": spent_s, "step": step}, path)


def write(state: dict[str, object], path: Path) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def load_weights(net: torch.nn.Module, path: Path) -> int:
    """Load what `train` wrote; return the number of its steps."""
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    return int(state["steps"])
