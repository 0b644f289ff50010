#!/usr/bin/env python3
"""What becomes of results: JUnit, summaries, comparisons, mails, widths. Usage: results_test.py DAXTORTURE"""

import json
import re
import shutil
import xml.etree.ElementTree as xml

from program import ProgramTest, main

SMALL = """scenario s
file A fs=xfs pages=1
mm m0 maps A 0..1 shared rw
thread a: pin m0 0; unpin
thread b: truncate A 0
"""
BROKEN = SMALL.replace("scenario s", "scenario broken") + "rule wake-key=refcount\n"


class Junit(ProgramTest):
    def cases(self, path):
        (suite,) = xml.parse(self.here / path).getroot()
        return suite.attrib, {case.attrib["name"]: case for case in suite.iter("testcase")}

    def test_check(self):
        done = self.run_it("check", self.write(SMALL), self.write(BROKEN, "broken.dax"), "break-vs-refault",
                           "--junit", "all.xml")
        self.assertEqual(done.returncode, 1)
        counts, cases = self.cases("all.xml")
        self.assertEqual((counts["tests"], counts["failures"], counts["errors"], counts["skipped"]), ("3", "1", "0", "0"))
        (failure,) = cases["broken wake-key=refcount"]
        self.assertEqual((failure.tag, failure.attrib["type"]), ("failure", "hang"))
        self.assertIn("I28", failure.attrib["message"])
        (output,) = cases["break-vs-refault"]
        self.assertEqual(output.tag, "system-out")
        self.assertIn("docs/findings/refault-during-idle-wait.md", output.text)
        self.assertEqual(len(cases["s"]), 0)

    def test_an_inconclusive_scenario_is_skipped_and_a_broken_tool_is_an_error(self):
        program = self.with_checker("exit 7\n")
        self.run_it("check", self.write(SMALL), "--junit", "error.xml", program=program)
        counts, _ = self.cases("error.xml")
        self.assertEqual((counts["failures"], counts["errors"]), ("0", "1"))
        self.run_it("check", "s.dax", "--scheduler", "uniform", "--iterations", "1", "--junit", "skipped.xml")
        counts, cases = self.cases("skipped.xml")
        verdict = self.check_json("s.dax", "--scheduler", "uniform", "--iterations", "1")[1][0]["verdict"]
        self.assertEqual(counts["skipped"], "1" if verdict == "inconclusive" else "0", cases)

    def test_museum(self):
        done = self.run_it("museum", "bug-08", "--junit", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        (suite,) = xml.fromstring(done.stdout)
        self.assertEqual((suite.attrib["name"], suite.attrib["tests"], suite.attrib["failures"]),
                         ("daxtorture museum", "1", "0"))


class Pages(ProgramTest):
    def test_check(self):
        self.run_it("check", self.write(SMALL), self.write(BROKEN, "broken.dax"), "break-vs-refault", "--html", "all.html")
        page = (self.here / "all.html").read_text(encoding="utf-8")
        links = re.findall(r'<a class="cell (\w+)"[^>]*href="#(f\d+)">(\w+)</a>', page)
        self.assertEqual([(look, text) for look, _, text in links], [("fail", "I28"), ("known", "I16")])
        for _, target, _ in links:
            self.assertEqual(page.count(f'id="{target}"'), 1)
        self.assertIn('<span class="cell pass"', page)
        self.assertIn("daxtorture explain daxtorture-failures/broken-I28-", page)
        self.assertIn("-- preempted --", page)
        self.assertRegex(page, r"thread +a: pin m0 0; unpin")
        self.assertNotIn("http", page)

    def test_museum(self):
        page = self.run_it("museum", "bug-08", "--html", "-").stdout
        self.assertRegex(page, r'<td>bug-08</td><td><a class="cell pass"[^>]*>I\d+</a></td><td><span class="cell pass"')


class Summaries(ProgramTest):
    def is_short(self, text):
        lines = text.splitlines()
        self.assertLessEqual(len(lines), 12, text)
        for line in lines:
            self.assertLessEqual(len(line), 72, line)
        return lines

    def test_check(self):
        names = [self.write(BROKEN.replace("broken", f"broken{i}"), f"broken{i}.dax") for i in range(15)]
        done = self.run_it("check", *names, "--summary")
        self.assertEqual(done.returncode, 1)
        lines = self.is_short(done.stdout)
        self.assertEqual(lines[0], "daxtorture check: fail")
        self.assertEqual(lines[1], "15 scenarios: 0 pass, 15 fail, 0 inconclusive, 0 error")
        self.assertTrue(lines[3].startswith("fail  broken0: I28 "), lines)
        self.assertRegex(lines[-2], r"^\.\.\. and \d+ more$")
        self.assertEqual(lines[-1], "next: daxtorture check broken0")

    def test_museum(self):
        lines = self.is_short(self.run_it("museum", "bug-08", "--summary").stdout)
        self.assertEqual(lines[0], "daxtorture museum: pass")
        self.assertIn("1 of 1 bugs found", lines[1])

    def test_a_campaign(self):
        self.run_it("stress", self.write(SMALL), "--duration", "1s", "--workers", "2", "--out", "run")
        lines = self.is_short(self.run_it("report", "run", "--summary").stdout)
        self.assertTrue(lines[0].startswith("daxtorture stress: pass: s under v7.3"), lines)


class Comparisons(ProgramTest):
    def documents(self, before, after):
        for name, verdicts in (("a.json", before), ("b.json", after)):
            scenarios = [{"name": scenario, "protocol": "v7.3", "rules": "", "memory": "weak", "verdict": verdict,
                          "invariant": invariant, "cause": "a cause" if invariant else None, "executions": 10, "seconds": 1.0}
                         for scenario, verdict, invariant in verdicts]
            (self.here / name).write_text(json.dumps({"version": 1, "scenarios": scenarios}), encoding="utf-8")
        return self.run_it("compare", "a.json", "b.json")

    def test_a_new_failure_is_a_regression_and_a_gone_one_is_none(self):
        done = self.documents([("x", "pass", None), ("y", "fail", "I16")], [("x", "pass", None), ("y", "pass", None)])
        self.assertEqual(done.returncode, 0)
        self.assertIn("y under v7.3, memory weak: fail: I16 a cause -> pass", done.stdout)
        self.assertIn("no regression", done.stdout)
        done = self.documents([("x", "pass", None), ("y", "fail", "I16")], [("x", "fail", "I7"), ("y", "fail", "I16")])
        self.assertEqual(done.returncode, 1)
        self.assertIn("REGRESSION: x under v7.3, memory weak: fail: I7 a cause", done.stdout)
        self.assertEqual(self.documents([("y", "fail", "I16")], [("y", "fail", "I7")]).returncode, 1)

    def test_what_check_writes_is_what_compare_reads(self):
        self.run_it("check", self.write(SMALL), "--json", "a.json")
        self.assertEqual(self.run_it("compare", "a.json", "a.json").returncode, 0)
        self.run_it("check", "s.dax", "--rule", "wake-key=refcount", "--json", "b.json")
        done = self.run_it("compare", "a.json", "b.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("only in A: s under v7.3, memory weak", done.stdout)

    def test_runs(self):
        self.run_it("stress", self.write(SMALL), "--duration", "4s", "--slice", "1s", "--workers", "2", "--seed", "1", "--out", "a")
        done = self.run_it("compare", "a", "a")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^operations +[\d,]+ +[\d,]+   \+0\.0 %")
        self.run_it("stress", "s.dax", "--rule", "wake-key=refcount", "--duration", "60s", "--hang-after", "1s",
                    "--workers", "2", "--seed", "1", "--out", "b")
        done = self.run_it("compare", "a", "b")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("REGRESSION: a new failure: ", done.stdout.replace("\n    ", " "))

    def test_a_slower_run_is_a_regression(self):
        """The journal of a run, and the same with half of each slice's operations."""
        self.run_it("stress", self.write(SMALL), "--duration", "6s", "--slice", "1s", "--workers", "2", "--seed", "1", "--out", "a")
        (self.here / "b").mkdir()
        lines = []
        for line in (self.here / "a/journal.jsonl").read_text(encoding="utf-8").splitlines():
            record = re.search(r'"record":(.*)\}$', line).group(1)
            if '"type":"slice"' in record:
                record = re.sub(r'("total":|\[)(\d+)', lambda m: m.group(1) + str(int(m.group(2)) // 4), record)
            check = 0xCBF29CE484222325
            for byte in record.encode():
                check = (check ^ byte) * 0x100000001B3 % 2**64
            lines.append(f'{{"check":"{check:016x}","record":{record}}}\n')
        (self.here / "b/journal.jsonl").write_text("".join(lines), encoding="utf-8")
        done = self.run_it("compare", "a", "b")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("REGRESSION: fewer operations per second", done.stdout)
        self.assertEqual(self.run_it("compare", "b", "a").returncode, 0)

    def test_bad_input_names_the_file(self):
        (self.here / "a.json").write_text("[]", encoding="utf-8")
        self.refused("a.json: expected a document of `daxtorture check --json`", "compare", "a.json", "a.json")
        self.refused("b.json: No such file", "compare", "b.json", "a.json")
        (self.here / "run").mkdir()
        self.refused("not one of each", "compare", "run", "a.json")
        self.refused("run/journal.jsonl", "compare", "run", "run")


class Mails(ProgramTest):
    def bundle(self, *words):
        self.run_it("check", *words, "--out", "kept")
        (place,) = (self.here / "kept").iterdir()
        return str(place)

    def test_a_finding_becomes_a_mail(self):
        text = self.run_it("explain", self.bundle("break-vs-refault")).stdout
        lines = text.splitlines()
        self.assertEqual(lines[0], "Subject: [BUG] dax: A re-fault while break layouts sleeps leaves truncate waiting until the "
                                   "page is unmapped")
        for line in lines[1:]:
            if "kept/" not in line:  # commands are there to be copied
                self.assertLessEqual(len(line), 72, line)
        for heading in ("Affected versions", "How it happens", "Why", "How to confirm it", "What would fix it"):
            self.assertIn(f"\n{heading}\n{'-' * len(heading)}\n", text)
        self.assertIn("6.15 (38607c62b34b) to 7.3", text)
        self.assertIn("wait_dax_page()", text)
        self.assertNotIn("src/", text)  # places in the model say nothing to a reader of kernel sources
        self.assertNotIn("NOT A REPORT", text)
        self.assertRegex(text, r"In the model it is gone with wait-for=mappings: sleep until refcount is\nmapcount")
        self.assertIn("git log -1 --format='Fixes: %h (\"%s\")' 38607c62b34b", text)
        self.assertNotRegex(text, r"[`*]{2}|\]\(")

    def test_a_failure_by_a_rule_of_its_own_is_no_report(self):
        text = self.run_it("explain", self.bundle(self.write(BROKEN))).stdout
        self.assertIn("NOT A REPORT ABOUT A KERNEL: this failure needs wake-key=refcount", text)

    def test_what_is_no_bundle_is_refused(self):
        self.refused("nowhere/bundle.json", "explain", "nowhere")

    def test_the_pages_come_along_with_a_build_that_moves(self):
        bundle = self.bundle("break-vs-refault")
        program = self.with_checker('exec "$REAL_CHECKER" "$@"\n')
        pages = self.here / "data/docs/findings"
        pages.mkdir(parents=True)
        (pages / "refault-during-idle-wait.md").write_text("# Another title\n", encoding="utf-8")
        self.assertTrue(self.run_it("explain", bundle, program=program).stdout.startswith("Subject: [BUG] dax: Another title\n"))
        shutil.rmtree(self.here / "data")
        self.assertIn("Subject: [BUG] dax: I16 ", self.run_it("explain", bundle, program=program).stdout)


class Widths(ProgramTest):
    def test_ladders_are_as_wide_as_was_asked(self):
        bundle = str(next(self.kept()))
        widest = {}
        for width in ("60", "120"):
            lines = self.run_it("replay", bundle, "--width", width).stdout.splitlines()
            rule = next(line for line in lines if set(line) <= set("-| ") and line)
            self.assertLessEqual(len(rule), int(width))
            self.assertGreater(len(rule), int(width) - 6)
            widest[width] = max(len(line) for line in lines if "|" in line)
        self.assertLessEqual(widest["60"], 60)
        self.assertLess(widest["60"], widest["120"])
        self.refused("--width", "replay", bundle, "--width", "59")

    def kept(self):
        self.run_it("check", self.write(BROKEN), "--out", "kept")
        return (self.here / "kept").iterdir()

    def test_stress_names_the_finding(self):
        self.run_it("stress", "truncate-keeps-dirty", "--duration", "600s", "--json", "stress.json")
        failures = json.loads((self.here / "stress.json").read_text(encoding="utf-8"))["failures"]
        self.assertTrue(failures)
        for failure in failures:
            self.assertIn("finding", failure)
            if failure["invariant"] == "I20":
                self.assertIn("docs/findings/break-layout-drops-dirty-marks.md", failure["finding"])


if __name__ == "__main__":
    main()
