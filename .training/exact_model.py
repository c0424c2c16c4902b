"""Predictor of exact chunks: its inputs, the network, ideal code lengths, and training.

`exact_export` makes the integers that the package codes with; SPEC.md, section 10, is what both
follow.

    python exact_model.py train   DATA --out exact.safetensors --seconds 560
    python exact_model.py measure DATA --weights exact.safetensors
    python exact_model.py pack    exact.safetensors --out exact-1.float16.safetensors

DATA is a folder with ``train-he``, ``xray`` and ``microscopy``.
"""

from __future__ import annotations

import argparse
import io
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from numcodecs_neural.coding.dec_exact import model_of
from numcodecs_neural.exact.dec_stream import decode_levels
from numcodecs_neural.exact.enc_colours import jpeg_levels_of, luma_levels_of
from numcodecs_neural.exact.enc_fit import fit
from numcodecs_neural.exact.enc_stream import channel_order, encode_levels
from numcodecs_neural.exact.enc_values import levels_of, values_of
from numcodecs_neural.exact.layout import CAUSAL, INPUTS, MARGIN, REFERENCE, with_margins
from numcodecs_neural.exact.planes import FIRST_ERROR, Settings
from numcodecs_neural.training.data import area_reduce
from numcodecs_neural.training.images import Images
from numcodecs_neural.training.sources import load_images
from numcodecs_neural.training.split import ONE_IN_GREY, held_back_of
from numcodecs_neural.weights import exact_weights

Ints = NDArray[np.int32]

log = logging.getLogger("exact")

HIDDEN = (16, 16)
SIDE = 128
BATCH = 4096
LIMIT, ERROR_LIMIT = 512, 32767
KNOTS, LOWEST_OCTAVE = 11, -5

# --- inputs ---------------------------------------------------------------------------------------


class Rows(NamedTuple):
    """What is known of the samples of a plane."""

    inputs: NDArray[np.int16]  # (samples, INPUTS)
    exceeds: NDArray[np.float32]  # 16 times the level, without its linear prediction
    unit: NDArray[np.float32]  # what one, as an input, is in sixteenths of a level
    octave: NDArray[np.float32]  # of the size of errors around, in sixteenths
    error: NDArray[np.float32]  # the bound


def bits_of(values: Ints) -> Ints:
    """Return the bits of numbers as float32."""
    return values.astype(np.float32).view(np.int32)


def octaves_of(values: Ints) -> Ints:
    """Return 32 times the logarithm and 127, linear between powers of two."""
    return bits_of(values) >> 18


def around(whole: Ints, places: Sequence[tuple[int, int]], shape: tuple[int, int]) -> list[Ints]:
    """Return neighbours in a plane with margins."""
    h, w = shape
    return [
        whole[MARGIN + y : MARGIN + y + h, MARGIN + x : MARGIN + x + w].astype(np.int64)
        for x, y in places
    ]


def linear_prediction(
    near: list[Ints], others: list[list[Ints]], terms: NDArray[np.int64], most: int
) -> Ints:
    """Return the linear prediction in sixteenths of a level."""
    base = (near[0] + near[1]) >> 1
    changes = [value - base for value in near]
    for values in others:
        middle = (values[3] + values[4]) >> 1
        changes += [value - middle for value in values]
    total = sum(term * change for term, change in zip(terms, changes, strict=True)) + 32
    return np.clip(16 * base + (total >> 6), 0, 16 * most)


class Crop(NamedTuple):
    """Planes in coding order."""

    levels: Ints  # (C, H, W)
    most: tuple[int, ...]  # the highest level of each plane
    error: int  # the bound, in levels


