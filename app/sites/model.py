"""Words of what is agreed about a site."""

from typing import Literal

StakeholderKind = Literal["owner", "proxy", "installer", "operator_contact", "grid_operator"]
Solution = Literal["electricity", "charging", "heating_water", "laundry", "ebike"]
Rhythm = Literal["monthly", "quarterly", "yearly"]
Method = Literal["operator_bills", "owner_statements"]
RHYTHM: dict[Solution, Rhythm] = {
    "electricity": "quarterly", "charging": "monthly", "heating_water": "yearly", "laundry": "quarterly", "ebike": "quarterly",
}  # fmt: skip
