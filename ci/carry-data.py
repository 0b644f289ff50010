#!/usr/bin/python3
"""Copies scenarios, museum, job files and findings into the build tree, which finds them there when it is moved or copied.

usage: carry-data.py SOURCES COPY STAMP DEPFILE      DEPFILE: in make's form, the files and their directories, for ninja
"""

import shutil
import sys
from pathlib import Path


# Where each is in the sources, and where it is installed.
CARRIED = {
    "models/scenarios": "scenarios",
    "models/museum": "museum",
    "stress/jobs": "jobs",
    "docs/findings": "docs/findings",
}


def main(root, copy, stamp, depfile):
    sources = []
    for name, place in CARRIED.items():
        directory = Path(root) / name
        sources += [directory, *sorted(directory.glob("*.*"))]
        shutil.rmtree(Path(copy) / place, ignore_errors=True)
        shutil.copytree(directory, Path(copy) / place)
    escaped = [str(one).replace(" ", "\\ ") for one in sources]
    Path(depfile).write_text(f"{Path(stamp).name}: {' '.join(escaped)}\n", encoding="utf-8")
    Path(stamp).write_text("", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
