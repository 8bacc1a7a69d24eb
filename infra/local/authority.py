"""`hofstrom ca`: the certificate authority for stations, by hand."""

from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from app.charging.authority import Authority, State, describe, passphrase_of
from app.charging.csr import read_csr
from app.charging.station_certificates import register_by_hand, revoke
from app.charging.station_roots import lacking_root, offer_roots, withdraw_roots
from app.database.transaction import as_machine, fetch, fetchrow
from app.kernel.settings import Settings

STEPS = ("make", "show", "root", "issue", "revoke", "certificates", "rollover")


def arguments(parser: ArgumentParser) -> None:
    """What `hofstrom ca` takes."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    made = {name: steps.add_parser(name) for name in STEPS}
    made["make"].description = "make the authority, where there is none"
    made["show"].description = "the generations, which one signs, and until when"
    made["root"].description = "print the roots that stations have to trust"
    made["certificates"].description = "the stations' certificates"
    made["issue"].description = "sign a request by hand: for a station that has no way in yet"
    made["issue"].add_argument("station")
    made["issue"].add_argument("csr", type=Path)
    made["revoke"].description = "take a certificate back, for ever"
    made["revoke"].add_argument("serial")
    made["revoke"].add_argument("--reason", required=True)
    made["rollover"].description = "change the root: start (both trusted), switch (the new one signs), finish (the old one is over)"
    made["rollover"].add_argument("part", choices=("start", "switch", "finish"))
    made["rollover"].add_argument("--force", action="store_true", help="although stations would be locked out")


async def work(settings: Settings, args: Namespace, now: datetime) -> int:
    """Do one step; the exit code is 0 where it did what it says. Needs the open database for all but make, show and root."""
    authority = Authority(settings.ca, passphrase_of(settings.secret_key))
    if args.step == "make":
        print("made" if authority.make(now) else "there is one already")
    if args.step in ("make", "show"):
        print(describe(authority))
        return 0
    if args.step == "root":
        print("".join(authority.root(number) for number in authority.state().trusted), end="")
        return 0
    if args.step == "issue":
        return await _issue(authority, args, now)
    if args.step == "revoke":
        return await _revoke(args, now)
    if args.step == "certificates":
        return await _list()
    return await {"start": _start, "switch": _switch, "finish": _finish}[args.part](authority, args, now)


async def _issue(authority: Authority, args: Namespace, now: datetime) -> int:
    csr = args.csr.read_text()
    print(await register_by_hand(authority, args.station, csr, read_csr(csr), now), end="")
    return 0


async def _revoke(args: Namespace, now: datetime) -> int:
    async with as_machine():
        row = await fetchrow("SELECT account_id, id FROM station_certificate WHERE serial = lower($1)", args.serial)
    if row is None:
        raise ValueError("no certificate has this serial number")
    await revoke(UUID(str(row["account_id"])), UUID(str(row["id"])), args.reason, now)
    print("revoked; the station cannot come in with it any more")
    return 0


async def _list() -> int:
    async with as_machine():
        rows = await fetch(
            "SELECT s.identity, c.* FROM station_certificate c JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id"
            " ORDER BY s.identity, c.asked_at"
        )
    for row in rows:
        until = "" if row["not_after"] is None else f"until {row['not_after']:%Y-%m-%d}"
        print(f"{row['identity']:<24} {row['state']:<10} {row['common_name']:<24} {row['serial'] or '-'} {until}")
    return 0


async def _start(authority: Authority, _: Namespace, now: datetime) -> int:
    state = authority.state()
    if len(state.trusted) > 1:
        raise ValueError("a rollover is under way: switch and finish it first")
    new = state.current + 1
    authority.make_generation(new, now)
    authority.write_state(State(current=state.current, trusted=[*state.trusted, new]))
    asked = await offer_roots(authority, now)
    print(f"Generation {new} is trusted; {len(asked)} connected stations are asked to trust it, the others when they come.")
    print("Run `hofstrom ca rollover switch` when all of them do.")
    return 0


async def _switch(authority: Authority, args: Namespace, now: datetime) -> int:
    state = authority.state()
    newest = max(state.trusted)
    if newest == state.current:
        raise ValueError("there is no newer generation: start a rollover first")
    lacking = await lacking_root(newest)
    if lacking and not args.force:
        raise ValueError(f"{len(lacking)} stations on TLS do not trust the new root yet and would be locked out: {', '.join(lacking[:10])}")
    authority.write_state(State(current=newest, trusted=state.trusted))
    print(f"Generation {newest} signs; the server shows a certificate of it within seconds, stations are asked to renew theirs.")
    return 0


async def _finish(authority: Authority, args: Namespace, now: datetime) -> int:
    state = authority.state()
    if state.trusted == [state.current]:
        raise ValueError("there is no older generation")
    async with as_machine():
        rows = await fetch(
            "SELECT s.identity FROM station_certificate c JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id"
            " WHERE c.state = 'in_use' AND c.authority <> $1 AND c.not_after > $2 ORDER BY s.identity", state.current, now,
        )  # fmt: skip
    if rows and not args.force:
        names = ", ".join(row["identity"] for row in rows[:10])
        raise ValueError(f"{len(rows)} stations still have certificates of an older generation and would be locked out: {names}")
    authority.write_state(State(current=state.current, trusted=[state.current]))
    asked = await withdraw_roots(authority, now)
    print(f"Generation {state.current} alone is trusted; {len(asked)} connected stations are asked to forget the old root.")
    return 0
