#!/usr/bin/python3
"""The rules that this source tree keeps, checked: who may include whom, what the model may name, tidiness.

usage: include-rules.py [ROOT]       exit code 0: kept; 1: broken, one line `file:line: message` for each; 2: usage

Layers are those of ARCHITECTURE.md. A file belongs to the layer of its longest matching directory. A layer may
include itself, the layers it names (not theirs: the table is written out), and the standard library.
Files are those that git tracks or would track; without git all below the source directories.
"""

import os
import re
import subprocess
import sys

# Plain data and small algorithms, std only: every layer above may include them, so the rows of LAYERS do not repeat them.
GROUND = ["src/base", "src/words"]

BELOW_GROUND = ["src/base", "src/protocol", "arch/common", "arch/target"]
MODEL = ["src/xarray", "src/mm", "src/dax", "src/fs", "src/oracle", "src/world"]

LIBS = {
    "fmt": ["fmt/"],
    "spdlog": ["spdlog/"],
    "json": ["nlohmann/"],
    "cli11": ["CLI/"],
    "tbb": ["tbb/", "oneapi/tbb"],
    "relacy": ["relacy/"],
    "catch2": ["catch2/"],
    "benchmark": ["benchmark/"],
}
# layer -> (layers it may include; third-party libraries it may include)
LAYERS = {
    "arch/common": ([], []),
    "arch/host": (["arch/common"], []),
    "arch/relacy": (["arch/common"], ["relacy"]),
    "arch/target": ([], []),
    "src/base": ([], []),
    "src/protocol": (["src/base"], ["fmt"]),
    "src/words": (["src/protocol"], []),
    "src/xarray": (["arch"], []),
    "src/mm": (["arch", "src/xarray", "src/protocol"], []),
    "src/dax": (["arch", "src/xarray", "src/mm", "src/protocol"], []),
    "src/fs": (["arch", "src/xarray", "src/mm", "src/dax", "src/protocol"], []),
    "src/oracle": (["arch", "src/xarray", "src/mm", "src/dax", "src/fs", "src/protocol"], []),
    "src/world": (["arch", "src/xarray", "src/mm", "src/dax", "src/fs", "src/oracle", "src/protocol"], []),
    "src/scenario": (["src/protocol"], ["fmt"]),
    "src/run": (["src/protocol", "src/scenario"], ["fmt", "json"]),
    "src/report": (["src/protocol", "src/scenario", "src/run"], ["fmt", "json"]),
    "stress": (
        ["arch", "src/world", "src/protocol", "src/scenario", "src/run"],
        ["fmt", "spdlog", "tbb", "json"],
    ),
    # Searching: any machine, so none by name.
    "search": (["src/protocol", "src/scenario", "src/run"], []),
    "machines": (["search", "src/protocol", "src/scenario", "src/run"], ["json"]),
    "machines/kernel": (["search", "src/protocol", "src/scenario", "src/run"], ["fmt", "json"]),
    "machines/relacy": (
        ["arch", "search", "machines", "src/world", "src/protocol", "src/scenario", "src/run"],
        ["relacy"],
    ),
    "src/jobs": (
        ["arch/target", "stress", "search", "src/world", "src/protocol", "src/scenario", "src/run", "src/report"],
        ["fmt", "spdlog", "json"],
    ),
    "src/cli": (["*"], ["fmt", "spdlog", "json", "cli11", "tbb"]),
    "tests": (["*"], ["fmt", "spdlog", "json", "cli11", "tbb", "relacy", "catch2"]),
    "bench": (["*"], ["fmt", "json", "tbb", "relacy", "benchmark"]),
}

