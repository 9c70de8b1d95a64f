"""What a pool is made of: all of its own code counts, wherever it lies, and nothing that merely happens to be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from acpool_spec.cli import main
from acpool_spec.schedule import Schedule, save_schedule
from acpool_spec.sources import sources_of
from acpool_spec.targets import Target, checker_digest, load_target
from acpool_spec.world import Scope

POOL = (
    "class Pool:\n"
    "    def __init__(self, connector, *, max_sessions): ...\n"
    "    async def get_or_create(self, key): ...\n"
    "    with_connection = cleanup_idle = shutdown = get_or_create\n"
)
# A pool whose code lies in six places; the name of its package is put in, since a module is imported but once.
FILES = {
    "{0}/__init__.py": "",
    "{0}/pools/__init__.py": "from ..early import early\n",
    "{0}/early.py": "early = 1\n",
    "{0}/pools/one.py": "import {0}.deep.core\nfrom .beside import *\nimport {0}_dynamic as loader\nthing = loader.load()\n",
    "{0}/pools/beside.py": POOL,
    "{0}/deep/__init__.py": "",
    "{0}/deep/core.py": "def lazily():\n    from {0}_elsewhere import helper\n    return helper\n",
    "{0}_elsewhere.py": "helper = 1\n",
    "{0}_dynamic.py": "import importlib\ndef load(): return importlib.import_module('{0}' + '_found')\n",
    "{0}_found.py": "",
    "{0}/pools/unused.py": "",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def written(folder: Path, package: str) -> Target:
    for name, text in FILES.items():
        path = folder / name.format(package)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(package), encoding="utf-8")
    return load_target(f"{package}.pools.one:Pool")


def schedule_for(target: Target) -> Schedule:
    python = sys.version.partition(" ")[0]
    return Schedule(target.name, target.digest, checker_digest(), python, Scope(), (), "S1", "broke")


def test_a_pool_is_made_of_all_that_importing_it_brings_in(tmp_path: Path) -> None:
    written(tmp_path, "six_places")
    ours = {name.format("six_places") for name in FILES} - {"six_places/pools/unused.py"}
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in ours}
    assert set(sources_of(["six_places.pools.one"])) == modules


@pytest.mark.parametrize("name", [name for name in FILES if "unused" not in name])
def test_a_change_of_any_of_its_files_makes_it_another_pool(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    package = "changed_" + str(list(FILES).index(name))
    target = written(tmp_path, package)
    path = tmp_path / "schedule.json"
    save_schedule(schedule_for(target), path)
    assert main(["replay", str(path)]) == 0
    before = target.digest
    with (tmp_path / name.format(package)).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert target.digest != before
    capsys.readouterr()
    assert main(["replay", str(path)]) == 2
    assert f"{path}: the schedule was made for other code: the pool {target.name}" in capsys.readouterr().err


def test_a_module_beside_it_that_it_does_not_use_is_no_part_of_it(tmp_path: Path) -> None:
    target = written(tmp_path, "neighbour")
    before = target.digest
    (tmp_path / "neighbour" / "pools" / "unused.py").write_text("# changed\n", encoding="utf-8")
    assert target.digest == before


def test_the_pools_own_library_counts_and_the_checker_does_not() -> None:
    merged = set(sources_of(["acpool_spec.pools.merged"]))
    assert {"acpool.core", "acpool.slots", "acpool_spec.pools._start", "acpool_spec.pools.merged"} <= merged
    assert "acpool_spec.pools._sessions" not in merged
    one_lock = set(sources_of(["acpool_spec.pools.global_lock"]))
    assert {"acpool_spec.pools._sessions", "acpool_spec.pools._start"} <= one_lock
    assert "acpool_spec.pools.merged" not in one_lock
    ours = set(sources_of(["acpool_spec.reference"]))
    assert {"acpool_spec.reference", "acpool.pool", "acpool.core"} <= ours
    for made_of in (merged, one_lock, ours):
        assert {name.partition(".")[0] for name in made_of} == {"acpool", "acpool_spec"}
        assert not {"acpool_spec", "acpool_spec.world", "acpool_spec.loop"} & made_of


def test_what_is_installed_beside_the_pool_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "plain_pool.py").write_text(f"import asyncio, rich, pytest\n{POOL}", encoding="utf-8")
    load_target("plain_pool:Pool")
    assert set(sources_of(["plain_pool"])) == {"plain_pool"}


def test_a_pool_that_is_installed_itself_is_made_of_its_own_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "lib" / "site-packages"
    package = site / "bought_pool"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from bought_pool.inner import Pool\n", encoding="utf-8")
    (package / "inner.py").write_text(f"import bought_other\n{POOL}", encoding="utf-8")
    (site / "bought_other.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    load_target("bought_pool:Pool")
    assert set(sources_of(["bought_pool"])) == {"bought_pool", "bought_pool.inner"}


def test_globals_that_answer_with_errors_are_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "proxied_pool.py").write_text(
        "class Proxy:\n"
        "    def __getattribute__(self, name): raise RuntimeError('outside of a request')\n"
        f"request = Proxy()\n{POOL}",
        encoding="utf-8",
    )
    load_target("proxied_pool:Pool")
    assert set(sources_of(["proxied_pool"])) == {"proxied_pool"}
    del sys.modules["proxied_pool"]  # nor should it be one to whatever looks through all modules later


def test_what_is_not_python_or_not_there_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "odd_imports.py").write_text(
        "try:\n    import no_such_module.at.all\n    from ....far import away\nexcept ImportError: ...\n"
        + POOL,
        encoding="utf-8",
    )
    load_target("odd_imports:Pool")
    assert set(sources_of(["odd_imports"])) == {"odd_imports"}
    assert sources_of(["no_such_module"]) == {"no_such_module": b""}


@pytest.mark.no_cover
def test_the_digest_is_the_same_in_every_process_whatever_else_is_imported(tmp_path: Path) -> None:
    here = written(tmp_path, "everywhere").digest
    ours = load_target("acpool_spec.pools.global_lock:factory").digest
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "from acpool_spec.targets import load_target\n"
        "for name in ('everywhere.pools.one:Pool', 'acpool_spec.pools.global_lock:factory'):\n"
        "    print(load_target(name).digest)\n"
    )
    others = [
        "acpool.acp",
        "acpool_spec.pools.merged",
        "everywhere.pools.unused",
        "http.server",
        "rich.table",
    ]
    for seed, imported in (("0", []), ("1", others), ("random", others[::-1])):
        run = subprocess.run(
            [sys.executable, "-c", program, *imported],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.split() == [here, ours]


@pytest.mark.parametrize(
    ("python", "status"),
    [("{0}.{1}.0", 0), ("{0}.{1}.99+local", 0), ("{0}.99.1", 2), ("2.7.18", 2), ("", 2), ("x" * 10**6, 2)],
)
def test_a_schedule_is_for_the_python_it_was_recorded_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], python: str, status: int
) -> None:
    version = python.format(*sys.version_info)
    path = tmp_path / "schedule.json"
    pool = load_target("acpool_spec.pools.unlocked_start:factory")
    save_schedule(replace(schedule_for(pool), python=version), path)
    assert main(["replay", str(path)]) == status
    said = capsys.readouterr().err
    if status:
        assert said.startswith(f"acpool replay: {path}: the schedule was recorded with Python {version[:59]}")
        assert "--anyway" in said
        assert len(said) < 500
        assert main(["replay", str(path), "--anyway"]) == 0
    assert json.loads(path.read_text(encoding="utf-8"))["python"] == version
