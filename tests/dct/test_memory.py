"""Memory that is used again holds zeros again, and never grows without bound."""

import numpy as np

from numcodecs_neural.dct import memory
from numcodecs_neural.dct.memory import Memory, lent

PARTS = {"a": (5, np.int16), "b": (1000, np.int64), "c": (3, np.int32)}


def test_arrays_are_zeros_each_time() -> None:
    own = Memory()
    for array in own.zeros(PARTS).values():
        array[:] = -1

    again = own.zeros(PARTS)

    assert {name: (len(a), a.dtype.type) for name, a in again.items()} == PARTS
    assert not any(array.any() for array in again.values())


def test_arrays_begin_at_cache_lines_and_do_not_overlap() -> None:
    arrays = Memory().zeros(PARTS)
    for number, array in enumerate(arrays.values()):
        array[:] = number

    assert [array.ctypes.data % 64 for array in arrays.values()] == [0, 0, 0]
    assert [set(array.tolist()) for array in arrays.values()] == [{0}, {1}, {2}]


def test_memory_is_lent_to_one_at_a_time_and_kept() -> None:
    with lent() as one:
        with lent() as other:
            assert one is not other
        with lent() as third:
            assert third is other


def test_large_memory_is_given_back() -> None:
    with lent() as own:
        own.zeros({"all": (memory._LARGEST_KEPT + 1, np.uint8)})

    assert own not in memory._free