# What the model may not name, and why.
FORBIDDEN_WORDS = [
    (r"\bstd::atomic\w*", "std::atomic: use arch::atomic"),
    (r"\bstd::j?thread\b|\bstd::this_thread\b|\bpthread_\w+", "threads belong to the engines"),
    (r"\bstd::(?:recursive_|shared_|timed_)?mutex\b|\bstd::condition_variable\w*|\bstd::lock_guard\b"
     r"|\bstd::(?:unique|scoped|shared)_lock\b|\bstd::(?:counting|binary)_semaphore\b|\bstd::latch\b|\bstd::barrier\b",
     "std locks: use arch/lock.hpp"),
    (r"\bstd::(?:shared|weak)_ptr\b|\bstd::make_shared\b", "std::shared_ptr: Relacy cannot see into it"),
    (r"\bstd::function\b", "std::function allocates"),
    (r"\brl::", "rl:: belongs to arch/relacy and machines/relacy"),
    (r"\bspdlog\b", "logging orders threads and hides bugs"),
    (r"\b(?:std::)?chrono::", "no clock inside the model"),
    (r"\bstd::(?:mt19937\w*|random_device|uniform_\w+_distribution)\b|\b(?:std::)?s?rand\(",
     "no randomness inside the model"),
    (r"\bstd::(?:cout|cerr|clog)\b|\bf?printf\(", "no output inside the model"),
    (r"\bthread_local\b", "thread_local is shared by all fibres of Relacy: use arch::current()"),
    (r"\bthrow\b|\btry\s*\{", "no exceptions inside the model"),
]
FORBIDDEN_HEADERS = {
    "atomic", "thread", "mutex", "shared_mutex", "condition_variable", "semaphore", "latch", "barrier", "future",
    "stop_token", "chrono", "random", "iostream", "fstream", "ctime", "time.h", "functional", "stdio.h", "cstdio",
    "pthread.h",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SOURCE_DIRECTORIES = ("arch", "src", "search", "machines", "stress", "tests", "bench")
TEXT_SUFFIXES = (".hpp", ".cpp", ".py", ".sh", ".md", ".dax", ".job", ".build", ".txt", ".supp", ".yml")
# Directories that need sources from elsewhere: a script of ci/ builds them, not meson.
BUILT_BY_SCRIPTS = {"tests/xarray/differential"}
LINE_LENGTH_LIMIT = 140  # of scripts; clang-format holds C++ to 110


def list_files(root):
    """Paths below `root`, relative, with forward slashes."""
    if os.path.exists(os.path.join(root, ".git")):
        try:
            out = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                 check=True, capture_output=True).stdout
            names = {n.decode() for n in out.split(b"\0") if n}
            return sorted(n for n in names if os.path.isfile(os.path.join(root, n)))
        except (OSError, subprocess.CalledProcessError):
            pass  # no git here: take what is there
    found = []
    for base, directories, names in os.walk(root):
        directories[:] = [d for d in directories if not d.startswith(("build", "."))]
        found += [os.path.relpath(os.path.join(base, n), root) for n in names]
    return sorted(found)


def layer_of(path):
    """The layer of a file, or None: `src/mm/folio.hpp` -> `src/mm`."""
    best = None
    for layer in LAYERS:
        if path.startswith(layer + "/") and (best is None or len(layer) > len(best)):
            best = layer
    return best


def resolve(including, name, quoted, known):
    """The tree's file that an #include means, or None when it is not ours."""
    candidates = []
    if quoted:
        candidates.append(os.path.normpath(os.path.join(os.path.dirname(including), name)))
    # A machine's own headers come before those of the other one.
    machine = layer_of(including) if including.startswith("arch/") else "src"
    candidates += [os.path.normpath(os.path.join(base, name))
                   for base in (machine, "src", ".", "tests", "arch/common", "arch/host", "arch/relacy", "arch/target")]
    return next((c for c in candidates if c in known), None)


def strip_comments_and_strings(text):
    """`text` with comments and literals blanked, line structure kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
    # A digit separator (1'000) is not a literal: keep a quote between two digits.
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "_", text)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def third_party(name):
    for library, prefixes in LIBS.items():
        if any(name.startswith(p) for p in prefixes):
            return library
    return None


def check_include(path, layer, name, quoted, known):
    """What is wrong with one #include, or None."""
    allowed, libraries = LAYERS[layer]
    library = third_party(name)
    if library is not None:
        if library in libraries:
            return None
        if library == "relacy":
            return f"<{name}>: only arch/relacy and machines/relacy may include Relacy"
        return f"<{name}>: {layer} may not use {library}"

    target = resolve(path, name, quoted, known)
    if target is None:
        if name == "daxtorture_config.hpp":
            return None if layer in ("src/jobs", "src/cli", "tests", "bench") else f'"{name}": only jobs may know install paths'
        if quoted:
            return f'"{name}": no such file; paths are relative to src/ or the repository root'
        if layer in MODEL and name in FORBIDDEN_HEADERS:
            return f"<{name}>: not in the model"
        return None

    if target.startswith("src/") and name.startswith("src/"):
        return f'"{name}": write it relative to src/'
    if ".." in name.split("/") and layer != "tests":
        return f'"{name}": no parent directories; write it relative to src/'

    target_layer = layer_of(target)
    if target_layer is None or target_layer == layer or "*" in allowed:
        return None
    if target_layer == "arch/target":
        return None  # plain data about the modelled machine
    if target_layer.startswith("arch/"):
        # <arch/name.hpp> means the header of the machine that is being compiled.
        if layer.startswith("arch/") and target_layer not in allowed:
            return f"<{name}>: {layer} may not include {target_layer}"
        if not layer.startswith("arch/") and "arch" not in allowed:
            return f"<{name}>: {layer} is machine-neutral and may not include arch"
        if quoted:
            return f'"{name}": write <{name}>, so that the machine is chosen by the include path'
        return None
    if target_layer in GROUND and layer not in BELOW_GROUND:
        return None
    if target_layer in allowed:
        return None
    return f'"{name}": {layer} may not include {target_layer}'


