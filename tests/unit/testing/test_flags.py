"""Flags and environment of an etcd process."""

import os

import pytest

from etcd_factory.testing.flags import clean_env, member_flags, no_fsync_flags


def test_a_member_is_a_cluster_by_itself():
    flags = member_flags("one", "/data", "http://127.0.0.1:1", "http://127.0.0.1:2")
    assert "--initial-cluster=one=http://127.0.0.1:2" in flags
    assert "--data-dir=/data" in flags
    assert {flag.partition("=")[0] for flag in flags if flag.endswith(":1")} == {
        "--listen-client-urls",
        "--advertise-client-urls",
    }


@pytest.mark.parametrize(
    ("version", "flags"),
    [
        ("3.4.34", []),
        ("3.5.0", ["--unsafe-no-fsync"]),
        ("3.10.1", ["--unsafe-no-fsync"]),
        ("4.0.0-rc.1", ["--unsafe-no-fsync"]),
    ],
)
def test_fsync_is_skipped_from_etcd_3_5_on(on_path, version, flags):
    assert no_fsync_flags(on_path("etcd", f"#!/bin/sh\necho 'etcd Version: {version}'\n")) == flags


def test_settings_of_etcd_and_etcdctl_are_removed_from_the_environment(monkeypatch):
    monkeypatch.setenv("ETCD_NAME", "nonsense")
    monkeypatch.setenv("ETCDCTL_ENDPOINTS", "nonsense")
    monkeypatch.setenv("ETCD_UNSUPPORTED_ARCH", "arm64")
    cleaned = clean_env()
    assert "ETCD_NAME" not in cleaned
    assert "ETCDCTL_ENDPOINTS" not in cleaned
    assert cleaned["ETCD_UNSUPPORTED_ARCH"] == "arm64"
    assert cleaned["PATH"] == os.environ["PATH"]
