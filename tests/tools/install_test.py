#!/usr/bin/env python3
"""What `meson install` puts where, used where it was put. Usage: install_test.py BUILD-DIRECTORY"""

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

BUILD = Path(sys.argv.pop(1)).resolve()
SOURCES = Path(__file__).resolve().parents[2]
MOST_BYTES = 15_000_000  # of executables


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=HANG_GUARD, check=False, **more)


def build_options():
    done = run("meson", "introspect", "--buildoptions", str(BUILD))
    return {one["name"]: one["value"] for one in json.loads(done.stdout)}


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        root = Path(cls.directory.name) / "root"
        done = run("meson", "install", "-C", str(BUILD), "--no-rebuild", "--strip", "--destdir", str(root))
        assert done.returncode == 0, done.stdout + done.stderr
        cls.options = build_options()
        cls.root = root
        cls.prefix = root / cls.options["prefix"].lstrip("/")
        cls.program = cls.prefix / cls.options["bindir"] / "daxtorture"
        cls.data = cls.prefix / cls.options["datadir"] / "daxtorture"

    def run_it(self, *words):
        here = Path(self.directory.name) / "here"
        here.mkdir(exist_ok=True)
        return run(str(self.program), *words, cwd=here)

    def test_executables_are_small(self):
        if self.options["b_sanitize"] != "none":
            self.skipTest("sanitized")
        executables = [self.program, self.prefix / self.options["libexecdir"] / "daxtorture" / "daxtorture-checker"]
        self.assertLessEqual(sum(one.stat().st_size for one in executables), MOST_BYTES, executables)
        for one in executables:
            self.assertIn("no symbols", run("nm", str(one)).stderr, f"{one} is not stripped")

    def test_every_command_has_a_manual_page_without_warnings(self):
        lines = [line.split("\t") for line in self.run_it("--complete").stdout.splitlines()]
        names = ["daxtorture"] + ["daxtorture-" + line[1] for line in lines if line[0] == "command"]
        pages = sorted((self.prefix / self.options["mandir"] / "man1").iterdir())
        self.assertEqual([page.name for page in pages], sorted(name + ".1" for name in names))
        for page in pages:
            text = page.read_text(encoding="utf-8")
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"):
                self.assertIn(f"\n.SH {section}\n", text, page.name)
            if shutil.which("man"):
                done = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page), env=os.environ | {"MANWIDTH": "80"})
                self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)

    def test_a_manual_page_says_what_the_help_says(self):
        page = (self.prefix / self.options["mandir"] / "man1/daxtorture-check.1").read_text(encoding="utf-8")
        shown = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")
        lines = [line.split("\t") for line in self.run_it("--complete").stdout.splitlines()]
        for option in (line[2] for line in lines if line[:2] == ["option", "check"]):
            self.assertIn(option, shown)
        for line in self.run_it("check", "--help").stdout.splitlines():
            if line.startswith("  daxtorture check"):
                self.assertIn(line, shown)

    def test_scenarios_and_jobs_are_found_by_name(self):
        self.assertEqual(self.run_it("check", "break-vs-pin", "--iterations", "10", "--scheduler", "uniform").returncode, 0)
        self.assertEqual(self.run_it("museum", "--list").returncode, 0)
        done = self.run_it("stress", "--job", "smoke", "--duration", "1s", "--workers", "2")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = self.run_it("stress", "--job", "no-such-job")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no-such-job: No such file or directory", done.stderr)

    def test_all_pages_of_the_documentation_are_there(self):
        pages = {str(page.relative_to(SOURCES)) for page in (SOURCES / "docs").rglob("*.md")}
        self.assertEqual(pages, {str(page.relative_to(self.data)) for page in (self.data / "docs").rglob("*.md")})

    def test_units_and_scripts_are_sound(self):
        units = sorted((self.prefix / "lib/systemd/system").iterdir())
        self.assertEqual([unit.name for unit in units],
                         ["daxtorture-failed.service", "daxtorture.service", "daxtorture.timer"])
        for unit in units:
            self.assertNotIn("@", unit.read_text(encoding="utf-8"), unit.name)
        if shutil.which("systemd-analyze"):
            done = run("systemd-analyze", "verify", "--man=no", *map(str, units))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(run("bash", "-n", str(self.data / "slurm/night.sbatch")).stderr, "")

    def test_shells_find_their_completion(self):
        share = self.prefix / self.options["datadir"]
        for name in ("bash-completion/completions/daxtorture", "zsh/site-functions/_daxtorture",
                     "fish/vendor_completions.d/daxtorture.fish"):
            self.assertTrue((share / name).is_file(), name)


if __name__ == "__main__":
    unittest.main()
