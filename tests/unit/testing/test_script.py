"""Which step of a script answers which call, and how calls are shown."""

import pytest

from etcd_factory.errors import ConnectionFailedError, EtcdFactoryError
from etcd_factory.testing import replies
from etcd_factory.testing.script import NO_REPLY, Call, Script, ScriptError, can_answer
from etcd_factory.testing.scripted_stream import StreamScript
from etcd_factory.wire import messages

HOST = "http://127.0.0.1:2379"


def unary(method="Range", request=None, service="KV"):
    return Call(HOST, service, method, request, 5.0, ())


def stream(method="Watch"):
    return Call(HOST, method, method, None, None, ())


# --- steps


def test_a_list_is_used_in_order():
    first, second = replies.get(), replies.put()
    script = Script([first, second])
    assert script.next(unary()) is first
    script.use(unary())
    assert script.left == [second]
    assert script.next(unary("Put")) is second
    script.use(unary("Put"))
    assert script.next(unary()) is None


def test_a_mapping_has_steps_for_each_method():
    found, first, second = replies.get(), replies.put(revision=1), replies.put(revision=2)
    script = Script({"Range": found, "Put": [first, second]})
    for _ in range(3):
        assert script.next(unary()) is found
        script.use(unary())
    script.use(unary("Put"))
    assert script.left == [second]
    assert script.next(unary("Txn")) is None


def test_a_method_that_etcd_does_not_have_is_an_error():
    with pytest.raises(ValueError, match="etcd has no method 'Rnage'; did you mean 'Range'"):
        Script({"Rnage": replies.get()})


@pytest.mark.parametrize("script", [["red"], [None], "red", {"Range": {"k": "v"}}, {"Put": [replies.put(), 3]}])
def test_a_step_that_is_none_is_an_error(script):
    with pytest.raises(TypeError, match="a step is a message, an exception"):
        Script(script)


# --- what can answer what


@pytest.mark.parametrize(
    ("answer", "is_possible"),
    [
        (replies.get(), True),
        (replies.put(), False),
        (ConnectionFailedError("broke"), True),
        (ConnectionFailedError, True),
        (NO_REPLY, True),
        (StreamScript(), False),
        (None, False),
        (len, False),
    ],
)
def test_a_call_is_answered_by_its_own_reply_or_fails(answer, is_possible):
    assert can_answer(answer, unary()) == is_possible


@pytest.mark.parametrize(
    ("answer", "is_possible"),
    [
        (replies.watch(replies.put_event("k", "v"), replies.END), True),
        (StreamScript(replies.put()), False),
        (replies.put_event("k", "v"), False),
        (ConnectionFailedError("broke"), True),
        (NO_REPLY, True),
    ],
)
def test_a_stream_is_answered_by_a_script_of_its_own_messages_or_fails(answer, is_possible):
    assert can_answer(answer, stream()) == is_possible


# --- calls as text


def test_a_call_shows_its_request():
    request = messages.PutRequest(key=b"k", value=b"v", lease=7)
    assert repr(unary("Put", request)) == f"<Call KV.Put key=b'k' value=b'v' lease=7 at {HOST}, timeout 5 s>"
    assert repr(stream()) == f"<Call Watch.Watch at {HOST}>"


def test_a_call_shows_nested_requests():
    put = messages.RequestOp(request_put=messages.PutRequest(key=b"k"))
    shown = repr(unary("Txn", messages.TxnRequest(success=[put, put])))
    assert "success=[(request_put=(key=b'k')), (request_put=(key=b'k'))]" in shown


def test_a_call_shows_the_beginning_of_long_values():
    assert len(repr(unary("Put", messages.PutRequest(key=b"k" * 1000, value=b"v" * 1000)))) < 250


def test_a_call_hides_passwords_and_tokens():
    login = messages.AuthenticateRequest(name="alice", password="secret")
    shown = repr(Call(HOST, "Auth", "Authenticate", login, 5.0, (("token", "secret"),)))
    assert "name='alice' password=***" in shown
    assert "secret" not in shown


def test_a_script_error_is_no_error_of_etcd():
    assert issubclass(ScriptError, AssertionError)
    assert not issubclass(ScriptError, EtcdFactoryError)
