"""The demo's main job: a campaign from a list of leads to a report, through a real daemon.

Starts a stand-in for the WhatsApp API and kejued on the embedded store, drives it only by kejuectl,
and compares the verdicts with what the simulated carrier says really happened. tools/demo builds
everything and calls this.
"""
import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

USAGE = """
Usage: tools/demo [--seed N] [--leads FILE] [--dir DIR] [--speed N] [--json]

Installs what it needs, builds, and runs a two-week campaign over 2,000 leads through the simulated
carrier on the embedded store. Nobody is called: every result is simulated.

  --seed N      seed of all chance; the same seed and list give the same report (default 1)
  --leads FILE  another list (CSV with a header line); default tests/data/leads.csv
  --dir DIR     keep the data there, to look further; run again to go on after a crash
  --speed N     against the wall clock, N times as fast, with the doors open (default: a virtual
                clock that jumps from event to event)
  --json        the report as one JSON object
  --help        this text
"""

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("KEJUE_BUILD_DIR", ROOT / "build" / "release"))
START = "2026-03-02T05:00:00Z"  # a Monday
END = "2026-03-16T05:00:00Z"
DAYS = 14
GROUP = "demo"
LIST = "demo"

CONFIG = """# written by tools/demo
log_level = "warn";
host_name = "demo";
http = {{ enabled = {http}; address = "127.0.0.1"; port = 0; }};
simulation = {{ allow_money = true; }};
trunk = {{ max_calls = 60; dials_per_second = 10; }};
scripts_dir = "{root}/scripts";
plugin_dir = "{build}/plugins";
plugins = (
  {{ instance = "telephony"; plugin = "telephony";
    config = {{ driver = "simulated"; ring_log = "rings.jsonl"; truth_file = "truth.jsonl"; }}; }},
  {{ instance = "whatsapp"; plugin = "whatsapp";
    config = {{ url = "http://127.0.0.1:{port}"; numbers = ({{ phone_number_id = "100200300"; }});
               token = "@{dir}/whatsapp.token"; }}; }}
);
"""

ASSISTANTS = [
    ("Anna", "en", "Hello, this is Anna, the AI assistant of Sunrise Solar. Do you have a minute?"),
    ("Jonas", "de", "Guten Tag, hier ist Jonas, der KI-Assistent von Sunrise Solar. "
                    "Haben Sie einen Moment Zeit?"),
    ("Lucía", "es", "Buenos días, soy Lucía, la asistente de IA de Sunrise Solar. "
                    "¿Tiene un momento?"),
]


class Failed(Exception):
    """Something that a person must look at; the text says what."""


class Progress:
    """A line that renews itself on a terminal; nothing elsewhere."""

    def __init__(self, quiet):
        self.live = sys.stderr.isatty() and not quiet
        self.width = 0

    def show(self, text):
        if self.live:
            sys.stderr.write("\r" + text.ljust(self.width))
            sys.stderr.flush()
            self.width = len(text)

    def end(self):
        if self.live and self.width:
            sys.stderr.write("\r" + " " * self.width + "\r")
            self.width = 0


def bar(done, total, width=28):
    filled = int(width * done / total) if total else width
    return "[" + "#" * filled + "." * (width - filled) + "]"


