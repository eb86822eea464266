"""Checking a file of rewards with every rule on, beside other people's readers in the same run."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(os.path.dirname(os.path.dirname(HERE)), ".build", "bench-python")
MEGABYTES = 1000
HEADER = "partner_email,amount_in_cents,body,created_at,currency,status\n"
# Slow readers get the first part of the file.
PARTS = {"python": 100, "frictionless": 3}
REPEATS = 3


def write(path, megabytes, at="@", day=1):
    """Rows as a program writes them; with `at` empty and a `day` above 31 none of them is good."""
    with open(path, "w") as file:
        file.write(HEADER)
        line = 0
        while file.tell() < megabytes * 1_000_000:
            file.write("".join(
                f"partner{line + i}{at}example.com,{(line + i) % 90000 + 100},Bonus for the month of March,"
                f"2026-03-{(line + i) % 28 + day:02},USD,approved\n" for i in range(10000)))
            line += 10000


def output(*command):
    answer = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600)
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(str(part) for part in command)}\n{answer.stdout}{answer.stderr}")
    return [int(word) for word in answer.stdout.split()]


def readers():
    """A Python with other people's readers; None where they cannot be had."""
    python = f"{TOOLS}/bin/python"
    try:
        if not os.path.exists(python):
            subprocess.run([sys.executable, "-m", "venv", TOOLS], check=True, capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
                        f"{HERE}/reader-tools.txt"], check=True, capture_output=True, timeout=600)
        return python
    except (subprocess.SubprocessError, OSError) as error:
        print(f"  DuckDB, Arrow and frictionless are left out: they cannot be installed ({error})")
        return None


class ImportBench:
    def __init__(self, row, program, work):
        self.row, self.program, self.work = row, program, work
        self.good, self.bad = f"{work}/rewards.csv", f"{work}/bad-rewards.csv"

    def best(self, *arguments):
        """The best of some runs: the machine has other things to do as well."""
        return max(output(self.program, *arguments) for _ in range(REPEATS))

    def measure(self):
        write(self.good, MEGABYTES)
        write(self.bad, MEGABYTES, at="", day=32)
        memory = self.best("memory", self.good)[0]
        reader = self.best("reader", self.good)[0]
        self.row("CSV reader", f"{reader / 1e6:,.0f} MB/s", f"adding up the bytes: {memory / 1e6:,.0f} MB/s",
                 "all cells of 1 GB of rewards, one thread", reader / memory)
        yardstick = self.measure_others()
        for threads, aim in ((1, 500), (2, 900)):
            self.show(f"check, {threads} thread{'s' if threads > 1 else ''}",
                      self.best("parallel", self.good, "rewards", threads), yardstick, f"aim {aim}")
        self.show("check, as an upload does", self.best("check", self.good, "rewards"), yardstick, "one thread")
        for threads, aim in ((1, 250), (2, 450)):
            self.show(f"check, nothing but errors, {threads} thread{'s' if threads > 1 else ''}",
                      self.best("parallel", self.bad, "rewards", threads), yardstick, f"aim {aim}")
        self.measure_parts()

    def show(self, what, figures, yardstick, note):
        rate, rows, good, resident, _ = figures
        beside = f"DuckDB: {yardstick / 1e6:,.0f} MB/s" if yardstick else ""
        self.row(what, f"{rate / 1e6:,.0f} MB/s", beside,
                 f"{note}; {rows:,} rows, {good:,} good; peak {resident / 1e6:.0f} MB",
                 rate / yardstick if yardstick else None)

    def measure_others(self):
        python = readers()
        tools = ["duckdb", "pyarrow", "python", "frictionless"] if python else ["python"]
        rates = {}
        for tool in tools:
            path, megabytes = self.good, PARTS.get(tool, MEGABYTES)
            if tool in PARTS:
                path = f"{self.work}/{tool}.csv"
                write(path, megabytes)
            rates[tool] = max(output(python or sys.executable, f"{HERE}/csv_readers.py", tool, path)
                              for _ in range(1 if tool in PARTS else REPEATS))[0]
            self.row(f"yardstick: {tool}", "", f"{rates[tool] / 1e6:,.1f} MB/s", f"{megabytes} MB, one thread")
        return rates.get("duckdb")

    def measure_parts(self):
        """What each part costs: the processor's time that is saved by leaving it out, in nanoseconds for each row."""
        rows = output(self.program, "check", self.good, "rewards")[1]

        def nanoseconds(*arguments):
            return min(output(self.program, *arguments)[4] for _ in range(REPEATS)) / rows

        whole = nanoseconds("check", self.good, "rewards")
        costs = {"reading": nanoseconds("reader", self.good)}
        for part in ("emails", "dates", "numbers", "values", "rules"):
            costs[part] = whole - nanoseconds("check", self.good, "rewards", part)
        words = ", ".join(f"{part} {cost:.0f}" for part, cost in costs.items())
        self.row("check, cost by part", f"{whole:.0f} ns a row", "",
                 f"of which {words}; the rest is what each cell costs anyhow")


def measure(row, program, work):
    ImportBench(row, program, work).measure()
