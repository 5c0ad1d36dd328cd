"""What a tool that reports errors with local variables would show."""

from __future__ import annotations

from traceback import walk_tb


def shown(error: BaseException, package: str = "etcd_factory") -> dict[str, str]:
    """Return the local variables of the package's frames below an error, as ``function.name``, each as its repr."""
    found: dict[str, str] = {}
    for frame, _ in walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if name == package or name.startswith(f"{package}."):
            for local, value in frame.f_locals.items():
                found[f"{name}.{frame.f_code.co_name}.{local}"] = safe(value)
    return found


def safe(value: object) -> str:
    """Return the repr of a value, as far as it has one."""
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(error).__name__}>"
