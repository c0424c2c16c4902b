// zarrita (npm), which vizarr and neuroglancer-like viewers read with, as a client of
// `numcodecs-neural serve`: see served.py.
import { createHash } from "node:crypto";
import * as zarr from "zarrita";

const root = await zarr.withConsolidatedMetadata(new zarr.FetchStore(process.argv[2]));
const group = await zarr.open(root, { kind: "group" });
const attributes = group.attrs.ome ?? group.attrs;
for (const { path } of attributes.multiscales[0].datasets) {
  const array = await zarr.open(group.resolve(path), { kind: "array" });
  const { data } = await zarr.get(array);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  console.log(path, createHash("sha256").update(bytes).digest("hex"));
}
