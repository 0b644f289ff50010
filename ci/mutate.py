#!/usr/bin/python3
"""How many small wrong changes of the model do `check` and `hunt` find? (mutants.py)

usage: mutate.py DAXTORTURE RESULTS [options]

All mutants are compiled into one checker, in a copy of HEAD, and an environment variable says which is on. Each is tried with all
scenarios of the library, then with `hunt`, until something fails that does not fail without it. RESULTS has one JSON object a line and is
gone on with when it is there. In the end the table per file is printed. Exit code 0; 2 when the copy does not build or a scenario fails
without a mutant.

  --count N        how many mutants: a random sample of all, always the same one (default: all)
  --only WORD      only of files whose path has this word
  --jobs N         mutants at a time (default: one per processor)
  --executions N   check: executions per scenario, of partial order sampling (default 4000)
  --programs N     hunt: programs (default 600)
  --work DIR       where the copy is, and stays (default build-ci/mutants)
  --table          only print the table of RESULTS
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants import DEFINITION, mutate

ROOT = Path(__file__).resolve().parents[1]
DIRECTORIES = ("src/mm", "src/fs", "src/xarray", "src/dax")
# The machine under the kernel, and what the oracles remember.
NOT_THE_KERNEL = ("mm/durability", "mm/tlb", "mm/kernel", "mm/memmap", "fs/power_cut", "xarray/pool", "fs/all_or_nothing")
SCENARIOS_AT_ONCE = 12
PATIENCE = 300  # seconds: then it counts as a hang of the tool, which nobody would overlook
PROTOCOL = "v7.3-fixed"  # whatever fails there is news


def die(message):
    print("mutate:", message, file=sys.stderr)
    sys.exit(2)


class Tree:
    """A copy of the sources with all mutants that compile."""

    def __init__(self, work, daxtorture):
        self.work, self.top = work, work / "tree"
        self.commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        if not (work / "commit").exists() or (work / "commit").read_text() != self.commit:
            self.copy()
        self.sources = [f for d in DIRECTORIES for f in sorted((ROOT / d).glob("*.[ch]pp"))]
        self.sources = [f.relative_to(ROOT) for f in self.sources if not any(word in str(f) for word in NOT_THE_KERNEL)]
        self.mutators, number = {}, 1
        for file in self.sources:
            original = subprocess.run(["git", "show", f"HEAD:{file}"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
            self.mutators[file] = mutate(original, number)
            number = self.mutators[file].next
        self.lists = work / "broken.json"
        self.broken = set(json.loads(self.lists.read_text())) if self.lists.exists() else set()
        self.build()
        shutil.copy(daxtorture, self.top / "build" / "daxtorture")
        self.program = self.top / "build" / "daxtorture"

    def copy(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.top.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(self.top)], input=archive, check=True)
        setup = subprocess.run(["meson", "setup", "build", "-Dtests=disabled", "-Dbenchmarks=disabled"], cwd=self.top, check=False,
                               capture_output=True, text=True)
        if setup.returncode != 0:
            die("cannot configure the copy: " + setup.stdout[-300:])
        (self.top / "src" / "mutation.hpp").write_text("#pragma once\n" + DEFINITION, encoding="utf-8")
        (self.work / "commit").write_text(self.commit)

    def write(self, file):
        text = '#include "mutation.hpp"\n#line 1\n' + self.mutators[file].result(self.broken)
        place = self.top / file
        if place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")

    def build(self):
        """Without the mutants that do not compile."""
        for attempt in range(20):
            for file in self.sources:
                self.write(file)
            built = subprocess.run(["ninja", "-k", "0", "-C", "build", "daxtorture-checker"], cwd=self.top, check=False,
                                   capture_output=True, text=True)
            if built.returncode == 0:
                return
            more = self.blamed(built.stdout)
            if not more:
                die("the copy does not build: " + "".join(re.findall(r"[^\n]*error[^\n]*\n", built.stdout)[:3]))
            self.broken |= more
            self.lists.write_text(json.dumps(sorted(self.broken)))
            print(f"{len(self.broken)} mutants do not compile (round {attempt + 1})", flush=True)
        die("the copy does not build")

    def blamed(self, output):
        """The mutants of the lines with errors."""
        blamed = set()
        for path, line in re.findall(r"(src/\w+/\w+\.[ch]pp|\w+\.[ch]pp):(\d+):\d+: error", output):
            for file, mutator in self.mutators.items():
                if file.as_posix().endswith(path):
                    for begin, end, _, _, number in mutator.edits:
                        first, last = (mutator.text.count("\n", 0, at) + 1 for at in (begin, end))
                        if first <= int(line) <= last:
                            blamed.add(number)
        return blamed - self.broken

    def mutants(self):
        return {m.number: (str(file), m) for file, mutator in self.mutators.items() for m in mutator.mutants if m.number not in self.broken}


class Trials:
    def __init__(self, tree, options):
        self.tree, self.options = tree, options
        self.lock = threading.Lock()
        self.kills = Counter()  # by scenario: those that killed most come first
        self.scenarios = {f.stem: str(f) for f in sorted((tree.top / "models" / "scenarios").glob("*.dax"))}
        self.usual = None

    def run(self, number, directory, *words):
        """Exit code and result; none when it does not end."""
        result = directory / "result.json"
        result.unlink(missing_ok=True)
        try:
            done = subprocess.run([self.tree.program, *words, "--jobs", "1", "--json", str(result)], check=False, cwd=directory,
                                  env={**os.environ, "DAXTORTURE_MUTANT": str(number)}, timeout=PATIENCE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None, None
        return done.returncode, json.loads(result.read_text(encoding="utf-8")) if result.exists() else None

    def check(self, number, directory):
        """What shows the mutant in the library."""
        with self.lock:
            order = sorted(self.scenarios, key=lambda name: -self.kills[name])
        for at in range(0, len(order), SCENARIOS_AT_ONCE):
            some = order[at:at + SCENARIOS_AT_ONCE]
            code, result = self.run(number, directory, "check", *(self.scenarios[name] for name in some), "--iterations",
                                    str(self.options.executions), "--scheduler", "pos", "--no-shrink")
            if code in (0, 3):
                continue
            wrong = [one for one in (result or {}).get("scenarios", []) if not one["as_expected"]]
            with self.lock:
                self.kills.update(one["name"] for one in wrong[:1])
            if wrong:
                return f"{wrong[0]['name']}: {wrong[0]['invariant']} {wrong[0]['cause']}"
            return "it does not end" if code is None else f"exit code {code}"
        return None

    def hunt(self, number, directory):
        shutil.rmtree(directory / "daxtorture-hunt", ignore_errors=True)
        code, result = self.run(number, directory, "hunt", "--protocol", PROTOCOL, "--programs", str(self.options.programs))
        if result is None:
            return "it does not end" if code is None else f"exit code {code}"
        if result["crashes"] != 0:
            return "the checker fails"
        failures = {(one["invariant"], one["cause"]) for one in result["failures"]}
        if number == 0:
            self.usual = failures
        news = sorted(failures - self.usual, key=str)
        return "{}: {}".format(*news[0]) if news else None

    def without_a_mutant(self, directory):
        code = self.check(0, directory)
        if code:
            die("without a mutant: " + code)
        self.hunt(0, directory)
        print("without a mutant the hunt has:", *sorted(self.usual, key=str), sep="\n  ", flush=True)

    def try_one(self, number, directory):
        directory.mkdir(parents=True, exist_ok=True)
        for by in ("check", "hunt"):
            shown = getattr(self, by)(number, directory)
            if shown:
                return by, shown
        return None, None


def read_results(file):
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def table(results):
    """Killed by check, by hunt, of so many, per file."""
    of_file = {}
    for one in results:
        of_file.setdefault(one["file"], Counter()).update([one["by"] or "survives", "all"])
    lines = ["| file | mutants | check | hunt | survive | killed |", "|---|---|---|---|---|---|"]
    sums = Counter()
    for file, counts in [*sorted(of_file.items()), ("all", sums)]:
        killed = counts["check"] + counts["hunt"]
        lines.append(f"| {file} | {counts['all']} | {counts['check']} | {counts['hunt']} | {counts['survives']} | "
                     f"{100 * killed // max(1, counts['all'])} % |")
        sums += counts
    return "\n".join(lines)


def run_all(options):
    tree = Tree(options.work.resolve(), options.daxtorture.resolve())
    mutants = tree.mutants()
    chosen = sorted(n for n, (file, _) in mutants.items() if options.only in file)
    random.Random(1).shuffle(chosen)
    chosen = chosen[:options.count]
    done = {one["mutant"] for one in read_results(options.results) if one["commit"] == tree.commit}
    if options.results.exists() and len(done) != len(read_results(options.results)):
        die(f"{options.results} is of another commit")
    trials = Trials(tree, options)
    runs = tree.work / "runs"
    runs.mkdir(exist_ok=True)
    trials.without_a_mutant(runs)
    print(f"{len(mutants)} mutants, {len(chosen)} chosen, {len(done)} tried before", flush=True)

    def work(number):
        directory = runs / threading.current_thread().name
        by, shown = trials.try_one(number, directory)
        file, mutant = mutants[number]
        record = {"commit": tree.commit, "mutant": number, "file": file, "line": mutant.line, "operator": mutant.operator,
                  "function": mutant.function, "text": mutant.text, "by": by, "shown": shown}
        with trials.lock, open(options.results, "a", encoding="utf-8") as results:
            results.write(json.dumps(record) + "\n")

    with ThreadPoolExecutor(options.jobs, thread_name_prefix="lane") as lanes:
        list(lanes.map(work, [n for n in chosen if n not in done]))


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("daxtorture", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--count", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--executions", type=int, default=4000)
    parser.add_argument("--programs", type=int, default=600)
    parser.add_argument("--work", type=Path, default=ROOT / "build-ci" / "mutants")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table:
        run_all(options)
    print(table(read_results(options.results)))


if __name__ == "__main__":
    main()
