"""`python -m weir_tools` is the `weir` command, whatever the PATH says."""

import sys

from weir_tools.cli import main

if __name__ == "__main__":
    sys.exit(main())
