"""campaign.rehearse: the figures of a rehearsal against those of the campaign itself, that nothing is
written, that the same seed gives the same bytes, who can never be called, and that no child stays."""
import hashlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time

from flow_engine import BUILD, MONDAY, TELEPHONY, Flow, Refused

CTL = str(BUILD / "kejuectl")
CARRIER = TELEPHONY.replace("force_by_suffix = true;", "")
WINDOWS = {"windows": [{"days": [0, 1, 2, 3, 4, 5], "from": "09:00", "to": "20:00"}]}
LONG = os.environ.get("KEJUE_TEST_LONG") == "1"


def numbers(count, first=0):
    return [f"+4930{2000000 + 37 * (first + i)}" for i in range(count)]


class Rehearsal(Flow):
    def draft(self, engine, count, name="Spring", first=0, **more):
        """A campaign that has not begun."""
        if not engine.ask("group.list")["groups"]:
            engine.ask("group.create", key="sales", pack="lead-qualification",
                       whatsapp_enabled=False)
            engine.ask("assistant.create", group="sales", name="Anna", language="en",
                       company="Sunrise", first_message="Hello, this is Anna, an AI assistant.",
                       from_number="+4930901820")
        for at in range(0, count, 500):
            rows = [{"phone_number": number, "language": "en"}
                    for number in numbers(min(500, count - at), first + at)]
            engine.ask("lead.import", rows=rows, list=name)
        settings = {"schedule": WINDOWS, "retry": {"gaps_minutes": [240, 1440], "max_attempts": 3},
                    "limits": {"per_day": 2, "per_30_days": 6}, **more}
        return engine.ask("campaign.create", name=name, group="sales", list=name, **settings)["id"]

    def rehearse(self, engine, **args):
        answer = engine.ask("campaign.rehearse", **{"start": MONDAY, **args})
        while "operation" in answer:
            self.assertTrue(answer["simulated"])
            answer = engine.ask("campaign.rehearse", operation=answer["operation"])
        self.assertIs(answer["simulated"], True)
        return answer

    def documents(self):
        """A digest of every document in the store."""
        digest = hashlib.sha256()
        with sqlite3.connect(f"file:{self.dir}/kejue.db?mode=ro", uri=True) as db:
            tables = [row[0] for row in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            self.assertIn("campaigns", tables)
            for table in tables:
                for row in db.execute(f'SELECT * FROM "{table}" ORDER BY 1'):
                    digest.update(repr((table, row)).encode())
        return digest.hexdigest()

    def children(self, engine):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                    state, parent = stat.read().rsplit(")", 1)[1].split()[:2]
                with open(f"/proc/{pid}/cmdline", "rb") as line:
                    words = line.read()
            except OSError:
                continue  # it has ended meanwhile
            if int(parent) == engine.process.pid and b"--rehearse" in words and state != "Z":
                found.append(int(pid))
        return found


class Figures(Rehearsal):
    def test_as_the_campaign_itself(self):
        engine = self.engine(plugins=CARRIER % "", more="trunk = { max_calls = 10; };")
        campaign = self.draft(engine, 300)
        refused = numbers(3)
        for number in refused:
            engine.ask("lead.refuse", phone_number=number, source="asked by letter")
        before = self.documents()
        told = self.rehearse(engine, id=campaign)
        self.assertEqual(self.documents(), before, "a rehearsal has written to the store")

        # Who can never be called.
        self.assertEqual([(row["reason"], row["leads"], sorted(row["examples"]))
                          for row in told["never"]], [("do_not_call", 3, sorted(refused))])
        self.assertEqual(told["not_in_time"], [])

        # The sums agree with one another.
        self.assertEqual(sum(row["calls"] for row in told["per_hour"]), told["calls"])
        self.assertEqual(sum(told["dispositions"].values()), told["calls"])
        self.assertEqual(sum(row["reached"] for row in told["per_hour"]), told["reached"]["calls"])
        self.assertEqual(told["cost"]["amount_micros"], told["cost"]["minutes"] * 30000)
        self.assertEqual(told["pressure"]["lines"], 10)
        self.assertEqual(told["pressure"]["peak"], 10)
        self.assertGreater(told["pressure"]["at_limit_share"], 0.05)
        self.assertTrue(told["finished"])
        for hour in told["per_hour"]:
            self.assertRegex(hour["at"], r"T(0[89]|1[0-8]):00:00")  # 09:00 to 20:00 in Berlin

        # And with what comes of it.
        engine.ask("campaign.start", id=campaign)
        engine.run_days(14)
        real = engine.ask("campaign.stats", id=campaign)
        self.assertEqual(real["status"], "completed")
        self.assertAlmostEqual(told["calls"], real["attempts"], delta=0.05 * real["attempts"])
        self.assertAlmostEqual(told["reached"]["calls"], real["reached"],
                               delta=0.1 * real["reached"])
        for disposition, count in real["dispositions"].items():
            self.assertAlmostEqual(told["dispositions"].get(disposition, 0), count,
                                   delta=0.1 * count + 5, msg=disposition)
        self.assertEqual(told["finished_at"][:10], real["ended_at"][:10])

    def test_a_running_campaign_goes_on_from_where_it_stands(self):
        engine = self.engine(plugins=CARRIER % "")
        campaign = self.draft(engine, 120)
        whole = self.rehearse(engine, id=campaign)
        engine.ask("campaign.start", id=campaign)
        now = engine.run_days(1)
        made = engine.ask("campaign.stats", id=campaign)["attempts"]
        rest = self.rehearse(engine, id=campaign, start=now)
        self.assertAlmostEqual(made + rest["calls"], whole["calls"], delta=0.1 * whole["calls"])
        self.assertEqual(rest["leads"], 120)
        self.assertEqual(rest["never"], [])
        engine.ask("campaign.cancel", id=campaign)
        with self.assertRaises(Refused) as refused:
            self.rehearse(engine, id=campaign)
        self.assertIn("the campaign is over", refused.exception.text)

    def test_what_is_assumed_decides(self):
        engine = self.engine(plugins=CARRIER % "")
        campaign = self.draft(engine, 100)
        nobody = self.rehearse(engine, id=campaign, assumptions={"answer_by_hour": [0] * 24})
        self.assertEqual(nobody["reached"], {"calls": 0, "leads": 0, "share": 0.0})
        self.assertEqual(nobody["assumptions"]["answer_by_hour"], [0] * 24)
        plain = self.rehearse(engine, id=campaign, assumptions={"mix": {"human": 1}})
        longer = self.rehearse(engine, id=campaign, assumptions={
            "mix": {"human": 1}, "talk_factor": 2, "price_per_minute": 1, "currency": "USD"})
        # Who takes longer to pick up than it rings has not answered.
        self.assertEqual(set(plain["dispositions"]) - {"no_answer"}, {"completed"})
        self.assertGreater(longer["cost"]["talked_ms"], 1.5 * plain["cost"]["talked_ms"])
        self.assertEqual(longer["cost"]["amount_micros"], longer["cost"]["minutes"] * 1000000)
        few = self.rehearse(engine, id=campaign, days=1,
                            assumptions={"lines": 1, "mix": {"no_answer": 1}})
        self.assertEqual((few["pressure"]["lines"], few["pressure"]["peak"]), (1, 1))
        self.assertFalse(few["finished"])
        self.assertNotIn("finished_at", few)


class Answers(Rehearsal):
    def ctl(self, *words, code=0):
        result = subprocess.run([CTL, "--dir", str(self.dir), *words], capture_output=True,
                                text=True, timeout=120)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout, result.stderr

    def test_same_seed_same_bytes(self):
        engine = self.engine(plugins=CARRIER % "", clock=None)  # beside the real time
        campaign = self.draft(engine, 100)
        line = ["--json", "campaign.rehearse", f"id={campaign}", f"start={MONDAY}"]
        first, progress = self.ctl(*line, "seed=7")
        self.assertEqual(progress, "")
        self.assertEqual(self.ctl(*line, "seed=7")[0], first)
        other = json.loads(self.ctl(*line, "seed=8")[0])
        self.assertNotEqual(other["dispositions"], json.loads(first)["dispositions"])
        self.assertEqual((json.loads(first)["seed"], other["seed"]), (7, 8))
        hour = json.loads(self.ctl("--json", "campaign.rehearse", f"id={campaign}", "days=1")[0])
        self.assertTrue(hour["start"].endswith(":00:00.000Z"))
        self.assertGreater(engine.ask("status")["clock"]["now"], "2026-03-02T05")

    def test_for_people(self):
        engine = self.engine(plugins=CARRIER % "")
        campaign = self.draft(engine, 50)
        engine.ask("lead.refuse", phone_number=numbers(1)[0], source="asked by letter")
        text, _ = self.ctl("campaign.rehearse", f"id={campaign}", f"start={MONDAY}")
        self.assertTrue(text.startswith("SIMULATED: nobody was called\n"), text)
        self.assertRegex(text, r"(?m)^  2026-03-02 \|[ .:\-=+*#%@]{24}\| \d+ calls, \d+ reached$")
        self.assertRegex(text, r"(?m)^  do_not_call .*\+49302000000")
        self.assertNotIn("\033", text)

    def test_bad_input_has_a_sentence(self):
        engine = self.engine(plugins=CARRIER % "")
        campaign = self.draft(engine, 1)
        empty = engine.ask("campaign.create", name="Empty", group="sales", list="nobody")["id"]
        over = self.draft(engine, 1, name="Over", first=10, schedule={
            **WINDOWS, "ends_at": "2026-03-01T05:00:00Z"})
        later = self.draft(engine, 1, name="Later", first=20, schedule={
            **WINDOWS, "starts_at": "2027-03-01T05:00:00Z"})
        for args, words in (({"id": 99}, "no such campaign"),
                            ({"id": campaign, "days": 0}, "1"),
                            ({"id": campaign, "days": 10000}, "92"),
                            ({"id": empty}, "no leads"),
                            ({"id": over}, "ends before the rehearsal begins"),
                            ({"id": later}, "begins after the rehearsal ends"),
                            ({}, "names no campaign"),
                            ({"operation": "rehearsal-99"}, "no such rehearsal"),
                            ({"id": campaign, "assumptions": {"mix": {}}}, "mix"),
                            ({"id": campaign, "assumptions": {"mix": {"human": 0}}}, "mix")):
            with self.subTest(args=args), self.assertRaises(Refused) as refused:
                self.rehearse(engine, **args)
            self.assertIn(words, str(refused.exception))
        engine.wait(lambda: not self.children(engine), what="the end of the last child")
        self.assertEqual(self.rehearse(engine, id=campaign)["leads"], 1)  # nothing is left behind


class Ends(Rehearsal):
    def begin(self, engine, campaign):
        answer = engine.ask("campaign.rehearse", id=campaign, start=MONDAY, days=92)
        self.assertIn("operation", answer, "it was over too soon to be ended")
        self.assertEqual(len(self.children(engine)), 1)
        return answer["operation"]

    def test_no_child_stays(self):
        engine = self.engine(plugins=CARRIER % "", clock=None)
        campaign = self.draft(engine, 8000)
        operation = self.begin(engine, campaign)
        engine.ask("campaign.rehearse", operation=operation, cancel=True)
        engine.wait(lambda: not self.children(engine), what="the end after cancel")
        with self.assertRaises(Refused):
            engine.ask("campaign.rehearse", operation=operation)
        self.begin(engine, campaign)  # whoever asked has gone
        engine.wait(lambda: not self.children(engine), what="the end after the lease")
        self.begin(engine, campaign)
        child = self.children(engine)[0]
        self.assertEqual(engine.stop(), 0)
        end = time.monotonic() + 5
        while os.path.exists(f"/proc/{child}") and time.monotonic() < end:
            time.sleep(0.02)
        self.assertFalse(os.path.exists(f"/proc/{child}"), "the child has outlived kejued")

    def test_killed_with_its_daemon(self):
        engine = self.engine(plugins=CARRIER % "", clock=None)
        campaign = self.draft(engine, 8000)
        self.begin(engine, campaign)
        child = self.children(engine)[0]
        engine.kill()
        end = time.monotonic() + 5
        while os.path.exists(f"/proc/{child}") and time.monotonic() < end:
            time.sleep(0.02)
        self.assertFalse(os.path.exists(f"/proc/{child}"), "the child has outlived kejued")
        engine.start()  # for the cleanup

    def test_how_fast(self):
        count = 10000 if LONG else 500
        engine = self.engine(plugins=CARRIER % "", clock=None)
        campaign = self.draft(engine, count)
        before, began = os.times(), time.monotonic()
        told = self.rehearse(engine, id=campaign)
        wall = time.monotonic() - began
        self.assertEqual(told["leads"], count)
        engine.stop()
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"rehearsal of {count} leads, {told['calls']} calls: {wall:.2f} s, "
              f"{spent.ru_utime + spent.ru_stime - before.children_user - before.children_system:.2f}"
              " s of CPU with the daemon's import", file=sys.stderr)


if __name__ == "__main__":
    import unittest
    unittest.main()
