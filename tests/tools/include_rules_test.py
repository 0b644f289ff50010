#!/usr/bin/python3
"""ci/include-rules.py must accept a good tree and must fail, naming the place, on each kind of bad one."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../ci/include-rules.py")

spec = importlib.util.spec_from_file_location("include_rules", SCRIPT)
include_rules = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(include_rules)

HEADER = "/// What it is.\n#pragma once\n"

GOOD = {
    "arch/common/arch/site.hpp": HEADER,
    "arch/host/arch/atomic.hpp": HEADER + "#include <arch/site.hpp>\n#include <atomic>\n",
    "arch/relacy/arch/atomic.hpp": HEADER + "#include <relacy/relacy.hpp>\n",
    "src/protocol/rules.hpp": HEADER,
    "src/xarray/xarray.hpp": HEADER + "#include <arch/atomic.hpp>\n",
    "src/mm/folio.hpp": HEADER + '#include "protocol/rules.hpp"\n#include "xarray/xarray.hpp"\n#include <cstdint>\n',
    "src/dax/fault.hpp": HEADER + '#include "mm/folio.hpp"\n// std::atomic is named here in a comment only: 1\'000\n',
    "src/fs/inode.hpp": HEADER + '#include "dax/fault.hpp"\n',
    "src/words/invariant.hpp": HEADER,
    "src/oracle/ledger.hpp": HEADER + '#include "fs/inode.hpp"\n',
    "src/words/operation.hpp": HEADER,
    "src/world/world.hpp": HEADER + '#include "words/operation.hpp"\n#include "oracle/ledger.hpp"\n',
    "src/scenario/parser.hpp": HEADER + '#include "words/operation.hpp"\n',
    "src/words/config.hpp": HEADER,
    "src/base/seed.hpp": HEADER,
    "src/run/verdict.hpp": HEADER + '#include "words/invariant.hpp"\n',
    "src/report/text.hpp": HEADER + '#include "base/seed.hpp"\n#include <fmt/format.h>\n',
    "stress/worker.hpp": HEADER + '#include "world/world.hpp"\n#include <spdlog/spdlog.h>\n#include <thread>\n',
    "models/driver.hpp": HEADER + '#include "world/world.hpp"\n#include <relacy/relacy.hpp>\n',
    "src/cli/main.hpp": HEADER + '#include "stress/worker.hpp"\n#include "report/text.hpp"\n#include <CLI/CLI.hpp>\n',
}


def run(files):
    """Checks a tree of `files`; returns (exit code, output) as the script would."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(text)
        broken = include_rules.check_tree(root)[1]
        return int(bool(broken)), "\n".join(f"{path}:{line}: {message}" for path, line, message in broken)


