#!/usr/bin/python3
"""docs/fidelity.md names functions that are there, and ci/fidelity.py says so when one is not."""

import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("fidelity", ROOT / "ci" / "fidelity.py")
fidelity = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fidelity)

ROW = "| [`dax_busy_page`](../src/dax/associate.cpp) | fs/dax.c `dax_busy_page` | count less mapcount | |"


def problems(page, tree=None):
    return list(fidelity.problems(page, tree))


class Fidelity(unittest.TestCase):
    def test_page_agrees_with_the_model(self):
        page = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
        self.assertGreater(page.count("| [`"), 80)
        self.assertEqual(problems(page), [])

    def test_function_that_is_gone(self):
        gone = ROW.replace("[`dax_busy_page`]", "[`dax_idle_page`]")
        self.assertEqual(problems(gone), ["src/dax/associate.cpp defines no dax_idle_page"])

    def test_function_that_is_only_called(self):
        called = ROW.replace("[`dax_busy_page`]", "[`folio_mapcount`]")
        self.assertEqual(problems(called), ["src/dax/associate.cpp defines no folio_mapcount"])

    def test_file_that_is_gone(self):
        gone = ROW.replace("associate.cpp", "association.cpp")
        self.assertEqual(problems(gone), ["src/dax/association.cpp defines no dax_busy_page"])

    def test_row_without_steps(self):
        self.assertEqual(problems(ROW.replace("count less mapcount", " ")), ["dax_busy_page has no steps"])

    def test_row_of_another_form(self):
        self.assertEqual(len(problems(ROW + "\n| [`dax_busy_page`](../src/dax/associate.cpp) | fs/dax.c |")), 1)

    def test_kernel_tree(self):
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory)
            self.assertEqual(problems(ROW, tree), [f"{tree} has no fs/dax.c"])
            (tree / "fs").mkdir()
            (tree / "fs" / "dax.c").write_text("static int dax_busy_page(void);\n", encoding="utf-8")
            self.assertEqual(problems(ROW, tree), ["fs/dax.c defines no dax_busy_page"])
            (tree / "fs" / "dax.c").write_text("static int\ndax_busy_page(\n\tvoid *e)\n{\n}\n", encoding="utf-8")
            self.assertEqual(problems(ROW, tree), [])


if __name__ == "__main__":
    unittest.main()
