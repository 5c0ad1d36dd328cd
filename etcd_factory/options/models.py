"""Values of pydantic's classes as options: models become mappings, URLs text. Nothing here imports pydantic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast


def is_model(value: object) -> bool:
    """Whether a value is an instance of a pydantic model."""
    return isinstance(getattr(type(value), "model_fields", None), Mapping) and hasattr(type(value), "model_dump")


def is_url_object(value: object) -> bool:
    """Whether a value is one of pydantic's URLs: ``AnyUrl``, one of several hosts, or one of ``pydantic_core``."""
    return callable(getattr(type(value), "unicode_string", None))


def unmodeled(value: object) -> Any:
    """Return a model as a mapping from its fields' names, and a URL as text; anything else unchanged.

    A field that is None is left out: it means the default, and removes no value of a lower layer.
    """
    if is_url_object(value):
        return str(value)
    if is_model(value):
        return {name: each for name, each in cast("Iterable[tuple[str, object]]", value) if each is not None}
    return value
