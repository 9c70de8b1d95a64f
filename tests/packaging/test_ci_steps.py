"""The steps of CI: what is said of each, that none gets lost, and that a browser is there or its absence is told."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest

STEPS = Path(__file__).parents[2] / ".ci" / "steps.bash"
# What the scripts call; a Chromium is not among it.
TOOLS = (
    "awk",
    "bash",
    "cat",
    "cp",
    "cut",
    "grep",
    "mkdir",
    "mktemp",
    "rm",
    "rmdir",
    "sed",
    "sleep",
    "tail",
    "tr",
    "wc",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with the tools alone, to be put on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        [found] = [Path(place) / tool for place in os.get_exec_path() if (Path(place) / tool).is_file()][:1]
        (folder / tool).symlink_to(found)
    return folder


def environment(path: Path, tmp_path: Path, **more: str) -> dict[str, str]:
    return {"PATH": str(path), "TMPDIR": str(tmp_path), **more}


def script(path: Path, tmp_path: Path, text: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"source {STEPS}\nbegin_scratch\n{text}"],  # noqa: S607 - the one on the path
        env=environment(path, tmp_path, **more),
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_became_of_each_step_of_each_lane_is_counted(path: Path, tmp_path: Path) -> None:
    run = script(
        path,
        tmp_path,
        """
        one() { step "a good one" true; step "a bad one" bash -c 'echo what is wrong >&2; exit 3'; step "and on" true; }
        other() { step "of the other lane" true; }
        lane one; lane other; end_lanes
        echo "$(count_of passed) passed, failed: $(steps_that failed)"
        """,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "3 passed, failed: a bad one"
    assert "\n== a bad one\nwhat is wrong\nFAILED: a bad one (status 3)\n== a bad one: " in run.stdout
    assert re.search(r"^== and on: \d+ s, \d+ s of CPU$", run.stdout, re.MULTILINE)
    assert list(tmp_path.glob("acpool-ci.*")) == []


def test_what_several_lanes_say_is_not_mixed(path: Path, tmp_path: Path) -> None:
    said = "for number in 1 2 3 4 5 6 7 8; do echo $0 $number; done"
    lanes = "".join(f"lane step {name} bash -c '{said}' {name}\n" for name in "abc")
    lines = script(path, tmp_path, f"{lanes}end_lanes").stdout.splitlines()
    for name in "abc":
        begin = lines.index(f"== {name}")
        assert lines[begin + 1 : begin + 9] == [f"{name} {number}" for number in range(1, 9)]


def test_a_lane_that_breaks_off_is_a_failure(path: Path, tmp_path: Path) -> None:
    run = script(path, tmp_path, "broken() { exit 7; }\nlane broken; end_lanes; steps_that failed")
    assert run.stdout == "a lane of steps, which broke off with status 7\n"


def test_who_judges_otherwise_says_so(path: Path, tmp_path: Path) -> None:
    run = script(
        path,
        tmp_path,
        """
        judge() { if (($1 == 3)) && grep -q 'of 9' "$2"; then echo undecided; else echo failed; fi; }
        judged_by=judge
        step "cut short" bash -c 'echo 5 of 9; exit 3'
        echo "undecided: $(steps_that undecided); $(count_of failed) failed"
        """,
    )
    assert run.stdout.splitlines()[-1] == "undecided: cut short; 0 failed"
    assert "UNDECIDED: cut short (status 3)" in run.stdout


def test_interrupted_it_ends_its_lanes(path: Path, tmp_path: Path) -> None:
    seen, held = os.pipe()  # whatever a step starts holds it open
    text = f'lane step long bash -c "echo begun >&{held}; sleep 600"; end_lanes'
    with subprocess.Popen(
        ["bash", "-c", f"source {STEPS}\nbegin_scratch\n{text}"],  # noqa: S607 - the one on the path
        env=environment(path, tmp_path),
        stdout=subprocess.DEVNULL,
        pass_fds=[held],
    ) as run:
        os.close(held)
        assert os.read(seen, 9) == b"begun\n"
        run.send_signal(signal.SIGTERM)
        assert run.wait() == 143
    ended, _, _ = select.select([seen], [], [], 30)
    assert ended and os.read(seen, 1) == b""
    os.close(seen)
    assert list(tmp_path.glob("acpool-ci.*")) == []


BROWSER = 'begin_browser; await_browser; echo "${ACPOOL_CHROMIUM-unset}, ${no_browser:-there is one}"'


def test_the_browser_of_the_machine_is_used(path: Path, tmp_path: Path) -> None:
    (path / "chromium").symlink_to("/bin/true")
    assert script(path, tmp_path, BROWSER).stdout == f"{path}/chromium, there is one\n"


def test_a_browser_that_is_named_is_used(path: Path, tmp_path: Path) -> None:
    run = script(path, tmp_path, BROWSER, ACPOOL_CHROMIUM="/opt/chromium")
    assert run.stdout == "/opt/chromium, there is one\n"
    run = script(path, tmp_path, BROWSER, ACPOOL_CHROMIUM="")
    assert run.stdout == ", ACPOOL_CHROMIUM is empty\n"


@pytest.mark.parametrize(("root", "tool"), [("true", ":"), ("false", "apt-get() { :; }")])
def test_where_none_can_be_installed_it_is_told(path: Path, tmp_path: Path, root: str, tool: str) -> None:
    run = script(path, tmp_path, f"is_root() {{ {root}; }}\n{tool}\n{BROWSER}")
    assert run.stdout.startswith("unset, there is no Chromium, and it is root with apt-get who could install")


def test_debians_is_installed_where_there_is_none(path: Path, tmp_path: Path) -> None:
    installed = path / "chromium"
    text = f"""
    is_root() {{ true; }}
    debian_chromium={installed}
    apt-get() {{ echo "$*" >>{tmp_path}/asked; [[ $2 != install ]] || ln -s /bin/true {installed}; }}
    """
    (path / "ln").symlink_to("/bin/ln")
    run = script(path, tmp_path, f"{text}{BROWSER}")
    assert run.stdout == f"{installed}, there is one\n", run.stderr
    assert (tmp_path / "asked").read_text().splitlines() == [
        "-q update",
        "-q install -y --no-install-recommends chromium",
    ]


@pytest.mark.parametrize(
    ("apt", "last"),
    [
        ("echo E: nothing can be reached; return 100", "E: nothing can be reached"),
        ("echo Setting up chromium", "No such file or directory"),
    ],
)
def test_one_sentence_where_it_cannot_be_installed(path: Path, tmp_path: Path, apt: str, last: str) -> None:
    text = f"is_root() {{ true; }}\ndebian_chromium={tmp_path}/none\napt-get() {{ {apt}; }}\n{BROWSER}"
    said, exported = script(path, tmp_path, text).stdout.splitlines()
    assert said.startswith(
        "no browser: apt-get could not install Debian's chromium, so the tests of the pages fail"
    )
    assert said.endswith(last)
    assert exported == f"{tmp_path}/none, there is one"  # so that they do fail
