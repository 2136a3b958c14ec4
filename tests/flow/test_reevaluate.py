"""A campaign's goal, tried on a few calls (writes nothing, three times a minute), saved, and put over
all of them by a job that may be killed at any moment."""
import json
import os
import random
import sqlite3
import time
import unittest

from flow_engine import Flow, Refused, TELEPHONY, outbound, stored

# Excellent is who says the word that is the goal.
PACK = """
return kejue.rules {
  name = "word",
  success = {
    { "excellent", function(c)
        local goal = c.campaign and c.campaign.goal or "?"
        for _, turn in ipairs(c.transcript) do
          if turn.speaker == "lead" and turn.text:find(goal, 1, true) then return true end
        end
      end },
    { "poor" },
  },
  score = function(c) return c.success == "excellent" and 90 or 10 end,
  tags = { { "won", function(c) return c.success == "excellent" end } },
}
"""
WIDE, NARROW = "e", "interested"
# The same, but a model says whether the goal is met, and whether somebody laughed.
ASKING = """
return kejue.rules {
  name = "word",
  success = { { "excellent", "the lead has met {campaign.goal}" }, { "good", "the lead laughed" },
              { "poor" } },
}
"""
LAUGHING = ASKING.replace('"good", "the lead laughed"', '"good", "the lead wept"')
LLM = """%s,
  { instance = "llm"; plugin = "llm";
    config = { url = "http://127.0.0.1:%d/v1"; model = "m"; api_key = "@llm.key"; }; }"""


