#!/usr/bin/env python3
"""tocsin channels, as people read it: a serial line that is open and how it is set, a device that is not there, and a FIFO
that is full: its backlog, that it is stuck, and what it was once somebody reads it again. The far ends are real."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time

TOCSIN = os.environ["TOCSIN_BIN"] + "/tocsin"
F_SETPIPE_SZ = 1031
failures = 0


def check(what, holds, shown=""):
    global failures
    if not holds:
        print(f"not true: {what}\n{shown}")
        failures += 1


def tocsin(*words, text=None):
    return subprocess.run([TOCSIN, "--config", conf, "--state", state, *words], input=text, capture_output=True, text=True)


def channels():
    """Status, and a channel's lines each by its first."""
    done = tocsin("channels")
    each = re.split(r"^(?=\S)", done.stdout, flags=re.M)[1:]
    return done.returncode, {e.split("\n")[0].split()[0]: e for e in each}


def until(seconds, scheme, pattern):
    """The status and the channel's lines once they match; a failure when they do not in time."""
    end = time.monotonic() + seconds
    while True:
        status, each = channels()
        if re.search(pattern, each.get(scheme, ""), re.M):
            return status, each[scheme]
        if time.monotonic() > end:
            check(f"{scheme} matches {pattern}", False, each.get(scheme, ""))
            return status, each.get(scheme, "")
        time.sleep(0.2)


work = tempfile.mkdtemp(prefix="channels-")
conf, state, fifo = f"{work}/conf", f"{work}/state", f"{work}/fifo"
agent = None
try:
    far, near = os.openpty()
    terminal = os.ttyname(near)
    os.set_blocking(far, False)
    # Full before anybody of ours writes, so nothing of a line goes through.
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    room = fcntl.fcntl(reader, F_SETPIPE_SZ, 4096)
    os.write(reader, b"x" * room)
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"Host lab\nBeat 1\nNamespaces own\nChannel serial {terminal} 115200\n"
                f"Channel tty {work}/none floor=crit\nChannel file {fifo}\n")
    code = "0C0G-8085-1410-C000-0000-0000-00FS"
    check("it is paired", tocsin("pair", "-", text=code).returncode == 0)
    check("without an agent channels says so", tocsin("channels").returncode == 2)
    log = open(f"{work}/log", "w", encoding="utf-8")
    agent = subprocess.Popen([TOCSIN, "--config", conf, "--state", state, "run"], stdout=log, stderr=log)

    _, text = until(60, "serial", r"^ +[1-9]\d* lines?, ")
    check("the device is named", text.startswith(f"serial   {terminal}\n"), text)
    check("it is open, as it was asked for", re.search(r"^ +open for [\d.]+ s(, \S+)?, 115200 8n1( \w+)* clocal hupcl$", text, re.M), text)
    check("its policy", re.search(r"^ +always, from \w+$", text, re.M), text)
    check("what went out", re.search(r"^ +\d+ lines?, \d+ k?B written, the last [\d.]+ s ago(, \d+ waiting)?$", text, re.M), text)
    sent = os.read(far, 65536)
    check("the far end has it", b"agent.start" in sent, sent)
    # Somebody else sets the line: it is put right, and counted.
    settings = termios.tcgetattr(near)
    settings[4] = settings[5] = termios.B9600
    termios.tcsetattr(near, termios.TCSANOW, settings)
    until(20, "serial", r"^ +tampered with [1-9]\d* times?$")
    until(20, "serial", r", 115200 8n1 ")

    status, text = until(20, "tty", r"^ +lost for ")
    check("a lost channel is a finding", status == 1)
    check("why it is lost", re.search(r"^ +lost for [\d.]+ s: No such file or directory$", text, re.M), text)
    check("what it shall be told", re.search(r"^ +always, from CRIT$", text, re.M), text)
    check("nothing went out there", re.search(r"^ +0 lines, 0 B written(, \d+ waiting)?$", text, re.M), text)

    _, text = until(20, "file", r"^ +0 lines, 0 B written, [1-9]\d* waiting$")
    status, text = until(30, "file", r"^ +stuck for [\d.]+ s: it takes nothing$")
    check("a stuck channel is a finding", status == 1)
    check("it has a backlog", re.search(r", [1-9]\d* waiting$", text, re.M), text)
    # Read again, it goes on, and its last error stays.
    os.read(reader, room)
    _, text = until(20, "file", r"^ +open for ")
    check("it was lost", re.search(r"^ +was lost [\d.]+ s ago: it takes nothing$", text, re.M), text)
    check("and lines went out", re.search(r"^ +[1-9]\d* lines?, ", text, re.M), text)
finally:
    if agent is not None:
        agent.send_signal(signal.SIGTERM)
        agent.wait()
    if failures:
        print(open(f"{work}/log", encoding="utf-8").read()[-2000:] if agent else "")
    shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if failures else 0)
