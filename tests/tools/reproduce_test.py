#!/usr/bin/env python3
"""End to end: stress finds a bug on real threads, replay refers to reproduce, reproduce finds a schedule, replay repeats it."""
import json
import os
import subprocess
import sys
import tempfile

program = os.path.abspath(sys.argv[1])


def run(*arguments, expect):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, cwd=place)
    if done.returncode != expect:
        sys.exit(f"{arguments}: exit code {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


def bundle_below(directory):
    return next(root for root, _, files in os.walk(directory) if "bundle.json" in files)


with tempfile.TemporaryDirectory() as place:
    found, exact = os.path.join(place, "found"), os.path.join(place, "exact")
    run("stress", "--rule", "wake-key=refcount", "--workers", "4", "--duration", "1h", "--out", found, expect=1)
    bundle = bundle_below(found)
    trace = json.load(open(os.path.join(bundle, "trace.json")))
    spans = [e for e in trace["traceEvents"] if e["ph"] == "B"]
    assert {e["tid"] for e in spans} and all("ts" in e for e in spans), "the trace has no operations"
    assert "reproduce" in run("replay", bundle, expect=2), "replay does not refer to reproduce"

    result = os.path.join(place, "result.json")
    text = run("reproduce", found, "--seconds", "1h", "--searches", "3", "--json", result, "--out", exact, expect=1)
    assert "reliability:" in text, text
    answer = json.load(open(result))["reproductions"][0]
    assert answer["reproduced"] and answer["invariant"] == "I28" and answer["threads"] <= 4, answer
    assert "the same failure again" in run("replay", bundle_below(exact), expect=1)

    # What the correct protocol cannot show is not reproduced, and says what was tried.
    path = os.path.join(bundle, "scenario.dax")
    with open(path) as file:
        text = file.read().replace("wake-key=refcount", "wake-key=page")
    with open(path, "w") as file:
        file.write(text)
    text = run("reproduce", bundle, "--seconds", "4", "--out", exact, expect=3)
    assert "not reproduced" in text and "executions" in text, text

    missing = run("reproduce", os.path.join(place, "nothing"), expect=2)
    assert "nothing" in missing, missing
