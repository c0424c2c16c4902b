"""Colour axes are those of the image, defined for any image, and steady."""

import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import IS_LOW, TURN
from numcodecs_neural.dct.colour import ONE, matrices_of
from numcodecs_neural.dct.enc_axes import angles_of, axes_of, principal_axes, rotate
from numcodecs_neural.dct.enc_forward import forward


def random_rotations(count: int) -> NDArray[np.float64]:
    matrices, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(count, 3, 3)))
    rotations: NDArray[np.float64] = matrices * np.linalg.det(matrices)[:, None, None]
    return rotations


def difference(angles: NDArray[np.int64], rotation: NDArray[np.float64]) -> float:
    """Return the largest of entries, where signs of the second and third axis are free."""
    signs = np.array([[1, 1, 1], [1, -1, -1]])[..., None]
    return float(np.abs(matrices_of(angles) / ONE - signs * rotation).max((1, 2)).min())


def test_angles_make_the_rotation_they_were_found_for() -> None:
    worst = max(difference(angles_of(r.tolist()), r) for r in random_rotations(300))

    assert worst < 0.006


def test_angles_of_a_matrix_made_of_angles_are_the_same() -> None:
    # Not where the second of them is near a quarter of a turn: there others make the same matrix.
    rng = np.random.default_rng(2)
    for angles in rng.integers((0, -200, 0), (TURN, 200, TURN), (200, 3)):
        once = angles_of((matrices_of(angles) / ONE).tolist())
        twice = angles_of((matrices_of(once) / ONE).tolist())

        assert once.tolist() == twice.tolist()


def test_axes_of_an_image_carry_no_common_variance(tissue: NDArray[np.uint8]) -> None:
    coefficients = forward(tissue, 0)

    rotated = rotate(coefficients, matrices_of(axes_of(coefficients))).astype(np.float64)

    for band in (IS_LOW & (np.arange(256) > 0), ~IS_LOW):
        products = np.einsum("hwak,hwbk->ab", rotated[..., band], rotated[..., band])
        variances = np.diag(products)
        assert variances[0] > variances[1] > variances[2]
        common = products / np.sqrt(np.outer(variances, variances))
        assert np.abs(common - np.eye(3)).max() < 0.1


def test_angles_of_given_variances_are_these_on_every_machine() -> None:
    products = np.array([[9000, 5000, 2000], [5000, 8000, 3000], [2000, 3000, 4000]])

    assert angles_of(principal_axes(products)).tolist() == [129, 33, 407]


def test_first_axis_points_to_brightness(tissue: NDArray[np.uint8]) -> None:
    matrices = matrices_of(axes_of(forward(tissue, 0)))

    assert (matrices[:, 0].sum(1) > 0).all()
    assert (np.linalg.det(matrices / ONE) > 0).all()


def test_noise_does_not_flip_axes(tissue: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(0).integers(-1, 2, tissue.shape)
    noisy = (tissue.astype(np.int64) + noise).clip(0, 255).astype(np.uint8)

    before, after = (matrices_of(axes_of(forward(x, 0))) / ONE for x in (tissue, noisy))

    assert (np.einsum("bac,bac->ba", before, after)[:, 0] > 0.99).all()


def grey(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(tissue[:1], 3, 0)


def only_green(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return tissue * np.array([0, 1, 0], np.uint8)[:, None, None]


def one_colour(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.full_like(tissue, 200)


@pytest.mark.parametrize(
    ("image", "axis"),
    [(grey, (1, 1, 1)), (only_green, (0, 1, 0)), (one_colour, (1, 0, 0))],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_images_of_fewer_dimensions_have_axes(
    image: object, axis: tuple[int, int, int], tissue: NDArray[np.uint8]
) -> None:
    assert callable(image)

    matrices = matrices_of(axes_of(forward(image(tissue), 0))) / ONE

    assert matrices[:, 0] == pytest.approx(np.array([axis] * 2) / np.linalg.norm(axis), abs=0.006)
    assert np.linalg.det(matrices) == pytest.approx([1, 1], abs=1e-3)
