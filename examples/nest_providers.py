"""The four kinds of providers: a class, a value, a factory, and an alias of an existing provider.

For each kind, an application module and a user module get a database, and the prefixes of both are printed.
Requires pip install 'etcd-factory[nest]', but no etcd.
"""

from __future__ import annotations

from typing import Any

from etcd_factory.nest import Application, DynamicModule, Provider, module


class Database:
    """The common base class."""

    prefix = "abstract"


class UserDatabase(Database):
    """The database of the user module."""

    prefix = "user"


class AppDatabase(Database):
    """The database of the application module."""

    prefix = "app"


class Greeter:
    """Injects a database without knowing which one."""

    def __init__(self, database: Database) -> None:
        self.database = database


KINDS = {"user": UserDatabase, "app": AppDatabase}


@module()
class DatabaseModule:
    """Provides a database by one of four kinds of providers."""

    @classmethod
    def by_class(cls, kind: str) -> DynamicModule:
        """Provide an instance of a class, one for each configuration."""
        return cls.providing(Provider(Database, use_class=KINDS[kind]))

    @classmethod
    def by_value(cls, kind: str) -> DynamicModule:
        """Provide an existing object."""
        return cls.providing(Provider(Database, use_value=KINDS[kind]()))

    @classmethod
    def by_factory(cls, kind: str) -> DynamicModule:
        """Provide the result of a function, which may be ``async``."""
        return cls.providing(Provider(Database, use_factory=lambda: KINDS[kind]()))

    @classmethod
    def by_existing(cls) -> DynamicModule:
        """Provide aliases of one instance."""
        aliases = [Provider(f"{kind}_database", use_existing=Database) for kind in KINDS]
        return cls.providing(Database, *aliases)

    @classmethod
    def providing(cls, *providers: Any) -> DynamicModule:
        """Return the module with these providers, all exported."""
        return DynamicModule(cls, providers=providers, exports=providers)


def show(kind: str, user: DynamicModule, app: DynamicModule) -> None:
    """Start an application whose two modules have a database each, and print both."""

    @module(imports=[user], providers=[Greeter])
    class UserModule:
        """The user module."""

    @module(imports=[UserModule, app], providers=[Greeter])
    class AppModule:
        """The root module."""

    with Application(AppModule) as running:
        ours, theirs = (running.select(part).get(Greeter).database for part in (AppModule, UserModule))
        print(f"{kind:<12} app: {ours.prefix:<9} user: {theirs.prefix:<9} one instance: {ours is theirs}")


def main() -> None:
    """Show all four kinds."""
    show("use_class", DatabaseModule.by_class("user"), DatabaseModule.by_class("app"))
    show("use_value", DatabaseModule.by_value("user"), DatabaseModule.by_value("app"))
    show("use_factory", DatabaseModule.by_factory("user"), DatabaseModule.by_factory("app"))
    show("use_existing", DatabaseModule.by_existing(), DatabaseModule.by_existing())


if __name__ == "__main__":
    main()
