"""The four kinds of providers: a class, a value, a factory, and another name for what there is.

Two modules are made in each way, for the application and for its users, and both are asked for their prefix.
Needs pip install 'etcd-factory[nest]', and no etcd.
"""

from __future__ import annotations

from typing import Any

from etcd_factory.nest import Application, DynamicModule, Provider, module


class Database:
    """What both of the parts below are."""

    prefix = "abstract"


class UserDatabase(Database):
    """The users'."""

    prefix = "user"


class AppDatabase(Database):
    """The application's."""

    prefix = "app"


class Greeter:
    """Asks for a database, and does not know which one it is given."""

    def __init__(self, database: Database) -> None:
        self.database = database


KINDS = {"user": UserDatabase, "app": AppDatabase}


@module()
class DatabaseModule:
    """Gives a database, in one of four ways."""

    @classmethod
    def by_class(cls, kind: str) -> DynamicModule:
        """An instance of that class, one for each module that asks for another class."""
        return cls.giving(Provider(Database, use_class=KINDS[kind]))

    @classmethod
    def by_value(cls, kind: str) -> DynamicModule:
        """A value that there is already."""
        return cls.giving(Provider(Database, use_value=KINDS[kind]()))

    @classmethod
    def by_factory(cls, kind: str) -> DynamicModule:
        """What a function gives; it may be ``async``."""
        return cls.giving(Provider(Database, use_factory=lambda: KINDS[kind]()))

    @classmethod
    def by_existing(cls) -> DynamicModule:
        """Other names for one instance."""
        aliases = [Provider(f"{kind}_database", use_existing=Database) for kind in KINDS]
        return cls.giving(Database, *aliases)

    @classmethod
    def giving(cls, *providers: Any) -> DynamicModule:
        """All of them, to whom imports the module."""
        return DynamicModule(cls, providers=providers, exports=providers)


def show(way: str, user: DynamicModule, app: DynamicModule) -> None:
    """An application whose two modules have a database each."""

    @module(imports=[user], providers=[Greeter])
    class UserModule:
        """The users' part."""

    @module(imports=[UserModule, app], providers=[Greeter])
    class AppModule:
        """The root."""

    with Application(AppModule) as running:
        ours, theirs = (running.select(part).get(Greeter).database for part in (AppModule, UserModule))
        print(f"{way:<12} app: {ours.prefix:<9} user: {theirs.prefix:<9} one instance: {ours is theirs}")


def main() -> None:
    """All four."""
    show("use_class", DatabaseModule.by_class("user"), DatabaseModule.by_class("app"))
    show("use_value", DatabaseModule.by_value("user"), DatabaseModule.by_value("app"))
    show("use_factory", DatabaseModule.by_factory("user"), DatabaseModule.by_factory("app"))
    show("use_existing", DatabaseModule.by_existing(), DatabaseModule.by_existing())


if __name__ == "__main__":
    main()
