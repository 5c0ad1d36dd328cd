"""The options of the one client that environment variables describe."""

from __future__ import annotations

import os

from etcd_factory.options.client import ClientOptions, without_class
from etcd_factory.options.factory import DEFAULT
from etcd_factory.options.structure import structure

from .loader import read
from .section import section

KEY = "etcd"


def client_options(*env_files: str | os.PathLike[str]) -> ClientOptions:
    """Return the options of the client ``default`` from ``ETCD_FACTORY__ETCD__CLIENT`` and variables like it.

    Those of ``.env`` files are below them, later files above earlier ones. Raises ``ConfigError`` listing every
    problem.
    """
    loaded = read({KEY: {}}, *env_files, key=KEY)
    plan = section(loaded, KEY, lambda options: structure(ClientOptions, options))
    found = plan.clients.get(DEFAULT)
    return without_class(structure(ClientOptions, plan.options.merged()) if found is None else found)
