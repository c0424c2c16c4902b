// zarrita, on which vizarr, Viv and most viewers in a browser are built; here in node.
//
// Usage: node zarrita.mjs LOCATION REGIONS, and prints as ask.py does.

import { createHash } from "node:crypto";
import FileSystemStore from "@zarrita/storage/fs";
import { FetchStore, get, open, root, slice } from "zarrita";

const [location, regions] = process.argv.slice(2);

function opened(location) {
  const store = location.includes("://") ? new FetchStore(location) : new FileSystemStore(location);
  const levels = root(store);
  return async (level, y, x) =>
    get(await open(levels.resolve(String(level)), { kind: "array" }), [null, y, x]);
}

function digestOf({ data, shape }) {
  const dtype = data.constructor.name.replace("Array", "").toLowerCase();
  const samples = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return createHash("sha256").update(`${dtype} (${shape.join(", ")})`).update(samples).digest("hex");
}

async function answer() {
  try {
    const read = opened(location);
    const digests = [];
    for (const [level, y, x, height, width] of JSON.parse(regions)) {
      digests.push(digestOf(await read(level, slice(y, y + height), slice(x, x + width))));
    }
    return { sha256: digests };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

console.log(JSON.stringify(await answer()));
