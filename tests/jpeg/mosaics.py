"""Mosaics of all kinds, as slides have them and as none would."""

import hypothesis.strategies as st
import numpy as np

from numcodecs_neural.jpeg.mosaic import Mosaic, plain_frame, zero_coefficients
from tests.jpeg.streams import images, random_coefficients


@st.composite
def mosaics(draw: st.DrawFn, *, steps: int = 255, largest: int = 1023) -> Mosaic:
    """Draw a mosaic of up to nine tiles, some of them absent, and a window of it."""
    frame, colour, tables, _ = draw(images(steps=steps))
    frame = plain_frame(frame)
    grid = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    present = rng.random(grid) < draw(st.sampled_from([0.5, 1]))
    present[rng.integers(grid[0]), rng.integers(grid[1])] = True
    magnitude, density = draw(st.integers(0, largest)), draw(st.floats(0, 1))
    mosaic = Mosaic(
        frame=frame,
        colour=colour,
        steps=tables,
        grid=grid,
        present=present,
        coefficients=zero_coefficients(frame, grid),
        fill=tuple(rng.integers(0, 256, len(tables)).tolist()),
        offset=(draw(st.integers(0, frame.height - 1)), draw(st.integers(0, frame.width - 1))),
    )
    for row, column in np.argwhere(present):
        blocks = random_coefficients(rng, frame, largest=magnitude, density=density)
        for place, own in zip(mosaic.tile(row, column), blocks, strict=True):
            place[:] = own
    return mosaic
