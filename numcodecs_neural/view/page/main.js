// The page: a slide in OpenSeadragon, what may be laid over it, and keys for all of it.

import { fillControls, firstLook, queryOf } from "./controls.js";
import { showScale } from "./scale_bar.js";
import { slideSource } from "./slide_source.js";
import { swipeBetween } from "./swipe.js";

const SETTLED_MS = 150;
// On narrower screens the controls would hide most of a slide, and are folded at first.
const ROOMY_PX = 600;
const DARK = matchMedia("(prefers-color-scheme: dark)");
const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
const at = (id) => document.getElementById(id);

const viewer = OpenSeadragon({
  element: at("viewer"),
  // The element around it takes the keys, and has a name.
  tabIndex: -1,
  // The WebGL drawer shows nothing where graphics are computed in software.
  drawer: "canvas",
  showNavigationControl: false,
  showNavigator: true,
  navigatorPosition: "TOP_RIGHT",
  navigatorSizeRatio: 0.16,
  navigatorBackground: "transparent",
  navigatorDisplayRegionColor: "#0a58ca",
  maxZoomPixelRatio: 16,
  ...(isStill && { animationTime: 0, blendTime: 0 }),
  visibilityRatio: 0.3,
  imageLoaderLimit: 6,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
});
const swipe = swipeBetween(viewer, { range: at("swipe"), divider: at("divider") });

// The slide that is shown: its number, what the server tells of it, how it is shown.
const state = { number: 0, run: "", names: [], slide: null, look: null, overlays: {} };

