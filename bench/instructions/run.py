#!/usr/bin/env python3
"""Counts the instructions of every path of the program `instructions` with callgrind and compares them with
recorded.json. An `ok`, `FAILED` or `skipped` line for each; exits with 1 if any failed."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

RECORDED = pathlib.Path(__file__).parent / "recorded.json"
ALLOWED = 0.05
# The same functions on every processor: simdjson and the C library choose theirs by what the machine has.
SAME_EVERYWHERE = {
    "SIMDJSON_FORCE_IMPLEMENTATION": "westmere",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-SSSE3,-SSE4_1,-SSE4_2,-AVX,-AVX2,-BMI2,-ERMS,-FSRM,-AVX512F,-AVX512VL,"
                      "-AVX512BW,-AVX_Fast_Unaligned_Load",
    "LD_BIND_NOW": "1",
}


def counted(program):
    """The compiler's name, and instructions per operation by path."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            ["valgrind", "-q", "--tool=callgrind", "--toggle-collect=chatcore_measured",
             "--dump-after=chatcore_measured", f"--callgrind-out-file={folder}/count", program],
            env={**os.environ, **SAME_EVERYWHERE}, capture_output=True, text=True, timeout=120)
        if ran.returncode != 0:
            sys.exit(f"{program} failed under callgrind:\n{ran.stderr}")
        compiler, *paths = ran.stdout.splitlines()
        figures = {}
        for part, line in enumerate(paths, 1):
            operations, name = line.split(" ", 1)
            text = pathlib.Path(f"{folder}/count.{part}").read_text()
            figures[name] = int(re.search(r"^totals: (\d+)", text, re.M)[1]) / int(operations)
        return compiler.removeprefix("compiler "), figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--record", action="store_true", help="write recorded.json instead of comparing")
    args = parser.parse_args()
    compiler, figures = counted(args.program)
    if args.record:
        rounded = {name: round(figure, 2) for name, figure in figures.items()}
        RECORDED.write_text(json.dumps({"compiler": compiler, "instructions": rounded}, indent=2) + "\n")
        print(f"{len(figures)} counts recorded in {RECORDED}")
        return 0

    recorded = json.loads(RECORDED.read_text())
    known = recorded["instructions"]
    comparable = recorded["compiler"] == compiler
    if not comparable:
        print(f"recorded with {recorded['compiler']}, built with {compiler}: not compared")
    print(f"{'':8}{'instructions an operation':42}{'now':>11}{'recorded':>11}{'change':>9}")
    failed = False
    for name in {**known, **figures}:
        now, before = figures.get(name), known.get(name)
        both = now is not None and before is not None
        change = now / before - 1 if both else None
        good = both and abs(change) <= ALLOWED
        verdict = "skipped" if not comparable else "ok" if good else "FAILED"
        failed = failed or verdict == "FAILED"
        cells = [f"{figure:.1f}" if figure is not None else "–" for figure in (now, before)]
        print(f"{verdict:8}{name:42}{cells[0]:>11}{cells[1]:>11}{f'{change:+.1%}' if both else '–':>9}")
    if failed:
        print(f"more than {ALLOWED:.0%} away from what is recorded, or not recorded at all. If it is meant: "
              "bench/instructions/run.sh --record")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
