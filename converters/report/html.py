"""Markup of a page: elements made of text, which is escaped, and of other elements."""

import base64
from html import escape

__all__ = ["Html", "element", "joined", "picture", "table"]

_VOID = ("img", "meta", "br")


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, /, *children: str | None, **attributes: str | int | None) -> Html:
    """Return an element; children that are not `Html` are escaped, and None is left out.

    Parameters
    ----------
    name : str
        Of the element.
    *children : str, optional
        What is in it.
    **attributes : str or int, optional
        With ``_`` at the end where Python knows the word already.

    Examples
    --------
    >>> element("p", "a < b", element("br"), class_="note", id=None)
    '<p class="note">a &lt; b<br></p>'
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Html:
    """Return children one after the other, without an element around them."""
    return Html(
        "".join(
            child if isinstance(child, Html) else escape(child)
            for child in children
            if child is not None
        )
    )


def picture(content: bytes, size: tuple[int, int], alt: str, class_: str | None = None) -> Html:
    """Return an image that is in the page itself.

    Parameters
    ----------
    content : bytes
        A PNG or JPEG file.
    size : tuple of int
        Height and width in its pixels.
    alt : str
        What it shows, in words.
    """
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    data = base64.b64encode(content).decode()
    height, width = size
    return element(
        "img",
        src=f"data:image/{kind};base64,{data}",
        alt=alt,
        width=width,
        height=height,
        class_=class_,
    )


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]], class_: str = "numbers") -> Html:
    """Return a table, whose first column names the rows."""
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    body = (
        element(
            "tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])
        )
        for row in rows
    )
    whole = element("table", element("thead", head), element("tbody", *body), class_=class_)
    # Tables that are wider than a phone are scrolled, and the page is not.
    return element("div", whole, class_="scrolled")
