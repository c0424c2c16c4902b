"""Write a slide of any size, like Aperio's, without ever holding it in memory.

    python -m tests.converters.slides.generate OUT.svs --side 30000

Tiles of equal content are encoded once, so that 30,000 x 30,000 pixels take seconds.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import skimage.data
import tifffile
from numpy.typing import NDArray

from tests.converters.slides.scene import REDUCTION, Scene, textures

__all__ = ["main", "write_slide"]

Image = NDArray[np.uint8]

TEXTURE_PX = 4096
QUALITY = 90
MPP_UM = 0.499
THUMBNAIL_PX = 1024


def write_slide(
    path: Path,
    side: int,
    *,
    tile_px: int = 512,
    levels: int = 1,
    is_all_tissue: bool = False,
    pictures: Sequence[Image] = (),
) -> Scene:
    """Write a BigTIFF of JPEG tiles with Aperio's description, and return what is on it.

    Parameters
    ----------
    path : Path
        Of the file; `.svs` or `.tif`.
    side : int
        Height and width of level 0.
    tile_px : int
        Side of the tiles; a multiple of 16.
    levels : int
        How many there are, each reduced by 4. With more than one there is a thumbnail, too, which
        readers expect to be there then.
    is_all_tissue : bool
        Without glass; else half of the slide is glass.
    pictures : sequence of ndarray of uint8, shape (y, x, 3)
        Real tissue to make it of; by default the picture inside scikit-image.
    """
    period = tile_px
    while period < side and 2 * period <= TEXTURE_PX:
        period *= 2  # so that textures can be halved as often as tiles, and more
    tissue, glass = textures(pictures or [skimage.data.immunohistochemistry()], period)
    scene = Scene(side=side, period=period, tissue=tissue, glass=glass, is_all_tissue=is_all_tissue)
    tiles = _EncodedTiles(scene, tile_px)
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for level in range(levels):
            height = -(-side // REDUCTION**level)
            tiff.write(
                tiles.of_level(level),
                shape=(height, height, 3),
                dtype=np.uint8,
                tile=(tile_px, tile_px),
                photometric="ycbcr",
                subsampling=(2, 2),
                compression="jpeg",
                description=_description(side, tile_px),
                metadata=None,
            )
            if level == 0 and levels > 1:
                _write_thumbnail(tiff, scene, tile_px)
    return scene


class _EncodedTiles:
    """The tiles of a scene as JPEG files; those of equal content are encoded once."""

    def __init__(self, scene: Scene, tile_px: int) -> None:
        self._scene, self._tile_px = scene, tile_px
        self._encoded: dict[tuple[int, ...], bytes] = {}

    def of_level(self, level: int) -> Iterator[bytes]:
        """Yield all tiles of a level, row by row."""
        side = -(-self._scene.side // REDUCTION**level)
        starts = range(0, side, self._tile_px)
        return (self._tile(level, y, x) for y in starts for x in starts)

    def _tile(self, level: int, y: int, x: int) -> bytes:
        content = self._scene.content(level, y, x, self._tile_px)
        if content is None:
            return self._encode(level, y, x)
        if content not in self._encoded:
            self._encoded[content] = self._encode(level, y, x)
        return self._encoded[content]

    def _encode(self, level: int, y: int, x: int) -> bytes:
        pixels = self._scene.block(level, y, x, self._tile_px)
        return bytes(imagecodecs.jpeg_encode(pixels, level=QUALITY, subsampling="420"))


def _write_thumbnail(tiff: Any, scene: Scene, tile_px: int) -> None:
    level = 0
    while scene.side > THUMBNAIL_PX * REDUCTION**level:
        level += 1
    side = -(-scene.side // REDUCTION**level)
    tiff.write(
        scene.block(level, 0, 0, side),
        photometric="rgb",
        description=_description(scene.side, tile_px),
        metadata=None,
    )


def _description(side: int, tile_px: int) -> str:
    return (
        "Aperio Image Library v12.0.15\r\n"
        f"{side}x{side} [0,0 {side}x{side}] ({tile_px}x{tile_px}) JPEG/RGB Q={QUALITY}"
        f"|AppMag = 20|MPP = {MPP_UM}"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.converters.slides.generate",
        description="Write a generated slide: sections of real tissue on noisy glass.",
    )
    parser.add_argument("output", type=Path, metavar="OUT.svs")
    parser.add_argument("--side", type=int, default=10_000, help="height and width (10000)")
    parser.add_argument("--tile", type=int, default=512, help="side of the tiles (512)")
    parser.add_argument("--levels", type=int, default=1, help="levels, each reduced by 4 (1)")
    parser.add_argument("--all-tissue", action="store_true", help="without any glass")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="tissue to make it of")
    args = parser.parse_args(argv)
    pictures = [] if args.pictures is None else _read_pictures(args.pictures)
    write_slide(
        args.output,
        args.side,
        tile_px=args.tile,
        levels=args.levels,
        is_all_tissue=args.all_tissue,
        pictures=pictures,
    )


def _read_pictures(folder: Path) -> list[Image]:
    """Return all pictures of a folder, without alpha."""
    pictures = [imagecodecs.imread(path)[..., :3] for path in sorted(folder.iterdir())]
    if not pictures:
        raise SystemExit(f"{folder} holds no pictures")
    return pictures


if __name__ == "__main__":
    main()
