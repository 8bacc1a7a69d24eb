"""Badges change state at once."""

from uuid import UUID

from app.database.transaction import fetchrow, in_account
from app.kernel.errors import not_found
from app.residents.queries import Badge


async def report_badge_lost(account_id: UUID, person_id: UUID, badge_id: UUID) -> Badge:
    """Block a badge for good: its next use anywhere is refused. Raises Refused not_found. Safe to repeat."""
    async with in_account(account_id):
        row = await fetchrow(
            "UPDATE badge SET state = 'lost' WHERE id = $1 AND person_id = $2"
            " RETURNING id, label, uid_tail AS tail, state, last_used_at", badge_id, person_id,
        )  # fmt: skip
    if row is None:
        raise not_found("badge")
    return Badge(**row)
