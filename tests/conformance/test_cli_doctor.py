"""``doctor`` on broken set-ups: it names what is wrong, and says what to do about it."""

from __future__ import annotations

import datetime
import json
import socket
import threading
import time
from functools import partial

import pytest

from etcd_factory import ETCDService
from etcd_factory.cli.doctor import checkup
from etcd_factory.testing import EtcdCluster
from tests.support.etcd_versions import AUTH_STATUS, need
from tests.support.faces import LOOK
from tests.support.h2_server import Server
from tests.support.h2_server import answering as answering_http2
from tests.support.http2 import headers

LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
SOON = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3, hours=1)


@pytest.fixture
def doctor(run, tmp_path):
    """The exit code, and the findings that are not ok, of a client with these options."""

    def examine(**options):
        config = tmp_path / "doctor.json"
        config.write_text(json.dumps({"etcd": {"client": {"dial_timeout": 2, **options}}}))
        done = run("doctor", "--json", "--config", config)
        (report,) = done.json
        assert report["ok"] is (done.code == 0)
        return done.code, {one["check"]: one for one in report["findings"] if one["level"] != "ok" and not is_old(one)}

    return examine


def is_old(finding):
    """Whether it is about the version of the tests' server, which is not what a test is about."""
    return finding["check"] == "version"


@pytest.fixture
def web_server():
    """A server of HTTP/1.1 that answers as nginx does to what it does not know."""
    answer = b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answering, args=(listener, answer), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def answering(listener, answer):
    """Answer each connection, until the listener is shut down."""
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with sock:
            sock.recv(1 << 16)
            sock.sendall(answer)


def test_a_good_set_up_has_no_findings_and_a_histogram(run, options, tmp_path):
    config = tmp_path / "good.json"
    config.write_text(json.dumps({"etcd": {"client": {**options, "namespace": ""}}}))
    done = run("doctor", "--config", config)
    assert (done.code, done.err) == (0, "")
    assert "FAIL" not in done.out
    for check in ("name", "connection", "TLS", "clock", "version", "leader", "credentials", "permission", "latency"):
        assert f" {check} " in done.out
    assert "<= " in done.out
    assert "#####" in done.out


def test_1_a_wrong_port(doctor, refusing):
    code, found = doctor(hosts=refusing)
    assert (code, set(found)) == (1, {"connection"})
    assert found["connection"]["host"] == refusing
    assert "nothing listens there" in found["connection"]["message"]
    assert "correct the port in hosts" in found["connection"]["advice"]


def test_2_a_wrong_password(doctor, auth_server):
    code, found = doctor(hosts=auth_server.server.url, auth={"username": "alice", "password": "hunter2"})
    assert (code, set(found)) == (1, {"credentials"})
    assert found["credentials"]["message"] == "the name or the password of the user 'alice' is wrong"
    assert "auth.password" in found["credentials"]["advice"]
    assert "hunter2" not in str(found)


