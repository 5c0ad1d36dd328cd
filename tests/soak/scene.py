"""Where a soak happens: three members, proxies before them, the clients, and what is found meanwhile."""

from __future__ import annotations

import asyncio
import time
import traceback
from contextlib import AsyncExitStack

from attrs import define, field

from etcd_factory import ETCDService
from etcd_factory.testing import EtcdCluster, FaultProxy
from tests.support.faces import FACES, closed
from tests.support.history import History

from .checks import Violation

NAMESPACE = "soak/"
TIMEOUT = 2.0  # seconds of each call, so that an outage does not stop the work for long
DIRECT = 5.0  # of the calls that go around the proxies
PAUSE = 0.01  # seconds between the calls of one worker
FIRST_SAFE = (3, 5, 5)
UNSAFE = "etcd before 3.5.5 loses acknowledged writes by itself when it is killed (etcd-io/etcd#13766, #14370)"


def refusal(version, wanted):
    """Return why no member is killed; an empty text if members are."""
    if not wanted:
        return "--no-kills"
    release = tuple(int(part) for part in version.partition("-")[0].split("."))
    return "" if release >= FIRST_SAFE else f"{UNSAFE}; this is {version}"


@define(eq=False)
class Scene:
    """What workers, faults and checks share. ``front`` and ``back`` are proxies before each member.

    Clients of the back side are cut off while the store is compacted. ``direct`` goes around all proxies.
    """

    face: object
    cluster: EtcdCluster
    chance: object
    ttl: int
    batching: object = False
    front: list = field(factory=list)
    back: list = field(factory=list)
    client: object = None
    follower: object = None
    direct: object = None
    histories: list = field(factory=list)
    violations: list = field(factory=list)
    revoked: dict = field(factory=dict)  # lease to the time before it was revoked
    figures: dict = field(factory=dict)  # other figures, by name
    watches: list = field(factory=list)
    begun: float = field(factory=time.monotonic)
    over: bool = False

    @property
    def proxies(self):
        return [*self.front, *self.back]

    def now(self):
        """Return the seconds since the soak began."""
        return round(time.monotonic() - self.begun, 3)

    def history(self):
        """Return a new history whose calls count in the figures."""
        self.histories.append(History(self.face))
        return self.histories[-1]

    def found(self, kind, text, *around):
        """Note a violation, and when it was found."""
        self.violations.append(Violation(kind, f"at {self.now():.1f} s: {text}", around))

    def count(self, name, number=1):
        """Raise a figure."""
        self.figures[name] = self.figures.get(name, 0) + number

    def largest(self, name, number):
        """Keep the largest number of a figure."""
        self.figures[name] = max(self.figures.get(name, 0), round(number, 2))

    async def look(self, request):
        """Return what a call around the proxies returns."""
        return await asyncio.to_thread(request)

    def revoked_since(self, when):
        """Return whether any lease was revoked by a fault since then."""
        return any(moment >= when for moment in tuple(self.revoked.values()))

    async def close(self):
        """Close the clients; only the one around the proxies is left."""
        await closed(self.client)
        await closed(self.follower)

    async def guard(self, name, body):
        """Run a worker; what it raises is a violation."""
        try:
            await body
        except Exception:
            self.found("error", f"{name} ended by an error that no caller expects", traceback.format_exc())

    async def pause(self, seconds=PAUSE):
        """Let others work."""
        await asyncio.sleep(seconds)


class Stage:
    """Builds a scene and takes it down; ``async with Stage(...) as scene``."""

    def __init__(self, face, binary, chance, ttl, batching=False):
        self._face = next(one for one in FACES if one.name == face)
        self._scene = Scene(self._face, EtcdCluster(binary=binary), chance, ttl, batching)
        self._stack = AsyncExitStack()

    async def __aenter__(self):
        scene, stack = self._scene, self._stack
        stack.enter_context(scene.cluster)
        for side in (scene.front, scene.back):
            side += [stack.enter_context(FaultProxy(member.endpoint)) for member in scene.cluster]
        scene.direct = stack.enter_context(ETCDService(options(scene.cluster.endpoints, DIRECT)))
        scene.client, scene.follower = self._connect(scene.front), self._connect(scene.back)
        stack.push_async_callback(scene.close)
        return scene

    async def __aexit__(self, *exc):
        await self._stack.aclose()

    def _connect(self, proxies):
        given = options([proxy.endpoint for proxy in proxies], TIMEOUT)
        return self._face.service({**given, "batching": self._scene.batching})


def options(hosts, timeout):
    return {"hosts": [*hosts], "namespace": NAMESPACE, "timeout": timeout}


async def settled_within(seconds, condition):
    """Return whether a condition, a function that looks at the store, holds within so many seconds."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True
