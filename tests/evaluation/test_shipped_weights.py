"""What the shipped weights must reach on tissue that they were not trained on."""

from pathlib import Path
from statistics import fmean

import pytest

from numcodecs_neural.evaluation import Evaluation, evaluate, find_sets

pytestmark = pytest.mark.slow

TISSUE = Path(__file__).resolve().parents[3] / "shared" / "data" / "dev-eval-he"
FEWER_BITS_PERCENT = -25


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Measure the first image of each set; the command of the README measures them all."""
    if not TISSUE.is_dir():
        pytest.skip("the evaluation images are not there (../shared/data/dev-eval-he)")
    sets = [found.first(1) for found in find_sets([TISSUE])]
    return evaluate(sets, ["he-fast"], peers=["jpeg420", "jpeg444"], workers=2)


def test_a_quarter_fewer_bits_than_jpeg(evaluation: Evaluation) -> None:
    mean = evaluation.mean_bd_rate(evaluation.models[0], "JPEG 4:2:0")

    assert mean is not None
    assert mean <= FEWER_BITS_PERCENT


def test_rate_and_psnr_rise_with_quality(evaluation: Evaluation) -> None:
    falling = [r.title for r in evaluation.results if not r.rises(evaluation.models[0])]

    assert len(evaluation.results) == 6
    assert falling == []


def test_errors_at_chunk_borders_keep_to_half_a_decibel(evaluation: Evaluation) -> None:
    curves = [result.curves[evaluation.models[0]] for result in evaluation.results]
    # By quality, over the sets: borders of one image alone may happen to lie on richer tissue.
    means = [
        fmean(point.seam_db or 0.0 for point in points) for points in zip(*curves, strict=True)
    ]

    assert max(means) <= 0.5
