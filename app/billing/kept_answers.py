"""Answers kept in memory as long as nothing has changed that they are made of."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from uuid import UUID

from app.database.changes import Changes, Mark

MOST_BYTES = 64 * 2**20


class KeptAnswers:
    """Bodies by what was asked; the least asked for go first."""

    def __init__(self, changes: Changes, most_bytes: int = MOST_BYTES) -> None:
        self._changes = changes
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, tuple[Mark, bytes]] = OrderedDict()
        self._size = 0

    async def answer(self, account_id: UUID, asked: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The body that is kept, or one that is made now. `asked` says whose it is: nobody is given another one's."""
        key, mark = (account_id, asked), self._changes.mark(account_id)
        found = self._kept.get(key)
        if found is not None and found[0] == mark:
            self._kept.move_to_end(key)
            return found[1]
        body = await make()
        # What changed while it was made may be in it or not: it is not kept.
        if mark is not None and mark == self._changes.mark(account_id):
            self._keep(key, mark, body)
        return body

    def _keep(self, key: Hashable, mark: Mark, body: bytes) -> None:
        old = self._kept.pop(key, None)
        self._size += len(body) - (0 if old is None else len(old[1]))
        self._kept[key] = mark, body
        while self._size > self._most:
            _, (_, gone) = self._kept.popitem(last=False)
            self._size -= len(gone)
