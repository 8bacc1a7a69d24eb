"""The access matrix: `matrix.tsv` says what every role gets from every route, for each relation to the object.

A line is a route; its columns are roles; a cell is one answer for everything, or five, separated by blanks, for an object that is one's
own, of the same house, of the same account, of another account, and nobody's. `python -m tests.access.matrix` prints the lines that the
file lacks, with the answers that the application gives now: judge each, then add it.
"""

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pdfplumber
from litestar import Litestar

from app.kernel.settings import Settings, settings_from
from app.main import create_app, document
from app.worker import Worker
from tests.access.bodies import BODIES, BODY_OBJECTS, FILES, KINDS, QUERIES, UPLOADS, VARIANTS, WORDS
from tests.access.calls import Answer, call, settle, taken_back
from tests.access.world import MARK, NOW, RELATIONS, ROLES, World, settings_in, words

FILE = Path(__file__).parent / "matrix.tsv"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
STAFF, OWNERS, RESIDENTS = {"superadmin", "operator", "support", "installer"}, {"owner", "proxy"}, {"resident", "former_resident"}


class Route(msgspec.Struct, frozen=True):
    """A route of the OpenAPI document, or one with another object in its body (`variant`)."""

    key: str
    roles: tuple[str, ...]

    @property
    def method(self) -> str:
        return self.key.split()[0]

    @property
    def path(self) -> str:
        return self.key.split()[1]

    @property
    def variant(self) -> bool:
        return " #" in self.key

    @property
    def relations(self) -> tuple[str, ...]:
        """Where there is no object, the relations make no difference."""
        names_one = set(re.findall(r"{(\w+)}", self.path)) - set(WORDS) or self.key in BODY_OBJECTS or self.variant
        return RELATIONS if names_one else ("own",)


def routes() -> list[Route]:
    """Every route of the document, and the variants."""
    paths = json.loads(document(settings_from({"HOFSTROM_SECRET_KEY": "s" * 40})))["paths"]
    found = {f"{method.upper()} {path}": tuple(item["x-roles"]) for path, methods in paths.items() for method, item in methods.items()}
    found |= {key: found[key.split(" #")[0]] for key in VARIANTS}
    return [Route(key, found[key]) for key in sorted(found, key=lambda key: (key.split()[1], key))]


def expected() -> dict[str, dict[str, tuple[int, ...]]]:
    """What the file says: route -> role -> answers by relation."""
    lines = FILE.read_text().splitlines() if FILE.exists() else []
    found = {}
    for line in lines[1:]:
        key, *cells = line.split("\t")
        found[key] = {role: tuple(int(part) for part in cell.split()) for role, cell in zip(ROLES, cells, strict=True)}
    return found


def line_of(key: str, answers: dict[str, tuple[int, ...]]) -> str:
    """A line of the file."""
    cells = [" ".join(map(str, found if len(set(found)) > 1 else found[:1])) for found in (answers[role] for role in ROLES)]
    return "\t".join([key, *cells])


