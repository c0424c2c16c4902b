"""What the shipped weights must reach on tissue that they were not trained on."""

from pathlib import Path

import pytest

from numcodecs_neural.evaluation import Evaluation, evaluate, find_sets
from numcodecs_neural.evaluation.report import card_tables
from numcodecs_neural.weights import catalogue, resolve

pytestmark = pytest.mark.slow

TISSUE = Path(__file__).resolve().parents[3] / "shared" / "data" / "dev-eval-he"
FEWER_BITS_PERCENT = -40
CARDS = Path(__file__).resolve().parents[2] / "numcodecs_neural" / "weights" / "cards"
RGB_MODELS = [name for name in catalogue() if resolve(name).channels == 3]


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Measure the first image of each set; the command of the README measures them all."""
    if not TISSUE.is_dir():
        pytest.skip("the evaluation images are not there (../shared/data/dev-eval-he)")
    sets = [found.first(1) for found in find_sets([TISSUE])]
    return evaluate(sets, ["he-fast"], peers=["jpeg420", "jpeg444"], workers=2)


def test_forty_percent_fewer_bits_than_jpeg(evaluation: Evaluation) -> None:
    mean = evaluation.mean_bd_rate(evaluation.models[0], "JPEG 4:2:0")

    assert mean is not None
    assert mean <= FEWER_BITS_PERCENT


def test_rate_and_psnr_rise_with_quality(evaluation: Evaluation) -> None:
    falling = [r.title for r in evaluation.results if not r.rises(evaluation.models[0])]

    assert len(evaluation.results) == 6
    assert falling == []


def test_errors_at_chunk_borders_keep_to_half_a_decibel(evaluation: Evaluation) -> None:
    found = [
        point.seam_db
        for result in evaluation.results
        for point in result.curves[evaluation.models[0]]
    ]

    assert max(db for db in found if db is not None) <= 0.5


def columns(text: str) -> dict[str, list[str]]:
    """Return the table of rates by quality in a card, column by column, the head as the key."""
    lines = text[text.index("| quality |") :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {column[0]: list(column[2:]) for column in zip(*rows, strict=True)}


@pytest.mark.parametrize("model", RGB_MODELS)
def test_cards_hold_what_a_fresh_run_measures(model: str) -> None:
    if not TISSUE.is_dir():
        pytest.skip("the evaluation images are not there (../shared/data/dev-eval-he)")
    # The smallest set: `numcodecs-neural evaluate --card` prints the tables of all of them.
    sets = find_sets([TISSUE / "os1-hamamatsu_openslide-free"])

    fresh = columns(card_tables(evaluate(sets, [model], peers=[], workers=2)))

    card = columns((CARDS / f"{model}.md").read_text(encoding="utf-8"))
    assert len(fresh) == 3
    assert fresh == {head: card[head] for head in fresh}
