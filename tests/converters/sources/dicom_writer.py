"""A writer of small DICOM slides, for tests."""

from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

TILE = 128


def frames_of(pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the tiles of a level, row by row, edges padded by repetition."""
    height, width = pixels.shape[:2]
    padding = ((0, -height % TILE), (0, -width % TILE), *((0, 0),) * (pixels.ndim - 2))
    padded = np.pad(pixels, padding, mode="edge")
    rows, columns = padded.shape[0] // TILE, padded.shape[1] // TILE
    return [
        padded[TILE * row : TILE * row + TILE, TILE * column : TILE * column + TILE]
        for row in range(rows)
        for column in range(columns)
    ]


def encoded(frame: NDArray[np.uint8], syntax: UID) -> bytes:
    """Return a frame as JPEG, or else as JPEG 2000 without loss."""
    if syntax == JPEGBaseline8Bit:
        return jpeg(frame)
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="J2K"))


def jpeg(frame: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def optical_path(identifier: str, **values: Any) -> Dataset:
    path = Dataset()
    path.OpticalPathIdentifier = identifier
    for name, value in values.items():
        setattr(path, name, value)
    return path


def write_dicom(
    path: Path,
    planes: list[NDArray[Any]],
    *,
    series: str,
    mpp: float = 0.5,
    flavour: str = "VOLUME",
    paths: list[Dataset] | None = None,
    depths: int = 1,
    syntax: UID = JPEGBaseline8Bit,
    **values: Any,
) -> None:
    """Write one instance: tiles of all planes, optical paths outermost, then depths."""
    first = planes[0]
    is_rgb = first.ndim == 3
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.file_meta.TransferSyntaxUID = syntax if is_rgb else ExplicitVRLittleEndian
    data.StudyInstanceUID = data.SeriesInstanceUID = data.FrameOfReferenceUID = series
    data.ImageType = ["ORIGINAL", "PRIMARY", flavour, "NONE"]
    data.Modality = "SM"
    data.DimensionOrganizationType = "TILED_FULL"
    data.Rows = data.Columns = TILE
    data.TotalPixelMatrixRows, data.TotalPixelMatrixColumns = first.shape[:2]
    data.TotalPixelMatrixFocalPlanes = depths
    data.SamplesPerPixel = 3 if is_rgb else 1
    colours = "YBR_FULL" if syntax == JPEGBaseline8Bit else "RGB"
    data.PhotometricInterpretation = colours if is_rgb else "MONOCHROME2"
    if is_rgb:
        data.PlanarConfiguration = 0
    data.BitsAllocated = 8 * first.dtype.itemsize
    data.BitsStored = data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = 0
    data.ImagedVolumeWidth = first.shape[1] * mpp / 1000
    data.ImagedVolumeHeight = first.shape[0] * mpp / 1000
    data.ImagedVolumeDepth = 0.001
    data.FocusMethod = "AUTO"
    data.ExtendedDepthOfField = "NO"
    data.BurnedInAnnotation = "NO"
    data.SpecimenLabelInImage = "NO"
    measures = Dataset()
    measures.PixelSpacing = [mpp / 1000, mpp / 1000]
    measures.SliceThickness = 0.001
    measures.SpacingBetweenSlices = 0.002
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    data.OpticalPathSequence = Sequence(paths or [optical_path("1")])
    data.NumberOfOpticalPaths = len(data.OpticalPathSequence)
    for name, value in values.items():
        setattr(data, name, value)
    frames = [frame for plane in planes for frame in frames_of(plane)]
    data.NumberOfFrames = len(frames)
    if is_rgb:
        data.PixelData = encapsulate([encoded(frame, syntax) for frame in frames])
        data["PixelData"].is_undefined_length = True
    else:
        data.PixelData = b"".join(frame.tobytes() for frame in frames)
    data["PixelData"].VR = "OB" if data.BitsAllocated == 8 else "OW"
    data.save_as(path, enforce_file_format=True)
