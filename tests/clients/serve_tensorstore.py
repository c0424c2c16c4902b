"""tensorstore as a client of ``numcodecs-neural serve``: see served.py."""

import hashlib
import json
import sys
import urllib.error
import urllib.request
from typing import Any

import tensorstore


def attributes_of(url: str) -> tuple[str, dict[str, Any]]:
    """Return tensorstore's driver for a store, and its attributes."""
    try:
        with urllib.request.urlopen(f"{url}/zarr.json") as answer:
            return "zarr3", json.load(answer)["attributes"]["ome"]
    except urllib.error.HTTPError:
        with urllib.request.urlopen(f"{url}/.zattrs") as answer:
            return "zarr", json.load(answer)


def main(url: str) -> None:
    """Read all levels."""
    driver, attributes = attributes_of(url)
    for dataset in attributes["multiscales"][0]["datasets"]:
        path = dataset["path"]
        place = {"driver": "http", "base_url": f"{url}/{path}/"}
        array = tensorstore.open({"driver": driver, "kvstore": place}, read=True).result()
        print(path, hashlib.sha256(array.read().result().tobytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
