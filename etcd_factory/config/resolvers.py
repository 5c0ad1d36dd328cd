"""Registering resolvers of interpolations, whatever the version of OmegaConf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import omegaconf
from omegaconf import OmegaConf


def register_resolver(name: str, resolve: Callable[..., object], *, use_cache: bool = False) -> None:
    """Make ``${name:arguments}`` the result of a function, until ``OmegaConf.clear_resolver(name)``.

    OmegaConf 2.4 deprecates ``register_new_resolver``, and 2.3 has another function under its new name.
    """
    is_new = hasattr(omegaconf, "TupleConfig")
    register: Any = getattr(OmegaConf, "register_resolver" if is_new else "register_new_resolver")
    register(name, resolve, use_cache=use_cache)
