#!/usr/bin/python3
"""docs/scenarios.md: which scenario uses which operation and is about which invariant, read from the files themselves.

usage: scenario-table.py            writes the page
       scenario-table.py --check    exit code 1 when the page is not what it would write, or an operation or invariant has no scenario
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scenarios.md"


def entries(directory):
    """name -> (title, claims, operations, protocol) of every scenario file of a directory."""
    found = {}
    for file in sorted((ROOT / "models" / directory).glob("*.dax")):
        title, claims, operations, protocol = "", set(), set(), "v7.3"
        for line in file.read_text(encoding="utf-8").splitlines():
            word, _, rest = line.partition(" ")
            rest = rest.split(" #")[0].strip()
            if word == "title":
                title = rest
            elif word == "protocol":
                protocol = rest
            elif word == "claim":
                claims |= {int(one[1:]) for one in rest.split()}
            elif word in ("thread", "setup"):
                body = rest.partition(":")[2] if word == "thread" else rest
                operations |= {one.split()[0] for one in body.split(";") if one.split()}
        found[file.stem] = (title, claims, operations, protocol)
    return found


def known_operations():
    text = (ROOT / "src" / "words" / "operation.hpp").read_text(encoding="utf-8")
    return re.findall(r'\{op::\w+, "([\w-]+)"', text)


def known_invariants():
    """number -> what must hold."""
    text = (ROOT / "src" / "words" / "invariant.hpp").read_text(encoding="utf-8")
    return {int(number): " ".join(re.findall(r'"([^"]*)"', words))
            for number, words in re.findall(r"\{invariant::I(\d+), check_time::\w+,\s*((?:\"[^\"]*\"\s*)+)", text)}


def listed(names, most=8):
    names = sorted(names)
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"`{one}`" for one in names[:most]) + more


def page(scenarios, museum):
    """The page, and what has no scenario."""
    missing = []
    lines = ["# Scenarios: what they use and what they are about", "",
             "Made by `ci/scenario-table.py` from the files; CI fails when it is out of date, or when an operation or an",
             "invariant has none.", "",
             f"{len(scenarios)} scenarios in `models/scenarios`, {len(museum)} files in `models/museum`.", "",
             "## Operations", "", "| operation | scenarios | museum |", "|---|---|---|"]
    for operation in known_operations():
        uses = [[n for n, one in where.items() if operation in one[2]] for where in (scenarios, museum)]
        if not uses[0]:
            missing.append(f"operation {operation}")
        lines.append(f"| `{operation}` | {listed(uses[0])} | {listed(uses[1], 4)} |")
    lines += ["", "## Invariants", "", "| invariant | scenarios that claim it | museum |", "|---|---|---|"]
    for number, text in known_invariants().items():
        claims = [[n for n, one in where.items() if number in one[1]] for where in (scenarios, museum)]
        if not claims[0] and not claims[1]:
            missing.append(f"invariant I{number}")
        shown = listed(claims[0])
        lines.append(f"| I{number} {text} | {shown} | {listed(claims[1], 4)} |")
    lines += ["", "## All scenarios", "", "| scenario | protocol | about |", "|---|---|---|"]
    lines += [f"| `{name}` | {one[3]} | {one[0]} |" for name, one in scenarios.items()]
    return "\n".join(lines) + "\n", missing


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    text, missing = page(entries("scenarios"), entries("museum"))
    if not arguments:
        PAGE.write_text(text, encoding="utf-8")
    problems = [f"no scenario: {one}" for one in missing]
    if arguments and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text):
        problems.append("docs/scenarios.md is out of date: run ci/scenario-table.py")
    for one in problems:
        print(f"scenario-table: {one}")
    return 1 if problems and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
