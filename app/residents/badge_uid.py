"""The UID of a badge, sealed: readable only to tell stations whom to let charge while they are cut off. Pure."""

from uuid import UUID

from app.kernel.sealing import seal, unseal

PURPOSE = "badge uid for local lists"


def sealed_uid(secret: bytes, badge_id: UUID, uid: str) -> bytes:
    """The UID (upper case) sealed for this badge, for the column `uid_sealed`."""
    return seal(secret, PURPOSE, uid.upper(), badge_id.bytes)


def opened_uid(secret: bytes, badge_id: UUID, sealed: bytes) -> str:
    """The UID again. Raises CannotOpen."""
    return unseal(secret, PURPOSE, sealed, badge_id.bytes)
