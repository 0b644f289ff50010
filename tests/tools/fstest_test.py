#!/usr/bin/env python3
"""The reproducers of findings: they compile without warnings, run clean where there is no DAX, and can fail.

Usage: fstest_test.py DAXTORTURE
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from events import HANG_GUARD

PROGRAM = Path(sys.argv.pop(1)).resolve()
NOT_RUN = 77
# The findings that lose data or hang for an ordinary user, each by its scenario; True: it needs a filesystem that shares blocks.
FINDINGS = {
    "truncate-keeps-dirty": False,
    "invalidate-mapped": False,
    "reflink-pmd-sizes": True,
    "break-vs-refault": False,
    "write-vs-cow-fault": True,
    "cow-write-vs-read-fault": True,
    "fsync-vs-locked-entry": False,
    "pmd-munmap-vs-break": False,
    "mremap-hides-pmd": False,
}


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=HANG_GUARD, check=False, **more)


class Reproducers(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.here = Path(directory.name)

    def generate(self, target):
        done = run(PROGRAM, "fstest", target, "--out", self.here)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        source, script = (Path(line) for line in done.stdout.splitlines())
        return source, script

    def compile(self, source):
        program = source.with_suffix("")
        done = run("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, source)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def changed(self, source, old, new):
        """The program with one of its lines changed, so that it must fail."""
        text = source.read_text(encoding="utf-8")
        self.assertIn(old, text)
        source.write_text(text.replace(old, new), encoding="utf-8")
        return self.compile(source)

    def test_they_compile_and_run_clean_without_dax(self):
        for scenario, shares in FINDINGS.items():
            with self.subTest(scenario=scenario):
                source, script = self.generate(scenario)
                done = run(self.compile(source), self.here, 20)
                self.assertIn(done.returncode, (0, NOT_RUN) if shares else (0,), done.stdout + done.stderr)
                if done.returncode == 0:
                    self.assertEqual(done.stdout, "20 rounds, no failure\n")
                else:
                    self.assertIn("not run: ioctl(FICLONE)", done.stderr)
                self.assertIn("is not a DAX file", done.stderr)
                if shutil.which("shellcheck"):
                    self.assertEqual(run("shellcheck", "-S", "error", script).stdout, "")

    def test_the_script_compiles_and_runs_the_program(self):
        _, script = self.generate("break-vs-refault")
        done = run(script, self.here, 20)
        self.assertEqual((done.returncode, done.stdout), (0, "20 rounds, no failure\n"), done.stderr)
        self.assertEqual(run(script).returncode, 2)

    def test_a_bundle_is_as_good_as_a_scenario(self):
        done = run(PROGRAM, "check", "truncate-keeps-dirty", "--out", self.here / "kept", cwd=self.here)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (bundle,) = (self.here / "kept").iterdir()
        source, _ = self.generate(bundle)
        self.assertIn("truncate_file(0, 1);", source.read_text(encoding="utf-8"))

    def test_a_thread_that_hangs_is_told(self):
        source, _ = self.generate("break-vs-refault")
        done = run(self.changed(source, "truncate_file(0, 0);", "(void)truncate_file; pause();"), self.here, 1, 1)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("HANG: thread truncater is in 'truncate A 0'", done.stderr)

    def test_data_that_differs_is_told(self):
        source, _ = self.generate("break-vs-refault")
        source.write_text(source.read_text(encoding="utf-8").replace("truncate_file(0, 0);", "(void)truncate_file;"),
                          encoding="utf-8")
        done = run(self.changed(source, "if (pread(files[a->file].fd, read_back", "if (pread(files[a->file].fd, seen"),
                   self.here, 1)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("CORRUPTION: unit 0 of daxtorture-A: the mapping has", done.stderr)

    def test_a_write_that_is_undone_is_told(self):
        path = self.here / "plain.dax"
        path.write_text("scenario plain\nfile A fs=xfs pages=1\nmm m0 maps A 0..1 shared rw\n"
                        "thread writer: write A 0\nthread user: store m0 0\n", encoding="utf-8")
        source, _ = self.generate(path)
        self.assertEqual(run(self.compile(source), self.here, 20).returncode, 0)
        done = run(self.changed(source, "files[f].written[page] = stamp;", "files[f].written[page] = stamp + 1;"),
                   self.here, 1)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("is undone", done.stderr)

    def test_what_has_no_system_call_is_refused(self):
        done = run(PROGRAM, "fstest", "unbind-vs-pin", "--out", self.here)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("no system call of a test does this: unbind", done.stderr)
        self.assertEqual(os.listdir(self.here), [])


if __name__ == "__main__":
    unittest.main()
