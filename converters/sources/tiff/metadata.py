"""Metadata of a TIFF slide: the first vendor's tag that states each value."""

from typing import Any

import tifffile

from numcodecs_neural.files.units import sane_mpp

from ..base import Channel
from ..ome_xml import OmeImage, ome_image
from .scn_xml import scn_channels, scn_magnification, scn_mpp
from .vendor_metadata import (
    VendorFacts,
    aperio_facts,
    imagej_facts,
    ndpi_magnification,
    philips_mpp,
    qpi_facts,
    vips_facts,
)

__all__ = ["Metadata", "metadata_of"]

_ICC_PROFILE = 34675
# Micrometres of the units of the tag ResolutionUnit: inch and centimetre, and those that tifffile
# added: millimetre and micrometre.
_RESOLUTION_UNIT_UM = {2: 25400.0, 3: 10000.0, 4: 1000.0, 5: 1.0}


class Metadata:
    """What is known of an image.

    Parameters
    ----------
    ome : OmeImage
        What its OME-XML says.
    vendor : VendorFacts
        What its maker's own words say.
    resolution : tuple of float, optional
        What the standard's own tags say.
    icc_profile, ome_xml : optional
        As in `SlideInfo`.
    """

    def __init__(
        self,
        ome: OmeImage,
        vendor: VendorFacts,
        *,
        resolution: tuple[float, float] | None = None,
        icc_profile: bytes | None = None,
        ome_xml: str | None = None,
    ) -> None:
        self._ome, self._vendor, self._resolution = ome, vendor, resolution
        self.icc_profile, self.ome_xml = icc_profile, ome_xml

    @property
    def mpp(self) -> tuple[float, float] | None:
        """Pixel size of level 0, (y, x) in micrometres."""
        return self._ome.mpp or self._vendor.mpp or self._resolution

    @property
    def spacing(self) -> dict[str, float]:
        """Micrometres between planes and seconds between times."""
        return {**self._vendor.spacing, **self._ome.spacing}

    @property
    def magnification(self) -> float | None:
        """Magnification of the objective."""
        return self._ome.magnification or self._vendor.magnification

    @property
    def significant_bits(self) -> int | None:
        """Bits of a sample that are used."""
        return self._ome.significant_bits

    def channels(self, count: int) -> tuple[Channel, ...]:
        """Return the channels, or none where not as many are described as there are."""
        for found in (self._ome.channels, self._vendor.channels):
            if len(found) == count:
                return found
        return ()


def metadata_of(tiff: tifffile.TiffFile, series: Any, index: int) -> Metadata:
    """Return what a file says of one of its images; the file must be open.

    Parameters
    ----------
    tiff : TiffFile
        The file.
    series : TiffPageSeries
        The image.
    index : int
        Which of the file's images it is.
    """
    keyframe = series.keyframe
    shape = (int(keyframe.imagelength), int(keyframe.imagewidth))
    xml = tiff.ome_metadata
    profile = keyframe.tags.valueof(_ICC_PROFILE)
    return Metadata(
        ome_image(xml, name=series.name, shape=shape, index=index),
        _vendor_facts(tiff, series, shape),
        resolution=_resolution_mpp(keyframe.tags),
        icc_profile=bytes(profile) if isinstance(profile, bytes) and profile else None,
        ome_xml=xml,
    )


def _vendor_facts(tiff: tifffile.TiffFile, series: Any, shape: tuple[int, int]) -> VendorFacts:
    keyframe = series.keyframe
    description = str(getattr(keyframe, "description", "") or "")
    if tiff.is_svs:
        return aperio_facts(str(getattr(tiff.pages.first, "description", "")))
    if series.kind == "ndpi":
        return VendorFacts(magnification=ndpi_magnification(keyframe.tags))
    if tiff.is_scn:
        xml = tiff.scn_metadata
        return VendorFacts(
            mpp=scn_mpp(xml, shape),
            magnification=scn_magnification(xml, shape),
            channels=scn_channels(xml, shape),
        )
    if tiff.is_qpi:
        return qpi_facts([str(page.description) for page in series if page is not None])
    if series.kind == "imagej":
        return imagej_facts(tiff.imagej_metadata or {}, keyframe.tags)
    if series.kind == "philips":
        return VendorFacts(mpp=philips_mpp(tiff.philips_metadata))
    return vips_facts(description)


def _resolution_mpp(tags: Any) -> tuple[float, float] | None:
    values = [tags.valueof(name) for name in ("ResolutionUnit", "YResolution", "XResolution")]
    if any(value is None for value in values):
        return None
    unit, y, x = values
    unit_um = _RESOLUTION_UNIT_UM.get(int(unit))
    if unit_um is None or 0 in (*y, *x):
        return None
    return sane_mpp(unit_um * y[1] / y[0], unit_um * x[1] / x[0])
