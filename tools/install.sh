#!/bin/sh
# Installs Suite and every plugin into a virtual environment: sh tools/install.sh FOLDER [dev]
# Says in one line what is missing. A script of its own, so that the Makefile stays readable and tests can run it.
set -eu
cd "$(dirname "$0")/.."

venv=${1:?"give the folder of the virtual environment"}
extra=${2:-}
python=${PYTHON:-python3}
# Measured: the environment takes 1.8 GB, with the tools of tests 2.2 GB, the starters 0.4 GB; pip unpacks beside them.
needed_mb=${SUITE_INSTALL_MB:-4000}

fail() {
    echo "suite: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "no '$python' on this machine; install Python 3.11 or newer, or name one: make install PYTHON=/path/to/python3."
version=$("$python" -c 'import platform; print(platform.python_version())') ||
    fail "'$python' does not run; name a Python 3.11 or newer: make install PYTHON=/path/to/python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed and '$python' is $version; name a newer one: make install PYTHON=python3.12."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "Python $version lacks its venv module; on Debian and Ubuntu: apt-get install python${version%.*}-venv."

# An environment whose Python has gone or whose creation was cut short is made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    mkdir -p "$(dirname "$venv")"
    free_mb=$(df -Pk "$(dirname "$venv")" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free_mb" -ge "$needed_mb" ] ||
        fail "$free_mb MB are free in $(dirname "$venv") and $needed_mb MB are needed; free some, or name another place: make install VENV=/elsewhere/venv."
    "$python" -m venv --clear "$venv" || fail "cannot make the virtual environment $venv; see above."
fi

# Suite's distribution was once called suite: removed after its successor came, it would take `bin/suite` along.
"$venv/bin/python" -m pip uninstall --disable-pip-version-check --quiet --yes suite 2>/dev/null || true

log=$venv/install.log
: >"$log"
if [ "$extra" = dev ]; then set -- -e ".[dev]"; else set -- -r requirements.txt; fi
# Two retries instead of five: without an index the answer comes within a minute instead of many.
"$venv/bin/python" -m pip install --disable-pip-version-check --retries 2 --log "$log" -c constraints.txt "$@" || {
    grep -q "No space left" "$log" && fail "the disk is full; about $needed_mb MB are needed."
    grep -Eq "No matching distribution|Could not find a version|Failed to establish|ConnectionError|Max retries|ProxyError" "$log" &&
        fail "pip finds no package index that has what is needed; check the network and 'pip config list', then run it again."
    fail "the installation failed for the reason above; all of it is in $log."
}
touch "$venv/installed${extra:+-$extra}"
