#!/usr/bin/env python3
"""The command line as its users meet it: exit codes, one-line errors, JSON keys, replay. Usage: command_line_test.py DAXTORTURE"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from events import HANG_GUARD, Terminal, longer_until
from program import PROGRAM, SOURCES, ProgramTest

# The searches of these tests end with what they search for, and not with their time.
ENOUGH = ("--seconds", "1h")
SMALL = """scenario small
file A fs=xfs pages=1
mm m0 maps A 0..1 shared rw
thread a: pin m0 0
thread b: truncate A 0
"""


class CommandLine(ProgramTest):
    def check(self, *words):
        return self.run_it("check", *words, *ENOUGH)

    def check_json(self, *words):
        done = self.check(*words, "--json", "-")
        return done.returncode, json.loads(done.stdout)["scenarios"]

    def with_checker(self, script):
        """Also a scenario to give it."""
        self.write(SMALL)
        return super().with_checker(script)

    def test_usage_errors(self):
        for expected, words in (
            ("unknown command 'chek'", ("chek",)),
            ("--foo", ("check", "--foo")),
            ("unknown option '--secnds'; did you mean '--seconds'?", ("check", "--secnds=3")),
            ("nosuch", ("check", "nosuch")),
            ("unknown rule 'foo'", ("check", "break-vs-pin", "--rule", "foo=1")),
            ("expected page|refcount", ("check", "break-vs-pin", "--rule", "wake-key=x")),
            ("expected RULE=VALUE", ("check", "break-vs-pin", "--rule", "wake-key")),
            ("unknown protocol 'v9'", ("check", "break-vs-pin", "--protocol", "v9")),
            ("--memory", ("check", "break-vs-pin", "--memory", "x")),
            ("--iterations", ("check", "break-vs-pin", "--iterations", "-3")),
            ("no duration", ("check", "break-vs-pin", "--seconds", "soon")),
            ("no shard", ("check", "break-vs-pin", "--shard", "3/2")),
            ("unknown mix 'nope'", ("stress", "--mix", "nope", "--duration", "1s")),
            ("no duration", ("stress", "--duration", "0")),
            ("no time of day", ("stress", "--until", "25:00")),
            ("missing/bundle.json", ("replay", "missing")),
            ("no bug 'nope'", ("museum", "nope")),
            ("--jobs", ("check", "break-vs-pin", "--jobs", "0")),
            ("--jobs", ("museum", "--jobs", "0")),
            ("--jobs", ("orderings", "--jobs", "0")),
            ("--jobs", ("reproduce", "bundle", "--jobs", "0")),
        ):
            self.refused(expected, *words)

    def test_malformed_scenarios_name_the_place(self):
        for text, place in (
            ("", "s.dax"),
            ("scenario x\nfish y\n", "s.dax:2:1:"),
            ("scenario x\nfile A fs=xfs pages=1\nmm m0 maps A 0..1 shared rw\nthread a: pin m9 0\n", "s.dax:4:15:"),
            ("scenario x\nfile A fs=xfs pages=1\nmm m0 maps A 0..9 shared rw\nthread a: pin m0 0\n", "s.dax:3:"),
            ("scenario x\nfile A fs=xfs pages=many\n", "s.dax:2:"),
            ("scenario x\nprotocol v9\n", "s.dax:2:"),
            ("scenario x\nrule wake-key=maybe\n", "s.dax:2:"),
        ):
            (self.here / "s.dax").write_text(text, encoding="utf-8")
            self.refused(place, "check", "s.dax")

    def test_bytes_that_are_no_utf8_are_refused_at_their_place(self):
        for name, words in (
            ("s.dax", ("check", "s.dax")),
            ("p.preset", ("check", "break-vs-pin", "--protocol", "p.preset")),
            ("a.job", ("stress", "--job", "a.job")),
        ):
            (self.here / name).write_bytes(b"# first\n# caf\xe9\n")
            self.refused(f"{name}:2:6: expected UTF-8", *words)
        self.check("bug-08", "--out", "kept")
        (bundle,) = (self.here / "kept").iterdir()
        record = bundle / "bundle.json"
        text = record.read_bytes()
        record.write_bytes(text.replace(b'"cause": "', b'"cause": "\xff', 1))
        self.refused("expected UTF-8", "replay", str(bundle))
        # Whatever else is wrong with it: the path of the field, and what was expected.
        for broken, told in (
            (text.replace(b'"execution": ', b'"execution": 1e999, "x": ', 1), "bundle.json: expected numbers"),
            (text.replace(b'"memory": "', b'"memory": 3, "x": "', 1), "bundle.json: memory: expected a string"),
            (text.replace(b'"kind":"', b'"kind":{}, "x":"', 1), ".kind: expected a string"),
            (b"[]", "bundle.json: expected an object"),
        ):
            self.assertNotEqual(broken, text)
            record.write_bytes(broken)
            self.refused(told, "replay", str(bundle))

    def test_a_file_name_may_hold_any_bytes(self):
        name = os.fsencode(self.here) + b"/\xff.dax"
        Path(os.fsdecode(name)).write_text(SMALL.replace("pin m0 0", "pin m0 0; unpin"), encoding="utf-8")
        done = subprocess.run([PROGRAM, "check", name, *ENOUGH, "--json", "-"], cwd=self.here, capture_output=True,
                              timeout=HANG_GUARD, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_an_answer_that_is_none_is_a_failure_of_the_tool(self):
        for line in ("no JSON", "[]", '{"type": 3}', '{"type": "result", "executions": "many"}'):
            program = self.with_checker(f"echo '{line}'\n")
            done = subprocess.run([program, "check", "s.dax"], cwd=self.here, capture_output=True, text=True,
                                  timeout=HANG_GUARD, check=False)
            self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
            self.assertNotIn("json.exception", done.stdout + done.stderr)
            self.assertIn("no answer", done.stdout + done.stderr)

    def test_where_results_go_is_tried_before_the_run(self):
        for words in (
            ("check", "break-vs-pin", *ENOUGH, "--json"), ("museum", *ENOUGH, "--json"), ("orderings", "--json"),
            ("stress", "--duration", "1h", "--json"), ("stress", "--duration", "1h", "--out", "run", "--json"),
            ("stress", "--duration", "1h", "--out", "run", "--prometheus"),
        ):
            self.refused("cannot write nowhere/result", *words, "nowhere/result")
            self.refused("Is a directory", *words, ".")
        # What is refused has not begun, and the next try may.
        done = self.run_it("stress", "--duration", "1s", "--out", "run", "--json", "run/result.json")
        self.assertIn(done.returncode, (0, 3), done.stderr)
        self.assertTrue((self.here / "run/result.json").exists())

    def test_more_workers_than_there_can_be_are_told(self):
        words = ("stress", "--workers", "512", "--duration", "1s")
        self.assertIn("--workers 512: the model has tasks for 250 at most", self.run_it(*words).stderr)

    def test_a_preset_file_is_a_protocol(self):
        (self.here / "mine.preset").write_text("base v6.15\nrule wake-key=refcount\n", encoding="utf-8")
        table = self.run_it("protocols", "mine.preset")
        self.assertRegex(table.stdout, r"wake-key .* refcount\n")
        failed = self.check("break-vs-pin", "--protocol", "mine.preset")
        self.assertEqual(failed.returncode, 1, failed.stdout + failed.stderr)
        self.assertIn("I28", failed.stdout)
        (self.here / "mine.preset").write_text("base v6.15\nrule wake-key=maybe\n", encoding="utf-8")
        self.refused("mine.preset:2:6:", "check", "break-vs-pin", "--protocol", "mine.preset")
        self.refused("mine.preset:2:6:", "stress", "--protocol", "mine.preset")
        self.refused("mine.preset:2:6:", "protocols", "mine.preset")
        self.refused("absent.preset", "check", "break-vs-pin", "--protocol", "absent.preset")

    def test_an_architecture_that_broadcasts_its_tlb_flush_needs_the_recheck(self):
        for arch, code in (("x86_64", 0), ("arm64-16k", 1)):
            done = self.check("gup-without-recheck-x86", "--arch", arch, "--memory", "weak")
            self.assertEqual(done.returncode, code, (arch, done.stdout, done.stderr))
        self.refused("--arch", "check", "gup-without-recheck-x86", "--arch", "vax")

    def test_a_correct_protocol_passes(self):
        code, (verdict,) = self.check_json("break-vs-munmap")
        self.assertEqual((code, verdict["verdict"], verdict["exhaustive"]), (0, "pass", True))
        for key in ("name", "protocol", "rules", "memory", "scheduler", "invariant", "cause", "executions", "seconds"):
            self.assertIn(key, verdict)

    def test_what_every_process_did_counts(self):
        jobs = 8
        _, (verdict,) = self.check_json("break-vs-pin", "--scheduler", "pct", "--iterations", "20000", "--jobs", str(jobs))
        # Each process runs one in 1,000 of its executions twice, and says so only at its end.
        self.assertGreaterEqual(verdict["rechecked"], verdict["executions"] // 1000 - jobs)

    def test_a_search_that_gave_up_does_not_pass(self):
        result = {"type": "result", "kind": "search", "failure": None, "executions": 1, "gave_up": True}
        # Its pause keeps it from being asked a thousand times; nothing depends on its length.
        program = self.with_checker(f"sleep 0.1; echo '{json.dumps(result)}'\n")
        for scheduler in ("pct", "uniform"):
            done = longer_until(
                lambda seconds: subprocess.run(
                    [program, "check", "s.dax", "--scheduler", scheduler, "--seconds", f"{seconds}s"],
                    cwd=self.here, capture_output=True, text=True, timeout=HANG_GUARD, check=False),
                lambda done: "the time ended first" not in done.stdout)
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertIn("did not end", done.stdout)

    def test_a_pass_is_not_given_for_nothing(self):
        words = ("--scheduler", "uniform", "--iterations", "3", "--shard", "1/8")
        code, (verdict,) = self.check_json("break-vs-pin", *words)
        self.assertEqual((code, verdict["verdict"], verdict["executions"]), (3, "inconclusive", 0))
        self.assertIn("nothing was run", verdict["note"])

    def test_progress_tells_the_speed_and_how_much_of_the_tree_is_done(self):
        words = ("check", "fault-vs-truncate", "--scheduler", "full", "--no-reduction")
        speed = r"[\d,]+ executions, [\d,]+/s, \d+\.\d s; full: about \d+\.\d %"
        self.assertEqual(self.stopped_at(speed, *words, *ENOUGH)[0], 3)
        told = longer_until(
            lambda seconds: self.run_it(*words, "--seconds", f"{seconds}s").stdout, lambda told: "about " in told)
        self.assertRegex(told, r"about \d+\.\d % of every interleaving, [\d,]+ executions")
        whole = self.check("fault-vs-truncate", "--scheduler", "full").stdout
        self.assertRegex(whole, r": every interleaving, [\d,]+ executions, in ")

    def test_iterations_are_those_of_all_phases_and_shards_together(self):
        for count in (1, 10, 1001):
            code, (verdict,) = self.check_json("break-vs-pin", "--iterations", str(count))
            self.assertEqual((code, verdict["verdict"], verdict["executions"]), (0, "pass", count))
        for scheduler in (("--scheduler", "bound"), ("--scheduler", "uniform"), ()):
            total = 0
            for index in (1, 2, 3):
                words = ("--iterations", "1001", "--shard", f"{index}/3", *scheduler)
                _, (verdict,) = self.check_json("break-vs-pin", *words)
                total += verdict["executions"]
            self.assertEqual(total, 1001, scheduler)

    def test_any_number_of_iterations_fits_in_memory(self):
        words = ("--scheduler", "uniform", "--iterations", "10000000000000000000", "--shard", "3/3", "--seconds", "0.3s")
        done = subprocess.run(
            ["sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh", PROGRAM, "check", "break-vs-pin", *words],
            cwd=self.here, capture_output=True, text=True, timeout=HANG_GUARD, check=False)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("the time ended first", done.stdout)

    def test_bisect_skips_what_cannot_be_tested(self):
        for words in (("--seconds", "0"), ("--shard", "9/2"), ("--memory", "foo"), ("--nonsense",), ("absent",)):
            done = self.run_it("check", "break-vs-pin", "--bisect", *words)
            self.assertEqual(done.returncode, 125, (words, done.stderr))
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        program = self.with_checker("exit 3\n")
        done = subprocess.run(
            [program, "check", "s.dax", "--bisect"],
            cwd=self.here, capture_output=True, text=True, timeout=HANG_GUARD, check=False)
        self.assertEqual(done.returncode, 125, done.stderr)
        for rule, code in (("wake-key=page", 0), ("wake-key=refcount", 1)):
            done = self.check("break-vs-munmap", "--bisect", "--rule", rule)
            self.assertEqual(done.returncode, code, done.stderr)

    def test_coverage_steers_the_search_and_is_told(self):
        _, (sampled,) = self.check_json("break-vs-pin")
        self.assertNotIn("coverage", sampled)
        _, (verdict,) = self.check_json("break-vs-pin", "--coverage")
        phases = verdict["scheduler"].split("+")
        self.assertIn("aim", phases[:-1])
        covered = verdict["coverage"]
        self.assertGreater(covered["ways"], covered["pairs"])
        self.assertLess(covered["ways"], covered["ways_possible"])
        self.assertRegex(covered["least"][0], r" inside .*: \d+ of [\d,]+ ways")
        self.assertEqual(covered["pairs"] + len(covered["never"]), covered["pairs_possible"])
        if covered["never"]:
            self.assertRegex(sampled["note"], r"\d+ of \d+ pairs of operations met in samples \(--coverage names")

    def test_coverage_keeps_the_reduction(self):
        for words in (("--scheduler", "full"), ()):
            code, (verdict,) = self.check_json("fault-vs-truncate", "--coverage", *words)
            self.assertEqual((code, verdict["exhaustive"]), (0, True))
            self.assertIn("full", verdict["scheduler"].split("+"))
            self.assertGreater(verdict["coverage"]["pairs"], 0)
        _, (verdict,) = self.check_json("fault-vs-truncate", "--coverage", "--scheduler", "full")
        self.assertIn("one order of steps that commute", verdict["note"])

    def test_results_that_cannot_be_written_are_no_success(self):
        for words in (
            ("check", "fault-vs-truncate", "--json", "-"), ("check", "fault-vs-truncate"),
            ("museum", "bug-08", "--json", "-"), ("protocols",),
        ):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run(
                    [PROGRAM, *words], cwd=self.here, stdout=full, stderr=subprocess.PIPE, text=True, timeout=HANG_GUARD,
                    check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("cannot write to standard output: No space left", done.stderr)

    def test_broken_rules_fail_with_the_right_invariant(self):
        for scenario, rule, invariants in (
            ("break-vs-pin", "wait-for=one", {"I16", "I7"}),
            ("break-vs-pin", "wake-key=refcount", {"I28", "I16"}),
            ("break-nowait", "break-delete=always", {"I18", "I7", "I14"}),  # I14: the kernel's own warning, since 7.1
            ("break-vs-pin", "scan-order=scan-first", {"I7", "I18", "I14"}),
            ("gup-vs-reuse", "gup-recheck=no", {"I7", "I15"}),
            ("break-vs-unmapped-pin", "scan-unmapped=skip", {"I7", "I18", "I14"}),
            ("break-vs-munmap", "waiter-fence=none", {"I16"}),
            ("break-vs-munmap", "waker-fence=none", {"I16"}),
        ):
            code, (verdict,) = self.check_json(scenario, "--rule", rule)
            self.assertEqual((code, verdict["verdict"]), (1, "fail"), rule)
            self.assertIn(verdict["invariant"], invariants, rule)

    def test_missing_fences_need_weak_memory(self):
        for rule, memory, expected in (
            ("waiter-fence=none", "sc", "pass"),
            ("waker-fence=none", "sc", "pass"),
            ("waiter-fence=none", "tso", "fail"),
            ("waker-fence=none", "tso", "pass"),
        ):
            _, (verdict,) = self.check_json("break-vs-munmap", "--rule", rule, "--memory", memory)
            self.assertEqual(verdict["verdict"], expected, (rule, memory))

    def test_a_bundle_replays_ten_times_out_of_ten(self):
        done = self.check("break-vs-pin", "--rule", "wake-key=refcount", "--out", "kept")
        self.assertEqual(done.returncode, 1)
        command = next(line for line in done.stdout.splitlines() if line.startswith("replay: ")).split()[2:]
        outputs = {(again.returncode, again.stdout) for again in (self.run_it(*command) for _ in range(10))}
        self.assertEqual(len(outputs), 1)
        ((code, text),) = outputs
        self.assertEqual(code, 1)
        self.assertIn("the same failure again", text)

    def test_a_failure_without_any_decision_replays(self):
        done = self.check("bug-30", "--out", "kept")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        (bundle,) = (self.here / "kept").iterdir()
        self.assertEqual(json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["schedule"], [])
        again = self.run_it("replay", str(bundle))
        self.assertEqual(again.returncode, 1, again.stdout + again.stderr)
        self.assertIn("the same failure again", again.stdout)
        self.assertIn(f"replay: daxtorture replay {bundle.relative_to(self.here)}", done.stdout)

    def test_replay_says_where_a_run_leaves_its_bundle(self):
        self.check("bug-08", "--out", "kept")
        (bundle,) = (self.here / "kept").iterdir()
        scenario, record = bundle / "scenario.dax", bundle / "bundle.json"
        as_kept = {file: file.read_text(encoding="utf-8") for file in (scenario, record)}

        def replayed():
            done = self.run_it("replay", str(bundle))
            for file, text in as_kept.items():
                file.write_text(text, encoding="utf-8")
            for line in done.stdout.splitlines():
                self.assertLessEqual(len(line), 75, line)
            return done.returncode, done.stdout

        def edited_record(change):
            contents = json.loads(as_kept[record])
            change(contents)
            record.write_text(json.dumps(contents), encoding="utf-8")
            return replayed()

        code, text = replayed()
        self.assertEqual(code, 1)
        self.assertNotIn("diverged", text)
        self.assertEqual(text.count("hang, violates I28"), 1)
        self.assertIn("INFO: task truncater:1 is blocked", text)

        scenario.write_text(as_kept[scenario].replace("rule      wake-key=refcount\n", ""), encoding="utf-8")
        code, text = replayed()
        self.assertEqual(code, 0)
        self.assertRegex(text, r"diverged at step \d+ of \d+\n  recorded: pinner, .*: end ")
        self.assertRegex(text, r"  now: pinner in wake_up\(\) at src/mm/wait_queue.cpp:\d+, .*: lock")
        self.assertRegex(text, r"\d+ decisions were used up before step \d+, and the run went")
        self.assertNotRegex(text, r"(?m)^none$")

        scenario.write_text(as_kept[scenario].replace("truncate A 0", "truncate A 1"), encoding="utf-8")
        code, text = replayed()
        self.assertIn("now: truncater, truncate A 1: begin truncate A 1", text)

        code, text = edited_record(lambda kept: kept.update(schedule=kept["schedule"][:10]))
        self.assertEqual(code, 1)
        self.assertRegex(text, r"10 decisions were used up before step \d+, and the run went")

        code, text = edited_record(lambda kept: next(e for e in kept["events"] if "file" in e).update(line=1))
        self.assertEqual(code, 1)
        self.assertIn("the same steps, but the model has them elsewhere", text)
        self.assertIn("the same failure again", text)

        code, text = edited_record(lambda kept: kept["schedule"].__setitem__(3, kept["schedule"][3] ^ 0x100))
        self.assertEqual(code, 3)
        self.assertRegex(text, r"decision 4 of \d+ was asked otherwise")

    def test_marks_of_a_file_are_no_entry(self):
        text = self.check("bug-40").stdout
        self.assertRegex(text, r"marks of A dirty -> dirty\+towrite")
        self.assertNotIn("i_pages A pfn", text)

    def test_what_fails_in_every_schedule_says_so_under_the_kernels_names(self):
        text = self.check("mlock-device").stdout
        self.assertIn("no return: nearly every schedule fails, from the start", text)
        self.assertIn("walk_area()", text)
        self.assertNotIn("lambda", text)

    def test_the_schedule_says_what_is_left_and_what_was_shown(self):
        def told(scenario):
            text = self.check(scenario, "--out", "kept").stdout
            return " ".join(text[text.index("\nschedule: ") :].split())

        self.assertRegex(
            told("lease-retry"),
            r"1 preemption in [1-4] context switches: no schedule with fewer preemptions and at most 3 stale loads",
        )
        # Stale loads in place of a preemption, whatever the search began with
        for scenario in ("bug-57", "bug-05"):
            self.assertRegex(told(scenario), r"schedule: 0 preemptions in \d+ context switch(es)?, \d+ stale load")
        self.assertIn("the program may not be the smallest", told("mremap-flush"))

    def test_an_unpin_that_is_not_needed_goes(self):
        self.check("bug-02", "--out", "kept")
        (bundle,) = (self.here / "kept").iterdir()
        self.assertNotIn("unpin", (bundle / "scenario.dax").read_text(encoding="utf-8").split("thread", 1)[1])

    def test_a_failure_that_cannot_be_kept_is_told(self):
        done = self.check("bug-08", "--out", "/proc/nowhere", "--json", "result.json")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("never wakes", done.stderr)
        self.assertNotIn("replay:", done.stderr)
        self.assertIn("cannot keep the failure: /proc/nowhere", done.stderr)
        (verdict,) = json.loads((self.here / "result.json").read_text(encoding="utf-8"))["scenarios"]
        self.assertEqual(verdict["invariant"], "I28")

    def test_a_failure_outlives_its_shrinker(self):
        shutil.copy(PROGRAM, self.here / "daxtorture")
        checker = self.here / "daxtorture-checker"
        real = PROGRAM.parent / "daxtorture-checker"
        checker.write_text(
            "#!/bin/sh\nrequest=$(cat)\n"
            "case \"$request\" in *'\"kind\":\"shrink\"'*) kill -SEGV $$ ;; esac\n"
            f"printf '%s' \"$request\" | '{real}'\n",
            encoding="utf-8",
        )
        checker.chmod(0o755)
        scenario = SOURCES / "models/museum/bug-08.dax"
        done = subprocess.run(
            [self.here / "daxtorture", "check", scenario, "--out", "kept"],
            cwd=self.here, capture_output=True, text=True, timeout=HANG_GUARD, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("schedule: not shrunk: the checker ended without an answer", done.stdout)
        (bundle,) = (self.here / "kept").iterdir()
        self.assertEqual(self.run_it("replay", str(bundle)).returncode, 1)

    def test_a_bundle_names_its_execution_and_the_command_quotes_its_place(self):
        done = self.check("bug-08", "--out", "two words")
        command = next(line for line in done.stdout.splitlines() if line.startswith("replay: "))
        (bundle,) = (self.here / "two words").iterdir()
        self.assertEqual(shlex.split(command), ["replay:", "daxtorture", "replay", f"two words/{bundle.name}"])
        self.assertGreater(json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["execution"], 0)

    def test_a_torn_bundle_is_refused(self):
        self.check("break-vs-pin", "--rule", "wake-key=refcount", "--out", "kept")
        (bundle,) = (self.here / "kept").iterdir()
        file = bundle / "bundle.json"
        file.write_text(file.read_text(encoding="utf-8")[:100], encoding="utf-8")
        self.refused("bundle.json", "replay", str(bundle))

    def test_known_findings_are_shown_and_do_not_fail(self):
        code, (verdict,) = self.check_json("break-vs-refault")
        self.assertEqual((code, verdict["verdict"], verdict["known_finding"]), (0, "fail", True))

    def museum_json(self, *words):
        done = self.run_it("museum", *words, "--json", "-")
        return done.returncode, json.loads(done.stdout)

    def test_the_museum_says_when_the_search_of_a_fix_was_cut_off(self):
        for seconds, verdict, told in (("0.02s", "inconclusive", True), ("1h", "pass", False)):
            words = ("bug-08", *ENOUGH, "--fixed-seconds", seconds)
            code, document = self.museum_json(*words)
            (bug,) = document["bugs"]
            self.assertEqual((code, bug["found"], bug["fixed_passes"], bug["fixed_verdict"]), (0, True, True, verdict))
            text = self.run_it("museum", *words).stdout
            self.assertEqual("; its fix: search cut off after" in text, told, text)
            self.assertEqual("1 fix was searched until cut off only" in text, told, text)

    def stopped_at(self, pattern, *words, number=signal.SIGTERM, group=False):
        """Runs it on a terminal, sends it (or all of its processes, as a terminal does) a signal when it shows that, waits for its end."""
        terminal = Terminal()
        with subprocess.Popen(
            [PROGRAM, *words], cwd=self.here, stdout=subprocess.PIPE, stderr=terminal.slave, text=True,
            start_new_session=True, env={**os.environ, "TERM": "xterm"},
        ) as process:
            terminal.begin()
            terminal.wait_for(pattern)
            os.killpg(process.pid, number) if group else process.send_signal(number)
            output, _ = process.communicate(timeout=HANG_GUARD)
            with self.assertRaises(ProcessLookupError, msg="one of its processes outlived it"):
                os.killpg(process.pid, 0)
        return process.returncode, output, terminal.end()

    def written_json(self):
        return json.loads((self.here / "out.json").read_text(encoding="utf-8"))

    def test_a_signal_ends_a_check_in_good_order(self):
        for number, group in ((signal.SIGTERM, False), (signal.SIGINT, True), (signal.SIGHUP, True)):
            # The second one has far more executions than any machine runs in an hour.
            words = ("check", "fault-vs-truncate", "break-vs-pin", "break-nowait", "--scheduler", "full", *ENOUGH)
            code, output, errors = self.stopped_at(
                r"\[2/3\] break-vs-pin: [1-9]", *words, "--json", "out.json", number=number, group=group)
            self.assertEqual(code, 3, output + errors)
            first, second, third = self.written_json()["scenarios"]
            verdicts = [one["verdict"] for one in (first, second, third)]
            self.assertEqual(verdicts, ["pass", "inconclusive", "inconclusive"])
            self.assertGreater(second["executions"], 0)
            self.assertEqual((second["note"], third["executions"]), ("stopped by a signal", 0))
            self.assertIn("2 inconclusive (break-vs-pin, break-nowait)", output)
        words = ("check", "break-vs-pin", "--scheduler", "full", *ENOUGH, "--bisect")
        code, output, errors = self.stopped_at(r"break-vs-pin: [1-9]", *words)
        self.assertEqual(code, 125, output + errors)

    def test_a_signal_ends_a_museum_in_good_order(self):
        bugs = [line.split()[0] for line in self.run_it("museum", "--list").stdout.splitlines()]
        # When its second bug is shown the first one is done, and sixty are still to come.
        for words, second in (((), f"{bugs[1]} broken:"), (("--memory-table",), f"{bugs[1]} sc:")):
            code, output, errors = self.stopped_at(second, "museum", *words, *ENOUGH, "--json", "out.json")
            self.assertEqual(code, 3, output + errors)
            document = self.written_json()
            self.assertTrue(document["bugs"])
            self.assertTrue(document["not_run"])
            self.assertIn("stopped by a signal", output)

    def test_a_signal_ends_orderings_in_good_order(self):
        words = ("orderings", "entry-lock-baton", "--seconds", "2s", "--jobs", "1", "--json", "out.json")
        code, output, errors = self.stopped_at(r"[1-9]\d* of \d+ memory orders weakened", *words)
        self.assertEqual(code, 3, output + errors)
        needed = [one["needed"] for one in self.written_json()["orders"]]
        self.assertIn(None, needed)
        self.assertNotEqual(set(needed), {None})
        self.assertIn("stopped by a signal", output)

    def test_a_signal_ends_a_short_stress_run_without_a_verdict(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            words = ("stress", "--duration", "1h", "--workers", "2", "--seed", "1", "--json", "out.json")
            code, output, errors = self.stopped_at(r"[1-9]\d* rounds", *words, number=number)
            self.assertEqual(code, 3, output + errors)
            result = self.written_json()
            self.assertEqual((result["verdict"], result["note"]), ("inconclusive", "stopped by a signal"))
            self.assertIn("inconclusive", output)

    def test_museum_json_names_files_and_says_null_for_what_is_not_there(self):
        words = ("bug-23-order", "bug-23-recheck", "bug-45-pud")
        code, document = self.museum_json(*words, *ENOUGH, "--fixed-seconds", "0.1s")
        first, second, inexpressible = sorted(document["bugs"], key=lambda bug: bug["id"])
        self.assertEqual((code, first["id"], second["id"]), (0, "bug-23-order", "bug-23-recheck"))
        self.assertEqual((first["bug"], second["bug"]), ("BUG-23", "BUG-23"))
        for key in ("engine", "invariant", "expected_invariant", "cause", "fixed_verdict"):
            self.assertIsNone(inexpressible[key], key)
            self.assertIsNotNone(first[key], key)
        self.assertIsNone(first["inexpressible"])
        for mode in (("--list",), ("--memory-table", *ENOUGH)):
            code, document = self.museum_json(*words, *mode)
            ids = {bug["id"]: bug for bug in document["bugs"]}
            self.assertEqual((code, sorted(ids)), (0, sorted(words)))
            self.assertIn("PUD", ids["bug-45-pud"]["inexpressible"])

    def test_a_failure_of_the_order_as_written_does_not_show_that_it_is_needed(self):
        self.check("break-vs-pin", "--rule", "wake-key=refcount", "--no-shrink", "--out", "kept")
        (kept,) = (self.here / "kept").iterdir()
        bundle = json.loads((kept / "bundle.json").read_text(encoding="utf-8"))
        keys = ("kind", "invariant", "cause", "detail", "schedule", "events", "state")
        failure = {key: bundle[key] for key in keys} | {"events": []}
        order = {"file": "src/mm/gup.cpp", "function": "f", "line": 1, "kind": "load", "order": "acquire"}
        passed = {"type": "result", "failure": None, "executions": 7, "orders": [order]}
        failed = {**passed, "failure": failure}
        for fails_as_written in (True, False):
            replayed = failed if fails_as_written else passed
            for name, answer in (("replayed", replayed), ("failed", failed), ("passed", passed)):
                (self.here / name).write_text(json.dumps(answer) + "\n", encoding="utf-8")
            program = self.with_checker("""case $(cat) in
                *'"kind":"replay"'*) cat replayed ;;
                *'"weaken":'*) cat failed ;;
                *) cat passed ;;
                esac
                """)
            done = subprocess.run(
                [program, "orderings", "s.dax", "--json", "-"],
                cwd=self.here, capture_output=True, text=True, timeout=HANG_GUARD, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            document = json.loads(done.stdout)
            self.assertEqual(document["orders"][0]["needed"], not fails_as_written)
            self.assertEqual(document["left_out"], ["small"] if fails_as_written else [])

    def test_stress_finds_a_hang_and_names_its_waiter(self):
        done = self.run_it("stress", "break-vs-munmap", "--rule", "wake-key=refcount", "--duration", "1h", "--seed", "1")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("truncater", done.stdout)
        self.assertIn("to become idle", done.stdout)

    def test_stress_json(self):
        done = longer_until(
            lambda seconds: self.run_it("stress", "--duration", f"{seconds}s", "--seed", "1", "--json", "-"),
            lambda done: done.returncode != 3)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        for key in ("version", "verdict", "operations", "seconds", "workers", "per_operation"):
            self.assertIn(key, result)


if __name__ == "__main__":
    unittest.main(verbosity=2)
