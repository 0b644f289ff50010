"""Runs the benchmarks of a build directory, compares each number with its reference, checks goals and recorded ratios.

Called by bench/compare.sh. A row's ratio is ours divided by the reference: less is better.

Times of one thread are processor times and their median over the repetitions: they bear a busy machine. Times of two threads
are wall-clock times and the shortest of the repetitions; hand-overs are medians of single ones.
"""
import json
import os
import resource
import statistics
import subprocess
import sys

MARGIN = 1.3  # a ratio may be worse than the recorded one by this factor: one thread, processor time
MARGIN_THREADS = 3.0  # two threads, wall-clock time: recorded and compared on an idle machine only
MARGIN_GROWTH = 1.6  # dominated by cache misses, which depend on the neighbours

CPU, REAL, MANUAL = "cpu_time", "real_time", "manual"


def ns(limit):
    return {"goal": f"<= {limit:g} ns", "test": lambda ours, ratio: ours <= limit}


def times(limit):
    return {"goal": f"ratio <= {limit:g}", "test": lambda ours, ratio: ratio <= limit}


NO_GOAL = {"goal": None, "test": None}

# name, our benchmark, what it is compared with, its benchmark, which time, goal, margin
ROWS = [
    ("fault + zap, PTE, write", "MODEL/fault_zap", "kernel: touch + MADV_DONTNEED", "LINUX/dontneed_touch", CPU, ns(250), MARGIN),
    ("fault + zap beside its floor", "MODEL/fault_zap", "31 uncontended RMWs", "FLOOR/fault_zap", CPU, NO_GOAL, MARGIN),
    ("mmap + store + munmap", "MODEL/mmap_store_munmap", "kernel: mmap + touch + munmap", "LINUX/mmap_touch_munmap", CPU,
     NO_GOAL, MARGIN),
    ("fault + zap, PMD, write", "MODEL/fault_zap_pmd", "fault + zap of a PTE", "MODEL/fault_zap", CPU, NO_GOAL, MARGIN),
    ("gup_fast pin + unpin", "MODEL/pin_unpin", "kernel: vmsplice + splice", "LINUX/vmsplice_pin", CPU, ns(30), MARGIN),
    ("pin + unpin beside its floor", "MODEL/pin_unpin", "3 uncontended RMWs", "FLOOR/pin_unpin", CPU, NO_GOAL, MARGIN),
    ("pin + unpin, recorded", "MODEL/pin_unpin_recorded", "without recorder", "MODEL/pin_unpin", CPU, times(1.2), MARGIN),
    ("fault + zap, recorded", "MODEL/fault_zap_recorded", "without recorder", "MODEL/fault_zap", CPU, times(1.2), MARGIN),
    ("default mix, 1 worker, recorded", "MODEL/mixed/1", "without recorder", "MODEL/mixed_unrecorded/1", MANUAL, times(1.2),
     MARGIN_THREADS),
    ("pin + unpin, without ledger", "MODEL/pin_unpin_no_ledger", "with ledger", "MODEL/pin_unpin", CPU, NO_GOAL, MARGIN),
    ("fault + zap, without ledger", "MODEL/fault_zap_no_ledger", "with ledger", "MODEL/fault_zap", CPU, NO_GOAL, MARGIN),
    ("default mix, without ledger", "MODEL/mixed_no_ledger/1", "with ledger", "MODEL/mixed/1", MANUAL, NO_GOAL, MARGIN_THREADS),
    ("default mix, recorded, ledger", "MODEL/mixed/1", "without either", "MODEL/mixed_bare/1", MANUAL, times(1.2),
     MARGIN_THREADS),
    ("break layout, 512 mapped pages", "MODEL/break_512", "kernel: fallocate punch hole", "LINUX/punch_512", MANUAL, NO_GOAL,
     MARGIN),
    ("last put, no waiter", "MODEL/last_put_without_waiter", "futex wake without waiter", "LINUX/futex_wake_without_waiter", CPU,
     NO_GOAL, MARGIN),
    ("xarray load, random", "MODEL/xarray_load", "Linux 6.12", "LINUX/xarray_load", CPU, ns(7), MARGIN),
    ("xarray overwrite", "MODEL/xarray_overwrite", "Linux 6.12", "LINUX/xarray_overwrite", CPU, ns(12), MARGIN),
    ("xarray erase + store", "MODEL/xarray_erase_store", "Linux 6.12", "LINUX/xarray_erase_store", CPU, ns(30), MARGIN),
    ("xarray load beside its floor", "MODEL/xarray_load", "3 loads and nothing else", "FLOOR/xarray_load", CPU, NO_GOAL, MARGIN),
    ("xarray overwrite beside its floor", "MODEL/xarray_overwrite", "a lock word, 3 loads, 1 store", "FLOOR/xarray_overwrite", CPU,
     NO_GOAL, MARGIN),
    ("erase + store beside its floor", "MODEL/xarray_erase_store", "the same twice", "FLOOR/xarray_erase_store", CPU, NO_GOAL,
     MARGIN),
    ("xarray marked iteration", "MODEL/xarray_marked", "Linux 6.12", "LINUX/xarray_marked", CPU, NO_GOAL, MARGIN),
    ("xarray multi-order store", "MODEL/xarray_multi_order", "Linux 6.12", "LINUX/xarray_multi_order", CPU, NO_GOAL, MARGIN),
    ("xarray reader beside writer", "MODEL/xarray_reader_beside_writer", "Linux 6.12", "LINUX/xarray_reader_beside_writer", CPU,
     ns(10), MARGIN_THREADS),
    ("xarray writer beside reader", "MODEL/xarray_writer_beside_reader", "Linux 6.12", "LINUX/xarray_writer_beside_reader", CPU,
     ns(30), MARGIN_THREADS),
    ("2 threads, own mm and file", "MODEL/spread_own_mm/real_time/threads:2", "1 thread",
     "MODEL/spread_own_mm/real_time/threads:1", REAL, times(1 / 1.3), MARGIN_THREADS),
    ("2 threads, one mm, own pages", "MODEL/spread_one_mm/real_time/threads:2", "1 thread",
     "MODEL/spread_one_mm/real_time/threads:1", REAL, NO_GOAL, MARGIN_THREADS),
    ("2 threads, kernel, one mm", "LINUX/spread_one_mm/real_time/threads:2", "1 thread",
     "LINUX/spread_one_mm/real_time/threads:1", REAL, NO_GOAL, MARGIN_THREADS),
    ("2 threads, get + put, one folio", "MODEL/one_folio/real_time/threads:2", "2 RMWs on one line",
     "FLOOR/one_folio/real_time/threads:2", REAL, times(1.25), MARGIN_THREADS),
    ("default mix, 2 workers", "MODEL/mixed/2", "1 worker", "MODEL/mixed/1", MANUAL, NO_GOAL, MARGIN_THREADS),
    ("idle-wait hand-over, spinning", "MODEL/handoff_spin", "2 words, spinning", "FLOOR/handoff_spin", MANUAL, NO_GOAL,
     MARGIN_THREADS),
    ("idle-wait hand-over, parked", "MODEL/handoff_parked", "raw futex", "LINUX/handoff_parked", MANUAL, NO_GOAL, MARGIN_THREADS),
]
GROWTH = [("folios", 10, [1000, 100_000, 1_000_000, 10_000_000]), ("files", 1, [100, 10_000]), ("mms", 1, [100, 1000]),
          ("workers", 1, [4, 16, 64])]


