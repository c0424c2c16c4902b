"""ConvertOptions: the options of a conversion, checked before any work starts.

The command line is made from the same fields: an option is written once, here.
"""

import os
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from numcodecs_neural.errors import ConfigError

__all__ = [
    "BrightField",
    "CodecName",
    "ConvertOptions",
    "GlassTreatment",
    "OmeZarrVersion",
    "Option",
]

BrightField = Literal["auto", "yes", "no"]
CodecName = Literal["neural", "jpegxl", "jpeg2k", "jpeg", "zstd", "none"]
GlassTreatment = Literal["elide", "flatten", "keep"]
OmeZarrVersion = Literal["0.4", "0.5"]

# Every power-of-two reduction must map whole chunks on whole chunks, and the networks work on
# 16 x 16 pixels.
CHUNK_MULTIPLE_PX = 16
MAX_CHUNK_PX = 8192
# Large enough for few files, small enough that a worker holds about 100 MB.
REGION_PX = 2048
MAX_LEVELS = 32
# No setting of these loses anything; what others lose, they tell once they are set.
_WITHOUT_QUALITY = ("zstd", "none")


@dataclass(frozen=True, slots=True)
class Option:
    """A field of a dataclass, as the command line shows it.

    Parameters
    ----------
    says : str
        Its help, as argparse takes it.
    flags : tuple of str
        Its names; by default that of the field.
    metavar : str, optional
        Stands for its value in the help; by default the name of the field.
    group : str, optional
        Title of its group in the help; by default that of the field before it.
    """

    says: str
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """How slides become OME-Zarr; only values that were checked.

    Parameters
    ----------
    codec : {"neural", "jpegxl", "jpeg2k", "jpeg", "zstd", "none"}
        What codes the chunks. The last two are lossless and take no quality.
    model : str
        Name of the weights, as `numcodecs_neural.NeuralImage` takes it, or ``"auto"``: ``he-fast``
        for RGB, ``grey-fast`` for all else. For the codec "neural" only.
    quality : int
        0 (smallest) to 100 (best), on the codec's own scale.
    target_psnr : float, optional
        Instead of `quality`: the lowest quality whose PSNR on sampled tissue is at least this, dB.
    chunk_px : int
        Side of a chunk; a multiple of 16.
    shard_px : int, optional
        Side of a shard, a multiple of `chunk_px`; OME-Zarr 0.5 only. By default the largest
        multiple up to 2048.
    levels : int, optional
        Levels of the pyramid; by default, until one chunk holds the whole slide.
    downsample : {2, 4}
        How many times smaller each level is than the one before.
    use_existing_levels : bool
        Keep the levels of the source, pixels and all, instead of reducing level 0.
    ome_zarr_version : {"0.5", "0.4"}
        Version of OME-Zarr: 0.5 is Zarr v3 with shards, 0.4 is Zarr v2.
    glass : {"elide", "flatten", "keep"}
        What to do with glass: not to store its chunks, to paint it one colour, or nothing.
    tissue : str
        Where the tissue mask comes from: ``"threshold"``, ``"network"``, or the path of a picture
        that is black on glass.
    margin_um : float
        What lies this close to tissue is kept with it, in micrometres.
    bright_field : {"auto", "yes", "no"}
        Whether the slide was lit from behind and so has glass; "auto" looks at it.
    name : str, optional
        Name of the image in the store; by default that of the file.
    label, macro : bool
        Keep the pictures of the slide's label and of the whole glass; they may identify a patient.
    confidential : bool
        Keep the source's OME-XML as it is, with people, dates and free text.
    workers : int
        Regions in work at a time; no value changes what is stored.
    scheduler : str, optional
        Address of a dask.distributed cluster that does the work instead.
    scratch : str, optional
        Folder for reduced pixels until the next level is made of them; by default beside the
        output. All workers of a cluster must see it at this path.
    overwrite : bool
        Replace a store that exists.
    resume : bool
        Skip a store that exists and was made with the same settings, and continue one that was
        begun with them.

    Raises
    ------
    ConfigError
        If a value is not allowed; the text names it and what is.

    Examples
    --------
    >>> ConvertOptions(quality=40).region_px
    2048
    >>> ConvertOptions(chunk_px=100)
    Traceback (most recent call last):
    numcodecs_neural.errors.ConfigError: chunk is 100; it must be a multiple of 16 up to 8192
    """

    codec: Annotated[
        CodecName, Option("zstd and none lose nothing (%(default)s)", group="codec")
    ] = "neural"
    model: Annotated[str, Option("name of the weights (%(default)s: by the slide)")] = "auto"
    quality: Annotated[int, Option("0 to 100 (%(default)s)")] = 60
    target_psnr: Annotated[
        float | None, Option("instead of a quality: PSNR on tissue", metavar="DB")
    ] = None
    chunk_px: Annotated[
        int,
        Option("side of a chunk (%(default)s)", ("--chunk", "--tile-size"), "PX", "pyramid"),
    ] = 512
    shard_px: Annotated[
        int | None, Option(f"side of a shard ({REGION_PX})", ("--shard",), "PX")
    ] = None
    levels: Annotated[
        int | None,
        Option(
            "levels of the pyramid (until one chunk holds the slide)",
            ("--levels", "--resolutions"),
        ),
    ] = None
    downsample: Annotated[
        int, Option("2 or 4: reduction from level to level (%(default)s)", metavar="FACTOR")
    ] = 2
    use_existing_levels: Annotated[
        bool,
        Option(
            "keep the source's own levels instead",
            ("--use-existing-levels", "--use-existing-resolutions"),
        ),
    ] = False
    ome_zarr_version: Annotated[
        OmeZarrVersion,
        Option(
            "0.5 is Zarr v3 with shards, 0.4 is Zarr v2 (%(default)s)",
            ("--ome-zarr-version", "--ngff-version"),
        ),
    ] = "0.5"
    glass: Annotated[
        GlassTreatment,
        Option(
            "what to do with glass: not store it, paint it, or nothing (%(default)s)",
            group="glass (bright-field slides)",
        ),
    ] = "elide"
    tissue: Annotated[
        str,
        Option("threshold, network, or a picture that is black on glass (%(default)s)", (), "HOW"),
    ] = "threshold"
    margin_um: Annotated[
        float,
        Option(
            "what is this close to tissue is kept with it, in micrometres (%(default)g)",
            ("--margin",),
            "UM",
        ),
    ] = 50.0
    bright_field: Annotated[
        BrightField, Option("whether the slide was lit from behind (%(default)s: look at it)")
    ] = "auto"
    name: Annotated[
        str | None, Option("name of the image (that of the file)", group="metadata")
    ] = None
    label: Annotated[bool, Option("keep the picture of the label: it names the patient")] = False
    macro: Annotated[bool, Option("keep the picture of the whole glass: so may this")] = False
    confidential: Annotated[
        bool, Option("keep people, dates and free text of the source's OME-XML")
    ] = False
    workers: Annotated[
        int,
        Option(
            "regions in work at a time; changes no byte (%(default)s)",
            ("-w", "--workers"),
            group="run",
        ),
    ] = field(default_factory=lambda: os.cpu_count() or 1)
    scheduler: Annotated[
        str | None, Option("a dask.distributed cluster does the work", metavar="ADDRESS")
    ] = None
    scratch: Annotated[
        str | None,
        Option(
            "folder for reduced pixels that wait for the next level (beside the output)",
            metavar="DIR",
        ),
    ] = None
    overwrite: Annotated[bool, Option("replace a store that exists")] = False
    resume: Annotated[bool, Option("skip finished stores, continue those begun")] = False

    def __post_init__(self) -> None:
        _check_choice("codec", self.codec, get_args(CodecName))
        _check_choice("ome-zarr-version", self.ome_zarr_version, get_args(OmeZarrVersion))
        _check_choice("glass", self.glass, get_args(GlassTreatment))
        _check_choice("bright-field", self.bright_field, get_args(BrightField))
        _check_choice("downsample", self.downsample, (2, 4))
        object.__setattr__(self, "quality", _whole_number("quality", self.quality, 0, 100))
        _check_range("workers", self.workers, 1, 1024)
        _check_number("margin", self.margin_um, 0, 10_000)
        if self.target_psnr is not None:
            _check_number("target-psnr", self.target_psnr, 10, 80)
        if self.levels is not None:
            _check_range("levels", self.levels, 1, MAX_LEVELS)
        _check_side("chunk", self.chunk_px, CHUNK_MULTIPLE_PX, MAX_CHUNK_PX)
        if self.shard_px is not None:
            self._check_shard(self.shard_px)
        self._check_together()

    def _check_shard(self, shard_px: int) -> None:
        if self.ome_zarr_version == "0.4":
            raise ConfigError(
                f"shard is {shard_px}, and OME-Zarr 0.4 has no shards: leave it out, "
                "or write version 0.5"
            )
        _check_side("shard", shard_px, self.chunk_px, 32 * MAX_CHUNK_PX)

    def _check_together(self) -> None:
        """Refuse options that exclude each other."""
        if self.overwrite and self.resume:
            raise ConfigError("resume keeps what is there and overwrite replaces it: leave one out")
        if self.codec != "neural" and self.model != "auto":
            raise ConfigError(f"models are for the neural codec, and codec is {self.codec}")
        if self.codec in _WITHOUT_QUALITY and self.target_psnr is not None:
            raise ConfigError(f"target-psnr is for lossy codecs, and {self.codec} loses nothing")
        if self.use_existing_levels and self.levels is not None:
            raise ConfigError("levels are those of the source: leave levels out")

    @property
    def region_px(self) -> int:
        """Side of the square that one task writes: a shard, or as many chunks where none exist."""
        return self.shard_px or max(REGION_PX // self.chunk_px, 1) * self.chunk_px


def _check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}; it must be one of {', '.join(map(str, allowed))}")


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must be a whole number from {low} to {high}")


def _whole_number(name: str, value: float, low: int, high: int) -> int:
    """Return a whole number as an int, if it is a float, too."""
    if not (low <= value <= high and float(value).is_integer()):
        raise ConfigError(f"{name} is {value}; it must be a whole number from {low} to {high}")
    return int(value)


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must be a number from {low} to {high}")


def _check_side(name: str, value: int, multiple: int, high: int) -> None:
    if value < multiple or value % multiple or value > high:
        raise ConfigError(f"{name} is {value}; it must be a multiple of {multiple} up to {high}")
