#!/usr/bin/env python3
"""Verdicts mean what they say: nothing is green without evidence, and nothing found is lost. Usage: verdict_test.py DAXTORTURE"""

import os
import unittest

from program import ProgramTest, main

WORLD = """scenario s
file A fs=xfs pages=1
mm m0 maps A 0..1 shared rw
mm m1 maps A 0..1 shared ro
"""
RACE = WORLD + "thread a: pin m0 0; unpin\nthread b: truncate A 0\n"
BROKEN = "rule wake-key=refcount\n"


class NothingGreenWithoutEvidence(ProgramTest):
    def test_an_operation_that_never_does_its_part_makes_no_pass(self):
        for text, operation in (
            (WORLD + "thread a: store m1 0\nthread b: load m0 0\n", "store m1 0 (a): sigbus in "),
            (WORLD + "thread a: load m0 0; unpin\n", "unpin (a): nothing in "),
            (WORLD + "setup unpin\nthread a: load m0 0\n", "unpin (set-up): nothing in "),
        ):
            code, (verdict,) = self.check_json(self.write(text))
            self.assertEqual((code, verdict["verdict"]), (3, "inconclusive"), text)
            self.assertEqual(len(verdict["never_done"]), 1, text)
            self.assertTrue(verdict["never_done"][0].startswith(operation), verdict["never_done"])
            self.assertFalse(verdict["exhaustive"], text)
            line = self.run_it("check", "s.dax").stdout
            self.assertIn("never done: " + operation, line)

    def test_a_protocol_in_which_nothing_can_be_pinned_does_not_pass(self):
        code, (verdict,) = self.check_json("break-vs-pin", "--protocol", "v6.12-fixed", "--rule", "idle=zero", "--seconds", "5")
        if verdict["verdict"] != "fail":
            self.assertEqual((code, verdict["verdict"]), (3, "inconclusive"))
            self.assertTrue(any(one.startswith("pin m0 0") for one in verdict["never_done"]), verdict)

    def test_what_is_meant_to_be_refused_says_so_and_passes(self):
        code, (verdict,) = self.check_json(self.write(WORLD + "thread a: store m1 0 -> sigbus\nthread b: load m0 0\n"))
        self.assertEqual((code, verdict["verdict"], verdict["never_done"]), (0, "pass", []))
        counts = {one["operation"]: one["executions"] for one in verdict["operations"]}
        self.assertEqual(set(counts["store m1 0"]), {"sigbus"})
        self.assertEqual(set(counts["load m0 0"]), {"done"})
        # ... and what was to be refused and never is says nothing either.
        code, (verdict,) = self.check_json(self.write(WORLD + "thread a: store m0 0 -> sigbus\n"))
        self.assertEqual((code, verdict["verdict"]), (3, "inconclusive"))
        self.assertTrue(verdict["never_done"][0].startswith("store m0 0 -> sigbus (a): done in "), verdict)

    def test_a_failure_does_not_complain_of_what_was_not_done(self):
        code, (verdict,) = self.check_json(self.write(RACE + BROKEN))
        self.assertEqual((code, verdict["verdict"], verdict["never_done"]), (1, "fail", []))

    def test_a_complete_search_is_a_pass_however_little_time_is_left(self):
        program = self.with_checker(LATE_RANDOM_PHASES)
        self.write(RACE)
        code, (verdict,) = self.check_json("s.dax", "--seconds", "4", "--jobs", "1", program=program)
        self.assertEqual((code, verdict["verdict"], verdict["exhaustive"]), (0, "pass", True), verdict)
        self.assertIn("the time ended before all random executions were run", verdict["note"])

    def test_exhaustive_and_inconclusive_never_stand_together(self):
        for words in (("--iterations", "3"), ("--scheduler", "bound", "--iterations", "3"), ("--seconds", "1")):
            _, verdicts = self.check_json("break-vs-pin", "fault-vs-truncate", *words)
            for verdict in verdicts:
                self.assertFalse(verdict["exhaustive"] and verdict["verdict"] == "inconclusive", verdict)

    def test_the_summary_names_what_is_inconclusive(self):
        self.write(WORLD.replace("scenario s", "scenario vacuous") + "thread a: unpin\n", "vacuous.dax")
        self.write(RACE)
        done = self.run_it("check", "s.dax", "vacuous.dax")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stdout.splitlines()[-1], "2 scenarios: 1 pass, 0 fail, 1 inconclusive (vacuous)")

    def test_coverage_of_a_search_that_failed_is_not_shown(self):
        done = self.run_it("check", self.write(RACE + BROKEN), "--coverage")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("pairs of operations", done.stdout)
        self.assertNotIn("never:", done.stdout)


