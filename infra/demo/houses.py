"""The two demo accounts: who lives and works there. Nothing of one account appears in the other."""

import msgspec


class HousePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo makes of an account. IBANs are examples with right check digits; badges are made from `badge_series`."""

    account: str
    short: str
    site: str
    street: str
    postcode: str
    city: str
    station_prefix: str
    hotline: str
    vat_number: str
    qr_iban: str
    payout_iban: str
    owner_iban: str
    badge_series: str
    residents: tuple[str, ...]
    staff: dict[str, str]


ROLES = ("superadmin", "operator", "owner", "proxy", "installer", "support", "resident", "former_resident", "developer")
VERSIONS = {"DEMO-1": "1.6", "DEMO-2": "2.0.1"}  # the stations that the demo itself plays, and what they speak
BADGE, BLOCKED_BADGE = "04A1B2C3D4E5F6", "04DEADBEEF0001"

PLANS = (
    HousePlan(
        account="Musterhof Genossenschaft", short="musterhof", site="Lindenhof", street="Lindenweg", postcode="8004", city="Zürich",
        station_prefix="DEMO", hotline="+41 44 123 45 67", vat_number="CHE-123.456.788 MWST", qr_iban="CH4431999123000889012",
        payout_iban="CH5604835012345678009", owner_iban="CH9300762011623852957", badge_series="04A1",
        residents=("Anna Keller", "Luca Bernasconi", "Claire Dubois", "Jonas Weber", "Mia Frei", "Elio Rossi", "Nora Graf", "Tim Baumann"),
        staff={"superadmin": "Sandra Hofer", "operator": "Otto Brunner", "installer": "Ivan Lüthi", "support": "Selin Arslan",
               "developer": "David Meier"},
    ),
    HousePlan(
        account="Nachbarhaus AG", short="nachbarhaus", site="Ahornpark", street="Ahornstrasse", postcode="3012", city="Bern",
        station_prefix="AHORN", hotline="+41 31 765 43 21", vat_number="CHE-456.789.123 MWST", qr_iban="CH9430005000000123456",
        payout_iban="CH7400123000000567891", owner_iban="CH6209000000301234567", badge_series="04B7",
        residents=("Beat Zbinden", "Chiara Lombardi", "Denis Favre", "Eva Aebi", "Flurin Caduff", "Gina Moretti", "Hugo Perret",
                   "Iris Stucki"),
        staff={"superadmin": "Kathrin Nydegger", "operator": "Lorenz Gfeller", "installer": "Marco Ruchti", "support": "Noemi Egli",
               "developer": "Pascal Tschanz"},
    ),
)  # fmt: skip


def badge_uid(plan: HousePlan, house_no: int, index: int) -> str:
    """The UID of a demo resident's badge; the first one of the demo house is printed in the README."""
    if plan is PLANS[0] and house_no == 0 and index == 0:
        return BADGE
    return f"{plan.badge_series}{house_no:04X}{index:06X}"


def blocked_uid(plan: HousePlan) -> str:
    """The UID of the first resident's old badge, which is blocked."""
    return BLOCKED_BADGE if plan is PLANS[0] else f"{plan.badge_series}DEAD000001"
