"""A demo station and the car beside it, in no version's words. It survives restarts, cuts and a server that is away."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import msgspec
import structlog
from ocpp.exceptions import OCPPError
from websockets.exceptions import WebSocketException

from infra.demo.station_control import folder
from infra.demo.station_limits import Limit, Profile, added, limit_now
from infra.demo.station_meter import ARRIVES_PERCENT, Charge, Kind, Memory, Told, charging_state, run
from infra.demo.station_network import Network

log = structlog.get_logger()

CONNECTOR = 1
TICK_MS = 1000
VALUES_EVERY_MS = 5000
PLUG_IN_SECONDS = 60
RESTART_SECONDS = 12  # longer than a page whose wake-up was lost waits before it looks again
MOST_QUEUED = 5000
UNPLUG_HINT_MS = 8000
LEAVES_MS, AWAY_MS = 120_000, 20_000  # a full car leaves, another one comes
LOST = (OSError, WebSocketException, TimeoutError, OCPPError)


class Link(Protocol):
    """A connection to the server, in a version's words."""

    async def authorise(self, uid: str) -> str: ...


def iso_now() -> str:
    """The station's clock."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class DemoStation:
    """One station with one connector and a car beside it."""

    def __init__(self, identity: str, data_dir: Path) -> None:
        self.identity = identity
        self._file = folder(data_dir) / f"{identity}.json"
        self.memory = self._remembered()
        self.link: Link | None = None
        self.refuse_next_start = False
        self.silent_next_start = False
        self.fault: str | None = None
        self._pending: tuple[Charge, float] | None = None
        self._finishing_ms = 0
        self._since_values_ms = 0
        self._full_ms = 0
        self.work = asyncio.Event()
        self.reported = ""
        self.network = Network()
        self.booted = False
        self.boot_reason = "PowerUp"
        self.boot_asked = asyncio.Event()

    def _remembered(self) -> Memory:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Memory)
        except FileNotFoundError:
            return Memory()
        except msgspec.DecodeError as error:
            log.error("the station's memory is unreadable, it starts anew", station=self.identity, error=str(error))
            self._file.rename(self._file.with_suffix(".broken"))
            return Memory()

    def keep(self) -> None:
        """Write the memory so that neither a kill nor a full disk can leave half of it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self.memory))
        fresh.replace(self._file)

    # What the server asks -----------------------------------------------------------------------------------------

    def remote_start(self, id_tag: str, request_no: int | None = None, profile: Profile | None = None) -> bool:
        """A resident taps start. Returns whether the station does so. `profile`: a limit for this charge alone."""
        if self.refuse_next_start or self.fault or self.memory.charge is not None or not self.memory.operative:
            self.refuse_next_start = False
            return False
        if profile is not None and profile.purpose != "transaction":
            return False
        self._soon(lambda: self.begin(id_tag, remote=True, request_no=request_no, profile=profile))
        return True

    def remote_stop(self, transaction: str) -> bool:
        """A resident taps stop; `transaction` as the version names it."""
        charge = self.memory.charge
        if charge is None or transaction not in (charge.local_id, str(charge.number)):
            return False
        self._soon(lambda: self.end("Remote"))
        return True

    def trigger(self, message: str) -> None:
        """The server wants to hear a message: the boot, or else the state."""
        if message == "BootNotification":
            self.boot_reason = "Triggered"
            self._soon(self.boot_asked.set)
        else:
            self.reported = ""
        self._soon(self.wake)

    def set_operative(self, operative: bool) -> str:
        """Take the place in or out of service, also after a restart; a charge that runs may end first. Returns the answer."""
        self.memory.operative = operative
        if not operative:
            self._pending = None
        self.keep()
        self._soon(self.wake)
        return "Accepted" if operative or self.memory.charge is None else "Scheduled"

    def set_profile(self, profile: Profile) -> bool:
        """A limit. One for a transaction needs that transaction."""
        charge = self.memory.charge
        if profile.purpose == "transaction" and (charge is None or profile.transaction not in (None, charge.local_id, str(charge.number))):
            return False
        self.memory.profiles = added(self.memory.profiles, profile)
        self.keep()
        return True

    def clear_profiles(self, profile_id: int | None = None, purpose: str | None = None, stack_level: int | None = None) -> bool:
        """Take limits away: those that fit everything given. Returns whether there were any."""
        wanted = {"id": profile_id, "purpose": purpose, "stack_level": stack_level}
        left = [one for one in self.memory.profiles if any(v is not None and getattr(one, k) != v for k, v in wanted.items())]
        found = len(left) < len(self.memory.profiles)
        self.memory.profiles = left
        self.keep()
        return found

    def restart(self) -> None:
        """Start anew: a charge ends, the link goes down and comes back, and the station boots."""
        self._soon(self._restart)

    def _restart(self) -> None:
        if self.memory.charge is not None:
            self.end("Reboot")
        self.booted, self.boot_reason = False, "RemoteReset"
        self.network.pull()
        asyncio.get_running_loop().call_later(RESTART_SECONDS, self.network.plug)

    def unlock(self) -> None:
        """Let the plug go: a charge ends."""
        if self.memory.charge is not None:
            self._soon(lambda: self.end("Local"))

    def _soon(self, act: Callable[[], object]) -> None:
        """After the answer to the command has gone out."""
        asyncio.get_running_loop().call_later(0.05, act)

    # What happens at the station -------------------------------------------------------------------------------

    def begin(self, id_tag: str, *, remote: bool = False, request_no: int | None = None, profile: Profile | None = None) -> str:
        """Start charging; without a car, wait for the plug. Returns started or waiting_for_car."""
        charge = Charge(local_id=str(uuid4()), id_tag=id_tag, meter_start_wh=0, started_at="", remote=remote, request_no=request_no,
                        profile=profile)  # fmt: skip
        if not self.memory.plugged:
            self._pending = (charge, asyncio.get_running_loop().time() + PLUG_IN_SECONDS)
            return "waiting_for_car"
        self._start(charge)
        return "started"

    def _start(self, charge: Charge) -> None:
        self._pending = None
        charge.meter_start_wh, charge.started_at = self.memory.register_wh, iso_now()
        self.memory.charge = charge
        if charge.profile is not None:
            self.memory.profiles = added(self.memory.profiles, charge.profile)
        self._since_values_ms = 0
        self.enqueue("started", charge)

    def end(self, reason: str) -> None:
        """Stop charging; the car stays plugged unless it was pulled."""
        charge = self.memory.charge
        if charge is None:
            return
        self.enqueue("ended", charge, reason)
        self.memory.charge = None
        self.memory.profiles = [one for one in self.memory.profiles if one.purpose != "transaction"]
        self._finishing_ms = UNPLUG_HINT_MS if self.memory.plugged else 0
        self.keep()

    async def present(self, uid: str) -> dict[str, Any]:
        """A badge is held to the reader: the same one stops what it started."""
        uid = uid.upper()
        charge = self.memory.charge
        if self.fault:
            return {"ok": False, "status": "Faulted", "action": "refused"}
        if charge is not None and charge.id_tag == uid:
            self.end("Local")
            return {"ok": True, "status": "Accepted", "action": "stopped"}
        if charge is not None:
            return {"ok": False, "status": "Occupied", "action": "refused"}
        if not self.memory.operative:
            return {"ok": False, "status": "Unavailable", "action": "refused"}
        status = "Offline"
        if self.link is not None:
            try:
                status = await self.link.authorise(uid)
            except LOST as error:
                log.warning("authorise failed", station=self.identity, error=str(error))
        # Offline the station trusts the badge and lets the server decide later.
        if status not in ("Accepted", "Offline"):
            return {"ok": False, "status": status, "action": "refused"}
        return {"ok": True, "status": status, "action": self.begin(uid)}

    def plug(self, plugged: bool) -> None:
        """The cable goes in or out; pulling it ends the charge."""
        self.memory.plugged = plugged
        if not plugged:
            self.end("EVDisconnected")
            self._finishing_ms = 0
        elif self._pending is not None and asyncio.get_running_loop().time() < self._pending[1]:
            self._start(self._pending[0])
        self.keep()
        self.wake()

    def wake(self) -> None:
        """Something changed that the server should hear of."""
        self.work.set()

    def limit(self) -> Limit:
        """What the station may give now."""
        charge = self.memory.charge
        began = None if charge is None else datetime.fromisoformat(charge.started_at)
        return limit_now(self.memory.profiles, began, datetime.now(UTC))

    def status(self) -> str:
        """The connector's state in OCPP 1.6's words."""
        if self.fault:
            return "Faulted"
        if self.memory.charge is not None:
            return charging_state(self.memory, self.limit())
        if not self.memory.operative:
            return "Unavailable"
        if self._finishing_ms > 0:
            return "Finishing"
        return "Preparing" if self.memory.plugged else "Available"

    def enqueue(self, kind: Kind, charge: Charge, reason: str | None = None) -> None:
        """Something about a transaction that the server has to know, whenever it can be told."""
        memory, limit = self.memory, self.limit()
        charge.told_state = charging_state(memory, limit)
        memory.queue.append(Told(
            kind=kind, at=iso_now(), local_id=charge.local_id, id_tag=charge.id_tag, seq_no=charge.events,
            register_wh=memory.register_wh, remote=charge.remote, offline=self.link is None, state=charge.told_state,
            power_w=charge.power_w, offered_ma=limit.each_ma, phases=limit.phases, soc_percent=memory.car.permille // 10,
            reason=reason, request_no=charge.request_no, number=charge.number,
        ))  # fmt: skip
        charge.events += 1
        self.keep()
        self.wake()

    # Time --------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Let time pass: energy flows, values are taken, a finished car is looked at again."""
        while True:
            await asyncio.sleep(TICK_MS / 1000)
            self.pass_time(TICK_MS)

    def pass_time(self, milliseconds: int) -> None:
        """What happens in a moment."""
        limit = self.limit()
        run(self.memory, milliseconds, limit)
        self._finishing_ms = max(0, self._finishing_ms - milliseconds)
        self._since_values_ms += milliseconds
        if self._pending is not None and asyncio.get_running_loop().time() >= self._pending[1]:
            self._pending = None
        charge = self.memory.charge
        if charge is not None:
            news = charging_state(self.memory, limit) != charge.told_state
            if (news or self._since_values_ms >= VALUES_EVERY_MS) and len(self.memory.queue) < MOST_QUEUED:
                self._since_values_ms = 0
                self.enqueue("values", charge)
        self._come_and_go(milliseconds)
        if self.status() != self.reported:
            self.wake()

    def _come_and_go(self, milliseconds: int) -> None:
        """A full car leaves after a while, and another one comes, so that the demo never runs out of cars."""
        memory = self.memory
        full = memory.charge is None and memory.car.room_w_ms == 0
        self._full_ms = self._full_ms + milliseconds if full else 0
        if full and self._full_ms >= LEAVES_MS + AWAY_MS:
            memory.car.set_percent(ARRIVES_PERCENT)
            self.plug(True)
        elif full and self._full_ms >= LEAVES_MS and memory.plugged:
            self.plug(False)

    def started(self, local_id: str, number: int | None, status: str) -> None:
        """The server has answered a start, 1.6 with the transaction's number; a tag that it does not accept ends the charge."""
        for waiting in self.memory.queue:
            if waiting.local_id == local_id:
                waiting.number = number
        charge = self.memory.charge
        if charge is not None and charge.local_id == local_id:
            charge.number = number
            if status != "Accepted":
                self.end("DeAuthorized")
