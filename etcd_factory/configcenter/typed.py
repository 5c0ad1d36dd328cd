"""From a configuration's tree to the user's own class: attrs, dataclass (by OmegaConf) or pydantic."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, get_args, get_type_hints

import attrs
from attrs import evolve
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from etcd_factory.config.secrets import censored, is_secret
from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.options.fields import is_list, is_mapping

T = TypeVar("T")

Path = tuple[str, ...]
Origin = Callable[[Path], str]  # where in the layers a value was written


def typed(cls: Any, tree: DictConfig, origin: Origin) -> Any:
    """An instance of the class, None for the tree itself; ``ConfigError`` has all that is wrong with it."""
    if cls is None:
        OmegaConf.set_readonly(tree, True)
        return tree
    try:
        found = OmegaConf.to_container(tree, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(fault(origin, path_of(error), "can't be resolved")) from None
    hidden = {str(value) for path, value in leaves(found) if is_secret(path[-1])}
    try:
        return reader(cls)(cls, found, origin)
    except ConfigError as error:
        raise ConfigError(*(evolve(one, message=str(censored(one.message, hidden))) for one in error.faults)) from None
    except Exception as error:  # of the class's own checks, which may raise what they like
        text = str(error.args[0]) if error.args else type(error).__name__
        raise ConfigError(Fault("", cls.__name__, str(censored(text, hidden)))) from None


def reader(cls: Any) -> Callable[[Any, Any, Origin], Any]:
    """How instances of the class are made; ``TypeError`` if it is no such class."""
    pydantic: Any = sys.modules.get("pydantic")  # who has a model has loaded it
    if pydantic is not None and isinstance(cls, type) and issubclass(cls, pydantic.BaseModel):
        return modelled
    if isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls)):
        return structured
    raise TypeError(f"{cls!r} is neither an attrs class, a dataclass nor a pydantic model")


def modelled(cls: Any, found: Any, origin: Origin) -> Any:
    """A pydantic model."""
    pydantic: Any = sys.modules["pydantic"]
    try:
        return cls.model_validate(found)
    except pydantic.ValidationError as error:
        wrong: list[dict[str, Any]] = error.errors(include_input=False)
        raise ConfigError(*(fault(origin, tuple(map(str, one["loc"])), one["msg"]) for one in wrong)) from None


def structured(cls: Any, found: Any, origin: Origin) -> Any:
    """An attrs class or a dataclass, its fields' types checked by OmegaConf."""
    try:
        tree: DictConfig = OmegaConf.structured(blank(cls) if attrs.has(cls) else cls)
        unlock(tree)
    except OmegaConfBaseException as error:
        advice = "OmegaConf does not know this type; a pydantic model does"
        raise ConfigError(Fault(cls.__name__, ".".join(path_of(error)), advice)) from None
    faults = [wrong for path, value in leaves(found) for wrong in put(tree, path, value, origin)]
    told = {one.path for one in faults}
    faults += [fault(origin, path, "is missing") for path in absent(tree) if ".".join(path) not in told]
    if faults:
        raise ConfigError(*faults)
    return OmegaConf.to_object(tree)


def blank(cls: Any) -> Any:
    """Return an instance of an attrs class with its defaults; OmegaConf 2.3 does not know the factories of a class."""
    made = object.__new__(cls)
    for each in attrs.fields(cls):
        value = MISSING if each.default is attrs.NOTHING else each.default
        if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
            value = value.factory(made) if value.takes_self else value.factory()
        object.__setattr__(made, each.name, value)
    return made


def unlock(tree: DictConfig) -> None:
    """Let a tree be filled that frozen classes describe."""
    OmegaConf.set_readonly(tree, False)
    for key in map(str, tree):
        node: Any = None if OmegaConf.is_interpolation(tree, key) or OmegaConf.is_missing(tree, key) else tree[key]
        if OmegaConf.is_dict(node):
            unlock(node)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All values that are no mappings with something in them, and where they stand."""
    for key, each in value.items():
        if is_mapping(each) and each:
            yield from leaves(each, (*path, str(key)))
        else:
            yield (*path, str(key)), each


def put(tree: DictConfig, path: Path, value: Any, origin: Origin) -> Iterator[Fault]:
    """Set one value; gives what is wrong with it."""
    if lists_other(hint_at(tree, path), value):  # OmegaConf takes a mapping for an element of a list[str]
        yield fault(origin, path, f"expected {wanted(tree, path)}, got a list with other things in it")
        return
    try:
        if any("." in name for name in path):  # only a mapping of the user's own has such keys
            tree.merge_with(nested(path, value))
        else:
            OmegaConf.update(tree, ".".join(path), value, merge=True)
    except (ConfigKeyError, ConfigAttributeError) as error:
        inside = str(error.full_key or "").removeprefix(".".join(path)).lstrip(".")
        yield fault(origin, path, f"{inside}: unknown" if inside else f"unknown{near(tree, path)}")
    except OmegaConfBaseException:
        yield fault(origin, path, f"expected {wanted(tree, path)}, got {type(value).__name__}")


def lists_other(hint: Any, value: Any) -> bool:
    """Whether a list that is to have simple values has others."""
    simple = get_args(hint)[:1] in ((str,), (int,), (float,), (bool,))
    return simple and is_list(value) and any(is_list(one) or is_mapping(one) for one in value)


def hint_at(tree: DictConfig, path: Path) -> Any:
    """What a field has been annotated with in its class, None if it is none's."""
    dotted = any("." in name for name in path)
    above: Any = OmegaConf.select(tree, ".".join(path[:-1])) if path[1:] and not dotted else tree
    return get_type_hints(OmegaConf.get_type(above)).get(path[-1]) if OmegaConf.is_dict(above) else None


def wanted(tree: DictConfig, path: Path) -> str:
    """The type that a field has been given in its class."""
    hint = hint_at(tree, path) or "another kind of value"
    return str(getattr(hint, "__name__", hint)) if not get_args(hint) else str(hint).replace("typing.", "")


def nested(path: Path, value: Any) -> Any:
    """A value with the mappings that it stands in."""
    for name in reversed(path):
        value = {name: value}
    return value


def near(tree: DictConfig, path: Path) -> str:
    """The nearest name that is known where an unknown one stands."""
    above: Any = OmegaConf.select(tree, ".".join(path[:-1])) if path[1:] else tree
    return suggestion(path[-1], map(str, above)) if is_mapping(above) or OmegaConf.is_dict(above) else ""


def absent(tree: DictConfig) -> list[Path]:
    """Where a value has to be given."""
    return sorted(tuple(key.split(".")) for key in OmegaConf.missing_keys(tree))


def fault(origin: Origin, path: Path, message: str) -> Fault:
    """What is wrong at a place, with the layer that it was written in."""
    return Fault(origin(path), ".".join(path), message)


def path_of(error: OmegaConfBaseException) -> Path:
    """Where OmegaConf found something wrong."""
    return tuple(str(error.full_key or "").split("."))
