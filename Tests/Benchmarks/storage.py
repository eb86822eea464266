"""The store on both engines, each figure beside the same statements in plain C in the same run."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
# How much of the bare loop the gateway's store should reach.
AIM = 0.7
FINISHED = 1_000_000
ITEMS = 200_000
SECONDS = 5


def build_bare_loop(work):
    loop = f"{work}/bare_loop"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq", "sqlite3"], capture_output=True, text=True,
                           check=True).stdout.split()
    subprocess.run(["cc", "-O2", "-pthread", "-o", loop, f"{HERE}/bare_loop.c", *flags], check=True)
    return loop


def output(*command):
    answer = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        raise SystemExit(f"{' '.join(str(part) for part in command)}\n{answer.stdout}{answer.stderr}")
    return answer.stdout.split()


class StorageBench:
    """One engine: what it does through `storage-bench`, and bare."""

    def __init__(self, row, swift, loop, name, database, connections, after_load=lambda: None):
        self.row, self.swift, self.loop = row, swift, loop
        self.name, self.database, self.connections, self.after_load = name, database, connections, after_load

    def ours(self, figure, *arguments):
        return output(self.swift, figure, self.database, *arguments)

    def bare(self, figure, connections, *arguments):
        return float(output(self.loop, figure, self.database, connections, *arguments)[0])

    def row_beside(self, what, ours, bare, yardstick, note):
        self.row(f"{self.name}: {what}", f"{ours:,.0f}/s", f"{yardstick}: {bare:,.0f}/s", note, ours / bare, AIM)

    def measure(self, sink):
        self.ours("prepare", FINISHED)
        self.after_load()
        self.measure_writes()
        self.measure_work()
        rate, statements = self.ours("deliveries", 20_000, sink)
        self.row(f"{self.name}: deliveries", f"{float(rate):,.0f}/s", "",
                 f"{float(statements):.3f} statements each (aim: under 0.1), matched, claimed and on record")

    def measure_writes(self):
        bare = {count: self.bare("writes", count, SECONDS) for count in self.connections}
        ours = float(self.ours("writes", SECONDS)[0])
        for count, rate in bare.items():
            self.row_beside("one-row writes", ours, rate, f"C, {count} connection{'s' if count > 1 else ''}",
                            "64 callers, 900 bytes, each told after its own is durable")

    def measure_work(self):
        connections = min(4, self.connections[-1])
        rates = []
        for measure in (lambda: self.bare("work", connections), lambda: float(self.ours("work")[0]),
                        lambda: float(self.ours("worker")[0])):
            self.ours("add", ITEMS)
            self.after_load()
            rates.append(measure())
        bare, queue, worker = rates
        yardstick = f"C, {connections} connection{'s' if connections > 1 else ''}"
        note = f"{ITEMS:,} claimed and completed, {FINISHED:,} finished ones in the way"
        self.row_beside("work in batches of 100", queue, bare, yardstick, note)
        self.row_beside("work through a worker", worker, bare, yardstick, "the same, a handler that does nothing")


def measure_fairness(row, swift, work, sink, dead=1000):
    """What ten healthy subscribers notice of dead ones: their wait from publishing to answer, in milliseconds."""
    for kind in "new", "known":
        def waits(count):
            p50, p99, _ = output(swift, "fairness", f"{work}/fairness-{kind}-{count}.sqlite", count, sink, kind)
            return float(p50), float(p99)

        alone, beside = waits(0), waits(dead)
        row(f"SQLite: beside {dead} dead, all {kind}", f"p99 {beside[1]:.0f} ms", f"alone: p99 {alone[1]:.0f} ms",
            f"p50 {beside[0]:.0f} ms, alone {alone[0]:.0f} ms; 10 subscribers that answer, 5 events a second to all",
            beside[1] / max(1, alone[1]), "at most 2")


def measure_latency(row, swift, work, sink, rate=500):
    p50, p99 = output(swift, "latency", f"{work}/latency.sqlite", rate, sink)
    row("SQLite: from publishing to the answer", f"p50 {p50} ms", "", f"p99 {p99} ms, {rate} events a second, each "
        "committed by itself; aims 5 ms and 25 ms")


def measure_backlog(row, swift, work, sink, few=1000, many=1_000_000):
    rates = {count: float(output(swift, "backlog", f"{work}/backlog-{count}.sqlite", count, sink)[0])
             for count in (few, many)}
    row(f"SQLite: deliveries, {many:,} pending", f"{rates[many]:,.0f}/s", f"{few:,} pending: {rates[few]:,.0f}/s",
        "20,000 of them, in their turn", rates[many] / rates[few], 1)