class IncludeRules(unittest.TestCase):
    def accepts(self, **extra):
        code, output = run({**GOOD, **extra})
        self.assertEqual(code, 0, output)

    def rejects(self, path, text, expected, base=None):
        """A tree with this one file must fail with a line that starts with `expected`."""
        code, output = run({**(GOOD if base is None else base), path: text})
        self.assertEqual(code, 1, output)
        found = any(line.startswith(expected) for line in output.splitlines())
        self.assertTrue(found, f"{expected!r} not in:\n{output}")

    def test_accepts_a_good_tree(self):
        self.accepts()

    def test_layers(self):
        for path, include, message in [
            ("arch/common/arch/bad.hpp", '"mm/folio.hpp"', "arch/common may not include src/mm"),
            ("arch/host/arch/bad.hpp", '"protocol/rules.hpp"', "arch/host may not include src/protocol"),
            ("src/xarray/bad.hpp", '"mm/folio.hpp"', "src/xarray may not include src/mm"),
            ("src/mm/bad.hpp", '"dax/fault.hpp"', "src/mm may not include src/dax"),
            ("src/dax/bad.hpp", '"fs/inode.hpp"', "src/dax may not include src/fs"),
            ("src/fs/bad.hpp", '"world/world.hpp"', "src/fs may not include src/world"),
            ("src/oracle/bad.hpp", '"world/world.hpp"', "src/oracle may not include src/world"),
            ("src/world/bad.hpp", '"run/verdict.hpp"', "src/world may not include src/run"),
            ("src/scenario/bad.hpp", '"world/world.hpp"', "src/scenario may not include src/world"),
            ("src/run/bad.hpp", '"mm/folio.hpp"', "src/run may not include src/mm"),
            ("src/report/bad.hpp", '"world/world.hpp"', "src/report may not include src/world"),
            ("stress/bad.hpp", '"mm/folio.hpp"', "stress may not include src/mm"),
            ("stress/bad.hpp", '"oracle/ledger.hpp"', "stress may not include src/oracle"),
            ("models/bad.hpp", '"stress/worker.hpp"', "models may not include stress"),
            ("models/bad.hpp", '"report/text.hpp"', "models may not include src/report"),
        ]:
            with self.subTest(path=path, include=include):
                self.rejects(path, HEADER + f"#include {include}\n", f"{path}:3: {include}: {message}")

    def test_machine_neutral_code_does_not_include_arch(self):
        for path in ["src/scenario/bad.hpp", "src/run/bad.hpp", "src/report/bad.hpp", "src/protocol/bad.hpp"]:
            with self.subTest(path=path):
                self.rejects(path, HEADER + "#include <arch/atomic.hpp>\n", f"{path}:3: <arch/atomic.hpp>: ")

    def test_everybody_knows_the_words_and_they_know_nobody(self):
        self.accepts(**{"src/mm/x.hpp": HEADER + '#include "words/config.hpp"\n'})
        self.rejects("src/words/config.hpp", HEADER + '#include "mm/folio.hpp"\n',
                     'src/words/config.hpp:3: "mm/folio.hpp": src/words may not include src/mm')
        self.rejects("src/base/bad.hpp", HEADER + '#include "words/config.hpp"\n',
                     'src/base/bad.hpp:3: "words/config.hpp": src/base may not include src/words')

    def test_third_party(self):
        for path, include in [
            ("src/mm/bad.hpp", "<relacy/relacy.hpp>"),
            ("arch/host/arch/bad.hpp", "<relacy/atomic.hpp>"),
            ("src/cli/bad.hpp", "<relacy/relacy.hpp>"),
            ("src/dax/bad.hpp", "<spdlog/spdlog.h>"),
            ("src/report/bad.hpp", "<CLI/CLI.hpp>"),
            ("models/bad.hpp", "<tbb/task_arena.h>"),
        ]:
            with self.subTest(path=path, include=include):
                self.rejects(path, HEADER + f"#include {include}\n", f"{path}:3: {include}: ")

    def test_words_and_headers_that_the_model_may_not_name(self):
        for code in [
            "std::atomic<int> x;", "std::thread t;", "std::jthread t;", "std::mutex m;", "std::shared_ptr<int> p;",
            "std::function<void()> f;", "rl::atomic<int> x;", "spdlog::info(1);", "auto t = std::chrono::seconds(1);",
            "std::mt19937_64 g;", "thread_local int x;", "void f() { throw 1; }",
        ]:
            for layer in ["xarray", "mm", "dax", "fs", "oracle", "world"]:
                with self.subTest(code=code, layer=layer):
                    self.rejects(f"src/{layer}/bad.hpp", HEADER + code + "\n", f"src/{layer}/bad.hpp:3: '")
        for header in ["atomic", "thread", "chrono", "random", "iostream", "functional"]:
            with self.subTest(header=header):
                self.rejects("src/mm/bad.hpp", HEADER + f"#include <{header}>\n",
                             f"src/mm/bad.hpp:3: <{header}>: not in the model")

    def test_engines_may_name_them(self):
        self.accepts(**{"stress/x.hpp": HEADER + "#include <atomic>\nstd::atomic<int> x; std::jthread t;\n"})

    def test_paths(self):
        self.rejects("src/mm/bad.hpp", HEADER + '#include "mm/none.hpp"\n',
                     'src/mm/bad.hpp:3: "mm/none.hpp": no such file')
        self.rejects("src/mm/bad.hpp", HEADER + '#include "../mm/folio.hpp"\n', "src/mm/bad.hpp:3: ")
        self.rejects("src/dax/bad.hpp", HEADER + '#include "src/mm/folio.hpp"\n', "src/dax/bad.hpp:3: ")

    def test_tidiness(self):
        for text, expected in [
            ("/// x\n#pragma once\n\tint x;\n", "src/mm/bad.hpp:3: tab"),
            ("/// x\n#pragma once\nint x; \n", "src/mm/bad.hpp:3: trailing blank"),
            ("/// x\n#pragma once\nint x;", "src/mm/bad.hpp:3: no newline at the end"),
            ("/// x\n#pragma once\n\n", "src/mm/bad.hpp:3: blank line at the end"),
            ("#pragma once\n", "src/mm/bad.hpp:1: a header opens with"),
            ("/// x\nint x;\n", "src/mm/bad.hpp:1: no #pragma once"),
        ]:
            with self.subTest(expected=expected):
                self.rejects("src/mm/bad.hpp", text, expected)

    def test_unlisted_source(self):
        base = {
            "meson.build": "# top\n",
            "src/meson.build": "files('mm/listed.cpp')\n",
            "src/mm/listed.cpp": "int x;\n",
        }
        code, output = run(base)
        self.assertEqual(code, 0, output)
        self.rejects("src/mm/unlisted.cpp", "int x;\n", "src/mm/unlisted.cpp:1: no meson.build lists this file", base)

    def test_the_script_itself(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "src/mm"))
            with open(os.path.join(root, "src/mm/bad.hpp"), "w", encoding="utf-8") as stream:
                stream.write(HEADER + "#include <relacy/relacy.hpp>\n")
            done = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("src/mm/bad.hpp:3: <relacy/relacy.hpp>: only arch/relacy", done.stdout)

    def test_usage(self):
        done = subprocess.run([sys.executable, SCRIPT, "/no/such/directory"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
