"""Lists and recorded calls come in: each line of a real list becomes exactly what it must, a repeat
changes nothing, and calls of another system are judged without anybody being called."""
import csv
import json
import os
import shutil
import subprocess
import unittest

from flow_engine import BUILD, DATA, ROOT, Flow, Refused

EXPECTED = DATA / "leads-expected.csv"


def expected():
    """line -> (outcome, number or reason)"""
    with open(EXPECTED, newline="", encoding="utf-8") as file:
        return {int(row["line"]): (row["outcome"], row["number_or_reason"])
                for row in csv.DictReader(file)}


class Leads(Flow):
    def import_list(self, engine):
        return engine.ask("lead.import", csv=(DATA / "leads.csv").read_text(encoding="utf-8"),
                          list="spring")

    def test_line_by_line(self):
        engine = self.engine()
        result = self.import_list(engine)
        wanted = expected()
        self.assertEqual(result["rows"], len(wanted))
        refused = {row["line"]: row for row in result["refused"]}
        self.assertEqual(len(refused), len(result["refused"]), "a line is told twice")
        wrong = []
        for line, (outcome, about) in wanted.items():
            told = refused.get(line)
            reason = told["reason"] if told else None
            if outcome == "accepted":
                good = told is None
            elif outcome == "duplicate":
                good = reason == "duplicate" and about in told["text"]
            else:
                good = reason and reason != "duplicate" and about in ("", reason)
            if not good:
                wrong.append((line, outcome, about, told))
        self.assertEqual(wrong, [])
        numbers = sorted(about for outcome, about in wanted.values() if outcome == "accepted")
        self.assertEqual(result["accepted"], len(numbers))
        leads = engine.rows("lead.list", list="spring")
        self.assertEqual(sorted(lead["phone_number"] for lead in leads), numbers)

        # The same list again: nobody is new, nothing is changed.
        again = self.import_list(engine)
        self.assertEqual(again["accepted"], 0)
        self.assertEqual(again["duplicates"], result["accepted"] + result["duplicates"])
        self.assertEqual(engine.rows("lead.list", list="spring"), leads)

    def test_broken_quotes_refuse_the_whole_list(self):
        engine = self.engine()
        for text, line in (
                ('phone_number,first_name\n+4930901820,Ada\n+4930901821,"Bob\n+4930901822,Eve\n', 3),
                ('phone_number,first_name\n+4930901820,Ada\n+4930901821,"Bob"by\n', 3)):
            with self.assertRaises(Refused) as caught:
                engine.ask("lead.import", csv=text, list="broken")
            self.assertIn(f"line {line}", caught.exception.place + " " + caught.exception.text)
        self.assertEqual(engine.rows("lead.list"), [])
        with self.assertRaises(Refused):
            engine.ask("lead.import", csv="", list="broken")

    def test_a_known_lead_joins_another_list(self):
        engine = self.engine()
        row = {"phone_number": "+4930901820", "first_name": "Ada"}
        self.assertEqual(engine.ask("lead.import", rows=[row], list="one")["accepted"], 1)
        moved = engine.ask("lead.import", rows=[{**row, "last_name": "L"}], list="two")
        self.assertEqual((moved["accepted"], moved["updated"]), (1, 1))
        leads = engine.rows("lead.list")
        self.assertEqual(len(leads), 1)
        self.assertEqual((leads[0]["list"], leads[0]["first_name"], leads[0]["last_name"]),
                         ("two", "Ada", "L"))


