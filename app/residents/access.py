"""Whom a signed-in person may see and change: people of the sites within reach, and those who have no site yet."""

from datetime import date
from uuid import UUID

from app.accounts.model import Identity
from app.kernel.errors import not_found
from app.residents.administration import person_detail, sites_of_person
from app.sites.access import visible_sites


async def reach_person(identity: Identity, person_id: UUID | None, today: date, roles: frozenset[str]) -> UUID:
    """The person, where one of their sites is within reach in one of `roles` (inside the caller's transaction).

    Raises Refused not_found as if they did not exist.
    """
    if person_id is None or await person_detail(person_id) is None:
        raise not_found("person")
    allowed = await visible_sites(identity, today, roles)
    theirs = [] if allowed is None else await sites_of_person(person_id)
    if allowed is not None and theirs and not set(theirs) & set(allowed):
        raise not_found("person")
    return person_id
