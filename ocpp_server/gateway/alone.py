"""What a gateway answers a station while the internet is away, and which messages it keeps. Pure but for its store."""

from datetime import UTC, datetime
from typing import Any

from ocpp_server.gateway.store import Store

V16, V201 = "ocpp1.6", "ocpp2.0.1"
KEPT = {V16: frozenset(("StartTransaction", "StopTransaction", "MeterValues")), V201: frozenset(("TransactionEvent", "MeterValues"))}
HEARTBEAT_SECONDS = 300


def is_kept(protocol: str, action: str) -> bool:
    """Whether a message is about money or energy: it is kept and sent later, in order."""
    return action in KEPT.get(protocol, ())


def answer(
    store: Store, lane: str, protocol: str, action: str, message_id: str, payload: dict[str, Any], now: float
) -> dict[str, Any] | None:
    """The answer to a station's call, given after what it says is on the disk. None: nothing can be said to it now."""
    if is_kept(protocol, action):
        return _kept(store, lane, protocol, action, message_id, payload, now)
    time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if action == "BootNotification":
        return {"currentTime": time, "interval": HEARTBEAT_SECONDS, "status": "Accepted"}
    if action == "Heartbeat":
        return {"currentTime": time}
    if action == "Authorize":
        return info(protocol, store.badge_known(lane, uid_of(protocol, payload) or "", now))
    return {} if action == "StatusNotification" else None


def _kept(store: Store, lane: str, protocol: str, action: str, message_id: str, payload: dict[str, Any], now: float) -> dict[str, Any]:
    starts = action == "StartTransaction"
    if action == "TransactionEvent":
        payload = {**payload, "offline": True}
    number = store.keep(lane, action, message_id, payload, now, numbered=starts)
    uid = uid_of(protocol, payload)
    if uid is None or action == "MeterValues":
        return {}
    said = info(protocol, store.badge_known(lane, uid, now))
    return {"transactionId": number, **said} if starts else said


def uid_of(protocol: str, payload: dict[str, Any]) -> str | None:
    """The badge that a message names."""
    uid = payload.get("idTag")
    if protocol == V201:
        token = payload.get("idToken")
        uid = token.get("idToken") if isinstance(token, dict) else None
    return uid if isinstance(uid, str) else None


def info(protocol: str, accepted: bool) -> dict[str, Any]:
    """What a station is told of a badge: one that the platform has not accepted here lately is refused."""
    return {"idTokenInfo" if protocol == V201 else "idTagInfo": {"status": "Accepted" if accepted else "Invalid"}}


def status_in(protocol: str, answer: dict[str, Any]) -> str | None:
    """What an answer of the platform says of a badge."""
    said = answer.get("idTokenInfo" if protocol == V201 else "idTagInfo")
    return said.get("status") if isinstance(said, dict) else None
