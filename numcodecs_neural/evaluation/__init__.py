"""Rate and distortion of weights, measured against other image codecs.

``numcodecs-neural evaluate FOLDER...`` prints the tables of the README and of the cards. Needs the
``[evaluate]`` extra.
"""

from numcodecs_neural.evaluation.curves import BDRate, Point, bd_rate
from numcodecs_neural.evaluation.images import ImageSet, find_sets
from numcodecs_neural.evaluation.registered import registered_entrant
from numcodecs_neural.evaluation.results import Evaluation, SetResult
from numcodecs_neural.evaluation.run import evaluate

__all__ = [
    "BDRate",
    "Evaluation",
    "ImageSet",
    "Point",
    "SetResult",
    "bd_rate",
    "evaluate",
    "find_sets",
    "registered_entrant",
]
