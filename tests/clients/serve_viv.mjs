// The loader of Viv (npm: @vivjs/loaders), with which Avivator and vizarr show images, as a client
// of `numcodecs-neural serve`: see served.py. It reads planes of one channel.
import { createHash } from "node:crypto";
import { loadOmeZarr } from "@vivjs/loaders";

const { data, metadata } = await loadOmeZarr(process.argv[2], { type: "multiscales" });
const paths = metadata.multiscales[0].datasets.map((dataset) => dataset.path);
for (const [level, source] of data.entries()) {
  const hash = createHash("sha256");
  const channels = source.labels.includes("c") ? source.shape[source.labels.indexOf("c")] : 1;
  for (let c = 0; c < channels; c++) {
    const plane = await source.getRaster({ selection: { c } });
    hash.update(new Uint8Array(plane.data.buffer, plane.data.byteOffset, plane.data.byteLength));
  }
  console.log(paths[level], hash.digest("hex"));
}
