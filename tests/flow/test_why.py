"""Why is somebody (not) called? And the operator's levers: the kill switch, pause, resume, cancel."""
import os
import shutil
import subprocess
import unittest

from flow_engine import BUILD, ROOT, Flow, Refused, outbound

INTERESTED, NO_ANSWER, OPTS_OUT = "+4930555010001", "+4930555020022", "+4930555030005"
OFFICE = {"windows": [{"days": [0, 1, 2, 3, 4], "from": "09:00", "to": "17:00"}]}


class Why(Flow):
    def setUp(self):
        super().setUp()
        self.flow = self.engine()

    def why(self, who, **more):
        return self.flow.ask("lead.why", who=who, **more)

    def gate(self, told, name):
        found = [row for row in told["now"]["gates"] if row["gate"] == name]
        self.assertEqual(len(found), 1, told["now"])
        return found[0]

    def test_a_refused_number(self):
        self.flow.ask("lead.refuse", phone_number=INTERESTED, source="letter of 3 May")
        outbound(self.flow, [INTERESTED])
        self.flow.run_days(3)
        told = self.why(INTERESTED)
        self.assertEqual((told["now"]["open"], told["now"]["final"]), (False, True))
        self.assertEqual(told["now"]["gate"], "do_not_call")
        self.assertFalse(self.gate(told, "do_not_call")["open"])
        self.assertEqual([(r["kind"], r["source"]) for r in told["refusals"]],
                         [("do_not_call", "letter of 3 May")])
        self.assertEqual([job["state"] for job in told["jobs"]], ["failed"])
        self.assertEqual((told["calls"], told["decisions"], self.flow.rings()), ([], [], []))

    def test_said_no_in_a_call(self):
        outbound(self.flow, [OPTS_OUT])
        self.flow.run_days(3)
        told = self.why(OPTS_OUT)
        self.assertEqual(told["now"]["gate"], "opt_out")
        self.assertIn("off your list", self.gate(told, "opt_out")["input"])  # their own words
        self.assertEqual([r["kind"] for r in told["refusals"]], ["opt_out"])
        self.assertEqual(len(self.flow.rings()), 1)
        # Also not by another campaign.
        autumn = self.flow.ask("campaign.create", name="Autumn", group="sales", list="Spring")["id"]
        self.flow.ask("campaign.start", id=autumn)
        self.flow.run_days(3)
        self.assertEqual(sorted(job["outcome"] for job in self.why(OPTS_OUT)["jobs"]),
                         ["completed", "opt_out"])
        self.assertEqual(len(self.flow.rings()), 1)
        with self.assertRaises(Refused):
            self.flow.ask("lead.why", who="+49999")

    def test_a_waiting_one(self):
        outbound(self.flow, [INTERESTED], schedule=OFFICE)
        self.flow.run_until("2026-03-02T05:30:00Z")
        told = self.why(INTERESTED)
        self.assertEqual((told["now"]["open"], told["now"]["final"], told["now"]["gate"]),
                         (False, False, "window"))
        opens = "2026-03-02T08:00:00.000Z"  # nine o'clock in Berlin
        self.assertEqual(told["now"]["next_at"], opens)
        self.assertIn("Europe/Berlin; opens at 2026-03-02 09:00",
                      self.gate(told, "window")["input"])
        self.assertEqual([job["state"] for job in told["jobs"]], ["waiting"])
        self.assertEqual(told["jobs"][0]["due"], opens)
        self.assertEqual(self.flow.rings(), [])
        # As of another instant.
        self.assertTrue(self.why(INTERESTED, at="2026-03-02T09:00:00Z")["now"]["open"])
        sunday = self.why(INTERESTED, at="2026-03-08T09:00:00Z")["now"]
        self.assertEqual(sunday["next_at"], "2026-03-09T08:00:00.000Z")

    def test_a_done_one(self):
        outbound(self.flow, [INTERESTED])
        self.flow.run_until("2026-03-02T06:00:00Z")
        for who in (INTERESTED, "1"):
            told = self.why(who)
            self.assertEqual(told["lead"]["phone_number"], INTERESTED)
            self.assertEqual([job["state"] for job in told["jobs"]], ["done"])
            self.assertEqual([call["disposition"] for call in told["calls"]], ["completed"])
            self.assertEqual(len(told["decisions"]), 1)
            decision = told["decisions"][0]
            self.assertIn(decision["plan"]["success"], ("good", "excellent"))
            self.assertRegex(decision["plan"]["hash"], "^[0-9a-f]{64}$")
            self.assertIn("lead-qualification.lua:", str(decision["plan"]))

    def test_the_page_for_people(self):
        """Gates, the line of each rule with its evidence, the message, what is due."""
        outbound(self.flow, [INTERESTED, NO_ANSWER])
        self.flow.run_until("2026-03-02T06:00:00Z")
        page = self.page(INTERESTED)
        for part in ("may be called: yes", "✓ dialing", "✓ frequency", "✓ permit",
                     'variables.budget: derived = ', 'turn 5 said "About',
                     "success: good", "not excellent, false", "rules/lead-qualification.lua:",
                     "message offer_information", "template: offer_information, in en of the call",
                     "what followed", "whatsapp.send_template"):
            self.assertIn(part, page)
        page = self.page(NO_ANSWER)
        for part in ("may be called: no, stopped by due", "next retry at 2026-03-02 08:00",
                     "because: no_answer", "retry: retry, disposition no_answer"):
            self.assertIn(part, page)
        before = self.page(INTERESTED, "--at", "2026-03-02T04:00:00Z")
        self.assertIn("as stored by then", before)
        self.assertIn("decisions: none", before)
        self.assertIn("the future, computed", self.page(INTERESTED, "--at", "2026-03-09T04:00:00Z"))

    def page(self, *words):
        return subprocess.run([BUILD / "kejuectl", "--dir", self.dir, "why", *words], check=True,
                              capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout

    def test_waits_for_its_next_attempt(self):
        outbound(self.flow, [NO_ANSWER])
        self.flow.run_until("2026-03-02T06:00:00Z")
        told = self.why(NO_ANSWER)
        self.assertEqual([call["disposition"] for call in told["calls"]], ["no_answer"])
        self.assertEqual([job["state"] for job in told["jobs"]], ["waiting"])
        # three hours: the gap that the rule pack names goes before the campaign's
        self.assertTrue("2026-03-02T08:00" <= told["jobs"][0]["due"] < "2026-03-02T08:10", told)
        self.assertEqual(told["jobs"][0]["next"]["reason"], "no_answer")


class Preselection(Flow):
    PACK = """return kejue.rules { name = "picky",
  preselection = {
    decide = function(c) return c.lead.company ~= nil and c.lead.company ~= "Tiny",
      "the company is " .. (c.lead.company or "not known") end,
    overwrites = function(c) return { first_message = "Hello " .. c.lead.company } end },
  success = { { "good" } },
  retry = { gaps = { "1d" }, on = { "busy" } },
}"""

    def test_only_who_was_selected_is_called(self):
        scripts = self.dir / "scripts"
        shutil.copytree(ROOT / "scripts", scripts)
        (scripts / "rules" / "picky.lua").write_text(self.PACK, encoding="utf-8")
        flow = self.engine(scripts=scripts)
        flow.ask("group.create", key="picky", pack="picky")
        flow.ask("assistant.create", group="picky", name="Anna", language="en")
        rows = [{"phone_number": "+4930555010001", "company": "Acme", "language": "en"},
                {"phone_number": "+4930555010002", "company": "Tiny", "language": "en"}]
        outbound(flow, rows, key="picky")
        flow.run_until("2026-03-02T06:00:00Z")
        self.assertEqual([ring["to"] for ring in flow.rings()], ["+4930555010001"])
        chosen = flow.ask("lead.why", who="+4930555010001")["jobs"][0]
        self.assertEqual(chosen["preselection"]["decision"], "approved")
        self.assertEqual(chosen["preselection"]["overwrites"], {"first_message": "Hello Acme"})
        self.assertIn("rules/picky.lua:2", str(chosen["preselection"]["explain"]))
        refused = flow.ask("lead.why", who="+4930555010002")
        self.assertEqual(refused["lead"]["status"], "rejected")
        job = refused["jobs"][0]
        self.assertEqual((job["state"], job["outcome"], job["reason"]),
                         ("failed", "rejected", "not selected: the company is Tiny"))
        self.assertEqual((refused["calls"], refused["decisions"]), ([], []))
        flow.ask("job.retry", id=job["_id"])  # a person has the last word
        flow.run_until("2026-03-02T07:00:00Z")
        self.assertEqual(sorted(ring["to"] for ring in flow.rings()),
                         ["+4930555010001", "+4930555010002"])


class Levers(Flow):
    NUMBERS = [f"+49305550{i:02d}001" for i in range(10, 50)]

    def setUp(self):
        super().setUp()
        self.flow = self.engine(more="trunk = { max_calls = 4; };")

    def states(self):
        counts = {}
        for job in self.flow.rows("job.list", kind="call"):
            counts[job["state"]] = counts.get(job["state"], 0) + 1
        return counts

    def begin(self):
        """Some have been called, some are on the line, most wait."""
        campaign = outbound(self.flow, self.NUMBERS)
        self.flow.run_until("2026-03-02T05:03:00Z")
        rung = len(self.flow.rings())
        self.assertGreater(rung, 3)
        self.assertLess(rung, len(self.NUMBERS))
        return campaign, rung

    def check_all_once(self):
        self.assertEqual(sorted(ring["to"] for ring in self.flow.rings()), self.NUMBERS)
        self.assertEqual(self.states(), {"done": len(self.NUMBERS)})

    def test_the_kill_switch(self):
        _, rung = self.begin()
        self.assertEqual(self.flow.ask("dialing.stop"), {"dialing": False})
        self.assertFalse(self.flow.ask("status")["dialing"])
        self.flow.run_until("2026-03-02T07:00:00Z")
        self.assertEqual(len(self.flow.rings()), rung)
        self.assertEqual(self.flow.ask("status")["running"]["call"], 0)
        self.assertEqual(self.states().get("done"), rung)  # live calls went on
        self.assertEqual(self.flow.ask("dialing.start"), {"dialing": True})
        self.flow.run_until("2026-03-02T12:00:00Z")
        self.check_all_once()

    def test_pause_and_resume(self):
        campaign, rung = self.begin()
        self.assertEqual(self.flow.ask("campaign.pause", id=campaign)["status"], "paused")
        self.flow.run_until("2026-03-02T08:00:00Z")
        self.assertEqual(len(self.flow.rings()), rung)
        self.assertEqual(self.flow.ask("campaign.get", id=campaign)["status"], "paused")
        with self.assertRaises(Refused):
            self.flow.ask("campaign.pause", id=campaign)
        self.assertEqual(self.flow.ask("campaign.resume", id=campaign)["status"], "active")
        self.flow.run_until("2026-03-02T20:00:00Z")
        self.check_all_once()
        self.assertEqual(self.flow.ask("campaign.get", id=campaign)["status"], "completed")

    def test_cancel(self):
        campaign, rung = self.begin()
        self.assertEqual(self.flow.ask("campaign.cancel", id=campaign)["status"], "canceled")
        self.flow.run_until("2026-03-02T20:00:00Z")
        self.assertEqual(len(self.flow.rings()), rung)
        self.assertEqual(self.states(), {"done": rung, "failed": len(self.NUMBERS) - rung})
        for command in ("campaign.resume", "campaign.start", "campaign.pause"):
            with self.assertRaises(Refused):
                self.flow.ask(command, id=campaign)
        names = [event["name"] for event in self.flow.ask("event.since", limit=1000)["events"]]
        self.assertEqual(names.count("campaign.ended"), 1)

    def test_cancel_one_job(self):
        outbound(self.flow, self.NUMBERS[:2], schedule=OFFICE)
        self.flow.run_until("2026-03-02T06:00:00Z")
        job = self.flow.rows("job.list", kind="call")[0]
        self.flow.ask("job.cancel", id=job["id"])
        self.flow.run_days(1)
        self.assertEqual([ring["to"] for ring in self.flow.rings()],
                         [number for number in self.NUMBERS[:2] if number != job["to"]])


if __name__ == "__main__":
    unittest.main()
