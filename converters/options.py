"""ConvertOptions: the options of a conversion, checked before any work starts.

The command line is made from the same fields: an option is written once, here.
"""

import os
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.requantize import EXACT

__all__ = [
    "BrightField",
    "CodecName",
    "ConvertOptions",
    "GlassTreatment",
    "OmeZarrVersion",
    "Option",
    "Tuning",
]

BrightField = Literal["auto", "yes", "no"]
CodecName = Literal["auto", "neural", "jpegxl", "jpeg2k", "jpeg", "zstd", "none"]
GlassTreatment = Literal["elide", "flatten", "keep"]
OmeZarrVersion = Literal["0.4", "0.5"]
Tuning = Literal["psnr", "ssim", "ms-ssim"]

# Every power-of-two reduction must map whole chunks on whole chunks, and the networks work on
# 16 x 16 pixels.
CHUNK_MULTIPLE_PX = 16
MAX_CHUNK_PX = 8192
# Side of a chunk where nothing else decides it.
CHUNK_PX = 512
# Large enough for few files, small enough that a worker holds about 100 MB.
REGION_PX = 2048
MAX_LEVELS = 32
# Below it, sources of high quality come to an SSIM at which `he-fast` takes fewer bytes.
MIN_JPEG_QUALITY = 80
# Samples of 16 bits never differ by more than one above it.
MAX_ERROR = 65534
# No setting of these loses anything; what others lose, they tell once they are set.
_WITHOUT_QUALITY = ("zstd", "none")
# What an archive decides by itself: a value of these would ask for something else.
_OF_ARCHIVE = (
    *("target_psnr", "chunk_psnr", "max_error", "exact_regions", "levels", "downsample"),
    *("glass", "jpeg_quality"),
)
# What a bound decides by itself, with the values that ask for nothing.
_NOT_OF_BOUND = {"target_psnr": None, "chunk_psnr": None, "tune": "psnr", "jpeg_quality": EXACT}


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
    codec : {"auto", "neural", "jpegxl", "jpeg2k", "jpeg", "zstd", "none"}
        What codes the chunks. "auto" keeps the levels of the source that are JPEG as they are,
        pixel by pixel, and codes all else as "neural" does. The last two are lossless and take no
        quality.
    model : str
        Name of the weights, as `numcodecs_neural.NeuralImage` takes it, or ``"auto"``: ``he-fast``
        for RGB, ``grey-fast`` for all else. For the codecs "auto" and "neural" only.
    quality : int
        0 (smallest) to 100 (best), on the codec's own scale.
    tune : {"psnr", "ssim", "ms-ssim"}
        Which measure of quality the bits serve best, where the model can be tuned. For the codecs
        "auto" and "neural" only.
    levels_quality : int, optional
        The quality of levels that are made by reduction. By default `quality`, and no more than 20
        where level 0 keeps its JPEG data.
    jpeg_quality : int
        80 to 100, for levels that keep the source's JPEG data: each of its quantisation steps
        becomes its largest multiple up to ``101 - jpeg_quality``. 100 keeps them exactly. For the
        codec "auto" only.
    target_psnr : float, optional
        Instead of `quality`: the lowest quality whose PSNR on sampled tissue is at least this, dB.
        One quality for the whole slide: it takes the fewest bytes for what it keeps on average.
    chunk_psnr : float, optional
        Instead of `quality`: every chunk that is coded with loss gets at least so many decibels, 20
        to 100, and hardly more; see ``target_psnr`` of `numcodecs_neural.NeuralImage`. For the
        codecs "auto" and "neural" only.
    max_error : int, optional
        Instead of `quality`: by how much a sample of any level may differ from what was to be
        stored, 0 for no loss at all; reduced levels too, unless they have a `levels_quality`. Glass
        is kept by default then. For the codecs "auto" and "neural" only.
    exact_regions : str, optional
        File of regions whose chunks of level 0 are exact, in pixels of level 0: GeoJSON as QuPath
        exports it, boxes as JSON or CSV (x, y, width, height), a picture that is not black there,
        or a label of OME-Zarr. A chunk that a region touches is exact as a whole. For the codecs
        "auto" and "neural" only.
    exact_all_levels : bool
        Also the chunks of smaller levels that stand for those of level 0: they are as reduced.
    archive : bool
        Keep every pixel of all levels of the source as it is, glass included, for those who will
        delete the original. Levels that are not JPEG are stored by a lossless codec.
    chunk_px : int, optional
        Side of a chunk; a multiple of 16. By default 512, or where the source's tiles are kept
        exactly, the multiple of their sides next to it.
    shard_px : int, optional
        Side of a shard, a multiple of the chunk's; OME-Zarr 0.5 only. By default the largest
        multiple up to 2048.
    levels : int, optional
        Levels of the pyramid, all but the first reduced; by default, until one chunk holds the
        whole slide.
    downsample : {2, 4}, optional
        How many times smaller each reduced level is than the one before; by default 2. Where it or
        `levels` is given, "auto" keeps level 0 of the source only, and reduces that.
    use_existing_levels : bool
        Keep the levels of the source, all of them and no others, instead of reducing level 0.
    ome_zarr_version : {"0.5", "0.4"}
        Version of OME-Zarr: 0.5 is Zarr v3 with shards, 0.4 is Zarr v2.
    glass : {"elide", "flatten", "keep"}, optional
        What to do with glass: not to store its chunks, to paint it one colour, or nothing. By
        default "elide", and "keep" of an archive and with `max_error`.
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
    embed_weights : bool
        Keep the weights that the chunks need in the store: readers that lack them install them from
        there. 0.2 to 4 MB; for the codecs "auto" and "neural".
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
    >>> ConvertOptions(quality=40).region_px(480)
    1920
    >>> ConvertOptions(chunk_px=100)
    Traceback (most recent call last):
    numcodecs_neural.errors.ConfigError: chunk is 100; it must be a multiple of 16 up to 8192
    """

    codec: Annotated[
        CodecName,
        Option(
            "auto keeps JPEG slides exactly, and is neural for all else; zstd and none lose "
            "nothing (%(default)s)",
            group="codec",
        ),
    ] = "auto"
    model: Annotated[str, Option("name of the weights (%(default)s: by the slide)")] = "auto"
    quality: Annotated[int, Option("0 to 100 (%(default)s)")] = 60
    tune: Annotated[
        Tuning, Option("psnr, ssim or ms-ssim: what the bits serve best (%(default)s)")
    ] = "psnr"
    levels_quality: Annotated[
        int | None,
        Option("quality of reduced levels (that of level 0; 20 at most where it is kept as JPEG)"),
    ] = None
    jpeg_quality: Annotated[
        int,
        Option("80 to 100: lose a little of JPEG slides, on their own grid (%(default)s: exact)"),
    ] = EXACT
    target_psnr: Annotated[
        float | None,
        Option("instead of a quality: PSNR on tissue, by one quality of the slide", metavar="DB"),
    ] = None
    chunk_psnr: Annotated[
        float | None,
        Option("instead of a quality: PSNR of each chunk, by its own quality", metavar="DB"),
    ] = None
    max_error: Annotated[
        int | None,
        Option("instead of a quality: no sample is off by more than K; 0 loses nothing", (), "K"),
    ] = None
    exact_regions: Annotated[
        str | None,
        Option("GeoJSON, boxes as JSON or CSV, a picture or a label: what is exact", (), "FILE"),
    ] = None
    exact_all_levels: Annotated[
        bool, Option("with --exact-regions: in the smaller levels, too")
    ] = False
    archive: Annotated[
        bool,
        Option("for those who will delete the original: glass and all levels, every pixel exact"),
    ] = False
    chunk_px: Annotated[
        int | None,
        Option(
            f"side of a chunk ({CHUNK_PX}, or whole tiles of a JPEG slide)",
            ("--chunk", "--tile-size"),
            "PX",
            "pyramid",
        ),
    ] = None
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
        int | None, Option("2 or 4: reduction from level to level (2)", metavar="FACTOR")
    ] = None
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
        GlassTreatment | None,
        Option(
            "what to do with glass: not store it, paint it, or nothing (elide)",
            group="glass (bright-field slides)",
        ),
    ] = None
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
    embed_weights: Annotated[
        bool, Option("keep the weights in the store, for readers of other releases")
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
        _check_choice("tune", self.tune, get_args(Tuning))
        _check_choice("ome-zarr-version", self.ome_zarr_version, get_args(OmeZarrVersion))
        _check_choice("glass", self.treatment, get_args(GlassTreatment))
        _check_choice("bright-field", self.bright_field, get_args(BrightField))
        _check_choice("downsample", self.step, (2, 4))
        object.__setattr__(self, "quality", _whole_number("quality", self.quality, 0, 100))
        if self.levels_quality is not None:
            levels_quality = _whole_number("levels-quality", self.levels_quality, 0, 100)
            object.__setattr__(self, "levels_quality", levels_quality)
        object.__setattr__(self, "jpeg_quality", _jpeg_quality(self.jpeg_quality))
        _check_range("workers", self.workers, 1, 1024)
        _check_number("margin", self.margin_um, 0, 10_000)
        if self.target_psnr is not None:
            _check_number("target-psnr", self.target_psnr, 10, 80)
        if self.chunk_psnr is not None:
            _check_number("chunk-psnr", self.chunk_psnr, 20, 100)
        if self.max_error is not None:
            max_error = _whole_number("max-error", self.max_error, 0, MAX_ERROR)
            object.__setattr__(self, "max_error", max_error)
        if self.levels is not None:
            _check_range("levels", self.levels, 1, MAX_LEVELS)
        if self.chunk_px is not None:
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
        _check_side("shard", shard_px, self.chunk_px or CHUNK_MULTIPLE_PX, 32 * MAX_CHUNK_PX)

    def _check_together(self) -> None:
        """Refuse options that exclude each other."""
        if self.overwrite and self.resume:
            raise ConfigError("resume keeps what is there and overwrite replaces it: leave one out")
        if self.codec not in ("auto", "neural") and self.model != "auto":
            raise ConfigError(f"models are for the neural codec, and codec is {self.codec}")
        if self.codec not in ("auto", "neural") and self.tune != "psnr":
            raise ConfigError(f"tune is for the neural codec, and codec is {self.codec}")
        if self.codec not in ("auto", "neural") and self.chunk_psnr is not None:
            raise ConfigError(
                f"chunk-psnr is for the neural codec, and codec is {self.codec}: target-psnr has "
                "one quality found for the slide"
            )
        if self.target_psnr is not None and self.chunk_psnr is not None:
            raise ConfigError(
                f"target-psnr is {self.target_psnr:g}, of the slide, and chunk-psnr is "
                f"{self.chunk_psnr:g}, of each chunk: leave one of them out"
            )
        if self.codec in _WITHOUT_QUALITY and self.target_psnr is not None:
            raise ConfigError(f"target-psnr is for lossy codecs, and {self.codec} loses nothing")
        if self.codec != "auto" and self.jpeg_quality != EXACT:
            raise ConfigError(
                f"jpeg-quality is for JPEG data that the codec auto keeps, and codec is "
                f"{self.codec}: leave one of the two out"
            )
        self._check_bound()
        self._check_regions()
        if self.use_existing_levels and self.levels is not None:
            raise ConfigError("levels are those of the source: leave levels out")
        if self.archive:
            self._check_archive()

    def _check_bound(self) -> None:
        """Refuse what would break a bound, or says otherwise how samples are coded."""
        if self.max_error is None:
            return
        if self.codec not in ("auto", "neural"):
            raise ConfigError(
                f"max-error is for the neural codec, and codec is {self.codec}: leave one of the "
                "two out"
            )
        for name, usual in _NOT_OF_BOUND.items():
            value = getattr(self, name)
            if value != usual:
                raise ConfigError(
                    f"{name.replace('_', '-')} is {value} and max-error is {self.max_error}: leave "
                    "one of them out, since a bound says how each sample is coded"
                )
        if self.treatment == "flatten":
            raise ConfigError(
                "max-error bounds every sample and glass flatten paints some: leave one of the two "
                "out"
            )

    def _check_regions(self) -> None:
        if self.exact_regions is None:
            if self.exact_all_levels:
                raise ConfigError("exact-all-levels says more of exact-regions: give these, too")
            return
        if self.codec not in ("auto", "neural"):
            raise ConfigError(
                f"exact-regions are for the neural codec, and codec is {self.codec}: leave one of "
                "the two out"
            )
        if self.treatment == "flatten":
            raise ConfigError(
                "exact-regions keep every pixel and glass flatten paints some: leave one of the "
                "two out"
            )

    def _check_archive(self) -> None:
        if self.codec != "auto":
            raise ConfigError(
                f"an archive chooses codecs that lose nothing, level by level, and codec is "
                f"{self.codec}: leave one of the two out"
            )
        for name in _OF_ARCHIVE:
            value = getattr(self, name)
            if value not in (None, "keep", EXACT):
                raise ConfigError(
                    f"an archive keeps every pixel of the source's own levels, and "
                    f"{name.replace('_', '-')} is {value}: leave one of the two out"
                )

    @property
    def treatment(self) -> GlassTreatment:
        """What is done with glass."""
        return self.glass or ("keep" if self.archive or self.max_error is not None else "elide")

    @property
    def step(self) -> int:
        """How many times smaller each reduced level is than the one before."""
        return 2 if self.downsample is None else self.downsample

    def region_px(self, chunk_px: int) -> int:
        """Return the side of the square that one task writes.

        That is a shard, or where there are none, as many chunks as one of 2048 pixels holds.
        """
        return self.shard_px or max(REGION_PX // chunk_px, 1) * chunk_px


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


def _jpeg_quality(value: float) -> int:
    """Return a quality of JPEG data as an int; below its range other codecs are better."""
    try:
        return _whole_number("jpeg-quality", value, MIN_JPEG_QUALITY, EXACT)
    except ConfigError as exc:
        raise ConfigError(f"{exc}; for smaller stores choose --codec neural") from None


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must be a number from {low} to {high}")


def _check_side(name: str, value: int, multiple: int, high: int) -> None:
    if value < multiple or value % multiple or value > high:
        raise ConfigError(f"{name} is {value}; it must be a multiple of {multiple} up to {high}")
