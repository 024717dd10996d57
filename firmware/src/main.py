"""Composition root: the firmware on the port of this board."""

import sys

from weir.assembly import assemble
from weir.ports.unix import run

sys.exit(run(sys.argv[1:], assemble))
