"""What a gateway keeps while the internet is away: messages and readings in order, on disk before anything is answered."""

import hashlib
import hmac
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

FIRST_LOCAL = 2_000_000_000  # transaction numbers that the platform gives are far below
REMEMBERED_S = 7 * 86400.0  # a badge that was accepted here charges as long without internet

TABLES = """
CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, action TEXT NOT NULL,
    message_id TEXT NOT NULL, payload TEXT NOT NULL, local_no INTEGER, kept_at REAL NOT NULL, refused TEXT);
CREATE INDEX IF NOT EXISTS message_lane ON message (lane, id) WHERE refused IS NULL;
CREATE TABLE IF NOT EXISTS number (lane TEXT NOT NULL, local_no INTEGER NOT NULL, real_no INTEGER, PRIMARY KEY (lane, local_no));
CREATE TABLE IF NOT EXISTS last_number (one INTEGER PRIMARY KEY CHECK (one = 1), local_no INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS badge (lane TEXT NOT NULL, hash BLOB NOT NULL, until REAL NOT NULL, PRIMARY KEY (lane, hash));
CREATE TABLE IF NOT EXISTS station (identity TEXT PRIMARY KEY, proof BLOB NOT NULL, protocol TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reading (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS secret (one INTEGER PRIMARY KEY CHECK (one = 1), key BLOB NOT NULL);
"""


class Kept(msgspec.Struct, frozen=True):
    """A message that waits. `local_no`: the number that a start was given here."""

    id: int
    action: str
    message_id: str
    payload: dict[str, Any]
    local_no: int | None


class Store:
    """One file. Every change is on the disk when its call returns. A lane is a station."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(TABLES)
        self._db.execute("INSERT OR IGNORE INTO secret VALUES (1, ?)", (os.urandom(32),))
        self._key: bytes = self._db.execute("SELECT key FROM secret").fetchone()[0]

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    def keep(self, lane: str, action: str, message_id: str, payload: dict[str, Any], now: float, *, numbered: bool = False) -> int | None:
        """Keep a message of a station; with a number of ours where it begins a transaction. The same message is kept once."""
        text = json.dumps(payload)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            same = self._db.execute(
                "SELECT local_no FROM message WHERE lane = ? AND action = ? AND payload = ? AND refused IS NULL", (lane, action, text)
            ).fetchone()
            number = same[0] if same else self._next_number(lane) if numbered else None
            if not same:
                self._db.execute(
                    "INSERT INTO message (lane, action, message_id, payload, local_no, kept_at) VALUES (?, ?, ?, ?, ?, ?)",
                    (lane, action, message_id, text, number, now),
                )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return None if number is None else int(number)

    def _next_number(self, lane: str) -> int:
        (number,) = self._db.execute(
            "INSERT INTO last_number VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET local_no = local_no + 1 RETURNING local_no",
            (FIRST_LOCAL,),
        ).fetchone()
        self._db.execute("INSERT INTO number VALUES (?, ?, NULL)", (lane, number))
        return int(number)

    def next_message(self, lane: str) -> Kept | None:
        """The oldest message of a station that waits."""
        row = self._db.execute(
            "SELECT id, action, message_id, payload, local_no FROM message WHERE lane = ? AND refused IS NULL ORDER BY id LIMIT 1", (lane,)
        ).fetchone()
        return None if row is None else Kept(row[0], row[1], row[2], json.loads(row[3]), row[4])

    def stored(self, kept: Kept, lane: str, real_no: int | None) -> None:
        """The platform has stored it; a start has the platform's number now."""
        self._db.execute("BEGIN IMMEDIATE")
        if kept.local_no is not None and real_no is not None:
            self._db.execute("UPDATE number SET real_no = ? WHERE lane = ? AND local_no = ?", (real_no, lane, kept.local_no))
        self._db.execute("DELETE FROM message WHERE id = ?", (kept.id,))
        self._db.execute("COMMIT")

    def refused(self, kept: Kept, why: str) -> None:
        """The platform does not take it: kept for a person, and out of the way of the others."""
        self._db.execute("UPDATE message SET refused = ? WHERE id = ?", (why, kept.id))

    def real_number(self, lane: str, local_no: int) -> int | None:
        """The platform's number of a transaction that began here."""
        row = self._db.execute("SELECT real_no FROM number WHERE lane = ? AND local_no = ?", (lane, local_no)).fetchone()
        return None if row is None else row[0]

    def local_number(self, lane: str, real_no: int) -> int | None:
        """The number by which a station knows a transaction of the platform's, where it is another."""
        row = self._db.execute("SELECT local_no FROM number WHERE lane = ? AND real_no = ?", (lane, real_no)).fetchone()
        return None if row is None else row[0]

    def badge_accepted(self, lane: str, uid: str, now: float) -> None:
        """The platform lets this badge charge at this station."""
        self._db.execute("INSERT OR REPLACE INTO badge VALUES (?, ?, ?)", (lane, self._hash(uid.upper()), now + REMEMBERED_S))

    def badge_refused(self, lane: str, uid: str) -> None:
        """The platform does not let it."""
        self._db.execute("DELETE FROM badge WHERE lane = ? AND hash = ?", (lane, self._hash(uid.upper())))

    def badge_known(self, lane: str, uid: str, now: float) -> bool:
        """Whether the platform let it charge here not long ago."""
        found = self._db.execute("SELECT until FROM badge WHERE lane = ? AND hash = ?", (lane, self._hash(uid.upper()))).fetchone()
        return found is not None and found[0] > now

    def station_proven(self, identity: str, authorization: str, protocol: str) -> None:
        """The platform took the station with what it showed."""
        self._db.execute("INSERT OR REPLACE INTO station VALUES (?, ?, ?)", (identity, self._hash(authorization), protocol))

    def protocol_of(self, identity: str, authorization: str) -> str | None:
        """The protocol of a station that shows what the platform took before; None for any other."""
        row = self._db.execute("SELECT proof, protocol FROM station WHERE identity = ?", (identity,)).fetchone()
        return row[1] if row is not None and hmac.compare_digest(row[0], self._hash(authorization)) else None

    def keep_readings(self, readings: list[dict[str, Any]]) -> None:
        """Keep readings, all or none. One that is kept twice is known to the platform the second time."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO reading (body) VALUES (?)", [(json.dumps(one),) for one in readings])
        self._db.execute("COMMIT")

    def readings(self, most: int) -> list[tuple[int, dict[str, Any]]]:
        """The oldest readings that wait."""
        rows = self._db.execute("SELECT id, body FROM reading ORDER BY id LIMIT ?", (most,)).fetchall()
        return [(row[0], json.loads(row[1])) for row in rows]

    def readings_stored(self, last_id: int) -> None:
        """The platform has stored all up to this one."""
        self._db.execute("DELETE FROM reading WHERE id <= ?", (last_id,))

    def waiting(self) -> dict[str, int]:
        """How much waits, and how much the platform refused."""
        found = {}
        for name, sql in (
            ("messages", "message WHERE refused IS NULL"),
            ("refused", "message WHERE refused IS NOT NULL"),
            ("readings", "reading"),
        ):
            found[name] = int(self._db.execute(f"SELECT count(*) FROM {sql}").fetchone()[0])
        return found

    def _hash(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()
