"""The `hofstrom` command: one entry for people and process managers."""

import argparse
import asyncio
import importlib
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from app.kernel.calendar import parse_period
from app.kernel.clock import shifted_clock, utc_now
from app.kernel.errors import Refused
from app.kernel.settings import BadSetting, Settings, settings_from
from infra.local.authority import arguments as authority_arguments
from infra.local.command_help import HELP
from infra.local.ready import running
from infra.local.state import with_secret
from infra.simulation.arguments import arguments as simulate_arguments

structlog.configure(processors=[
    structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info, structlog.processors.JSONRenderer(),
])  # fmt: skip

PARTS = {"web": "app.main", "ocpp": "ocpp_server.main", "worker": "app.worker", "mqtt": "app.metering.broker"}
MOST_PAID = 10**9  # in whole units; more is a slip of the hand


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    top = argparse.ArgumentParser(prog="hofstrom", description="Charging and energy bills for apartment houses.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {name: commands.add_parser(name, help=text, description=text) for name, text in HELP.items()}
    made["up"].add_argument("--no-demo", action="store_true", help="without the demo house and its stations")
    made["demo"].add_argument("--json", action="store_true", help="print the accounts as JSON")
    for name, default in (("houses", 1), ("residents", 3), ("stations", 2), ("months", 3)):
        made["demo"].add_argument(f"--{name}", type=int, default=default)
    made["clean"].add_argument("names", nargs="*", metavar="NAME", help="what to remove for ever (default: list only)")
    made["badge"].add_argument("station")
    made["badge"].add_argument("uid")
    made["station"].add_argument("station")
    made["station"].add_argument("order")
    made["station"].add_argument("value", nargs="?", help="for battery: the state of charge in percent")
    for name in ("month", "payouts"):
        made[name].add_argument("--period", required=True, help="the month, such as 2026-10")
        made[name].add_argument("--site", help="a site's name or id (default: every site)")
    made["payouts"].add_argument("--out", default="", help="folder for the files (default: the data folder)")
    authority_arguments(made["ca"])
    simulate_arguments(made["simulate"])
    for name, place in (("platform", "ws://127.0.0.1:9000/ocpp"), ("web", "http://127.0.0.1:8000"), ("host", "0.0.0.0")):  # noqa: S104
        made["gateway"].add_argument(f"--{name}", default=place)
    made["gateway"].add_argument("--port", type=int, default=9000)
    made["gateway"].add_argument("--token-file", type=Path, help="the gateway's token, for readings (default: none are sent)")
    made["schema"].add_argument("file", type=Path)
    for name in ("bank-statement", "import-readings"):
        made[name].add_argument("file", type=Path)
    made["import-readings"].add_argument("--site", required=True, help="the site's name or id")
    made["import-readings"].add_argument("--confirmed", action="store_true", help="the amounts are right, although unlike what was known")
    for name in ("reference", "amount", "bank-reference"):
        made["payment"].add_argument(f"--{name}", required=True)
    made["payment"].add_argument("--currency", default="CHF")
    made["payment"].add_argument("--received-on", default="")
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is 0 where it did what it says."""
    args = parser().parse_args(argv)
    try:
        settings = resolved(settings_from(os.environ), args.command)
        return COMMANDS[args.command](settings, args)
    except (BadSetting, Refused, ValueError) as error:
        print(f"hofstrom {args.command}: {error}", file=sys.stderr)
        return 2


def resolved(settings: Settings, command: str) -> Settings:
    """The settings with secret; addresses of a running `hofstrom up` are taken from its ready.json."""
    if command in ("up", "check", "clean", "gateway"):
        return settings  # these judge the data folder before they touch it, or need no more of it than a place
    settings = with_secret(settings)
    live = None if settings.database_url else running(settings.data)
    if live is None:
        return settings
    here = settings.public_url == f"http://127.0.0.1:{settings.http_port}"  # none was chosen
    return msgspec.structs.replace(
        settings, database_url=live["database_url"], redis_url=live["redis_url"],
        public_url=live["http"] if here else settings.public_url,
        http_port=int(live["http"].rsplit(":", 1)[1]), ocpp_port=int(live["ocpp"].split(":")[2].split("/")[0]),
    )  # fmt: skip


def _needs_database(settings: Settings) -> None:
    if not settings.database_url:
        raise BadSetting("no database: start `hofstrom up` first, or set DATABASE_URL.")


def _up(settings: Settings, args: argparse.Namespace) -> int:
    from infra.local.supervisor import Supervisor

    return Supervisor(settings, demo=not args.no_demo).run()


def _serve(settings: Settings, args: argparse.Namespace) -> int:
    """A part that runs until it is stopped."""
    _needs_database(settings)
    importlib.import_module(PARTS[args.command]).run(settings)
    return 0


def _demo_stations(settings: Settings, _: argparse.Namespace) -> int:
    from infra.demo.stations import run

    run(settings)
    return 0


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    from app.database.migrate import migrate

    _needs_database(settings)
    steps = asyncio.run(migrate(settings.database_url))
    print("\n".join(steps) if steps else "The database is up to date.")
    return 0


def _check(settings: Settings, _: argparse.Namespace) -> int:
    from infra.local.check import problems, report

    print("\n".join(report(dict(os.environ))))
    found = problems(settings)
    print("\n".join(["", *found]) if found else "\nEverything is in order.")
    return 1 if found else 0


def _clean(_: Settings, args: argparse.Namespace) -> int:
    from infra.local.orphans import orphans, remove

    for name in args.names:
        print(f"removed {remove(name)}")
    left = orphans()
    print("\n".join(["Nobody uses:", *[one.line() for one in left]]) if left else "There is nothing to clean up.")
    return 0


def _badge(settings: Settings, args: argparse.Namespace) -> int:
    return _tell_station(settings, args.station, "badge", uid=args.uid)


def _station(settings: Settings, args: argparse.Namespace) -> int:
    return _tell_station(settings, args.station, args.order, value=args.value)


def _tell_station(settings: Settings, station: str, order: str, **more: str | None) -> int:
    from infra.demo.station_control import StationNotRunning, send

    try:
        answer = send(settings.data, station, order, **more)
    except StationNotRunning as error:
        raise ValueError(str(error)) from error
    print(json.dumps(answer, default=str))
    return 0 if answer.get("ok") else 1


def _with_database(settings: Settings, work: Callable[[], Awaitable[int]]) -> int:
    from app.database.engine import close_database, open_database

    async def run() -> int:
        await open_database(settings.database_url)
        try:
            return await work()
        finally:
            await close_database()

    _needs_database(settings)
    return asyncio.run(run())


def _demo(settings: Settings, args: argparse.Namespace) -> int:
    from infra.demo.seed import Shape, seed

    async def work() -> int:
        clock = utc_now if settings.test_clock is None else shifted_clock(settings.test_clock)
        described = await seed(settings, clock(), Shape(args.houses, args.residents, args.stations, args.months))
        print(json.dumps(described) if args.json else json.dumps(described, indent=2))
        return 0

    return _with_database(settings, work)


async def _sites(wanted: str | None) -> list[tuple[UUID, UUID, str]]:
    """(account, site, name) of the sites named, in every account. Raises ValueError where none fits."""
    from app.database.transaction import as_machine, fetch

    async with as_machine():
        rows = await fetch("SELECT account_id, id, name FROM site ORDER BY account_id, name")
    found = [(r["account_id"], r["id"], r["name"]) for r in rows if wanted in (None, r["name"], str(r["id"]))]
    if not found:
        raise ValueError(f"there is no site '{wanted}'")
    return found


def _month(settings: Settings, args: argparse.Namespace) -> int:
    from app.billing.commands import run_month

    async def work() -> int:
        failed = 0
        for account_id, site_id, name in await _sites(args.site):
            report = await run_month(account_id, site_id, parse_period(args.period), utc_now())
            failed += len(report.failed)
            print(f"{name}: {report.bills} bills issued, {len(report.failed)} failed")
        return 1 if failed else 0

    return _with_database(settings, work)


def _payouts(settings: Settings, args: argparse.Namespace) -> int:
    from app.database.transaction import in_account
    from app.payouts.commands import pay_out
    from app.payouts.queries import payout_files

    folder = Path(args.out) if args.out else settings.data / "payouts"

    async def work() -> int:
        for account_id, site_id, name in await _sites(args.site):
            payout_id = await pay_out(account_id, site_id, parse_period(args.period), utc_now())
            if payout_id is None:
                print(f"{name}: nothing to pay")
                continue
            async with in_account(account_id):
                number, statement, bank_file = await payout_files(payout_id)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.pdf").write_bytes(statement)
            (folder / f"{number}.xml").write_bytes(bank_file)
            print(f"{name}: payout {number}: {folder / number}.pdf and .xml")
        return 0

    return _with_database(settings, work)


def _paid(text: str, currency: str) -> int:
    """An amount of money that came in, as minor units. Raises ValueError."""
    from decimal import Decimal, InvalidOperation

    from app.kernel.money import to_major, to_minor

    try:
        amount = Decimal(text)
        if 0 < amount < MOST_PAID and to_major(to_minor(amount, currency), currency) == amount:
            return to_minor(amount, currency)
    except InvalidOperation:
        pass
    raise ValueError(f"'{text}' is not an amount in {currency}: write it as 32.89")


def _payment(settings: Settings, args: argparse.Namespace) -> int:
    from app.billing.commands import Credit, book_payment
    from app.billing.queries import account_of_reference

    amount_minor = _paid(args.amount, args.currency)

    async def work() -> int:
        now = utc_now()
        received = date.fromisoformat(args.received_on) if args.received_on else now.date()
        for account_id in {account_id for account_id, _, _ in await _sites(None)}:
            if await account_of_reference(account_id, args.reference):
                credit = Credit(bank_reference=args.bank_reference, received_on=received, currency=args.currency,
                                amount_minor=amount_minor, reference=args.reference)  # fmt: skip
                payment, new = await book_payment(account_id, credit, now)
                print(f"{'booked' if new else 'known already'}: {payment.state} {payment.bill_number or ''}")
                return 0
        print("No bill has this reference.", file=sys.stderr)
        return 1

    return _with_database(settings, work)


def _bank_statement(settings: Settings, args: argparse.Namespace) -> int:
    from app.billing.bank_statements import book_statement, concerns
    from app.kernel.money import to_major

    try:
        content = args.file.read_bytes()
    except OSError as error:
        raise ValueError(f"{args.file} cannot be read ({error.strerror}).") from error

    async def work() -> int:
        accounts = dict.fromkeys(account_id for account_id, _, _ in await _sites(None))
        fitting = [account_id for account_id in accounts if await concerns(account_id, content)]
        if not fitting:
            print("The file is of no account that residents pay to, and none of its references is on a bill.", file=sys.stderr)
            return 1
        if len(fitting) > 1:
            print(f"{len(fitting)} accounts are paid on it: load it on the operator's page of the right one.", file=sys.stderr)
            return 1
        booked = await book_statement(fitting[0], content, utc_now())
        for one in booked.credits:
            became = f"bill {one.bill_number}" if one.bill_number else "no bill has this reference; kept"
            news = "known with another amount, not booked" if one.differs else "booked" if one.new else "known already"
            amount = f"{to_major(one.amount_minor, one.currency)} {one.currency}"
            print(f"{one.received_on} {amount} {one.reference or '(no reference)'} {one.payer}: {news}; {became}")
        for left in booked.left_out:
            print(f"entry {left.entry} ({left.bank_reference or 'no bank reference'}) was left out: {left.text}")
        new = sum(one.new for one in booked.credits)
        print(f"{new} of {len(booked.credits)} credits booked, {len(booked.left_out)} entries left out")
        return 0

    return _with_database(settings, work)


def _import_readings(settings: Settings, args: argparse.Namespace) -> int:
    from app.metering.interval_command import content_of, load

    content = content_of(args.file)

    async def work() -> int:
        stored, said = await load(await _sites(args.site), args.file.name, content, utc_now(), confirmed=args.confirmed)
        print("\n".join(said), file=sys.stdout if stored else sys.stderr)
        return 0 if stored else 1

    return _with_database(settings, work)


def _ca(settings: Settings, args: argparse.Namespace) -> int:
    from infra.local.authority import work

    async def step() -> int:
        return await work(settings, args, utc_now())

    return asyncio.run(step()) if args.step in ("make", "show", "root") else _with_database(settings, step)


def _simulate(settings: Settings, args: argparse.Namespace) -> int:
    from infra.simulation.command import simulate

    quiet = structlog.make_filtering_bound_logger(logging.ERROR)  # what the simulated stations do is no news
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr))

    async def work() -> int:
        return await simulate(settings, await _sites(args.site), args, utc_now())

    return _with_database(settings, work)


def _gateway(settings: Settings, args: argparse.Namespace) -> int:
    from ocpp_server.gateway.main import run

    token = args.token_file.read_text().strip() if args.token_file else ""
    asyncio.run(run(args.platform, args.web, token, settings.data / "gateway", args.host, args.port))
    return 0


def _schema(settings: Settings, args: argparse.Namespace) -> int:
    from app.main import document

    args.file.write_bytes(document(settings))
    return 0


COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
    "up": _up, **dict.fromkeys(PARTS, _serve), "migrate": _migrate, "demo": _demo,
    "demo-stations": _demo_stations,
    "badge": _badge, "station": _station, "month": _month, "payouts": _payouts, "payment": _payment,
    "bank-statement": _bank_statement, "import-readings": _import_readings, "simulate": _simulate,
    "ca": _ca, "gateway": _gateway, "schema": _schema, "check": _check, "clean": _clean,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
