#!/usr/bin/env python3
"""The whole chain on one machine: the agent's USB sink -> USB/IP -> the logger's own firmware (a process) -> its flash
-> its serial line -> belfry, which proves each line as it comes. In the middle the logger is reset, loses its power and
is killed. Then it is read out: every line that the agent sealed is in the dump, proved, and only a long press of its
button marks them as read. A line that somebody forged is kept by the logger and found by belfry."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib

BIN = os.environ["TOCSIN_BIN"]
STATIC = os.path.join(os.path.dirname(os.path.dirname(BIN)), "musl", "bin", "tocsin")
AGENT = os.environ.get("TOCSIN_LAB_AGENT") or (STATIC if os.path.exists(STATIC) else f"{BIN}/tocsin")
BELFRY = f"{BIN}/belfry"
LOGGER = f"{BIN}/logger-lab"
SERIAL = "0123456789ABCDEF"
HANG_S = 90  # for whatever is waited for; never measured
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

failures = []


def check(good, what):
    if not good:
        failures.append(what)
        print(f"not true: {what}", flush=True)


def wait_for(what, ask):
    """The first answer that is true, or the end."""
    until = time.monotonic() + HANG_S
    while time.monotonic() < until:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.05)
    raise TimeoutError(what)


def run(*argv, text=None, good=(0,)):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=HANG_S, check=False)
    if done.returncode not in good:
        raise RuntimeError(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Logger:
    """logger-lab: power, button and the cable are this test's."""

    def __init__(self, folder):
        self.folder = folder
        self.port = 0
        self.process = None
        self.begin()

    def begin(self, *options):
        port_file = f"{self.folder}/usb"
        with contextlib.suppress(FileNotFoundError):  # a bench that was killed takes it away as well
            os.unlink(port_file)
        self.process = subprocess.Popen([LOGGER, "-u", str(self.port), "-s", SERIAL, *options, self.folder])
        self.port = int(wait_for("the logger's port", lambda: os.path.exists(port_file) and open(port_file).read()))

    def pins(self, *words):
        """A wire is pulled; the socket is kept open a moment, so that what was said is done."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{self.folder}/pins")
            s.settimeout(HANG_S)
            s.recv(4096)
            for word in words:
                s.sendall(word.encode() + b"\n")
            time.sleep(0.2)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def device(self):
        return f"usbip:127.0.0.1:{self.port}/1-1"


class Ends:
    """A paired belfry and agent below one folder."""

    def __init__(self, folder, logger):
        self.folder = folder
        self.logger = logger
        self.belfry = None
        self.agent = None
        self.events_at = 0
        self.seen = []

    def path(self, name):
        return f"{self.folder}/{name}"

    def write(self, name, text, mode="w"):
        with open(self.path(name), mode, encoding="ascii") as f:
            f.write(text)

    def call_belfry(self, *words, good=(0,)):
        return run(BELFRY, "--config", self.path("belfry.conf"), *words, good=good)

    def call_agent(self, *words, text=None, good=(0,)):
        return run(AGENT, "--config", self.path("tocsin.conf"), "--state", self.path("agent"), *words, text=text, good=good)

    def configure(self):
        self.write("belfry.conf", f"StateDir {self.path('belfry')}\nSyslog no\n"
                   f"Line logger serial {self.logger.folder}/console 115200\n")
        code = re.search(r"\b(\w{4}(-\w{4}){6})\b", self.call_belfry("pair", "lab").stdout).group(1)
        os.mkdir(self.path("tree"))
        os.mkdir(self.path("agent"), 0o700)
        self.call_agent("init", "--host", "lab")
        with open(self.path("tocsin.conf"), encoding="utf-8") as f:
            kept = [line for line in f if not line.startswith("Beat ")]
        self.write("tocsin.conf", "".join(kept) + f"\nBeat 1\nWatch {self.path('tree')}\nChannel usb "
                   f"{self.logger.device()}\n")
        self.call_agent("pair", "-", text=code)
        self.call_agent("baseline", "build")

    def start(self):
        events = open(self.path("events"), "w", encoding="ascii")
        log = open(self.path("log"), "w", encoding="utf-8")
        self.belfry = subprocess.Popen([BELFRY, "--config", self.path("belfry.conf"), "run", "--events"],
                                       stdout=events, stderr=log)
        wait_for("belfry's transcript", lambda: os.path.exists(self.path("belfry/lines/logger.raw")))
        self.agent = subprocess.Popen([AGENT, "--config", self.path("tocsin.conf"), "--state", self.path("agent"), "run"],
                                      stderr=log)

    def stop_agent(self):
        self.agent.send_signal(signal.SIGTERM)
        self.agent.wait(HANG_S)

    def end(self):
        for process in (self.agent, self.belfry):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()

    def proved(self, code, detail=""):
        """True when belfry has told a proved line of this code."""
        with open(self.path("events"), encoding="ascii") as f:
            f.seek(self.events_at)
            text = f.read()
        whole = text.rfind("\n") + 1
        self.events_at += whole
        self.seen += [line.split("\t") for line in text[:whole].splitlines()]
        return any(len(e) > 8 and e[4] in ("OK", "REPAIRED", "LATE") and e[6] == code and detail in e[8]
                   for e in self.seen)

    def channel(self):
        return json.loads(self.call_agent("channels", "--json", good=(0, 1)).stdout)["channels"][0]


def forge(line):
    """The same line with another detail, as somebody without the key would make it: its check fits, its seal does not."""
    body = line.rpartition("~")[0].replace("next=1", "next=9")
    sealed = body + "~" + line.rpartition("~")[2][:20]
    crc = zlib.crc32(sealed.encode()) >> 12
    return sealed + "".join(BASE32[crc >> shift & 31] for shift in (15, 10, 5, 0))


def disturb(ends, logger):
    """Files change while the logger is reset, loses its power, and is killed."""
    for n in range(60):
        ends.write(f"tree/file-{n}", "changed\n")
        if n == 15:
            logger.pins("reset")
        elif n == 30:
            logger.pins("power 0")
            time.sleep(1.5)
            logger.pins("power 1")
        elif n == 45:
            logger.kill()
            logger.begin()
        time.sleep(0.05)


def read_out(ends, logger, name, good=(0,)):
    """belfry harvest: the counts, and the transcript's lines."""
    done = ends.call_belfry("harvest", logger.device(), "--json", "--file", ends.path(name), good=good)
    print(done.stdout.strip(), flush=True)
    with open(ends.path(name), encoding="ascii") as f:
        return json.loads(done.stdout), [line for line in f.read().splitlines() if not line.startswith("#")]


