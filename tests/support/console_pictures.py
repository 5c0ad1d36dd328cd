"""Pictures of the web console for the documentation: ``python -m tests.support.console_pictures``.

They are of an etcd of its own with data of a small shop, in Chromium.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from etcd_factory import ETCDService
from etcd_factory.registry import ServiceRegistry
from etcd_factory.testing import EtcdServer
from tests.support.browser import PHONE, chromium, follow_changes, picture, visit
from tests.support.consoles import console

FOLDER = Path(__file__).parent.parent.parent / "docs" / "pictures"
SMALLER = (1200, 720)

SHOP = {
    "config/shop/currency": "EUR",
    "config/shop/limits": {"order": {"items": 50, "total": 5000}, "retries": 3, "countries": ["DE", "FR", "NL"]},
    "config/shop/banner": "Free shipping until Sunday",
    "config/payment/provider": {"name": "acme", "timeout_s": 5, "methods": ["card", "transfer"]},
    "config/payment/enabled": "true",
    "config/mail/from": "shop@example.org",
    "flags/new-checkout": "on",
    "flags/dark-mode": "off",
    "flags/search-v2": "25%",
    "jobs/nightly/last-run": "2026-11-30T02:00:07Z",
    "jobs/nightly/state": "done",
}
CHANGES = {"flags/search-v2": "50%", "config/shop/banner": "Free shipping until Monday", "flags/new-checkout": "off"}
DEFAULT = """\
etcd:
  default:
    timeout: 5
    retry:
      attempts: 3
  clients:
    shop:
      hosts: [{host}]
    archive:
      hosts: [{host}]
      namespace: archive/
  default_client_name: shop
  client_priority:
    archive: low
"""
PROD = """\
etcd:
  default:
    timeout: 2
  clients:
    archive:
      auth:
        username: reader
        password: not-shown
"""


def fill(etcd):
    """Write the data of the shop."""
    for number in range(1, 24):
        etcd.put(f"orders/2026-11/{number:05}").json({"id": number, "items": number % 5 + 1, "state": "paid"})
    for key, value in SHOP.items():
        etcd.put(key).value(value) if isinstance(value, str) else etcd.put(key).json(value)
    for items in (40, 45, 50):
        limits = {"order": {"items": items, "total": items * 100}, "retries": 3, "countries": ["DE", "FR", "NL"]}
        etcd.put("config/shop/limits").value(json.dumps(limits))


@contextmanager
def shop(folder):
    """A console on an etcd with the data of the shop, its services and locks; yields a client of it and the console."""
    with ExitStack() as stack:
        server = stack.enter_context(EtcdServer())
        etcd, other = (stack.enter_context(ETCDService({"hosts": server.endpoint})) for _ in range(2))
        fill(etcd)
        folder.mkdir()
        (folder / "config.default.yaml").write_text(DEFAULT.format(host=server.endpoint))
        (folder / "config.prod.yaml").write_text(PROD)
        registry = ServiceRegistry(etcd)
        for number, zone in enumerate(("a", "a", "b"), 1):
            facts = {"port": 8000 + number, "metadata": {"zone": zone, "version": "2.1"}, "weight": 3 - number % 2}
            stack.enter_context(registry.register("checkout", f"checkout-{number}", host=f"10.0.0.{number}", **facts))
        stack.enter_context(registry.register("mail", "mail-1", host="10.0.1.1", port=2525))
        stack.enter_context(etcd.lock("locks/nightly"))
        stack.enter_context(etcd.election("leaders/scheduler").campaign("scheduler-1"))
        waiting = other.lease(20)
        other.put(f"locks/nightly/{waiting.grant():x}").lease(waiting).value("")
        running = stack.enter_context(console("--config", folder, "--env", "prod", "--write"))
        yield etcd, running


def views(page, name):
    """Take the pictures of a window that is open at the console."""
    page.get_by_role("button", name="config/").click()
    page.get_by_role("button", name="shop/").click()
    page.get_by_role("button", name="limits").click()
    page.locator("pre").wait_for()
    page.locator("tbody tr").nth(2).wait_for()
    page.get_by_text("live", exact=True).wait_for()
    picture(page, FOLDER / f"console-keys-{name}.png")


def others(page, etcd):
    """Take the pictures of the other views."""
    follow_changes(page)
    for key, value in CHANGES.items():
        etcd.put(key).value(value)
    page.get_by_text("flags/new-checkout").wait_for()
    picture(page, FOLDER / "console-changes.png")
    page.get_by_role("link", name="services").click()
    page.get_by_role("button", name="Pick 20 times").click()
    page.locator("td.number", has_text="7").nth(1).wait_for()
    picture(page, FOLDER / "console-services.png")
    for view, words in (("locks", "locks/nightly"), ("configuration", "password"), ("clients", "archive")):
        page.get_by_role("link", name=view).click()
        page.get_by_role("main").get_by_text(words).first.wait_for()
        picture(page, FOLDER / f"console-{view}.png")


def take(browser, etcd, running):
    """Take them of a console that is running."""
    for name, size, dark in (
        ("light", SMALLER, False),
        ("dark", SMALLER, True),
        ("phone-light", PHONE, False),
        ("phone-dark", PHONE, True),
    ):
        with visit(browser, running.url, size, dark=dark) as page:
            views(page, name)
    with visit(browser, running.url, SMALLER) as page:
        others(page, etcd)


def main():
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the page shows where files are
        with shop(Path("config")) as (etcd, running), chromium() as browser:
            take(browser, etcd, running)


if __name__ == "__main__":
    main()
