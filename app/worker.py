"""The worker: a composition root. One table of events and their commands, and the timetable."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from uuid import UUID

import msgspec
import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.retry import RetryStrategy
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.accounts.licences import remind
from app.billing import card_news, cards, guest_payments, guest_watch
from app.billing.commands import charge_session, run_month, settle_session
from app.billing.reminders import remind_overdue
from app.billing.shares import up_to_date
from app.billing.stripe_gateway import card_gateway
from app.billing.timetable import draft_due, plan_runs
from app.billing.told_prices import tell_cost, tell_prices
from app.charging.authority import Authority, passphrase_of
from app.charging.balance_runner import BalanceRunner
from app.charging.limits import tend as tend_limits
from app.charging.lost_stops import match_lost_stops
from app.charging.missing_stops import close_missing_stops
from app.charging.model import Changed
from app.charging.nodes import forget_dead_nodes
from app.charging.progress import give_up_silent
from app.charging.requests import expire_request
from app.charging.reservations import expire as expire_reservations
from app.charging.station_certificates import renew_certificates, sign_certificate
from app.charging.station_commands import expire_command, give_up_overdue
from app.charging.station_roots import offer_roots, withdraw_roots
from app.database.engine import close_database, open_when_it_answers
from app.database.transaction import as_machine, fetch
from app.kernel.clock import Clock, shifted_clock, utc_now
from app.kernel.settings import Settings
from app.kernel.tasks import ended
from app.metering.grid_folder import take_folder
from app.metering.grid_sources import fetch_all
from app.onboarding.orders import confirmed as order_confirmed
from app.outbox.wake import COMMANDS, live_channel, publish
from app.privacy.commands import erase_logins
from app.residents.moves import refill_site, retire_residents
from notifications.commands import mail_bill, mail_invitation, mail_licence, mail_link, mail_order, mail_reminder, mail_site_form

log = structlog.get_logger()

WORKER_BEAT = "worker:beat"
STALLED_SECONDS = 30
AWAY_SECONDS = 1.0
RETRY = RetryStrategy(max_attempts=20, exponential_wait=3)


class Worker:
    """What jobs need: settings, clock, Redis."""

    def __init__(self, settings: Settings, clock: Clock, redis: "Redis | None") -> None:
        self.settings = settings
        self.clock = clock
        self.redis = redis
        self.cards = card_gateway(settings)
        self.authority = Authority(settings.ca, passphrase_of(settings.secret_key))

    async def announce(self, changed: list[Changed]) -> None:
        """Tell open pages what has been committed."""
        for change in changed:
            body = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
            await publish(self.redis, live_channel(change.account_id), body)

    async def wake(self, stations: Sequence[UUID | None]) -> None:
        """Tell the nodes of these stations that there is a command."""
        for station_id in stations:
            if station_id is not None:
                await publish(self.redis, COMMANDS, {"station_id": station_id})

    async def session_ended(self, account_id: str, session_id: str) -> None:
        await self.announce(await charge_session(UUID(account_id), UUID(session_id), self.clock()))
        await self.wake([await tell_cost(UUID(account_id), UUID(session_id), self.clock())])
        await guest_payments.finish(UUID(account_id), UUID(session_id), self.clock())

    async def session_corrected(self, account_id: str, session_id: str) -> None:
        await self.announce(await settle_session(UUID(account_id), UUID(session_id), self.clock()))
        await guest_payments.finish(UUID(account_id), UUID(session_id), self.clock())

    async def session_held(self, account_id: str, session_id: str) -> None:
        log.warning("session held for review", account=account_id, session=session_id)

    async def request_deadline_passed(self, account_id: str, request_id: str) -> None:
        await self.announce(await expire_request(UUID(account_id), UUID(request_id), self.clock()))

    async def command_deadline_passed(self, account_id: str, command_id: str) -> None:
        await self.announce(await expire_command(UUID(account_id), UUID(command_id), self.clock()))

    async def certificate_requested(self, account_id: str, certificate_id: str) -> None:
        self.authority.make(self.clock())
        station_id = await sign_certificate(self.authority, UUID(account_id), UUID(certificate_id), self.clock())
        if station_id is not None:
            await publish(self.redis, COMMANDS, {"station_id": station_id})

    async def login_link_requested(self, login_id: str, token: str, locale: str) -> None:
        await mail_link(self.settings, UUID(login_id), token, locale, self.clock())

    async def bill_issued(self, account_id: str, invoice_id: str) -> None:
        await mail_bill(self.settings, UUID(account_id), UUID(invoice_id), self.clock())
        await card_news.plan_collection(UUID(account_id), UUID(invoice_id))

    async def bill_due_by_card(self, account_id: str, invoice_id: str) -> None:
        await card_news.collect(self.cards, UUID(account_id), UUID(invoice_id), self.clock())

    async def card_news(self, account_id: str, about: str, about_id: str) -> None:
        secret = self.settings.secret_key
        changed = await card_news.follow(self.cards, UUID(account_id), about, UUID(about_id), secret, self.clock())
        await self.announce(changed)
        await self.wake([change.station_id for change in changed])

    async def guest_payment_due(self, account_id: str, guest_id: str) -> None:
        await guest_payments.take(self.cards, UUID(account_id), UUID(guest_id), self.clock())

    async def guest_release_due(self, account_id: str, guest_id: str) -> None:
        await guest_payments.release(self.cards, UUID(account_id), UUID(guest_id), self.clock())

    async def bill_reminded(self, account_id: str, invoice_id: str, level: int) -> None:
        await mail_reminder(self.settings, UUID(account_id), UUID(invoice_id), level, self.clock())

    async def licence_ends(self, account_id: str, kind: str, expires_on: str) -> None:
        await mail_licence(self.settings, UUID(account_id), kind, date.fromisoformat(expires_on), self.clock())

    async def person_erased(self, account_id: str, person_id: str) -> None:
        await erase_logins(UUID(account_id), UUID(person_id), self.clock())
        await cards.forget_person(self.cards, UUID(account_id), UUID(person_id), self.clock())

    async def invitation_sent(self, account_id: str, invitation_id: str, token: str) -> None:
        await mail_invitation(self.settings, UUID(account_id), UUID(invitation_id), token, self.clock())

    async def site_form_sent(self, account_id: str, form_id: str, token: str) -> None:
        await mail_site_form(self.settings, UUID(account_id), UUID(form_id), token, self.clock())

    async def hardware_ordered(self, account_id: str, order_id: str) -> None:
        await mail_order(self.settings, UUID(account_id), UUID(order_id), self.clock())
        await order_confirmed(UUID(account_id), UUID(order_id), self.clock())

    async def owner_changed(self, account_id: str, site_id: str) -> None:
        await refill_site(UUID(account_id), UUID(site_id))

    async def occupancy_ended(self, account_id: str, person_id: str) -> None:
        await retire_residents(UUID(account_id), UUID(person_id))

    def table(self) -> dict[str, Callable[..., Awaitable[None]]]:
        """Each event and the command that follows it. Every command is safe to repeat."""
        return {
            "SessionEnded": self.session_ended,
            "SessionCorrected": self.session_corrected,
            "SessionHeld": self.session_held,
            "RequestDeadlinePassed": self.request_deadline_passed,
            "CommandDeadlinePassed": self.command_deadline_passed,
            "CertificateRequested": self.certificate_requested,
            "LoginLinkRequested": self.login_link_requested,
            "BillIssued": self.bill_issued,
            "BillReminded": self.bill_reminded,
            "MonthDue": self.month_due,
            "EnergyDraftDue": self.energy_draft_due,
            "BillDueByCard": self.bill_due_by_card,
            "CardNews": self.card_news,
            "GuestPaymentDue": self.guest_payment_due,
            "GuestReleaseDue": self.guest_release_due,
            "HardwareOrdered": self.hardware_ordered,
            "OwnerChanged": self.owner_changed,
            "InvitationSent": self.invitation_sent,
            "SiteFormSent": self.site_form_sent,
            "PersonErased": self.person_erased,
            "LicenceEnds": self.licence_ends,
            "OccupancyEnded": self.occupancy_ended,
        }

    async def month_due(self, account_id: str, site_id: str, month: str) -> None:
        report = await run_month(UUID(account_id), UUID(site_id), date.fromisoformat(month), self.clock())
        if report.failed:
            log.error("bills failed", site=site_id, failed=report.failed)

    async def energy_draft_due(self, account_id: str, site_id: str, today: str) -> None:
        await draft_due(UUID(account_id), UUID(site_id), date.fromisoformat(today), self.clock())

    async def issue_last_month(self) -> None:
        """On the timetable: the bills of the month before and due drafts, a job for every site. A failing account stops no other."""
        async with as_machine():
            accounts = await fetch("SELECT id FROM account ORDER BY id")
        for account in accounts:
            try:
                await plan_runs(account["id"], self.clock())
            except Exception:  # reported, and the other accounts' bills must not wait for it
                log.exception("runs not planned", account=str(account["id"]))

    async def remind_overdue(self) -> None:
        """On the timetable: reminders of overdue bills. A failing account stops no other."""
        async with as_machine():
            accounts = await fetch("SELECT id FROM account ORDER BY id")
        for account in accounts:
            now = self.clock()
            try:
                await remind_overdue(account["id"], now.date(), now)
            except Exception:  # reported, and the other accounts' reminders must not wait for it
                log.exception("reminders failed", account=str(account["id"]))

    async def mend_charging(self) -> None:
        """On the timetable: what a station, a node or a cut line has left behind."""
        now = self.clock()
        await self.announce(await forget_dead_nodes(now))
        await self.announce(await give_up_overdue(now))
        await self.announce(await give_up_silent(now))
        await self.announce(await match_lost_stops(now))
        await self.announce(await expire_reservations(now))
        await self.announce(await close_missing_stops(now))
        await self.wake(await tend_limits(now))
        await self.wake(await tell_prices(now))

    async def tend_guests(self) -> None:
        """On the timetable: guests' charges that never began, and those near what is held. A failing account stops no other."""
        async with as_machine():
            accounts = await fetch(guest_watch.ACCOUNTS, self.clock() - guest_watch.LATEST_START)
        for account in accounts:
            try:
                await self.wake(await guest_watch.tend(account["account_id"], self.clock()))
            except Exception:  # reported, and the other accounts' guests must not wait for it
                log.exception("guests failed", account=str(account["account_id"]))

    async def validate_readings(self) -> None:
        """On the timetable: validated days and shares from what has come in. A failing account stops no other."""
        async with as_machine():
            accounts = await fetch("SELECT DISTINCT account_id AS id FROM stale_day UNION SELECT account_id FROM stale_share")
        for account in accounts:
            try:
                await up_to_date(account["id"], self.clock())
            except Exception:  # reported, and the other accounts' readings must not wait for it
                log.exception("readings not validated", account=str(account["id"]))

    async def take_grid_files(self) -> None:
        """On the timetable: grid operators' files that have arrived."""
        await take_folder(self.settings.data / "grid-files", self.clock())

    async def fetch_grid_files(self) -> None:
        """On the timetable: new files in grid operators' folders."""
        await fetch_all(self.settings.secret_key, self.clock())

    async def renew_certificates(self) -> None:
        """On the timetable: certificates of stations that near their end, and our roots at stations."""
        if self.authority.exists:
            now = self.clock()
            asked = await renew_certificates(self.authority.state().current, now)
            asked += await offer_roots(self.authority, now) + await withdraw_roots(self.authority, now)
            for station_id in asked:
                await publish(self.redis, COMMANDS, {"station_id": station_id})

    async def beat(self) -> None:
        """Say every few seconds that the worker lives."""
        while self.redis is not None:
            try:
                await self.redis.set(WORKER_BEAT, "1", ex=15)
            except (RedisError, OSError) as error:
                log.warning("no beat", error=str(error))
            await asyncio.sleep(5)


