#!/usr/bin/python3
"""Builds the kernel machine from a kernel tree, or says why it cannot: one JSON object a line.

usage: build.py build|doctor TREE CACHE HOST-ARCHIVE
  {"type": "progress", "text"}
  {"type": "result", "tree", "program", "sites", "release", "hash", "preset", "seconds"} or
  {"type": "doctor", "release", "problems": [...]}                                       or
  {"type": "error", "fault": "input" or "tool", "message", "log"}
exit code: 0, 2 when the tree or this machine is at fault, 4 when the glue or this script is.

Below CACHE: tree-HASH/, kbuild's output for the tree of that path; HASH/, a machine by the content of all that it was made from.
"""

import fcntl
import glob
import hashlib
import json
import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kbuild as kb  # noqa: E402
import link  # noqa: E402
from tree import HERE, Tree, compiler  # noqa: E402

ROOT = os.path.dirname(HERE)
STEPPING = {"waits.c"} # files of the glue whose accesses are steps, as those of the kernel are


def say(**line):
    print(json.dumps(line), flush=True)


def progress(text, told=[None]):
    """Says what is being done, once."""
    if told[0] != text:
        say(type="progress", text=text)
    told[0] = text


def digest(path):
    with open(path, "rb") as data:
        return hashlib.sha256(data.read()).hexdigest()


def own_sources():
    """What the machine is made from besides the tree."""
    found = glob.glob(HERE + "/*") + glob.glob(HERE + "/glue/*") + glob.glob(HERE + "/assembler/*") + [ROOT + "/machines/kernel/abi.h"]
    return sorted(path for path in found if os.path.isfile(path))


