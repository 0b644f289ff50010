"""A kernel tree as it is found: its release, its features, and what is missing to build it."""

import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))

# program or header -> Debian package
TOOLS = {
    "make": "make", "gcc": "gcc", "g++": "g++", "ld": "binutils", "objcopy": "binutils", "objdump": "binutils",
    "nm": "binutils", "addr2line": "binutils", "flex": "flex", "bison": "bison", "bc": "bc", "perl": "perl",
}
HEADERS = {"/usr/include/libelf.h": "libelf-dev", "/usr/include/gelf.h": "libelf-dev"}


# By what a tree is told from those before it -> preset of the model; of trees with one-based counts, and of the others.
ONE_BASED = [("HAVE_DAX_SHARED", "v6.12"), (None, "v6.1")]
ZERO_BASED = [("HAVE_HOLDER_ONCE", "v7.3"), ("HAVE_FOLIO_RESET", "v7.1"), ("HAVE_ZERO_FOLIO_PMD", "v6.18"), (None, "v6.15")]


def table(name):
    """The lines of a table of this folder, without comments."""
    with open(os.path.join(HERE, name)) as lines:
        return [line.rstrip("\n") for line in lines if line.strip() and not line.startswith("#")]


def read(path):
    try:
        with open(path, errors="replace") as text:
            return text.read()
    except OSError:
        return ""


class Tree:
    def __init__(self, directory):
        self.directory = os.path.realpath(directory)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def has(self, name):
        return os.path.exists(self.path(name))

    def release(self):
        makefile = read(self.path("Makefile"))
        part = {name: value.strip() for name, value in
                re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=(.*)$", makefile, re.M)}
        if "VERSION" not in part:
            return ""
        return "{VERSION}.{PATCHLEVEL}.{SUBLEVEL}{EXTRAVERSION}".format(**{"SUBLEVEL": 0, "EXTRAVERSION": "", **part})

    def objects(self):
        """The objects of the table whose sources the tree has."""
        names = [name for line in table("objects") for name in line.split()]
        return [name for name in names if self.has(name[:-2] + ".c") or self.has(name[:-2] + ".S")]

    def features(self):
        """Feature -> whether the tree has it."""
        found = {}
        for line in table("probes"):
            name, path, pattern = line.split(" ", 2)
            found[name] = re.search(pattern, read(self.path(path)), re.M) is not None
        found["HAVE_L5_ALWAYS"] = not found.pop("HAVE_L4_CHOICE")
        return found

    def preset(self):
        """The protocol of the model that fits the tree: the newest one whose mark it has."""
        features = self.features()
        presets = ZERO_BASED if features["HAVE_ZERO_REF"] else ONE_BASED
        return next(name for feature, name in presets if feature is None or features[feature])

    def problems(self):
        """What stands in the way of a build, one line each."""
        if not self.release() or not self.has("Kconfig"):
            return [f"{self.directory} is no kernel tree: it has no Makefile with a VERSION or no Kconfig"]
        found = []
        missing = {package: name for name, package in TOOLS.items() if shutil.which(name) is None}
        missing.update({package: name for name, package in HEADERS.items() if not os.path.exists(name)})
        for package, name in sorted(missing.items()):
            found.append(f"{name} is missing: it is in the Debian package {package}")
        if missing:
            found.append("apt-get install " + " ".join(sorted(missing)))
        if os.uname().machine != "x86_64":
            found.append(f"this machine is {os.uname().machine}: the kernel machine runs on x86_64 only")
        if self.has(".config") or self.has("include/config"):
            found.append("the tree was built in place, and kbuild then refuses to build it elsewhere: "
                         f"run `make mrproper` in {self.directory} (it removes .config, too), or give a clean copy")
        for name in ("fs/dax.c", "mm/memremap.c", "kernel/kcsan/core.c"):
            if not self.has(name):
                found.append(f"{name} is missing: the tree is too old, or not whole")
        return found


def compiler():
    """The compiler's version, which is part of what a build is known by."""
    return subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
