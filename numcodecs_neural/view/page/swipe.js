// The handle between two slides: left of it the one is seen, right of it the other.

/**
 * @param {object} viewer Whose items 0 and 1 are the slide underneath and the one above it.
 * @param {{range: HTMLInputElement, divider: HTMLElement}} handle
 */
export function swipeBetween(viewer, handle) {
  const clip = () => {
    const [lower, upper] = [0, 1].map((index) => viewer.world.getItemAt(index));
    if (!upper) return;
    const share = Number(handle.range.value) / Number(handle.range.max);
    const x = share * viewer.viewport.getContainerSize().x;
    handle.divider.style.left = `${x}px`;
    const edge = viewer.viewport.pointFromPixel(new OpenSeadragon.Point(x, 0), true);
    clipAt(upper, edge, "left");
    // Where it is covered it stays whole, so that it is there when the handle moves.
    if (!covers(upper, lower)) clipAt(lower, edge, "right");
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

/** Whether one image hides the other, but for a hundredth of its size. */
function covers(upper, lower) {
  const [above, below] = [upper.getBounds(true), lower.getBounds(true)];
  return below.width <= 1.01 * above.width && below.height <= 1.01 * above.height;
}

/** Show of an image what is on one side of a place of the viewport. */
function clipAt(image, edge, side) {
  const size = image.getContentSize();
  const x = Math.min(Math.max(image.viewportToImageCoordinates(edge, true).x, 0), size.x);
  const [from, to] = side === "left" ? [0, x] : [x, size.x];
  // A clip without an area would show all.
  image.setClip(new OpenSeadragon.Rect(from, 0, Math.max(to - from, 1e-3), size.y));
}
