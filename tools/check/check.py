"""House rules that a machine can judge: tools/check/check.py floor|sizes|format|layout [ROOT].

floor:  includes only go up the floor plan, base names are unique within core/, no "../" includes
sizes:  sources 400 lines (700 for tables and codecs), functions 70 lines, complexity 15
format: clang-format agrees with every C file
layout: nothing at the top level beside the agreed names; no unfinished marks
"""
import pathlib
import re
import subprocess
import sys

FLOORS = ["abi", "base", "doc", "model", "loop", "store", "host", "script", "engine", "api", "face",
          "app"]
STRANGERS = {"loop": {"model"}, "store": {"model"}, "host": {"model", "store"},
             "script": {"store", "host"}}  # rooms above that must not be known
TOP = {"core", "plugins", "scripts", "schemas", "tests", "tools", "CMakeLists.txt", "kejue.conf",
       "README.md", "LICENSE", "CMakePresets.json"}
FILE_LIMIT, TABLE_LIMIT, FUNCTION_LIMIT, COMPLEXITY_LIMIT = 400, 700, 70, 15
BRANCH = re.compile(r"\b(if|for|while|case)\b|&&|\|\||\?")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def tracked(root, *patterns):
    output = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
                            cwd=root, capture_output=True, text=True, check=True).stdout
    return [root / line for line in output.splitlines() if (root / line).is_file()]


def check_floor(root):
    seen = {}
    for path in tracked(root, "core"):
        room = path.relative_to(root).parts[1]
        other = seen.setdefault(path.name, path)
        if other != path:
            yield path, 1, f"another file in core/ is called {path.name}: {other}"
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            target = match.group(1).split("/")[0]
            if ".." in match.group(1):
                yield path, line, "an include must not contain .."
            elif target not in FLOORS:
                yield path, line, f'"{match.group(1)}" does not begin with a room of core/'
            elif FLOORS.index(target) > FLOORS.index(room) or target in STRANGERS.get(room, ()):
                yield path, line, f"{room}/ may not include {target}/"
    for path in tracked(root, "plugins"):
        if path.suffix in (".c", ".h"):
            for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
                if "/" in match.group(1):
                    yield path, 1, f'a plugin sees only kejue_plugin.h and its own files, not ' \
                                   f'"{match.group(1)}"'


def strip(text):
    """Comments and literals blanked out, so that they count for nothing; lines stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def is_table(text):
    """Mostly data: rows between braces."""
    rows = sum(1 for line in text.splitlines() if re.match(r"^\s*[{\"].*[,}]\s*$", line))
    return rows * 2 > text.count("\n")


def functions(text):
    lines = strip(text).splitlines()
    for number, line in enumerate(lines):
        if line == "{" and number and not lines[number - 1].startswith(("struct", "enum", "union")):
            end = next((n for n in range(number, len(lines)) if lines[n].startswith("}")), None)
            if end is not None:
                name = re.search(r"(\w+)\(", " ".join(lines[max(0, number - 4):number]) or "?")
                yield number, end, name.group(1) if name else "?", lines[number:end]


def check_sizes(root):
    for path in tracked(root, "core", "plugins", "tools", "tests"):
        if path.suffix not in (".c", ".h", ".cc"):
            continue
        text = path.read_text(encoding="utf-8")
        count = text.count("\n")
        limit = TABLE_LIMIT if is_table(text) or "json_" in path.name else FILE_LIMIT
        if count > limit and "tests" not in path.parts:
            yield path, count, f"{count} lines, at most {limit}: split it"
        for start, end, name, body in functions(text):
            if end - start > FUNCTION_LIMIT:
                yield path, start, f"{name}: {end - start} lines, at most {FUNCTION_LIMIT}"
            complexity = 1 + sum(len(BRANCH.findall(line)) for line in body)
            if complexity > COMPLEXITY_LIMIT and "tests" not in path.parts:
                yield path, start, f"{name}: complexity {complexity}, at most {COMPLEXITY_LIMIT}"


def check_format(root):
    files = [path for path in tracked(root, "core", "plugins", "tools", "tests")
             if path.suffix in (".c", ".h", ".cc")]
    result = subprocess.run(["clang-format", "--dry-run", "--Werror", "-style=file",
                             *map(str, files)], cwd=root, capture_output=True, text=True)
    for line in result.stderr.splitlines():
        match = re.match(r"(.*?):(\d+):\d+: error: (.*)", line)
        if match:
            yield pathlib.Path(match.group(1)), int(match.group(2)), "run clang-format -i"


def check_layout(root):
    for path in sorted({path.relative_to(root).parts[0] for path in tracked(root, ".")}):
        if path not in TOP and not path.startswith("."):
            yield root / path, 1, "is not one of the agreed top-level names"
    for path in tracked(root, "core", "plugins", "scripts", "tools", "tests"):
        if path.suffix not in (".c", ".h", ".cc", ".lua", ".py"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\b(TO" "DO|FIX" "ME|XX" "X|HA" "CK)\b", line):
                yield path, number, "an unfinished mark"


CHECKS = {"floor": check_floor, "sizes": check_sizes, "format": check_format,
          "layout": check_layout}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".").resolve()
    faults = list(CHECKS[sys.argv[1]](root))
    for path, line, text in faults:
        place = path.relative_to(root) if path.is_absolute() else path
        print(f"{place}:{line}: {text}")
    print(f"{sys.argv[1]}: {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
