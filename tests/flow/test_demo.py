"""The main job as a user runs it: the report adds up, the same seed gives the same bytes, and a
kill -9 in the middle loses nothing and rings nobody twice."""
import collections
import csv
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEMO = [sys.executable, str(ROOT / "tools" / "demo_campaign.py")]
LEADS = ROOT / "tests" / "data" / "leads.csv"


def demo(*arguments, timeout=240):
    result = subprocess.run(DEMO + list(map(str, arguments)), capture_output=True, text=True,
                            timeout=timeout, env={**os.environ, "KEJUE_CHECK": "1"})
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def few_leads(folder, count):
    """A short list: the first rows of the real one."""
    path = pathlib.Path(folder) / "few.csv"
    with open(LEADS, newline="", encoding="utf-8") as source, \
            open(path, "w", newline="", encoding="utf-8") as target:
        rows = list(csv.reader(source))[:count + 1]
        csv.writer(target).writerows(rows)
    return path


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.dir = pathlib.Path(cls.folder.name)
        cls.report = json.loads(demo("--json", "--seed", 7, "--dir", cls.dir))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_same_seed_same_bytes_other_seed_other_result(self):
        with tempfile.TemporaryDirectory() as folder:
            leads = few_leads(folder, 400)
            first = demo("--json", "--seed", 7, "--leads", leads)
            self.assertEqual(demo("--json", "--seed", 7, "--leads", leads), first)
            other = json.loads(demo("--json", "--seed", 8, "--leads", leads))
            self.assertEqual(other["leads"], json.loads(first)["leads"])
            self.assertNotEqual(other["dispositions"], json.loads(first)["dispositions"])

    def test_leads_add_up(self):
        leads = self.report["leads"]
        self.assertEqual(leads["rows"], 2000)
        self.assertEqual(leads["accepted"] + sum(leads["refused"].values()), leads["rows"])
        self.assertGreater(leads["refused"]["duplicate"], 20)
        with open(ROOT / "tests/data/leads-expected.csv", newline="", encoding="utf-8") as file:
            expected = collections.Counter(row["outcome"] for row in csv.DictReader(file))
        self.assertEqual(leads["accepted"], expected["accepted"])

    def test_attempts_add_up(self):
        report = self.report
        self.assertGreater(report["attempts"], 2000)
        self.assertEqual(sum(report["dispositions"].values()), report["attempts"])
        self.assertEqual(sum(report["success"].values()), report["attempts"])
        self.assertEqual(set(report["jobs"]["states"]) - {"done", "failed"}, set())
        self.assertEqual(sum(report["jobs"]["states"].values()), report["leads"]["accepted"])

    def test_every_call_was_rung_once(self):
        rings = collections.Counter(ring["attempt_id"] for ring in lines_of(self.dir / "rings.jsonl"))
        self.assertEqual(set(rings.values()), {1})

    def test_nobody_on_the_do_not_call_list_was_rung(self):
        with open(ROOT / "tests/data/leads-expected.csv", newline="", encoding="utf-8") as file:
            known = {row["number_or_reason"] for row in csv.DictReader(file)
                     if row["outcome"] == "accepted"}
        refused = {event["data"]["phone_number"] for event in self.events("lead.refused")
                   if event["data"]["kind"] == "do_not_call"}
        rung = {ring["to"] for ring in lines_of(self.dir / "rings.jsonl")}
        self.assertGreater(len(refused & known), 20)
        self.assertEqual(refused & rung, set())

    def test_nobody_was_rung_after_saying_no(self):
        said = {row["to"]: row["at"] for row in lines_of(self.dir / "truth.jsonl")
                if row["opt_out"]}
        self.assertGreater(len(said), 10)
        heard = self.report["truth"]["opt_out"]
        self.assertEqual(heard["missed"], 0)
        for ring in lines_of(self.dir / "rings.jsonl"):
            if ring["to"] in said:
                self.assertLessEqual(ring["at"], said[ring["to"]])

    def test_verdicts_agree_with_the_truth(self):
        truth = self.report["truth"]
        self.assertEqual(truth["unmatched"], 0)
        self.assertEqual(truth["reached"]["missed"] + truth["reached"]["false"], 0)
        found = truth["variables"]
        self.assertGreater(found["right"], 20 * (found["wrong"] + found["missed"]))
        self.assertEqual(found["wrong"], 0)

    def test_callbacks_and_messages(self):
        report = self.report
        self.assertGreater(report["callbacks"]["requested"], 10)
        self.assertGreater(report["callbacks"]["kept"], 0)
        sent = lines_of(self.dir / "whatsapp.jsonl")
        self.assertEqual(len(sent), sum(report["messages"].values()))
        self.assertGreaterEqual(set(report["message_languages"]), {"en", "de", "es"})

    def events(self, name):
        import sqlite3
        base = sqlite3.connect(self.dir / "kejue.db")
        rows = base.execute("select doc from events").fetchall()
        base.close()
        return [event for event in map(decode, (row[0] for row in rows)) if event["name"] == name]


