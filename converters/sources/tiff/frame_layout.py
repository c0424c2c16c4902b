"""Layout and Part: the axes of a TIFF image as t, c and z, and the planes of each frame."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile

from numcodecs_neural.errors import SourceError

from ..base import Frame
from .file import axes_and_shape
from .photometric import Photometric

__all__ = ["Layout", "Part", "layout_of"]

# Letters as tifffile uses them. E counts wavelengths; S the samples of pixels that are not RGB.
_AXES = {"T": "t", "C": "c", "E": "c", "S": "c", "Z": "z"}
# Mere sequences of pages: planes in depth unless that is taken.
_SEQUENCES = "IQ"
# Values of the tag ExtraSamples: transparency that colours were multiplied with, or were not.
_ALPHAS = (1, 2)


@dataclass(frozen=True, slots=True)
class Part:
    """Where a frame's samples come from, and where they go.

    Parameters
    ----------
    plane : int
        Which of the planes of a level, counted through all pages and the planes inside them.
    samples : slice
        Which samples of its pixels.
    target : slice
        Which samples of the frame.
    """

    plane: int
    samples: slice
    target: slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The frames of an image, and the planes that each is made of.

    Parameters
    ----------
    frames : tuple
        (axis, length) as in `SlideInfo.frames`.
    samples : int
        Of a pixel of a frame: 3 or 1.
    lengths : tuple of int
        Of the image's own axes before y; their product is the number of planes.
    roles : tuple of str
        What each of those counts: one of ``t``, ``c``, ``z``, ``rgb``.
    trailing : str
        What the samples of a plane's pixels are: ``c``, or ``rgb``.
    trailing_length : int
        How many there are, but for transparency, which comes last.
    """

    frames: tuple[tuple[str, int], ...]
    samples: int
    lengths: tuple[int, ...]
    roles: tuple[str, ...]
    trailing: str
    trailing_length: int

    @property
    def planes(self) -> int:
        """Number of planes of a level."""
        return math.prod(self.lengths)

    @property
    def is_interleaved(self) -> bool:
        """Whether one plane holds the pixels of several frames."""
        return self.trailing == "c" and self.trailing_length > 1

    def parts(self, frame: Frame) -> Iterator[Part]:
        """Yield what a frame is made of."""
        place = dict(zip((axis for axis, _ in self.frames), frame, strict=True))
        if self.trailing == "rgb":
            samples = slice(0, min(3, self.trailing_length))
            yield Part(self._plane(place, 0), samples, slice(0, 3))
            return
        # Of the channel, the samples of a pixel count fastest.
        channel, sample = divmod(place.get("c", 0), self.trailing_length)
        if self.trailing_length > 1:
            place["c"] = channel
        for n in range(3 if "rgb" in self.roles else 1):
            yield Part(self._plane(place, n), slice(sample, sample + 1), slice(n, n + 1))

    def place_of(self, plane: int) -> str:
        """Return where a plane lies along the axes that are longer than 1, counted from 0.

        Examples
        --------
        >>> layout = Layout(frames=(("c", 3), ("z", 5)), samples=1, lengths=(3, 5),
        ...                 roles=("c", "z"), trailing="c", trailing_length=1)
        >>> layout.place_of(7)
        'c 1, z 2'
        """
        indices: list[int] = []
        for length in reversed(self.lengths):
            plane, index = divmod(plane, length)
            indices.insert(0, index)
        placed = zip(self.roles, indices, self.lengths, strict=True)
        return ", ".join(f"{role} {index}" for role, index, length in placed if length > 1)

    def _plane(self, place: dict[str, int], color: int) -> int:
        """Return the number of a plane: the place on each axis, the last counting fastest."""
        rest = {**place, "rgb": color}
        plane, weight = 0, 1
        for length, role in zip(reversed(self.lengths), reversed(self.roles), strict=True):
            # Two axes may count one thing: channels of wavelengths.
            rest[role], index = divmod(rest.get(role, 0), length) if role != "rgb" else (0, color)
            plane += weight * index
            weight *= length
        return plane


