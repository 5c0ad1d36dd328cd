"""The conformance tests that ``FakeEtcd`` does not pass, with reasons; ``--etcd fake`` skips them."""

from __future__ import annotations

import pytest

NO_SNAPSHOTS = "FakeEtcd has no snapshots: they are files of etcd's own database"
ONE_MEMBER = "FakeEtcd is a cluster of one"
NO_JWT = "FakeEtcd has only simple tokens, not signed ones (JWT)"
OBJECTS = "the test counts the objects of FakeEtcd too"
NO_HTTP = "FakeEtcd serves no HTTP, where etcd has its metrics and its date"
NO_HASHES = "FakeEtcd has no hashed passwords"
NO_FLAG = "FakeEtcd does not have this flag of etcd"
TLS = "etcd's TLS is tested, and FakeEtcd has none"
CONNECTIONS = "connections are tested, and a client of FakeEtcd has none"

# parts of the names of tests, from the file on
LEFT_OUT: dict[str, str] = {
    "test_auth.py::test_tokens_older_than_the_auth_store_are_renewed": NO_JWT,
    "test_auth_admin.py::test_a_user_may_be_created_and_changed_by_the_hash_of_a_password": NO_HASHES,
    "test_auth_admin.py::test_a_user_of_a_hash_keeps_its_roles": NO_HASHES,
    "test_batching.py::test_a_server_that_takes_fewer_operations_gets_smaller_transactions": NO_FLAG,
    "test_cli.py::test_a_cluster_with_a_member_killed": ONE_MEMBER,
    "test_cli.py::test_a_member_is_added_and_removed": ONE_MEMBER,
    "test_cli.py::test_a_snapshot_has_a_progress_bar_on_a_terminal": NO_SNAPSHOTS,
    "test_cli.py::test_a_snapshot_is_written": NO_SNAPSHOTS,
    "test_cli.py::test_top_prints_what_the_hosts_say": NO_HTTP,
    "test_cli_doctor.py::test_5_no_leader": ONE_MEMBER,
    "test_cli_doctor.py::test_6_a_clock_that_is_off": NO_HTTP,
    "test_cli_quorum.py::test_a_lease_that_may_be_left_is_logged_with_its_time": ONE_MEMBER,
    "test_cli_quorum.py::test_that_the_member_has_no_leader_is_said_where_no_response_comes": ONE_MEMBER,
    "test_cli_quorum.py::test_what_needs_a_lease_says_why_it_fails_not_that_closing_failed": ONE_MEMBER,
    "test_cli_quorum.py::test_with_json_the_standard_error_is_json_alone": ONE_MEMBER,
    "test_closed.py::test_a_used_client_that_is_not_closed_is_warned_of": CONNECTIONS,
    "test_cluster.py::test_a_learner_that_has_caught_up_is_promoted": ONE_MEMBER,
    "test_config_limits.py::test_the_path_of_a_unix_socket_may_have_any_characters": CONNECTIONS,
    "test_errors.py::test_the_cause_of_an_error_is_the_grpc_error": CONNECTIONS,
    "test_factory.py::test_grpc_options_are_passed_on": CONNECTIONS,
    "test_leftovers.py::test_create_and_close_cycles_leave_no_thread_no_socket_and_no_object": OBJECTS,
    "test_leftovers.py::test_neither_do_those_with_watches_and_leases": OBJECTS,
    "test_maintenance.py::test_a_downgrade_is_validated_and_cancelled": "FakeEtcd has no downgrades",
    "test_maintenance.py::test_a_member_that_is_not_the_leader_does_not_move_it": ONE_MEMBER,
    "test_maintenance.py::test_each_member_returns_its_own_status": ONE_MEMBER,
    "test_maintenance.py::test_the_leader_is_moved_whichever_host_is_in_use": ONE_MEMBER,
    "test_node_defects_watch.py::test_a_watch_on_a_partitioned_member_resumes_on_another": ONE_MEMBER,
    "test_observability.py::test_a_snapshot_is_a_call": NO_SNAPSHOTS,
    "test_own_stream.py::test_a_large_mirror_moves_apart_and_comes_back_with_its_end": CONNECTIONS,
    "test_own_stream.py::test_each_has_a_connection_of_its_own_which_ends_with_it": CONNECTIONS,
    "test_own_stream.py::test_one_that_is_too_slow_ends_its_connection": CONNECTIONS,
    "test_snapshot.py::test_a_broken_connection_leaves_nothing": NO_SNAPSHOTS,
    "test_snapshot.py::test_a_cancelled_snapshot_leaves_nothing": NO_SNAPSHOTS,
    "test_snapshot.py::test_a_changed_last_message_is_an_error_and_leaves_nothing": NO_SNAPSHOTS,
    "test_snapshot.py::test_a_connection_that_falls_silent_leaves_nothing_within_the_timeout": NO_SNAPSHOTS,
    "test_snapshot.py::test_a_refused_token_is_renewed": NO_SNAPSHOTS,
    "test_snapshot.py::test_a_slow_progress_handler_does_not_count_towards_the_timeout": NO_SNAPSHOTS,
    "test_snapshot.py::test_a_snapshot_can_be_restored": NO_SNAPSHOTS,
    "test_snapshot.py::test_an_exception_in_the_progress_handler_ends_it_and_leaves_nothing": NO_SNAPSHOTS,
    "test_snapshot.py::test_an_older_file_is_replaced": NO_SNAPSHOTS,
    "test_snapshot.py::test_another_host_is_called_if_the_first_is_down": NO_SNAPSHOTS,
    "test_snapshot.py::test_closing_the_client_ends_it_and_leaves_nothing": NO_SNAPSHOTS,
    "test_snapshot.py::test_concurrent_snapshots_to_one_file_leave_a_valid_one": NO_SNAPSHOTS,
    "test_snapshot.py::test_etcd_can_read_a_snapshot": NO_SNAPSHOTS,
    "test_snapshot.py::test_only_its_owner_can_read_it": NO_SNAPSHOTS,
    "test_snapshot.py::test_progress_is_reported_to_the_end": NO_SNAPSHOTS,
    "test_snapshot.py::test_the_progress_handler_may_be_async": NO_SNAPSHOTS,
    "test_tls_errors.py::test_a_foreign_client_certificate_is_reported": TLS,
    "test_tls_errors.py::test_a_missing_client_certificate_is_reported": TLS,
    "test_tls_errors.py::test_renewed_certificate_files_are_used_by_new_connections": TLS,
    "test_unix.py::test_keys_watches_and_locks_work_over_a_unix_socket": CONNECTIONS,
    "test_unix.py::test_raw_works_over_a_unix_socket": CONNECTIONS,
    "test_watch.py::test_large_events_arrive_complete[blocking-True]": "FakeEtcd sends large events in one piece",
    "test_watch.py::test_large_events_arrive_complete[asyncio-True]": "FakeEtcd sends large events in one piece",
}


def reason(name):
    """Return why a test is left out, None if it is not; ``name`` is its node id."""
    test = name[name.find("test_") :]
    found = (why for part, why in LEFT_OUT.items() if test == part or test.startswith(f"{part}["))
    return next(found, None)


def skip(items):
    """Skip the tests that are left out."""
    for item in items:
        if why := reason(item.nodeid):
            item.add_marker(pytest.mark.skip(reason=why))
