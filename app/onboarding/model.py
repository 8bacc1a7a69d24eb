"""What the owner's three forms ask."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from app.sites.model import Method, Solution

Text = Annotated[str, msgspec.Meta(max_length=120)]
Needed = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
OwnerKind = Literal["single_owner", "condominium_administrator", "property_manager"]


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where bills and statements go, if not to the postal address."""

    street: Needed
    postcode: Needed
    city: Needed
    country: Country = "CH"


class ContactForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Form 1: who owns the site. The e-mail address is where the access goes."""

    owner_kind: OwnerKind
    given_name: Text = ""
    family_name: Needed
    email: Needed
    phone: Text = ""
    street: Needed
    postcode: Needed
    city: Needed
    country: Country = "CH"
    billing: Address | None = None


class SolutionsForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Form 2: which solutions, who bills, from when, VAT, and where payouts go. Use before `billing_from` is never billed."""

    solutions: tuple[Solution, ...]
    method: Method
    billing_from: date
    vat_liable: bool
    iban: Needed


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price a kWh with VAT, at all hours, or in high (weekdays 7 to 20) and low ones.

    Of electricity these are the grid's; `solar` is that of the roof's own, without it all electricity costs the same.
    """

    solution: Solution
    single: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    solar: Decimal | None = None


class RatesForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Form 3: a price for each solution that has one."""

    rates: tuple[Rate, ...]


class FormPage(msgspec.Struct, frozen=True, kw_only=True):
    """The three forms as the owner sees them: drafts, and what is proposed. `proposed_from_grid`: the grid operator's prices."""

    site_name: str
    site_city: str
    version: int
    expires_at: datetime
    sent_at: datetime | None
    contact: ContactForm | None
    solutions: SolutionsForm | None
    rates: RatesForm | None
    proposed_solutions: list[str]
    proposed_rates: list[Rate]
    proposed_from_grid: bool
    missing: list[str]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A form behind a link."""

    account_id: UUID
    id: UUID
    site_id: UUID
    expires_at: datetime
    sent_at: datetime | None
