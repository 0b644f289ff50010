"""Makes one executable of the tree's objects, the glue and the host: stubs, a partial link that keeps the kernel's symbols to
itself, and the table of hook call sites."""

import os
import re
import subprocess

from kbuild import BuildError, run
from tree import HERE, table

# What libc and the linker provide to kernel code.
PROVIDED = re.compile(
    r"^(mem(set|cpy|cmp|move)|str(len|cmp|rchr|chr|ncmp|nlen|cpy|ncpy)|s?n?printf|sprintf|_GLOBAL_OFFSET_TABLE_"
    r"|__start___bug_table|__stop___bug_table|glue_(cpu|data)_(begin|end)|machine_\w+|__tsan_\w+|glue_(tsan|kcsan)_\w+)$")


def symbols(objects):
    """(defined by some object, undefined in some object)"""
    defined, undefined = set(), set()
    for line in subprocess.run(["nm", "-A", *objects], capture_output=True, text=True).stdout.splitlines():
        words = line.split(":", 1)[1].split()
        if words[-2] in ("U", "w") and len(words) == 2:
            undefined.add(words[-1])
        elif len(words) == 3 and words[1].isupper() or words[1] in ("w", "v", "u"):
            defined.add(words[-1])
    return defined, undefined


def called(objects):
    """Symbols that some object calls."""
    found = set()
    for line in subprocess.run(["objdump", "-r", *objects], capture_output=True, text=True).stdout.splitlines():
        match = re.match(r"\S+\s+R_X86_64_PLT32\s+(\S+?)([-+]0x\w+)?$", line)
        if match:
            found.add(match.group(1))
    return found


def write_stubs(objects, path):
    """A function that nobody provides traps with its name; data that nobody provides must be known to be right as zeroes."""
    defined, undefined = symbols(objects)
    listed = dict(reversed(line.split()) for line in table("unprovided"))
    functions = called(objects) | {name for name, kind in listed.items() if kind == "function"}
    missing = sorted(name for name in undefined - defined if not PROVIDED.match(name))
    unknown = [name for name in missing if name not in functions and name not in listed]
    if unknown:
        raise BuildError("the tree needs data that the glue does not know: " + ", ".join(unknown))
    with open(path, "w") as out:
        for number, name in enumerate(missing):
            if name in functions:
                out.write(f".text\n.globl {name}\n{name}: lea name_{number}(%rip), %rdi\nand $-16, %rsp\n"
                          f"call machine_trap\n.section .rodata\nname_{number}: .asciz \"{name}\"\n")
            else:
                out.write(f".bss\n.globl {name}\n.balign 64\n{name}: .skip 4096\n")
        out.write('.section .note.GNU-stack, "", @progbits\n')
    return sum(name in functions for name in missing), len(missing)


def rename_hooks(glue, log):
    """The hooks of an object of the glue get names of their own: its accesses are no steps."""
    _, undefined = symbols([glue])
    renames = [f"--redefine-sym={name}={name.replace('__', 'glue_', 1)}" for name in undefined
               if name.startswith(("__tsan_", "__kcsan_"))]
    run(["objcopy", *renames, glue], log)


def globalize(kbuild, work, objects):
    """Copies of the objects that have static symbols which the glue calls, with those made global."""
    wanted = {}
    for line in table("globals"):
        name, symbol = line.split()
        wanted.setdefault(name, []).append(symbol)
    result = []
    for name in objects:
        path = os.path.join(kbuild.output, name)
        if name in wanted:
            copy = os.path.join(work, name.replace("/", "_"))
            run(["objcopy", *[f"--globalize-symbol={s}" for s in wanted[name]], path, copy], kbuild.log)
            path = copy
        result.append(path)
    return result


