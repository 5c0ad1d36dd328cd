"""Nest's modules for Python: which providers a module sees, and which instances are shared.

    @module(imports=[CacheModule.for_root({"size": 10})], providers=[UserService], exports=[UserService])
    class UserModule: ...

    with Application(UserModule) as app:
        app.get(UserService)

A module tree is compiled to one dishka provider. ``Application`` starts it; ``provider_of`` returns it for your own
container.
"""

from __future__ import annotations

from etcd_factory.registry import AsyncEtcdService, EtcdService

from .application import Application, AsyncApplication
from .async_options import AsyncOptions
from .conditional_module import ConditionalModule
from .config_module import ConfigModule
from .config_service import ConfigService
from .config_sources import Namespace, register_as
from .configurable_module import ConfigurableModule, OptionsFactory
from .contexts import AsyncContext, Context
from .dishka_provider import key_of, provider_of
from .errors import (
    ApplicationStateError,
    AsyncFactoryError,
    ConfigKeyError,
    CycleError,
    DeclarationError,
    Missing,
    ModuleError,
    ProviderNotFoundError,
    ScopeError,
    StopError,
    UnresolvedError,
)
from .etcd_module import ASYNC_ETCD_CLIENT, ETCD_CLIENT, AsyncEtcdModule, EtcdModule, async_client_token, client_token
from .identity import Identity
from .instances import Selected
from .module_builder import ConfigurableModuleBuilder
from .module_ref import AsyncModuleRef, ModuleRef
from .modules import DynamicModule, module
from .providers import Provider
from .testing import AsyncTest, Test
from .tokens import REQUEST, Inject, Token, forward_ref

__all__ = [
    "ASYNC_ETCD_CLIENT",
    "ETCD_CLIENT",
    "REQUEST",
    "Application",
    "ApplicationStateError",
    "AsyncApplication",
    "AsyncContext",
    "AsyncEtcdModule",
    "AsyncEtcdService",
    "AsyncFactoryError",
    "AsyncModuleRef",
    "AsyncOptions",
    "AsyncTest",
    "ConditionalModule",
    "ConfigKeyError",
    "ConfigModule",
    "ConfigService",
    "ConfigurableModule",
    "ConfigurableModuleBuilder",
    "Context",
    "CycleError",
    "DeclarationError",
    "DynamicModule",
    "EtcdModule",
    "EtcdService",
    "Identity",
    "Inject",
    "Missing",
    "ModuleError",
    "ModuleRef",
    "Namespace",
    "OptionsFactory",
    "Provider",
    "ProviderNotFoundError",
    "ScopeError",
    "Selected",
    "StopError",
    "Test",
    "Token",
    "UnresolvedError",
    "async_client_token",
    "client_token",
    "forward_ref",
    "key_of",
    "module",
    "provider_of",
    "register_as",
]
