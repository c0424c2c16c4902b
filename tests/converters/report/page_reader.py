"""Reads a page as a browser would: its elements, its texts, and the pictures in it."""

import base64
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

VOID = {"img", "meta", "br"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        return "".join(parts)

    def all(self, name: str, class_: str | None = None) -> "list[Element]":
        """Return all elements below of a name, in their order."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.name == name and class_ in (
                    None,
                    *str(child.attributes.get("class")).split(),
                ):
                    found.append(child)
                found += child.all(name, class_)
        return found

    def rows(self) -> list[list[str]]:
        """Return the cells of a table."""
        return [
            [cell.text for cell in row.children if isinstance(cell, Element)]
            for row in self.all("tr")
        ]

    def table(self, heading: str) -> list[list[str]]:
        """Return the rows of the only table with a heading."""
        (rows,) = (rows for table in self.all("table") if heading in (rows := table.rows())[0])
        return rows


class Reader(HTMLParser):
    """Builds elements; refuses what is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        # White space of any length is one space in a browser.
        self.open[-1].children.append(re.sub(r"\s+", " ", data))


def read_page(path: Path) -> Element:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def pixels_of(image: Element) -> NDArray[Any]:
    """Decode a picture, which must be as large as its element says."""
    kind, content = str(image.attributes["src"]).split(";base64,")
    assert kind in ("data:image/png", "data:image/jpeg")
    decode = imagecodecs.png_decode if kind.endswith("png") else imagecodecs.jpeg8_decode
    pixels = np.asarray(decode(base64.b64decode(content)))
    assert image.attributes["height"] == str(pixels.shape[0])
    assert image.attributes["width"] == str(pixels.shape[1])
    return pixels
