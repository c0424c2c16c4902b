"""Removes from OME-XML what may identify a patient or an operator."""

from xml.etree import ElementTree

__all__ = ["without_confidential"]

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