def queue_app(settings: Settings, worker: Worker) -> procrastinate.App:
    """procrastinate with the table of events and the timetable."""
    connector = procrastinate.PsycopgConnector(
        conninfo=settings.database_url, kwargs={"options": "-c search_path=procrastinate"}, min_size=1, max_size=5
    )
    queue = procrastinate.App(connector=connector)
    for event, command in worker.table().items():
        queue.task(name=event, retry=RETRY)(command)

    @queue.periodic(cron="* * * * * */10")
    @queue.task(name="rescue_stalled", queueing_lock="rescue_stalled")
    async def rescue_stalled(timestamp: int) -> None:
        for job in await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            await queue.job_manager.retry_job(job)

    @queue.periodic(cron="*/1 * * * *")
    @queue.task(name="mend_charging", queueing_lock="mend_charging")
    async def mend_charging(timestamp: int) -> None:
        await worker.mend_charging()

    @queue.periodic(cron="*/1 * * * *")
    @queue.task(name="tend_guests", queueing_lock="tend_guests")
    async def tend_guests(timestamp: int) -> None:
        await worker.tend_guests()

    _time_readings(queue, worker)

    @queue.periodic(cron="5 6 * * *")
    @queue.task(name="remind_of_licences", queueing_lock="remind_of_licences")
    async def remind_of_licences(timestamp: int) -> None:
        await remind(worker.clock())

    @queue.periodic(cron="*/15 * * * *")
    @queue.task(name="renew_certificates", queueing_lock="renew_certificates")
    async def renew_station_certificates(timestamp: int) -> None:
        await worker.renew_certificates()

    @queue.periodic(cron="40 6 * * *")
    @queue.task(name="remind_overdue", queueing_lock="remind_overdue")
    async def remind_of_bills(timestamp: int) -> None:
        await worker.remind_overdue()

    @queue.periodic(cron="15 3 * * *")
    @queue.task(name="issue_last_month", queueing_lock="issue_last_month")
    async def issue_last_month(timestamp: int) -> None:
        await worker.issue_last_month()

    return queue


