// Viv's loader, in node: each level is a source of images of one channel.

import FileSystemStore from "@zarrita/storage/fs";
import { loadOmeZarr, loadOmeZarrFromStore } from "@vivjs/loaders";

// Return a function that reads a region of a level as (c, y, x).
export async function opened(location) {
  const { data } = location.includes("://")
    ? await loadOmeZarr(location, { type: "multiscales" })
    : await loadOmeZarrFromStore(new FileSystemStore(location));
  return async (level, [top, bottom], [left, right]) => {
    const shape = [data[level].shape[0], bottom - top, right - left];
    const samples = [];
    for (let c = 0; c < shape[0]; c++) {
      const image = await data[level].getRaster({ selection: { c } });
      for (let y = top; y < bottom; y++) {
        samples.push(image.data.subarray(y * image.width + left, y * image.width + right));
      }
    }
    return { data: joined(samples), shape };
  };
}

function joined(rows) {
  const whole = new rows[0].constructor(rows.reduce((count, row) => count + row.length, 0));
  let at = 0;
  for (const row of rows) {
    whole.set(row, at);
    at += row.length;
  }
  return whole;
}
