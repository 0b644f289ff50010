#!/usr/bin/env python3
"""What the program says to people and to shells: lines, help, suggestions, completion. Usage: words_test.py DAXTORTURE"""

import re
import shutil
import subprocess


from program import PROGRAM, ProgramTest, SOURCES, main

COMMANDS = ("check", "stress", "report", "merge", "compare", "explain", "fstest",
            "reproduce", "replay", "hunt", "museum", "orderings", "kernel", "protocols", "demo")
SMALL = """scenario s
file A fs=xfs pages=1
mm m0 maps A 0..1 shared rw
thread a: pin m0 0; unpin
thread b: truncate A 0
"""
# A scenario of a user's own that meets what docs/findings/refault-during-idle-wait.md describes.
REFAULT = """scenario mine
file A fs=xfs pages=1
mm m0 maps A 0..1 shared rw
setup store m0 0
thread holder: pin m0 0 fast; unpin
thread user: load m0 0
thread truncater: truncate A 0
"""


class Lines(ProgramTest):
    def test_a_pass_says_what_was_covered(self):
        line = self.run_it("check", self.write(SMALL)).stdout
        self.assertRegex(line, r"^pass +s  v7\.3, memory weak: every interleaving, [\d,]+ executions, in \d+\.\d\d s\n$")
        self.assertNotIn("(full", line)
        self.assertIn("(full", self.run_it("check", "s.dax", "-v").stdout)
        line = self.run_it("check", "s.dax", "--scheduler", "bound", "--bound", "1").stdout
        self.assertIn("every interleaving with at most 1 preemption and 1 stale load, ", line)

    def test_a_known_finding_is_one_line_with_its_page(self):
        done = self.run_it("check", "break-vs-refault")
        self.assertEqual(done.returncode, 0, done.stderr)
        (line,) = done.stdout.splitlines()
        self.assertRegex(line, r"^fail +break-vs-refault .*: I16, mapped again: .*; known: docs/findings/refault-during-idle-wait\.md$")
        shown = self.run_it("check", "break-vs-refault", "--show-known").stdout
        self.assertIn("-- preempted --", shown)
        self.assertIn("known: docs/findings/refault-during-idle-wait.md", shown)

    def test_a_scenario_of_ones_own_looks_like_a_finding(self):
        done = self.run_it("check", self.write(REFAULT))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("; looks like docs/findings/refault-during-idle-wait.md", done.stdout.splitlines()[0])
        self.assertIn("\nlooks like: docs/findings/refault-during-idle-wait.md", done.stdout)
        _, (verdict,) = self.check_json("s.dax")
        self.assertEqual((verdict["finding"], verdict["known_finding"]),
                         ("docs/findings/refault-during-idle-wait.md", False))

    def test_a_failure_names_what_it_violates_and_where_the_code_is(self):
        text = self.run_it("check", self.write(SMALL + "rule wake-key=refcount\n")).stdout
        self.assertIn("hang, violates I28: waiter and waker use the same key", text)
        self.assertIn("s under v7.3 wake-key=refcount, memory weak", text)
        places = re.findall(r"^\w+ at (src/\S+:\d+)", text, re.MULTILINE)
        self.assertTrue(places, text)
        for place in places:
            self.assertTrue((SOURCES / place.split(":")[0]).exists(), place)
        self.assertRegex(text, r"in wait_page_idle at src/dax/layout_break\.cpp:\d+")

    def test_stress_says_what_comes_next(self):
        done = self.run_it("stress", self.write(SMALL + "rule wake-key=refcount\n"), "--duration", "60s", "--hang-after", "1s")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        bundle = re.search(r"^next: daxtorture reproduce (\S+)$", done.stdout, re.MULTILINE).group(1)
        self.assertTrue((self.here / bundle / "bundle.json").exists(), bundle)


class Suggestions(ProgramTest):
    def test_typos_get_a_suggestion(self):
        self.write("base v6.15\nrule wake-kye=page\n", "mine.preset")
        self.write("workes 3\n", "some.job")
        for expected, words in (
            ("did you mean 'wake-key'?", ("check", "break-vs-pin", "--rule", "wake-kye=page")),
            ("did you mean 'refcount'?", ("check", "break-vs-pin", "--rule", "wake-key=refcont")),
            ("mine.preset:2:6: unknown rule 'wake-kye'; did you mean 'wake-key'?",
             ("check", "break-vs-pin", "--protocol", "mine.preset")),
            ("did you mean 'bug-08'?", ("museum", "bug-8")),
            ("some.job:1: unknown option 'workes'; did you mean 'workers'?", ("stress", "--job", "some.job")),
            ("did you mean 'default'?", ("stress", "--mix", "defalt")),
            ("did you mean 'v6.1'?", ("protocols", "v6.2")),
            ("did you mean 'arm64-4k'?", ("check", "break-vs-pin", "--arch", "arm64-4")),
            ("did you mean 'weak'?", ("check", "break-vs-pin", "--memory", "wek")),
        ):
            with self.subTest(words=words):
                self.refused(expected, *words)

    def test_operations_of_other_tools_are_known_by_their_names_here(self):
        for typed, ours in (("fsync A", "'writeback'"), ("fallocate A 0..1", "'punch', 'zero'"), ("ftruncate A 0", "'truncate'")):
            self.write(SMALL.replace("truncate A 0", typed))
            self.refused("s.dax:5:11: expected an operation", "check", "s.dax")
            self.refused("did you mean " + ours, "check", "s.dax")

    def test_protocols_shows_differences_and_one(self):
        table = self.run_it("protocols", "v6.12", "v6.15").stdout
        self.assertRegex(table, r"(?m)^idle +one +zero$")
        self.assertNotRegex(table, r"(?m)^gup-recheck ")
        one = self.run_it("protocols", "v6.12").stdout
        self.assertRegex(one, r"(?m)^rule +v6\.12$")
        self.assertRegex(one, r"(?m)^gup-recheck +yes$")
        self.assertNotIn("v6.15", one.splitlines()[0])


