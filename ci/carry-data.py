#!/usr/bin/python3
"""Copies scenarios, museum and job files into the build tree, which finds them there when it is moved or copied.

usage: carry-data.py SOURCES COPY STAMP DEPFILE      DEPFILE: in make's form, the files and their directories, for ninja
"""

import shutil
import sys
from pathlib import Path


CARRIED = ("models/scenarios", "models/museum", "stress/jobs")


def main(root, copy, stamp, depfile):
    sources = []
    for name in CARRIED:
        directory = Path(root) / name
        sources += [directory, *sorted(directory.glob("*.*"))]
        shutil.rmtree(Path(copy) / directory.name, ignore_errors=True)
        shutil.copytree(directory, Path(copy) / directory.name)
    escaped = [str(one).replace(" ", "\\ ") for one in sources]
    Path(depfile).write_text(f"{Path(stamp).name}: {' '.join(escaped)}\n", encoding="utf-8")
    Path(stamp).write_text("", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
