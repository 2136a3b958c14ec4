"""kejue-schema as a shell uses it: verdicts and their exit codes, each fault with its place, unusable
schemas and files, standard input, many documents, --json, and whether a text is JSON."""
import json
import os
import pathlib
import pty
import random
import subprocess
import tempfile
import unittest

from flow_engine import BUILD

TOOL = str(BUILD / "kejue-schema")
SCHEMA = {"type": "object", "required": ["name"], "additionalProperties": False,
          "properties": {"name": {"type": "string", "minLength": 1},
                         "age": {"type": "integer", "minimum": 18},
                         "mail": {"format": "email"},
                         "tags": {"type": "array", "items": {"enum": ["red", "green"]}}}}


class Tool(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.schema = self.write("schema.json", SCHEMA)

    def write(self, name, value):
        path = self.dir / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(value, bytes):
            path.write_bytes(value)
        else:
            path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return str(path)

    def run_tool(self, *words, code, stdin=""):
        """(standard output, errors)"""
        result = subprocess.run([TOOL, *words], input=stdin, capture_output=True, text=True,
                                timeout=60)
        self.assertEqual(result.returncode, code, f"{words}: {result.stdout}{result.stderr}")
        self.assertNotIn("\033", result.stdout + result.stderr)
        return result.stdout, result.stderr

    def judge(self, *words, code, stdin=""):
        return json.loads(self.run_tool("--json", *words, code=code, stdin=stdin)[0])


class Verdicts(Tool):
    def test_good(self):
        doc = self.write("good.json", {"name": "Anna", "age": 18})
        self.assertEqual(self.run_tool(self.schema, doc, code=0), (f"{doc}: valid\n", ""))

    def test_every_fault_is_told(self):
        doc = self.write("bad.json", {"name": "", "age": 17.5, "tags": ["red", "blue"], "nam": 1})
        out, errors = self.run_tool(self.schema, doc, code=1)
        self.assertEqual(errors, "")
        lines = out.splitlines()
        self.assertEqual([line.split(": ")[:2] for line in lines],
                         [[f"{doc}#/name", "minLength"], [f"{doc}#/age", "type"],
                          [f"{doc}#/tags/1", "enum"], [f"{doc}#/nam", "additionalProperties"]])
        self.assertTrue(lines[3].endswith('did you mean "name"?'), lines[3])
        out, _ = self.run_tool(self.schema, self.write("list.json", []), code=1)
        self.assertRegex(out, r"^\S+list.json#: type: must be an object, is a list\n$")

    def test_more_faults_than_a_screen(self):
        doc = self.write("many.json", {"name": "x", "tags": ["blue"] * 700})
        self.assertEqual(len(self.run_tool(self.schema, doc, code=1)[0].splitlines()), 700)

    def test_any_value(self):
        whole = self.write("whole.json", {"type": "integer"})
        self.run_tool(whole, "-", stdin="5", code=0)
        self.run_tool(whole, "-", stdin='"5"', code=1)
        self.run_tool(self.write("yes.json", "true"), "-", stdin="null", code=0)
        self.run_tool(self.write("no.json", "false"), "-", stdin="null", code=1)
        nul = self.write("nul.json", {"const": "a\0b"})
        self.run_tool(nul, "-", stdin='"a\\u0000b"', code=0)
        self.run_tool(nul, "-", stdin='"a\\u0000c"', code=1)

    def test_formats(self):
        doc = self.write("mail.json", {"name": "x", "mail": "nobody"})
        self.run_tool(self.schema, doc, code=1)
        dialect = "https://json-schema.org/draft/2020-12/schema"
        standard = self.write("standard.json", {"$schema": dialect, **SCHEMA})
        self.run_tool(standard, doc, code=0)
        out, _ = self.run_tool("--formats", standard, doc, code=1)
        self.assertIn("#/mail: format: must be an e-mail address", out)

    def test_schemas_beside_it_and_ours(self):
        self.write("parts/name.json", {"$defs": {"short": {"maxLength": 3}}})
        schema = self.write("refers.json", {"properties": {
            "name": {"$ref": "parts/name.json#/$defs/short"},
            "schedule": {"$ref": "documents/schedule"}}})
        good = self.write("a.json", {"name": "Ann", "schedule": {"weekend": "off"}})
        bad = self.write("b.json", {"name": "Anna", "schedule": {"weekend": "of"}})
        out, _ = self.run_tool(schema, good, bad, code=1)
        self.assertEqual([line.split(": ")[0] for line in out.splitlines()],
                         [good, f"{bad}#/name", f"{bad}#/schedule/weekend"])

    def test_member_of_a_file(self):
        file = self.write("command.json", {"request": {"required": ["id"]}, "response": {}})
        self.run_tool(f"{file}#/request", "-", stdin="{}", code=1)
        self.run_tool(f"{file}#/response", "-", stdin="{}", code=0)
        self.run_tool(f"{file}#/other", "-", stdin="{}", code=2)


class Unusable(Tool):
    def test_schemas(self):
        doc = self.write("doc.json", {})
        for schema, place in (({"type": "text"}, "#/type: "), ({"minimum": "1"}, "#/minimum: "),
                              ({"pattern": "("}, "#/pattern: "), ({"$ref": "#/gone"}, "#/$ref: "),
                              ({"$ref": "gone.json"}, "#/$ref: "), ("5", "is no schema"),
                              ("[]", "is no schema"), ('{"a":', "line 1, column 6: ")):
            path = self.write("unusable.json", schema)
            out, errors = self.run_tool(path, doc, code=2)
            self.assertEqual(out, "")
            self.assertTrue(errors.startswith(f"{path}: {place}"), errors)
            told = self.judge(path, doc, code=2)
            self.assertEqual((told["ok"], told["schema"], told["documents"]), (False, path, []))
            self.assertTrue(told["error"]["text"])

    def test_documents(self):
        good = self.write("good.json", {"name": "x"})
        for value, place in (("", "line 1, column 1: "), ('{"name":"x",\n "name":"y"}',
                             "line 2, column 2: "), (b'{"name":"\xff"}', "line 1, column 10: "),
                             ('{"a\\u0000":1}', "line 1, column 2: "), ("[1] x", "line 1, column 5")):
            doc = self.write("unreadable.json", value)
            out, errors = self.run_tool(self.schema, doc, good, code=2)
            self.assertTrue(errors.startswith(f"{doc}: {place}"), errors)
            self.assertEqual(out, f"{good}: valid\n") # the others are judged all the same
        missing = str(self.dir / "missing.json")
        self.assertEqual(self.run_tool(self.schema, missing, code=2)[1],
                         f"{missing}: cannot be opened: No such file or directory\n")
        self.assertIn("cannot be", self.run_tool(self.schema, str(self.dir), code=2)[1])

    def test_usage(self):
        for words in ((), (self.schema,), ("--json-only",), ("--no-such", "a", "b"), ("-", "-")):
            self.assertIn("--help", self.run_tool(*words, code=2)[1])
        self.assertIn("--json-only", self.run_tool("--help", code=0)[0])
        self.assertRegex(self.run_tool("--version", code=0)[0], r"^kejue-schema \d+\.\d+\.\d+\n$")


class Output(Tool):
    def test_json(self):
        good = self.write("good.json", {"name": "x"})
        bad = self.write("bad.json", {"name": "x", "age": 1, "a/b~": 1})
        broken = self.write("broken.json", "{\n]")
        told = self.judge(self.schema, good, bad, broken, "-", code=2, stdin="[]")
        self.assertEqual((told["ok"], told["schema"]), (False, self.schema))
        documents = told["documents"]
        self.assertEqual([d["file"] for d in documents], [good, bad, broken, "-"])
        self.assertEqual([d["valid"] for d in documents], [True, False, False, False])
        self.assertEqual(documents[0]["faults"], [])
        self.assertEqual([(f["pointer"], f["keyword"]) for f in documents[1]["faults"]],
                         [("/age", "minimum"), ("/a~1b~0", "additionalProperties")])
        self.assertEqual((documents[2]["error"]["line"], documents[2]["error"]["column"]), (2, 1))
        self.assertEqual(documents[3]["faults"][0]["pointer"], "")
        told = self.judge(self.schema, good, code=0)
        self.assertTrue(told["ok"])

    def test_colours_only_on_a_terminal_and_no_tricks(self):
        bad = self.write("bad.json", {"name": "x", "\033[2J\u009b": 1})
        self.assertIn("/?[2J?: ", self.run_tool(self.schema, bad, code=1)[0])
        for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
            main, side = pty.openpty()
            plain = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
            subprocess.run([TOOL, self.schema, bad], stdout=side, check=False, timeout=60,
                           env={**plain, **environment})
            os.close(side)
            shown = os.read(main, 65536)
            os.close(main)
            self.assertEqual(shown.count(b"\033["), 2 if coloured else 0)
            self.assertNotIn(b"\033[2J", shown)


class Grammar(Tool):
    def test_verdicts(self):
        good = self.write("good.json", '{"a":"\\u0000","a":5}')
        bad = self.write("bad.json", "[1,\n 02]")
        out, errors = self.run_tool("--json-only", good, bad, "-", code=1, stdin=" null ")
        self.assertEqual(out.splitlines(), [f"{good}: is JSON",
                         f"{bad}: line 2, column 2: a number must not start with a zero",
                         "standard input: is JSON"])
        self.assertEqual(errors, "")
        self.run_tool("--json-only", str(self.dir / "missing"), code=2)
        told = self.judge("--json-only", good, bad, code=1)
        self.assertEqual([d["valid"] for d in told["documents"]], [True, False])
        self.assertEqual(told["documents"][1]["error"]["line"], 2)

    def test_limits_are_named(self):
        for text, words in (("[" * 151 + "]" * 151, "at most 150 "),
                            ("[" + "1," * 1000000 + "1]", "at most 1000000 "),
                            ("[18446744073709551616]", "64 bits"), ("[1e400]", "range of a double"),
                            ("[1." + "1" * 500 + "]", "too many digits")):
            self.assertIn(words, self.run_tool("--json-only", "-", stdin=text, code=1)[0])
        self.run_tool("--json-only", "-", stdin="[" * 150 + "]" * 150, code=0)


class AgainstPython(Tool):
    """Python's json as the other opinion: on broken texts, and on what a text means."""

    def setUp(self):
        super().setUp()
        self.chance = random.Random(20261127)

    def text(self):
        letters = 'aZ09 \t\n"\\/~\u0001\u007f\u00fc\u0142\u20ac\u6f22\U0001f600{}[]:,'
        return "".join(self.chance.choice(letters) for _ in range(self.chance.randrange(40)))

    def value(self, depth=0):
        pick = self.chance.randrange(8 if depth < 5 else 6)
        if pick == 6:
            return [self.value(depth + 1) for _ in range(self.chance.randrange(6))]
        if pick == 7:
            return {self.text(): self.value(depth + 1) for _ in range(self.chance.randrange(40))}
        return (None, True, self.text(), self.chance.randrange(-2**63, 2**63) >>
                self.chance.randrange(64), self.chance.uniform(-1000, 1000),
                self.chance.uniform(-9, 9) * 10.0**self.chance.randrange(-300, 300))[pick]

    def print(self, value):
        return json.dumps(value, ensure_ascii=self.chance.random() < 0.5,
                          indent=self.chance.choice((None, 1, 3)),
                          separators=self.chance.choice((None, (",", ":"), (" , ", "\t:\n"))))

    def broken(self):
        text = bytearray(self.print(self.value()).encode())
        for _ in range(self.chance.randrange(4)):
            at = self.chance.randrange(len(text) + 1)
            text[at:at + self.chance.randrange(3)] = self.chance.choice(
                (b"", b'"', b"\\", b",", b"]", b"}", b"0", b"-", b".", b"e", b"\xc3", b"\x00", b" "))
        return bytes(text)

    def is_json(self, text):
        def integer(digits):
            if not -2**63 <= int(digits) < 2**63:
                raise ValueError("ours is of 64 bits")
            return int(digits)

        def real(digits):
            if float(digits) in (float("inf"), float("-inf")):
                raise ValueError("beyond a double")
            return float(digits)

        def constant(_):
            raise ValueError("no JSON")
        try:
            value = json.loads(text.decode(), parse_int=integer, parse_float=real,
                               parse_constant=constant)
            json.dumps(value, ensure_ascii=False).encode() # fails for half a surrogate pair
        except ValueError:
            return False
        return True

    def test_broken_texts(self):
        texts = [self.broken() for _ in range(600)]
        files = [self.write(f"{i}.json", text) for i, text in enumerate(texts)]
        verdicts = [d["valid"] for d in self.judge("--json-only", *files, code=1)["documents"]]
        expected = [self.is_json(text) for text in texts]
        self.assertTrue(120 < sum(expected) < 480)
        for text, ours, theirs in zip(texts, verdicts, expected):
            self.assertEqual(ours, theirs, text)

    def test_meaning(self):
        """A list of everything as `const`, and the same printed in other ways, or with one change."""
        values = [self.value() for _ in range(150)]
        schema = self.write("const.json", {"prefixItems": [{"const": value} for value in values]})
        files = []
        for i in range(4):
            text = "[" + ",".join(self.print(value) for value in values) + "]"
            files.append(self.write(f"same{i}.json", text))
        self.run_tool(schema, *files, code=0)
        other = [value + 1 if type(value) is int else [value] for value in values]
        told = self.judge(schema, self.write("other.json", other), code=1)
        pointers = [fault["pointer"] for fault in told["documents"][0]["faults"]]
        self.assertEqual(pointers, [f"/{i}" for i in range(len(values))])


if __name__ == "__main__":
    unittest.main()