def link(kbuild, work, glue, objects, host, program):
    """Glue comes first: what it defines replaces what other objects of the tree define, for all but those objects themselves."""
    tree_objects = globalize(kbuild, work, objects)
    stubs = os.path.join(work, "stubs.S")
    write_stubs(glue + tree_objects, stubs)
    run(["gcc", "-c", stubs, "-o", work + "/stubs.o"], kbuild.log)
    image = os.path.join(work, "kernel-image.o")
    run(["ld", "-r", "-z", "muldefs", "-o", image, *glue, *tree_objects, work + "/stubs.o"], kbuild.log)
    run(["objcopy", "--wildcard", "--keep-global-symbol=glue_*",
         *[f"--redefine-sym={name}=machine_{name}" for name in ("memset", "memcpy", "memmove")], image], kbuild.log)
    write_entries(image, work + "/entries.S", kbuild.log)
    run(["gcc", "-c", work + "/entries.S", "-o", work + "/entries.o"], kbuild.log)
    run(["g++", "-no-pie", "-static", "-o", program, image, work + "/entries.o", "-Wl,--whole-archive", host,
         "-Wl,--no-whole-archive", "-Wl,-T," + os.path.join(HERE, "image.ld"), "-Wl,-z,noexecstack", "-Wl,--no-warnings"],
        kbuild.log)


def write_entries(image, path, log):
    """Where the host calls the glue the register of per-CPU data is set (assembler/as). No such function has arguments on the stack."""
    lines = subprocess.run(["nm", image], capture_output=True, text=True).stdout.splitlines()
    names = [line.split()[-1] for line in lines if re.search(r" T glue_", line)]
    run(["objcopy", *[f"--redefine-sym={name}=image_{name}" for name in names], image], log)
    with open(path, "w") as out:
        for name in names:
            out.write(f".globl {name}\n{name}:\npush %r15\nmov machine_cpu_base(%rip), %r15\ncall image_{name}\n"
                      "pop %r15\nret\n")
        out.write('.section .note.GNU-stack, "", @progbits\n')


HOOK = re.compile(r"<(__tsan_(volatile_)?(unaligned_)?(read|write)\w*|__kcsan_check_access|_raw_spin_\w+)>")


def write_sites(program, image, path):
    """Each hook call site of the program with its chain of inlined functions, innermost first: `PC function@file:line<...`.

    Function entries follow: `= PC function`."""
    returns, expected = [], False
    disassembly = subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", program], stdout=subprocess.PIPE, text=True)
    for line in disassembly.stdout:
        at = re.match(r"\s*([0-9a-f]+):\s", line)
        if not at:
            continue
        if expected:
            returns.append(int(at.group(1), 16))
        expected = "call" in line and HOOK.search(line) is not None
    chains = subprocess.run(["addr2line", "-a", "-i", "-f", "-e", program], capture_output=True, text=True,
                            input="\n".join(hex(pc - 1) for pc in returns)).stdout.splitlines()
    names = subprocess.run(["nm", "-n", program], capture_output=True, text=True).stdout
    with open(path, "w") as out:
        write_chains(chains, out)
        for line in names.splitlines():
            words = line.split()
            if len(words) == 3 and words[1] in "tTwW":
                out.write(f"= {words[0]} {words[2].split('.')[0] or words[2]}\n")


def write_chains(lines, out):
    i, separator = 0, ""
    while i < len(lines):
        if re.match(r"0x[0-9a-f]+$", lines[i]):
            out.write("%s%x " % (separator and "\n", int(lines[i], 16) + 1))
            separator, first = "\n", True
            i += 1
            continue
        place = re.match(r"(.*?):(\d+|\?)", lines[i + 1])
        out.write(f"{'' if first else '<'}{lines[i]}@{source_name(place.group(1))}:{place.group(2)}")
        first = False
        i += 2
    out.write("\n")


def source_name(path):
    """The path below the tree: `mm/gup.c`."""
    parts = os.path.normpath(path).split("/")
    for top in ("arch", "drivers", "fs", "include", "kernel", "lib", "mm"):
        if top in parts:
            return "/".join(parts[parts.index(top):])
    return parts[-1]
