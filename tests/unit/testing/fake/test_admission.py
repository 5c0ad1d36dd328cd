"""Who may call what while authentication is enabled."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.admission import FREE, Admission
from etcd_factory.testing.fake.leases import Leases
from etcd_factory.testing.fake.users import READ, READWRITE, Users
from etcd_factory.wire import messages as m


@pytest.fixture
def users():
    """Users with root; alice reads and writes ``a``, and reads ``b``."""
    users = Users()
    for name in ("root", "app"):
        users.add_role(m.AuthRoleAddRequest(name=name))
    for kind, key in ((READWRITE, b"a"), (READ, b"b")):
        users.grant_permission(m.AuthRoleGrantPermissionRequest(name="app", perm={"permType": kind, "key": key}))
    for name, role in (("root", "root"), ("alice", "app")):
        users.add_user(m.AuthUserAddRequest(name=name, password="x"))
        users.grant_role(m.AuthUserGrantRoleRequest(user=name, role=role))
    users.enable(m.AuthEnableRequest())
    return users


@pytest.fixture
def leases():
    """A lease with the key ``a``, and one with a key of others."""
    leases = Leases(lambda: 0.0)
    for lease, key in ((1, b"a"), (2, b"secret")):
        leases.grant(lease, 10)
        leases.move(key, 0, lease)
    return leases


@pytest.fixture
def verdict(users, leases):
    """Checks a call; returns the class of the refusal, None if it is permitted."""
    admission = Admission(users, leases)
    tokens = {
        name: users.authenticate(m.AuthenticateRequest(name=name, password="x")).token for name in ("root", "alice")
    }

    def check(method, request, user="alice"):
        try:
            if isinstance(request, m.WatchCreateRequest):
                admission.check_watch(request, tokens.get(user, user))
            else:
                admission.check(method, request, tokens.get(user, user))
        except errors.EtcdError as error:
            return type(error)
        return None

    return check


PUT_A, PUT_B = ({"request_put": {"key": key}} for key in (b"a", b"b"))
PERMITTED = {
    "a read": ("KV.Range", m.RangeRequest(key=b"b")),
    "a put": ("KV.Put", m.PutRequest(key=b"a", prev_kv=True)),
    "a put of a lease": ("KV.Put", m.PutRequest(key=b"a", lease=1)),
    "a transaction": ("KV.Txn", m.TxnRequest(compare=[{"key": b"b"}], success=[PUT_A])),
    "a lease of its own": ("Lease.LeaseRevoke", m.LeaseRevokeRequest(ID=1)),
    "the time of any lease": ("Lease.LeaseTimeToLive", m.LeaseTimeToLiveRequest(ID=2)),
    "itself": ("Auth.UserGet", m.AuthUserGetRequest(name="alice")),
    "its role": ("Auth.RoleGet", m.AuthRoleGetRequest(role="app")),
    "a grant": ("Lease.LeaseGrant", m.LeaseGrantRequest(TTL=10)),
    "a watch": ("Watch.Watch", m.WatchCreateRequest(key=b"b")),
}
DENIED = {
    "a read": ("KV.Range", m.RangeRequest(key=b"a", range_end=b"c")),
    "a put": ("KV.Put", m.PutRequest(key=b"b")),
    "a put of a lease": ("KV.Put", m.PutRequest(key=b"a", lease=2)),
    "a deletion": ("KV.DeleteRange", m.DeleteRangeRequest(key=b"b")),
    "the branch not taken": ("KV.Txn", m.TxnRequest(failure=[PUT_B])),
    "an inner transaction": ("KV.Txn", m.TxnRequest(success=[{"request_txn": {"success": [PUT_B]}}])),
    "a comparison": ("KV.Txn", m.TxnRequest(compare=[{"key": b"c"}])),
    "a lease of others": ("Lease.LeaseRevoke", m.LeaseRevokeRequest(ID=2)),
    "the keys of a lease": ("Lease.LeaseTimeToLive", m.LeaseTimeToLiveRequest(ID=2, keys=True)),
    "another user": ("Auth.UserGet", m.AuthUserGetRequest(name="root")),
    "another role": ("Auth.RoleGet", m.AuthRoleGetRequest(role="root")),
    "users": ("Auth.UserList", m.AuthUserListRequest()),
    "a watch": ("Watch.Watch", m.WatchCreateRequest(key=b"c")),
}


@pytest.mark.parametrize("name", PERMITTED)
def test_a_user_may_do_what_its_roles_grant(verdict, name):
    assert verdict(*PERMITTED[name]) is None


@pytest.mark.parametrize("name", DENIED)
def test_a_user_may_do_nothing_else_and_root_may_do_all(verdict, name):
    assert verdict(*DENIED[name]) is errors.PermissionDeniedError
    assert verdict(*DENIED[name], user="root") is None


@pytest.mark.parametrize("name", DENIED)
def test_a_call_without_a_token_or_with_an_unknown_one_is_refused(verdict, name):
    assert verdict(*DENIED[name], user="") is errors.InvalidAuthTokenError
    assert verdict(*DENIED[name], user="unknown") is errors.InvalidAuthTokenError


def test_some_calls_need_no_token(verdict, users):
    for method in FREE:
        assert verdict(method, None, user="unknown") is None
    assert verdict(*PERMITTED["a grant"], user="") is None
    assert verdict(*PERMITTED["a grant"], user="unknown") is errors.InvalidAuthTokenError
    users.disable(m.AuthDisableRequest())
    assert verdict(*DENIED["a put"], user="unknown") is None