def status(ends, logger):
    """What the logger tells of itself; no flags while it does not answer."""
    done = ends.call_belfry("logger-status", logger.device(), "--json", good=(0, 1, 2))
    return json.loads(done.stdout) if done.returncode != 2 else {"flags": "", "ring": 0, "harvested": -1}


def start_dump(ends, logger):
    logger.pins("power 0", "button 1", "power 1")
    wait_for("the logger to have seen its button", lambda: "dump" in status(ends, logger)["flags"].split())
    logger.pins("button 0")


def long_press(logger):
    logger.pins("button 1")
    time.sleep(2.5)
    logger.pins("button 0")


def numbers(lines):
    """Of the proved lines in a transcript: the session's numbers, and the line with each code."""
    found = {}
    for line in lines:
        match = re.match(r"\d+ \d+ (?:kept|ring) OK (!1 \w+ lab \d+-\w+\.(\d+)@.*)", line)
        if match:
            found[int(match.group(2))] = match.group(1)
    return found


def record(ends, logger):
    ends.start()
    wait_for("the agent's start", lambda: ends.proved("agent.start"))
    wait_for("a beat", lambda: ends.proved("agent.beat"))
    disturb(ends, logger)
    wait_for("the last change", lambda: ends.proved("integrity.added", "file-59") or ends.proved("integrity.many"))
    wait_for("the channel to be back", lambda: ends.channel()["state"] == "open" and ends.channel()["waiting"] == 0)
    check("lost_ago_ms" in ends.channel(), "the channel was lost")
    ends.stop_agent()
    wait_for("the goodbye", lambda: ends.proved("agent.stop"))
    raw = ends.path("belfry/lines/logger.raw")
    verified = json.loads(ends.call_belfry("verify", "--host", "lab", "--json", raw, good=(0, 1)).stdout)
    print("by the serial line:", {k: verified[k] for k in ("ok", "dup", "torn", "forged", "missing")}, flush=True)
    check(verified["forged"] + verified["clone"] + verified["unknown"] == 0, "nothing there is false")
    return verified["missing"]


