# What .ci/run and .ci/nightly share: fresh clones, a browser, and steps beside each other. To be sourced, not run.
# shellcheck shell=bash
# CI_STEP_LOGS: where to keep the output of each step, if anywhere.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The one line of the fenced block under <!-- command: NAME --> in the README.
readme_command() {
    local found
    found=$(awk -v mark="<!-- command: $1 -->" '
        $0 == mark { wanted = 1; next }
        wanted && /^```/ { if (inside) exit; inside = 1; next }
        inside { print }
        wanted && !inside { wanted = 0 }
    ' "$repository/README.md")
    if [[ -z $found || $found == *$'\n'* ]]; then
        echo "README.md: expected one line under <!-- command: $1 -->" >&2
        exit 2
    fi
    printf '%s\n' "$found"
}

# A folder for everything that is made here. Whoever interrupts this ends the lanes, too.
begin_scratch() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/acpool-ci.XXXXXX")
    lanes=()
    trap 'for lane in "${lanes[@]}"; do kill -- "-$lane" 2>/dev/null || true; done; rm -rf "$scratch"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    : >"$scratch/results"
}

# The executable behind a command such as python3.13, where there is one that works (a version manager's shim may not).
interpreter() {
    "$1" -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 11); print(sys.executable)' 2>/dev/null
}

oldest_interpreter() {
    interpreter python3.11 || interpreter python3 || { echo "no working Python 3.11 or later" >&2; return 2; }
}

# A fresh clone in which `python3` is the given interpreter. What is not committed is not tested.
fresh_clone() {
    git clone -q "$repository" "$scratch/$1"
    mkdir -p "$scratch/bin-$1"
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$2" >"$scratch/bin-$1/python3"
    chmod +x "$scratch/bin-$1/python3"
}

# in_clone CLONE LINE: a line of shell as a reader would paste it there.
in_clone() {
    (cd "$scratch/$1" && PATH="$scratch/bin-$1:$PATH" bash -euo pipefail -c "$2")
}

# install_in CLONE LINE: what a command of the README does before its last part; the command itself says what is wrong with it.
install_in() {
    in_clone "$1" "${2% && *}" >/dev/null 2>&1 || true
}

# lane COMMAND...: a function with steps, beside those of other lanes. In a group of its own, so that it can be ended as a whole.
lane() {
    set -m
    "$@" </dev/null &
    set +m
    lanes+=("$!")
}

# end_lanes: wait for all of them. A lane that broke off has steps that nobody has seen.
end_lanes() {
    local lane status
    for lane in "${lanes[@]}"; do
        status=0
        wait "$lane" || status=$?
        ((status == 0)) || printf 'failed\ta lane of steps, which broke off with status %s\n' "$status" >>"$scratch/results"
    done
    lanes=()
}

# One piece at a time: what is to be said by several lanes.
in_one_piece() {
    until mkdir "$scratch/saying" 2>/dev/null; do sleep 0.1; done
    cat
    rmdir "$scratch/saying"
}

# step NAME COMMAND...: run it, say its output in one piece when it is over, go on whatever comes of it. Where judged_by is set
# it is called with the status and the file of the output, and says passed, failed or undecided; else 0 alone has passed.
step() {
    local name=$1 began=$SECONDS status=0 log verdict cpu
    local TIMEFORMAT='%U %S' # of processes that somebody waited for: those of a fork server, as in the proofs, are not among them
    log=$(log_of "$1")
    shift
    printf -- '-- %s ...\n' "$name" | in_one_piece
    { time "$@" >"$log" 2>&1 || status=$?; } 2>"$log.cpu"
    verdict=$(${judged_by:-judge_status} "$status" "$log")
    printf '%s\t%s\n' "$verdict" "$name" >>"$scratch/results"
    cpu=$(awk '{ printf "%.0f", $1 + $2 }' "$log.cpu")
    {
        printf '\n== %s\n' "$name"
        cat "$log"
        [[ $verdict == passed ]] || printf '%s: %s (status %s)\n' "${verdict^^}" "$name" "$status"
        printf '== %s: %d s, %s s of CPU\n' "$name" $((SECONDS - began)) "$cpu"
    } | in_one_piece
    if [[ -n ${CI_STEP_LOGS-} ]]; then
        mkdir -p "$CI_STEP_LOGS" && cp "$log" "$CI_STEP_LOGS/"
    fi
}

# log_of NAME: the file of a step's output.
log_of() {
    printf '%s/%s.log' "$scratch" "${1//[^[:alnum:]]/_}"
}

judge_status() {
    if (($1 == 0)); then echo passed; else echo failed; fi
}

# The names of the steps that have passed, failed, or are undecided; one a line.
steps_that() {
    awk -F '\t' -v verdict="$1" '$1 == verdict { print $2 }' "$scratch/results"
}

count_of() {
    steps_that "$1" | wc -l | tr -d ' '
}

# begin_browser: see to it that the tests of the pages have a Chromium: the one that ACPOOL_CHROMIUM names, the machine's, or Debian's,
# which is installed meanwhile where that can be done. ACPOOL_CHROMIUM is exported, so that without a browser these tests
# fail. Where there is none and none can be installed, or where ACPOOL_CHROMIUM is empty, they are skipped: no_browser says why.
begin_browser() {
    local found
    no_browser= installing_browser=
    if [[ -n ${ACPOOL_CHROMIUM+set} ]]; then
        [[ -n $ACPOOL_CHROMIUM ]] || no_browser="ACPOOL_CHROMIUM is empty"
    elif found=$(command -v chromium || command -v chromium-browser); then
        export ACPOOL_CHROMIUM=$found
    elif is_root && command -v apt-get >/dev/null; then
        export ACPOOL_CHROMIUM=$debian_chromium
        install_browser >"$scratch/browser.log" 2>&1 &
        installing_browser=$!
    else
        no_browser="there is no Chromium, and it is root with apt-get who could install Debian's"
    fi
}

debian_chromium=/usr/bin/chromium

is_root() {
    ((EUID == 0))
}

install_browser() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update && apt-get -q install -y --no-install-recommends chromium && "$ACPOOL_CHROMIUM" --version
}

# Wait for the browser; one sentence where it could not be installed. The tests that need it fail then.
await_browser() {
    if [[ -n $installing_browser ]] && ! wait "$installing_browser"; then
        echo "no browser: apt-get could not install Debian's chromium, so the tests of the pages fail (an empty ACPOOL_CHROMIUM" \
            "leaves them out); it said last: $(grep . "$scratch/browser.log" | tail -n 1)"
    fi
    installing_browser=
}
