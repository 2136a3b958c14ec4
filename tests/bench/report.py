"""Result lines to tables: medians over the rounds, and beside each goal of the job core the ratio to
the best durable peer, or to the limit, of the same round."""
import datetime
import os
import platform
import re
import subprocess
from statistics import median

from peers import DURABLE

BEGIN, END = "<!-- results: written by tests/bench/run --write-readme -->", "<!-- end of results -->"
PEER, LIMIT, PLAIN = "peer", "limit", "plain"

# What, table, Kejue's step, against what, and the goal: ">= 2" or "<= 0.5".
GOALS = [
    ("enqueue one at a time, in process", "AB", "inproc/enqueue_one_at_a_time", PEER,
     {"A": ">= 1.5", "B": ">= 0.95"}),
    ("enqueue 50 in flight, over the bus", "AB", "bus/enqueue_50_in_flight", PEER,
     {"A": ">= 2", "B": ">= 2.5"}),
    ("enqueue 50 in flight, in process", "AB", "inproc/enqueue_50_in_flight", PEER,
     {"A": ">= 10", "B": ">= 3.5"}),
    ("bulk of 1,000, BSON over the bus", "AB", "bus/enqueue_bulk_1000", PEER,
     {"A": ">= 3", "B": ">= 2"}),
    ("the same, two messages in flight", "AB", "bus/enqueue_bulk_1000_2_in_flight", PEER, {}),
    ("drain: Lua handler, result, event; kejued", "AB", "bus/drain", PEER,
     {"A": ">= 4", "B": ">= 2.5"}),
    ("the same in process", "AB", "inproc/drain", PEER, {"A": ">= 4", "B": ">= 2.5"}),
    ("pickup on an idle queue, over the bus, p50", "A", "bus/pickup_p50", PEER, {"A": "<= 0.5"}),
    ("pickup on an idle queue, over the bus, p99", "A", "bus/pickup_p99", PEER, {"A": "<= 0.5"}),
    ("1,000 delayed among 1 million: start minus due, p99, ms", "A", "bus/big_delay_error_p99",
     PLAIN, {"A": "<= 2"}),
    ("the same, least, ms", "A", "bus/big_delay_error_min", PLAIN, {"A": ">= 0"}),
    ("idle CPU with 1 million waiting, %", "A", "bus/big_idle_cpu", PLAIN, {"A": "< 0.1"}),
    ("memory of kejued, 100,000 waiting, MiB", "A", "bus/mem_100k_waiting", PLAIN, {"A": "< 40"}),
    ("memory of kejued, 1 million waiting, MiB", "A", "bus/mem_1m_waiting", PLAIN, {"A": "< 100"}),
    ("restart to first claim, 1 million waiting, s", "A", "bus/restart_to_first_line", PLAIN,
     {"A": "< 2"}),
    ("claim at 1 million waiting to that at 1,000", "A", "inproc/claim_1m_to_1k", PLAIN,
     {"A": "<= 1.2"}),
    ("last minute of lasting load to the first", "A", "bus/sustain_last_to_first", PLAIN,
     {"A": ">= 0.9"}),
    ("status over the bus, one at a time, to bare nng", "A", "bus/status_one_at_a_time",
     "limit/nng_one_at_a_time", {"A": ">= 0.8"}),
    ("status over the bus, 64 in flight, to bare nng", "A", "bus/status_64_in_flight",
     "limit/nng_64_in_flight", {}),
    ("HTTP, read one job, to bare libuv", "A", "http/read_64_connections",
     "limit/http_64_connections", {"A": ">= 0.5"}),
    ("HTTP, durable enqueue, to bare libuv", "A", "http/enqueue_64_connections",
     "limit/http_64_connections", {"A": ">= 0.25"}),
    ("enqueue one at a time, in process, to bare append + flush", "A",
     "inproc/enqueue_one_at_a_time", "limit/append_512", {}),
    ("JSON in, to libbson", "A", "doc_call_in_ratio", PLAIN, {"A": ">= 5"}),
    ("JSON out, to libbson", "A", "doc_call_out_ratio", PLAIN, {"A": ">= 8"}),
    ("bodies of call.create validated a second", "A", "schema_call_create", PLAIN,
     {"A": ">= 300000"}),
    ("rules after a call, to a bare lazy view", "A", "rules.short_of_bare", PLAIN,
     {"A": ">= 0.8"}),
    ("the same with 120 turns, to the short one", "A", "rules.120_turns_of_short", PLAIN,
     {"A": ">= 0.7"}),
    ("rules after a call, in process, a second of one core", "A", "rules.short", PLAIN,
     {"A": ">= 50000"}),
    ("load and test of a pack that is shipped, ms of CPU", "A", "rules.load_and_test", PLAIN,
     {"A": "< 50"}),
    ("rules in a locked process, CPU, to in process", "A", "rules.locked_cpu_of_short", PLAIN,
     {"A": "<= 2"}),
    ("the same by a script thread, one at a time", "A", "rules.locked_asked_cpu_of_asked", PLAIN,
     {"A": "<= 2"}),
    ("the same with 64 waiting", "A", "rules.locked_waiting_cpu_of_waiting", PLAIN,
     {"A": "<= 2"}),
    ("status over the bus while hostile rules run, p99, to that with good ones", "A",
     "hostile/inline_status_p99_ratio", PLAIN, {"A": "<= 1.1"}),
    ("the same, rules in locked processes", "A", "hostile/locked_status_p99_ratio", PLAIN,
     {"A": "<= 1.1"}),
]
SYSTEM_STEPS = [("enqueue_one_at_a_time", "one at a time /s"),
                ("enqueue_50_in_flight", "50 in flight /s"), ("enqueue_bulk_1000", "bulk /s"),
                ("drain", "drain /s"), ("pickup_p50", "pickup p50 ms"),
                ("pickup_p99", "pickup p99 ms"), ("delay_error_p50", "delay p50 ms"),
                ("delay_error_p99", "delay p99 ms"), ("mem_100k_waiting", "MiB, 100k waiting")]


