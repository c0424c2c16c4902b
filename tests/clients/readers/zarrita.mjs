// zarrita, on which vizarr, Viv and most viewers in a browser are built: here in node.

import FileSystemStore from "@zarrita/storage/fs";
import { FetchStore, get, open, root, slice } from "zarrita";

// Return a function that reads a region of a level as (c, y, x).
export function opened(location) {
  const store = location.includes("://") ? new FetchStore(location) : new FileSystemStore(location);
  const levels = root(store);
  return async (level, y, x) => {
    const array = await open(levels.resolve(String(level)), { kind: "array" });
    return get(array, [null, slice(...y), slice(...x)]);
  };
}
