"""Modules as in NestJS: one service in two modules, first as two instances, then as one.

Each controller stands for a part of a web application; what it is asked and what it answers is printed.
Needs pip install 'etcd-factory[nest]', and no etcd.
"""

from __future__ import annotations

from etcd_factory.nest import Application, module


class AppService:
    """Holds a text."""

    def __init__(self) -> None:
        self.text = ""


class Controller:
    """Answers requests; it gets the service that its module sees."""

    path = ""

    def __init__(self, service: AppService) -> None:
        self.service = service

    def set(self, text: str) -> None:
        """Keep a text."""
        self.service.text = text
        print(f"  {self.path + '/set?str=' + text:<24} done")

    def get(self) -> None:
        """Show it."""
        print(f"  {self.path + '/get':<24} {self.service.text}".rstrip())


class AppController(Controller):
    """The root's."""


class UserController(Controller):
    """The user's."""

    path = "/user"


@module(providers=[AppService, UserController])
class UserModule:
    """Has a service of its own, and keeps it to itself."""


@module(imports=[UserModule], providers=[AppService, AppController])
class AppModule:
    """Has one too."""


@module(providers=[AppService, UserController], exports=[AppService])
class SharingUserModule:
    """Exports its service."""


@module(imports=[SharingUserModule], providers=[AppController])
class SharedAppModule:
    """Has none, and sees the imported one."""


def requests(root: type[AppModule] | type[SharedAppModule]) -> None:
    """The same requests, whatever the modules say."""
    with Application(root) as application:
        app, user = application.get(AppController), application.get(UserController)
        app.set("Hi~")
        app.get()
        user.get()
        user.set("HiUser~")
        user.get()
        app.get()
        print(f"  one and the same service: {app.service is user.service}")


def main() -> None:
    """Both ways."""
    print("AppService in the providers of both modules: two instances")
    requests(AppModule)
    print("\nAppService exported by the one and imported by the other: one instance")
    requests(SharedAppModule)


if __name__ == "__main__":
    main()