def about_machine(root):
    def first(path, pattern):
        try:
            with open(path, encoding="utf-8") as file:
                found = re.search(pattern, file.read(), re.M)
        except OSError:
            return "unknown"
        return found.group(1).strip('"') if found else "unknown"

    def git(*words):
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True).stdout

    memory = first("/proc/meminfo", r"^MemTotal:\s+(\d+)")
    commit = git("rev-parse", "--short=10", "HEAD").strip() or "unknown"
    return {
        "machine": f"{first('/proc/cpuinfo', r'^model name.*: (.*)')}, {os.cpu_count()} CPUs, "
                   f"{int(memory) // 1048576 if memory.isdigit() else '?'} GiB, "
                   f"{first('/etc/os-release', r'^PRETTY_NAME=(.*)')}, Linux {'.'.join(platform.release().split('.')[:2])}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit + (" with changes" if git("status", "--porcelain").strip() else ""),
        "load": "%.1f %.1f %.1f at the start (1, 5, 15 minutes)" % os.getloadavg(),
    }


def full(step):
    """The programs beside kejue-bench name their lines without a door."""
    return f"kejue:{step}" if "/" in step else step


class Results:
    def __init__(self, path):
        self.about, self.values, self.units = {}, {}, {}  # values[table][name][round]
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("# "):
                    key, _, value = line[2:].rstrip("\n").partition(": ")
                    self.about[key] = value
                    continue
                table, number, name, value, unit = line.rstrip("\n").split("\t")
                self.values.setdefault(table, {}).setdefault(name, {})[int(number)] = float(value)
                self.units[name] = unit

    def of(self, table, name):
        return self.values.get(table, {}).get(name, {})

    def rounds(self):
        return max((number for table in self.values.values() for rounds in table.values()
                    for number in rounds), default=0)

    def best_peer(self, table, step, number, least):
        """The best durable peer's value of that round, or None."""
        base = step.split("/")[1].replace("_2_in_flight", "")
        values = [self.of(table, f"{peer}/{base}").get(number) for peer in DURABLE]
        values = [value for value in values if value is not None]
        return (min if least else max)(values) if values else None

    def ratios(self, table, step, against, least):
        """One figure a round: the value itself, or its ratio."""
        found = []
        for number, value in sorted(self.of(table, full(step)).items()):
            if against == PEER:
                other = self.best_peer(table, step, number, least)
            else:
                other = 1 if against == PLAIN else self.of(table, f"kejue:{against}").get(number)
            if other:
                found.append(value / other)
        return found


