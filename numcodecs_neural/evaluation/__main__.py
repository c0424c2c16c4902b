"""``python -m numcodecs_neural.evaluation``."""

import sys

from numcodecs_neural.evaluation.cli import main

if __name__ == "__main__":
    sys.exit(main())
