#!/usr/bin/python3
"""The reduced search alone on every museum bug, under weak and, where the bug shows there, under sc: it may run out of
time, but may not end without the bug.

usage: museum-full.py DAXTORTURE [SECONDS]       seconds per bug, default 8

A reduction that loses executions can pass tests of small random programs and lose bugs of whole scenarios. Exit code 0: no
bug was lost; 1: the search of some bug ended without a failure; 2: usage.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MUSEUM = pathlib.Path(__file__).resolve().parent.parent / "models" / "museum"


def search(program, exhibit, memory, seconds, place):
    """What `check --json` says about one exhibit. One process: parts of a tree are reduced less."""
    done = subprocess.run(
        [program, "check", str(exhibit), "--scheduler", "full", "--memory", memory, "--seconds", str(seconds), "--jobs", "1",
         "--no-shrink", "--json", "-", "--out", place], capture_output=True, text=True, timeout=60 + 4 * seconds, check=False)
    return json.loads(done.stdout)["scenarios"][0]


def shows(exhibit, memory):
    """Whether the model has the bug, and this memory model shows it."""
    text = exhibit.read_text(encoding="utf-8")
    return not re.search(r"^note +inexpressible", text, re.M) and (memory != "sc" or re.search(r"^note +needs +sc$", text, re.M))


def main(arguments):
    if len(arguments) not in (2, 3) or not os.access(arguments[1], os.X_OK):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    seconds = int(arguments[2]) if len(arguments) == 3 else 8
    lost = 0
    with tempfile.TemporaryDirectory() as place:
        for memory in ("weak", "sc"):
            exhibits = [one for one in sorted(MUSEUM.glob("*.dax")) if shows(one, memory)]
            found = within = 0
            for exhibit in exhibits:
                result = search(arguments[1], exhibit, memory, seconds, place)
                told = f"{result['executions']} executions, {result['seconds']:.1f} s"
                if result["verdict"] == "fail" and result["as_expected"]:
                    found += 1
                    within += result["executions"] <= 50_000
                elif result["verdict"] == "fail":
                    print(f"{exhibit.stem} under {memory}: {result['invariant']} instead after {told}", flush=True)
                elif result["verdict"] == "inconclusive":
                    print(f"{exhibit.stem} under {memory}: not found in {told}", flush=True)
                else:
                    lost += 1
                    print(f"{exhibit.stem} under {memory}: ENDED WITHOUT THE BUG after {told}", flush=True)
            print(f"{memory}: {found} of {len(exhibits)} bugs found by the full search alone, {within} within 50,000 executions")
    print(f"{lost} lost")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
