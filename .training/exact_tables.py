"""Sets of tables of exact chunks: how often entries occur, in crops that `exact_model` trains on.

    python exact_tables.py DATA exact-1.float16.safetensors

Crops are coded with the integers of these weights. Their planes are then sorted into sets, each
with the tables of its members, until no plane would take fewer bits in another set. The tables are
added to the file, for `exact_export`.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
from exact_export import integers_of
from exact_model import Crop, Crops
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from numcodecs_neural.exact.dec_stream import PlaneHead, terms_of
from numcodecs_neural.exact.enc_kernels import encode_plane
from numcodecs_neural.exact.enc_references import heads_of
from numcodecs_neural.exact.model import SLOTS, TABLES, ExactModel
from numcodecs_neural.exact.planes import Memory, Settings
from numcodecs_neural.exact.symbols import ENTRIES

Floats = NDArray[np.float64]

log = logging.getLogger("exact")

SETS, ROUNDS = 8, 15
SHARE = 3
"""Of the crops that the network was trained on, one of so many is enough."""
PRIOR_ALL, PRIOR_SET = 300, 100
"""So many numbers of the wider sets are added to what a set counts in each table."""


def counts_of(crop: Crop, model: ExactModel) -> list[NDArray[np.float32]]:
    """Return how often each entry of each table occurs in the planes of a crop."""
    planes = [np.ascontiguousarray(plane, np.int32) for plane in crop.levels]
    settings = Settings(max(crop.most), crop.error)
    memory = Memory((planes[0].shape[0], planes[0].shape[1]), 1 + len(planes), settings)
    found = []
    for number, head in enumerate(heads_of(planes, len(planes), settings.most)):
        entries = entries_of(planes[number], number, head, memory, model)
        found.append(np.bincount(entries, minlength=TABLES * ENTRIES).astype(np.float32))
    return found


def entries_of(
    plane: NDArray[np.int32], number: int, head: PlaneHead, memory: Memory, model: ExactModel
) -> NDArray[np.uint16]:
    """Return the entries of a plane."""
    entries, at = np.zeros(plane.size, np.uint16), np.zeros(6, np.int64)
    encode_plane(
        memory.plane(number, head.references, model),
        memory.values,
        memory.errors,
        memory.offsets,
        terms_of(head),
        model.networks[len(head.references)],
        plane,
        entries,
        np.zeros(2 * plane.size, np.uint32),
        at,
    )
    return entries


def with_prior(counts: Floats, prior: Floats, weight: float) -> Floats:
    """Return frequencies (140, 64), each at least 1: what was counted, and some of the prior."""
    mixed = counts.reshape(TABLES, ENTRIES) + weight * prior / SLOTS
    share = mixed / mixed.sum(1, keepdims=True)
    frequencies: Floats = 1 + np.floor(share * (SLOTS - ENTRIES))
    frequencies[np.arange(TABLES), frequencies.argmax(1)] += SLOTS - frequencies.sum(1)
    return frequencies


def sets_of(counts: NDArray[np.float32], prior: Floats) -> Floats:
    """Return sets of tables (sets, 140, 64) for planes of these counts (planes, 140 * 64)."""
    overall = with_prior(counts.sum(0, dtype=np.float64), prior, PRIOR_ALL)
    chosen = np.random.default_rng(1).integers(0, SETS, len(counts))
    for _ in range(ROUNDS):
        members = [counts[chosen == i].sum(0, dtype=np.float64) for i in range(SETS)]
        tables = np.stack([with_prior(some, overall, PRIOR_SET) for some in members])
        prices = -np.log2(tables.reshape(SETS, -1) / SLOTS).astype(np.float32)
        costs = counts @ prices.T
        chosen = costs.argmin(1)
        log.info("%.4f bits a sample", costs.min(1).sum() / counts.sum())
    return tables


def main() -> None:
    """Add tables to a checkpoint."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("checkpoint", type=Path)
    arguments = parser.parse_args()
    floats = load_file(arguments.checkpoint)
    floats.pop("tables", None)
    arrays = integers_of({k: v.astype(np.float64) for k, v in floats.items()})
    model = ExactModel(arrays=arrays)
    crops = Crops(arguments.data)
    crops.sources = [s._replace(crops=s.crops // SHARE) for s in crops.sources]
    counts = np.stack([plane for crop in crops.all() for plane in counts_of(crop, model)])
    tables = sets_of(counts, arrays["tables"][0].astype(np.float64))
    save_file({**floats, "tables": tables.astype(np.uint16)}, arguments.checkpoint)


if __name__ == "__main__":
    main()
