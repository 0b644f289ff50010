#!/usr/bin/env python3
"""Scenarios on the real objects of a kernel tree. Usage: tree_test.py DAXTORTURE

The tree is that of $DAXTORTURE_KERNEL_TREE, without which nothing is tested (exit code 77). The machine is kept in the user's cache.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from program import HANG_GUARD, PROGRAM, ProgramTest, main

TREE = os.environ.get("DAXTORTURE_KERNEL_TREE", "")
KEYS = ["name", "verdict", "invariant", "cause", "place", "warnings", "schedules", "seconds", "exhaustive", "bound",
        "model_verdict", "known"]


class RealObjects(ProgramTest):
    def kernel(self, *words):
        done = self.run_it("kernel", "--tree", TREE, *words, "--json", "result.json")
        result = self.here / "result.json"
        self.assertTrue(result.exists(), done.stdout + done.stderr)
        return done, json.loads(result.read_text(encoding="utf-8"))

    def one(self, *words):
        done, result = self.kernel(*words)
        self.assertEqual(len(result["scenarios"]), 1, result)
        return done, result["scenarios"][0]

    def test_a_scenario_passes_when_all_schedules_do(self):
        done, result = self.kernel("evict-vs-pin", "--scheduler", "bound", "--bound", "1", "--seconds", "5m")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(result["version"], 1)
        self.assertTrue(result["tree"]["release"] and result["tree"]["hash"], result)
        (verdict,) = result["scenarios"]
        for key in KEYS:
            self.assertIn(key, verdict)
        self.assertEqual((verdict["verdict"], verdict["exhaustive"], verdict["bound"]), ("pass", True, 1), verdict)
        self.assertIn("every schedule with at most 1 preemption", done.stdout)

    def test_a_time_that_ends_first_is_inconclusive(self):
        done, verdict = self.one("pmd-fault-vs-truncate", "--seconds", "0.1", "--bound", "4")
        self.assertEqual((done.returncode, verdict["verdict"], verdict["exhaustive"]), (3, "inconclusive", False), verdict)

    def test_what_never_runs_makes_no_pass(self):
        self.write("scenario s\nfile A fs=xfs pages=1\nmm m0 maps A 0..1 shared rw\nthread a: load m0 0; unpin\n")
        done, verdict = self.one("s.dax", "--bound", "0", "--scheduler", "bound")
        self.assertEqual((done.returncode, verdict["verdict"]), (3, "inconclusive"), verdict)
        self.assertIn("never done: unpin (a): nothing in ", done.stdout)

    def test_what_cannot_run_says_why(self):
        done, verdict = self.one("lease-vs-write")
        self.assertEqual((done.returncode, verdict["verdict"]), (3, "not-run"), verdict)
        self.assertIn("fs/locks.c", verdict["note"])

    def test_a_known_finding_is_recognised_kept_and_replayed(self):
        done, verdict = self.one("fsync-vs-locked-entry")
        self.assertEqual((done.returncode, verdict["verdict"], verdict["known"]), (0, "fail", True), verdict)
        self.assertEqual((verdict["invariant"], verdict["finding"]), ("I20", "docs/findings/fsync-skips-locked-entries.md"))
        self.assertRegex(verdict["place"], r"^[a-z]+/.*\.c:\d+$")
        (bundle,) = (self.here / "daxtorture-failures").iterdir()
        self.assertEqual(json.loads((bundle / "bundle.json").read_text())["tree"], os.path.realpath(TREE))
        for _ in range(2):
            again = self.run_it("replay", str(bundle))
            self.assertEqual(again.returncode, 1, again)
            self.assertIn("the same failure again", again.stdout)
            self.assertNotIn("left", again.stdout)

    def test_two_runs_of_a_seed_are_the_same(self):
        words = ("two-mms", "--scheduler", "pct", "--iterations", "300", "--seconds", "5m")
        first, second = (self.one(*words)[1]["schedules"] for _ in range(2))
        self.assertEqual(first, second)

    def test_a_plan_is_followed_or_says_where_it_was_left(self):
        self.write("truncater op 0\ntoucher op 0\npinner done\ntoucher done\n", "whole.plan")
        done, _ = self.one("break-vs-refault", "--plan", "whole.plan")
        self.assertIn("the plan was followed to its end", done.stdout)
        self.write("pinner entry dax_writeback_mapping_range\n", "left.plan")
        done, verdict = self.one("break-vs-refault", "--plan", "left.plan")
        self.assertEqual((done.returncode, verdict["verdict"]), (3, "inconclusive"), verdict)
        self.assertIn("the plan was left at line 1: pinner entry dax_writeback_mapping_range", verdict["note"])
        self.write("nobody done\n", "bad.plan")
        self.refused("bad.plan:1: the scenario has no thread 'nobody'", "kernel", "--tree", TREE, "break-vs-refault", "--plan",
                     "bad.plan")

    def test_a_signal_ends_it_with_what_was_found(self):
        run = subprocess.Popen([PROGRAM, "kernel", "--tree", TREE, "--seconds", "1h", "--jobs", "1", "fsync-vs-locked-entry",
                                "pmd-fault-vs-truncate", "two-mms", "--bound", "6", "--json", "result.json"], cwd=self.here,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = run.stdout.readline() # the first one's verdict is there, the second one is at work
        run.send_signal(signal.SIGINT)
        rest, _ = run.communicate(timeout=HANG_GUARD)
        self.assertIn("fsync-vs-locked-entry", first)
        self.assertIn("not begun", rest)
        self.assertEqual(run.returncode, 3, rest)
        verdicts = json.loads((self.here / "result.json").read_text(encoding="utf-8"))["scenarios"]
        self.assertEqual([one["verdict"] for one in verdicts], ["fail", "inconclusive", "inconclusive"])


if __name__ == "__main__":
    if not TREE:
        print("DAXTORTURE_KERNEL_TREE names no kernel tree")
        sys.exit(77)
    main()
