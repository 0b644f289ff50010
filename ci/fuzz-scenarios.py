#!/usr/bin/env python3
"""Mutated scenarios, executed: whatever a user writes, `check` ends by itself with an exit code from 0 to 3.

usage: fuzz-scenarios.py DAXTORTURE [--programs N] [--seed S] [--first I] [--keep DIR]

Program number I is the same for the same seed: a shipped scenario with one to four of its tokens or lines changed, so that about half
of them are programs that run. Each is searched for a few executions. What ends otherwise (a crash, the tool's own failure, no end) is kept
with its output in DIR, and the exit code is 1.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Some thousand times what the few executions take; it ends only what never would.
HANG_GUARD = 600
SEARCH = ("--scheduler", "pct", "--iterations", "10", "--jobs", "1", "--no-shrink")


def corpus():
    texts = []
    for file in sorted(ROOT.glob("models/scenarios/*.dax")) + sorted(ROOT.glob("models/museum/*.dax")):
        lines = file.read_text(encoding="utf-8").splitlines()
        texts.append([line for line in lines if line.strip() and not re.match(r"#|note\b|expect\b|title\b", line)])
    return texts


def operations(line):
    head, colon, rest = line.partition(":")
    return (head + colon + " ", rest.split(";")) if colon else ("setup ", line.removeprefix("setup").split(";"))


def change_token(lines, draw, texts):
    """A word becomes another number, nothing, or a word of a line of its kind in another scenario."""
    at = draw.randrange(len(lines))
    pattern = r"(\s+|[;:=.]+)"
    tokens = re.split(pattern, lines[at])
    i = draw.choice([i for i, token in enumerate(tokens) if token.strip() and i > 0])
    kind = draw.randrange(8)
    if tokens[i].isdigit() and kind > 1:
        tokens[i] = str(draw.choice([0, 1, 2, 3, 7, 511, 512, int(tokens[i]) + 1, max(0, int(tokens[i]) - 1)]))
    elif kind == 0:
        del tokens[i]
    else:
        alike = [line for text in texts for line in text if line.split()[0] == tokens[0]]
        tokens[i] = draw.choice([token for token in re.split(pattern, draw.choice(alike))[1:] if token.strip()])
    lines[at] = "".join(tokens)


def change_operation(lines, draw, texts):
    """An operation is doubled, dropped, moved, or comes from another scenario."""
    runs = [i for i, line in enumerate(lines) if re.match(r"thread\b|setup\b", line)]
    at = draw.choice(runs)
    head, all_of_it = operations(lines[at])
    i = draw.randrange(len(all_of_it))
    kind = draw.randrange(4)
    if kind == 0:
        all_of_it.insert(i, all_of_it[i])
    elif kind == 1 and len(all_of_it) > 1:
        del all_of_it[i]
    elif kind == 2:
        draw.shuffle(all_of_it)
    else:
        other = draw.choice([line for text in texts for line in text if re.match(r"thread\b|setup\b", line)])
        all_of_it.insert(i, draw.choice(operations(other)[1]))
    lines[at] = head + ";".join(all_of_it)


def change_line(lines, draw, texts):
    """A line is doubled, dropped, or comes from another scenario."""
    at = draw.randrange(len(lines))
    kind = draw.randrange(3)
    if kind == 0:
        lines.insert(at, lines[at])
    elif kind == 1 and len(lines) > 1:
        del lines[at]
    else:
        lines.insert(at, draw.choice(draw.choice(texts)))


def mutant(seed, number, texts):
    draw = random.Random(f"{seed}/{number}")
    lines = list(draw.choice(texts))
    for _ in range(draw.randint(1, 4)):
        change = draw.choices((change_token, change_operation, change_line), (4, 8, 1))[0]
        try:
            change(lines, draw, texts)
        except IndexError:
            pass  # nothing of that kind is left to change
    return "\n".join(lines) + "\n"


def run(program, text, place):
    file = place / "mutant.dax"
    file.write_text(text, encoding="utf-8")
    try:
        done = subprocess.run([program, "check", file, *SEARCH, "--out", place / "failures"], cwd=place,
                              capture_output=True, text=True, errors="replace", timeout=HANG_GUARD, check=False)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        return "no end", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("daxtorture")
    parser.add_argument("--programs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--keep", default="fuzz-failures")
    options = parser.parse_args()
    program = os.path.abspath(options.daxtorture)
    texts = corpus()
    counts = {}
    bad = []

    def examine(number):
        text = mutant(options.seed, number, texts)
        with tempfile.TemporaryDirectory() as place:
            return number, text, *run(program, text, pathlib.Path(place))

    numbers = range(options.first, options.first + options.programs)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, text, code, output in pool.map(examine, numbers):
            counts[code] = counts.get(code, 0) + 1
            if code in (0, 1, 2, 3):
                continue
            bad.append(number)
            keep = pathlib.Path(options.keep)
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{number}.dax").write_text(text, encoding="utf-8")
            (keep / f"{number}.txt").write_text(f"exit code {code}\n{output}", encoding="utf-8")
    print(f"{options.programs} programs, seed {options.seed}; by exit code:",
          ", ".join(f"{code}: {count}" for code, count in sorted(counts.items(), key=str)))
    if counts.get(0, 0) + counts.get(1, 0) + counts.get(3, 0) < options.programs // 10:
        sys.exit("fewer than one in ten was a program that runs: the mutations are too wild to test anything")
    if bad:
        sys.exit(f"ended otherwise, and kept in {options.keep}: {', '.join(map(str, bad[:20]))}")


if __name__ == "__main__":
    main()
