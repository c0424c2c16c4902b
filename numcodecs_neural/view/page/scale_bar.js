// The bar that says how long a length on the screen is on the slide.

const LONGEST_PX = 160;

/** Return the largest of 1, 2, 5, 10, ... that is at most `length`. */
export function roundLength(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  const step = [5, 2, 1].find((one) => one * power <= length * (1 + 1e-9));
  return step * power;
}

/** Return a length in micrometres with the unit that suits it. */
export function lengthText(micrometres) {
  if (micrometres >= 1000) return `${micrometres / 1000} mm`;
  if (micrometres >= 1) return `${micrometres} µm`;
  return `${Math.round(micrometres * 1000)} nm`;
}

/** Show the scale of `viewer` in `element`; without a pixel size there is none. */
export function showScale(element, viewer, slide) {
  element.hidden = !slide.mpp;
  if (!slide.mpp || !viewer.world.getItemCount()) return;
  const zoom = viewer.world.getItemAt(0).viewportToImageZoom(viewer.viewport.getZoom(true));
  const perScreenPixel = slide.mpp[1] / zoom;
  const length = roundLength(LONGEST_PX * perScreenPixel);
  element.querySelector("div").style.width = `${length / perScreenPixel}px`;
  const text = lengthText(Number(length.toPrecision(1)));
  element.querySelector("span").textContent = text;
  element.setAttribute("aria-label", `scale bar: ${text}`);
}
