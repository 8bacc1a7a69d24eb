"""A meter is linked to a billing point that is made in the same step."""

from datetime import date, datetime
from uuid import UUID

from app.audit.model import Actor
from app.database.transaction import fetchval, in_account
from app.kernel.errors import not_found
from app.metering.equipment import relink
from app.residents.points import NewPoint, insert_point


async def link_to_new_point(actor: Actor, meter_id: UUID, form: NewPoint, first: date, now: datetime) -> UUID:
    """A new billing point of the meter's site, for which the meter counts from a day on: both, or neither.

    Raises Refused as `insert_point` and `relink` do, and not_found for a building of another site.
    """
    async with in_account(actor.account_id):
        site_id = await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id)
        if site_id is None:
            raise not_found("meter")
        if await fetchval("SELECT site_id FROM building WHERE id = $1", form.building_id) != site_id:
            raise not_found("building")
        point_id = await insert_point(actor, form, now)
        await relink(actor, meter_id, point_id, first, now)
    return point_id
