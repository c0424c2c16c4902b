# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[compressai,train]", "compressai", "torch"]
# ///
"""Train a model of the papers on a folder of images, and keep it for CompressAIImage.

python train_compressai.py FOLDER --work WORK [--arch bmshj2018-factorized] [--minutes 120]

One model for each lambda, from the highest rate down; each starts from the one before, so the first
takes half of the time. Crops are those that our own weights are trained on. A stopped run continues
with the same command: checkpoints are written every minute. What is printed last are the digests
for CompressAIImage(arch, weights=...).
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from compressai.zoo.image import model_architectures

from numcodecs_neural.compressai import import_checkpoint
from numcodecs_neural.training.data import Crops
from numcodecs_neural.training.sources import load_images

FIRST_SHARE = 0.5  # of the time, for the model that starts from nothing


def main() -> None:
    options = parse()
    if options.threads:
        torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    images = load_images(options.folder, smallest_px=options.crop)
    print(images, flush=True)
    crops = Crops(images.sets, options.seed)

    digests, start = {}, None
    for lmbda, minutes in shares(options.lmbda, options.minutes):
        done = options.work / f"{options.arch}-{lmbda:g}.pth.tar"
        if not done.exists():
            train(new_model(options, start), crops, lmbda, minutes, done, options)
        start = done
        digests[lmbda] = import_checkpoint(done, options.arch)
    for lmbda, digest in digests.items():
        print(f"lambda {lmbda:g}: {digest}")


def train(
    net: torch.nn.Module,
    crops: Crops,
    lmbda: float,
    minutes: float,
    done: Path,
    options: argparse.Namespace,
) -> None:
    """Train for the minutes and write `done`, in the form that CompressAI's own training saves."""
    partial = done.with_suffix(".running")
    # The quantiles only say where tables end, so they are searched for when training is over.
    trained = [p for name, p in net.named_parameters() if not name.endswith("quantiles")]
    optimizer = torch.optim.Adam(trained, lr=options.rate)
    seconds, step = resume(partial, net, optimizer)
    net.train()
    saved, last, log = time.monotonic(), time.monotonic(), []
    while seconds < 60 * minutes:
        factor = rate_factor(seconds / (60 * minutes))
        for group in optimizer.param_groups:
            group["lr"] = options.rate * factor
        crops.seek(step)
        x = torch.from_numpy(crops.batch(options.batch, options.crop)).to(options.device) / 255
        bpp, mse = rate_and_distortion(net(x), x)
        loss = lmbda * 255**2 * mse + bpp
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, 1.0)
        if not torch.isfinite(norm):
            raise SystemExit(f"step {step} is not finite; the last good state is in {partial}")
        optimizer.step()
        log.append((loss.item(), bpp.item(), -10 * math.log10(max(mse.item(), 1e-10))))
        step, now = step + 1, time.monotonic()
        seconds, last = seconds + now - last, now
        if now - saved > options.checkpoint_seconds or seconds >= 60 * minutes:
            mean = [sum(column) / len(log) for column in zip(*log, strict=True)]
            print(
                f"lambda {lmbda:g}  {seconds / 60:6.1f} min  step {step}  loss {mean[0]:.4f}  "
                f"bpp {mean[1]:.3f}  PSNR {mean[2]:.2f}",
                flush=True,
            )
            state = {"net": net.state_dict(), "optimizer": optimizer.state_dict()}
            write(state | {"seconds": seconds, "step": step}, partial)
            saved, last, log = time.monotonic(), time.monotonic(), []
    net.update(force=True, update_quantiles=True)
    write({"state_dict": net.state_dict(), "lmbda": lmbda, "steps": step}, done)
    partial.unlink(missing_ok=True)


def rate_and_distortion(out: dict, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the estimated bits per pixel, and the mean squared error for pixels of 0..1."""
    pixels = x.shape[0] * x.shape[2] * x.shape[3]
    bits = sum(-torch.log2(p).sum() for p in out["likelihoods"].values())
    return bits / pixels, torch.nn.functional.mse_loss(out["x_hat"], x)


def shares(lmbdas: list[float], minutes: float) -> Iterator[tuple[float, float]]:
    """Yield each lambda, largest first, with its minutes."""
    first = minutes * FIRST_SHARE if len(lmbdas) > 1 else minutes
    for number, lmbda in enumerate(sorted(lmbdas, reverse=True)):
        yield lmbda, first if number == 0 else (minutes - first) / (len(lmbdas) - 1)


def rate_factor(spent: float) -> float:
    """Learning rate factor after the fraction `spent` of the time: flat, then down to a 50th."""
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * max(0.0, (spent - 0.5) / 0.5)))


def new_model(options: argparse.Namespace, start: Path | None) -> torch.nn.Module:
    """Return a model with random weights, or with those of the model before."""
    torch.manual_seed(options.seed)
    build = model_architectures[options.arch]
    channels = options.channels[:1] if options.arch.startswith("cheng") else options.channels
    net = build(*channels)
    if start is not None:
        net.load_state_dict(torch.load(start, weights_only=True)["state_dict"])
    return net.to(options.device)


def resume(path: Path, net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> tuple[float, int]:
    """Continue from a checkpoint, if there is one; return seconds and steps spent before."""
    if not path.exists():
        return 0.0, 0
    state = torch.load(path, weights_only=True, map_location="cpu")
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    return state["seconds"], state["step"]


def write(state: dict, path: Path) -> None:
    """Write a file whole or not at all."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def parse() -> argparse.Namespace:
    def numbers(kind: type) -> object:
        return lambda text: [kind(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="images, or a pack of them")
    parser.add_argument("--work", type=Path, required=True, help="checkpoints and models")
    parser.add_argument("--arch", choices=list(model_architectures), default="bmshj2018-factorized")
    parser.add_argument(
        "--lmbda", type=numbers(float), default=[0.0932, 0.025, 0.0067, 0.0018], metavar="A,B,.."
    )
    parser.add_argument("--channels", type=numbers(int), default=[128, 192], metavar="N,M")
    parser.add_argument("--minutes", type=float, default=120, help="for all lambdas together (120)")
    parser.add_argument("--batch", type=int, default=8, help="crops in a step (8)")
    parser.add_argument("--crop", type=int, default=128, help="side of a crop in pixels (128)")
    parser.add_argument("--rate", type=float, default=3e-4, help="of learning (3e-4)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and data (0)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")
    parser.add_argument("--checkpoint-seconds", type=float, default=60, help="between two (60)")
    parser.add_argument("--threads", type=int, default=0, help="of torch (all)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
