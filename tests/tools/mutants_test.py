#!/usr/bin/python3
"""ci/mutants.py: all mutants compile into one program, each is wrong in its own way, and with none on the program is what it was."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ci"))
from mutants import DEFINITION, mutate

SOURCE = """
#include <cstdio>
namespace {
int total = 0;
void add(int more) { total += more; }
void twice() { total *= 2; }
bool both(bool a, bool b) { return a && b; } // a && b in a comment
constexpr int kept(int a) { return a + 1; }
void check_total() { total = total; }
}
int main() {
    for (int i = 0; i < 3; ++i)
        add(i + 1);
    add(
        4);
    twice();
    if (both(total > 0, true))
        std::printf("%d\\n", total);
    else
        std::printf("none\\n");
}
"""


class Mutants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = mutate(SOURCE, 1)

    def outputs(self, text, numbers):
        with tempfile.TemporaryDirectory() as directory:
            source, program = Path(directory) / "a.cpp", Path(directory) / "a"
            source.write_text(DEFINITION + text, encoding="utf-8")
            subprocess.run([os.environ.get("CXX", "c++").split()[-1], "-std=c++20", source, "-o", program], check=True)
            return {n: subprocess.run([program], env={"DAXTORTURE_MUTANT": str(n)}, capture_output=True, text=True, check=True).stdout
                    for n in numbers}

    def test_each_is_wrong_and_none_is_right(self):
        numbers = [m.number for m in self.made.mutants]
        shown = self.outputs(self.made.result(set()), [0, *numbers])
        self.assertEqual(shown[0], "20\n")
        of = {}
        for mutant in self.made.mutants:
            of.setdefault((mutant.operator, mutant.text), []).append(shown[mutant.number])
        self.assertEqual(of[("drop", "add( 4);")], ["12\n"])
        self.assertEqual(of[("drop", "twice();")], ["10\n"])
        self.assertEqual(of[("swap", "add( 4); twice();")], ["16\n"])
        self.assertEqual(of[("shorten", "i < 3")], ["14\n"])
        self.assertEqual(of[("plus-one", "1")], ["14\n"])
        self.assertEqual(of[("negate", "both(total > 0, true)")], ["none\n"])
        self.assertEqual(of[("negate", "a && b")], ["none\n"])
        self.assertEqual(of[("forget", "a")], ["20\n"])  # it was true

    def test_checks_constants_and_comments_are_left_alone(self):
        self.assertEqual({m.function for m in self.made.mutants}, {"add", "twice", "both", "main"})
        self.assertEqual(self.made.result({m.number for m in self.made.mutants}), SOURCE)

    def test_lines_keep_their_numbers(self):
        self.assertEqual(self.made.result(set()).count("\n"), SOURCE.count("\n"))


if __name__ == "__main__":
    unittest.main()
