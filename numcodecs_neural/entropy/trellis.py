"""Trellis-coded quantisation: two quantisers, and symbols that say which of them is next.

A latent is quantised to whole steps, or to odd halves of a step and 0. Which of the two it is
follows from the parities of the symbols before it in its lane, by a state machine of four states,
so that the decoder knows without being told. The encoder looks for the path that is cheapest in
all (`enc_quantizer`): between them the quantisers offer twice as many values as each has symbols.
Latents that are not coded lead on as zeros do: what was skipped once and is coded as 0 in the next
generation leaves the path of all others as it was.

The state machine is that of Versatile Video Coding (Schwarz et al. 2019, hybrid video coding with
trellis-coded quantization); SPEC.md, section 5.5.
"""

__all__ = ["halves_of", "next_state", "row_of"]


def next_state(state: int, symbol: int) -> int:
    """Return the state after a symbol; states from 2 on take the quantiser of odd halves."""
    return (state >> 1) | (((symbol ^ state) & 1) << 1)


def row_of(index: int, state: int, classes: int) -> int:
    """Return which table codes a symbol: those of plain parts come first, 0 classes are plain."""
    return index + classes * (1 + (state >> 1))


def halves_of(symbol: int, state: int) -> int:
    """Return what a symbol stands for, in halves of a step.

    Examples
    --------
    >>> [halves_of(symbol, 0) for symbol in (-2, -1, 0, 1, 2)]
    [-4, -2, 0, 2, 4]
    >>> [halves_of(symbol, 2) for symbol in (-2, -1, 0, 1, 2)]
    [-3, -1, 0, 1, 3]
    """
    sign = (symbol > 0) - (symbol < 0)
    return 2 * symbol - (state >> 1) * sign