def measure(build, library, quick):
    """Every benchmark's time in nanoseconds, by its name without suffixes: {name: {cpu_time, real_time, manual}}."""
    environment = dict(os.environ)
    if library:
        environment["LINUX_XARRAY"] = library
    out = subprocess.run(
        [os.path.join(build, "bench", "daxtorture-bench"), "--benchmark_format=json",
         f"--benchmark_repetitions={3 if quick else 9}", f"--benchmark_min_time={0.02 if quick else 0.1}",
         "--benchmark_enable_random_interleaving=true",
         "--benchmark_filter=" + ("-GROWTH/folios/10000000" if quick else ".")],
        env=environment, stdout=subprocess.PIPE, check=True).stdout
    runs = {}
    for run in json.loads(out)["benchmarks"]:
        if run["run_type"] != "iteration" or run.get("error_occurred"):
            continue
        name = run["name"].replace("/manual_time", "")
        name = name.split("/iterations:")[0]
        turns = run.get("per_turn", 1)
        runs.setdefault(name, []).append({
            CPU: run["cpu_time"] / turns,
            REAL: run["real_time"] / turns,
            MANUAL: run.get("median_ns", run["real_time"]),
        })
    return {name: {CPU: statistics.median(r[CPU] for r in all_of_it), REAL: min(r[REAL] for r in all_of_it),
                   MANUAL: statistics.median(r[MANUAL] for r in all_of_it)} for name, all_of_it in runs.items()}


