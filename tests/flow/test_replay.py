"""New rules over calls that are over: the difference is told call by call and in sum, by the command
and by kejue-rules with an exit code; it is the same each time, and nothing in the store has moved."""
import json
import shutil
import subprocess
import unittest

from flow_engine import BUILD, Flow, ROOT, Refused, stored
import test_import
from test_import import PACK

CALLS = 500
STRICTER = PACK.replace(">= 8000", ">= 12000")
KINDER = PACK.replace('{ "fair", function(c) return c.is("owner", true) end },', "").replace(
    '{ "poor" },', '{ "fair" },')
assert PACK != STRICTER != KINDER


def many_calls(count):
    """Recorded calls, told again with other people."""
    base = [call for call in test_import.recorded() if call["line"] not in test_import.Recorded.BAD]
    calls = []
    for number in range(count):
        call = {**base[number % len(base)], "external_id": f"old-{number}", "line": number + 1}
        call["lead"] = {**call["lead"], "phone_number": f"+4930{1000000 + number}"}
        calls.append(call)
    return calls


class Replay(Flow):
    def setUp(self):
        super().setUp()
        self.scripts = self.dir / "scripts"
        shutil.copytree(ROOT / "scripts", self.scripts)
        self.pack = self.scripts / "rules" / "solar.lua"
        self.pack.write_text(PACK, encoding="utf-8")

    def prepare(self, count=CALLS):
        flow = self.engine(scripts=self.scripts)
        flow.ask("group.create", key="old", pack="solar", whatsapp_enabled=True)
        result = flow.ask("call.import", group="old", calls=many_calls(count))
        self.assertEqual((result["accepted"], result["refused"]), (count, []))
        flow.run_days(1)
        return flow

    def sources(self, text):
        files = {f"lib/{file.name}": file.read_text(encoding="utf-8")
                 for file in (self.scripts / "lib").glob("*.lua")}
        return {"sources": {"rules/solar.lua": text, **files}, "path": "rules/solar.lua"}

    def whole(self, flow, **args):
        """All pages: the sum, and the rows."""
        total, rows, after, pages = {}, [], 0, 0
        while True:
            page = flow.ask("rules.replay", after=after, **args)
            rows += page.pop("rows")
            pages += 1
            for name, value in page.items():
                if isinstance(value, int) and name not in ("next", "of"):
                    total[name] = total.get(name, 0) + value
            if "next" not in page:
                return total, rows, pages
            after = page["next"]

    def expected(self, flow, limit):
        """By hand: who is excellent only by a budget below the limit, or no more."""
        levels = {}
        for row in flow.rows("decision.list"):
            variables = row["variables"]
            if not row["reached"]:
                continue
            now = variables.get("owner") and variables.get("budget", 0) >= limit
            if bool(now) != (row["success"] == "excellent"):
                levels[row["call_id"]] = row["success"]
        return levels

    def test_a_stricter_pack_is_told_call_by_call(self):
        flow = self.prepare()
        expected = self.expected(flow, 12000)
        self.assertGreater(len(expected), 10)
        before = stored(self.dir)
        total, rows, _ = self.whole(flow, **self.sources(STRICTER), changed_only=True)
        self.assertEqual({row["call_id"]: row["old"]["success"] for row in rows}, expected)
        self.assertEqual(total["calls"], CALLS)
        self.assertEqual((total["worse"], total["improved"], total["other"], total["changed"]),
                         (len(expected), 0, 0, len(expected)))
        self.assertEqual(total["same"], CALLS - len(expected))
        self.assertEqual((total["not_judged"], total["faults"], total["asked"]), (0, 0, 0))
        for row in rows:
            self.assertEqual((row["change"], row["differs"]), ("worse", ["success"]))
            self.assertEqual(row["old"]["variables"], row["new"]["variables"])

        # The same in other portions, and again: the same rows in the same order.
        for limit in (7, 130, 10000):
            again = self.whole(flow, **self.sources(STRICTER), changed_only=True, limit=limit)
            self.assertEqual(again[:2], (total, rows))
            self.assertEqual(again[2], -(-CALLS // limit) + (CALLS % limit == 0))
        self.assertEqual(stored(self.dir), before)

    def test_filters(self):
        flow = self.prepare(120)
        args = self.sources(KINDER)
        every, rows, _ = self.whole(flow, **args)
        self.assertEqual((every["calls"], len(rows)), (120, 120))
        self.assertGreater(every["improved"], 0)
        page = flow.ask("rules.replay", **args, count=True, limit=50)
        self.assertEqual((page["calls"], page["of"]), (50, 120))
        fair = self.whole(flow, **args, level="fair")[1]
        self.assertEqual(fair, [row for row in rows
                                if "fair" in (row["old"].get("success"), row["new"].get("success"))])
        self.assertEqual(self.whole(flow, **args, group="old")[0], every)
        flow.ask("group.create", key="empty", pack="solar")
        self.assertEqual(self.whole(flow, **args, group="empty")[0]["calls"], 0)
        self.assertEqual(self.whole(flow, **args, campaign_id=77)[0]["calls"], 0)
        middle = sorted(row["at"] for row in rows)[60]
        early = self.whole(flow, **args, until=middle)[0]["calls"]
        late = self.whole(flow, **args, since=middle)[0]["calls"]
        self.assertEqual(early + late, 120)
        self.assertGreater(min(early, late), 0)
        # The loaded pack, by name and by hash, makes of them what it made.
        loaded = {pack["name"]: pack["hash"] for pack in flow.ask("rules.list")["packs"]}
        for pack in ("solar", loaded["solar"]):
            same = self.whole(flow, pack=pack)[0]
            self.assertEqual((same["calls"], same["same"], same["changed"]), (120, 120, 0))

    def test_a_version_that_was_sent_is_replayed_by_its_hash(self):
        flow = self.prepare(60)
        wanted = self.whole(flow, **self.sources(STRICTER))[:2]
        hash = flow.ask("rules.send", **self.sources(STRICTER))["hash"]
        for _ in range(2):
            self.assertEqual(self.whole(flow, pack=hash)[:2], wanted)
            flow.stop()
            flow.start()  # it comes from the store

    def test_variables_and_templates_and_faults_are_told(self):
        flow = self.prepare(60)
        text = PACK.replace("variables = {", 'lead_status = { { "called" } },\n  variables = {\n'
                            '    rich = { type = "boolean", from = function(c)\n'
                            "      return (c.vars.budget or 0) > 1 end },")
        text = text.replace("success = {", "templates = { hello = { languages = { \"en\" }, "
                            'fallback_language = "en" } },\n'
                            '  template = { { "hello", function(c) return c.vars.rich end } },\n'
                            "  success = {")
        rows = self.whole(flow, **self.sources(text))[1]
        rich = [row for row in rows if row["new"].get("variables", {}).get("rich")]
        self.assertTrue(rich)
        for row in rich:
            self.assertIn("variables.rich", row["differs"])
            self.assertEqual("template" in row["differs"], "opt_out" not in row["new"], row)
        self.assertTrue(all("lead_status" in row["differs"] for row in rows))

        broken = PACK.replace('c.is("owner", true) and', "c.nothing.at_all and", 1)
        self.assertNotEqual(broken, PACK)
        total, rows, _ = self.whole(flow, **self.sources(broken))
        self.assertGreater(total["faults"], 0)
        self.assertEqual(total["faults"], sum("faults" in row for row in rows))

    def test_texts_that_no_model_saw_are_not_judged(self):
        flow = self.prepare(60)
        text = PACK.replace('{ "fair",', '{ "fair", "the lead laughed" },\n    { "fair",', 1)
        total, rows, _ = self.whole(flow, **self.sources(text), ask=True)
        reached = sum(row["reached"] for row in flow.rows("decision.list"))
        self.assertEqual((total["not_judged"], total["asked"], total["changed"]), (reached, 0, 0))
        self.assertEqual(sum(row.get("open_texts", 0) for row in rows), reached)

    def test_unusable_versions_are_refused(self):
        flow = self.prepare(5)
        for args, word in ((self.sources(PACK + "\nx"), "solar.lua"),
                           ({**self.sources(PACK), "path": "rules/other.lua"}, "other.lua"),
                           ({"pack": "nothing"}, "nothing"),
                           ({"pack": "f" * 64}, "no version with this hash"),
                           ({}, "pack"),
                           ({**self.sources(PACK), "pack": "solar"}, "pack"),
                           ({"pack": "solar", "since": "soon"}, "since")):
            with self.assertRaises(Refused) as caught:
                flow.ask("rules.replay", **args)
            self.assertIn(word, str(caught.exception))

    def tool(self, *options, text=None):
        if text is not None:
            self.pack.write_text(text, encoding="utf-8")
        return subprocess.run([BUILD / "kejue-rules", "replay", "--dir", self.dir, *options],
                              capture_output=True, text=True, timeout=60)

    def test_the_tool_tells_it_and_its_exit_code_is_for_ci(self):
        flow = self.prepare(300)
        expected = self.expected(flow, 12000)
        before = stored(self.dir)
        flow.close_bus()
        pack = ("--pack", str(self.pack))
        worse = self.tool(*pack, "--changed-only", "--rows", "1000", text=STRICTER)
        self.assertEqual((worse.returncode, worse.stderr), (1, ""))
        self.assertEqual(worse.stdout.count("excellent -> "), len(expected))
        self.assertIn(f"300 calls, 0 improved, {300 - len(expected)} same, {len(expected)} worse",
                      worse.stdout)
        told = json.loads(self.tool(*pack, "--changed-only", "--json").stdout)
        self.assertEqual({row["call_id"] for row in told["rows"]}, set(expected))
        self.assertEqual(self.tool(*pack, text=KINDER).returncode, 0)
        same = self.tool(*pack, "--rows", "0", text=PACK)
        self.assertEqual((same.returncode, same.stdout.count("\n")), (0, 1), same.stdout)
        self.assertIn("no call matches", self.tool(*pack, "--campaign", "9").stdout)
        for options, word in ((("--pack", "nowhere.lua"), "nowhere.lua"), ((), "--pack"),
                              ((*pack, "--rows", "many"), "many"), ((*pack, "--level"), "level"),
                              ((*pack, "--group", "none"), "group"),
                              ((*pack, "--bus", "ipc:///tmp/nobody.ipc"), "nobody")):
            refused = self.tool(*options)
            self.assertEqual(refused.returncode, 2, options)
            self.assertIn(word, refused.stderr)
        faulty = self.tool(*pack, text=PACK.replace("success", "sucess"))
        self.assertEqual(faulty.returncode, 2)
        self.assertIn("did you mean", faulty.stderr)
        self.assertEqual(stored(self.dir), before)


if __name__ == "__main__":
    unittest.main()