def _time_readings(queue: procrastinate.App, worker: Worker) -> None:
    """The timetable of readings."""

    @queue.periodic(cron="*/1 * * * *")
    @queue.task(name="take_grid_files", queueing_lock="take_grid_files")
    async def take_grid_files(timestamp: int) -> None:
        await worker.take_grid_files()

    @queue.periodic(cron="*/15 * * * *")
    @queue.task(name="fetch_grid_files", queueing_lock="fetch_grid_files")
    async def fetch_grid_files(timestamp: int) -> None:
        await worker.fetch_grid_files()

    @queue.periodic(cron="*/5 * * * *")
    @queue.task(name="validate_readings", queueing_lock="validate_readings")
    async def validate_readings(timestamp: int) -> None:
        await worker.validate_readings()


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    clock: Clock = utc_now if settings.test_clock is None else shifted_clock(settings.test_clock)
    redis = Redis.from_url(settings.redis_url) if settings.redis_url else None
    worker = Worker(settings, clock, redis)
    await open_when_it_answers(settings.database_url)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    beat = asyncio.create_task(worker.beat())
    runner = BalanceRunner(clock, worker.announce, worker.wake)
    balance, events = asyncio.create_task(runner.run()), asyncio.create_task(runner.listen(redis))
    while not stop.is_set():
        try:
            await work_until(stop, queue_app(settings, worker))
        except ConnectorException as error:
            # The database went away. Jobs under way are rolled back, and taken up again as those of a killed worker are.
            log.error("the queue is away", error=repr(error.__cause__ or error))
            await asyncio.sleep(AWAY_SECONDS)
    await ended((beat, balance, events))
    if redis is not None:
        await redis.aclose()
    await close_database()


async def work_until(stop: asyncio.Event, queue: procrastinate.App) -> None:
    """Work off the queue. Raises ConnectorException where the database is away."""
    async with queue.open_async():
        work = asyncio.create_task(queue.run_worker_async(concurrency=4, install_signal_handlers=False, delete_jobs="successful"))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, stopping):
            task.cancel()
        for task in (work, stopping):
            with contextlib.suppress(asyncio.CancelledError):
                await task


def run(settings: Settings) -> None:
    """The process of `hofstrom worker`."""
    asyncio.run(serve(settings))
