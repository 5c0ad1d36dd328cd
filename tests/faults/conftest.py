"""Clients of each face, on servers and connections that tests do harm to."""

from __future__ import annotations

import pytest

from tests.support.faces import FACES, closed
from tests.support.registering import registry  # noqa: F401


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
async def make(face, etcd_namespace):
    """Makes services of the face in this test's namespace, and closes them."""
    made = []

    def new(hosts, **options):
        made.append(face.service({"hosts": hosts, "namespace": etcd_namespace, **options}))
        return made[-1]

    yield new
    for one in made:
        await closed(one)