def decode(data):
    """Just enough BSON for events: text, documents, numbers, dates, booleans."""
    import struct

    def document(at):
        end = at + struct.unpack_from("<i", data, at)[0]
        at += 4
        result = {}
        while data[at]:
            kind = data[at]
            stop = data.index(b"\0", at + 1)
            name = data[at + 1:stop].decode()
            at = stop + 1
            if kind == 2:
                size = struct.unpack_from("<i", data, at)[0]
                result[name] = data[at + 4:at + 3 + size].decode()
                at += 4 + size
            elif kind in (3, 4):
                result[name], at = document(at)
            elif kind in (9, 18):
                result[name] = struct.unpack_from("<q", data, at)[0]
                at += 8
            elif kind == 1:
                result[name] = struct.unpack_from("<d", data, at)[0]
                at += 8
            elif kind == 16:
                result[name] = struct.unpack_from("<i", data, at)[0]
                at += 4
            elif kind == 8:
                result[name] = bool(data[at])
                at += 1
            elif kind == 10:
                result[name] = None
            else:
                raise ValueError(kind)
        return result, end

    return document(0)[0]


class KillNine(unittest.TestCase):
    def test_kill_and_go_on(self):
        chance = random.Random(5)
        with tempfile.TemporaryDirectory() as folder:
            dir = pathlib.Path(folder) / "data"
            command = DEMO + ["--json", "--seed", "3", "--dir", str(dir), "--speed", "10000",
                              "--leads", str(few_leads(folder, 150))]
            for _ in range(5):
                run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                time.sleep(chance.uniform(1.5, 6))
                if run.poll() is not None:
                    run.communicate()
                    break
                for pid in children(run.pid, "kejued"):
                    os.kill(pid, signal.SIGKILL)
                run.communicate(timeout=60)
            last = subprocess.run(command, capture_output=True, text=True, timeout=300)
            self.assertEqual(last.returncode, 0, last.stderr[-2000:])
            report = json.loads(last.stdout)
            rings = collections.Counter(
                ring["attempt_id"] for ring in lines_of(dir / "rings.jsonl"))
            self.assertEqual(set(rings.values()), {1})
            states = report["jobs"]["states"]
            self.assertEqual(sum(states.values()), report["leads"]["accepted"])
            self.assertEqual(set(states) - {"done", "failed", "parked"}, set())
            self.assertLess(states.get("parked", 0), 0.02 * sum(states.values()) + 1)
            self.assertEqual(report["truth"]["unmatched"], 0)


def children(pid, name):
    """Children of a process by name; only those are ever signalled."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        if f"({name})" in stat and int(stat.rsplit(")", 1)[1].split()[1]) == pid:
            found.append(int(entry.name))
    return found


if __name__ == "__main__":
    unittest.main()
