"""Runs the stand-in until it is ended: `python -m tests.support.stripe_stand_in <port>`."""

import sys

from tests.support.stripe_stand_in.server import StandInServer

StandInServer(int(sys.argv[1])).serve_forever()
