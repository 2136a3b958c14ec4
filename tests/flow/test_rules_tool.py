"""kejue-rules as an integrator meets it: a pack from nothing to a replay, in the order of the manual's
tour; and typical mistakes, each answered by a sentence that names the line and the cure."""
import json
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile
import unittest

from flow_engine import BUILD, Flow, ROOT
import test_import

PACK = """local function serious(c) return c.is("owner", true) and (c.vars.budget or 0) >= 5000 end
return kejue.rules {
  name = "solar",
  settings = { floor = { type = "integer", default = 5000 } },
  variables = {
    owner = { type = "boolean", guidance = "owns the house" },
    budget = { type = "integer", min = 0, max = 100000, guidance = "budget in euro" },
    heating = { type = "enum", values = { "gas", "oil", "heat_pump" }, guidance = "how it is heated" },
  },
  success = {
    { "excellent", function(c) return c.appointment ~= nil end },
    { "good", serious },
    { "fair", function(c) return c.is("owner", true) end },
    { "poor" },
  },
  templates = {
    visit = { languages = { "de", "en" }, fallback_language = "en" },
  },
  template = { { "visit", function(c) return c.success == "good" end } },
  retry = { gaps = { "3h", "1d" }, on = { "busy", "no_answer" } },
  effects = function(c)
    return { { key = "crm", verb = "crm.upsert", args = { record = { phone = c.lead.phone_number } } } }
  end,
}
"""
TESTS = """return kejue.tests { pack = "solar",
  { "an owner", c = { vars = { owner = true, budget = 9000 } }, plan = { success = "good" } },
}
"""
HOOK = """return kejue.hook { on = "call.analyzed", uses = { "crm.upsert" }, run = function(ev)
  return kejue.call("crm.upsert", { record = { lead = ev.lead.id } })
end }
"""
# What is written for what; the line it is in; words of the answer, the cure among them.
MISTAKES = [
    ("a key misspelt", "  retry = {", "  retyr = {", "key of a pack", 'did you mean "retry"'),
    ("a level misspelt", '{ "excellent"', '{ "excelent"', 'did you mean "excellent"'),
    ("a row that is never reached", '    { "fair", function(c) return c.is("owner", true) end },',
     '    { "fair" },', "never reached", "has no condition"),
    ("a type misspelt", 'budget = { type = "integer"', 'budget = { type = "interger"',
     'did you mean "integer"'),
    ("an enum without values", 'values = { "gas", "oil", "heat_pump" }, ', "", "values"),
    ("a field of a variable misspelt", 'guidance = "owns', 'guidence = "owns',
     'did you mean "guidance"'),
    ("a template that is not there", 'template = { { "visit"', 'template = { { "vist"',
     'did you mean "visit"'),
    ("a fallback in no language of the template", 'fallback_language = "en"',
     'fallback_language = "es"', 'did you mean "en"'),
    ("a function called instead of given", '{ "good", serious }', '{ "good", serious({ is = function() return false end }) }',
     "was a function called instead of given"),
    ("a field of the call misspelt", "c.lead.phone_number", "c.lead.phone_nubmer",
     'did you mean "phone_number"'),
    ("a variable misspelt", "c.vars.budget", "c.vars.bugdet", 'did you mean "budget"'),
    ("a variable misspelt in is()", 'c.is("owner", true) and', 'c.is("onwer", true) and',
     'did you mean "owner"'),
    ("nobody asked is not false", 'return c.is("owner", true) end', "return not c.vars.owner end",
     'c.is("x", false)'),
    ("a syntax error", '  name = "solar",', '  name = = "solar",', "unexpected symbol"),
    ("a comma forgotten", '  name = "solar",', '  name = "solar"', "'}' expected"),
    ("a global variable", "return kejue.rules {", "total = 1 return kejue.rules {", "local"),
    ("a library of the system", "return kejue.rules {", "local now = os.time() return kejue.rules {",
     "os"),
    ("a file that is not there", "return kejue.rules {",
     'local extract = require("extrakt") return kejue.rules {', "extrakt"),
    ("a gap in words", 'gaps = { "3h"', 'gaps = { "3 hours"', '"2h"'),
    ("a disposition misspelt", 'on = { "busy"', 'on = { "bussy"', 'did you mean "busy"'),
    ("an effect without a verb", 'verb = "crm.upsert", ', "", "verb"),
    ("a verb that nobody offers", 'verb = "crm.upsert"', 'verb = "crm.upsrt"',
     'did you mean "crm.upsert"'),
    ("another name than the file's", 'name = "solar"', 'name = "sollar"', "called like its file"),
    ("something done in a rule", "return c.appointment ~= nil end",
     'return kejue.call("crm.upsert", {}) end', "for hooks"),
    ("a level that nothing leads to", '    { "fair", function(c) return c.is("owner", true) end },\n',
     "", 'no row leads to the level "fair"'),
    ("no row for the others", '    { "poor" },\n', "", "end with a row without a condition"),
]
HOOK_MISTAKES = [
    ("an event misspelt", '"call.analyzed"', '"call.analysed"', 'did you mean "call.analyzed"'),
    ("a field misspelt", "uses =", "usse =", 'did you mean "uses"'),
    ("a verb that is not in uses", 'kejue.call("crm.upsert"', 'kejue.call("crm.upsrt"',
     'did you mean "crm.upsert"'),
    ("no function", "run = function(ev)", "ran = function(ev)", 'did you mean "run"'),
    ("a schedule without its span", 'on = "call.analyzed"', 'on = "schedule"', 'every = "1h"'),
]