def processor_seconds(commands):
    """Runs the commands side by side; (sum of executions, processor seconds, longest wall-clock seconds)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands]
    answers = [p.communicate()[0].split() for p in running]
    if any(p.returncode for p in running):
        raise subprocess.CalledProcessError(1, commands[0])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (sum(int(a[1]) for a in answers), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            max(float(a[2]) for a in answers))


def check_rows(build, quick):
    checker = os.path.join(build, "bench", "bench-checker")
    reference = os.path.join(build, "bench", "bench-relacy-reference")
    seconds = "0.7" if quick else "2"
    for threads in ("2", "3", "4"):
        ours, theirs = [], []
        for _ in range(3):
            count, cpu, _ = processor_seconds([[checker, threads, seconds, "uniform"]])
            ours.append(cpu / count * 1e9)
            count, cpu, _ = processor_seconds([[reference, threads, "20000" if quick else "60000"]])
            theirs.append(cpu / count * 1e9)
        yield (f"check break-vs-pin, {threads} threads", statistics.median(ours), "hand-written Relacy test",
               statistics.median(theirs), times(1.5), MARGIN)
    one = [checker, "3", seconds, "pct"]
    best = [min(wall / count * 1e9 for count, _, wall in (processor_seconds([one] * n) for _ in range(3))) for n in (1, 2)]
    yield ("check, 2 processes", best[1], "1 process", best[0], NO_GOAL, MARGIN_THREADS)


def collect(build, library, quick):
    busy = os.getloadavg()[0] > 0.5 * os.cpu_count()
    measured = measure(build, library, quick)
    raw = []
    for name, ours, reference, theirs, kind, goal, margin in ROWS:
        if ours in measured:
            raw.append((name, measured[ours][kind], reference, measured.get(theirs, {}).get(kind), goal, margin))
    raw += check_rows(build, quick)
    for what, base, sizes in GROWTH:
        kind = MANUAL if what == "workers" else CPU
        for size in sizes:
            if f"GROWTH/{what}/{size}" in measured:
                raw.append((f"fault + zap, {size:,} {what}", measured[f"GROWTH/{what}/{size}"][kind], f"{base} {what}",
                            measured[f"GROWTH/{what}/{base}"][kind], NO_GOAL, MARGIN_THREADS if what == "workers" else MARGIN_GROWTH))
    rows, margins = [], {}
    for name, ours, reference, theirs, goal, margin in raw:
        ratio = round(ours / theirs, 3) if theirs else None
        met = None if goal["test"] is None or ratio is None and "ratio" in goal["goal"] else bool(goal["test"](ours, ratio))
        rows.append({"name": name, "ours_ns": round(ours, 2), "reference": reference,
                     "reference_ns": round(theirs, 2) if theirs else None, "ratio": ratio, "goal": goal["goal"], "met": met})
        margins[name] = None if margin == MARGIN_THREADS and busy else margin
    return rows, margins


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    build, library = arguments[0], arguments[1] if len(arguments) > 1 else ""
    recorded_file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.json")
    try:
        rows, margins = collect(build, library, "--quick" in sys.argv)
    except (OSError, subprocess.CalledProcessError, ValueError) as problem:
        print(f"compare: {problem}", file=sys.stderr)
        return 4
    with open("bench.json", "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
        out.write("\n")
    if "--record" in sys.argv:
        with open(recorded_file, "w", encoding="utf-8") as out:
            json.dump({r["name"]: r["ratio"] for r in rows if r["ratio"] is not None and margins[r["name"]]}, out, indent=1)
            out.write("\n")
    recorded = {}
    if os.path.exists(recorded_file):
        with open(recorded_file, encoding="utf-8") as kept:
            recorded = json.load(kept)
    worse = []
    print(f"{'':33}{'ours ns':>12}  {'reference ns':>12} {'ratio':>8} {'recorded':>8}  {'goal':13} met  reference")
    for r in rows:
        before = recorded.get(r["name"])
        mark = ""
        if before and r["ratio"] is not None and margins[r["name"]] and r["ratio"] > before * margins[r["name"]]:
            worse.append((r["name"], r["ratio"], before, margins[r["name"]]))
            mark = "   WORSE"
        theirs = "-" if r["reference_ns"] is None else f"{r['reference_ns']:.1f}"
        ratio = "-" if r["ratio"] is None else f"{r['ratio']:.3f}"
        met = {None: "", True: "yes", False: "NO"}[r["met"]]
        print(f"{r['name']:33}{r['ours_ns']:12.1f}  {theirs:>12} {ratio:>8} {before or '-':>8}  {r['goal'] or '':13} {met:3}  "
              f"{r['reference']}{mark}")
    goals = [r for r in rows if r["met"] is not None]
    if None in margins.values():
        print("\nOther processes were running: times of two threads mean little here and were not compared.")
    print(f"\n{sum(r['met'] for r in goals)} of {len(goals)} goals met")
    for name, ratio, before, margin in worse:
        print(f"WORSE: {name}: ratio {ratio}, recorded {before}, margin x {margin}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