def recorded():
    """The calls that are JSON, each with its line."""
    calls = []
    with open(DATA / "recorded-calls.jsonl", encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                calls.append({**json.loads(text), "line": number})
            except ValueError:
                assert number == 6, text
    return calls


PACK = """
local extract = require("extract")
local owner = { en = "Do you own your house?", de = "Gehört Ihnen das Haus?", es = "¿La casa es suya?" }
local budget = { en = "How much would you like to spend on a solar roof?",
  de = "Welches Budget haben Sie?", es = "¿Qué presupuesto tiene?" }
return kejue.rules {
  name = "solar",
  variables = {
    owner = { type = "boolean", ask = owner, from = extract.yes_no(owner) },
    budget = { type = "integer", ask = budget, from = extract.integer(budget) },
  },
  success = {
    { "excellent", function(c) return c.is("owner", true) and (c.vars.budget or 0) >= 8000 end },
    { "good", function(c) return c.callback ~= nil end },
    { "fair", function(c) return c.is("owner", true) end },
    { "poor" },
  },
}
"""


class Recorded(Flow):
    BAD = {14: "lead", 22: "started_at", 30: "disposition", 38: "transcript"}

    def prepare(self):
        scripts = self.dir / "scripts"
        shutil.copytree(ROOT / "scripts", scripts)
        (scripts / "rules" / "solar.lua").write_text(PACK, encoding="utf-8")
        engine = self.engine(scripts=scripts)
        engine.ask("group.create", key="old", pack="solar", whatsapp_enabled=True)
        return engine

    def judged(self, engine):
        engine.run_days(1)
        return {row["call_id"]: row for row in engine.rows("decision.list")}

    def check_judged(self, engine, calls):
        decisions = self.judged(engine)
        good = {"import:" + call["external_id"]: call for call in calls
                if call["line"] not in self.BAD}
        self.assertEqual(set(decisions), set(good))
        quoted = 0
        for key, call in good.items():
            self.assertEqual(decisions[key]["disposition"], call["disposition"])
            self.assertTrue(decisions[key].get("success"), decisions[key])
            whole = engine.ask("call.get", call_id=key)
            self.assertEqual(len(whole.get("transcript", [])), len(call["transcript"]))
            for name, variable in whole["decision"]["plan"].get("variables", {}).items():
                if "quote" not in variable:
                    continue
                quoted += 1
                turn = whole["transcript"][variable["turn"] - 1]
                self.assertIn(variable["quote"], turn["text"], (key, name))
        self.assertGreaterEqual(quoted, 20)
        levels = {row["success"] for row in decisions.values()}
        self.assertGreaterEqual(len(levels), 3, levels)
        return decisions

    def check_nothing_left(self, engine):
        self.assertEqual(engine.rings(), [])
        self.assertEqual(engine.rows("message.list"), [])
        kinds = {job["kind"] for job in engine.rows("job.list")}
        self.assertEqual(kinds, {"recorded"})
        self.assertEqual({job["state"] for job in engine.rows("job.list")}, {"done"})

    def test_good_ones_are_judged_bad_ones_told_by_line(self):
        engine = self.prepare()
        calls = recorded()
        result = engine.ask("call.import", group="old", calls=calls)
        told = {row["line"]: row for row in result["refused"]}
        self.assertEqual(set(told), set(self.BAD))
        for line, word in self.BAD.items():
            self.assertIn(word, told[line].get("place", "") + told[line]["text"])
        self.assertEqual(result["accepted"], len(calls) - len(self.BAD))
        first = self.check_judged(engine, calls)
        self.check_nothing_left(engine)

        again = engine.ask("call.import", group="old", calls=calls)
        self.assertEqual((again["accepted"], again["duplicates"], len(again["refused"])),
                         (0, len(calls) - len(self.BAD), len(self.BAD)))
        self.assertEqual(self.judged(engine), first)
        self.check_nothing_left(engine)

    def test_the_whole_file_by_kejuectl(self):
        program = BUILD / "kejuectl"
        if not program.exists():
            self.skipTest("kejuectl is not built")
        engine = self.prepare()
        for _ in range(2):
            result = subprocess.run(
                [program, "--dir", self.dir, "--json", "call.import",
                 DATA / "recorded-calls.jsonl", "group=old"],
                capture_output=True, text=True, timeout=60, env=os.environ)
            told = json.loads(result.stdout)
            self.assertEqual({row["line"] for row in told["refused"]}, {6, *self.BAD})
        self.assertEqual(told["duplicates"], len(recorded()) - len(self.BAD))
        self.assertEqual(len(self.judged(engine)), told["duplicates"])


if __name__ == "__main__":
    unittest.main()
