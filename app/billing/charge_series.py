"""What a house's charge points gave to cars, on the grid of quarter-hours; inside the caller's transaction."""

from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from app.billing.series import Piece, Series
from app.charging import queries as charging
from app.charging.model import Session
from app.kernel.calendar import QUARTER, local_midnight
from app.metering.queries import session_values
from app.metering.reading_rules import MISSING
from app.metering.series_rules import Step, grid_of, sums
from app.tariffs.model import UsePiece
from app.tariffs.rules import use_pieces


async def of_charge_points(site_id: UUID, first: date, last: date, zone: str, step: Step, now: datetime) -> Series:
    """Every session's energy where its meter values say that it flowed; a quarter-hour without a car is nothing, a coming one unknown."""
    grid, start = grid_of(first, last, zone, step), local_midnight(first, zone)
    end = local_midnight(last + timedelta(days=1), zone)
    wh = np.zeros(grid.count, dtype=np.int64)
    for session in await charging.sessions_between(site_id, start, end):
        for piece in await _pieces(session):
            place = int((piece.start - start) // QUARTER)
            if 0 <= place < grid.count:
                wh[place] += piece.energy_wh
    wh[max(0, int((now - start) // QUARTER) + 1) :] = MISSING
    pieces = [Piece(at=at, total=total) for at, total in zip(grid.at, sums(grid, wh), strict=True)]
    return Series(kind="charge_point", unit="Wh", step=step, first=first, last=last, time_zone=zone, pieces=pieces)


async def _pieces(session: Session) -> list[UsePiece]:
    """The session at its quarter-hours: to its stop, or while it runs to the last value received."""
    until = session.stopped_at or session.last_value_at or session.started_at
    last = session.last_meter_wh if session.last_meter_wh is not None else session.meter_start_wh
    energy_wh = session.energy_wh if session.energy_wh is not None else max(0, last - session.meter_start_wh)
    values = await session_values(session.id)
    curve = [(value.taken_at, value.energy_wh - session.meter_start_wh) for value in values if value.energy_wh is not None]
    return use_pieces(session.started_at, max(until, session.started_at), energy_wh, curve, None)
