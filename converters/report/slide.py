"""The section of a page that is about one slide."""

from ..options import ConvertOptions
from ..pipeline.notices import cautions_of
from ..pipeline.summary import SlideReport
from .facts import SlideFacts
from .figures import (
    crops_figure,
    first_channel,
    map_figure,
    mask_figure,
    overview_figures,
)
from .html import Html, element, joined
from .jpeg_estimate import JPEG_QUALITY
from .tables import levels_table, settings_list, shown, sizes_table

__all__ = ["slide_section"]


def slide_section(facts: SlideFacts, options: ConvertOptions, anchor: str) -> Html:
    """Return all that is to be told of one slide.

    Parameters
    ----------
    anchor : str
        The id of the section.
    """
    job, status = facts.outcome.job, facts.outcome.status
    badge = element("span", status, class_=f"status {status}")
    series = f", image {job.series}" if job.series else ""
    parts: list[Html | None] = [
        element("h2", facts.name, " ", badge),
        element("p", f"{job.path or 'the demo slide'}{series} → {job.output}", class_="where"),
    ]
    if facts.outcome.error is not None:
        parts.append(_notes([facts.outcome.error], "failure"))
    parts += [_notes(notes, "warning") for notes in (warnings_of(facts),) if notes]
    if status == "skipped":
        parts.append(
            element("p", "The store was there already, made with the same settings.", class_="told")
        )
    if facts.report is not None:
        parts += _of_report(facts, facts.report, options)
    return element("section", *parts, id=anchor)


def warnings_of(facts: SlideFacts) -> list[str]:
    """Return what whoever answers for the slide should look at."""
    found = list(facts.troubles)
    report = facts.report
    if facts.chunks is not None and facts.chunks.lost.any():
        number = int(facts.chunks.lost.sum())
        found.append(
            f"{number} chunks of level 0 were written and are not in the store any more: "
            "convert the slide again."
        )
    if report is not None:
        found += _of_numbers(report)
        if facts.info is not None:
            found += (_sentence(text) for text in cautions_of(facts.info, report.levels[0]))
    extras = {} if facts.stored is None else facts.stored.block.get("extras", {})
    pictures = [name for name in ("label", "macro") if name in extras]
    if pictures:
        found.append(
            f"The store holds the slide's {' and '.join(pictures)}, which may identify a patient."
        )
    return found


def _of_numbers(report: SlideReport) -> list[str]:
    found = []
    if report.tissue_area == 0:
        found.append(
            "No tissue was found: look at the slide below, and give a mask with --tissue if there "
            "is some."
        )
    elif report.tissue_area is not None and report.tissue_area > 0.95:
        found.append(
            "Almost all of the slide was taken for tissue: if there is glass, look at the mask."
        )
    return found


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _of_report(
    facts: SlideFacts, report: SlideReport, options: ConvertOptions
) -> list[Html | None]:
    figures: list[Html | None] = []
    if facts.stored is not None:
        figures += overview_figures(facts, facts.stored)
        figures += [mask_figure(facts, facts.stored), map_figure(facts, facts.stored)]
    return [
        _headline(report),
        element("div", *figures, class_="figures") if figures else None,
        element("h3", "Levels"),
        levels_table(report),
        element("p", _of_levels(facts), class_="told"),
        element("h3", "Size"),
        sizes_table(facts, report),
        *([element("p", told, class_="told")] if (told := _of_jpeg(facts)) else []),
        *(_crops(facts)),
        element("h3", "Settings"),
        settings_list(facts, report, options),
    ]


def _headline(report: SlideReport) -> Html:
    first = report.levels[0]
    tiles = [
        (f"{report.nbytes / 1e6:.2f} MB", "stored"),
        (shown(report.ratio), "times smaller than raw"),
    ]
    if report.ratio_source:
        tiles.append((shown(report.ratio_source), "times smaller than the source file"))
    tiles += [
        (shown(first.bpp), "bits per pixel of level 0"),
        (f"{100 * first.elided_area:.0f} %", "of the area not stored"),
    ]
    where = "of level 0" if report.tissue_area is None else "on tissue of level 0"
    if first.psnr_db is not None:
        tiles.append((f"{first.psnr_db:.2f} dB", f"PSNR {where}"))
    if first.ssim is not None:
        tiles.append((f"{first.ssim:.4f}", f"SSIM {where}"))
    items = (element("div", element("b", number), told) for number, told in tiles)
    return element("div", *items, class_="tiles")


def _of_levels(facts: SlideFacts) -> str:
    told = (
        "stored, elided, empty: chunks. Bits per pixel: of stored chunks. Ratio: raw to stored, "
        "glass included. PSNR and SSIM: in sampled chunks, on tissue where there is a mask, "
        "against the pixels of the source as they decode."
    )
    if facts.outcome.status == "skipped":
        told += " Of a store that was there already, its own notes tell the quality of level 0."
    return told


def _of_jpeg(facts: SlideFacts) -> str | None:
    jpeg = facts.jpeg
    if jpeg is None:
        return None
    is_rgb = facts.stored is not None and facts.stored.axes.samples == 3
    sampling = " (4:2:0)" if is_rgb else ""
    return (
        f"The sizes of JPEG{sampling} are estimated: {jpeg.chunks} chunks, and a few of "
        f"smaller levels and of glass, were coded at quality {JPEG_QUALITY}, and what they "
        "took on average is counted for every chunk of their kind. PSNR and SSIM of JPEG are in "
        f"these {jpeg.chunks} chunks, where it takes {jpeg.bpp:.2f} bits per pixel: sizes compare "
        "only as far as these are alike."
    )


def _crops(facts: SlideFacts) -> list[Html]:
    places, stored = facts.places, facts.stored
    if places is None or stored is None or not places.crops:
        return []
    told = f"{places.sampled} chunks of level 0 were compared. "
    if places.crops[0].is_worst:
        told += "Number 1 is in the worst of them. "
    half = "" if stored.has_mask else ", in the half that takes most bytes"
    told += f"A hash of their place picked the others{half}.{first_channel(stored)}"
    return [
        element("h3", "At full resolution"),
        element("p", told, class_="told"),
        crops_figure(places),
    ]


def _notes(sentences: list[str], class_: str) -> Html:
    return joined(*(element("p", sentence, class_=class_, role="note") for sentence in sentences))
