"""What is served, as a page for people and as JSON for programs."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from .stores import ImageFacts, ServedStore

__all__ = ["VIEWER_ORIGINS", "listing", "page"]

_VIZARR = "https://hms-dbmi.github.io"
_NEUROGLANCER = "https://neuroglancer-demo.appspot.com"
# Where the viewers that the page links to come from.
VIEWER_ORIGINS = (_VIZARR, _NEUROGLANCER)

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Stores</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 sans-serif;margin:2em auto;max-width:60em;padding:0 1em}
code{background:#eee;padding:.1em .3em;overflow-wrap:anywhere}dt{font-weight:bold}</style></head>
<body><h1>Stores</h1>
<p>Plain OME-Zarr, read only. The same list <a href="/index.json">as JSON</a>.</p>
"""


def listing(stores: Sequence[ServedStore], unreadable: dict[str, str], base: str) -> dict[str, Any]:
    """Return the list as JSON: URLs, and what is in them.

    Parameters
    ----------
    stores : sequence of ServedStore
    unreadable : dict
        Of stores that could not be opened, by name: why.
    base : str
        URL of the server, without a slash at its end.
    """
    entries = [
        {
            "name": store.name,
            "url": _url(base, store),
            "ome_zarr": store.version,
            "images": [_facts(image, _url(base, store)) for image in store.images],
        }
        for store in stores
    ]
    errors = [{"name": name, "error": why} for name, why in unreadable.items()]
    return {"stores": entries, "unreadable": errors}


def page(stores: Sequence[ServedStore], unreadable: dict[str, str], base: str) -> str:
    """Return the list as HTML, with links to viewers and what to call elsewhere."""
    sections = [_section(store, base) for store in stores]
    errors = [
        f"<h2>{escape(name)}</h2><p>Not shown: {escape(why)}</p>"
        for name, why in unreadable.items()
    ]
    return _HEAD + "\n".join([*sections, *errors]) + "\n</body></html>\n"


def _section(store: ServedStore, base: str) -> str:
    images = "".join(_image(image, _url(base, store)) for image in store.images)
    return f"<h2>{escape(store.name)}</h2><p>OME-Zarr {store.version}</p>{images}"


def _image(image: ImageFacts, store_url: str) -> str:
    facts = _facts(image, store_url)
    url = facts["url"]
    size = " x ".join(f"{length} {axis}" for axis, length in zip(*_sides(image), strict=True))
    viewers = " &middot; ".join(
        f'<a href="{escape(link)}">{name}</a>' for name, link in facts["viewers"].items()
    )
    return (
        f"<dl><dt>{escape(size)}, {escape(image.dtype)}, {image.levels} levels</dt>"
        f"<dd><code>{escape(url)}</code></dd><dd>{viewers}</dd>"
        f"<dd><code>napari --plugin napari-ome-zarr {escape(url)}</code></dd>"
        f"<dd><code>zarr.open_group({escape(json.dumps(url))}, mode=&quot;r&quot;)</code></dd></dl>"
    )


def _sides(image: ImageFacts) -> tuple[str, tuple[int, ...]]:
    return image.axes, image.shape


def _facts(image: ImageFacts, store_url: str) -> dict[str, Any]:
    url = f"{store_url}/{quote(image.path)}" if image.path else store_url
    layers = {"layers": [{"type": "image", "source": f"zarr://{url}", "name": "image"}]}
    return {
        "url": url,
        "axes": image.axes,
        "shape": list(image.shape),
        "dtype": image.dtype,
        "levels": image.levels,
        "viewers": {
            "vizarr": f"{_VIZARR}/vizarr/?source={quote(url, safe='')}",
            "neuroglancer": f"{_NEUROGLANCER}/#!{quote(json.dumps(layers), safe='')}",
        },
    }


def _url(base: str, store: ServedStore) -> str:
    return f"{base}/{quote(store.name)}"
