"""The layout of coefficients says which blocks of which components are coded."""

import numpy as np

from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.mosaic import Mosaic
from tests.jpeg.streams import encoded, photo, saved


def test_a_layout_codes_the_blocks_of_tiles_that_are_present() -> None:
    stream = encoded(photo(20, 40), 75, subsampling="420")
    mosaic = Mosaic.from_tiles([[None, stream], [stream, stream]])

    layout = Layout.of(mosaic)

    assert layout.colour is Colour.YCBCR
    assert [plane.steps for plane in layout.planes] == list(mosaic.steps)
    assert [plane.shape for plane in layout.planes] == [c.shape for c in mosaic.coefficients]
    luma, chroma, _ = (plane.coded for plane in layout.planes)
    assert luma.shape == (8, 12)
    assert chroma.shape == (4, 6)
    assert not luma[:4, :6].any()
    assert luma[4:].all()
    assert luma[:4, 6:].all()
    np.testing.assert_array_equal(chroma, luma[::2, ::2])


def test_a_layout_without_absent_tiles_codes_every_block() -> None:
    layout = Layout.of(Mosaic.from_tiles([[saved(photo(20, 40)[..., 0])]]))

    assert [plane.coded.all() for plane in layout.planes] == [True]
