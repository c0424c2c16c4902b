"""An encoder finds the JPEG data behind a chunk, in any thread, while they are offered."""

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage
from numcodecs_neural.codec import is_lossy
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import must_be_exact, offer_for, offered
from tests.jpeg.streams import photo, saved


@pytest.fixture(scope="module")
def mosaic() -> Mosaic:
    return Mosaic.from_tiles([[saved(photo(32, 24))]])


def planes_of(mosaic: Mosaic) -> NDArray[np.uint8]:
    return np.ascontiguousarray(mosaic.pixels().transpose(2, 0, 1)[None])


@pytest.mark.parametrize(
    ("axes", "channel_axis"),
    [((2, 0, 1), -3), ((0, 1, 2), -1)],
    ids=["channels first", "channels last"],
)
def test_a_chunk_is_found_wherever_its_channels_lie(
    mosaic: Mosaic, axes: tuple[int, ...], channel_axis: int
) -> None:
    chunk = mosaic.pixels().transpose(axes)

    with offered([(chunk, channel_axis, mosaic)]):
        found = offer_for(planes_of(mosaic))

    assert found is mosaic


def test_axes_of_length_1_and_channels_before_depth_make_no_difference(mosaic: Mosaic) -> None:
    chunk = mosaic.pixels().transpose(2, 0, 1)[None, :, None]

    with offered([(chunk, -4, mosaic)]):
        assert offer_for(planes_of(mosaic)) is mosaic


def test_grey_chunks_have_no_channel_axis() -> None:
    mosaic = Mosaic.from_tiles([[saved(photo()[..., 0])]])

    with offered([(mosaic.pixels()[..., 0], 0, mosaic)]):
        assert offer_for(planes_of(mosaic)) is mosaic


def test_offers_end_with_their_block(mosaic: Mosaic) -> None:
    with offered([(mosaic.pixels(), -1, mosaic)]):
        pass

    assert offer_for(planes_of(mosaic)) is None


def test_offers_end_where_their_block_fails(mosaic: Mosaic) -> None:
    with pytest.raises(KeyError), offered([(mosaic.pixels(), -1, mosaic)]):
        raise KeyError

    assert offer_for(planes_of(mosaic)) is None


def test_chunks_must_be_exact_while_they_are_offered_so(mosaic: Mosaic) -> None:
    planes, other = planes_of(mosaic), planes_of(mosaic) // 2
    chunk = mosaic.pixels()

    with offered([(chunk, -1, None)], are_exact=True):
        with offered([(chunk, -1, None)], are_exact=True):
            pass
        assert (must_be_exact(planes), must_be_exact(other)) == (True, False)
        assert offer_for(planes) is None

    with offered([(chunk, -1, mosaic)]):
        assert not must_be_exact(planes)


def test_an_exact_chunk_without_a_mosaic_is_stored_without_loss() -> None:
    codec = NeuralImage(quality=20, channel_axis=-1)
    chunk = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)

    with offered([(chunk, -1, None)], are_exact=True):
        exact = codec.encode(chunk)
    lossy = codec.encode(chunk)

    assert np.array_equal(codec.decode(exact), chunk)
    assert (is_lossy(exact[:16]), is_lossy(lossy[:16])) == (False, True)


def test_other_pixels_are_not_found(mosaic: Mosaic) -> None:
    other = planes_of(mosaic)
    other[0, 1, 5, 7] += 1

    with offered([(mosaic.pixels(), -1, mosaic)]):
        assert offer_for(other) is None


def test_equal_bytes_of_another_shape_are_not_found(mosaic: Mosaic) -> None:
    with offered([(mosaic.pixels(), -1, mosaic)]):
        assert offer_for(planes_of(mosaic).reshape(1, 3, 24, 32)) is None


def test_equal_chunks_may_be_offered_by_several_at_once(mosaic: Mosaic) -> None:
    offer = (mosaic.pixels(), -1, mosaic)

    with offered([offer, offer]):
        with offered([offer]):
            pass
        assert offer_for(planes_of(mosaic)) is mosaic

    assert offer_for(planes_of(mosaic)) is None


def test_threads_find_their_own_offers_and_those_of_others(mosaic: Mosaic) -> None:
    mosaics = [Mosaic.from_tiles([[saved(photo(32, 24 + n), quality=50)]]) for n in range(8)]

    def finds(own: Mosaic) -> bool:
        for _ in range(50):
            with offered([(own.pixels(), -1, own)]):
                if offer_for(planes_of(own)) is not own:
                    return False
            if offer_for(planes_of(mosaic)) is not mosaic:
                return False
        return True

    with offered([(mosaic.pixels(), -1, mosaic)]), ThreadPoolExecutor(8) as threads:
        assert all(threads.map(finds, mosaics))


@pytest.mark.parametrize(
    "chunk",
    [np.zeros((2, 3, 8, 8), np.uint8), np.zeros((3, 8, 8), np.uint16)],
    ids=["batch", "uint16"],
)
def test_chunks_that_no_mosaic_stands_for_are_refused(
    chunk: NDArray[np.uint8], mosaic: Mosaic
) -> None:
    with (
        pytest.raises(ConfigError, match="stands for one image of uint8"),
        offered([(chunk, -3, mosaic)]),
    ):
        raise AssertionError


def test_batches_and_other_samples_are_looked_up_in_vain(mosaic: Mosaic) -> None:
    planes = planes_of(mosaic)

    with offered([(mosaic.pixels(), -1, mosaic)]):
        assert offer_for(np.concatenate([planes, planes])) is None
        assert offer_for(planes.astype(np.uint16)) is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_forked_child_begins_without_offers(mosaic: Mosaic) -> None:
    with offered([(mosaic.pixels(), -1, mosaic)]):
        with multiprocessing.get_context("fork").Pool(1) as pool:
            found = pool.apply(_is_found, (planes_of(mosaic),))

        assert not found
        assert offer_for(planes_of(mosaic)) is mosaic


def _is_found(planes: NDArray[np.uint8]) -> bool:
    return offer_for(planes) is not None
