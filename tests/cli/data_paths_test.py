#!/usr/bin/env python3
"""The program finds what belongs to it beside itself, and says so when there is nothing. Usage: data_paths_test.py DAXTORTURE"""

import shutil
import subprocess

from program import PROGRAM, ProgramTest, SOURCES, main



class DataPaths(ProgramTest):
    def copy_of_build_tree(self, *, data):
        """What a copied build tree has: the two programs, and the data that the build carries along."""
        tree = self.here / "copied"
        tree.mkdir()
        for name in ("daxtorture", "daxtorture-checker"):
            shutil.copy(PROGRAM.parent / name, tree / name)
        if data:
            shutil.copytree(PROGRAM.parent / "data", tree / "data")
        return tree / "daxtorture"

    def listed(self, program):
        done = self.run_it("check", "--list", program=program)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split()[0] for line in done.stdout.splitlines()]

    def test_a_copied_build_tree_has_its_scenarios_and_bugs(self):
        program = self.copy_of_build_tree(data=True)
        expected = sorted(one.stem for one in (SOURCES / "models" / "scenarios").glob("*.dax"))
        self.assertEqual(len(self.listed(program)), len(expected))
        done = self.run_it("museum", "bug-08", "--seconds", "20", program=program)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 of 1 bugs found", done.stdout)

    def test_a_destdir_tree_runs_in_place(self):
        build = PROGRAM.parent
        root = self.here / "root"
        installed = subprocess.run(["meson", "install", "-C", str(build), "--no-rebuild", "--destdir", str(root)],
                                   capture_output=True, text=True, timeout=120, check=False)
        if installed.returncode != 0:
            self.skipTest("not everything is built: " + installed.stdout[-300:] + installed.stderr[-300:])
        (program,) = [one for one in root.rglob("bin/daxtorture")]
        self.assertIn("break-vs-pin", self.listed(program))
        # The scenarios are those of this tree, and of no other.
        shutil.copy(self.here / self.write("scenario only-here\nthread a: unpin\n"),
                    next(root.rglob("scenarios/break-vs-pin.dax")).with_name("only-here.dax"))
        self.assertIn("only-here", self.listed(program))
        done = self.run_it("check", "break-vs-munmap", program=program)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_nothing_to_run_is_bad_input_that_names_the_folders(self):
        program = self.copy_of_build_tree(data=False)
        for words, folder in ((("check",), "scenarios"), (("check", "--list"), "scenarios"),
                              (("orderings",), "scenarios"), (("museum",), "museum"), (("museum", "--list"), "museum")):
            done = self.run_it(*words, program=program)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn("expected *.dax files in ", done.stderr)
            self.assertIn(str(program.parent / "data" / folder), done.stderr)
            self.assertIn(f"share/daxtorture/{folder}", done.stderr)

    def test_a_file_needs_no_library(self):
        program = self.copy_of_build_tree(data=False)
        self.write("scenario s\nfile A fs=xfs pages=1\nmm m0 maps A 0..1 shared rw\nthread a: load m0 0\n")
        self.assertEqual(self.run_it("check", "s.dax", program=program).returncode, 0)


if __name__ == "__main__":
    main()
