"""Questions that many ask at once, put to the database together: stations returning after a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")
LARGEST = 500


class Together(Generic[Question, Answer]):
    """`ask` waits for its answer; all that ask while a round is under way are one next round.

    `answer_all` gives the answers in the order of the questions, or raises for all of the round.
    """

    def __init__(self, answer_all: Callable[[list[Question]], Awaitable[list[Answer]]]) -> None:
        self._answer_all = answer_all
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer to one question."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                round_, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
                await self._round(round_)
        finally:
            self._working = None

    async def _round(self, asked: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._answer_all([question for question, _ in asked])
        except Exception as error:  # whatever it is, it is each asker's to judge
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(asked, answers, strict=True):
            if not future.done():
                future.set_result(answer)
