"""From a configuration's tree to a user's class: attrs, dataclass (through OmegaConf) or pydantic."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_type_hints

import attrs
from attrs import evolve
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from etcd_factory.config.secrets import is_secret, redacted
from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.options.fields import is_list, is_mapping
from etcd_factory.options.interpolation import escaped

if TYPE_CHECKING:
    from pydantic import BaseModel

T = TypeVar("T")

Path = tuple[str, ...]
Values = Mapping[str, object]
Origin = Callable[[Path], str]  # the label of the layer that set the value at a path
Reader = Callable[[type[T], Values, Origin], T]

SIMPLE = (str, int, float, bool)


def typed(cls: type[T] | None, tree: DictConfig, origin: Origin) -> T:
    """Return an instance of the class, the tree itself for None. Raises ``ConfigError`` listing every problem."""
    if cls is None:
        OmegaConf.set_readonly(tree, True)
        return cast("T", tree)
    try:
        found = cast("Values", OmegaConf.to_container(tree, resolve=True))
    except OmegaConfBaseException as error:
        raise ConfigError(fault(origin, path_of(error), "cannot be resolved")) from None
    hidden = {str(value) for path, value in leaves(found) if is_secret(path[-1])}
    try:
        return reader(cls)(cls, found, origin)
    except ConfigError as error:
        raise ConfigError(*(evolve(one, message=str(redacted(one.message, hidden))) for one in error.faults)) from None
    except (Exception, SystemExit) as error:  # the class's own validators may raise anything
        text = str(error.args[0]) if error.args else type(error).__name__
        raise ConfigError(Fault("", cls.__name__, str(redacted(text, hidden)))) from None


def reader(cls: type[T]) -> Reader[T]:
    """Return the function that creates instances of the class; ``TypeError`` if there is none."""
    if is_model(cls):
        return cast("Reader[T]", from_pydantic)
    if isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls)):  # pyright: ignore[reportUnnecessaryIsInstance]
        return from_structured
    raise TypeError(f"{cls!r} is neither an attrs class, a dataclass nor a pydantic model")


def is_model(cls: object) -> bool:
    """Whether it is a pydantic model; whoever has one has imported pydantic."""
    if "pydantic" not in sys.modules:
        return False
    from pydantic import BaseModel

    return isinstance(cls, type) and issubclass(cls, BaseModel)


def from_pydantic(cls: type[BaseModel], found: Values, origin: Origin) -> BaseModel:
    """Return an instance of a pydantic model."""
    from pydantic import ValidationError

    try:
        return cls.model_validate(found)
    except ValidationError as error:
        problems = error.errors(include_input=False)
        raise ConfigError(*(fault(origin, tuple(map(str, one["loc"])), one["msg"]) for one in problems)) from None


def from_structured(cls: type[T], found: Values, origin: Origin) -> T:
    """Return an instance of an attrs class or a dataclass; OmegaConf checks the types of its fields."""
    try:
        tree: DictConfig = OmegaConf.structured(blank(cls) if attrs.has(cls) else cls)
        unlock(tree)
    except OmegaConfBaseException as error:
        advice = "OmegaConf does not support this type; use a pydantic model"
        raise ConfigError(Fault(cls.__name__, ".".join(path_of(error)), advice)) from None
    # interpolations were resolved before: what is left of them is text
    faults = [one for path, value in leaves(found) for one in put(tree, path, escaped(value), origin)]
    reported = {one.path for one in faults}
    faults += [fault(origin, path, "is missing") for path in missing(tree) if ".".join(path) not in reported]
    if faults:
        raise ConfigError(*faults)
    return cast("T", OmegaConf.to_object(tree))


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
    """Make the trees of frozen classes writable."""
    OmegaConf.set_readonly(tree, False)
    for key in map(str, tree):
        if OmegaConf.is_interpolation(tree, key) or OmegaConf.is_missing(tree, key):
            continue
        node: object = tree[key]
        if isinstance(node, DictConfig):
            unlock(node)


def leaves(values: Values, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield the path and value of everything that is not a mapping with keys."""
    for key, value in values.items():
        if is_mapping(value) and value:
            yield from leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key)), value


# --- one field


def put(tree: DictConfig, path: Path, value: object, origin: Origin) -> Iterator[Fault]:
    """Set one value; yields its faults."""
    if has_containers(hint_at(tree, path), value):  # OmegaConf accepts a mapping as an element of a list[str]
        yield fault(origin, path, f"expected {expected(tree, path)}, got a list with other elements")
        return
    try:
        if any("." in name for name in path):  # only keys of the user's own mappings contain dots
            tree.merge_with(nested(path, value))
        else:
            OmegaConf.update(tree, ".".join(path), value, merge=True)
    except (ConfigKeyError, ConfigAttributeError) as error:
        inside = str(error.full_key or "").removeprefix(".".join(path)).lstrip(".")
        yield fault(origin, path, f"{inside}: unknown" if inside else f"unknown{nearest(tree, path)}")
    except OmegaConfBaseException:
        yield fault(origin, path, f"expected {expected(tree, path)}, got {type(value).__name__}")


def has_containers(hint: object, value: object) -> bool:
    """Whether a list whose elements must be simple has lists or mappings in it."""
    is_simple = get_args(hint)[:1] in [(kind,) for kind in SIMPLE]
    return is_simple and is_list(value) and any(is_list(one) or is_mapping(one) for one in value)


def hint_at(tree: DictConfig, path: Path) -> object:
    """Return the annotation of a field in its class, None if it is not a field of a class."""
    has_dots = any("." in name for name in path)
    parent = tree if has_dots else parent_of(tree, path)
    return get_type_hints(OmegaConf.get_type(parent)).get(path[-1]) if isinstance(parent, DictConfig) else None


def parent_of(tree: DictConfig, path: Path) -> object:
    """Return what contains the value at a path."""
    parent: object = OmegaConf.select(tree, ".".join(path[:-1])) if path[1:] else tree
    return parent


def expected(tree: DictConfig, path: Path) -> str:
    """Return the type of a field as its class states it."""
    hint = hint_at(tree, path) or "another kind of value"
    return str(getattr(hint, "__name__", hint)) if not get_args(hint) else str(hint).replace("typing.", "")


def nested(path: Path, value: object) -> dict[str, object]:
    """Return the mappings that have this value at this path."""
    first, *rest = path
    return {first: nested(tuple(rest), value) if rest else value}


def nearest(tree: DictConfig, path: Path) -> str:
    """Return a suggestion of the known name that is closest to an unknown one."""
    parent = parent_of(tree, path)
    return suggestion(path[-1], map(str, parent)) if isinstance(parent, DictConfig) or is_mapping(parent) else ""


def missing(tree: DictConfig) -> list[Path]:
    """Return the paths of required values that are missing."""
    return sorted(tuple(key.split(".")) for key in OmegaConf.missing_keys(tree))


def fault(origin: Origin, path: Path, message: str) -> Fault:
    """Return a fault at a path, with the layer that set the value."""
    return Fault(origin(path), ".".join(path), message)


def path_of(error: OmegaConfBaseException) -> Path:
    """Return the path of the value that OmegaConf refused."""
    return tuple(str(error.full_key or "").split("."))
