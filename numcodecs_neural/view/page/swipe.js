// The handle between two slides: left of it the one is seen, right of it the other.

/**
 * @param {object} viewer Whose items 0 and 1 are the slide underneath and the one above it.
 * @param {{range: HTMLInputElement, divider: HTMLElement}} handle
 */
export function swipeBetween(viewer, handle) {
  const clip = () => {
    const upper = viewer.world.getItemAt(1);
    if (!upper) return;
    const share = Number(handle.range.value) / Number(handle.range.max);
    const x = share * viewer.viewport.getContainerSize().x;
    handle.divider.style.left = `${x}px`;
    const edge = viewer.viewport.pointFromPixel(new OpenSeadragon.Point(x, 0), true);
    const right = upper.viewportToImageCoordinates(edge, true).x;
    const size = upper.getContentSize();
    const width = Math.min(Math.max(right, 0), size.x);
    // A clip without an area would show all.
    upper.setClip(new OpenSeadragon.Rect(0, 0, Math.max(width, 1e-3), size.y));
  };
  handle.range.addEventListener("input", clip);
  for (const event of ["update-viewport", "resize", "open"]) viewer.addHandler(event, clip);
  return {
    clip,
    move(by) {
      handle.range.value = Number(handle.range.value) + by;
      clip();
    },
  };
}