class Manifest:
    """The files that a machine was made from, as they were: unchanged ones are known by size and time, others by content."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path) as data:
                self.data = json.load(data)
        except (OSError, ValueError):
            self.data = {"files": {}, "result": None}

    def is_current(self):
        """Every file has the content that it had."""
        return self.data["result"] is not None and all(self.unchanged(p, k) for p, k in self.data["files"].items())

    @staticmethod
    def unchanged(path, known):
        try:
            status = os.stat(path)
        except OSError:
            return False
        return [status.st_size, status.st_mtime_ns] == known[:2] or digest(path) == known[2]

    def record(self, paths, result):
        files = {}
        for path in sorted(paths):
            status = os.stat(path)
            known = self.data["files"].get(path)
            same = known and known[:2] == [status.st_size, status.st_mtime_ns]
            files[path] = [status.st_size, status.st_mtime_ns, known[2] if same else digest(path)]
        self.data = {"files": files, "result": result}

    def content(self, below):
        """A hash of the content of the files below a directory."""
        text = "".join(f"{os.path.relpath(p, below)} {k[2]}\n" for p, k in self.data["files"].items() if
                       p.startswith(below + "/"))
        return hashlib.sha256(text.encode()).hexdigest()

    def store(self):
        with open(self.path + ".new", "w") as out:
            json.dump(self.data, out)
        os.rename(self.path + ".new", self.path)


class Machine:
    def __init__(self, tree, cache, host):
        self.tree, self.cache, self.host = tree, cache, host
        name = hashlib.sha256(tree.directory.encode()).hexdigest()[:16]
        self.output = os.path.join(cache, "tree-" + name)
        os.makedirs(self.output, exist_ok=True)
        self.lock = open(os.path.join(self.output, ".lock"), "w")
        self.manifest = Manifest(os.path.join(self.output, "manifest.json"))

    def get(self):
        """The machine of the tree as it is now."""
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            progress("waiting for another build of this tree")
            fcntl.flock(self.lock, fcntl.LOCK_EX)
            self.manifest = Manifest(self.manifest.path)
        known = self.manifest.data["result"]
        if self.manifest.is_current() and known["compiler"] == compiler() and os.path.exists(known["program"]):
            return known
        with open(os.path.join(self.output, "build.log"), "w") as log:
            return self.build(kb.Kbuild(self.tree, self.output, log, progress))

    def build(self, kbuild):
        kbuild.configure()
        objects = self.tree.objects()
        kbuild.build(objects)
        features = self.tree.features()
        self.manifest.record(kbuild.dependencies(objects) | set(own_sources()) | {self.host}, None)
        tree_hash = self.manifest.content(self.tree.directory)
        key = hashlib.sha256((tree_hash + self.manifest.content(ROOT) + digest(self.host) + compiler()).encode()).hexdigest()
        place = os.path.join(self.cache, key[:24])
        result = {"tree": self.tree.directory, "program": place + "/daxtorture-kernel", "sites": place + "/sites",
                  "release": self.tree.release(), "hash": tree_hash[:16], "preset": self.tree.preset(),
                  "compiler": compiler()}
        if not os.path.exists(place):
            self.make_program(kbuild, objects, features, place)
        self.manifest.data["result"] = result
        self.manifest.store()
        return result

    def make_program(self, kbuild, objects, features, place):
        work = place + ".new"
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        progress("compiling the glue")
        glue = self.compile_glue(kbuild, features, work)
        progress("linking")
        link.link(kbuild, work, glue, objects, self.host, work + "/daxtorture-kernel")
        progress("naming the hooks")
        link.write_sites(work + "/daxtorture-kernel", None, work + "/sites")
        for leftover in glob.glob(work + "/*.o") + glob.glob(work + "/*.S"):
            os.remove(leftover)
        os.rename(work, place)

    def compile_glue(self, kbuild, features, work):
        with open(work + "/probes.h", "w") as header:
            for name, has in sorted(features.items()):
                header.write(f"#define {name} {int(has)}\n")
            header.write(f"#define SHMEM_CONST {'const' if features['HAVE_CONST_SHMEM'] else ''}\n")
        flags = kbuild.flags()
        names = ['-DKBUILD_MODFILE="glue"', '-DKBUILD_BASENAME="glue"', '-DKBUILD_MODNAME="glue"',
                 "-D__KBUILD_MODNAME=kmod_glue", "-D__DISABLE_EXPORTS", "-w",
                 "-I" + work, "-I" + ROOT, "-I" + HERE + "/glue", "-I" + self.tree.directory]
        jobs, objects = [], []
        sources = sorted(glob.glob(HERE + "/glue/*.[cS]"))
        for source in sources:
            objects.append(work + "/" + os.path.basename(source)[:-2] + ".o")
            arguments = flags + names if source.endswith(".c") else []
            jobs.append((["gcc", *arguments, "-c", source, "-o", objects[-1]], self.output))
        kb.compile_all(jobs, kbuild.log)
        for source, (command, _) in zip(sources, jobs):
            if os.path.basename(source) not in STEPPING:
                link.rename_hooks(command[-1], kbuild.log)
        return objects


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("build", "doctor"):
        sys.exit(__doc__)
    kind, directory, cache, host = sys.argv[1:]
    tree = Tree(directory)
    problems = tree.problems()
    if kind == "doctor":
        say(type="doctor", release=tree.release(), problems=problems)
        return 2 if problems else 0
    if problems:
        more = "; `daxtorture kernel doctor` has more" if problems[1:] else ""
        say(type="error", fault="input", message=problems[0] + more, log="")
        return 2
    start = time.monotonic()
    log = ""
    try:
        machine = Machine(tree, os.path.abspath(cache), os.path.abspath(host))
        log = os.path.join(machine.output, "build.log")
        result = machine.get()
    except kb.BuildError as problem:
        say(type="error", fault="input" if problem.of_input else "tool", message=str(problem), log=log)
        return 2 if problem.of_input else 4
    except OSError as problem: # no permission, no space
        say(type="error", fault="input", message=f"{problem.filename or cache}: {problem.strerror}", log="")
        return 2
    say(type="result", seconds=round(time.monotonic() - start, 2), **result)
    return 0


def end_group(*_):
    """Ends this script with the compilers that it has started."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    os.setpgrp()
    signal.signal(signal.SIGTERM, end_group)
    try:
        sys.exit(main())
    except BrokenPipeError: # nobody waits for the machine any more
        end_group()
