#!/usr/bin/python3
"""How many executions each strategy needs for the museum bugs that random turns find last.

usage: strategies.py CHECKER [STRATEGY[:DEPTH]]...      default: uniform pct:3 pct:5 pct:10 pos surw

For every bug the median over ten seeds of the number of the failing execution; a search that finds nothing in 100,000
executions counts as 100,000, and the table says how many did. The last row is the geometric mean.
"""

import json
import math
import pathlib
import re
import statistics
import subprocess
import sys

MUSEUM = pathlib.Path(__file__).resolve().parent.parent / "models" / "museum"
LIMIT = 100_000
# Those with the largest medians of `uniform`, by: strategies.py CHECKER --rank
HARDEST = []


def executions(checker, exhibit, strategy, seed, limit):
    name, _, depth = strategy.partition(":")
    text = exhibit.read_text(encoding="utf-8")
    request = {"kind": "search", "scenario": text, "file": exhibit.name, "scheduler": name, "seed": seed, "iterations": limit,
               "memory": "weak"}
    if depth:
        request["depth"] = int(depth)
    done = subprocess.run([checker], input=json.dumps(request), capture_output=True, text=True, timeout=300, check=False)
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    if answer["type"] != "result":
        raise RuntimeError(f"{exhibit.name}: {answer}")
    return answer["failed_at"] if answer["failure"] else limit


def median(checker, name, strategy, seeds=10, limit=LIMIT):
    numbers = [executions(checker, MUSEUM / f"{name}.dax", strategy, seed, limit) for seed in range(1, seeds + 1)]
    return statistics.median(numbers), sum(one >= limit for one in numbers)


def rank(checker):
    names = [one.stem for one in MUSEUM.glob("*.dax") if not re.search(r"^note\s+inexpressible", one.read_text(), re.M)]
    medians = {name: median(checker, name, "uniform", 3, 20_000)[0] for name in names}
    for name in sorted(names, key=medians.get)[-25:]:
        print(name, medians[name])


def main(arguments):
    if len(arguments) < 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    if arguments[2:] == ["--rank"]:
        rank(arguments[1])
        return 0
    strategies = arguments[2:] or ["uniform", "pct:3", "pct:5", "pct:10", "pos", "surw"]
    print(f"{'bug':<24}" + "".join(f"{one:>16}" for one in strategies))
    columns = {one: [] for one in strategies}
    for name in HARDEST:
        row = f"{name:<24}"
        for one in strategies:
            middle, missed = median(arguments[1], name, one)
            columns[one].append(middle)
            row += f"{middle:>12.0f}" + (f" -{missed:<2}" if missed else "    ")
        print(row, flush=True)
    print(f"{'geometric mean':<24}" + "".join(
        f"{math.exp(statistics.mean(map(math.log, columns[one]))):>12.0f}    " for one in strategies))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
