"""Names that methods have in other clients, with what to write here: python-etcd3, aetcd, etcd3gw."""

from __future__ import annotations

PAIR = "if_('k', 'value', '==', 'old').then(ops.put('k').value('new')).commit()"
TXN = "if_('k', 'version', '==', 0).then(ops.put('k').value('v')).commit()"
WATCH = "watch().key('k').create()"
WATCH_PREFIX = "watch().prefix('p').create()"

CALLS = {
    "get_response": "get('k').exec()",
    "get_prefix": "get_all().prefix('p').strings()",
    "get_prefix_response": "get_all().prefix('p').exec()",
    "get_range": "get_all().range('a', 'b').strings()",
    "get_range_response": "get_all().range('a', 'b').exec()",
    "get_all_response": "get_all().exec()",
    "create": "put('k').if_absent().value('v')",
    "put_if_not_exists": "put('k').if_absent().value('v')",
    "replace": PAIR,
    "delete_prefix": "delete().prefix('p')",
    "delete_range": "delete().range('a', 'b')",
    "transaction": TXN,
    "transactions": TXN,
    "Transactions": TXN,
    "watch_response": WATCH,
    "watch_once": f"{WATCH}, then take(timeout=3)",
    "watch_once_response": f"{WATCH}, then take(timeout=3)",
    "watch_prefix": WATCH_PREFIX,
    "watch_prefix_response": WATCH_PREFIX,
    "watch_prefix_once": f"{WATCH_PREFIX}, then take(timeout=3)",
    "watch_prefix_once_response": f"{WATCH_PREFIX}, then take(timeout=3)",
    "add_watch_callback": "watch().key('k').on('put', f).create()",
    "add_watch_prefix_callback": "watch().prefix('p').on('put', f).create()",
    "cancel_watch": f"{WATCH}, then cancel()",
    "get_lease_info": "lease_of(1).time_to_live()",
    "refresh_lease": "lease_of(1).keepalive_once()",
    "revoke_lease": "lease_of(1).revoke()",
    "members": "cluster.members()",
    "add_member": "cluster.add('http://h:2380')",
    "remove_member": "cluster.remove(1)",
    "update_member": "cluster.update(1, 'http://h:2380')",
    "snapshot": "maintenance.snapshot('path')",
    "status": "maintenance.status()",
    "defragment": "maintenance.defragment()",
    "hash": "maintenance.hash()",
    "list_alarms": "maintenance.alarms()",
    "create_alarm": "maintenance.alarm('nospace')",
    "disarm_alarm": "maintenance.disarm()",
}


def advice(name: str) -> str:
    """Return ``; write get_all().prefix('p').strings()`` for a name that another client has, else an empty text."""
    return f"; write {CALLS[name]}" if name in CALLS else ""
