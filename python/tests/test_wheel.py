# SPDX-License-Identifier: Apache-2.0
"""What `pip install ./python` puts into the package."""
import importlib.util
import subprocess
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[1]


def hook(directory):
    spec = importlib.util.spec_from_file_location("hatch_build", PYTHON / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NativeLibrary(str(PYTHON), {}, None, None, str(directory), "wheel")


@pytest.mark.parametrize("name, file", [("libxent.so", "libxent.so.0.1.0"), ("libxent.dylib", "libxent.0.1.0.dylib")])
def test_a_compiled_library_has_the_name_that_is_loaded(tmp_path, monkeypatch, name, file):
    pytest.importorskip("hatchling")
    monkeypatch.delenv("XENT_WHEEL_LIBRARY", raising=False)
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **named: None)
    folder = tmp_path / "native"
    folder.mkdir()
    (folder / file).write_bytes(b"")
    (folder / name).symlink_to(file)
    data = {"force_include": {}}

    hook(tmp_path).initialize("standard", data)

    assert data["force_include"] == {str((folder / file).resolve()): f"pyxent/{name}"}
