"""Options from pydantic's models."""

from __future__ import annotations

import pytest
from pydantic import AnyUrl, BaseModel, HttpUrl, SecretStr
from pydantic_core import MultiHostUrl, Url

from etcd_factory import ClientOptions, ETCDService, ETCDServiceFactory, load_config
from etcd_factory.options import Retry
from etcd_factory.options.models import is_model, is_url_object, unmodeled


class Account(BaseModel):
    username: str = "root"
    password: SecretStr = SecretStr("hunter2")


class Attempts(BaseModel):
    attempts: int = 3


class Client(BaseModel):
    hosts: list[AnyUrl] = [AnyUrl("https://a:1"), AnyUrl("https://b:2/")]
    auth: Account | None = Account()
    retry: Attempts = Attempts()
    namespace: str | None = None


class Factory(BaseModel):
    client: Client = Client()
    clients: dict[str, Client] = {"a": Client(namespace="a/")}


EXPECTED = ClientOptions.of(
    {"hosts": ["https://a:1", "https://b:2"], "auth": {"username": "root", "password": "hunter2"}}
    | {"retry": {"attempts": 3}}
)
TAKEN = {
    "options": ClientOptions.of,
    "service": lambda model: ETCDService(model).options,
    "client": lambda model: ETCDServiceFactory({"client": model}).get().options,
    "clients": lambda model: ETCDServiceFactory({"clients": {"a": model}}).get("a").options,
    "create_instance": lambda model: ETCDServiceFactory().create_instance(model).options,
    "load_config": lambda model: ClientOptions.of(load_config({"etcd": {"client": model}}).etcd.client),
    "groups": lambda model: ClientOptions(hosts=model.hosts, auth=model.auth, retry=model.retry),
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_a_model_is_taken_wherever_options_are(take):
    assert take(Client()) == EXPECTED


@pytest.mark.parametrize(
    "make", [ETCDServiceFactory, lambda model: ETCDServiceFactory.from_config({"etcd": model})], ids=["factory", "load"]
)
def test_a_model_may_describe_a_whole_factory(make):
    factory = make(Factory())
    assert factory.get().options == EXPECTED
    assert factory.get("a").options.namespace == "a/"


def test_a_model_may_be_the_value_of_a_python_file(tmp_path):
    (tmp_path / "a.py").write_text(
        "from pydantic import BaseModel\n"
        "class Model(BaseModel):\n    client: dict = {'hosts': 'a:1', 'timeout': None}\n"
        "etcd = Model()\n"
    )
    assert load_config(tmp_path / "a.py").etcd.client.hosts == "a:1"


def test_an_unset_field_removes_nothing_of_a_lower_layer():
    factory = ETCDServiceFactory({"default": {"namespace": "x/"}, "client": Client()})
    assert factory.get().options.namespace == "x/"


def test_the_faults_of_a_model_have_the_names_of_its_fields(faults):
    assert faults(ClientOptions.of, Client(retry=Attempts(attempts=0))) == [
        "retry.attempts: expected a whole number above 0, got 0"
    ]

    class Wrong(BaseModel):
        hots: str = "a"

    assert faults(ClientOptions.of, Wrong()) == ["hots: unknown option; did you mean 'hosts'?"]


def test_a_model_that_contains_itself_is_a_fault(faults):
    class Circle(BaseModel):
        retry: object = None

    circle = Circle()
    circle.retry = circle
    (fault,) = faults(ClientOptions.of, circle)
    assert "contains itself" in fault or "nested" in fault


@pytest.mark.parametrize("url", [AnyUrl("http://a:1"), HttpUrl("http://a:1"), Url("http://a:1")])
def test_a_url_object_is_its_text(url):
    assert is_url_object(url)
    assert unmodeled(url) == "http://a:1/"
    assert ClientOptions.of({"hosts": url}).hosts == ClientOptions(hosts=url).hosts == ("http://a:1",)
    assert ClientOptions.of({"proxy": url}).proxy == ClientOptions(proxy=url).proxy == "http://a:1"


def test_a_url_of_several_hosts_may_be_an_object():
    options = ClientOptions.of(MultiHostUrl("etcd://u:p@a:1,b:2/ns"))
    assert options == ClientOptions.of("etcd://u:p@a:1,b:2/ns")


@pytest.mark.parametrize("value", [5, "a", None, {"a": 1}, Client, SecretStr("a"), Retry()])
def test_anything_else_is_unchanged(value):
    assert not is_model(value)
    assert unmodeled(value) is value