def rows_of(crop: Crop) -> Iterator[tuple[int, Rows]]:
    """Yield, for each plane, its number of references, and its rows."""
    levels, error, known = crop.levels, crop.error, known_of(crop)
    shape = levels.shape[1:]
    before: list[tuple[Ints, Ints]] = []
    for channel, most in enumerate(crop.most):
        back = before[:2]
        others = [
            around(values, REFERENCE[: 5 if i else 9], shape) for i, (values, _) in enumerate(back)
        ]
        their_errors = [around(errors, REFERENCE[:5], shape) for _, errors in back]
        references = [v[MARGIN:-MARGIN, MARGIN:-MARGIN] for v, _ in back]
        terms = fit(levels[channel], references, most).terms
        whole = with_margins(known[channel].astype(np.int32), most >> 1)
        near = around(whole, CAUSAL, shape)
        linear = linear_prediction(near, others, terms, most)
        errors = np.clip(16 * known[channel] - linear, -ERROR_LIMIT, ERROR_LIMIT)
        errors = with_margins(errors.astype(np.int32), FIRST_ERROR)
        own_errors = around(errors, CAUSAL[:6], shape)
        inputs, unit, octave = inputs_of(
            near, own_errors, others, their_errors, linear, most, error
        )
        yield (
            len(back),
            Rows(
                np.stack([x.ravel() for x in inputs], 1).astype(np.int16),
                (16 * levels[channel].astype(np.int64) - linear).ravel().astype(np.float32),
                unit.ravel().astype(np.float32),
                octave.ravel().astype(np.float32),
                np.full(linear.size, error, np.float32),
            ),
        )
        before = [(whole, errors), *before]


def inputs_of(
    near: list[Ints],
    errors: list[Ints],
    others: list[list[Ints]],
    their_errors: list[list[Ints]],
    linear: Ints,
    most: int,
    error: int,
) -> tuple[list[Ints], Any, Any]:
    """Return the inputs, the unit that they are measured in, and the octave of errors around."""
    activity = sum(np.abs(16 * near[i] - linear) for i in range(4))
    size = (sum(map(np.abs, errors)) >> 3) + (activity >> 5) + 3
    if others:
        size = (5 * size + sum(map(np.abs, their_errors[0]))) >> 3
    size = np.minimum(size, (1 << 20) - 1)
    bits = bits_of(size)
    exponent, fine, octave = (bits >> 23) - 127, (bits >> 16) & 127, bits >> 18

    def scaled(x: Ints) -> Ints:
        return np.clip((x * (256 - fine)) >> (exponent + 3), -LIMIT, LIMIT)

    def logarithm(x: Ints) -> Ints:
        return np.clip(octaves_of(np.abs(x) + (size >> 3) + 1) - octave, -LIMIT, LIMIT)

    step = int(octaves_of(np.array(16 * (2 * error + 1)))) - octave
    inputs = [scaled(16 * value - linear) for value in near[:9]]
    inputs += [scaled(e) for e in errors[:4]] + [logarithm(e) for e in errors[:4]]
    inputs += [octave - (132 << 5), logarithm(activity >> 2), scaled(16 * most - linear)]
    inputs += [scaled(linear), np.clip(step, -LIMIT, LIMIT)]
    for i, (values, theirs) in enumerate(zip(others, their_errors, strict=True)):
        middle = (values[3] + values[4]) >> 1
        inputs += [scaled(16 * (value - middle)) for value in values[: 3 if i else 6]]
        inputs += [logarithm(e) for e in theirs[: 1 if i else 3]]
        inputs += [] if i else [scaled(theirs[0])]
    return inputs, 2.0**exponent * (1 + fine / 128), octave / 32 - 127


def known_of(crop: Crop) -> Ints:
    """Return the levels that a reader has, if it decodes with the weights of the package."""
    if not crop.error:
        return crop.levels
    model, settings = model_of(exact_weights().id), Settings(max(crop.most), crop.error)
    # Planes are in coding order, and a time series has its order kept.
    levels = crop.levels[np.argsort(channel_order(len(crop.levels)))]
    planes = np.ascontiguousarray(levels[None], np.uint16)
    stream = encode_levels(planes, settings, model)
    known = decode_levels(stream, (1, *levels.shape), settings, model)[0]
    return known[list(channel_order(len(levels)))].astype(np.int64)


# --- the network ----------------------------------------------------------------------------------


class Network(nn.Module):
    """What corrects the mean, in units, and the scale, in octaves."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        sizes = (inputs, *HIDDEN)
        self.ls = nn.ModuleList(map(nn.Linear, sizes[:-1], sizes[1:]))
        self.out = nn.Linear(HIDDEN[-1], 2)
        self.out.weight.data *= 0.1
        self.out.bias.data[:] = torch.tensor([0.0, -0.7])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return both for inputs (n, inputs)."""
        for layer in self.ls:
            x = torch.relu(layer(x)).clamp(max=15.9)
        mean, scale = self.out(x).clamp(-8, 8).unbind(1)
        return mean, scale