class Help(ProgramTest):
    def test_each_command_has_two_examples_and_no_noise(self):
        for command in COMMANDS:
            text = self.run_it(command, "--help").stdout
            examples = [line for line in text.splitlines() if line.startswith("  daxtorture ")]
            self.assertGreaterEqual(len(examples), 2, command)
            self.assertRegex(text, r"(?s)Exit codes:\n  [01]  .*\n  2  wrong usage or bad input\n.*  4  ", command)
            self.assertNotRegex(text, r"UINT|TEXT|:INT| in \[|FLOAT", command)
        text = self.run_it("check", "--help").stdout
        for group in ("Protocol and machine:", "Search:", "Results:"):
            self.assertIn(group, text)

    def test_the_list_for_shells_is_complete(self):
        fields = [line.split("\t") for line in self.run_it("--complete").stdout.splitlines()]
        self.assertEqual(sorted(one[1] for one in fields if one[0] == "command"), sorted(COMMANDS))
        for one in fields:
            self.assertEqual(len(one), {"command": 3, "option": 5, "argument": 3, "value": 4}[one[0]], one)
        # Every option with a value says of which kind it is.
        flags = re.compile(r"--(help|list|coverage|verbose|show-known|skip-known|compare|bisect|trace|summary|memory-table"
                           r"|keep-going|or-resume|no-.*)$")
        for _, command, name, kind, _ in (one for one in fields if one[0] == "option"):
            self.assertEqual(kind == "", bool(flags.match(name)), (command, name))
        values = {(one[1], one[2]) for one in fields if one[0] == "value"}
        for known in (("protocol", "v6.15"), ("rule", "wake-key=refcount"), ("machine", "arm64-4k"), ("mix", "default"),
                      ("scheduler", "pct"), ("memory", "tso"), ("bug", "bug-08"), ("scenario", "break-vs-pin")):
            self.assertIn(known, values)


class Version(ProgramTest):
    def test_the_version_says_how_it_was_built(self):
        lines = self.run_it("--version").stdout.splitlines()
        self.assertRegex(lines[0], r"^daxtorture \d+\.\d+\.\d+$")
        self.assertEqual([line.split(":")[0] for line in lines[1:]], ["build", "compiler", "packages", "checker"])
        self.assertRegex(lines[2], r"(gcc|clang) \d+")
        for package in ("fmt", "spdlog", "nlohmann_json", "CLI11", "tbb"):
            self.assertRegex(lines[3], package + r" \d+")
        self.assertRegex(lines[4], r"[0-9a-f]{16}$")


class Completion(ProgramTest):
    CASES = (
        ("check --rule wake-key=r", "wake-key=refcount"),
        ("check --protocol v6.1", "v6.12-fixed"),
        ("check --protocol=v6.1", "v6.12-fixed"),
        ("check --show", "--show-known"),
        ("check break-vs-p", "break-vs-pin"),
        ("stress --mix def", "default"),
        ("museum bug-0", "bug-08"),
        ("mus", "museum"),
    )

    def completed(self, shell, script):
        if shutil.which(shell) is None:
            self.skipTest(f"{shell} is not installed")
        done = subprocess.run([shell, *script], capture_output=True, text=True, timeout=60, check=False, cwd=self.here)
        return done.stdout

    def test_bash(self):
        for line, expected in self.CASES:
            line = f"{PROGRAM} {line}"
            text = self.completed("bash", ["-c", f"""
                source {SOURCES}/completion/daxtorture.bash
                COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDBREAKS=' '
                _daxtorture; printf '%s\\n' "${{COMPREPLY[@]}}" """])
            self.assertIn(expected, text.splitlines(), line)

    def test_fish(self):
        (self.here / "daxtorture").symlink_to(PROGRAM)
        for line, expected in self.CASES:
            text = self.completed("fish", ["-c", f"""
                set -x PATH {self.here} $PATH
                source {SOURCES}/completion/daxtorture.fish
                complete -C 'daxtorture {line}' """])
            found = [one.split("\t")[0] for one in text.splitlines()]
            wanted = line.split()[-1].split("=")[0] + "=" + expected if line.endswith("--protocol=v6.1") else expected
            self.assertIn(wanted, found, line)

    def test_zsh_reads_its_file(self):
        self.assertEqual(self.completed("zsh", ["-n", str(SOURCES / "completion" / "_daxtorture")]), "")


if __name__ == "__main__":
    main()
