// vizarr, in Chromium: what the page's own sources give of each level, which are what it draws.
// This build of it is made for Galaxy, and asks a server where an image is.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const SCRIPT = new URL("node_modules/@galaxyproject/vizarr/static/index.js", import.meta.url);
const SETTINGS = { root: "/", visualization_config: { dataset_id: "1" } };
const PAGE = `<!doctype html><div id="app" data-incoming='${JSON.stringify(SETTINGS)}'></div>
<script type="module" src="/index.js"></script>`;

// Return a function that reads a region of a level as (c, y, x).
export async function opened(location) {
  const server = createServer((request, response) => answer(location, request, response));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const browser = await chromium.launch({
    executablePath: programNamed("chromium", "google-chrome"),
    args: ["--no-sandbox", "--enable-unsafe-swiftshader"],
  });
  const page = await browser.newPage();
  // A decoder of JPEG 2000 that it would load: nothing here needs one.
  const headers = { "Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript" };
  await page.route(/^https:/, (route) => route.fulfill({ headers, body: "export let JpxImage;" }));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(findSources);
  return (level, y, x) => page.evaluate(regionOf, [level, y, x]).then(parsed);
}

async function answer(location, request, response) {
  const files = { "/": PAGE, "/index.js": await readFile(SCRIPT), "/api/datasets/1": "" };
  // A store on the disk is shown as it is.
  const isUrl = location.includes("://");
  const source = isUrl ? location : `http://${request.headers.host}/store`;
  files["/api/datasets/1"] = JSON.stringify({ state: "deferred", sources: [{ source_uri: source }] });
  const kinds = { "/": "text/html", "/index.js": "text/javascript" };
  const stored = isUrl ? undefined : request.url.replace(/^\/store/, location);
  const body = files[request.url] ?? (stored && (await readFile(stored).catch(() => undefined)));
  const kind = kinds[request.url] ?? "application/json";
  response.writeHead(body === undefined ? 404 : 200, { "Content-Type": kind }).end(body);
}

function programNamed(...names) {
  const folders = process.env.PATH.split(":");
  return names.flatMap((name) => folders.map((folder) => `${folder}/${name}`)).find(existsSync);
}

// In the page: look among what React has drawn for the layer of the image.
function findSources() {
  const app = document.querySelector("#app");
  const key = Object.keys(app).find((name) => name.startsWith("__reactContainer"));
  const waiting = [app[key]];
  while (waiting.length) {
    const element = waiting.pop();
    if (!element) continue;
    const layers = [element.memoizedProps?.layers ?? []].flat(9);
    const image = layers.find((layer) => layer?.props?.loader);
    if (image) return (window.sources = [image.props.loader].flat());
    waiting.push(element.child, element.sibling);
  }
  return undefined;
}

// In the page: read a region of all channels, as text.
async function regionOf([level, [top, bottom], [left, right]]) {
  const source = window.sources[level];
  const shape = [source.shape[0], bottom - top, right - left];
  const samples = [];
  let kind;
  for (let channel = 0; channel < shape[0]; channel++) {
    const { data, width } = await source.getRaster({ selection: [channel, 0, 0] });
    kind = data.constructor.name;
    for (let y = top; y < bottom; y++) {
      samples.push(...data.subarray(y * width + left, y * width + right));
    }
  }
  return JSON.stringify({ samples, shape, kind });
}

function parsed(text) {
  const { samples, shape, kind } = JSON.parse(text);
  return { data: globalThis[kind].from(samples), shape };
}
