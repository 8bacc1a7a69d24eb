"""Whom a signed-in person may see and change: people of the sites within reach, and those whom they entered themselves."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from app.accounts.model import Identity
from app.kernel.errors import not_found
from app.residents.administration import entered_by, person_detail, sites_of_person
from app.sites.access import visible_sites


async def reach_person(identity: Identity, person_id: UUID | None, today: date, roles: Collection[str]) -> UUID:
    """The person, where one of their sites is within reach in one of `roles` (inside the caller's transaction).

    Who has no site yet is reached by those who see the whole account, and by whoever entered them.
    Raises Refused not_found as if they did not exist.
    """
    if person_id is None or await person_detail(person_id) is None:
        raise not_found("person")
    allowed = await visible_sites(identity, today, roles)
    if allowed is None or set(await sites_of_person(person_id)) & set(allowed) or await entered_by(person_id, identity.login_id):
        return person_id
    raise not_found("person")