class Engine:
    """kejued and the stand-in in one folder."""

    def __init__(self, options, folder):
        self.options = options
        self.dir = pathlib.Path(folder).resolve()
        self.children = []
        self.log = open(self.dir / "kejued.log", "ab")

    def start(self):
        port = self.start_stand_in()
        token = self.dir / "whatsapp.token"
        token.touch(mode=0o600)
        token.write_text("demo-token\n")
        (self.dir / "kejue.conf").write_text(CONFIG.format(
            root=ROOT, build=BUILD, port=port, dir=self.dir,
            http="true" if self.options.speed else "false"))
        command = [BUILD / "kejued", "--dir", self.dir, "--seed", str(self.options.seed),
                   "--start", START, "--clock", str(self.options.speed or "virtual")]
        self.daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        self.children.append(self.daemon)
        ready = self.daemon.stdout.readline().decode()
        if "ready" not in ready:
            raise Failed("kejued did not start:\n" + (self.dir / "kejued.log").read_text()[-2000:])
        return ready

    def start_stand_in(self):
        stand_in = subprocess.Popen(
            [BUILD / "kejue-stand-in", "--port", "0", "--log", self.dir / "whatsapp.jsonl"],
            stdout=subprocess.PIPE, stderr=self.log)
        self.children.append(stand_in)
        line = stand_in.stdout.readline().decode().split()
        if len(line) < 2 or not line[-1].isdigit():
            raise Failed("the WhatsApp stand-in did not start; see kejued.log")
        return int(line[-1])

    def ctl(self, *words, stdin=None, allow=()):
        result = subprocess.run(
            [BUILD / "kejuectl", "--dir", self.dir, "--json", "--timeout", "600", *words],
            input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if result.returncode != 0 and result.returncode not in allow:
            raise Failed(f"kejuectl {words[0]}: " + (result.stderr or result.stdout).strip())
        return json.loads(result.stdout) if result.stdout.strip() else {}

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.log.close()


def read_numbers(path):
    """The first column of a CSV of numbers, without its header."""
    import csv
    with open(path, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row]
    return [row[0] for row in rows[1:]]


def prepare(engine, options, progress):
    """Group, assistants, refusals, leads, campaign: what an operator does once."""
    engine.ctl("group.create", f"key={GROUP}", "name=Demo", "pack=lead-qualification",
               "whatsapp_enabled=true")
    for name, language, words in ASSISTANTS:
        engine.ctl("assistant.create", "-f", "-", stdin=json.dumps(
            {"group": GROUP, "name": name, "language": language, "company": "Sunrise Solar",
             "first_message": words, "from_number": "+4930901820"}))
    if options.leads == ROOT / "tests/data/leads.csv":
        engine.ctl("lead.refuse", "-f", "-", stdin=json.dumps(
            {"phone_numbers": read_numbers(ROOT / "tests/data/do-not-call.csv"),
             "country": "DE", "source": "do-not-call list"}))
    progress.show("importing leads …")
    imported = engine.ctl("lead.import", str(options.leads), f"list={LIST}", allow=(1,))
    (engine.dir / "import.json").write_text(json.dumps(imported))
    made = engine.ctl("campaign.create", "-f", "-", stdin=json.dumps({
        "name": "Spring", "goal": "find out who wants an offer", "group": GROUP, "list": LIST,
        "schedule": {"windows": [{"days": [0, 1, 2, 3, 4, 5], "from": "09:00", "to": "20:00"}],
                     "ends_at": END},
        "retry": {"gaps_minutes": [240, 1440, 2880], "max_attempts": 4},
        "limits": {"per_day": 2, "per_30_days": 6}}))
    engine.ctl("campaign.start", f"id={made['id']}")
    return made["id"]


def line_of(stats, day):
    return (f"day {day:2d}/{DAYS} {bar(day, DAYS)} {stats['attempts']:5d} attempts, "
            f"{stats['reached']} reached, {sum(stats['messages'].values())} messages")


def run_virtual(engine, campaign, progress):
    stats = engine.ctl("campaign.stats", f"id={campaign}")
    for day in range(1, DAYS + 2):  # one more: what is under way may end
        engine.ctl("clock.run", "days=1")
        stats = engine.ctl("campaign.stats", f"id={campaign}")
        progress.show(line_of(stats, min(day, DAYS)))
    return stats


def run_scaled(engine, campaign, progress):
    while True:
        stats = engine.ctl("campaign.stats", f"id={campaign}")
        now = engine.ctl("status")["clock"]["now"]
        progress.show(f"{now[:16]}Z  " + line_of(stats, days_passed(now)))
        if stats["status"] in ("completed", "canceled"):
            return stats
        if engine.daemon.poll() is not None:
            raise Failed("kejued has ended; run the same command again to go on")
        time.sleep(1)


def days_passed(now):
    begin = time.mktime(time.strptime(START[:19], "%Y-%m-%dT%H:%M:%S"))
    return int((time.mktime(time.strptime(now[:19], "%Y-%m-%dT%H:%M:%S")) - begin) // 86400)


def decisions(engine, campaign):
    after = 0
    while True:
        page = engine.ctl("decision.list", f"campaign_id={campaign}", f"after={after}",
                          "limit=1000")
        yield from page["decisions"]
        after = page.get("next")
        if not after:
            return


def compare(engine, campaign):
    """Verdicts against the carrier's ground truth, attempt by attempt."""
    truth = {}
    path = engine.dir / "truth.jsonl"
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            truth[row["attempt_id"]] = row
    rung = {json.loads(line)["attempt_id"]
            for line in (engine.dir / "rings.jsonl").read_text(encoding="utf-8").splitlines()}
    asked = {name for row in truth.values() for name in row.get("variables", {})}
    # After a crash an attempt may be closed as never placed: judged, but it rang nobody.
    result = {"calls": 0, "not_rung": 0, "unmatched": 0}
    pairs = {name: collections.Counter() for name in ("reached", "opt_out", "callback")}
    variables = collections.Counter()
    success = collections.defaultdict(collections.Counter)
    for row in decisions(engine, campaign):
        real = truth.get(row["call_id"])
        if real is None:
            result["unmatched" if row["call_id"] in rung else "not_rung"] += 1
            continue
        result["calls"] += 1
        count_pair(pairs["reached"], row.get("reached", False), real["reached"])
        if not real["reached"]:
            continue
        count_pair(pairs["opt_out"], "opt_out" in row, real["opt_out"])
        count_pair(pairs["callback"], row.get("next", {}).get("kind") == "callback",
                   real["callback_wished"])
        success[real["persona"]][row.get("success", "none")] += 1
        for name, value in real.get("variables", {}).items():
            found = row.get("variables", {}).get(name)
            variables["missed" if found is None else
                      "right" if same(found, value) else "wrong"] += 1
        variables["invented"] += sum(1 for name in row.get("variables", {})
                                     if name in asked and name not in real.get("variables", {}))
    for name, counter in pairs.items():
        result[name] = {key: counter[key] for key in ("right", "missed", "false")}
    result["variables"] = {key: variables[key] for key in ("right", "wrong", "missed", "invented")}
    result["success_by_persona"] = {
        persona: dict(sorted(levels.items())) for persona, levels in sorted(success.items())}
    return result


def same(found, real):
    if isinstance(found, bool) or isinstance(real, bool):
        return found is real
    if isinstance(found, (int, float)) and isinstance(real, (int, float)):
        return abs(found - real) < 1e-9
    return str(found).strip().lower() == str(real).strip().lower()


def count_pair(counter, said, real):
    counter["right" if bool(said) == bool(real) else "missed" if real else "false"] += 1


def build_report(engine, options, campaign, stats):
    imported = json.loads((engine.dir / "import.json").read_text())
    refused = collections.Counter(row["reason"] for row in imported["refused"])
    return {
        "seed": options.seed,
        "simulated": True,
        "leads": {"rows": imported["rows"], "accepted": imported["accepted"],
                  "refused": dict(sorted(refused.items()))},
        "attempts": stats["attempts"],
        "reached": stats["reached"],
        "dispositions": stats["dispositions"],
        "success": stats["success"],
        "variables": stats["variables"],
        "messages": stats["messages"],
        "message_languages": stats["message_languages"],
        "callbacks": stats["callbacks"],
        "gates": stats["gates"],
        "jobs": {"states": stats["states"], "outcomes": stats["outcomes"]},
        "truth": compare(engine, campaign),
    }


def look_further(engine, campaign):
    """Numbers worth a look: one that was refused, one of the best."""
    found = {}
    for row in decisions(engine, campaign):
        if row.get("success") == "excellent":
            lead = engine.ctl("lead.get", f"id={row['lead_id']}")
            found["best"] = lead["phone_number"]
            break
    jobs = engine.ctl("job.list", "kind=call", "state=failed", "limit=1000")["jobs"]
    for job in jobs:
        if job.get("outcome") == "do_not_call":
            found["refused"] = job["to"]
            break
    return found


def rows_of(title, counts, total=None):
    lines = [title]
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        share = f" {100 * count / total:5.1f} %" if total else ""
        lines.append(f"    {name:<24}{count:>7}{share}")
    return lines


def print_report(report, folder, kept):
    leads, truth = report["leads"], report["truth"]
    lines = ["", f"Campaign report, seed {report['seed']}: SIMULATED, nobody was called", ""]
    lines += [f"  leads: {leads['rows']} rows, {leads['accepted']} accepted"]
    lines += ["  " + line for line in rows_of("refused", leads["refused"])]
    lines += [f"  attempts: {report['attempts']}, a human reached in {report['reached']}"]
    for name in ("dispositions", "success", "variables", "messages", "gates"):
        lines += ["  " + line for line in rows_of(
            name, report[name], report["attempts"] if name == "dispositions" else None)]
    calls = report["callbacks"]
    lines += [f"  callbacks: {calls['requested']} requested, {calls['kept']} kept, "
              f"{calls['expired']} expired"]
    lines += [f"  against the carrier's ground truth ({truth['calls']} calls)"]
    for name in ("reached", "opt_out", "callback"):
        pair = truth[name]
        lines.append(f"      {name:<12}{pair['right']:>6} right {pair['missed']:>5} missed "
                     f"{pair['false']:>5} false")
    pair = truth["variables"]
    lines.append(f"      {'variables':<12}{pair['right']:>6} right {pair['missed']:>5} missed "
                 f"{pair['wrong']:>5} wrong {pair['invented']:>5} invented")
    lines += ["      success by persona"]
    for persona, levels in truth["success_by_persona"].items():
        told = ", ".join(f"{level} {count}" for level, count in levels.items())
        lines.append(f"        {persona:<18}{told}")
    print("\n".join(lines))
    program = f"{os.path.relpath(BUILD / 'kejuectl')} --dir {folder if kept else 'DIR'}"
    daemon = f"{os.path.relpath(BUILD / 'kejued')} --dir {folder if kept else 'DIR'} --clock virtual &"
    print(f"\nLook further{'' if kept else ' (after a run with --dir DIR)'}:\n"
          f"  {daemon}\n"
          f"  {program} why {report['look'].get('refused', '1')}    # refused: why\n"
          f"  {program} why {report['look'].get('best', '1')}    # the best lead: every decision\n"
          f"  {program} call.list disposition=completed limit=5")


def parse(arguments):
    parser = argparse.ArgumentParser(add_help=False, usage=USAGE.strip())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leads", type=pathlib.Path, default=ROOT / "tests/data/leads.csv")
    parser.add_argument("--dir")
    parser.add_argument("--speed", type=float)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--help", action="store_true")
    options = parser.parse_args(arguments)
    if options.help:
        print(USAGE.strip())
        sys.exit(0)
    options.leads = options.leads.resolve()
    if not options.leads.is_file():
        parser.exit(2, f"tools/demo: {options.leads}: there is no such list\n")
    if options.speed is not None and not 0 < options.speed <= 10000:
        parser.exit(2, "tools/demo: --speed: choose more than 0 and at most 10000\n")
    if not 0 <= options.seed < 2**63:
        parser.exit(2, "tools/demo: --seed: choose a whole number from 0\n")
    return options


def run(options, folder):
    progress = Progress(options.json)
    engine = Engine(options, folder)
    try:
        ready = engine.start()
        known = engine.ctl("campaign.list")["campaigns"]
        if options.speed and not options.json:
            print(f"the doors are open: {ready.strip()}", file=sys.stderr)
        campaign = known[0]["id"] if known else prepare(engine, options, progress)
        stats = (run_scaled if options.speed else run_virtual)(engine, campaign, progress)
        report = build_report(engine, options, campaign, stats)
        look = {} if options.json else look_further(engine, campaign)
    finally:
        progress.end()
        engine.stop()
    if options.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        print_report({**report, "look": look}, folder, bool(options.dir))


def main():
    options = parse(sys.argv[1:])
    folder = options.dir or tempfile.mkdtemp(prefix="kejue-demo-")
    os.makedirs(folder, exist_ok=True)
    try:
        run(options, folder)
    except Failed as failed:
        sys.exit(f"tools/demo: {failed}")
    except KeyboardInterrupt:
        sys.exit("tools/demo: stopped")
    finally:
        if not options.dir:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
