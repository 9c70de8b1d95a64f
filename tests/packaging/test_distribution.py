"""What an installation consists of, and what its command says where something is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata, resources

import pytest

PACKAGES = ["acpool", "acpool_model", "acpool_spec"]


def requirements(extra: str | None) -> set[str]:
    """The names of what the distribution requires, for ``extra`` or in any case."""
    names: set[str] = set()
    for line in metadata.requires("acpool") or []:
        requirement, _, marker = line.partition(";")
        of = re.search(r"extra == ['\"](\w+)['\"]", marker)
        if (of.group(1) if of else None) == extra:
            found = re.match(r"[\w-]+", requirement)
            assert found is not None
            names.add(found.group())
    return names


def test_the_pool_alone_requires_the_protocol_and_nothing_else() -> None:
    assert requirements(None) == {"agent-client-protocol"}


def test_the_extra_for_the_checker_is_part_of_the_one_for_developers() -> None:
    assert requirements("check") == {"hypothesis", "crosshair-tool", "rich"}
    assert requirements("dev") > requirements("check")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_are_typed(package: str) -> None:
    assert (resources.files(package) / "py.typed").is_file()


def acpool_command(preparation: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in an interpreter that was prepared for the worst."""
    program = (
        f"import os, sys\nimport acpool_spec.cli\n{preparation}\nsys.exit(acpool_spec.cli.main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("missing", ["rich", "hypothesis"])
def test_without_the_extra_the_command_says_what_to_install(missing: str) -> None:
    run = acpool_command(f"sys.modules[{missing!r}] = None", "check", "--schedules", "1")
    assert run.returncode == 2
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert "pip install 'acpool[check]'" in run.stderr


def test_where_there_is_no_posix_the_command_says_so() -> None:
    run = acpool_command("os.name = 'nt'", "check")
    assert run.returncode == 2
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert "POSIX" in run.stderr


def test_where_there_is_no_posix_the_connector_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from acpool.acp import AcpConnector

    monkeypatch.delattr(os, "waitid")
    with pytest.raises(NotImplementedError, match="POSIX"):
        AcpConnector(["agent"], cwd=lambda _key: "/")
