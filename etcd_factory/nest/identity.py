"""Which modules are the same: those of equal calls (``"value"``, the default), or of one object (``"reference"``)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal, get_args

from etcd_factory.errors import suggestion

from .errors import DeclarationError
from .fingerprint import Reference, fingerprint
from .modules import DynamicModule, ForwardRef, ModuleLike

Identity = Literal["value", "reference"]


class ModuleKeys:
    """Keys of the modules of one application; equal modules have equal keys."""

    def __init__(self, identity: Identity = "value") -> None:
        known = get_args(Identity)
        if identity not in known:
            near = suggestion(str(identity), known)
            raise DeclarationError(f"invalid identity {identity!r}; use one of {', '.join(map(repr, known))}{near}")
        self._by_value = identity == "value"
        self._keys: dict[Reference, Hashable] = {}
        self._numbers: dict[Hashable, int] = {}

    def key(self, module: ModuleLike) -> Hashable:
        """Return the key of a module. The modules that it imports get theirs first, without recursion."""
        if not isinstance(module, DynamicModule):
            return Reference(module)
        pending = [module]
        while pending:
            last = pending[-1]
            inner = [one for one in last.imports if isinstance(one, DynamicModule) and Reference(one) not in self._keys]
            if self._by_value and not last.is_transient and inner:
                pending += inner
            else:
                self._keys[Reference(pending.pop())] = self._new_key(last)
        return self._keys[Reference(module)]

    def forward_key(self, forward_ref: ForwardRef) -> Hashable:
        """Return the key of a function in ``imports`` that returns a module when called."""
        return fingerprint(forward_ref) if self._by_value else Reference(forward_ref)

    def _new_key(self, module: DynamicModule) -> Hashable:
        """Return a number for each distinct content, which keeps the keys of nested modules small."""
        if not self._by_value or module.is_transient:
            return Reference(module)
        imports = tuple(self._keys.get(Reference(one)) or fingerprint(one) for one in module.imports)
        rest = fingerprint((module.module, module.providers, module.exports, module.is_global, module.name))
        return self._numbers.setdefault((imports, rest), len(self._numbers) + 1)
