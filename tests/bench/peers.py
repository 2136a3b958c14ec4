"""The job queues that Kejue is compared with: finds their harness, which is not part of this project,
copies it into the build folder and makes it runnable there."""
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess

# Those that flush before each acknowledgement, and the programs that they need.
DURABLE = {"bullmq:always": ["redis-server"], "graphile:batched": ["initdb", "postgres"],
           "pgboss": ["initdb", "postgres"], "plainjob:FULL": [], "beanstalk:0": ["beanstalkd"]}
PACKAGES = {"redis-server": "redis-server", "initdb": "postgresql", "postgres": "postgresql",
            "beanstalkd": "beanstalkd"}


class Harness:
    def __init__(self):
        self.peers, self.folder, self.node, self.environment = [], None, None, {}


def node_version(program):
    try:
        text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return (0, 0)
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2]) or (0, 0)


def find_node(own, say):
    """Node as two of the peers want it; None when there is none and npm cannot fetch it."""
    fetched = own / "node" / "node_modules" / "node" / "bin" / "node"
    for program in ("node", fetched):
        if node_version(program) >= (22, 18):
            return shutil.which(program) or str(program)
    say("fetching Node 24 by npm")
    (own / "node").mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--prefix", own / "node", "node@24"], capture_output=True)
    return str(fetched) if node_version(fetched) >= (22, 18) else None


def install(source, own, say):
    folder = own / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    for file in [*source.glob("*.mjs"), source / "package.json"]:
        shutil.copyfile(file, folder / file.name)
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    if all((folder / "node_modules" / name).is_dir() for name in wanted):
        return folder
    say("fetching the peers by npm")
    done = subprocess.run(["npm", "install"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        say(f"npm install failed, Kejue is measured alone: {done.stderr.strip()[-300:]}")
        return None
    return folder


def postgres_folder():
    """Debian keeps the server's programs out of PATH."""
    return max(glob.glob("/usr/lib/postgresql/*/bin"), default="",
               key=lambda path: int(path.split("/")[-2]))


def prepare(given, root, own, say):
    harness = Harness()
    source = pathlib.Path(given or root.parent / "shared" / "bench" / "peers")
    if given == "none" or not (source / "bench.mjs").is_file():
        if given != "none":
            say(f"no peers' harness in {source}: Kejue is measured alone; see --peers")
        return harness
    if shutil.which("npm") is None:
        say("npm is missing, Kejue is measured alone: apt-get install npm")
        return harness
    harness.node = find_node(own, say)
    harness.folder = install(source, own, say) if harness.node else None
    if harness.folder is None:
        say("the peers cannot be run: Kejue is measured alone")
        return harness
    pgbin = postgres_folder()
    harness.environment = {"PGBIN": pgbin}
    path = f"{os.environ['PATH']}:{pgbin}"
    for peer, programs in DURABLE.items():
        missing = [PACKAGES[name] for name in programs if shutil.which(name, path=path) is None]
        if missing:
            say(f"{peer} is left out: apt-get install {' '.join(dict.fromkeys(missing))}")
        else:
            harness.peers.append(peer)
    return harness