class Mixture(nn.Module):
    """Two logistic distributions: how much the wider one weighs, and how much wider it is.

    By the logarithm of the scale in steps, with a knot for each octave.
    """

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.full((KNOTS,), -1.6))
        self.r = nn.Parameter(torch.full((KNOTS,), 0.9))

    def forward(self, octave: Tensor) -> tuple[Tensor, Tensor]:
        """Return share and ratio."""
        place = (octave - LOWEST_OCTAVE).clamp(0, KNOTS - 1.001)
        at = place.floor().long()
        share, ratio = (t[at] + (place - at) * (t[at + 1] - t[at]) for t in (self.w, self.r))
        return torch.sigmoid(share), torch.exp(ratio)


class Predictor(nn.Module):
    """A network for each number of references, and the distributions."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = nn.ModuleList(map(Network, INPUTS))
        self.mix = Mixture()

    def bits(self, references: int, rows: Sequence[Tensor]) -> Tensor:
        """Return the ideal code length of each sample."""
        inputs, exceeds, unit, octave, error = rows
        step = 2 * error + 1
        mean, scale = self.nets[references](inputs.float() / 64)
        mean = mean * unit
        octave = octave + scale - pseudo_octave(16 * step)
        whole = torch.floor(mean.detach() / 16 + 0.5)
        missed = exceeds / 16 - whole
        number = torch.sign(missed) * torch.floor((missed.abs() + error) / step)
        number = torch.where(error > 0, number, missed)
        off = -((whole + number * step - mean / 16) / step).abs()
        share, ratio = self.mix(octave)
        scale, likelihood = torch.exp2(octave), torch.zeros_like(off)
        for weight, wide in ((1 - share, scale), (share, scale * ratio)):
            inside = torch.sigmoid((off + 0.5) / wide) - torch.sigmoid((off - 0.5) / wide)
            likelihood = likelihood + weight * inside
        return -torch.log2(likelihood * 0.9995 + 1e-6)


def pseudo_octave(x: Tensor) -> Tensor:
    """Return the logarithm, linear between powers of two."""
    whole = torch.floor(torch.log2(x))
    return whole + x / torch.exp2(whole) - 1


# --- data -----------------------------------------------------------------------------------------


class Source(NamedTuple):
    """Crops of images: how many, and reduced by how much."""

    images: list[NDArray[Any]]
    reduced: int
    crops: int
    is_jpeg: bool = False


class Crops:
    """Draws crops (C, 128, 128), turned and mirrored."""

    def __init__(self, folder: Path) -> None:
        self._rng = np.random.default_rng(1)
        colour = all_of(load_images(folder / "train-he", 3))
        rays = all_of(load_images([folder / "xray"], 1))
        grey = all_of(load_images([folder / "microscopy"], 1))
        bytes_ = [image for image in grey if image.dtype == np.uint8]
        words = [image for image in grey if image.dtype != np.uint8]
        self.sources = [
            *(Source(rays, 1, 100), Source(rays, 2, 20)),
            *(Source(bytes_, 1, 100), Source(words, 1, 140)),
            *(Source(colour, 1, 140), Source(colour, 2, 140), Source(colour, 4, 30)),
            *(Source(colour, 1, 70, is_jpeg=True), Source(colour, 2, 70, is_jpeg=True)),
            Source([image for image in colour if image.size > 3 << 20], 1, 40, is_jpeg=True),
        ]
        self.stacks = stacks(folder / "microscopy")

    def all(self) -> Iterator[Crop]:
        """Yield all crops to train on."""
        for source in self.sources:
            for _ in range(source.crops):
                crop = self.crop(source)
                error = self.bound()
                if crop.dtype != np.uint8:
                    error *= int(self._rng.choice([1, 4, 16]))
                jpeg = jpeg_levels_of(crop[None]) if source.is_jpeg else None
                if jpeg is not None and self._rng.random() < 0.8:
                    yield Crop(jpeg[0][[1, 0, 2]].astype(np.int64), (255,) * 3, 0)
                elif len(crop) == 3 and not error:
                    yield self.coloured(crop)
                else:
                    yield leveled(crop, error)
        for _ in range(160):
            stack = self.stacks[self._rng.integers(len(self.stacks))]
            start = int(self._rng.integers(len(stack) - 1))
            crop = self.cut(stack[start : start + 3].transpose(1, 2, 0))
            if crop.std() > 0.5:
                yield leveled(crop, self.bound())
        for i in range(40):
            yield leveled(self.drawn(i), 0 if i % 4 else self.bound())

    def coloured(self, crop: NDArray[Any]) -> Crop:
        """Return the levels of a colour image, often transformed."""
        levels, (most, *_), _ = leveled(crop, 0)
        as_luma = luma_levels_of(levels[None, [1, 0, 2]], most)[0, [1, 0, 2]]
        chance = self._rng.random()
        if chance < 0.45:
            return Crop(as_luma.astype(np.int64), (most, 2 * most, 2 * most), 0)
        if chance < 0.55:
            others = levels[1:] - levels[0] + most
            return Crop(np.stack([levels[0], *others]), (most, 2 * most, 2 * most), 0)
        return Crop(levels, (most,) * 3, 0)

    def bound(self) -> int:
        """Draw a bound: mostly none."""
        is_bounded = self._rng.random() < 0.3
        return int(self._rng.choice([1, 1, 2, 2, 4, 8])) if is_bounded else 0

    def crop(self, source: Source) -> NDArray[Any]:
        """Draw a crop that is not flat."""
        while True:
            image = source.images[self._rng.integers(len(source.images))]
            if source.reduced > 1:
                image = area_reduce(image, source.reduced)
            if min(image.shape[:2]) >= SIDE:
                crop = self.cut(self.jpeg_of(image) if source.is_jpeg else image)
                if crop.std() > 0.5:
                    return crop

    def jpeg_of(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return what a JPEG stream keeps of an image."""
        if image.size > 3 << 20:
            return image
        quality, subsampling = int(self._rng.integers(70, 98)), int(self._rng.choice([0, 1, 2, 2]))
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=quality, subsampling=subsampling)
        return np.array(Image.open(stream))

    def cut(self, image: NDArray[Any]) -> NDArray[Any]:
        """Draw a crop (C, 128, 128) of (H, W, C)."""
        y, x = (int(self._rng.integers(n - SIDE + 1)) for n in image.shape[:2])
        crop = image[y : y + SIDE, x : x + SIDE].transpose(2, 0, 1)
        crop = crop[:, :, ::-1] if self._rng.random() < 0.5 else crop
        crop = crop[:, ::-1] if self._rng.random() < 0.5 else crop
        return crop.transpose(0, 2, 1) if self._rng.random() < 0.5 else crop

    def drawn(self, number: int) -> NDArray[Any]:
        """Draw what no instrument records: noise, boxes, ramps, photons."""
        rng, shape = self._rng, (1, SIDE, SIDE)
        y, x = np.indices(shape[1:])
        if number % 4 == 0:
            return rng.integers(0, int(2 ** rng.integers(2, 15)), shape)
        if number % 4 == 1:
            image = np.full(shape, 255)
            for _ in range(60):
                down, right = rng.integers(0, SIDE - 8, 2)
                high, wide = rng.integers(1, 8, 2)
                image[0, down : down + high, right : right + wide] = rng.choice([0, 60, 128])
            return image
        if number % 4 == 2:
            ramp = (y * rng.uniform(-3, 3) + x * rng.uniform(-3, 3))[None] + 400
            return (ramp + rng.normal(size=shape) * rng.choice([0, 0.3, 1])).clip(0).astype(int)
        gain = 2 ** rng.uniform(0, 6)
        return rng.poisson(self.crop(self.sources[2]) * gain + 5)


