#!/usr/bin/env python3
"""Bugs planted in a copy of a kernel tree are found, and named right. Usage: planted_test.py DAXTORTURE [BUG...]

The tree is that of $DAXTORTURE_KERNEL_TREE, without which nothing is tested (exit code 77). Each bug is an edit of one function. It is
skipped when the tree does not have what it changes. The untouched tree must not fail in the same way.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.argv[1]).resolve()
TREE = os.environ.get("DAXTORTURE_KERNEL_TREE", "")
SECONDS = "60s"


@dataclass
class Bug:
    name: str
    file: str
    function: str
    pattern: str # what is replaced inside the function
    replacement: str
    scenario: str
    invariants: set # any of them names it right


BUGS = [
    Bug("wake-up-of-all-is-of-one", "fs/dax.c", "__dax_invalidate_entry", "WAKE_ALL", "WAKE_NEXT",
        "invalidate-three-openers", {"I17"}),
    Bug("unlocking-wakes-nobody", "fs/dax.c", "dax_unlock_entry", r"dax_wake_entry\(xas, entry, WAKE_NEXT\);", "",
        "concurrent-faults", {"I17"}),
    Bug("freeing-wakes-nobody", "mm/memremap.c", "free_zone_device_folio", r"wake_up_var\(&folio->page\);", "",
        "break-vs-pin", {"I16"}),
    Bug("last-put-wakes-nobody", "mm/memremap.c", "__put_devmap_managed_folio_refs", r"wake_up_var\(&folio->_refcount\);", "",
        "break-vs-pin", {"I16"}),
    Bug("no-page-is-busy", "fs/dax.c", "dax_busy_page", r"if \((folio|page)_ref_count\([^;]*?\)\s*\n", "if (0)\n",
        "break-vs-pin", {"I14", "I18", "I7"}),
    Bug("break-unmaps-nothing", "fs/dax.c", "dax_layout_busy_page_range", r"unmap_mapping_pages\(mapping[^;]*;", "",
        "break-vs-pin", {"I14", "I18", "I7"}),
    Bug("gup-looks-once", "mm/gup.c", "gup_fast_pte_range", r"if \(unlikely\(pmd_val\(pmd\) != [^{]*\{", "if (0) {",
        "gup-vs-reuse", {"I14", "I18", "I7", "I8"}),
    Bug("writeback-protects-nothing", "fs/dax.c", "dax_writeback_one", r"pfn_mkclean_range\([^;]*;", ";",
        "pmd-writeback-vs-store", {"I19", "I20"}),
    Bug("entries-are-never-dirty", "fs/dax.c", "dax_insert_entry", r"xas_set_mark\(xas, PAGECACHE_TAG_DIRTY\);", ";",
        "writeback-vs-fault", {"I19", "I20"}),
    Bug("removal-counts-nothing", "fs/dax.c", "__dax_invalidate_entry", r"mapping->nrpages -= [^;]*;", "",
        "fault-vs-truncate", {"I11"}),
    Bug("mapping-takes-no-reference", "mm/memory.c", "insert_page_into_pte_locked", r"folio_get\(folio\);", "",
        "fault-vs-truncate", {"I2", "I6"}),
    Bug("reference-goes-before-mapping", "mm/memory.c", "zap_present_folio_ptes", r"(folio_remove_rmap_ptes\([^;]*;)",
        r"folio_put(folio); \1 folio_get(folio);", "fault-vs-truncate", {"I6"}),
    Bug("association-outlives-entry", "fs/dax.c", "dax_folio_reset_order", r"folio->mapping = NULL;", "",
        "fault-vs-truncate", {"I13"}),
    Bug("huge-move-flushes-nothing", "mm/huge_memory.c", "move_huge_pmd", r"flush_pmd_tlb_range\([^;]*;", ";",
        str(Path(__file__).with_name("tlb-pmd-mremap.dax")), {"I24"}),
]


def edited(bug, text):
    """The file's text with the bug; None: it has no place for it."""
    function = re.search(rf"^\w[^\n;{{}}()]*\b{bug.function}\([^;{{}}]*\{{.*?^\}}", text, re.M | re.S)
    if function is None:
        return None
    changed, count = re.subn(bug.pattern, bug.replacement, function.group(0), count=1)
    return text[:function.start()] + changed + text[function.end():] if count else None


class Copy:
    """A copy of the tree, whose files are links until they are edited."""

    def __init__(self, directory):
        self.directory = directory
        subprocess.run(["cp", "-al" if same_device(TREE, directory.parent) else "-a", os.path.realpath(TREE), directory],
                       check=True)

    def write(self, name, text):
        path = self.directory / name
        path.unlink()
        path.write_text(text, encoding="utf-8")

    def verdict(self, scenario):
        out = self.directory.parent
        done = subprocess.run([PROGRAM, "kernel", "--tree", self.directory, scenario, "--skip-known", "--seconds", SECONDS,
                               "--json", out / "result.json", "--out", out / "failures"], capture_output=True, text=True,
                              check=False)
        if done.returncode not in (0, 1, 3):
            raise SystemExit(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads((out / "result.json").read_text(encoding="utf-8"))["scenarios"][0]


def same_device(one, other):
    return os.stat(one).st_dev == os.stat(other).st_dev


def look(copy, bug, clean):
    """What is wrong with the search for this bug; empty: nothing. None: the tree has no place for it."""
    text = (Path(TREE) / bug.file).read_text(encoding="utf-8")
    planted = edited(bug, text)
    if planted is None:
        return None
    if bug.scenario not in clean:
        clean[bug.scenario] = copy.verdict(bug.scenario)
    copy.write(bug.file, planted)
    found = copy.verdict(bug.scenario)
    copy.write(bug.file, text)
    print(f"  {found['verdict']} {found['invariant']}: {found['cause']} after {found['schedules']} schedules in "
          f"{found['seconds']:.1f} s", flush=True)
    if found["verdict"] != "fail":
        return "was not found"
    if found["invariant"] not in bug.invariants:
        return f"expected {' or '.join(sorted(bug.invariants))}"
    if clean[bug.scenario]["verdict"] == "fail" and clean[bug.scenario]["cause"] == found["cause"]:
        return "the tree fails so without it"
    return ""


def main():
    wanted = sys.argv[2:] or [bug.name for bug in BUGS]
    unknown = set(wanted) - {bug.name for bug in BUGS}
    if unknown:
        raise SystemExit(f"unknown bugs: {', '.join(sorted(unknown))}")
    problems, found, clean = 0, 0, {}
    beside = os.path.dirname(os.path.realpath(TREE))
    with tempfile.TemporaryDirectory(dir=beside if os.access(beside, os.W_OK) else None) as directory:
        copy = Copy(Path(directory) / "tree")
        for bug in BUGS:
            if bug.name not in wanted:
                continue
            print(f"{bug.name} in {bug.function} ({bug.scenario})", flush=True)
            wrong = look(copy, bug, clean)
            if wrong is None:
                print("  skipped: the tree has no such place")
            elif wrong:
                print(f"  WRONG: {wrong}", flush=True)
                problems += 1
            else:
                found += 1
    print(f"{found} planted bugs found, {problems} not")
    return 1 if problems or found == 0 else 0


if __name__ == "__main__":
    if not TREE:
        print("DAXTORTURE_KERNEL_TREE names no kernel tree")
        sys.exit(77)
    sys.exit(main())
