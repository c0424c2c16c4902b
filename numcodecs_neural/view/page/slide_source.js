// Tile sources of OpenSeadragon for the levels of a slide, whatever their sizes are.

/**
 * @param {object} slide What the server tells of it: `levels` from the largest down.
 * @param {(level: number, row: number, column: number) => string} urlOf `level` 0 is the largest.
 */
export function slideSource(slide, urlOf) {
  const levels = slide.levels;
  const full = levels[0];
  const top = levels.length - 1;
  const source = new OpenSeadragon.TileSource({
    width: full.width,
    height: full.height,
    tileSize: full.tile,
    tileOverlap: 0,
    minLevel: 0,
    maxLevel: top,
  });
  // OpenSeadragon counts levels from the smallest up.
  const of = (level) => levels[top - level];
  source.getLevelScale = (level) => of(level).width / full.width;
  source.getTileWidth = source.getTileHeight = (level) => of(level).tile;
  source.getNumTiles = (level) =>
    new OpenSeadragon.Point(
      Math.ceil(of(level).width / of(level).tile),
      Math.ceil(of(level).height / of(level).tile),
    );
  source.getTileUrl = (level, column, row) => urlOf(top - level, row, column);
  return source;
}