class Tries:
    """The application, the world, and what its answers may hold."""

    def __init__(self, settings: Settings, world: World) -> None:
        self.settings, self.world = settings, world
        self.app: Litestar = create_app(settings, lambda: NOW)
        self.worker = Worker(settings, lambda: NOW, None)
        self.csrf: dict[str, str] = {}

    async def begin(self) -> None:
        """Fetch what a visitor without a login needs to be heard at all."""
        answer = await call(self.app, "GET", "/api/c/ZZZZZZ")
        token = answer.headers["set-cookie"].split("csrftoken=")[1].split(";")[0]
        self.csrf = {"cookie": f"csrftoken={token}", "x-csrftoken": token}

    async def row(self, route: Route, role: str) -> tuple[tuple[int, ...], list[str]]:
        """(answers by relation, what was told that should not be) of a route for a role."""
        answers, leaks = [], []
        for relation in route.relations:
            answer, told = await self.cell(route, role, relation)
            answers.append(answer.status)
            leaks += told
        return tuple(answers), leaks

    async def cell(self, route: Route, role: str, relation: str) -> tuple[Answer, list[str]]:
        """One call, taken back afterwards. The mails that follow from it are written and read too."""
        slot = "mine" if relation == "own" else relation
        if relation == "own" and role == "former_resident":
            slot = "former"
        path, headers, body, asked = self._request(route, role, slot)
        self.app.state.throttle._own.clear()
        async with taken_back() as connection:
            await connection.execute("SET LOCAL ROLE NONE")
            before = await connection.fetchval("SELECT max(id) FROM procrastinate.procrastinate_jobs") or 0
            answer = await call(self.app, route.method, path, body, headers)
            texts = list(_texts(answer))
            if answer.status < 300 and route.method != "GET":
                texts += await self._mails(connection, before)
                await settle(connection)
        public = "public" in route.roles
        return answer, [f"{route.key} as {role}, {relation} ({answer.status}): {told}"
                        for text in texts for told in self._foreign(text, role, slot, asked, public, route.path)]  # fmt: skip

    def _request(self, route: Route, role: str, slot: str) -> tuple[str, dict[str, str], bytes, str]:
        own = "former" if role == "former_resident" else "mine"
        kinds = KINDS.get(route.path, {})
        path = route.path
        for name in re.findall(r"{(\w+)}", path):
            value = WORDS.get(name) or self.world.one(kinds.get(name, name), own if route.variant else slot, role)
            path = path.replace(f"{{{name}}}", value)
        path += QUERIES.get(route.key, "").replace("{code}", self.world.objects["code"]["mine"])
        headers = dict(self.csrf) if role == "nobody" else {"authorization": f"Bearer {self.world.tokens[0][role]}"}
        body, kind = b"", "application/json"
        if route.key in UPLOADS:
            body, kind = UPLOADS[route.key], "multipart/form-data; boundary=zz"
        elif route.key in FILES:
            body, kind = b"firmware", "application/octet-stream"
        elif route.key in BODIES:
            body = json.dumps(BODIES[route.key](self.world, slot, role)).encode()
        elif route.method != "GET":
            body = b"{}"
        return path, {**headers, "content-type": kind}, body, path + body.decode()

    async def _mails(self, connection: Any, before: int) -> list[str]:
        """Let the events of a change happen, and give the mails that they write."""
        folder = self.settings.data / "mail"
        known = set(folder.glob("*")) if folder.exists() else set()
        await connection.execute("SET LOCAL ROLE NONE")
        jobs = await connection.fetch("SELECT task_name, args FROM procrastinate.procrastinate_jobs WHERE id > $1 ORDER BY id", before)
        for job in jobs:
            await self.worker.table()[job["task_name"]](**json.loads(job["args"]))
        fresh = set(folder.glob("*")) - known if folder.exists() else set()
        texts = [path.read_text() for path in sorted(fresh)]
        for path in fresh:
            path.unlink()
        return texts

    def _foreign(self, text: str, role: str, slot: str, asked: str, public: bool, path: str) -> Iterator[str]:
        """What in a text is not this caller's to know."""
        account = 1 if slot == "other" and public else 0
        for kind, letter, number in words(text):
            if not self._may_know(kind, "ab".index(letter), number, role, account, public, path):
                yield f"marker zq{kind}{letter}{number}"
        for found in set(UUIDS.findall(text)):
            holder = self.world.holders.get(found)
            if holder is None or found in asked or path.startswith("/api/admin/"):
                continue
            if holder.account != account or not (public or self._within(holder, role)):
                yield f"id {found}"

    def _may_know(self, kind: str, letter: int, number: str, role: str, account: int, public: bool, path: str) -> bool:
        if path.startswith("/api/admin/") and role == "superadmin":
            return kind in ("acc", "s")  # the portfolio of the platform: accounts and who applied
        if letter != account:
            return False
        if kind == "acc" or role in STAFF:
            return True
        if kind == "site":
            return number == "1" or public  # whoever holds a code or a link is told what it belongs to
        if kind == "s":
            return role in OWNERS or (role == "developer" and number == "4")  # 4: the developer's own name
        own = {"resident": {"0"}, "former_resident": {"1"}, "owner": {"0", "1", "2", "3", "90"}, "proxy": {"0", "1", "2", "3", "90"}}
        # A proxy and other staff logins bear their own name; the second login of a household bears the account's.
        return number in own.get(role, set())

    def _within(self, holder: Any, role: str) -> bool:
        first = self.world.sites[0][0]
        if role in OWNERS:
            return holder.site in (None, first)
        if role in RESIDENTS:
            return holder.site in (None, first) and holder.person in (None, self.world.persons[0][role])
        return True


def _texts(answer: Answer) -> Iterator[str]:
    yield json.dumps(answer.headers)
    kind = answer.headers.get("content-type", "")
    if kind.startswith("application/pdf"):
        yield _pdf_text(answer.body)
    elif kind.startswith("application/zip"):
        with zipfile.ZipFile(io.BytesIO(answer.body)) as packed:
            for name in packed.namelist():
                inner = packed.read(name)
                yield _pdf_text(inner) if name.endswith(".pdf") else name + inner.decode()
    else:
        yield answer.body.decode(errors="replace")


@lru_cache(maxsize=500)
def _pdf_text(content: bytes) -> str:
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        return "\n".join(page.extract_text() or "" for page in pdf.pages)


async def missing_lines(tries: Tries) -> list[str]:
    """Lines for the routes that the file lacks, with the answers of now."""
    known, found = expected(), []
    for route in routes():
        if route.key not in known:
            found.append(line_of(route.key, {role: (await tries.row(route, role))[0] for role in ROLES}))
    return found


__all__ = ["FILE", "MARK", "ROLES", "Route", "Tries", "expected", "line_of", "missing_lines", "routes", "settings_in"]

if __name__ == "__main__":
    from tests.access.missing import main

    sys.exit(main())
