"""The command line on a real etcd: what each command prints, leaves behind, and its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from etcd_factory import ETCDService
from etcd_factory.registry import ServiceRegistry
from etcd_factory.testing import EtcdCluster
from tests.support.command_line import environment, interrupted, program


@pytest.fixture
def here(options, tmp_path):
    """The arguments of a program of its own that choose the test's client."""
    config = tmp_path / "program.json"
    config.write_text(json.dumps({"etcd": {"client": options}}))
    return "--config", config


# --- keys


def test_a_key_is_written_read_and_deleted(cli, etcd):
    assert cli("put", "a", "1").code == 0
    assert etcd.get("a").string() == "1"
    assert (cli("get", "a").out, cli("get", "a", "--raw").out) == ("1\n", "1")
    assert cli("get", "a", "--json").json["value"] == "1"
    assert cli("del", "a").out == "1\n"
    assert not etcd.get("a").exists()


def test_what_is_not_there_has_exit_code_1(cli):
    done = cli("get", "none")
    assert (done.code, done.out, done.err) == (1, "", "there is no key 'none'\n")
    assert (cli("get", "none", "--json").out, cli("del", "none").code) == ("null\n", 1)


def test_a_value_of_any_bytes_goes_through_unchanged(here, etcd):
    value = bytes(range(256)) * 10
    command = [sys.executable, "-m", "etcd_factory", *map(str, here)]
    put = subprocess.run([*command, "put", "k"], input=value, capture_output=True, env=environment(), timeout=60)
    assert (put.returncode, etcd.get("k").bytes()) == (0, value)
    got = subprocess.run([*command, "get", "k", "--raw"], capture_output=True, env=environment(), timeout=60)
    assert got.stdout == value


def test_conditional_writes(cli, etcd):
    assert cli("put", "k", "1", "--if-absent").code == 0
    revision = etcd.get("k").kv().mod_revision
    late = cli("put", "k", "2", "--if-absent")
    assert (late.code, late.out) == (1, f"not written: it was changed at revision {revision}\n")
    assert cli("put", "k", "3", "--if-revision", revision, "--json").json["succeeded"]
    assert etcd.get("k").string() == "3"


def test_a_key_can_be_read_as_it_was(cli, etcd):
    first = etcd.put("k").value("1").revision
    etcd.put("k").value("2")
    assert cli("get", "k", "--revision", first).out == "1\n"


def test_keys_are_listed_and_deleted_by_prefix(cli, etcd):
    for key in ("a/1", "a/2", "b"):
        etcd.put(key).value("v")
    assert cli("ls").out == "a/1\na/2\nb\n"
    assert cli("ls", "a/", "--values").out == "a/1 = v\na/2 = v\n"
    assert [one["key"] for one in cli("ls", "--json", "--limit", 2).lines] == ["a/1", "a/2"]
    assert cli("ls", "a/", "--count").out == "2\n"
    assert cli("del", "a/", "--prefix", "--json").json["deleted"] == 2
    assert cli("del", "--all").out == "1\n"
    assert etcd.get_all().keys() == []


def test_a_key_is_attached_to_a_lease(cli, etcd):
    lease = cli("lease", "grant", 600).out.strip()
    assert cli("put", "k", "v", "--lease", lease).code == 0
    assert lease in cli("lease", "ls").out
    found = cli("lease", "ttl", lease, "--json").json
    assert (found["id"], found["granted"], found["keys"]) == (lease, 600, ["k"])
    assert int(cli("lease", "keepalive", lease, "--once").out) == 600
    assert cli("lease", "revoke", lease).code == 0
    assert not etcd.get("k").exists()
    assert cli("lease", "ttl", lease).code == 1
    again = cli("lease", "revoke", lease)
    assert (again.code, again.out, again.err) == (1, "", f"error: there is no lease {lease}\n")


def test_changes_are_printed_as_they_come(here, etcd):
    with program("watch", "k", "--prefix", "--json", "--previous", *here) as process:
        etcd.put("k1").value("0")
        line = first_line(process, lambda: etcd.put("k1").value("1"))
        assert (line["type"], line["key"], line["value"]) == ("put", "k1", "1")
        done = interrupted(process)
    assert (done.code, done.err) == (130, "")


def test_a_watch_ends_after_so_many_changes(cli, etcd):
    first = etcd.put("k").value("1").revision
    etcd.delete().key("k")
    done = cli("watch", "k", "--revision", first, "--limit", 2)
    assert (done.code, [line.split()[1:3] for line in done.out.splitlines()]) == (0, [["put", "k"], ["delete", "k"]])


