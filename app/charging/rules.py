"""Who may charge, in what state a place, a request or a session is, and how a session closes. Pure."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.charging.model import Connector, Session
from app.metering.rules import implausible

COMMAND_SECONDS = 20  # a station that has not answered a command by then never will
COMMAND_GRACE = timedelta(seconds=5)  # a node that lives gives its commands up itself, at the deadline
PLUG_IN_SECONDS = 60  # OCPP's ConnectionTimeOut: from Accepted to the start
SILENT_AFTER = timedelta(minutes=5)
CHARGING_FROM_W = 100
# What a connector's state says about the car: whether it stands idle. Other states say nothing about it.
IDLE_BY_STATUS = {"SuspendedEV": True, "Finishing": True, "Charging": False, "SuspendedEVSE": False}

OPEN_REQUEST_STATES = ("asked", "sent", "plug_in")
REQUEST_STEPS = {
    "asked": {"sent", "plug_in", "started", "refused", "no_answer", "failed"},
    "sent": {"plug_in", "started", "refused", "no_answer", "failed"},
    "plug_in": {"started", "not_plugged_in", "failed"},
    "no_answer": {"plug_in", "started"},  # a late Accepted shows the true state
    "not_plugged_in": {"started"},  # the station did deliver after all
    "failed": {"plug_in", "started"},
    "refused": {"started"},
    "started": set(),
}


class Close(msgspec.Struct, frozen=True):
    """How a session ends: its state, its energy (None while held), and why it is held."""

    state: str
    energy_wh: int | None
    held_reason: str | None


def may_step(state: str, next_state: str) -> bool:
    """Whether a request may go from one state to another."""
    return next_state in REQUEST_STEPS[state]


def refusal(connector: Connector, billing_point_id: UUID | None, person_id: UUID, allowed: bool = True) -> str | None:
    """Why this person may not start here now, or None. `billing_point_id`: theirs at this site, None for a stranger.

    `allowed`: whether the resident's charging is not stopped as a whole.
    """
    if not allowed:
        return "charging_stopped"
    if billing_point_id is None:
        return "not_allowed"
    if connector.billing_point_id is not None and connector.billing_point_id != billing_point_id:
        return "not_allowed"
    return _busy(connector, person_id)


def guest_refusal(connector: Connector, guests_allowed: bool) -> str | None:
    """Why a guest, who is nobody here, may not start here now, or None: shared places of stations that take guests only."""
    if not guests_allowed or connector.billing_point_id is not None:
        return "guests_not_allowed"
    return _busy(connector, None)


def _busy(connector: Connector, person_id: UUID | None) -> str | None:
    """Why nothing can be started here now by this person (None: a guest), or None."""
    if not connector.online:
        return "station_offline"
    if connector.status == "Faulted":
        return "station_faulted"
    for taken, by in (
        (connector.open_session_id, connector.open_session_person_id),
        (connector.open_request_id, connector.open_request_person_id),
    ):
        if taken is not None:
            return "already_charging" if by == person_id and by is not None else "connector_occupied"
    if connector.reserved_person_id is not None and connector.reserved_person_id != person_id:
        return "place_reserved"
    if connector.status == "Unavailable" or (connector.status == "Reserved" and connector.reserved_person_id is None):
        return "connector_unavailable"
    return None


def connector_state(connector: Connector, person_id: UUID | None) -> tuple[str, dict[str, object]]:
    """The state of a place as the key of a sentence, and its figures."""
    if connector.open_session_id is not None and connector.open_session_person_id == person_id and person_id:
        return "yours_charging", {"session_id": connector.open_session_id}
    if not connector.online:
        return "offline", {"since": connector.online_changed_at}
    if connector.status == "Faulted":
        return "faulted", {"error": connector.error_code}
    if connector.open_session_id is not None:
        return "occupied", {}
    if connector.open_request_id is not None:
        return "starting", {}
    if connector.reserved_person_id is not None:
        return "reserved_for_you" if connector.reserved_person_id == person_id else "reserved", {}
    simple = {"Available": "free", "Preparing": "plugged", "Finishing": "finishing", "Unavailable": "unavailable",
              "Reserved": "unavailable"}  # fmt: skip
    return simple.get(connector.status, "occupied"), {}


def session_state(session: Session, now: datetime, price_known: bool = True) -> tuple[str, dict[str, object]]:
    """The state of a session as the key of a sentence, and its figures."""
    if session.state == "held":
        return "held", {"reason": session.held_reason}
    if session.state in ("ended", "discarded"):
        return "ended", {}
    if session.state == "stop_missing":
        return "stop_missing", {}
    if session.stop_asked_at is not None and now - session.stop_asked_at < timedelta(seconds=COMMAND_SECONDS):
        return "stopping", {}
    stop_failed = session.stop_asked_at is not None
    if session.connector_status == "Faulted":
        return "faulted", {"error": session.connector_error}
    last = session.last_value_at or session.started_at
    if not session.online or now - last > SILENT_AFTER:
        return "station_silent", {"since": last}
    if session.connector_status == "SuspendedEV":
        return "paused_by_car", {}
    if session.connector_status == "SuspendedEVSE":
        return "paused_by_station", {}
    if session.connector_status == "Finishing":
        return "done_still_plugged", {}
    if (session.last_power_w or 0) < CHARGING_FROM_W and (session.last_meter_wh or 0) <= session.meter_start_wh:
        return "waiting_for_car", {}
    return "charging", {"power_w": session.last_power_w or 0, "stop_failed": stop_failed}


def close(meter_start_wh: int, meter_stop_wh: int, started_at: datetime, stopped_at: datetime, max_power_w: int) -> Close:
    """End a session. The bill is stop minus start; what cannot be true is held, never an exception and never charged."""
    energy_wh = meter_stop_wh - meter_start_wh
    duration_s = int((stopped_at - started_at).total_seconds())
    if duration_s < 0:
        return Close("held", None, "stopped_before_start")
    reason = implausible(energy_wh, duration_s, max_power_w)
    if reason is not None:
        return Close("held", None, reason)
    return Close("ended", energy_wh, None)


def odd_clock(reported: datetime, received: datetime, commissioned_at: datetime) -> str | None:
    """Why a station's time cannot be believed, or None. Old but in order is a normal offline queue."""
    if reported > received + timedelta(minutes=5):
        return "clock_ahead"
    if reported < commissioned_at:
        return "before_commissioning"
    return None


def rate_unit(allowed: str | None) -> str:
    """The unit for a station's charging profiles, A or W, from the units that it says it takes (1.6: Current, Power; 2.0.1:
    A, W). Amperes where it takes both or was never asked; some chargers take watts and refuse amperes."""
    words = {word.strip().lower() for word in (allowed or "").split(",")}
    return "W" if words & {"power", "w"} and not words & {"current", "a"} else "A"