def show(value):
    if abs(value) >= 100000:
        return f"{value / 1000:,.0f}k"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if value else "0"


def met(value, goal):
    sign, number = goal.split()
    return {">=": value >= float(number), "<=": value <= float(number),
            "<": value < float(number)}[sign]


def cell(values):
    if not values:
        return "–"
    if len(values) == 1:
        return f"**{show(values[0])}**"
    return f"**{show(median(values))}** ({show(min(values))} – {show(max(values))})"


def goals_table(results):
    rows = ["| what | disk | median of the rounds (least – most) | Kejue | other | goal | |",
            "|---|---|---|---|---|---|---|"]
    for what, tables, step, against, goals in GOALS:
        for table in tables:
            goal = goals.get(table, "")
            ratios = results.ratios(table, step, against, goal.startswith("<"))
            own = list(results.of(table, full(step)).values())
            if against == PEER:
                others = [results.best_peer(table, step, number, goal.startswith("<"))
                          for number in results.of(table, full(step))]
            else:
                others = list(results.of(table, f"kejue:{against}").values())
            others = [value for value in others if value is not None]
            verdict = "" if not goal else "not measured" if not ratios else \
                "met" if met(median(ratios), goal) else "**not met**"
            rows.append(f"| {what} | {table} | {cell(ratios)} | "
                        f"{show(median(own)) if own and against != PLAIN else ''} | "
                        f"{show(median(others)) if others else ''} | {goal} | {verdict} |")
    return rows


def systems_table(results, table):
    steps = SYSTEM_STEPS if table == "A" else SYSTEM_STEPS[:4]
    rows = [f"| system | {' | '.join(title for _, title in steps)} |", "|---" * (len(steps) + 1) + "|"]
    for system in ["kejue:inproc", "kejue:bus", *DURABLE]:
        values = [results.of(table, f"{system}/{step}").values() for step, _ in steps]
        if any(values):
            cells = [show(median(value)) if value else "–" for value in values]
            rows.append(f"| {system.replace('kejue:', 'Kejue, ')} | {' | '.join(cells)} |")
    return rows


def other_lines(results):
    """What is in no other table."""
    shown = {full(goal[2]) for goal in GOALS}
    shown |= {f"{system}/{step}" for system in ["kejue:inproc", "kejue:bus", *DURABLE]
              for step, _ in SYSTEM_STEPS}
    rows = ["| what | least | median | most | unit |", "|---|---|---|---|---|"]
    for name, rounds in results.values.get("A", {}).items():
        if name not in shown:
            values = rounds.values()
            rows.append(f"| {name} | {show(min(values))} | {show(median(values))} | "
                        f"{show(max(values))} | {results.units[name]} |")
    return rows


def tables(path):
    results = Results(path)
    text = [f"{results.rounds()} rounds, {results.about.get('date', '')}, commit "
            f"{results.about.get('commit', '')}, `{results.about.get('command', '')}`.",
            f"Machine: {results.about.get('machine', '')}; load average "
            f"{results.about.get('load', '')}.", "", "### Goals", "", *goals_table(results)]
    for table, title in (("A", "The disk as it is"), ("B", "1 ms added to each flush")):
        if table in results.values:
            text += ["", f"### {table}: {title}", "", *systems_table(results, table)]
    return "\n".join([*text, "", "### Everything else, disk as it is", "", *other_lines(results)])


def write_readme(path, text):
    page = path.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
