#!/usr/bin/python3
"""Campaigns as users meet them: killed and resumed, stopped, stuck, on bad directories, from job files, merged.

usage: campaign_test.py DAXTORTURE
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from events import HANG_GUARD, longer_until, wait_for

PROGRAM = ""


def checksum(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001b3) & 0xffffffffffffffff
    return f"{value:016x}"


def records(directory):
    """All whole records of a journal; their checksums and numbers are right, or it fails."""
    found = []
    with open(os.path.join(directory, "journal.jsonl"), "rb") as stream:
        for line in stream.read().split(b"\n")[:-1]:
            outer = json.loads(line)
            text = line[line.index(b'"record":') + 9:-1]
            assert outer["check"] == checksum(text), line
            assert outer["record"]["n"] == len(found), line
            found.append(outer["record"])
    return found


def totals(directory):
    """The sum of a journal's records, computed here once more."""
    sums = {"rounds": 0, "quiescent_checks": 0, "per_operation": {}}
    for record in records(directory):
        if record["type"] != "slice":
            continue
        sums["rounds"] += record["rounds"]
        sums["quiescent_checks"] += record["quiescent_checks"]
        for name, (total, done) in record["per_operation"].items():
            old = sums["per_operation"].get(name, {"total": 0, "done": 0})
            sums["per_operation"][name] = {"total": old["total"] + total, "done": old["done"] + done}
    sums["operations"] = sum(one["total"] for one in sums["per_operation"].values())
    return sums


def run(*arguments, environment=None):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=HANG_GUARD, check=False,
                          env=dict(os.environ, **(environment or {})))