def check_source(path, text, known):
    """Yields (line, message) for one C++ file."""
    layer = layer_of(path)
    lines = text.split("\n")
    if layer is not None:
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match:
                message = check_include(path, layer, match.group(2), match.group(1) == '"', known)
                if message:
                    yield number, message
    if layer in MODEL:
        for number, line in enumerate(strip_comments_and_strings(text).split("\n"), 1):
            for pattern, why in FORBIDDEN_WORDS:
                match = re.search(pattern, line)
                if match:
                    yield number, f"'{match.group(0).strip()}' in the model: {why}"
    if path.endswith(".hpp"):
        if not lines[0].startswith("///"):
            yield 1, "a header opens with a /// essay: what it is, states, ordering, source, checked by"
        if not any(line.strip() == "#pragma once" for line in lines):
            yield 1, "no #pragma once"


def check_text(path, text):
    """Yields (line, message) for any text file."""
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end"
    if text.endswith("\n\n"):
        yield text.count("\n"), "blank line at the end"
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            yield number, "tab"
        if line != line.rstrip():
            yield number, "trailing blank"
        if path.endswith((".py", ".sh")) and len(line) > LINE_LENGTH_LIMIT:
            yield number, f"line of {len(line)} columns (limit {LINE_LENGTH_LIMIT})"


def check_listed(root, files):
    """Yields (path, 1, message) for sources that no meson.build lists."""
    lists = {}
    for path in files:
        if os.path.basename(path) == "meson.build":
            with open(os.path.join(root, path), encoding="utf-8") as stream:
                lists[os.path.dirname(path)] = stream.read()
    if "" not in lists:
        return  # not a build tree: a test's input
    for path in files:
        if not path.endswith(".cpp") or not path.startswith(tuple(d + "/" for d in SOURCE_DIRECTORIES)):
            continue
        directory = os.path.dirname(path)
        if directory in BUILT_BY_SCRIPTS:
            continue
        while True:
            relative = os.path.relpath(path, directory or ".")
            if directory in lists and f"'{relative}'" in lists[directory]:
                break
            if directory == "":
                yield path, 1, "no meson.build lists this file"
                break
            directory = os.path.dirname(directory)


def check_tree(root):
    """All broken rules below `root`, as (path, line, message)."""
    files = list_files(root)
    known = set(files)
    broken = []
    for path in files:
        name = os.path.basename(path)
        if not name.endswith(TEXT_SUFFIXES) and name not in ("run", "meson_options.txt"):
            continue
        with open(os.path.join(root, path), "rb") as stream:
            raw = stream.read()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            broken.append((path, 1, "not UTF-8"))
            continue
        broken += [(path, line, message) for line, message in check_text(path, text)]
        if path.endswith((".hpp", ".cpp")):
            broken += [(path, line, message) for line, message in check_source(path, text, known)]
    broken += check_listed(root, files)
    return files, broken


def main(arguments):
    if len(arguments) > 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    root = arguments[1] if len(arguments) == 2 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not os.path.isdir(root):
        print(f"include-rules: no directory '{root}'", file=sys.stderr)
        return 2
    files, broken = check_tree(root)
    for path, line, message in sorted(broken):
        print(f"{path}:{line}: {message}")
    if not files:
        print("include-rules: nothing to check", file=sys.stderr)
        return 2
    print(f"include-rules: {len(files)} files, {len(broken)} broken rules")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
