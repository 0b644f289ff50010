#!/usr/bin/python3
"""The hunt as a user sees it: a planted bug is found, a killed hunt goes on, results and exit codes say what happened.

usage: hunt_test.py DAXTORTURE
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from program import HANG_GUARD, PROGRAM, ProgramTest, main
from events import wait_for


class HuntTest(ProgramTest):
    def hunt(self, *words, program=PROGRAM):
        """Exit code and result."""
        done = self.run_it("hunt", *words, "--json", "result.json", program=program)
        result = self.here / "result.json"
        self.assertTrue(result.exists(), done.stdout + done.stderr)
        return done.returncode, json.loads(result.read_text(encoding="utf-8"))

    def journal(self, directory="out"):
        """Whole records; the last line may be in the making."""
        file = self.here / directory / "hunt.journal"
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n")[:-1]]

    def records(self, kind, directory="out"):
        return [one for one in self.journal(directory) if one["type"] == kind]

    def seen(self, directory="out"):
        return [number for one in self.records("progress", directory) for number in one["seen"]]

    @staticmethod
    def told(failures):
        return {(one["invariant"], one["cause"], one["known"] or "") for one in failures}

    def begin(self, *words):
        began = subprocess.Popen([PROGRAM, "hunt", *words], cwd=self.here, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(began.wait)
        self.addCleanup(began.kill)
        return began


class Found(HuntTest):
    def test_a_planted_bug_is_found_and_its_scenario_fails(self):
        code, result = self.hunt("--rule", "wake-key=refcount", "--programs", "400", "--out", "out")
        self.assertEqual(code, 1)
        planted = [one for one in result["failures"] if one["invariant"] == "I28" and one["known"] is None]
        self.assertEqual(len(planted), 1, result["failures"])
        scenario, bundle = planted[0]["scenario"], planted[0]["bundle"]
        self.assertIn("wake-key=refcount", planted[0]["rules"])
        self.assertIn("wrong queue", planted[0]["cause"])
        self.assertLessEqual(planted[0]["threads"], 2)
        self.assertEqual(self.run_it("check", scenario).returncode, 1)
        self.assertEqual(self.run_it("replay", bundle).returncode, 1)
        self.assertIn("wrong queue", (self.here / bundle / "report.txt").read_text(encoding="utf-8"))

    def test_findings_are_met_and_known(self):
        # Some stand behind others: in one program, too.
        code, result = self.hunt("--programs", "400", "--out", "out")
        known = [one["known"] for one in result["failures"]]
        pages = {page for text in known if text for page in text.split() if page.startswith("docs/findings/")}
        self.assertGreaterEqual(len(pages), 4, known)
        self.assertEqual(code, 1 if None in known else 0)

    def test_what_a_finding_explains_is_gone_with_its_rule(self):
        # These two look like each other, and like the planted bug.
        rules = {"docs/findings/fsync-skips-locked-entries.md": "writeback-locked=wait",
                 "docs/findings/break-layout-drops-dirty-marks.md": "break-delete=clean"}
        _, result = self.hunt("--rule", "writeback-mkclean=no", "--programs", "200", "--seed", "8", "--out", "out")
        like_them = [one for one in result["failures"] if one["known"] in rules]
        self.assertTrue(like_them, result["failures"])
        for one in like_them:
            _, verdicts = self.check_json(one["scenario"], "--rule", rules[one["known"]], "--iterations", "5000", "--no-shrink")
            self.assertNotEqual(verdicts[0]["cause"], one["cause"])

    def test_so_many_programs_are_the_same_every_time(self):
        results = []
        for jobs in ("1", "3"):
            _, result = self.hunt("--programs", "150", "--seed", "2", "--jobs", jobs)
            del result["seconds"]
            results.append(result)
        self.assertGreater(len(results[0]["failures"]), 2)
        self.assertEqual(*results)

    def test_a_failure_is_told_once(self):
        _, result = self.hunt("--programs", "200")
        self.assertEqual(len(result["failures"]), len(self.told(result["failures"])))
        self.assertGreater(max(one["programs"] for one in result["failures"]), 1)
        self.assertTrue((self.here / "daxtorture-hunt").is_dir())
        self.assertFalse((self.here / "daxtorture-hunt" / "hunt.journal").exists())

    def test_what_was_searched_is_counted(self):
        _, result = self.hunt("--programs", "100", "--protocol", "v6.12-fixed", "--out", "out")
        self.assertEqual(result["version"], 1)
        self.assertEqual(result["distinct"], 100)
        self.assertGreaterEqual(result["programs"], result["distinct"])
        self.assertGreater(result["executions"], result["distinct"])
        self.assertGreater(result["coverage"]["step_pairs"], 0)
        smallest = result["coverage"]["small"][0]
        self.assertEqual(smallest["operations"], [1, 1])
        self.assertGreater(smallest["done"], 15)
        self.assertGreater(smallest["total"], smallest["done"])
        self.assertEqual(len(self.seen()), 100)


class Ended(HuntTest):
    def test_a_killed_hunt_goes_on_and_searches_nothing_twice(self):
        first = self.begin("--programs", "400", "--out", "out")
        wait_for(lambda: self.records("failure") and len(self.seen()) > 20, "a failure and some programs in the journal")
        first.send_signal(signal.SIGKILL)
        first.wait(HANG_GUARD)
        before = self.journal()
        with open(self.here / "out" / "hunt.journal", "a", encoding="utf-8") as torn:
            torn.write('{"type":"progress","prog')
        done = self.run_it("hunt", "--resume", "out", "--json", "result.json")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        result = json.loads((self.here / "result.json").read_text(encoding="utf-8"))
        after = self.journal()
        self.assertEqual(after[:len(before)], before)
        self.assertEqual(result["distinct"], 400)
        seen = self.seen()
        self.assertEqual(len(seen), 400)
        self.assertEqual(len(set(seen)), 400)
        kept = [one["scenario"] for one in before if one["type"] == "failure"]
        told = [one["scenario"] for one in result["failures"]]
        self.assertEqual(told[:len(kept)], kept)
        for scenario in told:
            self.assertTrue((self.here / scenario).exists(), scenario)

    def test_a_signal_ends_it_with_what_was_found(self):
        hunt = self.begin("--seconds", "1h", "--out", "out", "--json", "result.json")
        wait_for(lambda: self.records("failure"), "a failure in the journal")
        hunt.send_signal(signal.SIGINT)
        self.assertIn(hunt.wait(HANG_GUARD), (1, 3))
        result = json.loads((self.here / "result.json").read_text(encoding="utf-8"))
        self.assertTrue(result["interrupted"])
        self.assertEqual(self.told(result["failures"]), self.told(self.records("failure")))
        self.assertEqual(result["distinct"], len(self.seen()))

    def test_a_checker_that_dies_costs_one_program(self):
        program = self.with_checker('if mkdir "$DIED" 2>/dev/null; then read request; exit 9; fi\n'
                                    'exec "$REAL_CHECKER" "$@"\n')
        os.environ["DIED"] = str(self.here / "died")
        code, result = self.hunt("--programs", "20", "--jobs", "1", "--protocol", "v6.12-fixed", program=program)
        self.assertEqual(result["crashes"], 1)
        self.assertEqual(result["distinct"], 20)
        self.assertGreater(result["executions"], 1000)
        self.assertEqual(code, 1 if any(one["known"] is None for one in result["failures"]) else 4)

    def test_a_full_disk_loses_nothing_that_was_found(self):
        def limit_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))

        # Standard output is a pipe, which is not limited.
        done = self.run_it("hunt", "--seconds", "1h", "--rule", "wake-key=refcount", "--out", "out", preexec_fn=limit_files)
        self.assertIn(done.returncode, (1, 2), done.stderr)
        errors = [line for line in done.stderr.splitlines() if line.startswith("daxtorture:")]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertRegex(errors[0], r"out/\S+: File too large")
        found, known = map(int, re.search(r": (\d+) failures? that no finding explains, (\d+) that findings do",
                                          done.stdout).groups())
        self.assertEqual(done.returncode, 1 if found else 2)
        kept = re.findall(r"^ +out/hunt-\S+\.dax$", done.stdout, re.MULTILINE)
        in_full = re.findall(r"^hunt-\S+ under v7\.3", done.stderr, re.MULTILINE)
        self.assertEqual(len(kept) + len(in_full), found + known, done.stdout + done.stderr)

    def test_shards_have_parts_of_their_own(self):
        for part in ("1", "2"):
            self.hunt("--programs", "60", "--shard", part + "/2", "--out", "part-" + part)
        one, other = set(self.seen("part-1")), set(self.seen("part-2"))
        self.assertLess(len(one & other), 10)


class Refused(HuntTest):
    def test_bad_input_is_named(self):
        self.refused("did you mean 'v7.3'", "hunt", "--protocol", "v73")
        self.refused("unknown rule", "hunt", "--rule", "wake=up")
        self.refused("hunt.journal", "hunt", "--resume", "nowhere")
        self.refused("--programs", "hunt", "--programs", "-3")
        self.hunt("--programs", "1", "--out", "out")
        self.refused("go on with --resume out", "hunt", "--programs", "1", "--out", "out")
        (self.here / "out" / "hunt.journal").write_text("nonsense\n", encoding="utf-8")
        self.refused("hunt.journal:1: expected a record of a hunt", "hunt", "--resume", "out")


if __name__ == "__main__":
    main()
