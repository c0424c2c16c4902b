"""A plan whose quality was looked for on the slide, where the options ask for a PSNR instead."""

from dataclasses import replace

from .calibrate import quality_for_psnr
from .options import ConvertOptions
from .plan import ConversionPlan, find_glass, plan_conversion
from .sources import SlideSource

__all__ = ["plan_calibrated"]


def plan_calibrated(source: SlideSource, options: ConvertOptions) -> ConversionPlan:
    """Decide how a slide is converted; reads pixels only if the options name a PSNR.

    Raises
    ------
    ConfigError, WeightsError
        If the slide does not allow the options, or the codec does not reach the PSNR on it.
    SourceError
        If it does not decode.
    """
    plan = plan_conversion(source, options)
    if options.target_psnr is None:
        return plan
    quality = quality_for_psnr(source, options, find_glass(source, plan))
    return plan_conversion(source, replace(options, quality=quality))
