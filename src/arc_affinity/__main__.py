"""``python -m arc_affinity``: the command line."""

import sys

from arc_affinity.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
