"""What was found comes back from a state file as it was."""

import json

from hypothesis import given
from hypothesis import strategies as st

from numcodecs_neural.converters.measure.distortion import ChunkQuality
from numcodecs_neural.stores.checking import Problem
from numcodecs_neural.stores.comparing import Compared, WorstChunk
from numcodecs_neural.stores.tally import Outcome, Tally

WHOLE = st.integers(0, 10**12)
INDEX = st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
NAMES = st.sampled_from(["level 0", "level 1", "label 0"])
PROBLEMS = st.builds(
    Problem,
    kind=st.sampled_from(["lost", "damaged"]),
    array=NAMES,
    row=WHOLE,
    column=WHOLE,
    chunk=INDEX,
    text=st.text(),
)
COMPARED = st.builds(
    Compared,
    quality=st.builds(
        ChunkQuality, squared_error=WHOLE, samples=WHOLE, ssim_sum=st.just(0.5), ssim_count=WHOLE
    ),
    largest_error=st.floats(0, 255),
    is_exact=st.booleans(),
    worst=st.none()
    | st.builds(
        WorstChunk,
        row=WHOLE,
        column=WHOLE,
        chunk=INDEX,
        psnr_db=st.floats(0, 100),
        largest_error=st.floats(0, 255),
    ),
    problem=st.none() | PROBLEMS,
)
OUTCOMES = st.builds(
    Outcome,
    problem=st.none() | PROBLEMS,
    is_decoded=st.booleans(),
    compared=st.none() | COMPARED,
)


@given(found=st.lists(st.tuples(NAMES, OUTCOMES), max_size=8))
def test_a_tally_comes_back_from_json(found: list[tuple[str, Outcome]]) -> None:
    tally = Tally()
    for name, outcome in found:
        tally.add(name, outcome)

    again = Tally.from_json(json.loads(json.dumps(tally.to_json())))

    assert again == tally


@given(found=st.lists(COMPARED, min_size=1, max_size=30))
def test_the_worst_chunks_are_those_of_lowest_psnr(found: list[Compared]) -> None:
    tally = Tally()
    for compared in found:
        tally.add("level 0", Outcome(problem=None, is_decoded=True, compared=compared))

    worst = [chunk.psnr_db for chunk in tally.compared["level 0"].worst]

    ranked = sorted(one.worst.psnr_db for one in found if one.worst is not None)
    assert worst == ranked[:10]