def start(*arguments):
    return subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def worker_of(supervisor):
    """The pid of the worker process."""
    def children():
        with open(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children", encoding="ascii") as stream:
            return [int(pid) for pid in stream.read().split()]

    return wait_for(children, "a worker process")[0]


def slices(directory):
    """How many records of what was done are in the journal."""
    try:
        return sum(record["type"] == "slice" for record in records(directory))
    except FileNotFoundError:
        return 0


def wait_for_leg(supervisor, directory, number):
    """Until worker process `number`, from 0, has told what it did."""
    def told():
        return any(record["type"] == "slice" and record["leg"] == number for record in records(directory))

    wait_for(lambda: supervisor.poll() is not None or (slices(directory) and told()), f"worker process {number}")


def wait_for_slices(supervisor, directory, number):
    """False: the run ended before it had so many."""
    wait_for(lambda: slices(directory) >= number or supervisor.poll() is not None, f"{number} slices in {directory}")
    return slices(directory) >= number


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Campaign(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.directory = os.path.join(self.scratch.name, "run")

    def passing_run(self, directory, *arguments, environment=None):
        """A run that covers something: a busy machine may end no round in a second."""
        def attempt(seconds):
            shutil.rmtree(directory, ignore_errors=True)
            return run("stress", "--out", directory, "--duration", f"{seconds}s", "--workers", "2", *arguments,
                       environment=environment)

        result = longer_until(attempt, lambda result: result.returncode != 3)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def check_totals(self, directory):
        result = run("report", directory, "--json", "-")
        told = json.loads(result.stdout)
        expected = totals(directory)
        for key, value in expected.items():
            self.assertEqual(told[key], value, key)
        return told, result.returncode

    def test_killed_five_times(self):
        draw = random.Random(os.urandom(8))
        arguments = ["stress", "--out", self.directory, "--duration", "6s", "--slice", "0.3s", "--workers", "2"]
        before = 0
        kills = 0
        for _ in range(5):
            supervisor = start(*arguments)
            worker = worker_of(supervisor)
            # Its own random wait is longer or shorter than the slices of a busy machine; the run may even end first.
            wait_for_slices(supervisor, self.directory, slices(self.directory) + draw.randint(0, 2))
            if supervisor.poll() is not None:
                supervisor.communicate()
                break
            supervisor.kill()
            supervisor.communicate()
            kills += 1
            wait_for(lambda: not alive(worker), "the end of a worker process whose supervisor was killed")
            told, _ = self.check_totals(self.directory)
            self.assertGreaterEqual(told["operations"], before)
            before = told["operations"]
            arguments = ["stress", "--resume", self.directory]
        # As a kill in the middle of a write would leave it.
        with open(os.path.join(self.directory, "journal.jsonl"), "ab") as stream:
            stream.write(b'{"check":"0123')
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("unfinished last record dropped", result.stderr)
        told, code = self.check_totals(self.directory)
        self.assertEqual(code, 0)
        self.assertEqual(told["verdict"], "pass")
        self.assertTrue(told["complete"])
        self.assertGreaterEqual(told["seconds"], 5.5)
        self.assertEqual(sum(r.get("what") == "resumed" for r in records(self.directory)), kills)
        self.assertGreater(kills, 0)
        size = os.path.getsize(os.path.join(self.directory, "journal.jsonl"))
        again = run("stress", "--resume", self.directory)
        self.assertIn("nothing remains", again.stderr)
        self.assertEqual(size, os.path.getsize(os.path.join(self.directory, "journal.jsonl")))

    def test_killed_worker(self):
        supervisor = start("stress", "--out", self.directory, "--duration", "1h", "--slice", "0.3s", "--workers", "2")
        for leg, number in ((0, signal.SIGKILL), (1, signal.SIGSEGV)):
            wait_for_leg(supervisor, self.directory, leg)
            os.kill(worker_of(supervisor), number)
        wait_for_leg(supervisor, self.directory, 2)
        supervisor.terminate()
        supervisor.communicate(timeout=HANG_GUARD)
        self.assertEqual(supervisor.returncode, 4)
        told, _ = self.check_totals(self.directory)
        self.assertIn("crashed", told["note"])
        self.assertIn("killed from outside", told["note"])
        self.assertEqual([e["what"] for e in told["events"]], ["leg-killed", "leg-crashed"])

    def test_stops_on_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            directory = self.directory + str(int(number))
            supervisor = start("stress", "--out", directory, "--duration", "1h", "--workers", "2", "--slice", "0.3s")
            self.assertTrue(wait_for_slices(supervisor, directory, 1))
            supervisor.send_signal(number)
            out, _ = supervisor.communicate(timeout=HANG_GUARD)
            self.assertEqual(supervisor.returncode, 3)
            self.assertIn("operations in", out)
            told, _ = self.check_totals(directory)
            self.assertIn("stopped by a signal", told["note"])
            self.assertFalse(told["complete"])

    def test_stuck_worker(self):
        def attempt(seconds):
            shutil.rmtree(self.directory, ignore_errors=True)
            supervisor = start("stress", "--out", self.directory, "--duration", f"{seconds}s", "--slice", "0.3s",
                               "--workers", "2")
            stopped = wait_for_slices(supervisor, self.directory, 1) and supervisor.poll() is None
            if stopped:
                os.kill(worker_of(supervisor), signal.SIGSTOP)
            supervisor.communicate(timeout=HANG_GUARD)
            return stopped, supervisor.returncode

        self.assertEqual(longer_until(attempt, lambda result: result[0]), (True, 3))
        told, _ = self.check_totals(self.directory)
        self.assertIn("had to be killed", told["note"])
        self.assertGreater(told["operations"], 0)

    def test_or_resume_begins_or_goes_on(self):
        words = ["stress", "--out", self.directory, "--or-resume", "--duration", "6s", "--workers", "2", "--slice", "0.3s"]
        supervisor = start(*words)
        self.assertTrue(wait_for_slices(supervisor, self.directory, 1))
        supervisor.kill()
        supervisor.communicate()
        seed = records(self.directory)[0]["parameters"]["seed"]
        for other, named in ((["--workers", "3"], "workers"), (["--seed", str(seed + 1)], "seed"),
                             (["--rule", "wake-key=refcount"], "loads")):
            size = os.path.getsize(os.path.join(self.directory, "journal.jsonl"))
            refused = run(*words[:6], *other, *words[8 if named == "workers" else 6:])
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(f"other parameters ({named})", refused.stderr)
            self.assertEqual(os.path.getsize(os.path.join(self.directory, "journal.jsonl")), size)
        result = run(*words)
        self.assertIn("resumed", result.stderr)
        told, code = self.check_totals(self.directory)
        self.assertEqual((result.returncode, code), (0, 0), result.stderr)
        self.assertTrue(told["complete"])
        self.assertIn("nothing remains", run(*words).stderr)
        alone = run("stress", "--or-resume", "--duration", "1s")
        self.assertEqual(alone.returncode, 2)
        self.assertIn("--or-resume needs a campaign", alone.stderr)

    def test_or_resume_until_a_time_of_day(self):
        words = ["stress", "--out", self.directory, "--or-resume", "--until", "00:00", "--workers", "2", "--slice", "0.3s"]
        for begun in range(2):
            supervisor = start(*words)
            self.assertTrue(wait_for_slices(supervisor, self.directory, slices(self.directory) + 1))
            supervisor.terminate()
            _, log = supervisor.communicate(timeout=HANG_GUARD)
            self.assertEqual("resumed" in log, begun == 1, log)

    def test_failures_keep_their_bundles(self):
        result = run("stress", "break-vs-pin", "--rule", "wake-key=refcount", "--out", self.directory, "--duration", "1h",
                     "--workers", "3", "--slice", "0.3s")
        self.assertEqual(result.returncode, 1, result.stderr)
        told, code = self.check_totals(self.directory)
        self.assertEqual(code, 1)
        self.assertTrue(told["failures"])
        for failure in told["failures"]:
            self.assertTrue(os.path.exists(os.path.join(self.directory, "failures", failure["bundle"], "report.txt")))
        page = os.path.join(self.scratch.name, "page.html")
        junit = os.path.join(self.scratch.name, "junit.xml")
        self.assertEqual(run("report", self.directory, "--html", page, "--junit", junit).returncode, 1)
        with open(page, encoding="utf-8") as stream:
            text = stream.read()
        self.assertIn(told["failures"][0]["bundle"], text)
        self.assertNotIn("http", text)
        suites = xml.dom.minidom.parse(junit)
        self.assertEqual(len(suites.getElementsByTagName("failure")), len(told["failures"]))

    def test_the_report_has_the_parameters_of_the_journal(self):
        run("stress", "--out", self.directory, "--duration", "1s", "--workers", "2", "--arch", "arm64-16k", "--seed", "9")
        kept = records(self.directory)[0]["parameters"]
        told = json.loads(run("report", self.directory, "--json", "-").stdout)["parameters"]
        self.assertEqual(told["loads"][0]["arch"], "arm64-16k")
        self.assertTrue(told["loads"][0]["mix"])
        self.assertEqual({key: value for key, value in told.items() if key != "loads"},
                         {key: value for key, value in kept.items() if key != "loads"})

    def test_loads_take_turns(self):
        metrics = os.path.join(self.scratch.name, "metrics.prom")
        result = self.passing_run(self.directory, "break-vs-pin", "--mix", "default", "--protocol", "v6.15", "--turn", "0.3s",
                                  "--slice", "0.1s", "--seed", "3", "--prometheus", metrics)
        self.assertEqual({r["load"] for r in records(self.directory) if r["type"] == "slice"}, {0, 1})
        lines = result.stderr.splitlines()
        for line in lines[0], lines[-1]:
            self.assertRegex(line, r"scenario break-vs-pin under v6.15, mix default under v6.15; 2 workers, \d+ s, seed 3")
        self.assertIn("pass", lines[-1])
        with open(metrics, encoding="utf-8") as stream:
            self.assertIn(f"daxtorture_rounds_total {totals(self.directory)['rounds']}\n", stream.read())

    def test_shards_merge(self):
        parts = [self.directory + shard for shard in "12"]

        def attempt(seconds):
            codes = set()
            for part in parts:
                shutil.rmtree(part, ignore_errors=True)
                codes.add(run("stress", "--out", part, "--duration", f"{seconds}s", "--seed", "5", "--shard",
                              f"{part[-1]}/2", "--workers", "2").returncode)
            return codes

        self.assertEqual(longer_until(attempt, lambda codes: 3 not in codes), {0})
        merged = self.directory + "-merged"
        self.assertEqual(run("merge", *parts, "--out", merged).returncode, 0)
        self.assertEqual(totals(merged)["operations"], sum(totals(p)["operations"] for p in parts))
        self.check_totals(merged)
        before = records(merged)
        self.assertEqual(run("merge", parts[1], parts[0], "--out", merged).returncode, 0)
        self.assertEqual(before, records(merged))
        other = self.directory + "-other"
        run("stress", "--out", other, "--duration", "1s", "--protocol", "v6.12", "--workers", "2")
        result = run("merge", parts[0], other, "--out", self.directory + "-refused")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertFalse(os.path.exists(self.directory + "-refused"))

    def test_slurm_arrays_are_shards(self):
        array = {"SLURM_ARRAY_TASK_ID": "6", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "4"}
        result = self.passing_run(self.directory, environment=array)
        self.assertIn("shard 3/4", result.stderr.splitlines()[0])
        self.assertEqual(records(self.directory)[0]["parameters"]["shard_index"], 2)

    def test_errors_are_one_line(self):
        job = os.path.join(self.scratch.name, "a.job")
        with open(job, "w", encoding="utf-8") as stream:
            stream.write("# comment\nduration 2s\n\nworkerz 2\n")
        full = os.path.join(self.scratch.name, "full")
        os.mkdir(full)
        os.symlink("/dev/full", os.path.join(full, "journal.jsonl"))
        for arguments, code, text in (
                (["--job", job], 2, f"{job}:4: unknown option 'workerz'"),
                (["--job", job + ".none"], 2, "No such file"),
                (["--out", "/proc/none"], 2, "/proc/none"),
                (["--out", full], 2, "No space left on device"),
                (["--resume", self.directory], 2, "No such file"),
                (["--resume", full, "--seed", "1"], 2, "excludes"),
                (["--mix", "default", "--mix", "none"], 2, "unknown mix 'none'"),
                (["--mix", "default", "break-vs-pin"], 2, "--out")):
            result = run("stress", "--duration", "1s", *arguments) if "--resume" not in arguments else run("stress", *arguments)
            self.assertEqual(result.returncode, code, (arguments, result.stderr))
            self.assertIn(text, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_job_file(self):
        job = os.path.join(self.scratch.name, "a.job")
        with open(job, "w", encoding="utf-8") as stream:
            stream.write("duration 50s # overridden\n--hang-after = 40s\nmix default\nseed 9\nkeep-going\n")
        result = self.passing_run(self.directory, "--job", job)
        self.assertRegex(result.stderr, r"2 workers, \d+ s, seed 9, hang after 40 s, keep going", result.stderr)

    def test_recorder_and_processors_reach_the_workers(self):
        cpu = min(os.sched_getaffinity(0))
        supervisor = start("stress", "--out", self.directory, "--duration", "1h", "--workers", "2", "--no-recorder",
                           "--pin", str(cpu))
        worker = worker_of(supervisor)

        def placed():
            tasks = [t for t in os.listdir(f"/proc/{worker}/task") if int(t) != worker]
            return len(tasks) == 2 and {tuple(os.sched_getaffinity(int(t))) for t in tasks} == {(cpu,)}

        wait_for(placed, f"two workers on processor {cpu}")
        supervisor.terminate()
        _, log = supervisor.communicate(timeout=HANG_GUARD)
        self.assertIn(f"no recorder, on processors {cpu}", log.splitlines()[0])
        parameters = records(self.directory)[0]["parameters"]
        self.assertEqual((parameters["record"], parameters["processors"]), (False, [cpu]))
        for wrong in ("0-", "x", "", "4000"):
            result = run("stress", "--duration", "1s", "--pin", wrong)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)

    def test_what_a_run_without_ledger_does_not_check_is_named(self):
        result = self.passing_run(self.directory, "--no-ledger")
        log = result.stderr.splitlines()
        for line in (log[0], log[-1]):
            self.assertIn("no ledger (off: some checks of I7 I18 I22)", line)
        self.assertIs(records(self.directory)[0]["parameters"]["ledger"], False)
        page = os.path.join(self.directory, "r.html")
        report = run("report", self.directory, "--html", page)
        for text in (result.stdout, report.stdout):
            self.assertIn("not checked (ledger off): I18: the entry of a busy page is deleted", text)
            self.assertIn("not checked (ledger off): I7: ", text)
        with open(page, encoding="utf-8") as stream:
            self.assertIn("I18: the entry of a busy page is deleted", stream.read())
        told = json.loads(run("report", self.directory, "--json", "-").stdout)
        self.assertIs(told["parameters"]["ledger"], False)
        self.assertEqual({one["invariant"] for one in told["not_checked"]}, {"I7", "I18", "I22", None})
        other = os.path.join(self.scratch.name, "with-ledger")
        self.passing_run(other)
        merged = run("merge", self.directory, other, "--out", os.path.join(self.scratch.name, "merged"))
        self.assertEqual(merged.returncode, 2)
        self.assertIn("the list of parameters differs", merged.stderr)

    def test_a_journal_from_before_the_ledger_had_a_switch(self):
        self.passing_run(self.directory)
        file = os.path.join(self.directory, "journal.jsonl")
        with open(file, "rb") as stream:
            first, rest = stream.read().split(b"\n", 1)
        record = first[first.index(b'"record":') + 9:-1].replace(b'"ledger":true,', b"", 1)
        self.assertNotIn(b'"ledger":', record)
        with open(file, "wb") as stream:
            stream.write(b'{"check":"' + checksum(record).encode() + b'","record":' + record + b"}\n" + rest)
        report = run("report", self.directory)
        self.assertEqual(report.returncode, 0, report.stderr)
        self.assertNotIn("no ledger", report.stdout)

    def test_damage_is_named(self):
        self.passing_run(self.directory)
        file = os.path.join(self.directory, "journal.jsonl")
        with open(file, "rb") as stream:
            data = stream.read()
        with open(file, "wb") as stream:
            stream.write(data.replace(b'"leg":0', b'"leg":1', 1))
        for command in (["report", self.directory], ["stress", "--resume", self.directory]):
            result = run(*command)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"{file}:2: wrong checksum", result.stderr)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
