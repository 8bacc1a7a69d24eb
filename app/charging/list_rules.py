"""Which badges a station should know by itself, and the next message that brings it there. Pure."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from app.charging.intents import ListEntry, Setting, SettingValue

CAPABILITIES = (
    "LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength", "AllowOfflineTxForUnknownId",
    "LocalAuthorizeOffline", "ChargingScheduleAllowedChargingRateUnit", "ChargeProfileMaxStackLevel", "ChargingScheduleMaxPeriods",
)  # fmt: skip
CAPABILITIES_201 = (
    "LocalAuthListCtrlr.Enabled", "LocalAuthListCtrlr.ItemsPerMessage", "LocalAuthListCtrlr.BytesPerMessage",
    "AuthCtrlr.OfflineTxForUnknownIdEnabled", "AuthCtrlr.LocalAuthorizeOffline", "SmartChargingCtrlr.RateUnit",
    "SmartChargingCtrlr.ProfileStackLevel", "SmartChargingCtrlr.PeriodsPerSchedule",
)  # fmt: skip
ENABLED = ("LocalAuthListEnabled", "LocalAuthListCtrlr.Enabled")
PER_MESSAGE = ("SendLocalListMaxLength", "LocalAuthListCtrlr.ItemsPerMessage")
BYTES = "LocalAuthListCtrlr.BytesPerMessage"
ROOM = ("LocalAuthListMaxLength", "LocalAuthListCtrlr.Entries.maxLimit")
DEFAULT_PER_MESSAGE = 20
MOST_PER_MESSAGE = 500  # an entry takes about 100 bytes: well under the frames that stations take
# What makes a station that is cut off charge for the badges on its list, and for nobody it does not know.
OFFLINE = (("AllowOfflineTxForUnknownId", "false"), ("AuthCtrlr.OfflineTxForUnknownIdEnabled", "false"),
           ("LocalAuthorizeOffline", "true"), ("AuthCtrlr.LocalAuthorizeOffline", "true"))  # fmt: skip
ENTRY_BYTES, ENVELOPE_BYTES = 130, 200


class ListLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a station can do with a local list. `reason`: why it has none."""

    supported: bool
    reason: str | None = None
    max_entries: int | None = None
    max_per_message: int = DEFAULT_PER_MESSAGE


def limits(settings: Sequence[SettingValue]) -> ListLimits:
    """Read from the settings that a station told."""
    told = {one.name: one.value for one in settings if one.value is not None}
    enabled = next((told[name] for name in ENABLED if name in told), None)
    if enabled is None:
        return ListLimits(supported=False, reason="not_known")
    if enabled.strip().lower() != "true":
        return ListLimits(supported=False, reason="switched_off")
    per_message = _number(told, PER_MESSAGE) or DEFAULT_PER_MESSAGE
    room_bytes = _number(told, (BYTES,))
    if room_bytes is not None:
        per_message = min(per_message, max(1, (room_bytes - ENVELOPE_BYTES) // ENTRY_BYTES))
    return ListLimits(supported=True, max_entries=_number(told, ROOM), max_per_message=min(per_message, MOST_PER_MESSAGE))


def _number(told: Mapping[str, str], names: Sequence[str]) -> int | None:
    text = next((told[name] for name in names if name in told), "").strip()
    return int(text) if text.isdecimal() and 0 < int(text) < 1_000_000 else None


def offline_setting(told: Mapping[str, str | None], asked: Sequence[str]) -> Setting | None:
    """The next setting to change so that only badges on the list charge while the station is cut off; None: all is right."""
    for name, value in OFFLINE:
        said = told.get(name)
        if said is not None and said.strip().lower() != value and name not in asked:
            return Setting(name=name, value=value)
    return None


def fitting(wanted: Sequence[tuple[UUID, str]], max_entries: int | None) -> tuple[dict[UUID, str], int]:
    """As many of the wanted entries, best first, as the station has room for, and how many are left out."""
    kept = wanted if max_entries is None else wanted[:max_entries]
    return dict(kept), len(wanted) - len(kept)


def next_entries(acknowledged: Mapping[UUID, str], wanted: Mapping[UUID, str], most: int) -> tuple[ListEntry, ...]:
    """The next differences, at most `most`: who may no longer charge goes first, which also makes room for the rest."""
    gone = [ListEntry(badge_id=badge, status=None) for badge in acknowledged if badge not in wanted]
    changed = [ListEntry(badge_id=badge, status="Blocked" if status == "Blocked" else "Accepted")
               for badge, status in wanted.items() if acknowledged.get(badge) != status]  # fmt: skip
    revoked = [one for one in changed if one.status == "Blocked" and one.badge_id in acknowledged]
    rest = [one for one in changed if one not in revoked]
    return tuple([*revoked, *gone, *rest][:most])
