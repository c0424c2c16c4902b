"""Rate and distortion of the shipped weights, measured against other image codecs.

``python -m numcodecs_neural.evaluation FOLDER...`` prints the tables of the README. Needs the
``[evaluate]`` extra.
"""

from numcodecs_neural.evaluation.curves import BDRate, Point, bd_rate
from numcodecs_neural.evaluation.images import ImageSet, find_sets
from numcodecs_neural.evaluation.run import Evaluation, SetResult, evaluate

__all__ = [
    "BDRate",
    "Evaluation",
    "ImageSet",
    "Point",
    "SetResult",
    "bd_rate",
    "evaluate",
    "find_sets",
]