class Scripts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kejue-rules-")
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        for name in ("rules", "hooks"):
            (self.dir / name).mkdir()
        shutil.copytree(ROOT / "scripts" / "lib", self.dir / "lib")

    def run_tool(self, *words, text=None, code=0):
        done = subprocess.run([BUILD / "kejue-rules", *map(str, words)], input=text, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr


class Mistakes(Scripts):
    def answer(self, file, text):
        """What check says, and test where check has nothing to say."""
        (self.dir / file).write_text(text, encoding="utf-8")
        done = subprocess.run([BUILD / "kejue-rules", "check", self.dir], text=True,
                              capture_output=True, timeout=60)
        said = done.stdout + done.stderr
        if done.returncode == 0 and "warning" not in said:
            said = self.run_tool("test", self.dir, code=1)
        return said

    def judge(self, file, good, mistakes):
        for name, old, new, *words in mistakes:
            with self.subTest(name):
                self.assertEqual(good.count(old) > 0, True, old)
                bad = good.replace(old, new, 1)
                line = good[:good.index(old)].count("\n") + 1
                said = self.answer(file, bad)
                place = [f"{file}:{line + shift}" for shift in (0, 1, -1, -2)]
                self.assertTrue(any(one in said for one in place), said)
                for word in words:
                    self.assertIn(word, said)

    def test_packs(self):
        (self.dir / "rules/solar_test.lua").write_text(TESTS, encoding="utf-8")
        (self.dir / "rules/solar.lua").write_text(PACK, encoding="utf-8")
        self.assertIn("0 warnings", self.run_tool("check", self.dir))
        self.assertIn("1 tests, 0 failed", self.run_tool("test", self.dir))
        self.judge("rules/solar.lua", PACK, MISTAKES)
        self.assertGreaterEqual(len(MISTAKES), 20)

    def test_hooks(self):
        (self.dir / "hooks/note_test.lua").write_text(
            'return kejue.tests { hook = "note.lua", { "noted", event = { lead = { id = 1 } },\n'
            '  steps = { { "crm.upsert", result = { id = "1" } } } } }', encoding="utf-8")
        (self.dir / "hooks/note.lua").write_text(HOOK, encoding="utf-8")
        self.assertIn("1 tests, 0 failed", self.run_tool("test", self.dir))
        self.judge("hooks/note.lua", HOOK, HOOK_MISTAKES)


class Shell(Scripts):
    FACTS = {"kind": "call", "now": "2026-01-05T10:00:00Z",
             "lead": {"id": "lead_1", "first_name": "Ada", "phone_number": "+4930123456"},
             "call": {"reached": True, "disposition": "completed", "attempt": 1},
             "answers": {"variables": {"owner": {"value": True}, "budget": {"value": 4000}}}}

    def setUp(self):
        super().setUp()
        self.pack = self.dir / "rules/solar.lua"
        self.pack.write_text(PACK, encoding="utf-8")
        self.facts = self.dir / "facts.json"
        self.facts.write_text(json.dumps(self.FACTS))

    def test_explain(self):
        said = self.run_tool("explain", self.pack, self.facts)
        self.assertIn('"fair"  rules/solar.lua:13', said)
        self.assertIn("saw vars.budget = 4000", said)
        plan = json.loads(self.run_tool("explain", "--json", self.pack, self.facts))
        self.assertEqual(plan["success"], "fair")

    def test_repl(self):
        said = self.run_tool("repl", self.pack, self.facts, text="\n".join([
            "c.lead.first_name", "c.success", "c.lead.emial", ".set lead.first_name \"Bob\"",
            "c.lead.first_name .. '!'", ".var budget 9000", "c.success", ".plan success",
            "c.vars.budget +", ".set lead.first_name Bob", ".facts lead.first_name", ".nonsense",
            f".save {self.dir}/saved.json", ".quit", "c.never"]))
        lines = said.splitlines()
        self.assertEqual(lines[:2], ['"Ada"', '"fair"'])
        self.assertIn('did you mean "email"', lines[2])
        self.assertEqual(lines[3:5], ['"Bob!"', '"good"'])
        self.assertIn('"good"  rules/solar.lua:12', said)
        self.assertIn("a text stands in double quotes", said)
        self.assertIn(".answer", said)
        self.assertNotIn("never", said)
        saved = json.loads((self.dir / "saved.json").read_text())
        self.assertEqual(saved["lead"]["first_name"], "Bob")

    def test_repl_on_a_terminal(self):
        """Completion and history: c.lead.fi<TAB> becomes c.lead.first_name."""
        master, slave = pty.openpty()
        with subprocess.Popen([BUILD / "kejue-rules", "repl", self.pack, self.facts], stdin=slave,
                              stdout=slave, stderr=slave,
                              env={**os.environ, "HOME": str(self.dir), "TERM": "xterm"}) as shell:
            os.close(slave)
            os.write(master, b"c.lead.fi\t\n.quit\n")
            said = b""
            try:
                while more := os.read(master, 4096):
                    said += more
            except OSError:
                pass
            self.assertEqual(shell.wait(10), 0)
        os.close(master)
        self.assertIn(b'"Ada"', said)
        self.assertIn("c.lead.first_name", (self.dir / ".kejue-rules-history").read_text()
                      .replace("\\040", " "))

    def test_types(self):
        self.run_tool("types", self.dir)
        text = (self.dir / "kejue.d.lua").read_text()
        for line in ("---@class kejue.c.lead", "---@field first_name? any",
                     "---@field transcript kejue.c.transcript[]", "function kejue.rules(pack) end"):
            self.assertIn(line, text)
        self.run_tool("types", self.dir / "nowhere", code=2)
        there = self.run_tool("repl", self.pack, self.facts, text=(
            "(function() local t = {} for k, v in pairs(kejue) do t[#t + 1] = k end return t end)()"))
        for name in json.loads(there):  # the whole library, and what is added to it one day
            self.assertRegex(text, rf"kejue\.{name}\b|\b{name} = {{}}")

    def test_new_writes_over_nothing(self):
        before = self.pack.read_text()
        self.assertIn("File exists", self.run_tool("new", "solar", self.dir, code=2))
        self.assertEqual(self.pack.read_text(), before)
        self.run_tool("new", "Not a name", self.dir, code=2)
        self.assertIn("kejue-rules new", self.run_tool("new", "--help"))
        self.run_tool("new", "wind", self.dir)
        self.run_tool("new", "--hook", "told", self.dir)
        self.assertIn("6 tests, 0 failed", self.run_tool("test", self.dir))
        self.assertIn("0 warnings", self.run_tool("check", self.dir))


class Tour(Scripts):
    """The manual's tour as it stands, in another folder."""

    def test_tour(self):
        manual = (ROOT / "scripts/README.md").read_text(encoding="utf-8")
        script = manual.split("```sh\n")[1].split("```")[0]
        script = script.replace("/tmp/rules", str(self.dir / "own")) 
        done = subprocess.run(["bash", "-eu", "-c", "trap 'kill $!' EXIT\n" + script], cwd=ROOT, text=True,
                              capture_output=True, timeout=100,
                              env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})
        said = done.stdout + done.stderr
        self.assertIn("4 tests, 0 failed", said)
        self.assertIn("0 warnings", said)
        self.assertIn('return kejue.tests { pack = "solar",', said)
        self.assertIn("rules/solar.lua:", said)
        self.assertIn("32 improved", said)

    def test_a_fixture_is_a_test(self):
        """What call.fixture gives passes beside the pack that judged the call."""
        engine = Flow.engine(self, scripts=ROOT / "scripts")
        engine.ask("group.create", key="sales", pack="lead-qualification")
        engine.ask("assistant.create", group="sales", name="Anna", language="en", company="Sunrise")
        engine.ask("call.import", group="sales", calls=[
            call for call in test_import.recorded()[:40]
            if call["line"] not in test_import.Recorded.BAD])
        engine.run_days(1)
        decisions = engine.rows("decision.list")
        self.assertGreater(len(decisions), 20)
        shutil.copytree(ROOT / "scripts/rules", self.dir / "rules", dirs_exist_ok=True)
        for decision in decisions:
            made = engine.ask("call.fixture", call_id=decision["call_id"])
            (self.dir / "rules/lead-qualification_test.lua").write_text(made["lua"])
            said = self.run_tool("test", self.dir / "rules/lead-qualification.lua")
            self.assertIn("1 tests, 0 failed", said)

    check_log = Flow.check_log


if __name__ == "__main__":
    unittest.main()
