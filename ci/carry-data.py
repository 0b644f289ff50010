#!/usr/bin/python3
"""Copies the scenarios and the museum into the build tree, which finds them there when it is moved or copied.

usage: carry-data.py MODELS COPY STAMP DEPFILE      DEPFILE: in make's form, the files and their directories, for ninja
"""

import shutil
import sys
from pathlib import Path


def main(models, copy, stamp, depfile):
    sources = []
    for name in ("scenarios", "museum"):
        directory = Path(models) / name
        sources += [directory, *sorted(directory.glob("*.dax"))]
        shutil.rmtree(Path(copy) / name, ignore_errors=True)
        shutil.copytree(directory, Path(copy) / name)
    escaped = [str(one).replace(" ", "\\ ") for one in sources]
    Path(depfile).write_text(f"{Path(stamp).name}: {' '.join(escaped)}\n", encoding="utf-8")
    Path(stamp).write_text("", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