async function fetchJson(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function complain(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

/** Say what the server says of a tile that was not shown, which pictures do not tell. */
async function explainTile(url) {
  const answer = await fetch(url).catch(() => null);
  if (answer?.ok) return;
  const reason = answer ? await answer.text() : "the program that serves it has ended";
  complain(`a tile was not shown: ${reason}`);
}

/** The ground is dark around fluorescence, and where the system's colours are. */
function showGround() {
  document.body.classList.toggle("dark", DARK.matches || (state.slide !== null && !state.slide.rgb));
}

/** How a side is shown: both alike, unless the other has other channels, which has its own look. */
function lookOf(side) {
  const { slide, look } = state;
  const isAlike = side === "shown" || slide.against.channels.length === slide.channels.length;
  return isAlike ? look : firstLook(slide.against);
}

function tileUrl(side) {
  const query = queryOf(lookOf(side));
  return (level, row, column) =>
    `slides/${state.number}/${side}/${level}/${row}-${column}.png?${query}&v=${state.run}`;
}

/** Width of the compared slide in widths of the store: by their sizes in micrometres. */
function widthOf(against, slide) {
  if (!against.mpp || !slide.mpp) return 1;
  return (against.levels[0].width * against.mpp[1]) / (slide.levels[0].width * slide.mpp[1]);
}

/** Say when all tiles of the view are there, to who waits for them: readers of the screen, tests. */
function showProgress() {
  const images = Array.from({ length: viewer.world.getItemCount() }, (_, i) => viewer.world.getItemAt(i));
  const isComplete = images.length > 0 && images.every((image) => image.getFullyLoaded());
  at("viewer").setAttribute("aria-busy", String(!isComplete));
}

function addImages({ replace = false } = {}) {
  at("viewer").setAttribute("aria-busy", "true");
  const { slide } = state;
  const images = [];
  if (slide.against)
    images.push({ source: slideSource(slide.against, tileUrl("against")), width: widthOf(slide.against, slide) });
  images.push({ source: slideSource(slide, tileUrl("shown")), width: 1 });
  images.forEach(({ source, width }, index) =>
    viewer.addTiledImage({ tileSource: source, x: 0, y: 0, width, index, replace }));
}

async function show(number) {
  complain("");
  const slide = await fetchJson(`slides/${number}.json`);
  viewer.close();
  Object.assign(state, { number, slide, look: firstLook(slide), overlays: {} });
  document.title = `${slide.name} - numcodecs-neural view`;
  showGround();
  at("slides").value = number;
  fillControls(at("controls"), slide, state.look, refresh);
  for (const part of ["swipe", "divider"]) at(part).hidden = !slide.against;
  at("left").textContent = slide.name;
  at("right").textContent = slide.against?.name ?? "";
  for (const name of ["tissue", "bits"]) {
    // Not hidden: the header, and with it the size of the viewer, would change under the slide.
    at(name).disabled = !(name in slide.overlays);
    at(name).setAttribute("aria-pressed", "false");
  }
  at("legend").hidden = true;
  addImages();
}

// Sliders fire at every step: tiles are asked for anew when they rest.
let resting = 0;
function refresh() {
  clearTimeout(resting);
  resting = setTimeout(() => addImages({ replace: true }), SETTLED_MS);
}

function toggleOverlay(name) {
  if (!(name in (state.slide?.overlays ?? {}))) return;
  if (name in state.overlays) hideOverlay(name);
  else showOverlay(name).catch((error) => complain(error.message));
}

function hideOverlay(name) {
  if (state.overlays[name]) viewer.world.removeItem(state.overlays[name]);
  delete state.overlays[name];
  at(name).setAttribute("aria-pressed", "false");
  if (name === "bits") at("legend").hidden = true;
}

/** Show an overlay, which the server may take seconds to make; by then it may not be wanted. */
async function showOverlay(name) {
  const { slide, overlays } = state;
  const place = `slides/${state.number}/overlays/${name}`;
  const isWanted = () => overlays === state.overlays && name in overlays;
  overlays[name] = null;
  at(name).setAttribute("aria-pressed", "true");
  at(name).setAttribute("aria-busy", "true");
  at("viewer").setAttribute("aria-busy", "true");
  try {
    const legend = await fetchJson(`${place}.json?v=${state.run}`);
    if (!isWanted()) return;
    if (name === "bits") showLegend(legend);
    const item = await addPicture(`${place}.png?v=${state.run}`, slide.overlays[name]);
    if (isWanted()) overlays[name] = item;
    else viewer.world.removeItem(item);
  } catch (error) {
    if (isWanted()) hideOverlay(name);
    throw error;
  } finally {
    at(name).removeAttribute("aria-busy");
    showProgress();
  }
}

function addPicture(url, width) {
  return new Promise((resolve, reject) => {
    viewer.addSimpleImage({
      url,
      x: 0,
      y: 0,
      width,
      success: ({ item }) => resolve(item),
      error: () => reject(new Error("an overlay was not shown")),
    });
  });
}

function showLegend({ low, high, unit }) {
  at("legend").hidden = false;
  const [left, right] = at("legend").querySelectorAll("span");
  left.textContent = low.toFixed(2);
  right.textContent = `${high.toFixed(2)} ${unit}`;
}

function showFacts() {
  const { slide } = state;
  if (!slide || !viewer.world.getItemCount()) return;
  showScale(at("scale"), viewer, slide);
  const image = viewer.world.getItemAt(slide.against ? 1 : 0);
  if (!image) return;
  const zoom = image.viewportToImageZoom(viewer.viewport.getZoom(true));
  const { width, height } = slide.levels[0];
  const power = slide.magnification ? `, ${Number((slide.magnification * zoom).toPrecision(2))} x` : "";
  at("facts").textContent = `${width} x ${height} ${slide.dtype}${power}, ${(100 * zoom).toPrecision(3)} %`;
}

function zoomBy(factor) {
  viewer.viewport.zoomBy(factor);
  viewer.viewport.applyConstraints();
}

function zoomToOne() {
  const image = viewer.world.getItemAt(state.slide.against ? 1 : 0);
  if (image) viewer.viewport.zoomTo(image.imageToViewportZoom(1));
}

function stepPlane(by) {
  const axis = ["z", "t"].find((name) => name in (state.slide?.axes ?? {}));
  const range = axis && at(axis);
  if (!range) return;
  range.value = Number(range.value) + by;
  range.dispatchEvent(new Event("input"));
}

function toggleHelp() {
  const isShown = at("keys").hidden;
  at("keys").hidden = !isShown;
  at("help").setAttribute("aria-expanded", String(isShown));
}

const KEYS = {
  0: () => viewer.viewport.goHome(),
  1: zoomToOne,
  "+": () => zoomBy(1.4),
  "=": () => zoomBy(1.4),
  "-": () => zoomBy(1 / 1.4),
  m: () => toggleOverlay("tissue"),
  b: () => toggleOverlay("bits"),
  ",": () => swipe.move(-50),
  ".": () => swipe.move(50),
  "[": () => stepPlane(-1),
  "]": () => stepPlane(1),
  n: () => open((state.number + 1) % state.names.length),
  "?": toggleHelp,
};

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // Sliders take arrows, and lists take letters.
  const isTaken = event.target.matches(event.key in STEPS ? "input, select" : "select");
  const step = STEPS[event.key];
  const act = step
    ? () => {
        const size = viewer.viewport.getBounds();
        viewer.viewport.panBy(new OpenSeadragon.Point((step[0] * size.width) / 8, (step[1] * size.height) / 8));
        viewer.viewport.applyConstraints();
      }
    : KEYS[event.key];
  if (!act || isTaken || !state.slide) return;
  event.preventDefault();
  // OpenSeadragon has keys of its own, which would act as well.
  event.stopPropagation();
  act();
}

function open(number) {
  show(number).catch((error) => complain(error.message));
}

function listen() {
  window.addEventListener("keydown", onKey, { capture: true });
  at("slides").addEventListener("change", (event) => open(Number(event.target.value)));
  at("home").addEventListener("click", KEYS[0]);
  at("one").addEventListener("click", zoomToOne);
  at("in").addEventListener("click", KEYS["+"]);
  at("out").addEventListener("click", KEYS["-"]);
  at("tissue").addEventListener("click", KEYS.m);
  at("bits").addEventListener("click", KEYS.b);
  at("help").addEventListener("click", toggleHelp);
  for (const event of ["update-viewport", "animation", "open"]) viewer.addHandler(event, showFacts);
  viewer.world.addHandler("add-item", ({ item }) => {
    item.addHandler("fully-loaded-change", showProgress);
    showProgress();
  });
  viewer.addHandler("tile-load-failed", ({ tile }) => explainTile(tile.getUrl()));
  DARK.addEventListener("change", showGround);
}

async function begin() {
  listen();
  at("controls").open = innerWidth >= ROOMY_PX;
  const { run, names } = await fetchJson("slides.json");
  Object.assign(state, { run, names });
  at("slides").replaceChildren(...names.map((name, number) => new Option(name, number)));
  await show(0);
}

begin().catch((error) => complain(error.message));
