#!/usr/bin/python3
"""docs/fidelity.md against the sources that it names: a row whose function is not there is out of date.

usage: fidelity.py [KERNEL_TREE]     without a tree: the functions of the model only
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "fidelity.md"
ROW = re.compile(r"\| \[`(\w+)`\]\(\.\./(src/\S+)\) \| (\S+) `(\w+)` \| (.+) \| (.*)\|$")


def defines(text, name):
    """Is there a definition: the name, its parameters, and a body?"""
    calls = re.finditer(rf"\b{name}\(", text)
    for call in calls:
        depth, at = 1, call.end()
        while depth and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        if re.match(r"(\s|const\b|noexcept\b)*\{", text[at:at + 40]) and not re.search(
                r"\b(if|for|while|switch|return)\s*\($", text[:call.start()][-12:]):
            return True
    return False


def problems(page, tree):
    rows = [ROW.match(line) for line in page.splitlines() if line.startswith("| [`")]
    if not rows or None in rows:
        yield "a row is not of the form | [`function`](../src/file) | file `function` | steps | simpler |"
    for row in filter(None, rows):
        name, file, kernel_file, kernel_name, steps, _ = row.groups()
        path = ROOT / file
        if not path.exists() or not defines(path.read_text(encoding="utf-8"), name):
            yield f"{file} defines no {name}"
        if not steps.strip():
            yield f"{name} has no steps"
        if tree and not (tree / kernel_file).exists():
            yield f"{tree} has no {kernel_file}"
        elif tree and not defines((tree / kernel_file).read_text(encoding="utf-8", errors="replace"), kernel_name):
            yield f"{kernel_file} defines no {kernel_name}"


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__.split("\n\n")[1])
    tree = Path(sys.argv[1]) if len(sys.argv) == 2 else None
    found = list(problems(PAGE.read_text(encoding="utf-8"), tree))
    print("\n".join(found) or "docs/fidelity.md agrees with the sources")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
