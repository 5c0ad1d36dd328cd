"""The bytes of a snapshot: written in blocks, and checked against their size and digest."""

from __future__ import annotations

from hashlib import sha256

import pytest

from etcd_factory.core.admin.snapshot import BLOCK, SECTOR, Part
from etcd_factory.io.runtime.files import AtomicFile

STORE = bytes(SECTOR)
DIGEST = sha256(STORE).digest()


@pytest.fixture
def part(tmp_path):
    file = AtomicFile(tmp_path / "snapshot.db")
    yield Part(file)
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_a_whole_number_of_sectors(part):
    part.add(STORE[1:] + sha256(STORE[1:]).digest())
    part.flush()
    assert "incomplete" in part.fault(part.size)


@pytest.mark.parametrize(
    ("blobs", "fault"),
    [
        ([STORE, DIGEST], ""),
        ([STORE + DIGEST[:7], DIGEST[7:]], ""),
        ([STORE[:3], STORE[3:], b"", DIGEST], ""),
        ([STORE], "incomplete: 512 of 544 bytes"),
        ([STORE, DIGEST[:-1]], "incomplete: 543 of 544 bytes"),
        ([STORE, STORE, DIGEST], "incomplete: 1056 of 544 bytes"),
        ([STORE, DIGEST[::-1]], "does not match its checksum"),
        ([b"\1" + STORE[1:], DIGEST], "does not match its checksum"),
    ],
)
@pytest.mark.parametrize("is_flushed_each_time", [False, True])
def test_an_incomplete_or_changed_store_is_reported(part, blobs, fault, is_flushed_each_time):
    for blob in blobs:
        part.add(blob)
        if is_flushed_each_time:
            part.flush()
    part.flush()
    found = part.fault(len(STORE + DIGEST))
    assert fault in found
    assert bool(fault) == bool(found)


def test_a_block_is_full_at_its_size(part):
    assert not part.add(bytes(BLOCK - 1))
    assert part.add(b"x")
    part.flush()
    assert not part.add(b"x")
