"""rules.reload and rules.check: a bad change is told with file and line and changes nothing; a good
one is taken, also while calls run; those that run keep the version they began with."""
import shutil
import subprocess
import unittest

from flow_engine import Flow, ROOT, Refused, outbound

PACK = "lead-qualification"


class Rules(Flow):
    def setUp(self):
        super().setUp()
        self.scripts = self.dir / "scripts"
        shutil.copytree(ROOT / "scripts", self.scripts)
        self.file = self.scripts / "rules" / f"{PACK}.lua"
        self.good = self.file.read_text(encoding="utf-8")
        self.flow = self.engine(scripts=self.scripts)

    def hashes(self):
        return {pack["name"]: pack["hash"] for pack in self.flow.ask("rules.list")["packs"]}

    def write(self, old, new):
        """The good pack with one piece replaced; the line where it stands."""
        self.assertIn(old, self.good)
        self.file.write_text(self.good.replace(old, new, 1), encoding="utf-8")
        return self.good[:self.good.index(old)].count("\n") + 1

    def refuse(self, command, *words):
        before = self.hashes()
        with self.assertRaises(Refused) as caught:
            self.flow.ask(command)
        told = f"{caught.exception.place} {caught.exception.text}"
        for word in words:
            self.assertIn(str(word), told)
        self.assertEqual(self.hashes(), before)

    def test_a_syntax_error(self):
        line = self.write('name = "lead-qualification",', "name = = 1,")
        for command in ("rules.check", "rules.reload"):
            self.refuse(command, f"{PACK}.lua:{line}")

    def test_an_unknown_key(self):
        line = self.write("  score = {", "  scoore = {")
        for command in ("rules.check", "rules.reload"):
            self.refuse(command, f"{PACK}.lua:{line}", "scoore")

    def test_a_function_that_fails_its_tests(self):
        self.write('{ "excellent", function(c)\n      return c.is("interested", true)',
                   '{ "poor", function(c)\n      return c.is("interested", true)')
        for command in ("rules.check", "rules.reload"):
            self.refuse(command, f"{PACK}_test.lua:", "english")

    def test_a_bad_library_and_a_bad_hook(self):
        library = self.scripts / "lib" / "extract.lua"
        text = library.read_text(encoding="utf-8")
        library.write_text("local a = \n" + text, encoding="utf-8")
        self.refuse("rules.reload", "extract.lua:")
        library.write_text(text, encoding="utf-8")
        hook = self.scripts / "hooks" / "crm_note.lua"
        hook.write_text(hook.read_text(encoding="utf-8") + "\nos.exit(1)\n", encoding="utf-8")
        self.refuse("rules.reload", "crm_note.lua:")

    def test_a_good_change_is_taken(self):
        before = self.hashes()
        self.write('"the lead wants an offer or more information"', '"the lead wants an offer"')
        checked = self.flow.ask("rules.check")
        self.assertEqual(self.hashes(), before)  # a check changes nothing
        loaded = self.flow.ask("rules.reload")
        after = self.hashes()
        self.assertNotEqual(after[PACK], before[PACK])
        self.assertEqual({pack["name"]: pack["hash"] for pack in checked["packs"]}, after)
        changed = {pack["name"] for pack in loaded["packs"] if pack["changed"]}
        self.assertEqual(changed, {PACK, "lead-reactivation"})  # the second extends the first
        self.assertTrue(all(pack["tests"] > 0 for pack in loaded["packs"]))
        self.assertEqual({name for name in after if after[name] != before[name]}, changed)
        self.file.write_text(self.good, encoding="utf-8")
        self.flow.ask("rules.reload")
        self.assertEqual(self.hashes(), before)

    def test_reload_while_calls_run(self):
        before = self.hashes()[PACK]
        numbers = [f"+49305550{i:02d}001" for i in range(10, 40)]
        outbound(self.flow, numbers, limits={"per_day": 2, "max_concurrent": 4})
        self.flow.run_until("2026-03-02T05:02:30Z")
        running = self.flow.ask("status")["running"]["call"]
        self.assertGreater(running, 0)
        first = {row["call_id"] for row in self.flow.rows("decision.list")}
        self.write("{ 30, function(c)", "{ 29, function(c)")
        self.refuse("rules.reload", "_test.lua:")
        tests = self.scripts / "rules" / f"{PACK}_test.lua"
        tests.write_text('return kejue.tests { pack = "%s" }\n' % PACK, encoding="utf-8")
        self.flow.ask("rules.reload")
        after = self.hashes()[PACK]
        self.flow.run_until("2026-03-02T12:00:00Z")
        decided = self.flow.rows("decision.list")
        self.assertEqual(len(decided), len(numbers))
        for row in decided:
            self.assertEqual(row["hash"], before if row["call_id"] in first else after)
        self.assertTrue(0 < len(first) < len(numbers))

    def test_an_own_hook(self):
        """A hook gets what the rules saw and what they planned."""
        for file in (self.scripts / "hooks").iterdir():
            file.unlink()
        (self.scripts / "hooks" / "note.lua").write_text(
            'return kejue.hook { on = "call.analyzed", uses = {}, run = function(ev)\n'
            '  if ev.lead.first_name ~= "Ada" then error("who is that?") end\n'
            '  if ev.plan.success ~= "good" then error("was " .. ev.plan.success) end\n'
            'end }\n', encoding="utf-8")
        self.flow.ask("rules.reload")
        outbound(self.flow, ["+4930555010001",
                             {"phone_number": "+4930555020001", "first_name": "Bob"}])
        self.flow.run_until("2026-03-02T06:00:00Z")
        jobs = {job["lead_id"]: job for job in self.flow.rows("job.list", kind="hook")}
        self.assertEqual((jobs[1]["state"], jobs[2]["state"]), ("done", "parked"))
        self.assertIn("note.lua:2: who is that?", jobs[2]["reason"])
        calls = self.flow.rows("job.list", kind="call")  # its fault is its own
        self.assertEqual({job["state"] for job in calls}, {"done"})

    def test_a_pack_that_is_there_at_the_start_must_be_good(self):
        self.flow.stop()
        self.write('name = "lead-qualification",', "name = = 1,")
        result = subprocess.run(self.flow.command(), capture_output=True, text=True, timeout=30)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{PACK}.lua:", result.stderr)


if __name__ == "__main__":
    unittest.main()
