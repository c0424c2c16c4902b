"""Removes from descriptions of slides what may identify a patient or an operator."""

import re
from xml.etree import ElementTree

__all__ = ["aperio_without_confidential", "without_confidential"]

# What an Aperio slide tells of optics, sizes and colours. All else may be of people and dates.
_APERIO_KEPT = frozenset(
    {
        *("AppMag", "MPP", "ICC Profile", "DisplayColor", "Exposure Scale", "Exposure Time"),
        *("Focus Offset", "Left", "Top", "LineAreaXOffset", "LineAreaYOffset", "LineCameraSkew"),
        *("OriginalHeight", "OriginalWidth", "Originalheight", "StripeWidth", "Gamma"),
    }
)
# A line of a program that wrote the slide, and one of sizes and coding.
_APERIO_HEAD = re.compile(
    r"Aperio [\w .]*"
    r"|\d+x\d+( \[[\d,x -]+\])?( \(\d+x\d+\))?( ->[\dx -]*)?( [\w/]+)?( Q=\d+)?"
)
# Elements that hold people, dates and free text, and the references to them.
_CONFIDENTIAL = frozenset(
    {
        "AcquisitionDate",
        "AnnotationRef",
        "BinData",
        "Dataset",
        "DatasetRef",
        "Description",
        "Experiment",
        "ExperimentRef",
        "Experimenter",
        "ExperimenterGroup",
        "ExperimenterGroupRef",
        "ExperimenterRef",
        "Folder",
        "FolderRef",
        "Project",
        "ProjectRef",
        "Screen",
        "StructuredAnnotations",
        "TiffData",
    }
)


def without_confidential(ome_xml: str) -> str | None:
    """Return OME-XML with the image's own description only: pixels, channels, instrument.

    People, dates, free text, annotations and the names of files are left out. Returns None if it
    is not XML.

    Examples
    --------
    >>> without_confidential("<OME><Image><Description>J. Doe</Description></Image></OME>")
    '<OME><Image /></OME>'
    """
    try:
        root = ElementTree.fromstring(ome_xml)
    except ElementTree.ParseError:
        return None
    if root.tag.startswith("{"):
        ElementTree.register_namespace("", root.tag[1:].partition("}")[0])
    for element in root.iter():
        for child in list(element):
            if child.tag.rpartition("}")[2] in _CONFIDENTIAL:
                element.remove(child)
        for name in ("Name", "UUID", "Creator"):
            # An image's name is often that of its file, and that of a file often a patient's.
            if name != "Name" or element.tag.rpartition("}")[2] in ("Image", "Plate"):
                element.attrib.pop(name, None)
    return ElementTree.tostring(root, encoding="unicode")


def aperio_without_confidential(description: str) -> str:
    """Return an Aperio description with what it tells of optics, sizes and coding only.

    Examples
    --------
    >>> aperio_without_confidential("Aperio Image Library v12|AppMag = 20|User = J. Doe")
    'Aperio Image Library v12|AppMag = 20'
    """
    head, *entries = description.split("|")
    lines = [
        line
        for line in re.split(r"(\r?\n|;)", head)
        if _APERIO_HEAD.fullmatch(line.strip()) or not line.strip(";\r\n")
    ]
    kept = [entry for entry in entries if entry.partition("=")[0].strip() in _APERIO_KEPT]
    return "|".join(["".join(lines), *kept])
