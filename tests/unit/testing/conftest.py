"""What several tests of the test servers share."""

from __future__ import annotations

import tempfile

import pytest


@pytest.fixture
def temp_dir(tmp_path, monkeypatch):
    """The directory in which temporary directories are made, to see what is left there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """A function that puts a program into the only directory on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name, text):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    return put


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    """No Docker engine answers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
