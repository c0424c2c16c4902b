// Read regions of a store with one client, in node: what ask.py is for Python.
//
// Usage: node ask.mjs READER LOCATION REGIONS. Lies beside the packages of the client when it runs.

import { createHash } from "node:crypto";

function digestOf({ data, shape }) {
  const dtype = data.constructor.name.replace("Array", "").toLowerCase();
  const samples = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return createHash("sha256").update(`${dtype} (${shape.join(", ")})`).update(samples).digest("hex");
}

async function answer(reader, location, regions) {
  try {
    const { opened } = await import(reader);
    const read = await opened(location);
    const digests = [];
    for (const [level, y, x, height, width] of regions) {
      digests.push(digestOf(await read(level, [y, y + height], [x, x + width])));
    }
    return { sha256: digests };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}

const [reader, location, regions] = process.argv.slice(2);
console.log(JSON.stringify(await answer(reader, location, JSON.parse(regions))));
// Even if a client left a server or a browser running, which end with this program.
process.exit();
