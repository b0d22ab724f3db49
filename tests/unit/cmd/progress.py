#!/usr/bin/env python3
"""How far a command is: a line on a terminal that fits it and goes away, and nothing where standard error is none. And how
far the agent's first sweep is, in tocsin status. The terminal is a real one, whose far end keeps a screen."""

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

TOCSIN = os.environ["TOCSIN_BIN"] + "/tocsin"
HOLE = 150 * 10**6  # bytes of a sparse file
FILES = 12
failures = 0


def check(what, holds, shown=""):
    global failures
    if not holds:
        print(f"not true: {what}\n{shown}")
        failures += 1


class Screen:
    """What a terminal shows: a character in the last column leaves the cursor there, the next one goes to another row."""

    def __init__(self, columns):
        self.columns, self.rows, self.x = columns, [""], 0

    def put(self, text):
        for c in text:
            if c == "\r":
                self.x = 0
            elif c == "\n":
                self.rows.append("")
            else:
                if self.x == self.columns:
                    self.rows.append("")
                    self.x = 0
                row = self.rows[-1].ljust(self.x)
                self.rows[-1] = row[: self.x] + c + row[self.x + 1:]
                self.x += 1

    def text(self):
        return [row.rstrip() for row in self.rows]


def on_terminal(columns, *words, both=False):
    """Status, standard output (unless the terminal has both), what the terminal got, and its screen then."""
    far, near = os.openpty()
    fcntl.ioctl(near, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([*agent_words, *words], stdout=near if both else out, stderr=near)
        os.close(near)
        got = b""
        while True:
            try:
                got += os.read(far, 65536)
            except OSError:
                break
        child.wait()
        out.seek(0)
        text = out.read()
    os.close(far)
    screen = Screen(columns)
    screen.put(got.decode())
    return child.returncode, text, got.decode(), screen


def in_baseline():
    done = subprocess.run([*agent_words, "baseline", "show", "--json"], capture_output=True, text=True, check=True)
    return done.stdout.count('"path": ')


def frames(got):
    return [f for f in got.split("\r") if f.strip() and not f.startswith("\n")]


def makes_a_bar(columns, width):
    status, _, got, screen = on_terminal(columns, "baseline", "diff", "--jobs", "1")
    shown = frames(got)
    last = -1
    check(f"{columns}: nothing differs", status == 0, got)
    check(f"{columns}: progress is shown", len(shown) > 0, got)
    check(f"{columns}: it goes away, in its own row", screen.text() == [""], screen.text())
    for f in shown:
        m = re.match(r"(\[(#*)(\.*)\] )? *(\d+)%  (\d+) of (\d+) ent", f)
        check(f"{columns}: as wide as it may be", len(f) == width, f)
        check(f"{columns}: says how far it is", m, f)
        if m:
            marks, part, looked, of = len(m[2] or ""), int(m[4]), int(m[5]), int(m[6])
            check(f"{columns}: a bar where there is room", (m[1] is not None) == (width == 79), f)
            check(f"{columns}: of 30 marks", m[1] is None or (marks + len(m[3]) == 30 and marks == looked * 30 // of), f)
            check(f"{columns}: of all entries", of == entries and part == looked * 100 // of and looked >= last, f)
            last = looked


work = tempfile.mkdtemp(prefix="progress-")
conf, state, tree = f"{work}/conf", f"{work}/state", f"{work}/tree"
agent_words = [TOCSIN, "--config", conf, "--state", state]
agent = None
try:
    os.mkdir(tree)
    for i in range(FILES):
        with open(f"{tree}/file{i:02}", "w") as f:
            f.truncate(HOLE)
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"Host lab\nBeat 1\nNamespaces own\nWatch {tree}\nChannel null x\n")

    status, text, got, screen = on_terminal(80, "baseline", "build", "--jobs", "1")
    check("a baseline is built", status == 0 and re.search(r": \d+ files", text), got)
    check("of how many is not known yet", frames(got) and all(re.fullmatch(r"\d+ entr(y|ies), \d+ MB *", f) for f in frames(got)), got)
    check("each is as wide as it may be", all(len(f) == 79 for f in frames(got)), got)
    check("it goes away, in its own row", screen.text() == [""], screen.text())
    entries = in_baseline()
    check("the baseline has all", entries > FILES, entries)

    for columns, width in (80, 79), (200, 79), (79, 78), (30, 29):
        makes_a_bar(columns, width)

    # What is printed meanwhile stands as it would without.
    for name in "file00x", "file05x", "file11x":
        with open(f"{tree}/{name}", "w") as f:
            f.write("new")
    plain = subprocess.run([*agent_words, "baseline", "diff", "--jobs", "1"], capture_output=True, text=True)
    check("in a pipe there is no progress", plain.returncode == 1 and plain.stderr == "", plain.stderr)
    check("and no returns", "\r" not in plain.stdout and len(plain.stdout.splitlines()) >= 3, plain.stdout)
    status, _, got, screen = on_terminal(200, "baseline", "diff", "--jobs", "1", both=True)
    check("progress is shown between findings", len(frames(got)) > 3, got)
    check("and the findings stand", screen.text() == [*plain.stdout.splitlines(), ""], screen.text())
    done = subprocess.run([*agent_words, "check"], capture_output=True, text=True)
    check("nor has check any in a pipe", "\r" not in done.stdout + done.stderr, done.stderr)

    # The agent's first sweep reads all of it, which is more.
    code = "0C0G-8085-1410-C000-0000-0000-00FS"
    subprocess.run([*agent_words, "pair", "-"], input=code, capture_output=True, text=True, check=True)
    for i in range(FILES):
        os.truncate(f"{tree}/file{i:02}", 2 * HOLE)
    subprocess.run([*agent_words, "baseline", "build", "--force"], capture_output=True, check=True)
    agent = subprocess.Popen([*agent_words, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running, text, end = None, "", time.monotonic() + 60
    while time.monotonic() < end:
        text = subprocess.run([*agent_words, "status"], capture_output=True, text=True).stdout
        m = re.search(r"^ {20}pass running: (\d+) of (\d+) \((\d+) %\)$", text, re.M)
        running = m or running
        if running and not m and re.search(r"^ {20}last pass [\d.]+ s ago: \d+ looked at in [\d.]+ s$", text, re.M):
            break
        time.sleep(0.05)
    check("status says how far a sweep is, and when it was", running and time.monotonic() < end, text)
    if running:
        looked, of, part = (int(n) for n in running.groups())
        check("of the entries of the baseline", of == in_baseline() and part == min(looked * 100 // of, 100), running[0])
finally:
    if agent is not None:
        agent.send_signal(signal.SIGTERM)
        agent.wait()
    shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if failures else 0)
