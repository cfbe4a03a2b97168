#!/usr/bin/env python3
"""Runs the server, its limits and its peers in turn under the same load, and prints a Markdown table."""

import argparse
import pathlib
import platform
import re
import statistics
import sys
import time

import rows
import sides


def one_round(row, number, programs, args, wanted, failures):
    """Every side once, next to each other, beginning with another one each round. One that fails is left out."""
    seconds = None if row.own_seconds else args.seconds
    turn = number % len(wanted)
    figures = {}
    for side in wanted[turn:] + wanted[:turn]:
        try:
            figures[side.name] = sides.run(side, programs, args, seconds)
        except sides.Failed as why:
            failures.append(f"{row.name}, {side.name}: {why}")
    return figures


def measure(chosen, programs, args):
    """Rounds outermost, so that a budget that runs out leaves every row with nearly its share of the runs."""
    results = {row.name: [] for row in chosen}
    notes = []
    wanted = {}
    for row in chosen:
        wanted[row.name] = [side for side in row.sides if sides.is_installed(side)]
        notes += [f"{row.name}: {side.name} is not installed" for side in row.sides
                  if not sides.is_installed(side)]
        if args.no_peers:
            wanted[row.name] = [side for side in wanted[row.name] if not side.needs]
    failures = []
    deadline = time.monotonic() + args.budget
    for number in range(args.runs):
        for row in chosen:
            if number >= row.runs(args.runs):
                continue
            if time.monotonic() > deadline and results[row.name]:
                continue
            print(f"{number + 1}/{row.runs(args.runs)} {row.name}", file=sys.stderr, flush=True)
            figures = one_round(row, number, programs, args, wanted[row.name], failures)
            if row.sides[0].name in figures:
                results[row.name].append(figures)
    return results, failures, notes


def spread(values, digits):
    if min(values) == max(values):
        return f"{values[0]:.{digits}f}"
    return " / ".join(f"{v:.{digits}f}" for v in (min(values), statistics.median(values), max(values)))


def line(row, figure, side, runs):
    """One side's line, or None where it has no such figure."""
    runs = [run for run in runs if figure.key in run.get(side, ())]
    if not runs:
        return None
    values = [run[side][figure.key] / figure.scale for run in runs]
    own = row.sides[0].name
    ratio = "–"
    if side != own and all(run[side][figure.key] for run in runs):
        ratio = spread([run[own][figure.key] / run[side][figure.key] for run in runs], 2)

    def median(key, divisor, digits):
        found = [run[side][key] / divisor for run in runs if key in run[side]]
        return f"{statistics.median(found):.{digits}f}" if found and not row.quiet else "–"
    name = row.name + (f": {figure.label}" if figure.label else "")
    return (f"| {name} | {side} | {spread(values, figure.digits)} {figure.unit} | {ratio} | "
            f"{median('framesPerRead', 1, 1)} | {median('deliveryP99Us', 1000, 2)} | {len(values)} |")


def table(chosen, results):
    lines = ["| load | server | measured | chatcore ÷ it | frames a read | p99 ms | runs |",
             "|---|---|---|---|---|---|---|"]
    for row in chosen:
        runs = results[row.name]
        if not runs:
            lines.append(f"| {row.name} | – | – | – | – | – | 0 |")
        for figure in row.figures:
            lines += [text for side in row.sides if (text := line(row, figure, side.name, runs))]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder that holds the built programs")
    parser.add_argument("--server", help="another server executable with the same flags")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side of each row; long rows get fewer (5)")
    parser.add_argument("--seconds", type=float, default=0.6, help="measured seconds of one run (0.6)")
    parser.add_argument("--budget", type=float, help="seconds after which no new round begins (120 a run)")
    parser.add_argument("--only", default="", help="only rows whose name matches this regular expression")
    parser.add_argument("--no-peers", action="store_true", help="leave redis, nats, mosquitto and ws out")
    parser.add_argument("--data", help="where data folders go: the disk that is synced (the system's temporary one)")
    parser.add_argument("--out", help="a file for the table")
    args = parser.parse_args()
    args.budget = args.budget or 120 * args.runs
    chosen = [row for row in rows.ROWS if re.search(args.only, row.name)]
    results, failures, notes = measure(chosen, sides.paths(args.build, args.server), args)
    text = (f"Measured: min / median / max. CPU is the server's, all threads. "
            f"{platform.machine()}, {platform.system()} {platform.release()}.\n\n{table(chosen, results)}\n")
    for title, remarks in (("Failed runs", failures), ("Left out", notes)):
        if remarks:
            text += f"\n{title}:\n" + "".join(f"- {remark}\n" for remark in remarks)
    print(text)
    if args.out:
        pathlib.Path(args.out).write_text(text, encoding="utf-8")
    return 1 if failures or any(not runs for runs in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
