#!/usr/bin/env python3
"""What `daxtorture kernel` says when there is no tree to build, or no place to build it. Usage: errors_test.py DAXTORTURE"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from program import ProgramTest, main


class NoTree(ProgramTest):
    def setUp(self):
        super().setUp()
        os.environ["XDG_CACHE_HOME"] = str(self.here / "cache")

    def tree(self, **files):
        """A folder that looks like a kernel tree as far as these files do."""
        for name, text in {"Makefile": "VERSION = 9\nPATCHLEVEL = 1\n", "Kconfig": "", **files}.items():
            path = self.here / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return "tree"

    def test_a_folder_that_is_no_tree_is_refused(self):
        (self.here / "empty").mkdir()
        for name in ("empty", "nowhere"):
            self.refused(f"{self.here / name} is no kernel tree", "kernel", "--tree", name, "break-vs-pin")
        self.refused("--tree", "kernel", "break-vs-pin")

    def test_doctor_says_what_a_tree_lacks(self):
        done = self.run_it("kernel", "doctor", "--tree", self.tree())
        self.assertEqual(done.returncode, 2, done)
        for name in ("fs/dax.c", "mm/memremap.c"):
            self.assertIn(f"{name} is missing: the tree is too old, or not whole", done.stdout)
        self.assertIn("fs/dax.c", self.run_it("kernel", "--tree", "tree", "break-vs-pin").stderr)

    def test_a_tree_that_was_built_in_place_is_refused_with_the_remedy(self):
        self.tree(**{".config": "", "fs/dax.c": "", "mm/memremap.c": "", "kernel/kcsan/core.c": ""})
        self.refused("make mrproper", "kernel", "--tree", "tree", "break-vs-pin")

    def test_a_missing_program_is_named_with_its_package(self):
        tools = self.here / "bin"
        tools.mkdir()
        for name in ("python3", "env"):
            (tools / name).symlink_to(os.path.realpath(f"/usr/bin/{name}"))
        done = self.run_it("kernel", "doctor", "--tree", self.tree(), env={**os.environ, "PATH": str(tools)})
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("flex is missing: it is in the Debian package flex", done.stdout)
        install = next(line for line in done.stdout.splitlines() if line.startswith("apt-get install "))
        self.assertTrue({"bc", "bison", "flex", "gcc", "make"} <= set(install.split()), install)

    def test_a_cache_that_cannot_be_written_is_named(self):
        (self.here / "cache").write_text("in the way", encoding="utf-8")
        self.tree(**{"fs/dax.c": "", "mm/memremap.c": "", "kernel/kcsan/core.c": ""})
        done = self.run_it("kernel", "doctor", "--tree", "tree")
        if done.returncode != 0:
            self.skipTest("this machine cannot build a kernel: " + done.stdout.splitlines()[-1])
        self.refused("cache", "kernel", "--tree", "tree", "break-vs-pin")

    def test_scenarios_and_doctor_exclude_each_other(self):
        self.refused("doctor takes no scenario", "kernel", "doctor", "break-vs-pin", "--tree", self.tree())


if __name__ == "__main__":
    main()
