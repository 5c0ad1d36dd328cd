"""What can be observed: a client, or a factory with all its clients, also those that it makes later."""

from __future__ import annotations

from collections.abc import Callable

from etcd_factory.core.call.hooks import Hook
from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.service import AsyncETCDService, ETCDService

Client = ETCDService | AsyncETCDService
Factory = ETCDServiceFactory | AsyncETCDServiceFactory
Target = Client | Factory
HookOf = Callable[[str | None], Hook]  # by the client's name, None for one without


def attach(target: Target, hook_of: HookOf) -> Callable[[], None]:
    """Give each client a hook; returns a function that ends them, and begins no other."""
    given: object = target
    if isinstance(target, (ETCDService, AsyncETCDService)):
        return target.on_call(hook_of(None))
    if not isinstance(given, (ETCDServiceFactory, AsyncETCDServiceFactory)):
        raise TypeError(f"expected an etcd client or a factory of them, not {type(given).__name__}")
    ends: list[Callable[[], None]] = []

    def begin(name: str | None, client: Client) -> None:
        ends.append(client.on_call(hook_of(name)))

    stop = target.on_client(begin)

    def end() -> None:
        stop()
        for one in ends:
            one()

    return end
