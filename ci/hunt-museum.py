#!/usr/bin/python3
"""How many bugs of the museum does the hunt find by itself, given their broken rules and no scenario?

usage: hunt-museum.py DAXTORTURE SECONDS [BUG]...

For each bug: `hunt` under its protocol and rules, for SECONDS. It is found when a scenario that the hunt kept fails, and
fails no more in that way with the bug's fix (`note fixed`). One line each, then the number. Exit code 0.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

MUSEUM = Path(__file__).resolve().parents[1] / "models" / "museum"


def words_after(text, keyword):
    return [word for line in text.splitlines() if line.startswith(keyword + " ") for word in line.split()[1:]]


def notes(text):
    return {words[1]: " ".join(words[2:]) for words in (line.split() for line in text.splitlines()) if words[:1] == ["note"]}


def options(name, values):
    return [word for value in values for word in (name, value)]


def hunt(program, text, seconds, directory):
    """What failed, unexplained failures first."""
    result = Path(directory) / "result.json"
    protocol = words_after(text, "protocol")[0]
    subprocess.run([program, "hunt", "--protocol", protocol, *options("--rule", words_after(text, "rule")), "--seconds",
                    str(seconds), "--out", str(Path(directory) / "out"), "--json", str(result)],
                   stdout=subprocess.DEVNULL, check=False)
    failures = json.loads(result.read_text(encoding="utf-8"))["failures"]
    return sorted(failures, key=lambda one: one["known"] is not None)


def goes_with_the_fix(program, failure, fixes, directory):
    """With its rules, but for the fix, the scenario does not fail in the same way: it may have known findings beside the bug."""
    result = Path(directory) / "checked.json"
    subprocess.run([program, "check", failure["scenario"], *options("--rule", fixes), "--seconds", "2", "--no-shrink", "--out",
                    str(Path(directory) / "checked"), "--json", str(result)],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    verdict = json.loads(result.read_text(encoding="utf-8"))["scenarios"][0]
    return (verdict["invariant"], verdict["cause"]) != (failure["invariant"], failure["cause"])


def finds(program, text, seconds):
    """The failure that shows the bug; None."""
    with tempfile.TemporaryDirectory() as directory:
        for failure in hunt(program, text, seconds, directory):
            if goes_with_the_fix(program, failure, notes(text)["fixed"].split(), directory):
                return failure
    return None


def main():
    program, seconds = sys.argv[1], float(sys.argv[2])
    found = tried = 0
    for file in sorted(MUSEUM.glob("*.dax")):
        text = file.read_text(encoding="utf-8")
        if "inexpressible" in notes(text) or (sys.argv[3:] and file.stem not in sys.argv[3:]):
            continue
        failure = finds(program, text, seconds)
        tried += 1
        found += failure is not None
        print(f"{file.stem:28}", f"{failure['invariant']}: {failure['cause'][:80]}" if failure else "not found", flush=True)
    print(f"{found} of {tried} found")


main()