class Goals(Flow):
    def setUp(self):
        super().setUp()
        self.scripts = self.dir / "scripts"
        (self.scripts / "rules").mkdir(parents=True)
        (self.scripts / "rules" / "word.lua").write_text(PACK, encoding="utf-8")

    def prepare(self, leads=40, goal=NARROW, **options):
        flow = self.engine(scripts=self.scripts, **options)
        flow.ask("group.create", key="sales", pack="word")
        flow.ask("assistant.create", group="sales", name="Anna", language="en",
                 first_message="Hello, this is Anna, an AI assistant.", from_number="+4930901820")
        numbers = [f"+49305550{10000 + number}" for number in range(leads)]
        campaign = outbound(flow, numbers, goal=goal, limits={"per_day": 5})
        flow.run_until("2026-03-02T06:00:00Z")
        flow.ask("dialing.stop")
        return flow, campaign

    def calls(self, flow, campaign):
        """Those with something to judge: call_id -> decision."""
        found = {}
        for decision in flow.rows("decision.list", campaign_id=campaign):
            call = flow.ask("call.get", call_id=decision["call_id"])
            if call["disposition"] == "completed" and call.get("transcript"):
                found[call["key"]] = {**decision, "says": [
                    turn["text"] for turn in call["transcript"] if turn["speaker"] == "lead"]}
        return found

    @staticmethod
    def verdict(decision, goal):
        if not decision["reached"]:
            return "not_applicable", None
        won = any(goal in text for text in decision["says"])
        return ("excellent", 90) if won else ("poor", 10)

    def refuse(self, flow, command, word, **args):
        with self.assertRaises(Refused) as caught:
            flow.ask(command, **args)
        self.assertIn(word, str(caught.exception))

    def test_a_goal_is_tried_on_ten_calls(self):
        flow, campaign = self.prepare()
        calls = self.calls(flow, campaign)
        ids = sorted(calls)[:10]
        before = stored(self.dir)
        told = flow.ask("campaign.test", id=campaign, goal=WIDE, calls=ids)
        self.assertEqual((told["calls"], told["left_out"], len(told["rows"])), (10, 0, 10))
        won = 0
        for row in told["rows"]:
            old = calls[row["call_id"]]
            self.assertEqual(row["old"]["success"], old["success"])
            self.assertEqual(row["new"]["success"], self.verdict(old, WIDE)[0])
            change = "same" if row["new"]["success"] == old["success"] else "improved"
            self.assertEqual(row["change"], change)
            won += change == "improved"
        self.assertEqual((told["improved"], told["same"], told["worse"]), (won, 10 - won, 0))
        self.assertGreater(won, 0)
        after = stored(self.dir)
        before.pop("limits"), after.pop("limits")  # where tests are counted
        self.assertEqual(after, before)

        # Only completed calls with a transcript, of this campaign; at most ten; three a minute.
        other = [call["key"] for call in flow.rows("call.list") if call["key"] not in calls][:2]
        self.assertTrue(other)
        told = flow.ask("campaign.test", id=campaign, goal=WIDE, calls=other + ids[:1])
        self.assertEqual((told["calls"], told["left_out"]), (1, len(other)))
        self.refuse(flow, "campaign.test", "calls", id=campaign, goal=WIDE,
                    calls=[f"c{number}" for number in range(11)])
        flow.ask("campaign.test", id=campaign, goal=NARROW, calls=ids)
        self.refuse(flow, "campaign.test", "3 times a minute", id=campaign, goal=WIDE, calls=ids)
        flow.run_until("2026-03-02T06:02:00Z")
        flow.ask("campaign.test", id=campaign, goal=WIDE, calls=ids)
        self.refuse(flow, "campaign.test", "no such campaign", id=99, goal=WIDE, calls=ids)

    def test_a_saved_goal_goes_over_all_calls(self):
        flow, campaign = self.prepare()
        calls = self.calls(flow, campaign)
        rings = flow.rings()
        jobs = {job["id"] for job in flow.rows("job.list")}
        plans = {id: flow.ask("call.get", call_id=id)["decision"]["plan"] for id in calls}
        flow.ask("campaign.update", id=campaign, goal=WIDE)
        self.assertEqual(self.calls(flow, campaign), calls)  # the past stays until it is asked for
        job = flow.ask("campaign.reevaluate", id=campaign)["job_id"]
        flow.run_until("2026-03-02T06:01:00Z")
        now = self.calls(flow, campaign)
        improved = 0
        for id, decision in now.items():
            success, score = self.verdict(decision, WIDE)
            self.assertEqual((decision["success"], decision.get("score")), (success, score))
            plan = flow.ask("call.get", call_id=id)["decision"]["plan"]
            self.assertEqual(plan.get("tags", []), ["won"] if success == "excellent" else [])
            for name in ("next", "template", "lead_status"):  # what was done stays
                self.assertEqual(plan.get(name), plans[id].get(name), name)
            lead = flow.ask("lead.get", id=decision["lead_id"])
            self.assertEqual((lead["success"], lead.get("score")), (success, score))
            improved += decision["success"] != calls[id]["success"]
        self.assertGreater(improved, 0)
        told = [event["data"] for event in self.all_events(flow)
                if event["name"] == "campaign.reevaluated"]
        self.assertEqual(len(told), 1)
        self.assertEqual((told[0]["calls"], told[0]["improved"], told[0]["same"]),
                         (len(calls), improved, len(calls) - improved))
        result = flow.ask("job.get", id=job)
        self.assertEqual((result["state"], result["result"]["improved"]), ("done", improved))
        state = flow.ask("campaign.get", id=campaign)["reevaluation"]
        self.assertEqual((state["state"], state["improved"]), ("done", improved))
        # Nobody was called or written to, and not so soon again.
        self.assertEqual(flow.rings(), rings)
        self.assertEqual({job["id"] for job in flow.rows("job.list")} - jobs, {job})
        self.refuse(flow, "campaign.reevaluate", "19 minutes", id=campaign)
        flow.run_until("2026-03-02T06:21:00Z")
        again = flow.ask("campaign.reevaluate", id=campaign)["job_id"]
        self.assertNotEqual(again, job)
        flow.run_until("2026-03-02T06:22:00Z")
        state = flow.ask("campaign.get", id=campaign)["reevaluation"]
        self.assertEqual((state["same"], state["improved"]), (len(calls), 0))
        self.refuse(flow, "campaign.reevaluate", "no such campaign", id=99)

    def test_the_model_is_asked_only_what_is_new(self):
        (self.scripts / "rules" / "word.lua").write_text(ASKING, encoding="utf-8")
        (self.dir / "llm.key").write_text("key", encoding="utf-8")
        (self.dir / "llm.key").chmod(0o600)
        peer = self.stand_in()  # a model that knows nothing: null is an answer, too
        flow, campaign = self.prepare(plugins=LLM % (TELEPHONY % "", peer.port),
                                      more='model = "llm";')
        calls = {key: row for key, row in self.calls(flow, campaign).items() if row["reached"]}
        self.assertEqual({row["success"] for row in calls.values()}, {"poor"})
        self.assertEqual(len(peer.taken()), len(calls))

        # A replay asks nothing by itself; with `ask` only the new text, and its answers are not kept.
        before = stored(self.dir)
        new = {"sources": {"rules/word.lua": LAUGHING}, "path": "rules/word.lua"}
        told = flow.ask("rules.replay", **new)
        self.assertEqual((told["not_judged"], told["asked"], told["improved"]), (len(calls), 0, 0))
        self.assertEqual(len(peer.taken()), len(calls))
        for _ in range(2):
            told = flow.ask("rules.replay", **new, ask=True)
            self.assertEqual((told["not_judged"], told["asked"]), (0, len(calls)))
        self.assertEqual(len(peer.taken()), 3 * len(calls))
        asked = json.dumps(peer.taken()[-1])
        self.assertTrue("wept" in asked and "has met" not in asked, asked)
        self.assertEqual(stored(self.dir), before)

        # Another goal: asked anew, only where the goal is named; kept once it is saved.
        ids = sorted(calls)[:10]
        flow.ask("campaign.test", id=campaign, goal="a house", calls=ids)
        self.assertEqual(len(peer.taken()), 3 * len(calls) + len(ids))
        flow.ask("campaign.update", id=campaign, goal="a house")
        flow.ask("campaign.reevaluate", id=campaign)
        flow.run_until("2026-03-02T06:01:00Z")
        state = flow.ask("campaign.get", id=campaign)["reevaluation"]
        self.assertEqual((state["asked"], state["not_judged"]), (len(calls), 0))
        whole = flow.ask("call.get", call_id=ids[0])
        self.assertEqual(whole["facts"]["campaign"]["goal"], "a house")
        self.assertEqual(set(whole["facts"]["answers"]["texts"]),
                         {"the lead has met {campaign.goal}", "the lead laughed"})
        flow.run_until("2026-03-02T06:30:00Z")
        flow.ask("campaign.reevaluate", id=campaign)
        flow.run_until("2026-03-02T06:31:00Z")
        self.assertEqual(flow.ask("campaign.get", id=campaign)["reevaluation"]["asked"], 0)

        # A shadow is asked about with the call: one question for both.
        count, hash = len(peer.taken()), flow.ask("rules.send", **new)["hash"]
        flow.ask("rules.shadow", group="sales", hash=hash)
        flow.ask("dialing.start")
        outbound(flow, ["+4930555010001"], name="Later", goal="a house")
        flow.run_until("2026-03-02T07:00:00Z")
        self.assertEqual(len(peer.taken()), count + 1)
        key = flow.rows("decision.list")[-1]["call_id"]
        self.assertEqual(set(flow.ask("call.get", call_id=key)["facts"]["answers"]["texts"]),
                         {"the lead has met {campaign.goal}", "the lead laughed", "the lead wept"})
        counts = flow.ask("rules.rollout", group="sales")["trial"]["counts"]
        self.assertEqual((counts["calls"], counts["same"]), (1, 1))

    def test_killed_at_any_moment_it_goes_on(self):
        flow, campaign = self.prepare(leads=250)
        before, cut, dice = self.calls(flow, campaign), 0, random.Random(5)
        enough = 5 if os.environ.get("KEJUE_TEST_LONG") else 1
        for turn in range(1, 31):
            goal = WIDE if turn % 2 else NARROW
            flow.ask("campaign.update", id=campaign, goal=goal)
            bus = flow.other_bus()
            bus.send({"id": "1", "cmd": "campaign.reevaluate", "args": {"id": campaign}})
            time.sleep(dice.uniform(0.001, 0.03))
            flow.kill()
            bus.close()
            state = self.last_job()
            flow.start()  # what was cut short goes on by itself
            cut += state == "running"
            if turn % 2 == 0 and cut >= enough:
                break
            flow.run_until(f"2026-03-02T{6 + turn // 2:02}:{30 * (turn % 2) + 1:02}:00Z")
            if state is None:
                flow.ask("campaign.reevaluate", id=campaign)
            now = self.calls(flow, campaign)
            for decision in now.values():
                self.assertEqual(decision["success"], self.verdict(decision, goal)[0])
            told = [event["data"] for event in self.all_events(flow)
                    if event["name"] == "campaign.reevaluated"]
            changes = sum(now[id]["success"] != before[id]["success"] for id in now)
            self.assertEqual(len(told), turn)
            self.assertEqual(told[-1]["calls"], len(before))
            self.assertEqual(told[-1]["improved"] + told[-1]["worse"], changes)
            before = now
        self.assertGreaterEqual(cut, enough, "it was never cut short")

    def last_job(self):
        """The state of the newest, None when the command was lost in the kill."""
        base = sqlite3.connect(f"file:{self.dir / 'kejue.db'}?mode=ro", uri=True)
        rows = base.execute("SELECT state FROM jobs WHERE kind = 'campaign.reevaluate' "
                            "ORDER BY id").fetchall()
        base.close()
        before, self.jobs = getattr(self, "jobs", 0), len(rows)
        return rows[-1][0] if len(rows) > before else None

    def all_events(self, flow):
        events, cursor = [], 0
        while True:
            page = flow.ask("event.since", cursor=cursor, limit=1000)
            if not page["events"]:
                return events
            events += page["events"]
            cursor = page["cursor"]


if __name__ == "__main__":
    unittest.main()