def all_of(images: Images) -> list[NDArray[Any]]:
    """Return the images to train on."""
    return [image for images_of_set in images.sets.values() for image in images_of_set]


def stacks(folder: Path) -> list[NDArray[Any]]:
    """Return slices, times and channels (n, H, W) of files that are not held back."""
    paths = sorted(folder.rglob("*.tif*"))
    found = []
    for path in set(paths) - held_back_of(paths, ONE_IN_GREY):
        array = np.squeeze(tifffile.imread(path))
        if array.ndim > 2 and array.dtype in (np.uint8, np.uint16) and array.shape[-1] > 4:
            planes = array.reshape(-1, *array.shape[-2:])
            if len(planes) > 1 and min(planes.shape[1:]) >= SIDE:
                found.append(planes)
    return sorted(found, key=lambda planes: planes.shape)


def leveled(image: NDArray[Any], error: int) -> Crop:
    """Return the levels of (C, H, W)."""
    values, _ = values_of(image.astype(np.int32), error)
    levels = levels_of(image, values).astype(np.int64)[list(channel_order(len(image)))]
    return Crop(levels, (int(levels.max()),) * len(levels), values.error)


# --- training -------------------------------------------------------------------------------------


def gathered(crops: Iterator[Crop]) -> dict[int, list[Tensor]]:
    """Return the rows of all crops, by the number of references."""
    rows: dict[int, list[Rows]] = {}
    for crop in crops:
        for references, some in rows_of(crop):
            rows.setdefault(references, []).append(some)
    return {
        references: [torch.from_numpy(np.concatenate(column)) for column in zip(*many, strict=True)]
        for references, many in rows.items()
    }