def first_line(process, change):
    """The first document that a program prints; ``change`` is made until there is one."""
    found = threading.Event()

    def keep_changing():
        while not found.wait(0.05):
            change()

    thread = threading.Thread(target=keep_changing)
    thread.start()
    try:
        return json.loads(process.stdout.readline())
    finally:
        found.set()
        thread.join(30)


# --- locks and elections


def test_a_program_runs_under_a_lock_and_its_exit_code_counts(cli, etcd):
    assert cli("lock", "l", "--", sys.executable, "-c", "raise SystemExit(7)").code == 7
    assert etcd.get_all().keys() == []


def test_a_lock_that_another_holds_has_exit_code_1(cli, etcd):
    with etcd.lock("l"):
        done = cli("lock", "l", "--wait", 0, "--", "true")
    assert done.code == 1
    assert "not acquired" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_lock_is_released_by_ctrl_c_and_sigterm(here, etcd, number, code):
    with program("lock", "l", "--json", *here) as process:
        held = json.loads(process.stdout.readline())
        assert etcd.get(held["key"]).kv().create_revision == held["fencing_token"]
        done = interrupted(process, number)
    assert (done.code, done.out, done.err) == (code, "", "")
    assert etcd.get_all().keys() == []


def test_a_lock_that_is_lost_ends_the_program(here, etcd):
    code = "import time; print('runs', flush=True); time.sleep(600)"
    with program("lock", "l", "--ttl", 60, *here, "--", sys.executable, "-c", code) as process:
        assert process.stdout.readline() == "runs\n"
        etcd.delete().prefix("l/")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.endswith("the lock l was lost\n")


def test_an_election(cli, here, etcd):
    assert cli("elect", "e", "--leader").code == 1
    with program("elect", "e", "me", *here) as process:
        assert "leading e as e/" in process.stdout.readline()
        assert cli("elect", "e", "--leader").out == "me\n"
        assert interrupted(process).code == 130
    assert etcd.election("e").leader() is None


# --- the cluster


def test_members_and_status(cli, etcd):
    (member,) = etcd.cluster.members()
    assert [one["id"] for one in cli("member", "ls", "--json").json] == [f"{member.id:x}"]
    (status,) = cli("status", "--json").json
    assert (status["member"], status["leader"]) == (f"{member.id:x}", f"{member.id:x}")
    assert status["version"] == etcd.maintenance.status().version


def test_a_member_is_added_and_removed(run):
    with EtcdCluster(1) as cluster:
        hosts = "--hosts", cluster.endpoint
        made = run("member", "add", "http://127.0.0.1:1", "--learner", "--json", *hosts).json
        assert made["learner"]
        assert run("member", "update", made["id"], "http://127.0.0.1:2", *hosts).code == 0
        assert {one["id"]: one["peer_urls"] for one in run("member", "ls", "--json", *hosts).json}[made["id"]] == [
            "http://127.0.0.1:2"
        ]
        assert run("member", "remove", made["id"], *hosts).code == 0
        unknown = run("member", "remove", "nosuch", *hosts)
    assert unknown.code == 2
    assert "no member has the id or name 'nosuch'; there are:" in unknown.err


def test_a_cluster_with_a_member_killed(run):
    with EtcdCluster() as cluster:
        hosts = "--timeout", 30, "--hosts", ",".join(cluster.endpoints)
        cluster.members[0].kill()
        assert cluster.leader.running  # which waits for an election
        assert run("put", "cli", "v", *hosts).code == 0
        assert run("get", "cli", *hosts).out == "v\n"
        done = run("status", "--json", *hosts)
        assert done.code == 3
        assert ["version" in row for row in done.json] == [False, True, True]
        assert (run("doctor", *hosts).code, run("del", "cli", *hosts).code) == (1, 0)


def test_a_snapshot_is_written(cli, tmp_path):
    done = cli("snapshot", tmp_path / "s.db", "--json")
    assert done.json["size"] == (tmp_path / "s.db").stat().st_size > 0
    assert done.err == ""


def test_a_snapshot_in_a_folder_that_does_not_exist_names_the_folder(cli, tmp_path):
    done = cli("snapshot", tmp_path / "none" / "s.db")
    assert (done.code, done.err) == (1, f"error: [Errno 2] this folder does not exist: '{tmp_path / 'none'}'\n")