# The exhaustive search, and what takes turns with it, are the real ones; the others last until they are stopped.
LATE_RANDOM_PHASES = r"""
request=$(cat)
case $request in
*'"scheduler":"bound"'* | *'"scheduler":"pos"'* | *'"scheduler":"aim"'*) printf '%s' "$request" | exec "$REAL_CHECKER" ;;
*'"scheduler":"full"'*) echo '{"type": "result", "executions": 1, "exhausted": false}' ;;
*) exec sleep 100 ;;
esac
"""
CRASH_OF_ONE = r"""
request=$(cat)
case $request in
*'scenario  crashes'*) kill -SEGV $$ ;;
*) printf '%s' "$request" | exec "$REAL_CHECKER" ;;
esac
"""


class NothingLost(ProgramTest):
    def test_a_crash_of_the_checker_costs_one_scenario(self):
        program = self.with_checker(CRASH_OF_ONE)
        self.write(RACE, "a.dax")
        self.write(RACE.replace("scenario s", "scenario crashes"), "b.dax")
        self.write(RACE + BROKEN, "c.dax")
        code, verdicts = self.check_json("a.dax", "b.dax", "c.dax", program=program)
        self.assertEqual(code, 4)
        self.assertEqual([one["verdict"] for one in verdicts], ["pass", "error", "fail"])
        self.assertIn("signal 11", verdicts[1]["cause"])
        self.assertEqual(verdicts[1]["kind"], "tool failure")
        done = self.run_it("check", "b.dax", "a.dax", program=program)
        self.assertRegex(done.stdout, r"error +crashes .*signal 11")
        self.assertIn("1 pass, 0 fail, 0 inconclusive, 1 error (crashes)", done.stdout)

    def test_a_set_up_that_sleeps_is_bad_input(self):
        self.write(WORLD + "setup pin m0 0; truncate A 0\nthread a: load m0 0\n")
        for scheduler in ([], ["--scheduler", "full"], ["--scheduler", "pct"]):
            self.refused("s.dax:5:17: expected a set-up that ends, but 'truncate A 0' waits for page 0 to become idle",
                         "check", "s.dax", *scheduler)
        self.refused("s.dax:5:17: expected a set-up that ends", "stress", "s.dax", "--duration", "1s")

    def test_a_failure_that_cannot_be_kept_is_told_in_full_on_standard_error(self):
        self.write(RACE + BROKEN)
        self.write("", "occupied")
        for words in (("--out", "occupied/below"), ("--out", "occupied/below", "--json", "-")):
            done = self.run_it("check", "s.dax", *words)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("cannot keep the failure", done.stderr)
            self.assertIn("-- preempted --", done.stderr)
            self.assertIn("violates I28", done.stderr)

    def test_a_failure_of_real_threads_that_cannot_be_kept_is_told_in_full(self):
        self.write(RACE + BROKEN)
        self.write("", "daxtorture-failures")
        done = self.run_it("stress", "s.dax", "--duration", "60s", "--hang-after", "1s")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot keep the failure", done.stderr)
        self.assertIn("violates I28", done.stderr)
        self.assertNotIn("next: ", done.stdout)

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_violation_stays_one_when_its_results_cannot_be_written(self):
        self.write(RACE + BROKEN)
        done = self.run_it("check", "s.dax", "--json", "/dev/full")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("/dev/full", done.stderr)
        self.write(RACE)
        self.assertEqual(self.run_it("check", "s.dax", "--json", "/dev/full").returncode, 2)


if __name__ == "__main__":
    main()