def layout_of(series: Any, photometric: Photometric, path: Path) -> Layout:
    """Return the layout of a series of pages.

    Raises
    ------
    SourceError
        If it has an axis that is none of time, channel and depth, or several RGB images of one
        time and depth, or if its pages do not hold what its axes promise.
    """
    axes, shape = axes_and_shape(series)
    if min(*shape, *series.keyframe.shaped) < 1:
        raise SourceError(f"{path} has an image of no pixels: its shape is {shape}")
    y = axes.find("YX")
    if y < 0 or len(axes) - y > 3:
        raise SourceError(f"{path} has axes {axes}; y and x must be the last, but for samples")
    trailing = shape[y + 2] if len(axes) - y == 3 else 1
    _check_pages(series, (shape[:y], shape[y : y + 2], trailing), path)
    is_rgb = photometric.is_rgb and (trailing >= 3 or photometric.is_mapped)
    roles = _roles(axes[:y], shape[:y], path, is_rgb=photometric.is_rgb and not is_rgb)
    is_rgb |= "rgb" in roles
    if not is_rgb:
        trailing -= _alphas(series.keyframe, trailing)
    frames = _frames(roles, shape[:y], 1 if is_rgb else trailing)
    if is_rgb and "c" in dict(frames):
        raise SourceError(
            f"{path} holds {dict(frames)['c']} RGB images side by side as channels (axes {axes}, "
            f"shape {shape}): save them one by one"
        )
    return Layout(
        frames=frames,
        samples=3 if is_rgb else 1,
        lengths=tuple(shape[:y]),
        roles=roles,
        trailing="rgb" if is_rgb and "rgb" not in roles else "c",
        trailing_length=trailing,
    )


def _alphas(keyframe: Any, samples: int) -> int:
    """Return how many of a pixel's last samples are transparency, and not all of them."""
    kinds = list(reversed(tuple(keyframe.extrasamples or ())))
    count = next((n for n, kind in enumerate(kinds) if int(kind) not in _ALPHAS), len(kinds))
    return min(count, samples - 1)


def _roles(axes: str, shape: Sequence[int], path: Path, *, is_rgb: bool) -> tuple[str, ...]:
    """Return what each axis before y counts; an axis of length 1 counts nothing, and may be any."""
    taken = {_AXES[axis] for axis, n in zip(axes, shape, strict=True) if n > 1 and axis in _AXES}
    free = [axis for axis in ("z", "t") if axis not in taken]
    roles = []
    for axis, length in zip(axes, shape, strict=True):
        if axis == "S" and is_rgb and length >= 3:
            roles.append("rgb")
        elif length == 1:
            roles.append(_AXES.get(axis, "z"))
        elif axis in _SEQUENCES and free:
            roles.append(free.pop(0))
        elif axis in _AXES:
            roles.append(_AXES[axis])
        else:
            name = tifffile.TIFF.AXES_NAMES.get(axis, axis)
            raise SourceError(
                f"{path} has {length} images along the axis {axis} ({name}), which is none of "
                "time, channel and depth: save them one by one"
            )
    return tuple(roles)


def _frames(
    roles: Sequence[str], shape: Sequence[int], samples: int
) -> tuple[tuple[str, int], ...]:
    lengths = {"t": 1, "c": samples, "z": 1}
    for role, length in zip(roles, shape, strict=True):
        if role in lengths:
            lengths[role] *= length
    return tuple((axis, length) for axis, length in lengths.items() if length > 1)


def _check_pages(
    series: Any, expected: tuple[Sequence[int], Sequence[int], int], path: Path
) -> None:
    """Refuse pages that hold other than the axes say: any index into them would be wrong."""
    leading, plane, samples = expected
    bands, depth, height, width, page_samples = series.keyframe.shaped
    fits = (height, width, page_samples) == (*plane, samples)
    if not fits or math.prod(leading) % (bands * depth):
        axes, shape = axes_and_shape(series)
        raise SourceError(
            f"{path} has axes {axes} and shape {shape}, and pages of another shape, "
            f"{series.keyframe.shape}: save it anew with one plane a page"
        )
