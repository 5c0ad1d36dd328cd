"""Web applications of servers that fork their workers after the factory was used, over real HTTP."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.support.forks import needs_fork, needs_grpc_in_child
from tests.support.http import serving_preloaded

pytestmark = [
    needs_fork,
    needs_grpc_in_child,
    pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed"),
]

CONFIG = """
import os

config = {"clients": {"visits": {"hosts": [os.environ["HOST"]], "namespace": os.environ["NAMESPACE"]}}}
"""
APPLICATIONS = {
    "django": """
from examples.django_app import create_app, etcd

app = create_app(config)
etcd.get("visits").put("loaded").value("1")
""",
    "flask": """
from examples.flask_app import create_app, etcd

app = create_app(config)
with app.app_context():
    etcd.get("visits").put("loaded").value("1")
""",
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_workers_use_the_factory_that_was_used_before_they_were_forked(
    name, tmp_path, etcd_server, etcd_namespace, etcd
):
    (tmp_path / "served.py").write_text(CONFIG + APPLICATIONS[name])
    environment = {"HOST": etcd_server.endpoint, "NAMESPACE": etcd_namespace}
    with serving_preloaded(tmp_path, environment, "served") as browser:
        answers = [browser.put("/visits/rome", headers={"Connection": "close"}).text for _ in range(8)]
        assert browser.get("/ready").json()["ready"]
    assert answers == [f"visit {number} of rome" for number in range(1, 9)]
    assert etcd.get_all().strings() == {"loaded": "1", "rome": "8"}
