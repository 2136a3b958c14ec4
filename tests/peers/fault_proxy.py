#!/usr/bin/env python3
"""Stands between a store and its MongoDB and does what networks and servers do: loses replies after
they were applied, resets connections before a request arrives, delays, hangs, is away and comes back.

    fault_proxy.py HOST:PORT SEED     prints "proxy PORT CONTROL"; ends with standard input

On the control port, a line each, answered "ok":
    chance LOST RESET DELAY   chances per message, 0..1, of each (a delay is up to 60 ms)
    lose N                    the next N replies to writes are lost, for certain
    hang                      nothing comes through any more, connections stay open
    readonly                  writes are answered with 13: the user has lost the right to
    stepdown                  reads and writes are answered with 10107: no longer primary
    down                      connections are reset and refused
    up                        as if nothing had been"""
import random
import socket
import struct
import sys
import threading
import time

WRITES = (b"insert\0", b"update\0", b"delete\0", b"findAndModify\0")
READS = (b"find\0", b"getMore\0", b"aggregate\0", b"count\0")
REFUSED = {"readonly": (WRITES, 13, "Unauthorized", "not authorized to write"),
           "stepdown": (WRITES + READS, 10107, "NotWritablePrimary", "not primary")}


class Faults:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.chance = (0.0, 0.0, 0.0)
        self.mode, self.lose, self.links = "up", 0, set()
        self.passing = threading.Event()
        self.passing.set()

    def refusal(self, message):
        """The error that answers this command now, or None."""
        words, *error = REFUSED.get(self.mode, ((),))
        return error if any(word in message[20:60] for word in words) else None

    def draw(self, kind):
        with self.lock:
            return self.random.random() < self.chance[kind]

    def set_mode(self, mode):
        with self.lock:
            links = list(self.links) if mode == "down" or self.mode == "hang" else []
            self.mode = mode
        if mode == "hang":
            self.passing.clear()
        else:
            self.passing.set()
        for link in links:
            link.cut()


def text(name, value):
    value = value.encode() + b"\0"
    return b"\2" + name + b"\0" + struct.pack("<i", len(value)) + value


def error_reply(message, code, name, why):
    """OP_MSG with {ok: 0, code, codeName, errmsg}."""
    request = struct.unpack_from("<i", message, 4)[0]
    body = (b"\1ok\0" + struct.pack("<d", 0) + b"\x10code\0" + struct.pack("<i", code) +
            text(b"codeName", name) + text(b"errmsg", why) + b"\0")
    body = struct.pack("<IB", 0, 0) + struct.pack("<i", len(body) + 4) + body
    return struct.pack("<iiii", len(body) + 16, 1 << 20, request, 2013) + body


class Link:
    """One connection and the one behind it."""

    def __init__(self, client, target, faults):
        self.faults, self.client, self.to_lose = faults, client, False
        self.server = socket.create_connection(target)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with faults.lock:
            faults.links.add(self)
        for source, sink, upward in ((client, self.server, True), (self.server, client, False)):
            threading.Thread(target=self.pump, args=(source, sink, upward), daemon=True).start()

    def cut(self):
        with self.faults.lock:
            self.faults.links.discard(self)
        for end in (self.client, self.server):
            try:  # a reset, not an end
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def message(self, source):
        head = self.exactly(source, 4)
        return head + self.exactly(source, struct.unpack("<i", head)[0] - 4)

    @staticmethod
    def exactly(source, count):
        data = b""
        while len(data) < count:
            more = source.recv(min(count - len(data), 1 << 20))
            if not more:
                raise ConnectionError
            data += more
        return data

    def pump(self, source, sink, upward):
        try:
            while True:
                message = self.message(source)
                if self.spoil(message, upward):
                    break
                self.faults.passing.wait()
                error = self.faults.refusal(message) if upward else None
                if error:
                    source.sendall(error_reply(message, *error))
                else:
                    sink.sendall(message)
        except (OSError, ValueError):
            pass
        self.cut()

    def spoil(self, message, upward):
        """True when the connection ends here."""
        faults = self.faults
        if faults.draw(2):
            time.sleep(random.random() * 0.06)
        if upward:
            with faults.lock:
                write = any(word in message[20:60] for word in WRITES)
                self.to_lose = write and faults.lose > 0
                faults.lose -= self.to_lose
            return faults.draw(1)
        return self.to_lose or faults.draw(0)


def control(listener, faults):
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                words = line.split()
                if words[0] == "chance":
                    faults.chance = tuple(map(float, words[1:4]))
                elif words[0] == "lose":
                    faults.lose = int(words[1])
                else:
                    faults.set_mode(words[0])
                lines.write("ok\n")
                lines.flush()


def serve(listener, target, faults):
    while True:
        client, _ = listener.accept()
        if faults.mode == "down":
            client.close()
            continue
        try:
            Link(client, target, faults)
        except OSError:
            client.close()


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    faults = Faults(int(sys.argv[2]))
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    threading.Thread(target=serve, args=(listeners[0], (host, int(port)), faults), daemon=True).start()
    threading.Thread(target=control, args=(listeners[1], faults), daemon=True).start()
    print("proxy", *(listener.getsockname()[1] for listener in listeners), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
