"""A demo station's network cable: it can be pulled, and it can be a bad one."""

import asyncio
from random import SystemRandom

HOLDS_S, LOST_S = (20.0, 60.0), (5.0, 20.0)
chance = SystemRandom()


class Network:
    """`there`: the network is there; `cut`: it is not."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.there.set()
        self.cut = asyncio.Event()
        self._flaky = asyncio.Event()

    @property
    def flaky(self) -> bool:
        """Whether it comes and goes."""
        return self._flaky.is_set()

    def pull(self) -> None:
        """No network from now on."""
        self.there.clear()
        self.cut.set()

    def plug(self) -> None:
        """The network is back."""
        self.cut.clear()
        self.there.set()

    def loosen(self) -> None:
        """From now on it is lost now and then, for some seconds."""
        self._flaky.set()

    def fasten(self) -> None:
        """It holds again."""
        self._flaky.clear()
        self.plug()

    async def come_and_go(self) -> None:
        """Lose a loose network and find it again, for ever."""
        while True:
            await self._flaky.wait()
            await asyncio.sleep(chance.uniform(*HOLDS_S))
            if not self.flaky or not self.there.is_set():
                continue
            self.pull()
            await asyncio.sleep(chance.uniform(*LOST_S))
            if self.flaky:
                self.plug()
