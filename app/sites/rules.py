"""Which changes of a site's state make sense, and which set-up steps are done. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Status = Literal["planned", "installing", "to_verify", "in_operation", "suspended", "deactivated"]

TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    "planned": ("installing", "deactivated"),
    "installing": ("to_verify", "planned", "deactivated"),
    "to_verify": ("in_operation", "installing", "deactivated"),
    "in_operation": ("suspended", "to_verify", "deactivated"),
    "suspended": ("in_operation", "deactivated"),
    "deactivated": (),
}

# The administrative set-up, in its order; None: no data can prove it, a person ticks it.
SETUP: tuple[tuple[str, str | None], ...] = (
    ("installation_validated", "installation_validated"),
    ("owner_contact_known", "owner_contact_known"),
    ("form_link_sent", "form_link_sent"),
    ("form_complete", "form_complete"),
    ("access_and_documents_sent", None),
    ("documents_back", None),
    ("billing_live", "billing_live"),
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the set-up. `by`: "data" where data prove it, else who ticked it; `offered`: it can be ticked now."""

    name: str
    done: bool
    by: str = ""
    offered: bool = False


def steps(proven: Mapping[str, bool], ticked: Mapping[str, str]) -> list[Step]:
    """The set-up in its order: a step counts only when all before it are done, so none can be skipped."""
    found: list[Step] = []
    open_before = False
    for name, proof in SETUP:
        done = not open_before and (proven.get(proof, False) if proof else name in ticked)
        found.append(Step(name=name, done=done, by=("data" if proof else ticked.get(name, "")) if done else "",
                          offered=not done and not open_before and proof is None))  # fmt: skip
        open_before = open_before or not done
    return found


def may_tick(name: str, listed: Sequence[Step]) -> bool:
    """Whether a person may tick this step now."""
    return any(step.name == name and step.offered for step in listed)
