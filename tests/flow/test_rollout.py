"""A new version of a pack on trial in a group: as a shadow it only notes what it would have decided,
as a canary it decides for a share of the leads and goes by itself when a bound is crossed."""
import json
import os
import shutil
import subprocess
import unittest

from flow_engine import BUILD, Flow, ROOT, Refused, outbound
from test_import import PACK
from test_replay import KINDER, STRICTER, many_calls

# Fails on each call whose owner has spoken of a budget.
FAILING = PACK.replace('c.is("owner", true) and', '(c.vars.budget == nil or c.nothing.at_all) and', 1)
HOPELESS = PACK.replace('{ "excellent", function(c)', '{ "poor", function(c) return true end },\n'
                        '    { "excellent", function(c)', 1)


class Rollout(Flow):
    def setUp(self):
        super().setUp()
        self.scripts = self.dir / "scripts"
        shutil.copytree(ROOT / "scripts", self.scripts)
        self.pack = self.scripts / "rules" / "solar.lua"
        self.pack.write_text(PACK, encoding="utf-8")
        self.flow = self.engine(scripts=self.scripts)
        self.flow.ask("group.create", key="old", pack="solar", whatsapp_enabled=True)
        self.calls, self.taken, self.minutes = many_calls(600), 0, 0

    def pass_a_minute(self):
        self.minutes += 1
        self.flow.run_until(f"2026-03-02T06:{self.minutes:02}:00Z")

    def take(self, count):
        """So many more calls come in; their decisions by call_id."""
        calls = self.calls[self.taken:self.taken + count]
        self.taken += count
        self.assertEqual(self.flow.ask("call.import", group="old", calls=calls)["refused"], [])
        self.pass_a_minute()
        keys = {"import:" + call["external_id"] for call in calls}
        return {row["call_id"]: row for row in self.flow.rows("decision.list")
                if row["call_id"] in keys}

    def send(self, text):
        files = {f"lib/{file.name}": file.read_text(encoding="utf-8")
                 for file in (self.scripts / "lib").glob("*.lua")}
        return self.flow.ask("rules.send", sources={"rules/solar.lua": text, **files},
                             path="rules/solar.lua")["hash"]

    def loaded(self):
        return {pack["name"]: pack["hash"] for pack in self.flow.ask("rules.list")["packs"]}["solar"]

    def told(self):
        events, cursor = [], 0
        while True:
            page = self.flow.ask("event.since", cursor=cursor, limit=1000)
            if not page["events"]:
                return events
            events += [event["data"] for event in page["events"] if event["name"] == "rules.rollout"]
            cursor = page["cursor"]

    def refuse(self, command, word, **args):
        with self.assertRaises(Refused) as caught:
            self.flow.ask(command, **args)
        self.assertIn(word, str(caught.exception))

    def test_a_shadow_decides_nothing(self):
        before = self.take(100)
        live, trial = self.loaded(), self.send(STRICTER)
        self.flow.ask("rules.shadow", group="old", hash=trial)
        rows = self.take(100)
        self.assertEqual({row["hash"] for row in before.values()}, {live})
        self.assertEqual({row["hash"] for row in rows.values()}, {live})
        expected = {key for key, row in rows.items() if row["success"] == "excellent"
                    and row["variables"].get("budget", 0) < 12000}
        self.assertTrue(expected)
        page = self.flow.ask("rules.differences", group="old")
        self.assertEqual({row["call_id"] for row in page["differences"]}, expected)
        for row in page["differences"]:
            self.assertEqual((row["change"], row["differs"], row["hash"], row["failed"]),
                             ("worse", ["success"], trial, False))
        state = self.flow.ask("rules.rollout", group="old")
        self.assertEqual((state["live"], state["pinned"]), (live, False))
        counts = state["trial"]["counts"]
        self.assertEqual((counts["calls"], counts["worse"], counts["same"], counts["errors"]),
                         (100, len(expected), 100 - len(expected), 0))
        # Its failures are counted, and harm nobody.
        failing = self.send(FAILING)
        self.flow.ask("rules.shadow", group="old", hash=failing)
        self.assertEqual({row["hash"] for row in self.take(60).values()}, {live})
        counts = self.flow.ask("rules.rollout", group="old")["trial"]["counts"]
        self.assertEqual(counts["calls"], 60)
        self.assertGreater(counts["errors"], 0)
        self.assertTrue(any(row["failed"] for row in
                            self.flow.ask("rules.differences", group="old")["differences"]))
        self.assertEqual({job["state"] for job in self.flow.rows("job.list")}, {"done"})

    def test_a_canary_decides_for_a_share_and_is_promoted(self):
        live, trial = self.loaded(), self.send(KINDER)
        self.flow.ask("rules.canary", group="old", hash=trial, share="20%", max_fall=100)
        rows = self.take(300)
        tried = {row["lead_id"] for row in rows.values() if row["hash"] == trial}
        self.assertEqual({row["hash"] for row in rows.values()}, {live, trial})
        self.assertTrue(30 <= len(tried) <= 95, len(tried))  # 20 % of 300, give or take
        counts = self.flow.ask("rules.rollout", group="old")["trial"]["counts"]
        self.assertEqual((counts["calls"], counts["live_calls"]), (len(tried), 300 - len(tried)))
        self.assertEqual(counts["reached"], sum(row["reached"] for row in rows.values()
                                                if row["hash"] == trial))
        # After a restart the version comes from the store, and a lead stays on its side.
        self.flow.stop()
        self.flow.start()
        self.assertFalse(self.flow.ask("rules.rollout", group="old")["pinned"])
        again = [{**call, "external_id": "again-" + call["external_id"]} for call in self.calls[:200]]
        self.flow.ask("call.import", group="old", calls=again)
        self.pass_a_minute()
        now = {row["lead_id"]: row["hash"] for row in self.flow.rows("decision.list")
               if row["call_id"].startswith("import:again-")}
        self.assertEqual({lead for lead, hash in now.items() if hash == trial},
                         tried & set(now))

        self.flow.ask("rules.promote", group="old")
        self.assertEqual({row["hash"] for row in self.take(40).values()}, {trial})
        state = self.flow.ask("rules.rollout", group="old")
        self.assertEqual((state["live"], state["pinned"], state["previous"], state["last"]["outcome"]),
                         (trial, True, "", "promoted"))
        self.flow.ask("rules.rollback", group="old", reason="a doubt")
        self.assertEqual({row["hash"] for row in self.take(40).values()}, {live})
        self.refuse("rules.rollback", "no version before", group="old")
        self.assertEqual([event["outcome"] for event in self.told()],
                         ["started", "promoted", "rolled_back"])
        # Promoted again, then loaded from disk: the group follows what is loaded.
        self.flow.ask("rules.canary", group="old", hash=trial, share=50)
        self.flow.ask("rules.promote", group="old")
        self.assertTrue(self.flow.ask("rules.rollout", group="old")["pinned"])
        self.flow.ask("rules.promote", group="old", loaded=True)
        self.assertFalse(self.flow.ask("rules.rollout", group="old")["pinned"])
        self.flow.ask("rules.canary", group="old", hash=trial, share=50)
        self.pack.write_text(KINDER, encoding="utf-8")
        self.flow.ask("rules.reload")
        self.flow.ask("rules.promote", group="old")
        state = self.flow.ask("rules.rollout", group="old")
        self.assertEqual((state["live"], state["pinned"]), (self.loaded(), False))

    def ended_by_itself(self, trial, word):
        state = self.flow.ask("rules.rollout", group="old")
        self.assertNotIn("trial", state)
        self.assertEqual((state["last"]["hash"], state["last"]["outcome"]), (trial, "rolled_back"))
        self.assertIn(word, state["last"]["reason"])
        event = self.told()[-1]
        self.assertEqual((event["group"], event["outcome"], event["hash"], event["mode"]),
                         ("old", "rolled_back", trial, "canary"))
        self.assertEqual(event["reason"], state["last"]["reason"])
        self.assertGreater(event["counts"]["calls"], 0)
        self.assertEqual(len([event for event in self.told() if event["outcome"] == "rolled_back"]), 1)

    def test_a_canary_that_fails_goes_by_itself(self):
        live, trial = self.loaded(), self.send(FAILING)
        self.flow.ask("rules.canary", group="old", hash=trial, share=50, max_errors=3)
        rows = self.take(300)
        self.ended_by_itself(trial, "more than 3")
        self.assertEqual(len(rows), 300)  # what it failed on was decided by the version before
        self.assertEqual({job["state"] for job in self.flow.rows("job.list")}, {"done"})
        self.assertEqual({row["hash"] for row in self.take(50).values()}, {live})

    def test_a_canary_whose_success_falls_goes_by_itself(self):
        live, trial = self.loaded(), self.send(HOPELESS)
        self.flow.ask("rules.canary", group="old", hash=trial, share=50, min_calls=20, max_fall=5)
        self.take(300)
        self.ended_by_itself(trial, "success fell to 0 %")
        self.assertEqual({row["hash"] for row in self.take(50).values()}, {live})

    def test_what_cannot_be_tried_is_refused(self):
        live = self.loaded()
        other = {pack["name"]: pack["hash"] for pack in self.flow.ask("rules.list")["packs"]}
        self.refuse("rules.canary", "no version with this hash", group="old", hash="0" * 64, share=5)
        self.refuse("rules.canary", "already", group="old", hash=live, share=5)
        self.refuse("rules.shadow", "another pack", group="old", hash=other["lead-qualification"])
        self.refuse("rules.shadow", "no such group", group="none", hash=live)
        self.refuse("rules.canary", "share", group="old", hash=live, share="100%")
        self.refuse("rules.promote", "no version is on trial", group="old")
        self.refuse("rules.send", "solar.lua", sources={"rules/solar.lua": "return 1"},
                    path="rules/solar.lua")
        # Another pack for the group: the trial of the first is over.
        self.flow.ask("rules.shadow", group="old", hash=self.send(KINDER))
        self.flow.ask("group.update", key="old", pack="lead-qualification")
        self.assertNotIn("trial", self.flow.ask("rules.rollout", group="old"))

    def test_the_tool_sends_a_pack(self):
        self.pack.write_text(KINDER, encoding="utf-8")
        self.flow.close_bus()
        sent = subprocess.run([BUILD / "kejue-rules", "send", "--dir", self.dir, "--json", "--pack",
                               self.pack], capture_output=True, text=True, timeout=60)
        self.assertEqual((sent.returncode, sent.stderr), (0, ""))
        told = json.loads(sent.stdout)
        self.assertEqual((told["name"], told["hash"]), ("solar", self.send(KINDER)))
        self.flow.ask("rules.shadow", group="old", hash=told["hash"])
        for options in ((), ("--pack", "nowhere.lua"), ("--pack", self.pack, "--bus", "ipc:///no")):
            refused = subprocess.run([BUILD / "kejue-rules", "send", *options], capture_output=True,
                                     text=True, timeout=60)
            self.assertEqual(refused.returncode, 2)
            self.assertTrue(refused.stderr)

    def test_the_way_that_the_manual_tells(self):
        text = (self.scripts / "README.md").read_text(encoding="utf-8")
        block = text.split("## From a change to all calls")[1].split("```")[1]
        outbound(self.flow, ["+4930555010001", "+4930555010002"])
        self.flow.run_until("2026-03-02T06:00:00Z")
        pack = self.scripts / "rules" / "lead-qualification.lua"
        pack.write_text(pack.read_text(encoding="utf-8") + "-- changed\n", encoding="utf-8")
        self.flow.close_bus()
        told = subprocess.run(["sh", "-e", "-c", block], cwd=self.dir, capture_output=True, text=True,
                              timeout=60, env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}",
                                               "KEJUE_BUS": f"ipc://{self.dir}/bus.ipc"})
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertIn("2 calls, 0 improved, 2 same, 0 worse; 0 differ", told.stdout)
        self.assertEqual([event["outcome"] for event in self.told()],
                         ["started", "started", "promoted", "rolled_back"])


if __name__ == "__main__":
    unittest.main()
