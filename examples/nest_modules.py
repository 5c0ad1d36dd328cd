"""Modules as in NestJS: one service in two modules, first as two instances, then as one.

Each controller represents a part of a web application; requests and responses are printed.
Requires pip install 'etcd-factory[nest]', but no etcd.
"""

from __future__ import annotations

from etcd_factory.nest import Application, module


class AppService:
    """Holds a text."""

    def __init__(self) -> None:
        self.text = ""


class Controller:
    """Handles requests with the service that its module sees."""

    path = ""

    def __init__(self, service: AppService) -> None:
        self.service = service

    def set(self, text: str) -> None:
        """Set the text."""
        self.service.text = text
        print(f"  {self.path + '/set?str=' + text:<24} done")

    def get(self) -> None:
        """Print the text."""
        print(f"  {self.path + '/get':<24} {self.service.text}".rstrip())


class AppController(Controller):
    """The controller of the root module."""


class UserController(Controller):
    """The controller of the user module."""

    path = "/user"


@module(providers=[AppService, UserController])
class UserModule:
    """Provides its own private service."""


@module(imports=[UserModule], providers=[AppService, AppController])
class AppModule:
    """Provides its own service too."""


@module(providers=[AppService, UserController], exports=[AppService])
class SharingUserModule:
    """Exports its service."""


@module(imports=[SharingUserModule], providers=[AppController])
class SharedAppModule:
    """Provides no service, and sees the imported one."""


def requests(root: type[AppModule] | type[SharedAppModule]) -> None:
    """Send the same requests to both controllers."""
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
    """Show both."""
    print("AppService in the providers of both modules: two instances")
    requests(AppModule)
    print("\nAppService exported by the one and imported by the other: one instance")
    requests(SharedAppModule)


if __name__ == "__main__":
    main()
