"""JSONTestSuite through kejue-schema --json-only: texts that every parser must accept or refuse, and
what we do where the standard leaves the choice. From build/suites, where tests/fetch-suites puts it,
or from the folder that KEJUE_JSON_TEST_SUITE names (the one that holds test_parsing/); else skipped."""
import json
import os
import pathlib
import subprocess
import unittest

from flow_engine import BUILD

FOLDER = pathlib.Path(os.environ.get("KEJUE_JSON_TEST_SUITE") or
                      pathlib.Path(__file__).parents[2] / "build" / "suites" / "json")
# Numbers that a double rounds to zero. All others where we have the choice are refused: numbers that
# no double or 64 bits hold, half of a surrogate pair, bytes that are not UTF-8, a byte order mark,
# more than 150 levels.
ACCEPTED = {"i_number_double_huge_neg_exp.json", "i_number_real_underflow.json"}


class Suite(unittest.TestCase):
    def test_verdicts(self):
        files = sorted((FOLDER / "test_parsing").glob("*.json"))
        if not files:
            self.skipTest("run tests/fetch-suites, or set KEJUE_JSON_TEST_SUITE")
        result = subprocess.run([BUILD / "kejue-schema", "--json", "--json-only", *files],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        wrong, count = [], {"y": 0, "n": 0, "i": 0}
        for document in json.loads(result.stdout)["documents"]:
            name = pathlib.Path(document["file"]).name
            count[name[0]] += 1
            if document["valid"] != (name[0] == "y" or name in ACCEPTED):
                wrong.append((name, document))
        self.assertEqual(wrong, [])
        self.assertTrue(count["y"] >= 95 and count["n"] >= 170, count)


if __name__ == "__main__":
    unittest.main()