def test_top_prints_what_the_hosts_say(cli, etcd):
    with etcd.watch().key("k").create():
        first, second = cli("top", "--json", "--count", 2, "--interval", 0.1).lines
    assert first[0]["watches"] >= 1
    assert first[0]["latency_ms"] > 0
    assert (first[0]["puts_per_s"], second[0]["puts_per_s"] >= 0) == (None, True)
    assert cli("top").out.split()[:2] == ["CLIENT", "HOST"]


# --- services


def test_a_registration_lasts_until_ctrl_c(cli, here, etcd):
    options = ("--host", "h", "--port", "80", "--tag", "v2", "--metadata", "zone=a")
    with program("services", "register", "user", *options, *here) as process:
        assert process.stdout.readline().startswith("registered user/")
        (one,) = cli("services", "ls", "--json").json
        assert (one["address"], one["tags"], one["metadata"]) == ("h:80", ["v2"], {"zone": "a"})
        assert cli("services", "ls", "other", "--json").json == []
        assert interrupted(process).code == 130
    assert ServiceRegistry(etcd).services() == []


def test_the_instances_of_a_service_are_followed(cli, etcd):
    with ServiceRegistry(etcd).register("user", "one", port=1):
        (rows,) = cli("services", "watch", "user", "--limit", 1, "--json").lines
    assert [row["id"] for row in rows] == ["one"]


# --- errors


def test_a_host_that_is_away_has_exit_code_3(run, refusing):
    done = run("get", "k", "--hosts", refusing, "--timeout", 1, "--json")
    assert (done.code, done.out) == (3, "")
    error = json.loads(done.err.splitlines()[-1])
    assert (error["kind"], error["exit_code"]) == ("ConnectionFailedError", 3)


def test_a_refusal_has_exit_code_4_and_the_password_comes_from_the_environment(run, auth_server, monkeypatch):
    hosts = "--hosts", auth_server.server.url
    monkeypatch.setenv("ETCD_PASSWORD", "wonder")
    assert run("put", "pub/k", "v", "--user", "alice", *hosts).code == 0
    assert run("get", "secret", "--user", "alice", *hosts).code == 4
    monkeypatch.setenv("ETCD_PASSWORD", "hunter2")
    done = run("get", "pub/k", "--user", "alice", *hosts)
    assert done.code == 4
    assert "hunter2" not in done.err


# --- an etcd of its own


def test_an_etcd_for_development_is_served_until_ctrl_c():
    with program("serve", "--json") as process:
        served = json.loads(process.stdout.readline())
        with ETCDService({"hosts": served["endpoint"]}) as etcd:
            etcd.put("k").value("v")
        done = interrupted(process)
    assert (done.code, done.out, done.err) == (130, "", "")
    with pytest.raises(ProcessLookupError):
        os.kill(served["pid"], 0)


def test_it_keeps_its_data_where_it_is_told_to(tmp_path):
    for number in range(2):
        with program("serve", "--json", "--data", tmp_path / "data") as process:
            served = json.loads(process.stdout.readline())
            with ETCDService({"hosts": served["endpoint"]}) as etcd:
                assert etcd.get_all().keys() == ["k"] * number
                etcd.put("k").value("v")
            interrupted(process)


# --- a terminal


def on_a_terminal(*arguments, **more):
    """What a command writes to a terminal, and its exit code."""
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "etcd_factory", *map(str, arguments)]
    env = environment(TERM="xterm-256color", COLUMNS="200", **more)
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=env)
    os.close(follower)
    written = b""
    try:
        while chunk := os.read(leader, 1 << 16):
            written += chunk
    except OSError:  # its end
        pass
    os.close(leader)
    return process.wait(60), written.decode()


def test_a_terminal_gets_colors_and_no_control_characters(here, etcd):
    etcd.put("k").value(b"\x1b]0;title\x07\xff")
    code, text = on_a_terminal("get", "k", *here)
    assert (code, text) == (0, "\\x1b]0;title\\x07\\xff\r\n")
    code, text = on_a_terminal("doctor", *here)
    assert "\x1b[32mok" in text


def test_a_snapshot_has_a_progress_bar_on_a_terminal(here, tmp_path):
    code, text = on_a_terminal("snapshot", tmp_path / "s.db", *here)
    assert code == 0
    assert "/s" in text
    assert "\x1b[" in text
    code, text = on_a_terminal("doctor", *here, NO_COLOR="1")
    assert "\x1b[32m" not in text