def test_3_an_expired_certificate(doctor, serve, issue):
    server = serve("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + datetime.timedelta(days=1))
    code, found = doctor(hosts=server.url, tls={"ca": issue("x")["ca"]})
    assert (code, set(found)) == (1, {"certificate", "TLS"})
    assert "has expired on 2001-01-02" in found["certificate"]["message"]
    assert found["TLS"]["advice"] == "renew it on the server, or is this machine's clock right?"
    assert found["certificate"]["advice"].endswith("or is this machine's clock right?")


def test_4_a_wrong_ca(doctor, serve, stranger, issue):
    code, found = doctor(hosts=serve("127.0.0.1").url, tls={"ca": issue("127.0.0.1", by=stranger)["ca"]})
    assert (code, set(found)) == (1, {"TLS"})
    assert "not signed by the CA that is trusted, but by 'trustme v" in found["TLS"]["message"]
    assert found["TLS"]["advice"] == "set tls.ca to the server's CA"


def test_4_no_ca(doctor, serve):
    _, found = doctor(hosts=serve("127.0.0.1").url)
    assert found["TLS"]["advice"] == "set tls.ca to the server's CA (none is set: those of the system are trusted)"


def test_5_no_leader(doctor):
    with EtcdCluster() as cluster:
        alone, *others = cluster.members
        for one in others:
            one.kill()
        with ETCDService({"hosts": alone.endpoint}) as etcd:
            wait_until(lambda: not etcd.maintenance.status().leader)
        code, found = doctor(hosts=alone.endpoint)
    assert code == 1
    assert "no leader" in found["leader"]["message"]
    assert "more than half must run" in found["leader"]["advice"]
    assert set(found) == {"leader"}


def wait_until(is_true):
    """Ask again and again, for at most 30 s."""
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(LOOK)


def test_6_a_clock_that_is_off(etcd_server):
    with ETCDService({"hosts": etcd_server.endpoint}) as etcd:
        report = checkup("default", etcd, clock=lambda: time.time() + 300)
    (found,) = [one for one in report.findings if one.check == "clock"]
    assert found.level == "warning"
    assert found.message in {
        f"this machine's clock is {seconds} s ahead of the server's" for seconds in range(298, 303)
    }
    assert "NTP" in found.advice


def test_7_a_wrong_namespace(doctor, fragile):
    with ETCDService({"hosts": fragile.endpoint}) as etcd:
        etcd.delete().all()  # what other tests have left on this server
        etcd.put("shop/k").value("v")
        etcd.put("other/k").value("v")
        code, found = doctor(hosts=fragile.endpoint, namespace="shp/")
        etcd.delete().all()
    assert (code, set(found)) == (0, {"namespace"})
    assert found["namespace"]["message"] == "no key begins with 'shp/'"
    assert "keys begin with 'other/', 'shop/'; did you mean 'shop/'?" in found["namespace"]["advice"]


def test_8_no_permission(doctor, auth_server):
    login = {"username": "alice", "password": "wonder"}
    code, found = doctor(hosts=auth_server.server.url, auth=login, namespace="secret/")
    assert (code, set(found)) == (1, {"permission"})
    assert found["permission"]["message"] == "the user 'alice' has no permission to read 'secret/'"
    assert "role grant-permission" in found["permission"]["advice"]


def test_9_a_proxy_in_the_way(doctor, web_server):
    code, found = doctor(hosts=web_server)
    assert (code, set(found)) == (1, {"proxy"})
    assert "(nginx/1.22): it answers 'HTTP/1.1 400 Bad Request'" in found["proxy"]["message"]
    assert "let the proxy pass HTTP/2" in found["proxy"]["advice"]


def test_9_a_proxy_that_swallows_everything(doctor, silent):
    code, found = doctor(hosts=silent, dial_timeout=0.5)
    assert (code, set(found)) == (1, {"proxy"})
    assert "answers nothing" in found["proxy"]["message"]


def test_10_a_name_that_dns_does_not_know(doctor):
    code, found = doctor(hosts="etcd.invalid:2379", dial_timeout=10)
    assert (code, set(found)) == (1, {"name"})
    assert "DNS does not know etcd.invalid" in found["name"]["message"]
    assert "DNS or /etc/hosts" in found["name"]["advice"]


def test_a_certificate_that_expires_soon_is_a_warning(doctor, serve, issue):
    mine = issue("client", not_after=SOON)
    tls = {"ca": mine["ca"], "cert": mine["cert"], "key": mine["key"]}
    code, found = doctor(hosts=serve("127.0.0.1", strict=True).url, tls=tls, namespace="")
    assert (code, set(found)) == (0, {"certificate"})
    assert found["certificate"]["message"].startswith("the client's certificate (tls.cert): 3 days left")


def test_missing_credentials(doctor, auth_server):
    code, found = doctor(hosts=auth_server.server.url)
    assert (code, set(found)) == (1, {"credentials"})
    assert "requires credentials" in found["credentials"]["message"]


def test_a_proxy_of_the_environment_that_is_not_used_is_mentioned(doctor, refusing, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy:3128")
    _, found = doctor(hosts=refusing)
    assert "$HTTPS_PROXY is not used" in found["connection"]["advice"]
    assert "hunter2" not in str(found)


def test_a_proxy_of_the_options_that_cannot_be_reached(doctor, etcd_server, refusing):
    code, found = doctor(hosts=etcd_server.endpoint, proxy=f"http://user:hunter2@{refusing}")
    assert (code, set(found)) == (1, {"connection"})
    assert f"check the option proxy, {refusing}" in found["connection"]["advice"]
    assert "hunter2" not in str(found)


def test_one_host_of_several_that_is_away_is_named_and_the_rest_is_checked(doctor, etcd_server, refusing):
    code, found = doctor(hosts=[refusing, etcd_server.endpoint])
    assert (code, set(found)) == (1, {"connection"})
    assert found["connection"]["host"] == refusing


def test_that_the_cluster_works_without_one_of_its_hosts_is_the_last_line(run, etcd_server, refusing):
    done = run("doctor", "--hosts", f"{refusing},{etcd_server.endpoint}")
    assert done.code == 1
    assert done.out.endswith("cluster     1 of 2 hosts answer; the cluster serves reads and writes\n")
    assert "hosts answer" not in run("doctor", "--hosts", etcd_server.endpoint).out


def test_a_password_that_no_server_checks_is_a_warning(doctor, etcd_server):
    need(AUTH_STATUS, etcd_server.version)
    code, found = doctor(hosts=etcd_server.endpoint, auth={"username": "nobody", "password": "hunter2"})
    assert (code, set(found)) == (0, {"credentials"})
    assert found["credentials"]["message"] == "the server has authentication off: the password was not checked"


def test_a_proxy_that_speaks_http2_and_no_grpc(doctor):
    fields = [(":status", "404"), ("server", "nginx/1.22"), ("content-type", "text/html")]
    script = partial(answering_http2, answer=lambda wire, stream: wire.say(headers(stream, fields, end=True)))
    with Server(script) as server:
        code, found = doctor(hosts=server.endpoint, dial_timeout=0.5)
    assert (code, set(found)) == (1, {"proxy"})
    assert "404" in found["proxy"]["message"]
    assert "let the proxy pass HTTP/2" in found["proxy"]["advice"]