def train(folder: Path, out: Path, seconds: float, start: Path | None) -> None:
    """Train for so many seconds; keep a checkpoint every minute."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data, model = gathered(Crops(folder).all()), Predictor()
    if start:
        model.load_state_dict(state_of(start))
    log.info("%s", {k: tuple(v[0].shape) for k, v in data.items()})
    optimiser = torch.optim.Adam(model.parameters())
    begin = saved = time.monotonic()
    step, means = 0, np.zeros(len(data))
    while (share := (time.monotonic() - begin) / seconds) < 1:
        lengths = []
        for references, columns in data.items():
            some = torch.randint(len(columns[0]), (BATCH,))
            lengths.append(model.bits(references, [x[some] for x in columns]).mean())
        optimiser.zero_grad()
        torch.stack(lengths).sum().backward()
        for group in optimiser.param_groups:
            group["lr"] = 5e-3 * (1 - share) ** 1.2 + 3e-5
        optimiser.step()
        step += 1
        means += max(1 / step, 1 / 500) * (np.array([x.item() for x in lengths]) - means)
        if time.monotonic() - saved > 60:
            saved = time.monotonic()
            save_file(model.state_dict(), out)
            log.info("step %d: %s", step, np.round(means, 4).tolist())
    save_file(model.state_dict(), out)


def state_of(weights: Path) -> dict[str, Tensor]:
    """Return the weights of a checkpoint, packed or not."""
    floats = {k: v.float() for k, v in load_file(weights).items()}
    return {k if k[0] in "mn" else f"nets.{k}": v for k, v in floats.items()}


def measure(folder: Path, weights: Path) -> None:
    """Log ideal bits a sample of images that are held back."""
    model = Predictor()
    model.load_state_dict(state_of(weights))
    for name, channels in (("train-he", 3), ("xray", 1), ("microscopy", 1)):
        images = load_images([folder / name], channels).held_back
        for bound in (0, 2):
            bits = samples = 0.0
            for image in images[:12]:
                crop = image[3:515, 5:517].transpose(2, 0, 1)
                if min(crop.shape[1:]) < 64 or crop.min() == crop.max():
                    continue
                for references, rows in rows_of(leveled(crop, bound)):
                    with torch.no_grad():
                        bits += float(
                            model.bits(references, list(map(torch.from_numpy, rows))).sum()
                        )
                samples += crop.size
            log.info("%s within %d: %.4f bits a sample", name, bound, bits / samples)


def pack(weights: Path, out: Path) -> None:
    """Write weights as float16, named as `exact_export` reads them."""
    floats = load_file(weights)
    save_file({k.removeprefix("nets."): v.half() for k, v in floats.items()}, out)


def main() -> None:
    """Run one of the commands."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("train", "measure"):
        command = commands.add_parser(name)
        command.add_argument("data", type=Path)
    commands.choices["train"].add_argument("--out", type=Path, required=True)
    commands.choices["train"].add_argument("--seconds", type=float, default=3600)
    commands.choices["train"].add_argument("--start", type=Path)
    commands.choices["measure"].add_argument("--weights", type=Path, required=True)
    command = commands.add_parser("pack")
    command.add_argument("weights", type=Path)
    command.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "train":
        train(arguments.data, arguments.out, arguments.seconds, arguments.start)
    elif arguments.command == "measure":
        measure(arguments.data, arguments.weights)
    else:
        pack(arguments.weights, arguments.out)


if __name__ == "__main__":
    main()
