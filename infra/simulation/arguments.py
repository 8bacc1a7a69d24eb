"""What `hofstrom simulate` takes."""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--site", required=True, help="a site's name or id")
    parser.add_argument("--days", type=int, default=7, help="how many days back, or of the file (default: 7)")
    parser.add_argument("--file", type=Path, help="sessions as CSV: session, station, arrival_min, departure_min, kwh, max_a"
                        " (default: the site's own charges)")  # fmt: skip
    parser.add_argument("--step", type=float, default=60.0, help="seconds of a round (default: 60)")
    parser.add_argument("--link-failures", type=float, default=0.0, metavar="N", help="a station loses its link so often a day")
    parser.add_argument("--meter-failures", type=float, default=0.0, metavar="N", help="a meter falls silent so often a day")
    parser.add_argument("--seed", type=int, default=1, help="of the failures (default: 1)")
    parser.add_argument("--picture", type=Path, help="where the picture goes (default: simulation.svg in the data folder)")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object, on the last line")
