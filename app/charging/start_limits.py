"""A limit that a remote start carries: a profile for the one transaction that it begins, in both versions.

Such a profile goes before the place's default one in the charger, so it is given only where no limit of the place stands.
"""

from decimal import Decimal
from uuid import UUID

from app.charging.intents import Period, Profile
from app.charging.limit_rules import possible, profile_ids
from app.database.transaction import fetchval
from app.kernel.errors import Refused

LIMITED = """
SELECT EXISTS (SELECT 1 FROM charging_limit WHERE station_id = $1 AND connector_no = $2)
    OR EXISTS (SELECT 1 FROM station_wiring WHERE station_id = $1)
"""


async def start_profile(station_id: UUID, connector: int, limit_a: Decimal | None) -> Profile | None:
    """The profile of a start (inside the caller's transaction), None without a limit. Raises Refused limit_in_force."""
    if limit_a is None:
        return None
    if await fetchval(LIMITED, station_id, connector):
        raise Refused("limit_in_force", 409, "This place has a limit already, which a start must not go round. Start without one.")
    period = Period(start_s=0, limit_a=possible(limit_a))
    return Profile(id=max(profile_ids(connector)) + 1, stack_level=0, purpose="transaction", periods=(period,))
