"""jpeg-1: a context model for the quantised DCT coefficients of existing JPEG files.

One file: the order of symbols, the features, the networks, the likelihood, the making of training
coefficients, training and evaluation. It states ideal code lengths; no stream is written here.
`jpeg-1.md` explains the design and says what was measured with it.

    python jpeg_1_model.py make   images/*.png --out train.npz --count 2000 --mode 420
    python jpeg_1_model.py train  train.npz --out jpeg-1.safetensors --minutes 60 [--init FILE]
    python jpeg_1_model.py measure val.npz --weights jpeg-1.float16.safetensors
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Coefs = NDArray[np.int16]

log = logging.getLogger("jpeg-1")

# --- the order of symbols -------------------------------------------------------------------------

ZIGZAG = [
    *(0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48),
    *(41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23),
    *(30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63),
]
U = np.tile(np.arange(8), 8)  # horizontal frequency of coefficient k = 8 v + u
V = np.repeat(np.arange(8), 8)
BANDS = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 9), (10, 14)]
#: Blocks in raster order; in a block these passes, the lowest frequencies first and DC last.
PASSES = [[k for k in ZIGZAG if a <= U[k] + V[k] <= b] for a, b in BANDS] + [[0]]
STEERED = 6  # passes up to this u + v, and DC, have gates and an offset of the mean
ORDER = np.array([k for ks in PASSES for k in ks], np.int32)
PASS_OF = np.array([next(p for p, ks in enumerate(PASSES) if k in ks) for k in range(64)])
FIRST = np.array([r == 0 or PASS_OF[ORDER[r]] != PASS_OF[ORDER[r - 1]] for r in range(64)])


def _nearest() -> Ints:
    """For each coefficient the six AC coefficients decoded before it that are nearest to it."""
    near = np.full((64, 6), -1, np.int32)
    for rank, k in enumerate(ORDER):
        seen = [int(j) for j in ORDER[:rank] if j]
        seen.sort(
            key=lambda j: (
                math.hypot(U[j] - U[k], V[j] - V[k]),
                abs(int(U[j] + V[j] - U[k] - V[k])),
                j,
            )
        )
        near[k, : min(6, len(seen))] = seen[:6]
    return near


def _groups() -> Ints:
    """Fifteen groups of coefficients, by band and direction; 0 is DC."""
    group = np.zeros(64, np.int32)
    numbers: dict[tuple[int, int], int] = {}
    for k in range(1, 64):
        u, v = int(U[k]), int(V[k])
        band = u + v if u + v <= 3 else 4 if u + v <= 5 else 5 if u + v <= 7 else 6
        if band == 6:
            way = 0
        elif band in (1, 3):
            way = int(u <= v)
        else:
            way = 0 if u - v >= min(band - 1, 2) else 1 if v - u >= min(band - 1, 2) else 2
        group[k] = numbers.setdefault((band, way), len(numbers) + 1)
    return group


NEAR = _nearest()
GROUP = _groups()
GROUPS = int(GROUP.max()) + 1
SHARE = (1 / np.bincount(GROUP)).astype(np.float32)
BASIS = np.array(
    [
        [
            math.sqrt((1 if k else 0.5) / 4) * math.cos((2 * x + 1) * k * math.pi / 16)
            for x in range(8)
        ]
        for k in range(8)
    ],
    np.float32,
)
EXT = 1.5 * BASIS[:, 0] - 0.5 * BASIS[:, 1]  # the basis carried on to the border of the block
ROW = BASIS[:, 0].copy()  # the basis in the row beside the border

# --- features -------------------------------------------------------------------------------------

NEIGHBOURS = 6  # W, N, NW, NE, WW, NN
TRUNK = [
    n := (NEIGHBOURS + 1) * GROUPS + 16 + 4 + 28 + 4,
    n + 5 * GROUPS + 2,
    n + 6 * GROUPS + 4,
]
MAGNITUDES = [16, 20, 20]
MEANS = [7, 10, 11]
#: which gate steers each mean: 0 from above, 1 from the left, 2 from the other components
GATE = [0, 1, 0, 1, 0, 1, 2, 0, 1, 2]
LARGEST = 400.0  # magnitudes are clamped here


@njit(cache=True)
def _level(energy: float) -> float:
    return 0.35 * math.log2(energy + 0.03)


@njit(cache=True)
def _compand(value: float) -> float:
    return math.copysign(0.35 * math.log2(1.0 + abs(value) * 0.25), value)


@njit(cache=True)
def _outline(d: Floats, ext: Floats, row: Floats, out: Floats) -> None:
    """Lower and right side of a block: 1-D DCTs of border, last row, border, last column."""
    out[:] = 0
    for v in range(8):
        for u in range(8):
            c = d[8 * v + u]
            down = -c if v & 1 else c
            right = -c if u & 1 else c
            out[u] += down * ext[v]
            out[8 + u] += down * row[v]
            out[16 + v] += right * ext[u]
            out[24 + v] += right * row[u]


@njit(cache=True)
def _regress(s: Floats, components: int, a: Floats) -> None:
    """Local least squares of this component on the decoded ones, in quantised units."""
    if components == 1:
        a[0] = min(max(s[0] / (s[2] + 3), -4), 4)
    elif components == 2:
        d1, d2, d12 = s[2] + 3, s[3] + 3, s[4]
        det = d1 * d2 - d12 * d12 + 1e-3 * d1 * d2
        a[0] = min(max((s[0] * d2 - s[1] * d12) / det, -4), 4)
        a[1] = min(max((s[1] * d1 - s[0] * d12) / det, -4), 4)
        a[2] = min(max(s[1] / d2, -4), 4)


@njit(cache=True)
def extract(
    x: Coefs,
    q: Floats,
    twins: Floats,
    order: Ints,
    first: NDArray[np.bool_],
    near: Ints,
    group: Ints,
    share: Floats,
    ext: Floats,
    row: Floats,
    trunk: Floats,
    own: Floats,
    magnitudes: Floats,
    means: Floats,
    symbols: Floats,
    signed: Floats,
    at: int,
) -> None:
    """Write what the model sees of one component of one image, block by block in raster order.

    Parameters
    ----------
    x : array (height, width, 64)
        Quantised coefficients, k = 8 v + u.
    q : array (64,)
        Steps.
    twins : array (0 to 2, height, width, 64)
        Decoded components on this grid, dequantised.
    order, first, near, group, share, ext, row
        The tables above.
    trunk, own, magnitudes, means, symbols, signed
        Outputs; the last axis, the first of `trunk` and `own`, counts the blocks of a batch.
    at : int
        Place of the first block in the batch.
    """
    height, width = x.shape[:2]
    others = twins.shape[0]
    groups = share.size
    blocks = height * width
    n_mag, n_mean = magnitudes.shape[1], means.shape[1]
    mag = np.zeros((blocks + 1, 64), np.float32)  # |x|, or |residual| where there are twins
    plain = np.zeros((blocks + 1, 64), np.float32)  # |x|
    level = np.full((blocks + 1, groups), np.float32(-1.77))
    border = np.zeros((blocks + 1, 32), np.float32)
    twin_border = np.zeros((2, blocks + 1, 32), np.float32)
    twin_level = np.zeros((2, blocks, groups), np.float32)
    sums = np.zeros((blocks, 5), np.float32)
    run = np.full(64, np.float32(0.25))
    d = np.zeros(64, np.float32)
    m = np.zeros(24, np.float32)
    e = np.zeros(12, np.float32)
    a = np.zeros(3, np.float32)
    s = np.zeros(5, np.float32)
    known = np.zeros((4, 8), np.float32)  # own upper and left border, of what is decoded
    twin_known = np.zeros((2, 2, 8), np.float32)
    energy = np.zeros(groups, np.float32)
    nothing = blocks  # the row of zeros: a neighbour that nothing can stand for

    for c in range(others):
        for b in range(blocks):
            t = twins[c, b // width, b % width]
            _outline(t, ext, row, twin_border[c, b])
            energy[:] = 0
            for k in range(1, 64):
                energy[group[k]] += abs(t[k]) / q[k]
            for g in range(groups):
                twin_level[c, b, g] = _level(energy[g] * share[g])

    for b in range(blocks):
        y, x0 = b // width, b % width
        n = at + b
        up, left = y > 0, x0 > 0
        up_right = up and x0 < width - 1
        north = b - width if up else (b - 1 if left else nothing)
        west = b - 1 if left else north
        north_west = b - width - 1 if up and left else (b - width if up else nothing)
        north_west = (
            north if not (up and left) and up else (b - 1 if not up and left else north_west)
        )
        north_east = b - width + 1 if up_right else north
        nb = (
            west,
            north,
            north_west,
            north_east,
            b - 2 if x0 > 1 else west,
            b - 2 * width if y > 1 else (b - width if up else nothing) if y == 1 else nothing,
        )
        if not up:
            nb = (west, west, west, west, nb[4], west)
        for k in range(64):
            d[k] = x[y, x0, k] * q[k]
        above, beside = border[north if up else nothing], border[west if left else nothing]
        dc_n = x[y - 1, x0, 0] * q[0] if up else np.float32(0)
        dc_w = x[y, x0 - 1, 0] * q[0] if left else np.float32(0)
        dc_nw = x[y - 1, x0 - 1, 0] * q[0] if up and left else (dc_n if up else dc_w)
        dc_ne = x[y - 1, x0 + 1, 0] * q[0] if up_right else dc_n
        if not up:
            dc_n = dc_ne = dc_w
        if not left:
            dc_w = dc_n

        f = 0
        for i in range(6):
            trunk[n, f : f + groups] = level[nb[i]]
            f += groups
        energy[:] = 0
        for k in range(64):
            energy[group[k]] += run[k]
        for g in range(groups):
            trunk[n, f + g] = _level(energy[g] * share[g])
        f += groups
        for u in range(8):
            edge_n = above[u] - (ext[0] * dc_n if u == 0 and up else np.float32(0))
            edge_w = beside[16 + u] - (ext[0] * dc_w if u == 0 and left else np.float32(0))
            trunk[n, f + u], trunk[n, f + 8 + u] = abs(_compand(edge_n)), abs(_compand(edge_w))
            trunk[n, f + 20 + u], trunk[n, f + 28 + u] = _compand(edge_n), _compand(edge_w)
        slopes = (dc_w - dc_nw, dc_n - dc_nw, dc_n - dc_ne, dc_n - dc_w)
        for i in range(4):
            trunk[n, f + 16 + i] = abs(_compand(slopes[i] * 0.5))
            trunk[n, f + 36 + i] = _compand((-slopes[i] if i == 2 else slopes[i]) * 0.5)
        f += 40
        for i in range(4):
            j = nb[i]
            for k in (1, 8):
                c0 = x[j // width, j % width, k] * q[k] if j < blocks else np.float32(0)
                trunk[n, f] = _compand(c0)
                f += 1
        trunk[n, f], trunk[n, f + 1], trunk[n, f + 2] = not up, not left, not up_right
        trunk[n, f + 3] = 1 / (1 + b * 0.0625)
        f += 4
        if others:
            around = (
                b,
                b - width if up else b,
                b - 1 if left else b,
                b + width if y < height - 1 else b,
                b + 1 if x0 < width - 1 else b,
            )
            for i in range(5):
                trunk[n, f : f + groups] = twin_level[0, around[i]]
                f += groups
            if others == 2:
                trunk[n, f : f + groups] = twin_level[1, b]
                f += groups
        s[:] = 0
        if others:
            if left:
                s += 2 * sums[b - 1]
            if up:
                s += 2 * sums[b - width]
            if up and left:
                s += sums[b - width - 1]
            if up_right:
                s += sums[b - width + 1]
            if x0 > 1:
                s += sums[b - 2]
            if y > 1:
                s += sums[b - 2 * width]
        known[:] = 0
        twin_known[:] = 0
        base = np.float32(0)

        end = 0  # what follows is zero, and is not coded
        for r in range(63):
            if x[y, x0, order[r]]:
                end = r
        for r in range(64):
            k = order[r]
            v, u = k // 8, k % 8
            i_q = 1 / q[k]
            if others and first[r] and (r <= end or k == 0):
                _regress(s + 2 * sums[b], others, a)
                if r == 0:
                    for c in range(others):
                        trunk[n, f + 2 * c] = a[c]
                        trunk[n, f + 2 * c + 1] = 0.1 * math.log2(1 + s[2 + c])
            guess = np.float32(0)
            for c in range(others):
                guess += a[c] * twins[c, y, x0, k]
            m[:] = 0
            e[:] = 0
            if k:
                for i in range(6):
                    j = near[k, i]
                    if j >= 0:
                        m[i] = (mag[b, j] + 0.12) * q[j] * i_q
                    m[6 + i] = mag[nb[i], k]
                total, count = np.float32(0), 0
                for j, inside in ((k - 1, u > 0), (k + 1, u < 7), (k - 8, v > 0), (k + 8, v < 7)):
                    if inside and j:
                        total += (mag[nb[0], j] + mag[nb[1], j]) * q[j]
                        count += 2
                m[12] = total / count * i_q
                m[13] = run[k]
                if u:
                    e[0] = (above[u] - known[0, u]) * ext[v] * i_q if up else np.float32(0)
                    e[2] = (above[8 + u] - known[1, u]) * row[v] * i_q if up else np.float32(0)
                    m[14] = abs(e[0])
                else:
                    e[0] = x[y - 1, x0, k] if up else 0
                    e[2] = (dc_nw - dc_w) * 0.3 * i_q
                if v:
                    e[1] = (beside[16 + v] - known[2, v]) * ext[u] * i_q if left else np.float32(0)
                    e[3] = (beside[24 + v] - known[3, v]) * row[u] * i_q if left else np.float32(0)
                    m[15] = abs(e[1])
                else:
                    e[1] = x[y, x0 - 1, k] if left else 0
                    e[3] = (dc_nw - dc_n) * 0.3 * i_q
                if u and v:
                    e[4] = x[y - 1, x0, k] if up else 0
                    e[5] = x[y, x0 - 1, k] if left else 0
                elif up and left:  # the unknown DC cancels out
                    sign = 1 if v else -1
                    jump = (above[0] - known[0, 0]) - (beside[16] - known[2, 0])
                    e[4] = sign * jump * ext[u + v] * i_q
                    jump = (above[8] - known[1, 0]) - (beside[24] - known[3, 0])
                    e[5] = sign * jump * row[u + v] * i_q
                    m[15 if u else 14] = abs(e[4])
                if others:
                    e[6] = guess * i_q
                    for c in range(others):
                        if up and u:
                            jump = twin_border[c, b - width, u] - twin_known[c, 0, u]
                            e[7] += a[c] * jump * ext[v] * i_q
                        if left and v:
                            jump = twin_border[c, b - 1, 16 + v] - twin_known[c, 1, v]
                            e[8] += a[c] * jump * ext[u] * i_q
                    m[16], m[17] = abs(twins[0, y, x0, k]) * i_q, abs(guess) * i_q
                    m[18] = 0.5 * (plain[nb[0], k] + plain[nb[1], k])
                    if others == 2:
                        e[9] = a[2] * twins[1, y, x0, k] * i_q
                        m[19] = abs(twins[1, y, x0, k]) * i_q
            else:
                e_n = (above[0] - known[0, 0]) / ext[0] if up else np.float32(0)
                e_w = (beside[16] - known[2, 0]) / ext[0] if left else np.float32(0)
                f_n = (above[8] - known[1, 0]) / row[0] if up else np.float32(0)
                f_w = (beside[24] - known[3, 0]) / row[0] if left else np.float32(0)
                if not up:
                    e_n, f_n = e_w, f_w
                if not left:
                    e_w, f_w = e_n, f_n
                base = np.float32(0.5) * (e_n + e_w)
                tries = (e_n, e_w, f_n, f_w, dc_n, dc_w + dc_n - dc_nw)
                gaps = (e_n - e_w, f_n - f_w, dc_w - dc_nw, dc_n - dc_nw, dc_n - dc_ne, dc_w - dc_n)
                for i in range(6):
                    e[i] = (tries[i] - base) * i_q
                    m[i] = abs(gaps[i]) * i_q
                    m[6 + i] = mag[nb[i], 0]
                m[12] = 0.5 * (abs(d[1]) + abs(d[8])) * i_q
                m[13] = run[0]
                m[14] = (np.abs(d[1:]).sum() - abs(d[1]) - abs(d[8])) * i_q / 16
                m[15] = abs(e_n - f_n + e_w - f_w) * i_q
                if others:
                    here, t_n, t_w = np.float32(0), np.float32(0), np.float32(0)
                    for c in range(others):
                        t0 = twins[c, y, x0, 0]
                        t1 = twins[c, y - 1, x0, 0] if up else t0
                        t2 = twins[c, y, x0 - 1, 0] if left else t1
                        t1 = t1 if up else t2
                        here += a[c] * t0
                        t_n += a[c] * t1
                        t_w += a[c] * t2
                    c_n, c_w = dc_n + here - t_n, dc_w + here - t_w
                    e[6] = (0.5 * (c_n + c_w) - base) * i_q
                    e[7], e[8] = (c_n - base) * i_q, (c_w - base) * i_q
                    m[16], m[17] = abs(e[6]), abs(c_n - c_w) * i_q
                    m[18], m[19] = abs(here - t_n) * i_q, abs(here - t_w) * i_q
            for i in range(n_mag):
                magnitudes[r, i, n] = m[i]
            for i in range(n_mean - 1):
                means[r, i, n] = e[i]
            means[r, n_mean - 1, n] = base * i_q

            # From here on the coefficient is known.
            symbols[r, n] = x[y, x0, k]
            signed[r, n] = _compand(d[k])
            plain[b, k] = min(abs(np.float32(x[y, x0, k])), LARGEST)
            mag[b, k] = min(abs(d[k] - (guess if k else base)) * i_q, LARGEST)
            if k:
                value = np.float32(x[y, x0, k])
                for c in range(others):
                    t0 = twins[c, y, x0, k] * i_q
                    sums[b, c] += value * t0
                    sums[b, 2 + c] += t0 * t0
                    twin_known[c, 0, u] += ext[v] * twins[c, y, x0, k]
                    twin_known[c, 1, v] += ext[u] * twins[c, y, x0, k]
                if others == 2:
                    sums[b, 4] += twins[0, y, x0, k] * twins[1, y, x0, k] * i_q * i_q
            known[0, u] += ext[v] * d[k]
            known[1, u] += row[v] * d[k]
            known[2, v] += ext[u] * d[k]
            known[3, v] += row[u] * d[k]

        _outline(d, ext, row, border[b])
        energy[:] = 0
        for k in range(64):
            energy[group[k]] += mag[b, k]
        rate = max(1 / (b + 1.5), 1 / 400)
        for g in range(groups):
            level[b, g] = own[n, g] = _level(energy[g] * share[g])
        for k in range(64):
            run[k] += (mag[b, k] - run[k]) * rate


@dataclass
class Features:
    """What the model sees of one component of a batch of equally large images."""

    trunk: Tensor  # (blocks, TRUNK)
    own: Tensor  # (blocks, GROUPS): levels of the block itself, group by group
    magnitudes: Tensor  # (64 ranks, MAGNITUDES, blocks), in steps of the coefficient
    means: Tensor  # (64, MEANS, blocks), likewise; the last one is taken as it is
    symbols: Tensor  # (64, blocks)
    signed: Tensor  # (64, blocks)
    steps: Tensor  # (images, 64)


def features(x: Coefs, q: Floats, twins: Floats) -> Features:
    """Features of (images, height, width, 64); `twins` has (0 to 2, images, height, width, 64)."""
    images, height, width, _ = x.shape
    blocks, others = height * width, twins.shape[0]
    n = images * blocks
    trunk, own = np.empty((n, TRUNK[others]), np.float32), np.empty((n, GROUPS), np.float32)
    magnitudes = np.empty((64, MAGNITUDES[others], n), np.float32)
    means = np.empty((64, MEANS[others], n), np.float32)
    symbols, signed = np.empty((64, n), np.float32), np.empty((64, n), np.float32)
    for i in range(images):
        extract(
            *(np.ascontiguousarray(x[i]), np.ascontiguousarray(q[i], np.float32)),
            *(np.ascontiguousarray(twins[:, i]), ORDER, FIRST, NEAR, GROUP, SHARE, EXT, ROW),
            *(trunk, own, magnitudes, means, symbols, signed, i * blocks),
        )
    outputs = (trunk, own, magnitudes, means, symbols, signed, q)
    return Features(*(torch.from_numpy(np.ascontiguousarray(t)) for t in outputs))


# --- the model ------------------------------------------------------------------------------------


def bits_of(
    x: Tensor, mean: Tensor, scale: Tensor, mix: Tensor, slope: Tensor, ratio: Tensor
) -> Tensor:
    """Ideal code length under two logistics, with an escape of 2^-13 and 12 bits behind it."""
    scale = scale.clamp(-3.5, 7)
    z = -(x - mean).abs()
    weight = torch.sigmoid(mix + slope * scale)
    p = torch.zeros_like(x)
    for w, s in ((weight, torch.exp(-scale)), (1 - weight, torch.exp(-scale - ratio))):
        p = p + w * (torch.sigmoid((z + 0.5) * s) - torch.sigmoid((z - 0.5) * s))
    return -torch.log2(p * (1 - 2**-13) + 2**-25)


class Component(nn.Module):
    """The network of one component.

    Parameters
    ----------
    others : int
        How many components are decoded before it.
    width : int
        Of the accumulator and of the layer behind it.
    """

    def __init__(self, others: int, width: int) -> None:
        super().__init__()
        self.others, passes = others, len(PASSES)
        outs = 4 + (others > 0)
        self.outputs = [outs if min(U[k] + V[k] for k in ks) <= STEERED else 1 for ks in PASSES]

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape) * std)

        self.trunk = normal(TRUNK[others], width, std=0.7 / math.sqrt(TRUNK[others]))
        self.own = normal(passes, GROUPS, width, std=0.7 / math.sqrt(GROUPS))
        self.signed = normal(64, width, std=0.05)
        self.steps = normal(64, passes * width, std=0.02)
        self.bias = nn.Parameter(torch.zeros(passes, width))
        self.layer = normal(passes, width, width, std=math.sqrt(2 / width))
        self.layer_bias = nn.Parameter(torch.zeros(passes, width))
        # Before each AC pass: is everything from here on but DC zero?
        self.flag = nn.Parameter(torch.zeros(passes - 1, width))
        self.flag_bias = nn.Parameter(torch.linspace(-2, 1, passes - 1))
        self.heads = nn.ParameterList(
            [
                normal(len(ks) * n, width, std=0.02)
                for ks, n in zip(PASSES, self.outputs, strict=True)
            ]
        )
        weights = torch.full((64, MAGNITUDES[others], 3), -4.5)
        for part, term in ((slice(6, 12), 0), (13, 0), (slice(0, 6), 1), (12, 1)):
            weights[:, part, term] = -2
        weights[:, :, 2] = -3
        self.magnitude = nn.Parameter(weights + 0.1 * torch.randn_like(weights))
        self.floor = nn.Parameter(torch.full((64, 1, 3), -3.0))
        self.alpha = nn.Parameter(torch.full((64, 1, 3), 0.3))
        self.base = nn.Parameter(torch.full((64, 1), -0.6))
        self.step_slope = nn.Parameter(torch.zeros(64))
        mean = torch.zeros(64, MEANS[others] - 1)
        mean[:, :2] = 0.05 * torch.from_numpy(np.stack([U, V], 1)[ORDER] > 0)
        mean[:, 6:7] = 0.25
        self.mean = nn.Parameter(mean)
        self.mix = nn.Parameter(torch.full((64,), 0.4))
        self.mix_slope = nn.Parameter(torch.zeros(64))
        self.ratio = nn.Parameter(torch.full((64,), 0.8))
        last = np.array(
            [max(PASS_OF[k] for k in range(64) if GROUP[k] == g) for g in range(GROUPS)]
        )
        visible = torch.from_numpy(last[None] < np.arange(passes)[:, None]).float()
        self.register_buffer("visible", visible, persistent=False)
        gates = torch.eye(3)[GATE[: MEANS[others] - 1]]
        self.register_buffer("gates", gates, persistent=False)

    def products(self) -> int:
        """Count the products of one block."""
        shared = self.trunk.numel() + (GROUPS - 1 + 63) * self.trunk.shape[1]
        networks = self.layer.numel() + sum(h.numel() for h in self.heads)
        magnitudes = 64 * 3 * (MAGNITUDES[self.others] + 1) + self.mean.numel()
        return shared + networks + magnitudes + 64 * 8 + 64 * 12 * self.others

    def fast(self) -> list[nn.Parameter]:
        """Return the parameters of single coefficients, which learn at twice the rate."""
        shape = [self.mix, self.mix_slope, self.ratio]
        scale = [self.magnitude, self.floor, self.alpha, self.base, self.step_slope]
        return [*scale, self.mean, *shape]

    def heads_of(self, seen: Features) -> tuple[Tensor, Tensor]:
        """Return log-scale, gates and offset of each coefficient, and the logits of the flags.

        They are (outputs, 64, blocks) and (AC passes, blocks).
        """
        steps = torch.log2(seen.steps) - 4
        passes, images, blocks = len(PASSES), len(steps), len(seen.trunk)
        own = torch.einsum("pgw,ng->pwn", self.own * self.visible[..., None], seen.own)
        sum_ = self.trunk.T @ seen.trunk.T
        bias = (0.3 * steps @ self.steps).view(images, passes, -1) + self.bias
        bias = bias.repeat_interleave(blocks // images, 0)
        outputs, flags, rank = [], [], 0
        for p, ks in enumerate(PASSES):
            hidden = torch.relu(sum_ + own[p] + bias[:, p].T)
            hidden = torch.relu(self.layer[p] @ hidden + self.layer_bias[p][:, None])
            if p < passes - 1:
                flags.append(self.flag[p] @ hidden + self.flag_bias[p])
            out = (self.heads[p] @ hidden).view(self.outputs[p], len(ks), blocks)
            outputs.append(functional.pad(out, (0, 0, 0, 0, 0, max(self.outputs) - len(out))))
            part = slice(rank, rank + len(ks))
            sum_ = sum_ + self.signed[part].T @ seen.signed[part]
            rank += len(ks)
        return torch.cat(outputs, 1), torch.stack(flags)

    def parameters_of(self, seen: Features) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and log-scale of each symbol, both (64, blocks), and the flags' logits."""
        out, flags = self.heads_of(seen)
        blocks = out.shape[-1]
        weights = torch.exp(self.magnitude)
        sums = torch.einsum("kfn,kfe->kne", seen.magnitudes, weights) + torch.exp(self.floor)
        steps = (torch.log2(seen.steps) - 4)[:, torch.from_numpy(ORDER).long()].T
        slope = (self.step_slope[:, None] * steps).repeat_interleave(blocks // steps.shape[1], 1)
        scale = out[0] + self.base + slope + (torch.log(sums) * self.alpha).sum(-1)
        guesses = torch.einsum("kfn,kf,fg->gkn", seen.means[:, :-1], 3 * self.mean, self.gates)
        mean = seen.means[:, -1] + out[-1] * torch.exp(scale.clamp(-3.5, 7))
        for gate, guess in zip(out[1:-1], guesses, strict=False):
            mean = mean + 2 * torch.sigmoid(gate) * guess
        return mean, scale, flags

    def forward(self, seen: Features) -> Tensor:
        """Return the bits of each symbol, those of flags with the first of a pass: (64, blocks)."""
        mean, scale, logits = self.parameters_of(seen)
        shape = (t[:, None] for t in (self.mix, self.mix_slope, self.ratio))
        bits = bits_of(seen.symbols, mean, scale, *shape)
        sizes = [len(ks) for ks in PASSES[:-1]]
        in_pass = torch.stack([(s != 0).any(0) for s in seen.symbols[:-1].split(sizes)])
        follows = in_pass.flip(0).cumsum(0).flip(0) > 0  # a symbol that is not 0, here or later
        is_coded = torch.cat([torch.ones_like(follows[:1]), follows[:-1]])
        flags = functional.softplus(torch.where(follows, logits, -logits)) * is_coded / math.log(2)
        symbols_coded = follows.repeat_interleave(torch.tensor(sizes), 0)
        bits = bits * torch.cat([symbols_coded, torch.ones_like(symbols_coded[:1])])
        first = torch.tensor([sum(sizes[:p]) for p in range(len(sizes))])
        return bits.index_add(0, first, flags)


#: rows and columns of luma blocks to a block of the other components
SAMPLING = {"420": (2, 2), "422": (1, 2), "440": (2, 1), "444": (1, 1), "rgb": (1, 1)}


def _halving(n: int) -> NDArray[np.float64]:
    """1-D DCT of n blocks side by side -> DCT of one block of their means."""
    basis = BASIS.astype(np.float64)
    if n == 1:
        return np.eye(8)
    pixels = np.kron(np.eye(2), basis.T)
    return basis @ np.kron(np.eye(8), [[0.5, 0.5]]) @ pixels


def twin_of(luma: Floats, mode: str, shape: tuple[int, int]) -> Floats:
    """Bring dequantised luma to the grid of the other components, in the DCT domain."""
    ny, nx = SAMPLING[mode]
    if ny == nx == 1:
        return luma
    h, w = shape
    pad = ((0, 0), (0, max(0, h * ny - luma.shape[1])), (0, max(0, w * nx - luma.shape[2])), (0, 0))
    luma = np.pad(luma, pad, mode="edge")[:, : h * ny, : w * nx]
    blocks = luma.reshape(-1, h, ny, w, nx, 8, 8)
    down, right = _halving(ny).reshape(8, ny, 8), _halving(nx).reshape(8, nx, 8)
    out = np.einsum("bhywxvu,pyv,qxu->bhwpq", blocks, down, right, optimize=True)
    return out.reshape(-1, h, w, 64).astype(np.float32)


class Jpeg1(nn.Module):
    """Five networks: Y (also grey, and G of RGB files), Cb, Cr, R, B.

    Parameters
    ----------
    width : int
        Of the first network.
    narrow : int
        Of the others.
    """

    def __init__(self, width: int = 48, narrow: int = 32) -> None:
        super().__init__()
        self.settings = {"width": width, "narrow": narrow}
        others = {"Y": 0, "Cb": 1, "Cr": 2, "R": 1, "B": 2}
        self.components = nn.ModuleDict(
            {name: Component(n, narrow if n else width) for name, n in others.items()}
        )

    def forward(self, mode: str, coefs: list[Coefs], steps: Floats) -> list[Tensor]:
        """Return the bits of each component: a list of (64, blocks).

        Parameters
        ----------
        mode : str
            "grey", "rgb" (components in the order G, R, B) or a sampling of YCbCr.
        coefs : list of arrays (images, height, width, 64)
        steps : array (images, 3, 64)
        """
        names = {"grey": ["Y"], "rgb": ["Y", "R", "B"]}.get(mode, ["Y", "Cb", "Cr"])
        bits = []
        for i, name in enumerate(names):
            shape = coefs[i].shape
            twins = np.zeros((i, *shape), np.float32)
            for j in range(i):
                plane = coefs[j].astype(np.float32) * steps[:, j, None, None]
                twins[j] = plane if j else twin_of(plane, mode, shape[1:3])
            bits.append(self.components[name](features(coefs[i], steps[:, i], twins)))
        return bits


# --- files ----------------------------------------------------------------------------------------


def save(model: Jpeg1, path: Path, description: str, dtype: torch.dtype = torch.float32) -> None:
    """Write the weights, with the description of the structure in the metadata."""
    tensors = {k: v.to(dtype).contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, path, {"settings": json.dumps(model.settings), "structure": description})


def load(path: Path) -> Jpeg1:
    """Read what `save` wrote."""
    with safe_open(path, "pt") as file:
        model = Jpeg1(**json.loads(file.metadata()["settings"]))
    model.load_state_dict({name: t.float() for name, t in load_file(path).items()})
    return model


# --- coefficients to train on ---------------------------------------------------------------------

LUMA = [
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
]
CHROMA = np.full((8, 8), 99)
CHROMA[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
#: mozjpeg's default table
ROBIDOUX = [
    *(16, 16, 16, 18, 25, 37, 56, 85, 16, 17, 20, 27, 34, 40, 53, 75),
    *(16, 20, 24, 31, 43, 62, 91, 135, 18, 27, 31, 40, 53, 74, 106, 156),
    *(25, 34, 43, 53, 69, 94, 131, 189, 37, 40, 62, 74, 94, 124, 169, 238),
    *(56, 53, 91, 106, 131, 169, 226, 311, 85, 75, 135, 156, 189, 238, 311, 418),
]


def quality_of(rng: np.random.Generator, mode: str) -> int:
    """Draw a quality, often that of a known kind of file."""
    kind = rng.random()
    if kind < 0.12:
        return int(rng.integers(96, 101))
    if mode == "rgb" and kind < 0.6:
        return int(rng.integers(25, 60))
    if kind < 0.5:
        return int(rng.integers(30, 101))
    if kind < 0.7:
        return int(rng.choice([70, 75, 80, 85, 90, 95]))
    return int(np.clip(rng.normal(80, 8), 50, 97))


def tables_of(rng: np.random.Generator, mode: str) -> Floats:
    """Draw steps: Annex K, mozjpeg's, flat, or a + b (u + v)^p to a cap; at times perturbed."""

    def scaled(table: Any, quality: int) -> Any:
        s = 5000 / quality if quality < 50 else 200 - 2 * quality
        return np.clip(np.floor((np.asarray(table) * s + 50) / 100), 1, 255)

    quality, kind = quality_of(rng, mode), rng.random()
    first, second = np.array(LUMA, float), CHROMA.ravel().astype(float)
    if 0.62 <= kind < 0.77:
        first = second = np.array(ROBIDOUX, float)
    elif 0.77 <= kind < 0.8:
        first = second = np.full(64, 16.0)
    elif kind >= 0.8:
        a, b, p, cap = (rng.uniform(*r) for r in ((4, 20), (0.3, 6), (0.7, 2), (40, 400)))
        first = np.minimum(a + b * (U + V) ** p, cap)
        a, b, cap = a * rng.uniform(0.8, 2), b * rng.uniform(0.7, 3), cap * rng.uniform(0.7, 1.5)
        second = first if rng.random() < 0.4 else np.minimum(a + b * (U + V) ** p, cap)
    if rng.random() < 0.12 or (mode == "rgb" and rng.random() < 0.8):
        second = first
    if rng.random() < 0.15:
        first = first * np.exp(rng.normal(0, rng.uniform(0.03, 0.25), 64))
    other = scaled(second, quality if rng.random() < 0.9 else quality_of(rng, mode))
    return np.stack([scaled(first, quality), other, other]).astype(np.float32)


def encode(
    image: NDArray[np.uint8], mode: str, rng: np.random.Generator
) -> tuple[list[Coefs], Floats]:
    """Coefficients of a crop whose sides are multiples of 16, and the steps it was made with."""
    steps = tables_of(rng, mode)
    red, green, blue = np.moveaxis(image.astype(np.float32), -1, 0)
    if mode == "rgb":
        planes = [green - 128, red - 128, blue - 128]
    else:
        planes = [np.rint(0.299 * red + 0.587 * green + 0.114 * blue) - 128]
        planes.append(np.rint(-0.168735892 * red - 0.331264108 * green + 0.5 * blue))
        planes.append(np.rint(0.5 * red - 0.418687589 * green - 0.081312411 * blue))
    if mode == "grey":
        del planes[1:]
    dead = 0.5 if rng.random() < 0.85 else rng.uniform(0.33, 0.5)  # some encoders round down
    coefs = []
    for i, full in enumerate(planes):
        ny, nx = SAMPLING.get(mode, (1, 1)) if i else (1, 1)
        h, w = full.shape
        plane = np.floor(full.reshape(h // ny, ny, w // nx, nx).mean((1, 3)) + (0.5 if i else 0))
        blocks = plane.reshape(h // ny // 8, 8, w // nx // 8, 8).transpose(0, 2, 1, 3)
        dct = (BASIS @ blocks @ BASIS.T).reshape(*blocks.shape[:2], 64)
        size = np.floor(np.abs(dct) / steps[i] + np.where(np.arange(64) > 0, dead, 0.5))
        coefs.append((np.sign(dct) * size).astype(np.int16))
    return coefs, steps


def make(paths: list[Path], out: Path, count: int, mode: str, side: int = 240) -> None:
    """Draw crops, as they are and reduced by 2 and 4, and write their coefficients."""
    from PIL import Image

    rng = np.random.default_rng(1)
    images = [np.asarray(Image.open(p).convert("RGB")) for p in paths]
    made = []
    while len(made) < count:
        image = images[rng.integers(len(images))]
        k = int(rng.choice([1, 2, 4], p=[0.42, 0.43, 0.15]))
        if min(image.shape[:2]) < side * k:
            continue
        y, x = (int(rng.integers(n - side * k + 1)) for n in image.shape[:2])
        crop = image[y : y + side * k, x : x + side * k].reshape(side, k, side, k, 3).mean((1, 3))
        if crop.std() >= 6 or rng.random() < 0.15:
            made.append(encode(np.rint(crop).astype(np.uint8), mode, rng))
    arrays = {f"X{i}": np.stack([c[i] for c, _ in made]) for i in range(len(made[0][0]))}
    np.savez(out, mode=mode, Q=np.stack([q for _, q in made]), **arrays)


# --- training and measuring -----------------------------------------------------------------------


@dataclass
class Samples:
    """Coefficients of many equally large crops of one kind."""

    mode: str
    coefs: list[Coefs]
    steps: Floats

    @classmethod
    def read(cls, path: Path) -> Samples:
        """Read what `make` wrote."""
        with np.load(path) as file:
            coefs = [file[k] for k in ("X0", "X1", "X2") if k in file]
            return cls(str(file["mode"]), coefs, file["Q"].astype(np.float32))

    def draw(self, rng: np.random.Generator, blocks: int) -> tuple[str, list[Coefs], Floats]:
        """Draw a batch, mirrored and transposed by chance: signs and places of the coefficients."""
        per = sum(c[0].size for c in self.coefs) // 64
        i = rng.integers(len(self.steps), size=max(1, round(blocks / per)))
        mode, coefs, steps = self.mode, [c[i] for c in self.coefs], self.steps[i]
        if rng.random() < 0.5:
            coefs = [c[:, :, ::-1] * np.where(U % 2, -1, 1).astype(np.int16) for c in coefs]
        if rng.random() < 0.5:
            coefs = [c[:, ::-1] * np.where(V % 2, -1, 1).astype(np.int16) for c in coefs]
        if rng.random() < 0.5:
            turn = np.arange(64).reshape(8, 8).T.ravel()
            coefs, steps = [c.transpose(0, 2, 1, 3)[..., turn] for c in coefs], steps[..., turn]
            mode = {"422": "440", "440": "422"}.get(mode, mode)
        return mode, [np.ascontiguousarray(c) for c in coefs], np.ascontiguousarray(steps)


def loss_of(model: Jpeg1, mode: str, coefs: list[Coefs], steps: Floats) -> tuple[Tensor, float]:
    """Return the loss, in which images of few bits count as much as others, and bits per pixel."""
    pixels, total, plain = coefs[0].size, torch.zeros(()), 0.0
    for x, bits in zip(coefs, model(mode, coefs, steps), strict=True):
        size = 2 * np.log2(np.abs(x.astype(np.float32)) + 1).reshape(len(x), -1).mean(1) + 0.15
        weight = torch.from_numpy(1 / np.maximum(size, 0.3)).float()
        per_image = bits.sum(0).view(len(x), -1).sum(1)
        total, plain = total + (per_image * weight).sum() / pixels, plain + per_image.sum().item()
    return total, plain / pixels


def train(model: Jpeg1, sets: list[Samples], out: Path, minutes: float, rate: float = 3e-3) -> None:
    """Train by the clock, with a checkpoint every minute."""
    rng = np.random.default_rng(1)
    fast = [p for c in model.components.values() for p in c.fast()]
    ids = {id(p) for p in fast}
    slow = [p for p in model.parameters() if id(p) not in ids]
    groups = [{"params": slow, "times": 1.0}, {"params": fast, "times": 2.0}]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.98))
    start, step, saved = time.monotonic(), 0, 0.0
    share = np.array([len(s.steps) for s in sets], float)
    while (spent := (time.monotonic() - start) / 60) < minutes:
        now = rate * min(1, (step + 1) / 60)
        now *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * spent / minutes))
        for group in optimiser.param_groups:
            group["lr"] = now * group["times"]
        mode, coefs, steps = sets[rng.choice(len(sets), p=share / share.sum())].draw(rng, 3600)
        optimiser.zero_grad()
        loss, bpp = loss_of(model, mode, coefs, steps)
        loss.backward()
        for parameters in (slow, fast):
            nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        if spent - saved > 1:
            saved = spent
            save(model, out, "")
            log.info("%.1f min, step %d, %s %.3f bits per pixel", spent, step, mode, bpp)
    save(model, out, "")


def measure(model: Jpeg1, samples: Samples) -> float:
    """Ideal code length in bits per pixel."""
    bits = 0.0
    with torch.no_grad():
        for i in range(len(samples.steps)):
            coefs = [c[i : i + 1] for c in samples.coefs]
            parts = model(samples.mode, coefs, samples.steps[i : i + 1])
            bits += sum(p.double().sum().item() for p in parts)
    return bits / samples.coefs[0].size


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["make", "train", "measure"])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--mode", choices=["grey", *SAMPLING], default="420")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    if args.command == "make":
        make(args.files, args.out, args.count, args.mode)
    elif args.command == "train":
        model = load(args.init) if args.init else Jpeg1()
        train(model, [Samples.read(f) for f in args.files], args.out, args.minutes)
    else:
        model = load(args.weights)
        for file in args.files:
            log.info("%s: %.4f bits per pixel", file.name, measure(model, Samples.read(file)))


if __name__ == "__main__":
    main()
