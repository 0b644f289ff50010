"""Builds objects of a kernel tree with its own kbuild, outside the tree."""

import concurrent.futures
import os
import re
import subprocess

from tree import HERE

JOBS = os.cpu_count() or 1


class BuildError(Exception):
    """One line for the user; the log has the rest. `of_input`: the tree or this machine is at fault, and not the glue."""

    def __init__(self, message, of_input=False):
        super().__init__(message)
        self.of_input = of_input


# Per-CPU data goes through a register (assembler/as); each write calls a hook or a function that the machine has.
FLAGS = f"-ffixed-r15 -B{HERE}/assembler/ -fno-builtin-memset -fno-builtin-memcpy -fno-builtin-memmove"
# A file whose hooks trees leave out, because of warnings about sections that only a whole kernel has.
INSTRUMENTED = ["KCSAN_SANITIZE_pgtable.o=y"]
NO_SPACE = "No space left on device"


def run(command, log, **options):
    """Runs a command with its output in the log."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    log.write(" ".join(command) + "\n" + result.stdout + result.stderr)
    log.flush()
    if result.returncode != 0:
        lines = [line for line in (result.stderr + result.stdout).splitlines() if "error" in line.lower()]
        full = NO_SPACE in result.stderr + result.stdout
        what = NO_SPACE if full else lines[0] if lines else f"exit code {result.returncode}"
        raise BuildError(f"{command[0]} failed: {what}", of_input=full or command[0] == "make")
    return result.stdout


class Kbuild:
    def __init__(self, tree, output, log, say):
        self.tree, self.output, self.log, self.say = tree, output, log, say

    def make(self, *targets):
        return ["make", "-C", self.tree.directory, f"O={self.output}", "KCFLAGS=" + FLAGS, *INSTRUMENTED, *targets]

    def configure(self):
        """allnoconfig and the fragment; again only when the fragment has changed."""
        with open(os.path.join(HERE, "config")) as fragment:
            wanted = fragment.read()
        stamp = os.path.join(self.output, ".daxtorture-config")
        if os.path.exists(stamp) and open(stamp).read() == wanted and os.path.exists(self.output + "/.config"):
            return
        self.say("configuring")
        run(self.make("allnoconfig"), self.log)
        with open(os.path.join(self.output, ".config"), "a") as config:
            config.write(wanted)
        run(self.make("olddefconfig"), self.log)
        self.check_config(wanted)
        with open(stamp, "w") as to:
            to.write(wanted)

    def check_config(self, wanted):
        """The features that the machine cannot do without must have survived."""
        config = open(os.path.join(self.output, ".config")).read().splitlines()
        for name in ("KCSAN", "KCSAN_WEAK_MEMORY", "FS_DAX", "ZONE_DEVICE", "TRANSPARENT_HUGEPAGE", "DEV_DAX"):
            if f"CONFIG_{name}=y" not in config:
                raise BuildError(f"the tree cannot have CONFIG_{name}: compiler too old, or a dependency is missing",
                                 of_input=True)

    def build(self, objects):
        """Compiles the objects, with a line of progress for each."""
        command = self.make(f"-j{JOBS}", "-k", *objects)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        done, errors = 0, []
        for line in process.stdout:
            self.log.write(line)
            made = re.match(r"\s+CC\s+(\S+\.o)$", line)
            if made and made.group(1) in objects:
                done += 1
                self.say(f"compiling {made.group(1)} ({done} of {len(objects)})")
            elif made or line.startswith(("  HOST", "  GEN", "  SYSTBL", "  SYSHDR", "  WRAP")):
                self.say("preparing the tree")
            if "error:" in line or "Error " in line or NO_SPACE in line:
                errors.append(line.strip())
        if process.wait() != 0:
            raise BuildError("the tree cannot be compiled: " + (errors[0] if errors else "make failed"), of_input=True)
        for name in objects:
            if "-fsanitize=thread" not in self.command_of(name):
                raise BuildError(f"the tree compiles {name} without KCSAN's hooks")

    def command_of(self, name):
        """How an object was compiled."""
        with open(os.path.join(self.output, os.path.dirname(name), "." + os.path.basename(name) + ".cmd")) as record:
            return record.readline()

    def flags(self):
        """The compiler's arguments for fs/dax.c, without what names that file."""
        words = re.sub(r"^\S+ := \S+", "", self.command_of("fs/dax.o").split(" -c -o ")[0]).split()
        drop = re.compile(r"-Wp,-MMD|-D\S*KBUILD|-Wmissing-|-Werror")
        return [word.replace('\\"', '"').strip("'") for word in words if not drop.match(word)]

    def dependencies(self, objects):
        """Every file below the tree that the objects were made from, and those that the configuration was."""
        found = set()
        for name in objects:
            where = os.path.join(self.output, os.path.dirname(name), "." + os.path.basename(name) + ".cmd")
            for word in re.findall(r"[^\s\\()$]+", open(where).read()):
                self.add_dependency(found, word)
        for word in re.findall(r"[^\s\\()$]+", open(self.output + "/include/config/auto.conf.cmd").read()):
            self.add_dependency(found, word)
        return found

    def add_dependency(self, found, word):
        if "/" not in word and not word.startswith("Kconfig"):
            return
        for base in (self.output, self.tree.directory):
            path = os.path.normpath(os.path.join(base, word))
            if path.startswith(self.tree.directory + "/") and os.path.isfile(path):
                found.add(path)
                return


def compile_all(jobs, log):
    """Runs compilations at once; each is a (command, directory)."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for done in [pool.submit(run, command, log, cwd=directory) for command, directory in jobs]:
            done.result()
