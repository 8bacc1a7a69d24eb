"""Who lives where, and from when to when. Both days of a stay belong to it."""

from datetime import date
from uuid import UUID

import msgspec


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """A person's occupancy of a billing point, first and last day included; `last` None: open.

    `vacancy`: the owner's stay in a gap between two others, derived and never entered by hand.
    """

    person_id: UUID
    first: date
    last: date | None = None
    vacancy: bool = False
    id: UUID | None = None


class Tenure(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns the site, first and last day included."""

    owner_id: UUID
    first: date
    last: date | None = None


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A move as one act: somebody leaves on `exit`, and `newcomer_id` (None: nobody yet) enters on `entry`."""

    newcomer_id: UUID | None
    entry: date | None
    exit: date | None
