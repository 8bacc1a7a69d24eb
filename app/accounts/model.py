"""Who asks."""

from uuid import UUID

import msgspec

from app.accounts.rules import Grant


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in person in one account, with the roles valid today."""

    login_id: UUID
    account_id: UUID
    account_name: str
    currency: str
    hotline: str | None
    email: str
    name: str
    locale: str
    roles: frozenset[str]
    person_id: UUID | None
    grants: tuple[Grant, ...] = ()
    version: int = 1  # of the login's own choices
    bearer: bool = False
    api: bool = False  # by the API's own credentials, which open nothing else


class AccountName(msgspec.Struct, frozen=True):
    """The account that a person is signed in to."""

    id: UUID
    name: str


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is told about its person."""

    login_id: UUID
    email: str
    version: int
    locale: str
    name: str
    account: AccountName
    roles: list[str]
    person_id: UUID | None
    currency: str
    hotline: str | None


def me_of(identity: Identity) -> Me:
    """The public face of an identity."""
    return Me(
        login_id=identity.login_id, email=identity.email, version=identity.version, locale=identity.locale, name=identity.name,
        account=AccountName(identity.account_id, identity.account_name), roles=sorted(identity.roles),
        person_id=identity.person_id, currency=identity.currency, hotline=identity.hotline,
    )  # fmt: skip
