"""What verifying found, as text."""

from .checking import Problem
from .tally import ComparedTally
from .verify import VerifyReport

__all__ = ["verify_lines"]

SHOWN_PROBLEMS = 20
_SHOWN_WORST = 5


def verify_lines(report: VerifyReport) -> list[str]:
    """Return the lines that tell what was found."""
    tally = report.tally
    lines = [f"{report.location}: {_verdict(report)}"]
    lines += [
        f"{name}: {_chunks(its.chunks)}, {its.decoded} decoded, {its.not_stored} not stored"
        for name, its in tally.arrays.items()
    ]
    lines += [_described(problem) for problem in tally.problems[:SHOWN_PROBLEMS]]
    if tally.count > SHOWN_PROBLEMS:
        lines.append(f"and {tally.count - SHOWN_PROBLEMS} more problems")
    for name, compared in tally.compared.items():
        lines += _compared(report, name, compared)
    if report.not_compared:
        levels = ", ".join(map(str, report.not_compared))
        lines.append(f"not compared, since the source does not have them: levels {levels}")
    return lines


def _verdict(report: VerifyReport) -> str:
    if report.is_good:
        return "every chunk is whole"
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.tally.kinds.items()))
    total = report.tally.count
    return f"{total} problem{'s' if total > 1 else ''}: {kinds}"


def _described(problem: Problem) -> str:
    chunk = "/".join(map(str, problem.chunk))
    place = f", row {problem.row}, column {problem.column} (chunk {chunk})" if chunk else ""
    return f"  {problem.array}{place}: {problem.kind}: {problem.text}"


def _compared(report: VerifyReport, name: str, compared: ComparedTally) -> list[str]:
    psnr_db, ssim = report.psnr_db[name], report.ssim[name]
    psnr = "no difference" if psnr_db is None else f"PSNR {psnr_db:.2f} dB"
    parts = [psnr] if ssim is None else [psnr, f"SSIM {ssim:.4f}"]
    parts += [f"largest error {compared.largest_error:g}", f"{compared.exact} to be exact"]
    return [
        f"{name} against {report.against}: {_chunks(compared.chunks)}, {', '.join(parts)}",
        *(
            f"  row {worst.row}, column {worst.column}: PSNR {worst.psnr_db:.2f} dB, largest error "
            f"{worst.largest_error:g}"
            for worst in compared.worst[:_SHOWN_WORST]
        ),
    ]


def _chunks(count: int) -> str:
    return "1 chunk" if count == 1 else f"{count} chunks"
