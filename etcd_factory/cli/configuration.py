"""The configuration: ``config check|explain|diff|schema``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from attrs import frozen

from etcd_factory.config import Explanation
from etcd_factory.config.explain import explanation, leaves
from etcd_factory.config.json_schema import config_schema
from etcd_factory.config.places import placed
from etcd_factory.config.secret_places import shown as shown_path
from etcd_factory.config.tree import plain
from etcd_factory.errors import ConfigError

from .command import command
from .exits import NO, USAGE
from .session import SECTION, Session


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The configuration: is it valid, and where does each value come from?", no_args_is_help=True
    )
    for one in (check, explain, diff, schema):
        command(group)(one)
    app.add_typer(group, name="config")


def check(session: Session) -> int:
    """Check the configuration without connecting, and print every fault. Exit code 2: there are some."""
    try:
        plan = session.plan()
    except ConfigError as error:
        faults = [{"file": one.file, "path": one.path, "message": one.message} for one in error.faults]
        lines = "\n".join(map(str, error.faults))
        session.out.value({"ok": False, "clients": [], "faults": faults}, lines)
        return USAGE
    names = list(plan.clients)
    session.out.value({"ok": True, "clients": names, "faults": []}, f"the configuration is valid: {', '.join(names)}")
    return 0


def explain(session: Session, prefix: Annotated[str, typer.Argument(help="Only keys that begin so.")] = "") -> None:
    """Print each value, and where it was set: file:line, or the variable. Secrets are shown as ***."""
    found = explained(session, session.settings.env)
    rows = [row for row in placed(found.explanation) if str(row["key"]).startswith(prefix)]
    session.out.table(("key", "value", "place"), rows)


def diff(
    session: Session,
    left: Annotated[str, typer.Argument(help="An environment.")],
    right: Annotated[str, typer.Argument(help="Another one.")],
) -> int:
    """Print the values that differ between two environments. Exit code 1: there are some."""
    ours, theirs = explained(session, left), explained(session, right)
    keys = dict.fromkeys((*ours.values, *theirs.values))
    rows = [differing(key, ours, theirs) for key in keys if ours.values.get(key, ...) != theirs.values.get(key, ...)]
    named = [{"key": row["key"], left: row["left"], right: row["right"]} for row in rows]
    session.out.table(("key", left, right), named)
    return NO if rows else 0


def schema(session: Session) -> None:
    """Print the JSON Schema of configuration files, for editors."""
    found = config_schema(SECTION)
    if session.settings.is_json:
        session.out.document(found)
    else:
        print(json.dumps(found, indent=2), file=session.out.console.file)


def differing(key: str, ours: Effective, theirs: Effective) -> dict[str, object]:
    """Return a key with both its values as they are shown; secrets only say that they differ."""
    return {"key": key, "left": ours.shown(key), "right": theirs.shown(key)}


@frozen(eq=False)
class Effective:
    """The configuration of one environment: as it is shown, and the values themselves, to compare them."""

    explanation: Explanation
    values: Mapping[str, object]

    def shown(self, key: str) -> object:
        """Return a value with its secrets masked, or that there is none."""
        return self.explanation[key].value if key in self.explanation else "(not set)"


def explained(session: Session, env: str | None) -> Effective:
    """Return the effective configuration of an environment. Raises ``ConfigError`` listing every problem."""
    loaded, section = session.loaded(env), (SECTION,)
    raw: dict[Any, Any] = plain(loaded.tree)
    values = {".".join(shown_path(path, section)): value for path, value in leaves(raw, loaded.tree, section)}
    return Effective(explanation(loaded, section), values)
