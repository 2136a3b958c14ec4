"""Kinds of jobs that a script declares: submitted through the doors, run, told by job.ended, retried,
and parked with a reason when no file declares them any more."""
import shutil
import unittest

from flow_engine import ROOT, Flow, Refused

KIND = """return kejue.kind { name = "double", uses = {}, run = function(ev)
  if ev.data.fail and ev.job.attempts == 0 then
    return kejue.retry("1m", "not the first time", { attempts = 3 })
  end
  return { twice = 2 * ev.data.n, key = ev.job.key }
end }
"""


class Kinds(Flow):
    def setUp(self):
        super().setUp()
        self.scripts = self.dir / "scripts"
        shutil.copytree(ROOT / "scripts", self.scripts)
        (self.scripts / "hooks" / "double.lua").write_text(KIND)

    def ended(self, engine):
        events = engine.ask("event.since", cursor=0, limit=1000)["events"]
        return [event["data"] for event in events if event["name"] == "job.ended"]

    def test_runs_and_tells(self):
        engine = self.engine(scripts=self.scripts)
        one = engine.ask("job.submit", kind="kind.double", key="a", payload={"n": 21})
        again = engine.ask("job.submit", kind="kind.double", key="a", payload={"n": 22})
        self.assertEqual(again, {"id": one["id"], "created": False})
        retried = engine.ask("job.submit", kind="kind.double", payload={"n": 1, "fail": True})
        engine.run_days(1)
        job = engine.ask("job.get", id=one["id"])
        self.assertEqual((job["state"], job["result"]["value"]), ("done", {"twice": 42, "key": "a"}))
        job = engine.ask("job.get", id=retried["id"])
        self.assertEqual((job["state"], job["attempts"]), ("done", 1))
        self.assertEqual(self.ended(engine), [
            {"id": one["id"], "kind": "kind.double", "key": "a", "state": "done"},
            {"id": retried["id"], "kind": "kind.double", "state": "done"}])

    def test_a_kind_that_is_gone(self):
        engine = self.engine(scripts=self.scripts)
        with self.assertRaises(Refused):
            engine.ask("job.submit", kind="kind.triple", payload={})
        (self.scripts / "hooks" / "double.lua").unlink()
        engine.ask("rules.reload")
        lost = engine.ask("job.submit", kind="kind.double", payload={"n": 1})
        engine.run_days(1)
        job = engine.ask("job.get", id=lost["id"])
        self.assertEqual(job["state"], "parked")
        self.assertIn("declares this kind any more", job["reason"])
        (self.scripts / "hooks" / "double.lua").write_text(KIND)
        engine.ask("rules.reload")
        engine.ask("job.retry", id=lost["id"])
        engine.run_days(1)
        self.assertEqual(engine.ask("job.get", id=lost["id"])["result"]["value"]["twice"], 2)
        self.assertEqual([end["state"] for end in self.ended(engine)], ["parked", "done"])


if __name__ == "__main__":
    unittest.main()
