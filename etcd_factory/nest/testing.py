"""``Test`` and ``AsyncTest``: applications for unit tests, with providers and modules replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from attrs import evolve, field, frozen

from etcd_factory.compat import Self

from .application import Application, ApplicationBase, AsyncApplication
from .errors import DeclarationError, UnresolvedError, display_name
from .identity import Identity
from .modules import DynamicModule, Import, ImportLike, ModuleLike, ProviderLike, as_imports, module
from .providers import NOT_GIVEN, NotGiven, Provider

A = TypeVar("A", bound="ApplicationBase[Any]")
B = TypeVar("B", bound="TestBuilder")

Mocker = Callable[[Any], object]


@frozen(eq=False, kw_only=True)
class TestBuilder:
    """An application to be compiled; each method returns a new builder."""

    __test__: ClassVar[bool] = False  # pytest collects classes of this name
    imports: tuple[Import, ...] = field(converter=as_imports)
    providers: Iterable[ProviderLike]
    exports: Iterable[object]
    identity: Identity
    overrides: tuple[Provider, ...] = ()
    module_overrides: tuple[tuple[ModuleLike, ModuleLike], ...] = ()
    mocker: Mocker | None = None

    def override_provider(self, token: object) -> ProviderOverride[Self]:
        """Replace the provider of a token in every module: ``.override_provider(Service).use_value(fake)``."""
        return ProviderOverride(self, token)

    def override_module(self, replaced: ModuleLike) -> ModuleOverride[Self]:
        """Replace a module wherever it is imported: ``.override_module(EtcdModule).use_module(FakeModule)``.

        A dynamic module is named by the same object or an equal call.
        """
        return ModuleOverride(self, replaced)

    def use_mocker(self, mocker: Mocker) -> Self:
        """Provide the result of a function for each dependency that no module provides.

        ``mocker`` receives the token once for all its consumers; where it returns None, the dependency stays
        unresolved. ``.use_mocker(lambda token: create_autospec(token, instance=True))``.
        """
        if not callable(mocker):
            raise DeclarationError(f"mocker {display_name(mocker)} is not callable; use a function of a token")
        return evolve(self, mocker=mocker)

    def _application(self, kind: type[A]) -> A:
        try:
            return self._constructed(kind, ())
        except UnresolvedError as error:
            if self.mocker is None:
                raise
            tokens = dict.fromkeys(missing.token for missing in error.missing)
            mocks = ((token, self.mocker(token)) for token in tokens)
        return self._constructed(kind, [Provider(token, use_value=mock) for token, mock in mocks if mock is not None])

    def _constructed(self, kind: type[A], mocks: Iterable[Provider]) -> A:
        tokens = [one.token for one in mocks]
        mocked = DynamicModule(MocksModule, providers=mocks, exports=tokens, is_global=True)

        @module(imports=[*self.imports, mocked], providers=self.providers, exports=self.exports)
        class RootTestModule:
            """The module that is declared by the test."""

        return kind(
            RootTestModule,
            identity=self.identity,
            overrides=self.overrides,
            module_overrides=self.module_overrides,
        )


@module()
class MocksModule:
    """Provides what the mocker of a test returns."""


@frozen(eq=False)
class ProviderOverride(Generic[B]):
    """A provider to be replaced, by one of three ways."""

    builder: B
    token: object

    def use_value(self, value: object) -> B:
        """Replace it by a value."""
        return self._replaced(use_value=value)

    def use_class(self, cls: type[object]) -> B:
        """Replace it by an instance of a class, which is built with its dependencies."""
        return self._replaced(use_class=cls)

    def use_factory(self, factory: Callable[..., object], *, inject: Iterable[object] | None = None) -> B:
        """Replace it by the result of a function; ``inject`` lists its tokens."""
        return self._replaced(use_factory=factory, inject=inject)

    def _replaced(
        self,
        *,
        use_value: object = NOT_GIVEN,
        use_class: type[object] | NotGiven = NOT_GIVEN,
        use_factory: Callable[..., object] | NotGiven = NOT_GIVEN,
        inject: Iterable[object] | None = None,
    ) -> B:
        provider = Provider(
            self.token, use_value=use_value, use_class=use_class, use_factory=use_factory, inject=inject
        )
        return evolve(self.builder, overrides=(*self.builder.overrides, provider))


@frozen(eq=False)
class ModuleOverride(Generic[B]):
    """A module to be replaced."""

    builder: B
    replaced: ModuleLike

    def use_module(self, other: ModuleLike) -> B:
        """Replace it by another module."""
        return evolve(self.builder, module_overrides=(*self.builder.module_overrides, (self.replaced, other)))


@frozen(eq=False, kw_only=True)
class BlockingTestBuilder(TestBuilder):
    """Builds an ``Application``."""

    def compile(self) -> Application:
        """Return the application, started; leave its ``with`` block, or call ``stop``, at the end of the test."""
        return self._application(Application).start()


@frozen(eq=False, kw_only=True)
class AsyncTestBuilder(TestBuilder):
    """Builds an ``AsyncApplication``."""

    def compile(self) -> AsyncApplication:
        """Return the application; it is started by ``await``, or by entering it with ``async with``."""
        return self._application(AsyncApplication)


class Test:
    """Applications for unit tests.

    ``with Test.create(imports=[AppModule]).override_provider(Service).use_value(fake).compile() as app: ...``.
    """

    __test__: ClassVar[bool] = False

    @staticmethod
    def create(
        *modules: ImportLike,
        imports: Iterable[ImportLike] = (),
        providers: Iterable[ProviderLike] = (),
        exports: Iterable[object] = (),
        identity: Identity = "value",
    ) -> BlockingTestBuilder:
        """Return a builder of an application whose root module is declared here, as by ``@module``."""
        return BlockingTestBuilder(
            imports=[*modules, *imports], providers=providers, exports=exports, identity=identity
        )


class AsyncTest:
    """``Test`` for asyncio: ``async with AsyncTest.create(imports=[AppModule]).compile() as app``."""

    __test__: ClassVar[bool] = False

    @staticmethod
    def create(
        *modules: ImportLike,
        imports: Iterable[ImportLike] = (),
        providers: Iterable[ProviderLike] = (),
        exports: Iterable[object] = (),
        identity: Identity = "value",
    ) -> AsyncTestBuilder:
        """Return a builder of an application whose root module is declared here, as by ``@module``."""
        return AsyncTestBuilder(imports=[*modules, *imports], providers=providers, exports=exports, identity=identity)
