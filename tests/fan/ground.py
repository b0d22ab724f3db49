"""A belfry with a followed file for a line, real servers beside it, and what the tests do to them."""

import ctypes
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

SRC = os.environ.get("TOCSIN_SRC", os.path.join(os.path.dirname(__file__), "..", ".."))
PATIENCE = 90  # seconds, of a loaded machine


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def peers(name, *packages):
    """The peer's programs, or the test is skipped."""
    shell = f'. "{SRC}/tests/support/peers.sh"; peer {name} {" ".join(packages)}'
    if subprocess.run(["sh", "-c", shell], env=dict(os.environ, TOCSIN_SRC=SRC)).returncode != 0:
        print(f"skip: {' '.join(packages)} cannot be had")
        sys.exit(77)


def free_ports(count):
    """Below those that the kernel gives to whoever asks for any: nobody is given one before it is listened on."""
    ports = []
    while len(ports) < count:
        port = random.randrange(10000, 32768)
        with socket.socket() as s:
            if port not in ports and s.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
    return ports


def wait_for(what, condition, patience=PATIENCE):
    begun = time.monotonic()
    while time.monotonic() - begun < patience:
        if condition():
            if os.environ.get("TOCSIN_FAN_TIMES"):
                print(f"     {what}: {time.monotonic() - begun:.1f} s")
            return
        time.sleep(0.05)
    print(f"FAIL {what}: not within {patience} s")
    sys.exit(1)


class Process:
    """A program that is started, killed and started again."""

    def __init__(self, argv, log, cwd=None, env=None):
        self.argv, self.log, self.cwd, self.env, self.child = argv, log, cwd, env, None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.cwd,
                                          env=self.env, preexec_fn=die_with_parent)

    def end(self, how=signal.SIGKILL):
        if self.child is not None:
            self.child.send_signal(how)
            self.child.wait(60)
            self.child = None


class Peer(Process):
    def __init__(self, name, program, arguments, log):
        # Some look for their own files under /usr/share: in a mount namespace of its own each finds them there.
        shell = f'''. "{SRC}/tests/support/peers.sh"
            mount -t overlay overlay -o lowerdir="$peers/{name}/usr/share:/usr/share" /usr/share || exit 1
            p=$1; shift; peer_run {name} "$p" "$@"'''
        super().__init__(["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", shell, "sh", program, *arguments], log, env=dict(os.environ, TOCSIN_SRC=SRC))


class Voice:
    """A paired agent: seals what it is told into the file that belfry follows."""

    def __init__(self, binaries, host, pairing):
        self.host, self.next = host, 0
        self.child = subprocess.Popen([os.path.join(binaries, "voice"), host, pairing], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, preexec_fn=die_with_parent)

    def seal(self, severity, code, detail=""):
        self.child.stdin.write(f"{severity} {code} {detail}".rstrip().encode() + b"\n")
        self.child.stdin.flush()
        self.next += 1
        return self.child.stdout.readline()


class Belfry:
    """`belfry run` in a directory of its own, with programs of its own choice beside it."""

    def __init__(self, binaries, extra, planted=None):
        self.binaries = binaries
        self.dir = tempfile.mkdtemp(prefix="belfry-fan-")
        self.bin = os.path.join(self.dir, "bin")
        os.mkdir(self.bin)
        for name in ("belfry", "belfry-gate", "belfry-notify", "belfry-nats", "belfry-hub", "belfry-keeper"):
            if os.path.exists(os.path.join(binaries, name)):
                shutil.copy(os.path.join(binaries, name), self.bin)
        if planted is not None:
            shutil.copy(os.path.join(binaries, planted[1]), os.path.join(self.bin, planted[0]))
        self.line = self.path("log")
        open(self.line, "w").close()
        self.configure(extra)
        self.process = Process([os.path.join(self.bin, "belfry"), "--config", self.path("conf"), "run"],
                               self.path("belfry.log"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def configure(self, extra):
        with open(self.path("conf"), "w") as conf:
            conf.write(f"StateDir {self.path('state')}\nSyslog no\nLine web file {self.line}\n{extra}\n")

    def command(self, *arguments):
        return subprocess.run([os.path.join(self.bin, "belfry"), "--config", self.path("conf"), *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)

    def pair(self, host):
        if self.command("pair", host, "--file", self.path(host)).returncode != 0:
            print("FAIL: cannot pair")
            sys.exit(1)
        return Voice(self.binaries, host, self.path(host))

    def say(self, *sealed):
        with open(self.line, "ab", buffering=0) as line:
            line.write(b"".join(sealed))

    def ask(self, sql):
        db = sqlite3.connect(f"file:{self.path('state/ledger.db')}?mode=ro", uri=True, timeout=20)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def kill_beside(self, name):
        """Kills the process of this name that belfry has started."""
        if self.process.child is None:
            return
        children = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(self.process.child.pid)],
                                  stdout=subprocess.PIPE, text=True).stdout
        for row in children.splitlines():
            pid, comm = row.split(None, 1)
            if comm.strip() == name and int(pid) > 1:
                os.kill(int(pid), signal.SIGKILL)

    def remove(self):
        self.process.end()
        shutil.rmtree(self.dir, ignore_errors=True)


def show(path, lines=15):
    try:
        with open(path, errors="replace") as f:
            print("".join(f.readlines()[-lines:]))
    except OSError:
        pass
