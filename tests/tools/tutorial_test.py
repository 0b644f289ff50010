#!/usr/bin/env python3
"""Runs docs/tutorial.md: writes its files, runs its commands, compares what they print. Usage: tutorial_test.py DAXTORTURE

A block `dax NAME` is a file. In a block `console` a line "$ COMMAND" is run, and the lines behind it are what it prints: "..." stands for
any lines, and numbers may differ.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from events import HANG_GUARD

PROGRAM = Path(sys.argv.pop(1)).resolve()
PAGE = Path(__file__).resolve().parents[2] / "docs/tutorial.md"


def blocks(text):
    """(kind, words behind it, lines) of each fenced block."""
    for block in re.finditer(r"^```(\w*) ?(.*)\n((?:.*\n)*?)```$", text, re.MULTILINE):
        yield block.group(1), block.group(2), block.group(3).splitlines()


def commands(lines):
    """(command, expected lines) of a console block."""
    for line in lines:
        if line.startswith("$ "):
            command, expected = line[2:], []
            yield command, expected
        else:
            expected.append(line)


def without_numbers(line):
    """Widths follow from numbers, so runs of blanks are one; and a plural follows from them, too."""
    line = re.sub(r"-I\d+-[0-9a-f]{6}\b", "-BUNDLE", line)
    line = re.sub(r"\d[\d,.]*( (ms|s|min|h|days)\b)?", "N", line)
    return re.sub(r" +", " ", line).rstrip()


def matches(expected, printed):
    """Do the printed lines follow the expected ones, where "..." is any number of lines?"""
    if not expected:
        return not printed
    if expected[0] == "...":
        return any(matches(expected[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and expected[0] == printed[0] and matches(expected[1:], printed[1:])


class Tutorial(unittest.TestCase):
    def test_commands_print_what_the_page_says(self):
        with tempfile.TemporaryDirectory() as directory:
            here = Path(directory)
            (here / "bin").mkdir()
            (here / "bin/daxtorture").symlink_to(PROGRAM)
            environment = os.environ | {"PATH": f"{here / 'bin'}:{os.environ['PATH']}", "NO_COLOR": "1"}
            bundle = None
            ran = 0
            for kind, name, lines in blocks(PAGE.read_text(encoding="utf-8")):
                if kind == "dax":
                    (here / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
                if kind != "console":
                    continue
                for command, expected in commands(lines):
                    if bundle:  # its name has a hash of the cause
                        command = re.sub(r"daxtorture-failures/\S+", bundle, command)
                    done = subprocess.run(command, shell=True, cwd=here, env=environment, capture_output=True, text=True,
                                          timeout=HANG_GUARD, check=False)
                    self.assertIn(done.returncode, (0, 1), f"{command}\n{done.stdout}{done.stderr}")
                    printed = done.stdout.splitlines()
                    self.assertTrue(matches([without_numbers(line) for line in expected],
                                            [without_numbers(line) for line in printed]),
                                    f"{command} printed\n{done.stdout}\nand the page says\n" + "\n".join(expected))
                    found = re.search(r"daxtorture-failures/\S+", done.stdout)
                    bundle = found.group(0) if found else bundle
                    ran += 1
            self.assertEqual(ran, 7)

    def test_a_line_that_differs_is_noticed(self):
        self.assertTrue(matches(["a", "...", "c"], ["a", "b", "c"]))
        self.assertFalse(matches(["a", "...", "c"], ["a", "b", "d"]))
        self.assertFalse(matches(["a"], ["a", "b"]))
        self.assertEqual(without_numbers("after 198 executions in 0.27 s"), without_numbers("after 7,191 executions in 1.5 s"))
        self.assertNotEqual(without_numbers("pass"), without_numbers("fail"))


if __name__ == "__main__":
    unittest.main()
