"""What a station's answer changes beside the log, in the transaction that stores the answer."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from app.charging import limits, local_lists, reservations, station_setup
from app.charging.intents import SECRET_SETTINGS, Answer, Intent, SettingValue, WriteConfiguration
from app.charging.model import Changed, Command
from app.charging.station_certificates import certificate_answered
from app.charging.station_keys import network_answered, priority_answered
from app.charging.station_roots import root_answered
from app.charging.transaction_status import status_told
from app.database.transaction import execute

LONGEST_NAME, LONGEST_VALUE = 250, 2500

STORE_SETTINGS = """
INSERT INTO station_setting (account_id, station_id, name, value, readonly, read_at)
SELECT $1, $2, one.name, one.value, one.readonly, $6 FROM unnest($3::text[], $4::text[], $5::bool[]) AS one (name, value, readonly)
ON CONFLICT (account_id, station_id, name) DO UPDATE SET value = excluded.value,
    readonly = coalesce(excluded.readonly, station_setting.readonly), read_at = excluded.read_at
"""


async def take_effect(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """Do what follows from an answer (inside the caller's transaction)."""
    effect = EFFECTS.get(command.action)
    return [] if effect is None else await effect(command, intent, answer, now)


async def keep_settings(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """Remember what the station told of its settings."""
    by_name = {one.name[:LONGEST_NAME]: one for one in answer.settings if one.name}
    await execute(
        STORE_SETTINGS, command.account_id, command.station_id, list(by_name), [_value(one) for one in by_name.values()],
        [one.readonly for one in by_name.values()], now,
    )  # fmt: skip
    return []


def _value(one: SettingValue) -> str | None:
    return None if one.value is None else one.value.replace("\x00", "")[:LONGEST_VALUE]


Effect = Callable[[Command, Intent, Answer, datetime], Awaitable[list[Changed]]]


async def configuration_read(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """Settings were told: they are kept, and the local list may have waited for them."""
    await keep_settings(command, intent, answer, now)
    await limits.limit_answered(command, intent, answer, now)
    await station_setup.settings_read(command, answer, now)
    return await local_lists.learn_limits(command, intent, answer, now)


async def configuration_written(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """A setting was changed; what is secret is not kept."""
    if answer.accepted and isinstance(intent, WriteConfiguration):
        open_ = [SettingValue(name=one.name, value=one.value) for one in intent.settings if one.name not in SECRET_SETTINGS]
        await keep_settings(command, intent, Answer(verdict="accepted", status="", settings=tuple(open_)), now)
    await station_setup.settings_written(command, intent, answer, now)
    await priority_answered(command, intent, answer, now)
    return await local_lists.setting_written(command, intent, answer, now)


async def profile_answered(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """A charging profile was set or cleared: a limit may have waited for it."""
    await limits.limit_answered(command, intent, answer, now)
    return []


async def reservation_answered(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """A place is kept now, or is not, or no longer."""
    return await reservations.step(command, intent, answer.accepted, answer.status, now)


EFFECTS: dict[str, Effect] = {
    "Reserve": reservation_answered,
    "CancelReservation": reservation_answered,
    "ReadConfiguration": configuration_read,
    "WriteConfiguration": configuration_written,
    "SetProfile": profile_answered,
    "ClearProfile": profile_answered,
    "GetLocalListVersion": local_lists.version_told,
    "SendLocalList": local_lists.list_answered,
    "GetTransactionStatus": status_told,
    "CertificateSigned": certificate_answered,
    "InstallCertificate": root_answered,
    "DeleteCertificate": root_answered,
    "SetNetworkProfile": network_answered,
}
