"""The console in a browser: hostile keys and values, conflicts, live changes, the keyboard, a phone."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from etcd_factory.console.values import encoded
from tests.support.browser import DESKTOP, PHONE, follow_changes, visit

VIEWS = ("keys", "changes", "services", "locks", "configuration", "clients")
REFUSED = "Failed to load resource: the server responded with a status of "  # what Chromium says of any error
RUN = "window.ran=1;alert(1)"
IMAGE = f'<img src=x onerror="{RUN}">'

HOSTILE = {  # keys by what they try; each is its value too, unless one is given below
    "script": f"<script>{RUN}</script>",
    "image": IMAGE,
    "attribute": f'"><svg onload="{RUN}">',
    "single quotes": f"' onmouseover='{RUN}' x='",
    "textarea": f"</textarea></pre></title><script>{RUN}</script>",
    "frame": f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "scheme": f"javascript:{RUN}",
    "data": f"data:text/html,<script>{RUN}</script>",
    "template": "{{constructor.constructor('" + RUN + "')()}}${" + RUN + "}<%= 1 %>",
    "style": "</style><style>body{display:none}</style>",
    "prototype": "__proto__",
    "path": "../../etc/passwd/../",
    "percent": "%3Cscript%3E%00%0a",
    "events": 'x\n\nevent: changes\ndata: [{"type": 1}]\nid: 9\n\n',
    "terminal": "\x1b[2J\x1b]0;title\x07\x00\x08",
    "bidi": "\u202eexe.txt\u2066\u200f",
    "invisible": "a\u200b\u00ad\ufeff\u2028b\u00a0c",
    "piled": "Z" + "\u0301" * 300,
    "entities": "&lt;b&gt;&amp;&#x3C;script&#x3E;",
    "not text": b"\xff\xfe\x00<b>\xc3(",
    "surrogate": b"\xed\xa0\x80/\xf5",
    "long": "k" * 4000,
    "large": "large",
    "control": "control",
    "deep": "deep",
    "numbers": "numbers",
}
VALUES = {
    "large": "<b>" + "x" * 999_990 + "the end",
    "control": b"\x01" * 100_000,
    "deep": "[" * 30_000 + "]" * 30_000,
    "numbers": '{"__proto__": {"a": 12345678901234567890.10}, "a": "<b>\\u2028", "a": 1e400}',
    "prototype": '{"constructor": {"prototype": 1}}',
}


@pytest.fixture
def opened(browser, running):
    """Opens the console; what a page reports is an error at the end."""

    @contextmanager
    def opened(size=DESKTOP):
        with visit(browser, "about:blank", size) as page:
            found = []
            for event in ("dialog", "pageerror"):
                page.on(event, lambda one: found.append(str(one)))
            page.on("console", lambda one: found.append(one.text) if one.type == "error" else None)
            page.goto(running.url)
            page.locator("#client select").wait_for()
            yield page
            assert [one for one in found if not one.startswith(REFUSED)] == []

    return opened


def hash_of(key, view="keys"):
    """The address of a key within the page."""
    return f"#/{view}/default/{encoded(key if isinstance(key, bytes) else key.encode())}"


def show(page, running, key):
    """Open a key by its address within the page, and wait until its value is there."""
    page.goto(f"{running.origin}/{hash_of(key)}")
    page.locator(".facts span").first.wait_for()
    page.locator("h3", has_text="History").wait_for()


def pane(page):
    """What shows the value."""
    return page.locator("pre")


def marks(page):
    """What a text could have added to the page if it had become markup."""
    return page.locator("img, svg, iframe, object, embed, base, meta[http-equiv], main script, main style, b").count()


def write(stored):
    """Write everything that is hostile, as keys and values, a service and a lock."""
    for name, key in HOSTILE.items():
        stored.put(key).value(VALUES.get(name, key))
    stored.put(f"services/{IMAGE.replace('/', '')}/1").value(json.dumps({"host": IMAGE, "metadata": {IMAGE: "\u202e"}}))


def test_hostile_keys_and_values_are_shown_harmlessly(opened, running, stored):
    assert len(HOSTILE) >= 20
    write(stored)
    with opened() as page, stored.lock(IMAGE), stored.election("e").campaign(IMAGE):
        page.locator(".tree .entry").nth(15).wait_for()
        for key in HOSTILE.values():
            show(page, running, key)
            assert marks(page) == 0
        look_around(page, stored)
        assert (marks(page), page.evaluate("window.ran")) == (0, None)
        show(page, running, "\u202eexe.txt\u2066\u200f")
        assert page.locator("h2").inner_text() == "U+202Eexe.txtU+2066U+200F"
        show(page, running, b"\xff\xfe\x00<b>\xc3(")
        assert "00000000  ff fe 00 3c 62 3e c3 28" in pane(page).inner_text()
        show(page, running, "numbers")
        assert '"a": 12345678901234567890.10' in pane(page).inner_text()


def look_around(page, stored):
    """Open every view while everything is written once more, and a hostile value in the editor."""
    follow_changes(page)
    write(stored)
    page.locator("tbody tr").nth(len(HOSTILE)).wait_for()
    for view in VIEWS[2:]:
        page.get_by_role("link", name=view).click()
        page.locator("main table tbody tr").first.wait_for()
        assert marks(page) == 0
    page.goto(f"{page.url.partition('#')[0]}{hash_of(HOSTILE['textarea'])}")
    page.get_by_role("button", name="Edit").click()
    assert page.get_by_role("textbox", name="Value").input_value() == HOSTILE["textarea"]


def test_a_large_value_is_cut_with_a_note_and_shown_if_asked_for(opened, running, stored):
    stored.put("large").value(VALUES["large"])
    with opened() as page:
        show(page, running, "large")
        page.get_by_text("The first 64.0 KiB of 976.6 KiB.").wait_for()
        page.get_by_role("button", name="Show all").click()
        page.locator("pre", has_text="the end").wait_for()
        assert len(pane(page).text_content()) == 1_000_000


def test_an_edit_that_conflicts_is_refused_and_says_so(opened, running, stored):
    stored.put("k").value("1")
    with opened() as page:
        show(page, running, "k")
        page.get_by_role("button", name="Edit").click()
        page.get_by_role("textbox", name="Value").fill("mine")
        theirs = stored.put("k").value("theirs").revision
        page.get_by_text(f"Somebody changed this key at revision {theirs}.").wait_for()
        save(page)
        page.get_by_text(f"Nothing was changed: somebody changed the key at revision {theirs}.").wait_for()
        assert stored.get("k").string() == "theirs"
        page.get_by_role("button", name="Discard mine and load it").last.click()
        page.locator("pre", has_text="theirs").wait_for()
        page.get_by_role("button", name="Edit").click()
        page.get_by_role("textbox", name="Value").fill("mine")
        save(page)
        page.locator("pre", has_text="mine").wait_for()
        assert stored.get("k").string() == "mine"


def save(page):
    """Save what was edited, and confirm it."""
    page.get_by_role("button", name="Save …").click()
    dialog = page.get_by_role("dialog")
    assert "It is written only if the key is still at revision" in dialog.inner_text()
    dialog.get_by_role("button", name="Write").click()


def test_keys_are_created_changed_as_bytes_and_deleted(opened, running, stored):
    stored.put("bytes").value(b"\xff\x00\r")
    with opened() as page:
        page.get_by_role("button", name="New key …").click()
        page.get_by_label("Key", exact=True).last.fill("new")
        page.get_by_label("Value").last.fill("v")
        page.get_by_role("button", name="Create …").click()
        page.get_by_role("button", name="Write").click()
        page.locator("pre", has_text="v").wait_for()
        assert stored.get("new").string() == "v"
        show(page, running, "bytes")
        page.get_by_role("button", name="Edit").click()
        assert page.get_by_role("textbox", name="Value in hex").input_value() == "ff 00 0d"
        page.get_by_role("textbox", name="Value in hex").fill("fe 01")
        save(page)
        page.get_by_text("version 2").wait_for()
        assert stored.get("bytes").bytes() == b"\xfe\x01"
        page.get_by_role("button", name="Delete …").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        page.get_by_text("There is no such key.").first.wait_for()
        assert not stored.get("bytes").exists()


def test_changes_are_shown_without_a_reload(opened, running, stored):
    stored.put("k").value("first")
    with opened() as page:
        show(page, running, "k")
        page.get_by_text("live", exact=True).wait_for()
        stored.put("k").value("second")
        page.locator("pre", has_text="second").wait_for()
        page.locator("tbody tr").nth(1).get_by_role("button").click()
        page.locator("pre", has_text="first").wait_for()
        follow_changes(page)
        stored.put("k").value("third")
        page.locator("tbody tr", has_text="third").wait_for()
        page.get_by_role("button", name="Pause").click()
        stored.put("k").value("while it paused")
        page.get_by_role("button", name="Resume").click()
        page.locator("tbody tr", has_text="while it paused").wait_for()
        assert page.locator("tbody tr").count() == 2


def read_on(page):
    """Read all pages of the tree."""
    page.locator(".tree ul ul .entry").first.wait_for()
    more = page.get_by_role("button", name="more …")
    while more.count():
        here = more.element_handle()
        here.click()
        here.wait_for_element_state("hidden")


def test_keys_are_found_by_the_keyboard(opened, stored):
    for number in range(450):
        stored.put(f"many/{number:03}/x").value("v")
    stored.put("z").value("last")
    with opened() as page:
        page.get_by_text("451 keys").wait_for()
        page.get_by_role("button", name="many/").focus()
        page.keyboard.press("ArrowRight")
        read_on(page)
        assert page.locator(".tree ul ul .folder").count() == 450
        page.get_by_role("button", name="many/").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator("pre", has_text="last").wait_for()
        page.keyboard.press("/")
        page.keyboard.type("Y/44")
        page.keyboard.press("Enter")
        page.get_by_text("10 found in 451 keys").wait_for()
        page.get_by_label("How to search").select_option("begins")
        page.get_by_text("0 found in 0 keys").wait_for()


def test_a_second_click_while_the_first_one_goes_on_does_nothing(opened, stored):
    stored.put("a/b").value("v")
    with opened() as page:
        page.get_by_role("button", name="a/").evaluate("one => (one.click(), one.click())")
        page.get_by_role("button", name="b", exact=True).wait_for()
        page.get_by_role("button", name="Reload").click()
        # Once the tree is there again; two of them would stay two.
        expect(page.locator(".tree ul ul")).to_have_count(1)


def test_it_fits_a_phone(opened, stored):
    stored.put("k" * 300).value("v" * 300)
    with opened(PHONE) as page:
        page.get_by_role("button", name="kkk").click()
        page.locator("pre").wait_for()
        for view in VIEWS:
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
            page.get_by_role("link", name=view).click()
            page.locator(f"body[data-view={view}]").wait_for()
        page.get_by_role("link", name="keys").click()
        page.get_by_role("button", name="kkk").click()
        page.get_by_role("button", name="Keys", exact=False).click()
        page.get_by_role("button", name="kkk").wait_for()


def test_the_token_leaves_the_address_and_without_it_nothing_is_shown(browser, running, opened, stored):
    stored.put("hidden").value("v")
    with opened() as page:
        assert "token" not in page.url
        page.reload()
        page.get_by_role("button", name="hidden").wait_for()
        assert not page.evaluate("document.cookie")
    with visit(browser, running.origin) as page:
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Open").click()
        page.get_by_text("The token is missing or wrong", exact=False).wait_for()
        assert page.get_by_text("hidden").count() == 0
        page.get_by_label("Token").fill(running.token)
        page.get_by_role("button", name="Open").click()
        page.get_by_role("button", name="hidden").wait_for()


def test_a_console_that_only_reads_offers_no_changes(opened, running, stored):
    stored.put("k").value("v")
    with opened() as page:
        page.route("**/api/clients?*", reading)
        page.reload()
        page.get_by_text("read-only").wait_for()
        show(page, running, "k")
        for name in ("Edit", "Delete …", "New key …"):
            assert page.get_by_role("button", name=name).count() == 0


def reading(route):
    """Answer for a console without ``--write``."""
    answer = route.fetch()
    route.fulfill(response=answer, json={**answer.json(), "writable": False})