def harvest(ends, logger, missing):
    check("dump" not in status(ends, logger)["flags"].split(), "it records")
    refused = ends.call_belfry("harvest", logger.device(), good=(2,))
    check("hold its button" in refused.stderr, "a logger that records gives nothing away")
    start_dump(ends, logger)
    counts, lines = read_out(ends, logger, "first")
    found = numbers(lines)
    check(counts["whole"] and counts["logger"] == SERIAL, "the dump is whole")
    check(counts["proved"] == len(found) and counts["proved"] > 30, "lines are proved")
    check(counts["missing"] == 0 and sorted(found) == list(range(min(found), max(found) + 1)), "none was lost")
    check("agent.start" in found[min(found)] and "agent.stop" in found[max(found)], "from the start to the goodbye")
    false = ("forged", "clone", "unknown", "strangers", "unreadable", "damaged", "disorder", "rubbish")
    check(sum(counts[k] for k in false) == 0, "and nothing else")
    check(counts["copies"] == 0, "what was sent again is there once")
    check(sum("logger.boot" in line for line in lines) >= 4, "it told of its own starts")
    check(missing == 0 or any("logger.out" in line for line in lines), "what did not fit on the serial line is told")
    again = json.loads(ends.call_belfry("verify", "--host", "lab", "--json", ends.path("first")).stdout)
    check(again["ok"] == counts["proved"], "verify proves the transcript, too")
    check(status(ends, logger)["harvested"] == 0, "reading marks nothing, and asking takes no right to mark away")
    long_press(logger)
    wait_for("the mark", lambda: status(ends, logger)["harvested"] == counts["last"])
    return found


def find_forgery(ends, logger, found):
    beat = next(line for line in found.values() if "agent.beat" in line)
    logger.pins("power 0", "power 1")
    wait_for("its start", lambda: "ready" in status(ends, logger)["flags"].split())
    with open(f"{logger.folder}/server", "wb", buffering=0) as line:
        line.write(b"\r\n" + forge(beat).encode() + b"\r\n")
    wait_for("the forged line in the ring", lambda: status(ends, logger)["ring"] >= 1)
    start_dump(ends, logger)
    counts, lines = read_out(ends, logger, "second", good=(1,))
    check(counts["forged"] == 1 and any(" FORGED !1 " in line for line in lines), "the forged line is found")


def main():
    for program in (AGENT, BELFRY, LOGGER):
        if not os.path.exists(program):
            print(f"skip: {program} was not built")
            return 77
    if os.geteuid() != 0:
        print("skip: the agent's processes need root to be walled in")
        return 77
    folder = tempfile.mkdtemp(prefix="tocsin-logger-")
    logger = None
    ends = None
    try:
        logger = Logger(f"{folder}/logger")
        ends = Ends(folder, logger)
        ends.configure()
        missing = record(ends, logger)
        find_forgery(ends, logger, harvest(ends, logger, missing))
    except (TimeoutError, RuntimeError, StopIteration) as e:
        check(False, f"{type(e).__name__}: {e}")
        for name in ("log", "events"):
            if ends is not None and os.path.exists(ends.path(name)):
                with open(ends.path(name), encoding="utf-8") as f:
                    print(f"--- {name}", "".join(f.readlines()[-20:]), sep="\n")
    finally:
        if ends is not None:
            ends.end()
        if logger is not None:
            logger.kill()
        if failures and os.environ.get("TOCSIN_LAB_KEEP"):
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
