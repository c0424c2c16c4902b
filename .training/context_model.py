"""Context models for the coefficients of colour axes and DCT: he-fast-2, he-best-2, grey-fast-2.

One file: the features, the network, the likelihood, coefficients of random crops, training and
measurement. It states ideal code lengths; `context_export.py` makes the integers that the package
codes with. `context.md` explains the design and says what was measured with it.

    python context_model.py train   FOLDER ... --out he.safetensors --steps 5000 [--init FILE]
    python context_model.py measure FOLDER ... --weights he.safetensors
    python context_model.py pack    he.safetensors --out he-fast-2.float16.safetensors
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn import functional

from numcodecs_neural.dct import enc_axes, enc_forward
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.context.order import BANDS, COEFFICIENTS, SIDE, Pass, natural, passes
from numcodecs_neural.dct.context.prepared import turn_between
from numcodecs_neural.dct.steps import Quantisation, steps_of
from numcodecs_neural.training.data import Crops, area_reduce
from numcodecs_neural.training.images import Images
from numcodecs_neural.training.sources import load_images

Floats = NDArray[np.float32]

log = logging.getLogger("context")

# --- which coefficients are known -----------------------------------------------------------------

U, V = np.divmod(np.arange(COEFFICIENTS), SIDE)
BAND_OF = np.array([next(i for i, (a, b) in enumerate(BANDS) if a <= d <= b) for d in U + V])
LOW_FREQUENCIES = 4  # of the first row and column, as many lie in the low band of colour
ENERGY_LIMIT, KNOWN_LIMIT = 255, 63  # magnitudes are limited to these

CONSTANT_FAMILY = 4
FAMILIES = 5

AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
#: blocks above and beside that come earlier in the same pass
EARLIER = AROUND[:4]
#: own coefficients that are lower by so much in u and v
LOWER = ((1, 0), (0, 1), (1, 1), (2, 0), (0, 2))
#: Weighted magnitudes in the sum of a coefficient: those of `LOWER`; (u - 1, v) and (u, v - 1) in
#: the blocks above and to the left, and below and to the right; the same coefficient in the first
#: axis, of the third axis also in the second, and of the first axis in four blocks around; the same
#: coefficient above, to the left, and to the upper left and right.
ELEMENTS = [
    *("u", "v", "uv", "uu", "vv", "lower_before", "lower_after"),
    *("first", "second", "first_around", "N", "W", "NW", "NE"),
]


def members(step: Pass) -> NDArray[np.int64]:
    """Return the coefficients ``256 axis + 16 u + v`` of a pass, in coding order."""
    return COEFFICIENTS * step.axis + natural()[step.start : step.start + step.length]


def is_before(down: int, across: int, *, in_band: bool) -> Floats:
    """Return whether ``(u - down, v - across)`` comes before each coefficient, as 0 or 1; (256,).

    Bands before come before, and with `in_band` lower diagonals of the same band.
    """
    u, v = U - down, V - across
    inside = (u >= 0) & (v >= 0)
    band = BAND_OF[np.where(inside, SIDE * u + v, 0)]
    return (inside & ((band < BAND_OF) | (in_band & (band == BAND_OF)))).astype(np.float32)


# --- features -------------------------------------------------------------------------------------


def shifted(values: Tensor, down: int, across: int) -> Tensor:
    """Return the values (images, rows, columns, ...) at ``(row + down, column + across)``, or 0."""
    rows, columns = values.shape[1:3]
    sides = [max(0, -across), max(0, across), max(0, -down), max(0, down)]
    padded = functional.pad(values, [0, 0] * (values.ndim - 3) + sides)
    y, x = max(0, down), max(0, across)
    return padded[:, y : y + rows, x : x + columns]


def octaves(values: Tensor) -> Tensor:
    """Return log2, linear between powers of two as integers have it."""
    with torch.no_grad():
        exponent = torch.frexp(values).exponent - 1
        unit = torch.ldexp(torch.ones_like(values), -exponent)
    return exponent.float() + values * unit - 1


def constant_inputs(values: Tensor, turn: Tensor) -> Tensor:
    """Return what the constant part of a block is predicted from: (images, rows, columns, A, 68).

    The first column of the block above and of the block itself, the first row of the block to the
    left and of the block itself, without its constant part, and the constant parts of the blocks at
    NW, N, NE and W.

    Parameters
    ----------
    values : (images, rows, columns, A, 256)
        In grey levels.
    turn : (images, A, A)
        From the axes of high frequencies to those of low ones.
    """
    blocks = values.unflatten(-1, (SIDE, SIDE))
    lines = torch.stack([blocks[..., 0], blocks[..., 0, :]])
    high = torch.einsum("bij,lbyxjk->lbyxik", turn, lines[..., LOW_FREQUENCIES:])
    column, row = torch.cat([lines[..., :LOW_FREQUENCIES], high], -1)
    details = torch.arange(SIDE) > 0
    corners = [shifted(values[..., :1], *place) for place in EARLIER]
    sides = [shifted(column, -1, 0), column * details, shifted(row, 0, -1), row * details]
    return torch.cat(sides + corners, -1)


# --- the network ----------------------------------------------------------------------------------


#: By how much faster parameters learn: those that are fitted in closed form hardly change.
SPEEDS = {
    **dict.fromkeys(("edges", "corners", "others"), 0.01),
    **dict.fromkeys(("elements", "floors", "slopes", "base", "base_steps"), 2.0),
}


class Batch(NamedTuple):
    """Coefficients of equally large images, C of them in a block: ``256 axis + 16 u + v``."""

    exact: Tensor  # (images, rows, columns, C): in steps, not rounded
    steps: Tensor  # (images, C): in grey levels
    turn: Tensor  # (images, A, A): from the axes of high frequencies to those of low ones


class Coding(NamedTuple):
    """How each symbol of a batch is coded."""

    means: Tensor  # (images, rows, columns, C): in steps
    scales: Tensor  # (images, rows, columns, C): in octaves
    flags: Tensor  # (images, rows, columns, passes): log-odds


class ContextNet(nn.Module):
    """Says how each symbol is coded, from those that come before it.

    Parameters have the names that arrays have in a weights file.

    Parameters
    ----------
    axes : int
        Of colour: 3, or 1 for grey.
    width, second : int
        Numbers of both hidden layers.
    """

    belongs: Tensor  # (C, passes): 1 where a coefficient belongs to a pass
    share: Tensor  # the same by the size of passes
    pass_of: Tensor  # (C,)
    family: Tensor  # (C,): which mix and ratio
    flagged: Tensor  # passes that have flags
    rank: Tensor  # (C,): places in coding order
    lower: Tensor  # (5, C): which of `LOWER` are known
    early: Tensor  # (2, C): and in passes before

    def __init__(self, axes: int = 3, width: int = 32, second: int = 32) -> None:
        super().__init__()
        self.settings = {"axes": axes, "width": width, "second": second}
        self.axes, self.passes = axes, passes(axes)
        self._make_tables()
        count, coefficients = len(self.passes), axes * COEFFICIENTS

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape) * std)

        def constant(*shape: int, value: float = 0) -> nn.Parameter:
            return nn.Parameter(torch.full(shape, float(value)))

        self.spread = normal(count, len(AROUND), width, std=0.04)
        self.own = normal(count, len(EARLIER), width, std=0.04)
        self.bias = normal(count, width, std=0.1)
        self.bias_steps = constant(count, 4, width)
        self.layer = normal(count, width, second, std=math.sqrt(2 / width))
        self.layer_bias = constant(count, second)
        self.heads = constant(coefficients, second)
        self.flag = constant(count, second)
        self.flag_bias = constant(count)
        self.base = constant(coefficients)
        self.base_steps = constant(2, coefficients)
        self.elements = constant(len(ELEMENTS), coefficients, value=-1.5)
        self.floors = constant(coefficients, value=-1.6)
        self.slopes = constant(coefficients, value=0.2)
        self.mix = constant(FAMILIES, value=-0.7)  # log-odds of the second logistic
        self.ratio = constant(FAMILIES, value=1.1)  # octaves by which it is wider
        self.edges = constant(axes, 4, SIDE)
        self.corners = constant(axes, len(EARLIER))
        self.others = constant(axes, axes)

    def _make_tables(self) -> None:
        groups = [members(step) for step in self.passes]
        belongs = np.zeros((self.axes * COEFFICIENTS, len(groups)), np.float32)
        for number, group in enumerate(groups):
            belongs[group, number] = 1
        lower = [is_before(*by, in_band=True) for by in LOWER]
        early = [is_before(*by, in_band=False) for by in LOWER[:2]]
        family = [CONSTANT_FAMILY if step.start == 0 else step.family for step in self.passes]
        pass_of = belongs.argmax(1)
        tables = {
            "belongs": belongs,
            "share": belongs / belongs.sum(0),
            "pass_of": pass_of,
            "family": np.array(family)[pass_of],
            "flagged": np.flatnonzero([step.is_flagged for step in self.passes]),
            "rank": np.argsort(np.concatenate(groups)),
            "lower": np.tile(np.stack(lower), self.axes),
            "early": np.tile(np.stack(early), self.axes),
        }
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        self.groups = [torch.from_numpy(group) for group in groups]

    def products(self) -> int:
        """Count the products of a pixel."""
        networks = self.spread.numel() + self.own.numel() + self.layer.numel() + self.heads.numel()
        return (networks + self.elements.numel() + self.slopes.numel()) // COEFFICIENTS

    def groups_by_speed(self) -> list[dict[str, Any]]:
        """Return groups of parameters, and by how much faster than others they learn."""
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            groups.setdefault(SPEEDS.get(name, 1.0), []).append(parameter)
        return [{"params": group, "times": times} for times, group in groups.items()]

    def forward(self, symbols: Tensor, steps: Tensor, turn: Tensor) -> Coding:
        """Return how symbols (images, rows, columns, C) are coded; the rest is as in `Batch`."""
        shape = symbols.shape[:3]
        levels = octaves(steps * 8) - 7  # of 16 grey levels
        hidden = self._hidden(self._energies(symbols), levels)
        flags = torch.einsum("pnw,pw->pn", hidden, self.flag) + self.flag_bias[:, None]
        expected = self._constants(symbols, steps, turn)
        scales = self._heads(hidden).view(*shape, -1) + self.base
        scales = scales + self.slopes * self._element_octaves(symbols, expected)
        by_steps = self.base_steps[0] * levels + self.base_steps[1] * torch.relu(levels)
        means = torch.zeros_like(symbols)
        means[..., ::COEFFICIENTS] = expected
        return Coding(means, scales + by_steps[:, None, None], flags.T.view(*shape, -1))

    @torch.no_grad()
    def centre(self, symbols: Tensor, steps: Tensor, turn: Tensor) -> None:
        """Start `base` so that sums of magnitudes give scales of about the right size."""
        expected = self._constants(symbols, steps, turn)
        levels = self._element_octaves(symbols, expected).mean((0, 1, 2))
        self.base.copy_(-self.slopes * levels - 0.5)

    def _energies(self, symbols: Tensor) -> Tensor:
        """Return the mean magnitude of each pass in a block, in octaves from 0 to 14."""
        mean = symbols.abs().clamp(max=ENERGY_LIMIT) @ self.share
        return octaves(48 * mean + 1)

    def _hidden(self, energies: Tensor, levels: Tensor) -> Tensor:
        """Return the second hidden layer: (passes, blocks of all images, second)."""
        around = torch.stack([shifted(energies, *place) for place in AROUND], -1)
        inputs = around.flatten(0, 2).transpose(0, 1) / 4
        given = torch.bmm(inputs, self.spread)
        sums = given.cumsum(0) - given + torch.bmm(inputs[..., : len(EARLIER)], self.own)
        by_steps = torch.einsum("bpi,piw->pbw", self._step_inputs(levels), self.bias_steps)
        bias = (self.bias[:, None] + by_steps)[:, :, None]
        hidden = torch.relu(sums.unflatten(1, (len(levels), -1)) + bias).flatten(1, 2)
        return torch.relu(torch.baddbmm(self.layer_bias[:, None], hidden, self.layer))

    def _step_inputs(self, levels: Tensor) -> Tensor:
        """Return what each pass is told of the steps: (images, passes, 4)."""
        mean = levels @ self.share
        by_axis = mean.view(len(mean), -1, self.axes)
        beyond_first = (by_axis - by_axis[..., :1]).view_as(mean)
        return torch.stack([mean, torch.relu(mean), torch.relu(mean - 1.3), beyond_first], -1)

    def _heads(self, hidden: Tensor) -> Tensor:
        """Return what the hidden layer says of scales: (blocks of all images, C)."""
        parts = [h @ self.heads[group].T for h, group in zip(hidden, self.groups, strict=True)]
        return torch.cat(parts, 1)[:, self.rank]

    def _constants(self, symbols: Tensor, steps: Tensor, turn: Tensor) -> Tensor:
        """Return the constant parts that are expected, in steps: (images, rows, columns, A)."""
        values = (symbols * steps[:, None, None]).unflatten(-1, (self.axes, COEFFICIENTS))
        weights = torch.cat([self.edges.flatten(1), self.corners], 1)
        first = (constant_inputs(values, turn) * weights).sum(-1)
        expected: list[Tensor] = []
        missed: list[Tensor] = []
        for axis in range(self.axes):
            here = first[..., axis]
            for other in range(axis):
                here = here + self.others[axis, other] * missed[other]
            expected.append(here)
            missed.append(values[..., axis, 0] - here)
        return torch.stack(expected, -1) / steps[:, None, None, ::COEFFICIENTS]

    def _element_octaves(self, symbols: Tensor, expected: Tensor) -> Tensor:
        """Return logarithms of weighted sums of magnitudes: (images, rows, columns, C).

        The magnitude of a constant part is by how much it was missed.
        """
        known = symbols.abs().clamp(max=KNOWN_LIMIT)
        missed = symbols[..., ::COEFFICIENTS] - expected.detach().round()
        known[..., ::COEFFICIENTS] = missed.abs().clamp(max=KNOWN_LIMIT)
        weights = functional.softplus(self.elements) * 0.5
        total = torch.exp(self.floors).expand_as(known)
        for name, magnitudes in self._elements(known):
            total = total + magnitudes * weights[ELEMENTS.index(name)]
        return octaves(total)

    def _elements(self, known: Tensor) -> Iterator[tuple[str, Tensor]]:
        planes = functional.pad(known.view(-1, self.axes, SIDE, SIDE), (2, 0, 2, 0))

        def lower(down: int, across: int) -> Tensor:
            end = 2 + SIDE
            part = planes[:, :, 2 - down : end - down, 2 - across : end - across]
            return part.reshape(known.shape)

        for name, by, mask in zip(ELEMENTS, LOWER, self.lower, strict=False):
            yield name, lower(*by) * mask
        near = lower(1, 0) * self.lower[0] + lower(0, 1) * self.lower[1]
        yield "lower_before", (shifted(near, -1, 0) + shifted(near, 0, -1)) / 2
        near = lower(1, 0) * self.early[0] + lower(0, 1) * self.early[1]
        yield "lower_after", (shifted(near, 1, 0) + shifted(near, 0, 1)) / 2
        if self.axes == 3:
            yield from _other_axes(known)
        for name, place in zip(ELEMENTS[-4:], ((-1, 0), (0, -1), (-1, -1), (-1, 1)), strict=True):
            yield name, shifted(known, *place)

    def bits_of(self, symbols: Tensor, coding: Coding) -> Tensor:
        """Return the ideal code length of each symbol under two logistics, whether coded or not."""
        weight, ratio = torch.sigmoid(self.mix)[self.family], self.ratio[self.family]
        distance = (symbols - coding.means).abs()
        parts = []
        for share, scale in ((1 - weight, coding.scales), (weight, coding.scales + ratio)):
            unit = torch.exp2(-scale.clamp(-6, 8))
            upper, lower = (torch.sigmoid((side - distance) * unit) for side in (0.5, -0.5))
            parts.append(share * (upper - lower))
        return -torch.log2((parts[0] + parts[1]).clamp(min=2e-5))

    def rate(self, symbols: Tensor, coding: Coding) -> tuple[Tensor, Tensor]:
        """Return the bits of passes and of their flags: (images, rows, columns, passes) each."""
        has_any = (symbols.abs() @ self.belongs) > 0
        is_coded = has_any.clone()
        is_coded[..., : int(self.flagged[0])] = True  # no pass before the first flag has one
        is_coded[..., -self.axes :] = True
        bits = (self.bits_of(symbols, coding) @ self.belongs) * is_coded
        odds = coding.flags[..., self.flagged]
        signs = torch.where(has_any[..., self.flagged], -1.0, 1.0)
        flags = torch.zeros_like(bits)
        flags[..., self.flagged] = functional.softplus(signs * odds) / math.log(2)
        return bits, flags


def _other_axes(known: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield the same coefficient in axes before: (images, rows, columns, 3 * 256) each."""
    first, second, _ = known.split(COEFFICIENTS, -1)
    nothing = torch.zeros_like(first)
    around = [shifted(first, *place) for place in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    mean = torch.stack(around).mean(0)
    yield "first", torch.cat([nothing, first, first], -1)
    yield "second", torch.cat([nothing, nothing, second], -1)
    yield "first_around", torch.cat([nothing, mean, mean], -1)


# --- files ----------------------------------------------------------------------------------------


def save(model: ContextNet, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the weights."""
    tensors = {k: v.detach().to(dtype).contiguous() for k, v in model.state_dict().items()}
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(to_bytes(tensors, {"settings": json.dumps(model.settings)}))
    partial.replace(path)


def load(path: Path) -> ContextNet:
    """Read what `save` wrote, or a checkpoint of the first runs."""
    if path.suffix == ".pt":
        return _load_first(path)
    with safe_open(path, "pt") as file:
        model = ContextNet(**json.loads(file.metadata()["settings"]))
    model.load_state_dict({name: t.float() for name, t in load_file(path).items()})
    return model


#: How checkpoints of the first runs name the parameters.
_FIRST_NAMES = {
    "k": "spread", "ko": "own", "b": "bias", "bt": "bias_steps", "w2": "layer",
    "b2": "layer_bias", "head": "heads", "fhead": "flag", "fbias": "flag_bias", "base": "base",
    "bslope": "base_steps", "we": "elements", "eps": "floors", "al": "slopes", "mw": "mix",
    "md": "ratio", "mn": "edges", "mc": "corners", "mx": "others",
}  # fmt: skip


def _load_first(path: Path) -> ContextNet:
    content = torch.load(path, weights_only=False)  # which holds numbers of numpy
    settings, weights = content["args"], content["net"]
    model = ContextNet(settings["channels"], settings["W"], settings["W2"])
    tensors = {new: weights[old] for old, new in _FIRST_NAMES.items()}
    for name in ("edges", "corners", "others"):
        (tensors[name],) = tensors[name]  # they could predict more than constant parts
    model.load_state_dict(tensors)
    return model


# --- coefficients to train on ---------------------------------------------------------------------


def coefficients_of(crop: Floats) -> tuple[NDArray[np.int32], NDArray[np.int32] | None]:
    """Return coefficients along the colour axes of a crop, as the encoder has them, and the axes.

    Parameters
    ----------
    crop : (A, H, W)
        From 0 to below 256.

    Returns
    -------
    coefficients : (H / 16, W / 16, A, 256)
        In eighths of a grey level.
    matrices : (2, 3, 3) or None for grey
    """
    fraction = fraction_of(len(crop))
    pixels = np.rint(crop * np.float32(1 << fraction)).astype(np.uint16)
    coefficients = enc_forward.forward(pixels if fraction else pixels.astype(np.uint8), fraction)
    if len(crop) == 1:
        return coefficients, None
    matrices = matrices_of(enc_axes.axes_of(coefficients))
    return enc_axes.rotate(coefficients, matrices), matrices


def fraction_of(axes: int) -> int:
    """Return how many bits of a pixel lie below a grey level: grey images may have 16 bits."""
    return 0 if axes == 3 else 8


def quantisation_of(step: float, slope: int = 7, chroma: int = 16) -> Quantisation:
    """Return the steps that begin at so many grey levels."""
    return Quantisation(max(1, round(64 * step)), slope, chroma)


def random_quantisation(rng: np.random.Generator, axes: int) -> Quantisation:
    """Draw steps, six times of ten with the slope of most tunings."""
    step, kind = math.exp(rng.uniform(math.log(3), math.log(90))), rng.random()
    growth = 0.4375 if kind < 0.6 else rng.uniform(0, 1) if kind < 0.75 else rng.uniform(1, 4)
    chroma = 1.0 if axes == 1 or rng.random() < 0.6 else rng.uniform(1, 1.7)
    if growth > 1:
        step /= 1 + 0.5 * growth
    return quantisation_of(step, round(16 * growth), round(16 * chroma))


def batch_of(crops: list[Floats], quantisations: list[Quantisation]) -> Batch:
    """Return the coefficients of equally large crops."""
    exact, steps, turns = [], [], []
    for crop, quantisation in zip(crops, quantisations, strict=True):
        coefficients, matrices = coefficients_of(crop)
        step = steps_of(quantisation, len(crop))
        exact.append((coefficients / step).reshape(*coefficients.shape[:2], -1))
        steps.append(step.reshape(-1) / 8)
        turns.append(turn_between(matrices).reshape(len(crop), -1) / 8192)
    return Batch(*(torch.from_numpy(np.stack(a).astype(np.float32)) for a in (exact, steps, turns)))


def rounded(exact: Tensor, dead_zone: float | Tensor = 0.5) -> Tensor:
    """Return symbols: magnitudes plus `dead_zone` rounded down, constant parts to the nearest."""
    symbols = torch.sign(exact) * torch.floor(exact.abs() + dead_zone)
    symbols[..., ::COEFFICIENTS] = exact[..., ::COEFFICIENTS].round()
    return symbols


def chosen(model: ContextNet, batch: Batch, price: float) -> Tensor:
    """Return symbols chosen by error and bits, about as an encoder does.

    A magnitude is lowered by one where that is worth it, all at once, in contexts of the nearest.

    Parameters
    ----------
    model : ContextNet
    batch : Batch
    price : float
        What a bit is worth, in squared steps.
    """
    nearest = rounded(batch.exact)
    below = nearest - torch.sign(nearest)
    below[..., ::COEFFICIENTS] = nearest[..., ::COEFFICIENTS]
    with torch.no_grad():
        coding = model(nearest, batch.steps, batch.turn)
        costs = [
            (batch.exact - symbols) ** 2 + price * model.bits_of(symbols, coding)
            for symbols in (nearest, below)
        ]
    return torch.where(costs[1] < costs[0], below, nearest)


def check_crops(images: Images, side: int = 256, count: int = 3, most: int = 60) -> list[Floats]:
    """Return crops of the images that are held back, as they are and reduced by 2."""
    rng = np.random.default_rng(5)
    crops = []
    for image in images.held_back:
        for level in (image, area_reduce(image, 2)):
            if min(level.shape[:2]) < side or level.dtype != np.uint8:
                continue
            for _ in range(count):
                y, x = (int(rng.integers(n - side + 1)) for n in level.shape[:2])
                crop = level[y : y + side, x : x + side].transpose(2, 0, 1)
                crops.append(crop.astype(np.float32))
    return crops[:most]


# --- training and measuring -----------------------------------------------------------------------

CROP_PX, BATCH = 256, 6


def fit_constants(model: ContextNet, crops: Crops, count: int = 150) -> None:
    """Start the prediction of constant parts in closed form, by regression on a few crops."""
    rng = np.random.default_rng(77)
    inputs, targets = [], []
    for crop in crops.with_seed(77).batch(count, CROP_PX):
        step = math.exp(rng.uniform(math.log(4), math.log(40)))
        batch = batch_of([crop], [quantisation_of(step)])
        values = (rounded(batch.exact, 0.38) * batch.steps).unflatten(-1, (model.axes, -1))
        x = constant_inputs(values, batch.turn)[0, 1:, 1:-1].flatten(0, 1).transpose(0, 1).double()
        t = values[0, 1:, 1:-1, :, 0].flatten(0, 1).T.double()
        near = (t - (x[..., 65] + x[..., 67]) / 2).abs().mean(1, keepdim=True)
        weight = 1 / (near + step)  # so that crops with strong edges do not rule
        inputs.append(x * weight[..., None])
        targets.append(t * weight)
    _regress(model, torch.cat(inputs, 1), torch.cat(targets, 1))


@torch.no_grad()
def _regress(model: ContextNet, inputs: Tensor, targets: Tensor) -> None:
    """Fit axis after axis, each also to what the axes before it missed."""
    missed: list[Tensor] = []
    for axis, (x, t) in enumerate(zip(inputs, targets, strict=True)):
        x = torch.cat([x, *(m[:, None] for m in missed)], 1)
        products = x.T @ x
        ridge = 1e-3 * products.diagonal().mean()
        weights = torch.linalg.solve(products + ridge * torch.eye(len(products)), x.T @ t)
        missed.append(t - x @ weights)
        model.edges[axis] = weights[: 4 * SIDE].view(4, SIDE).float()
        model.corners[axis] = weights[4 * SIDE : 4 * SIDE + 4].float()
        model.others[axis, :axis] = weights[4 * SIDE + 4 :].float()
        share = missed[-1].std() / t.std()
        log.info("constant parts of axis %d: %.3f of their deviation is missed", axis, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train.

    Parameters
    ----------
    steps : int
    rate : float
        Of learning, at its highest.
    price : int
        What a bit is worth when symbols are chosen, in 256ths of a squared step; with 0 they are
        rounded with a dead zone.
    """

    steps: int
    rate: float
    price: int

    def rate_at(self, step: int) -> float:
        """Return the rate of learning: a cosine, after 30 steps of warming up."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.rate * min(1, (step + 1) / 30) * (cosine + 0.005)


def draw(model: ContextNet, crops: Crops, step: int, price: int) -> tuple[Batch, Tensor]:
    """Return the batch of a step, and its symbols."""
    crops.seek(step)
    rng = np.random.default_rng((3, step))
    drawn = list(crops.batch(BATCH, CROP_PX))
    batch = batch_of(drawn, [random_quantisation(rng, model.axes) for _ in drawn])
    if price:
        return batch, chosen(model, batch, price / 256)
    dead_zones = torch.from_numpy(rng.uniform(0.33, 0.45, (len(drawn), 1, 1, 1))).float()
    return batch, rounded(batch.exact, dead_zones)


def loss_of(model: ContextNet, batch: Batch, symbols: Tensor) -> Tensor:
    """Return bits per pixel, those of images of few bits weighing more."""
    bits, flags = model.rate(symbols, model(symbols, batch.steps, batch.turn))
    each = (bits + flags).sum(-1).mean((1, 2)) / COEFFICIENTS
    return (each / (each.detach() + 0.2).sqrt()).mean()


def train(model: ContextNet, images: Images, out: Path, plan: Plan, *, is_new: bool) -> None:
    """Train, with a checkpoint every minute."""
    crops, checks = Crops(images.sets, 1), check_crops(images)
    if is_new:
        fit_constants(model, crops)
        batch, symbols = draw(model, crops, 0, price=0)
        model.centre(symbols, batch.steps, batch.turn)
    optimiser = torch.optim.Adam(model.groups_by_speed(), betas=(0.9, 0.98))
    start, saved, losses = time.process_time(), time.monotonic(), []
    for step in range(plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = plan.rate_at(step) * group["times"]
        loss = loss_of(model, *draw(model, crops, step, plan.price))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        if step % 100 == 99:
            spent = time.process_time() - start
            log.info("%d: loss %.4f, %.0f s", step + 1, np.mean(losses[-100:]), spent)
        if step % 1000 == 999 and checks:
            measure(model, checks)
        if time.monotonic() - saved > 60:
            save(model, out)
            saved = time.monotonic()
    save(model, out)


@torch.no_grad()
def measure(model: ContextNet, crops: list[Floats], *, by_band: bool = False) -> None:
    """Log bits per pixel of crops at four steps: the geometric mean, and flags alone."""
    for step in (6, 12, 24, 48):
        rates = [rates_of(model, batch_of([crop], [quantisation_of(step)])) for crop in crops]
        bits, flags = (torch.stack(parts) for parts in zip(*rates, strict=True))
        mean = (bits + flags).sum(1).log().mean().exp()
        log.info("step %d: %.4f bits per pixel, flags %.4f", step, mean, flags.sum(1).mean())
        if by_band:
            for band, row in zip(BANDS, bits.mean(0).view(-1, model.axes).tolist(), strict=True):
                log.info("  u + v %d to %d: %s", *band, "  ".join(f"{x:.4f}" for x in row))


def rates_of(model: ContextNet, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return bits per pixel of each pass and of its flags, for symbols with a dead zone."""
    symbols = rounded(batch.exact, 0.38)
    bits, flags = model.rate(symbols, model(symbols, batch.steps, batch.turn))
    return bits.mean((0, 1, 2)) / COEFFICIENTS, flags.mean((0, 1, 2)) / COEFFICIENTS


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["train", "measure", "pack"])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--axes", type=int, choices=[1, 3], default=3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--second", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--price", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if args.command == "pack":
        save(load(args.files[0]), args.out, torch.float16)
    elif args.command == "measure":
        model = load(args.weights)
        measure(model, check_crops(load_images(args.files, model.axes)), by_band=True)
    else:
        shape = (args.axes, args.width, args.second)
        model = load(args.init) if args.init else ContextNet(*shape)
        images = load_images(args.files, model.axes)
        log.info("%s; %d products a pixel", images, model.products())
        plan = Plan(steps=args.steps, rate=args.rate, price=args.price)
        train(model, images, args.out, plan, is_new=args.init is None)


if __name__ == "__main__":
    main()
