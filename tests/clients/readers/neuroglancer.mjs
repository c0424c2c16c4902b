// neuroglancer: what it makes of an array's metadata and of its chunks, here in node. The viewer
// itself draws in a browser.

import { readFile } from "node:fs/promises";
import "neuroglancer/unstable/datasource/zarr/codec/bytes/decode.js";
import "neuroglancer/unstable/datasource/zarr/codec/bytes/resolve.js";
import "neuroglancer/unstable/datasource/zarr/codec/crc32c/resolve.js";
import { decodeArray } from "neuroglancer/unstable/datasource/zarr/codec/decode.js";
import "neuroglancer/unstable/datasource/zarr/codec/sharding_indexed/resolve.js";
import { parseV2Metadata, parseV3Metadata } from "neuroglancer/unstable/datasource/zarr/metadata/parse.js";

const DTYPES = { 1: Uint8Array, 2: Uint16Array };

// Return a function that reads a region of a level as (c, y, x).
export function opened(location) {
  return async (level, y, x) => {
    const base = `${location}/${level}`;
    const array = await metadataOf(base);
    return regionOf(array, base, [[0, array.shape[0]], y, x]);
  };
}

async function metadataOf(base) {
  const v3 = await fetched(`${base}/zarr.json`);
  if (v3 !== undefined) return parseV3Metadata(JSON.parse(v3), "array");
  return parseV2Metadata(JSON.parse(await fetched(`${base}/.zarray`)), {}, undefined);
}

// Return the bytes at an address, or undefined where there is nothing.
async function fetched(address) {
  if (!address.includes("://")) return readFile(address).catch(() => undefined);
  const response = await fetch(address);
  return response.ok ? Buffer.from(await response.arrayBuffer()) : undefined;
}

async function regionOf(array, base, region) {
  const shape = region.map(([start, stop]) => stop - start);
  const itemsize = array.codecs.encodedSize.at(-1) / array.chunkShape.reduce((a, b) => a * b);
  const data = new DTYPES[itemsize](shape.reduce((a, b) => a * b)).fill(array.fillValue);
  for (const place of placesIn(region, array.chunkShape)) {
    const key = place.join(array.dimensionSeparator);
    const encoded = await fetched(`${base}/${array.zarrVersion === 3 ? "c/" : ""}${key}`);
    if (encoded === undefined) continue;
    const bytes = Uint8Array.from(encoded);
    const chunk = await decodeArray(array.codecs, bytes, new AbortController().signal);
    copy(chunk, array.chunkShape, place, data, region, shape);
  }
  return { data, shape };
}

// Return the places in the grid of all chunks that a region touches.
function placesIn(region, chunkShape) {
  const axes = region.map(([start, stop], axis) => {
    const first = Math.floor(start / chunkShape[axis]);
    const last = Math.floor((stop - 1) / chunkShape[axis]);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return axes.reduce((places, axis) => places.flatMap((p) => axis.map((i) => [...p, i])), [[]]);
}

function copy(chunk, chunkShape, place, data, region, shape) {
  const span = region.map(([start, stop], axis) => {
    const begin = place[axis] * chunkShape[axis];
    return [Math.max(start, begin), Math.min(stop, begin + chunkShape[axis]), begin];
  });
  const [channels, rows, [left, right, begin]] = span;
  for (let c = channels[0]; c < channels[1]; c++) {
    for (let y = rows[0]; y < rows[1]; y++) {
      const from = ((c - channels[2]) * chunkShape[1] + y - rows[2]) * chunkShape[2] - begin;
      const to = ((c - region[0][0]) * shape[1] + y - region[1][0]) * shape[2] - region[2][0];
      data.set(chunk.subarray(from + left, from + right), to + left);
    }
  }
}
