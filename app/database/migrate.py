"""Bring a database to the present schema: roles, extension, tables, job queue. Running it again changes nothing."""

import contextlib
import io
import os

import asyncpg

from app.database.engine import DB, OWNER_ROLE, ROLES, close_database, configure

LOCK = 7_400_461  # one migration at a time, whoever starts it
PICCOLO_CONF = "app.database.piccolo_conf"
QUEUE_SCHEMA = "procrastinate"

ROLE_SQL = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    EXECUTE format('GRANT {role} TO %I', session_user);
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

# PostgreSQL before 18 has no uuidv7().
UUID7_SQL = """
CREATE OR REPLACE FUNCTION public.uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid $$
"""


class MigrationFailed(RuntimeError):
    """The database could not be brought to the present schema; the text says at which step."""


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing and return the names of the steps applied. Waits for another migration that is running."""
    guard = await asyncpg.connect(dsn)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", LOCK)
        await _prepare(guard)
        before = await _applied(guard)
        await _run_steps(dsn)
        await _make_queue(guard)
        after = await _applied(guard)
        return [name for name in after if name not in before]
    finally:
        await guard.close()


async def pending_steps(dsn: str) -> list[str]:
    """The steps that a database still lacks, for `hofstrom check`."""
    from app.database.sql_migration import SQL_FOLDER

    connection = await asyncpg.connect(dsn)
    try:
        done = await _applied(connection)
    finally:
        await connection.close()
    return sorted(path.stem for path in SQL_FOLDER.glob("*.sql") if path.stem not in done)


async def _prepare(connection: asyncpg.Connection) -> None:
    for role in ROLES:
        await connection.execute(ROLE_SQL.format(role=role))
    await connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    if connection.get_server_version().major < 18:
        await connection.execute(UUID7_SQL)
    await connection.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER_ROLE}")
    await connection.execute("GRANT USAGE ON SCHEMA public TO hofstrom_app, hofstrom_machine")


async def _applied(connection: asyncpg.Connection) -> list[str]:
    if await connection.fetchval("SELECT to_regclass('public.migration')") is None:
        return []
    rows = await connection.fetch("SELECT name FROM migration WHERE app_name = 'hofstrom' ORDER BY name")
    return [row["name"] for row in rows]


async def _run_steps(dsn: str) -> None:
    os.environ.setdefault("PICCOLO_CONF", PICCOLO_CONF)
    from piccolo.apps.migrations.commands.forwards import run_forwards

    await close_database()
    configure(dsn, role=None)
    await DB.start_connection_pool(min_size=1, max_size=2)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            result = await run_forwards("hofstrom")
    finally:
        await close_database()
    if not result.success:
        raise MigrationFailed(f"{result.message}\n{said.getvalue()}")


async def _make_queue(connection: asyncpg.Connection) -> None:
    """The job queue in a schema of its own; the other roles may only call its entry function."""
    from procrastinate.schema import SchemaManager

    if await connection.fetchval("SELECT to_regclass('procrastinate.procrastinate_jobs')") is not None:
        return
    async with connection.transaction():
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {QUEUE_SCHEMA}")
        await connection.execute(f"SET LOCAL search_path = {QUEUE_SCHEMA}")
        await connection.execute(SchemaManager.get_schema())
        await connection.execute("RESET search_path")
        await connection.execute(QUEUE_ACCESS)


QUEUE_ACCESS = """
CREATE FUNCTION enqueue_job(task text, args jsonb, lock text, queueing_lock text, at timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = procrastinate, pg_temp AS $$
    SELECT (procrastinate_defer_jobs_v1(ARRAY[
        ROW('default', task, 0, lock, queueing_lock, args, at)::procrastinate_job_to_defer_v1]))[1]
$$;
REVOKE ALL ON FUNCTION enqueue_job(text, jsonb, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_job(text, jsonb, text, text, timestamptz)
    TO hofstrom_owner, hofstrom_app, hofstrom_machine;
"""
