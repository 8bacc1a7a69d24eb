"""`make bench-allocate`: a month's solar energy shared among a house's points, by our rule in numpy and by the same rule in polars and duckdb.

The rule is the bills': the lesser of production and use, in proportion to use, in whole Wh, the largest remainders first and of equal ones
the earlier point. Data are in memory, every result is compared with ours to the Wh, and CPU is counted over all threads. The others get
their table ready-made (slot, point, use, production), as a database of readings would hold it. The last line is one JSON object.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl

from app.metering.allocation_rules import Wh, allocate
from tests.bench.start.__main__ import commit

POINTS, SLOTS, RUNS = 1000, 2980, 3
SHARED = """
WITH offered AS (SELECT slot, sum(use)::bigint AS whole, least(any_value(production), sum(use))::bigint AS offer FROM uses GROUP BY slot),
parts AS (SELECT u.slot, u.point, u.use * o.offer // greatest(o.whole, 1) AS part, u.use * o.offer % greatest(o.whole, 1) AS rest, o.offer
    FROM uses u JOIN offered o USING (slot)),
ranked AS (SELECT slot, point, part, row_number() OVER (PARTITION BY slot ORDER BY rest DESC, point) AS place,
    offer - sum(part) OVER (PARTITION BY slot) AS missing FROM parts)
SELECT (part + (place <= missing)::int)::bigint AS share FROM ranked ORDER BY point, slot
"""


def in_polars(frame: pl.DataFrame) -> Wh:
    """The rule over whole columns."""
    whole = pl.col("use").sum().over("slot")
    parts = frame.lazy().with_columns(whole=whole, offer=pl.min_horizontal("production", whole)).with_columns(
        product=pl.col("use") * pl.col("offer"), divisor=pl.max_horizontal("whole", pl.lit(1, pl.Int64))
    ).with_columns(part=pl.col("product") // pl.col("divisor"), rest=pl.col("product") % pl.col("divisor"))  # fmt: skip
    place = (-pl.col("rest")).rank("ordinal").over("slot")  # of equal ones the earlier row, which is the earlier point
    missing = pl.col("offer") - pl.col("part").sum().over("slot")
    share = (pl.col("part") + (place.cast(pl.Int64) <= missing).cast(pl.Int64)).alias("share")
    return parts.select(share).collect()["share"].to_numpy()


def in_duckdb(line: duckdb.DuckDBPyConnection) -> Wh:
    """The rule in SQL."""
    found: Wh = line.execute(SHARED).fetchnumpy()["share"]
    return found


def best(work: Callable[[], Wh], want: Wh | None, runs: int) -> tuple[dict[str, float], Wh]:
    """The least CPU and wall time of several runs, and the result, which has to be `want`."""
    spent, took, found = [], [], want
    for _ in range(runs):
        began, wall = time.process_time(), time.perf_counter()
        found = work()
        spent.append(time.process_time() - began)
        took.append(time.perf_counter() - wall)
        if want is not None and not np.array_equal(found, want):
            raise RuntimeError("the shares differ")
    if found is None:
        raise ValueError("nothing was run")
    return {"cpu_s": round(min(spent), 3), "wall_s": round(min(took), 3)}, found


def measure(points: int, slots: int, runs: int) -> dict[str, Any]:
    """Make the month, run the three, report."""
    dice = np.random.default_rng(7)
    use = dice.integers(0, 400, (points, slots))
    production = (np.maximum(0, np.sin(np.arange(slots) * 2 * np.pi / 96)) * 150 * points).astype(np.int64)
    ours, shared = best(lambda: allocate(production, use, [0] * points), None, runs)
    flat = shared.reshape(-1)
    frame = pl.DataFrame({
        "slot": np.tile(np.arange(slots), points), "point": np.repeat(np.arange(points), slots), "use": use.reshape(-1),
        "production": np.tile(production, points),
    })  # fmt: skip
    polars, _ = best(lambda: in_polars(frame), flat, runs)
    line = duckdb.connect()
    line.register("given", {name: frame[name].to_numpy() for name in frame.columns})
    line.execute("CREATE TABLE uses AS SELECT * FROM given")
    duck, _ = best(lambda: in_duckdb(line), flat, runs)
    line.close()
    return {
        "name": "bench-allocate", "points": points, "slots": slots, "quarters": points * slots, "ours": ours, "polars": polars,
        "duckdb": duck, "ratio": {name: round(ours["cpu_s"] / max(found["cpu_s"], 0.001), 3) for name, found in (("polars", polars), ("duckdb", duck))},
        "commit": commit(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-allocate", description=__doc__)
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    print(json.dumps(measure(*((20, 192, 1) if args.short else (POINTS, SLOTS, RUNS)))))


if __name__ == "__main__":
    main()
