#!/usr/bin/env python3
"""A MongoDB for the tests, the realest there is: the server that KEJUE_TEST_MONGODB_URI names; an
installed mongod, as a replica set of one in a folder of its own; else mongo-java-server, which speaks
the same protocol (Java and, once, Maven with a network). Says in one line which.

    mongo_peer.py PROGRAM ARGUMENT…            runs PROGRAM with KEJUE_TEST_MONGODB_URI set
    mongo_peer.py --proxy SEED PROGRAM …       the same behind fault_proxy.py, whose control port
                                               KEJUE_TEST_MONGODB_CONTROL tells, and
                                               KEJUE_TEST_MONGODB_DIRECT the way around it

Without any of them PROGRAM runs without, and skips what needs one."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent / "mongo"
BUILD = HERE.parents[2] / "build" / "suites"


class Unavailable(Exception):
    """Why there is no server."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Named:
    def __init__(self, uri):
        self.uri, self.safe = uri, "KEJUE_TEST_MONGODB_UNSAFE" not in os.environ
        self.name = "the server that KEJUE_TEST_MONGODB_URI names"

    def stop(self):
        pass


class Process:
    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL, **options)

    def stop(self):
        self.process.stdin.close()
        if self.process.stdout:
            self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(20)


class Mongod(Process):
    name, safe = "mongod, a replica set of one", True

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kejue-mongod-")
        port = free_port()
        super().__init__(["mongod", "--replSet", "kejue", "--bind_ip", "127.0.0.1", "--port", str(port),
                          "--dbpath", self.folder.name], stdout=subprocess.DEVNULL)
        self.uri = f"mongodb://127.0.0.1:{port}/?replicaSet=kejue"
        shell = shutil.which("mongosh") or shutil.which("mongo")
        begin = f'rs.initiate({{_id: "kejue", members: [{{_id: 0, host: "127.0.0.1:{port}"}}]}})'
        for _ in range(100):
            if subprocess.run([shell, "--quiet", "--port", str(port), "--eval", begin],
                              capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.2)
        self.stop()
        raise Unavailable("mongod did not become a replica set")

    def stop(self):
        self.process.terminate()
        super().stop()
        self.folder.cleanup()


class JavaServer(Process):
    name, safe = "mongo-java-server", False

    def __init__(self):
        jars = fetch_jars()
        super().__init__(["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*",
                          str(HERE / "MongoPeer.java")], stdout=subprocess.PIPE)
        told = self.process.stdout.readline().split()
        if told[:2] != ["mongodb", "port"]:
            self.stop()
            raise Unavailable("mongo-java-server did not start (it needs a JDK of 17 or newer)")
        self.uri = f"mongodb://127.0.0.1:{told[2]}/"


def fetch_jars():
    jars = BUILD / "mongo-java-server"
    if jars.is_dir():
        return jars
    if not shutil.which("java") or not shutil.which("mvn"):
        raise Unavailable("neither mongod nor java and maven are installed (tools/setup test)")
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as fresh:
        done = subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies",
                               f"-DoutputDirectory={fresh}/jars"], capture_output=True, text=True,
                              check=False, timeout=600)
        if done.returncode or not list(pathlib.Path(fresh, "jars").glob("*.jar")):
            raise Unavailable("Maven could not bring mongo-java-server (offline?)")
        if not jars.is_dir():  # another test may have been faster
            os.rename(f"{fresh}/jars", jars)
    return jars


class Proxy(Process):
    """fault_proxy.py before a server. Short deadlines, so that what hangs is not waited for long."""

    def __init__(self, server, seed):
        target = server.uri.split("://")[1].split("@")[-1].split("/")[0].split(",")[0]
        super().__init__([sys.executable, HERE.parent / "fault_proxy.py", target, str(seed)],
                         stdout=subprocess.PIPE)
        _, port, self.control = self.process.stdout.readline().split()
        self.uri = (f"mongodb://127.0.0.1:{port}/?directConnection=true&socketTimeoutMS=1500"
                    "&serverSelectionTimeoutMS=1000&connectTimeoutMS=1000")

    def tell(self, words):
        with socket.create_connection(("127.0.0.1", int(self.control))) as control:
            control.sendall(f"{words}\n".encode())
            assert control.recv(16) == b"ok\n"


def start():
    """A running server with uri, safe and stop(); Unavailable tells why there is none."""
    if os.environ.get("KEJUE_TEST_MONGODB_URI"):
        return Named(os.environ["KEJUE_TEST_MONGODB_URI"])
    if shutil.which("mongod") and (shutil.which("mongosh") or shutil.which("mongo")):
        return Mongod()
    return JavaServer()


def main(program):
    seed = None
    if program[:1] == ["--proxy"]:
        seed, program = program[1], program[2:]
    try:
        server = start()
    except (Unavailable, OSError, subprocess.SubprocessError) as why:
        print(f"MongoDB: skipped, {why}", flush=True)
        return subprocess.run(program, check=False).returncode
    more = {"KEJUE_TEST_MONGODB_URI": server.uri, "TSAN_OPTIONS": f"suppressions={HERE}/tsan.supp"}
    if not server.safe:
        more["KEJUE_TEST_MONGODB_UNSAFE"] = "1"
    proxy = Proxy(server, seed) if seed else None
    if proxy:
        more.update(KEJUE_TEST_MONGODB_URI=proxy.uri, KEJUE_TEST_MONGODB_CONTROL=proxy.control,
                    KEJUE_TEST_MONGODB_DIRECT=server.uri)
    print(f"MongoDB: {server.name}{', behind the fault proxy' if proxy else ''}", flush=True)
    try:
        return subprocess.run(program, check=False, env={**os.environ, **more}).returncode
    finally:
        if proxy:
            proxy.stop()
        server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
