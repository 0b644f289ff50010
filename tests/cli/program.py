"""What the tests of the command line share: the program, run in a directory of its own."""

import json
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
SOURCES = Path(__file__).resolve().parents[2]


class ProgramTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.here = Path(directory.name)

    def run_it(self, *words, program=PROGRAM, **how):
        return subprocess.run([program, *words], cwd=self.here, capture_output=True, text=True, timeout=HANG_GUARD,
                              check=False, **how)

    def write(self, text, name="s.dax"):
        (self.here / name).write_text(text, encoding="utf-8")
        return name

    def check_json(self, *words, program=PROGRAM):
        """Exit code and verdicts."""
        done = self.run_it("check", *words, "--json", "result.json", program=program)
        result = self.here / "result.json"
        self.assertTrue(result.exists(), done.stdout + done.stderr)
        return done.returncode, json.loads(result.read_text(encoding="utf-8"))["scenarios"]

    def refused(self, expected, *words):
        """One line on standard error that says what is wrong, nothing on standard output, exit code 2."""
        done = self.run_it(*words)
        self.assertEqual(done.returncode, 2, (words, done.stdout, done.stderr))
        lines = [line for line in done.stderr.splitlines() if line.startswith("daxtorture:")]
        self.assertEqual(len(lines), 1, (words, done.stderr))
        self.assertIn(expected, lines[0], words)
        self.assertEqual(done.stdout, "", words)

    def with_checker(self, script):
        """A copy of the program beside a checker that is this shell script; $REAL_CHECKER is the real one."""
        program = self.here / "daxtorture"
        shutil.copy(PROGRAM, program)
        checker = self.here / "daxtorture-checker"
        checker.write_text("#!/bin/sh\n" + script, encoding="utf-8")
        checker.chmod(0o755)
        os.environ["REAL_CHECKER"] = str(PROGRAM.parent / "daxtorture-checker")
        return program


def main():
    unittest.main()
