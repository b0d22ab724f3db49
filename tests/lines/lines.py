"""Lines from elsewhere: what other programs send arrives byte by byte, connections come back, wrong certificates are
refused, a name server that says nothing and a peer that never reads hold nobody up, and commands end with their line.
Runs as root in a network and a mount namespace of its own (run-lines)."""

import glob
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import termios
import threading
import time

BIN = os.environ["TOCSIN_BIN"]
SRC = os.environ["TOCSIN_SRC"]
HANG_S = 60  # for whatever is waited for; never measured
ALL_BYTES = bytes(range(256)) + b"\r\0\r\n\xff\xff\xf0" + bytes(reversed(range(256)))
TYPED = b"root\r" + bytes(range(256))
COM_PORT = b"\x2c"
IAC, SB, SE, DO, WILL, WONT = b"\xff", b"\xff\xfa", b"\xff\xf0", b"\xff\xfd", b"\xff\xfb", b"\xff\xfc"

failures = []
children = []


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


def last_words(belfry):
    """For a test that hangs: what belfry said of its lines."""
    for event in belfry.events:
        if event[0] == "LINE":
            print("\t".join(event), flush=True)


def free_port():
    """Below those that the kernel gives to whoever asks for any: nobody is given it before it is listened on."""
    while True:
        port = random.randrange(10000, 32768)
        if not listens(port):
            return port


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def start(*argv, **more):
    child = subprocess.Popen(argv, **more)
    children.append(child)
    return child


def end(child):
    child.kill()
    child.wait()


def peer(name, program, *argv, **more):
    """A program of a package that tests/support/peers.sh has unpacked."""
    root = f"{os.environ['TOCSIN_PEERS']}/{name}"
    libraries = {os.path.dirname(p) for p in glob.glob(f"{root}/**/*.so*", recursive=True)}
    return start(f"{root}{program}", *argv, env={**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}, **more)


def append(path, data):
    with open(path, "ab") as f:
        f.write(data)


class Belfry:
    def __init__(self, folder, lines, dial):
        self.folder = folder
        self.events = []
        program = f"{BIN}/belfry"
        if dial is not None:
            # It runs what is beside it.
            home = f"{folder}/bin"
            os.mkdir(home)
            for name in os.listdir(BIN):
                if name.startswith("belfry-"):
                    os.symlink(f"{BIN}/{name}", f"{home}/{name}")
            program = shutil.copy(program, home)
            os.unlink(f"{home}/belfry-dial")
            os.symlink(dial, f"{home}/belfry-dial")
        self.program = program
        self.lines = lines
        self.configure()
        self.said = open(f"{folder}/said", "wb")
        self.process = start(program, "--config", f"{folder}/conf", "run", "--events", stdout=subprocess.PIPE,
            stderr=self.said, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def configure(self):
        with open(f"{self.folder}/conf", "w", encoding="ascii") as f:
            f.write(f"StateDir {self.folder}/state\nSyslog no\nOperator root\n" + "".join(f"Line {line}\n" for line in self.lines))

    def without(self, name):
        self.lines = [line for line in self.lines if not line.startswith(f"{name} ")]
        self.configure()
        subprocess.run([self.program, "--config", f"{self.folder}/conf", "reload"], check=True, timeout=HANG_S,
            stdout=subprocess.DEVNULL)

    def read(self):
        for line in self.process.stdout:
            self.events.append(line.rstrip("\n").split("\t"))

    def of(self, name, what):
        """How often LINE events said this of a line; what they said."""
        return [e[4] for e in list(self.events) if e[0] == "LINE" and e[2] == name and e[3] == what]

    def on_record(self, name, code):
        return [e for e in list(self.events) if e[0] == "EVENT" and e[2] == name and code in e]

    def raw(self, name):
        try:
            with open(f"{self.folder}/state/lines/{name}.raw", "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(next(l for l in f if l.startswith("VmHWM")).split()[1])

    def wait_raw(self, name, want):
        try:
            wait_for(name, lambda: len(self.raw(name)) >= len(want))
        except TimeoutError:
            pass
        check(self.raw(name) == want, f"{name} has the bytes that were sent")


class Scripted:
    """A server that says what it is told to, and reads only when it is asked to."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.listener.settimeout(HANG_S)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        s, _ = self.listener.accept()
        s.settimeout(HANG_S)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s


# ---- certificates


def openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, capture_output=True, timeout=HANG_S)


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
        f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")


def certificate(folder, name, by, days="30"):
    with open(f"{folder}/{name}.ext", "w", encoding="ascii") as f:
        f.write(f"subjectAltName=DNS:{name}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
        f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
    openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{by}.pem", "-CAkey", f"{folder}/{by}.key",
        "-CAcreateserial", "-days", days, "-extfile", f"{folder}/{name}.ext", "-out", f"{folder}/{name}.pem")


def fingerprint(folder, name):
    done = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", f"{folder}/{name}.pem"],
        check=True, capture_output=True, text=True, timeout=HANG_S)
    return done.stdout.strip().split("=")[1]


# ---- peers


def socat_tail(folder, name, address):
    """A server that gives each client a file and what is added to it."""
    append(f"{folder}/{name}", b"")
    return peer("socat", "/usr/bin/socat", address, f"EXEC:tail -c +1 -f {folder}/{name}",
        stderr=subprocess.DEVNULL)


def place_modules():
    """ser2net's are looked for where they would be installed, and nowhere else."""
    packed = f"{os.environ['TOCSIN_PEERS']}/ser2net/usr/libexec"
    subprocess.run(["mount", "--bind", packed, "/usr/libexec"], check=True)


def silent_name_server(folder):
    with open(f"{folder}/resolv.conf", "w", encoding="ascii") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
    with open(f"{folder}/nsswitch.conf", "w", encoding="ascii") as f:
        f.write("hosts: files dns\n")
    with open(f"{folder}/hosts", "w", encoding="ascii") as f:
        f.write("::1 console-server\n127.0.0.1 console-server\n")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for name in ("resolv.conf", "nsswitch.conf", "hosts"):
        if os.path.exists(f"/etc/{name}"):
            subprocess.run(["mount", "--bind", f"{folder}/{name}", f"/etc/{name}"], check=True)
    place_modules()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))
    return s


class Setup:
    def __init__(self, folder, dial):
        self.folder = folder
        self.tcp_port, self.ser_port, self.tls_port = free_port(), free_port(), free_port()
        self.tcp = self.start_tcp()
        self.unix = socat_tail(folder, "unix", f"UNIX-LISTEN:{folder}/socket,fork")
        self.telnet, self.storm, self.bytes = Scripted(), Scripted(), Scripted()
        self.typed, self.typed_telnet, self.typed_tls = Scripted(), Scripted(), Scripted()
        self.typed_unix = socket.socket(socket.AF_UNIX)
        self.typed_unix.bind(f"{folder}/typed-socket")
        self.typed_unix.listen()
        self.typed_unix.settimeout(HANG_S)
        self.make_certificates()
        self.s_server = start("openssl", "s_server", "-accept", f"127.0.0.1:{self.tls_port}", "-cert",
            f"{folder}/good.pem", "-key", f"{folder}/good.key", "-quiet", stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start_ser2net()
        lines = [
            f"socat tcp 127.0.0.1:{self.tcp_port}",
            f"unix unix {folder}/socket",
            f"ser2net telnet console-server:{self.ser_port} 19200 8n2 flow=none",
            f"telnet telnet 127.0.0.1:{self.telnet.port} 9600 7e1",
            f"storm telnet 127.0.0.1:{self.storm.port}",
            f"bytes telnet 127.0.0.1:{self.bytes.port}",
            f"tls tls 127.0.0.1:{self.tls_port} ca={folder}/ca.pem name=good",
            f"w-tcp tcp 127.0.0.1:{self.typed.port}",
            f"w-telnet telnet 127.0.0.1:{self.typed_telnet.port}",
            f"w-tls tls 127.0.0.1:{self.typed_tls.port} ca={folder}/ca.pem name=good",
            f"w-unix unix {folder}/typed-socket",
            f'w-command command /bin/sh -c "exec cat >{folder}/typed"',
            "nowhere tcp nowhere.example:7",
            f"refused tcp 127.0.0.1:{free_port()}",
            "missing command /nonexistent/program",
            f'command command /bin/sh -c "echo $$ >{folder}/pid; tty; echo complaint >&2; sleep 1000 & '
            'trap : TERM HUP; while :; do wait; done"',
            f'leaving command /bin/sh -c "echo $$ >{folder}/leaving; trap : TERM HUP; while :; do sleep 5; done"',
        ]
        lines += self.tls_lines()
        self.belfry = Belfry(folder, lines, dial)
        wait_for("READY", lambda: any(e[0] == "READY" for e in self.belfry.events))

    def start_tcp(self):
        return socat_tail(self.folder, "tcp", f"TCP-LISTEN:{self.tcp_port},bind=127.0.0.1,reuseaddr,fork")

    def make_certificates(self):
        for name in ("ca", "strange"):
            authority(self.folder, name)
        certificate(self.folder, "good", "ca")
        certificate(self.folder, "late", "ca", "-1")

    def tls_server(self, name):
        port = free_port()
        peer("socat", "/usr/bin/socat", f"OPENSSL-LISTEN:{port},bind=127.0.0.1,fork,verify=0,cert={self.folder}/{name}.pem,"
            f"key={self.folder}/{name}.key", "EXEC:echo hello", stderr=subprocess.DEVNULL)
        wait_for(f"{name} listens", lambda: listens(port))
        return f"127.0.0.1:{port}"

    def tls_lines(self):
        f = self.folder
        return [
            f"pinned tls {self.tls_server('good')} pin=sha256:{fingerprint(f, 'good')}",
            f"otherpin tls {self.tls_server('good')} pin={fingerprint(f, 'late')} ca={f}/ca.pem name=good",
            f"untrusted tls {self.tls_server('good')} ca={f}/strange.pem name=good",
            f"othername tls {self.tls_server('good')} ca={f}/ca.pem name=other",
            f"late tls {self.tls_server('late')} ca={f}/ca.pem name=late",
            f"noca tls {self.tls_server('good')} ca={f}/good.key name=good",
        ]

    def start_ser2net(self):
        self.master, self.slave = os.openpty()
        with open(f"{self.folder}/ser2net.yaml", "w", encoding="ascii") as f:
            f.write(f"connection: &a\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{self.ser_port}\n"
                f"  connector: serialdev,{os.ttyname(self.slave)},9600n81,local\n")
        self.ser2net = peer("ser2net", "/usr/sbin/ser2net", "-d", "-u", "-c", f"{self.folder}/ser2net.yaml",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# ---- what has to be true


def bytes_arrive_as_they_were_sent(s):
    append(f"{s.folder}/tcp", ALL_BYTES * 100)
    append(f"{s.folder}/unix", ALL_BYTES * 100)
    s.s_server.stdin.write(b"over tls\n")
    s.s_server.stdin.flush()
    s.belfry.wait_raw("socat", ALL_BYTES * 100)
    s.belfry.wait_raw("unix", ALL_BYTES * 100)
    s.belfry.wait_raw("tls", b"over tls\n")
    wait_for("pinned", lambda: s.belfry.raw("pinned").startswith(b"hello\n"))


def ser2net_sets_the_port_and_loses_nothing(s):
    wait_for("ser2net", lambda: s.belfry.of("ser2net", "up"))

    def port_is_set():
        now = termios.tcgetattr(s.slave)
        return now[4] == termios.B19200 and now[2] & termios.CSTOPB

    try:
        wait_for("the port is set", port_is_set)
    except TimeoutError:
        check(False, "RFC 2217 sets speed and stop bits of the port behind ser2net")
    os.write(s.master, ALL_BYTES)
    check(not s.belfry.on_record("ser2net", "line.link"), "what ser2net answers is what was asked for")
    s.belfry.wait_raw("ser2net", ALL_BYTES)


def a_break_and_modem_lines_are_on_record(s):
    with s.telnet.accept() as peer_:
        heard = b""
        peer_.sendall(DO + COM_PORT + b"before")
        while SB + COM_PORT + b"\x02\x07" + SE not in heard:
            heard += peer_.recv(1000)
        check(SB + COM_PORT + b"\x01\x00\x00\x25\x80" + SE in heard, "the speed is set by RFC 2217")
        check(SB + COM_PORT + b"\x03\x03" + SE in heard or b"\x03\x03" in peer_.recv(1000), "so is the parity")
        peer_.sendall(SB + COM_PORT + b"\x6a\x10" + SE + SB + COM_PORT + b"\x6b\x11" + SE + b"after\xff\xff")
        s.belfry.wait_raw("telnet", b"beforeafter\xff")
        peer_.sendall(SB + COM_PORT + b"\x65\x00\x00\x04\xb0" + SE)
        for code in ("line.break", "line.modem", "line.link"):
            try:
                wait_for(code, lambda code=code: s.belfry.on_record("telnet", code))
            except TimeoutError:
                check(False, f"{code} is on record")


def single_bytes_make_no_difference(s):
    with s.bytes.accept() as peer_:
        for byte in DO + COM_PORT + b"a\r\0" + IAC + IAC + SB + COM_PORT + b"\x6b\xff\xff" + SE + WILL + b"\x01b":
            peer_.sendall(bytes([byte]))
            time.sleep(0.005)
        s.belfry.wait_raw("bytes", b"a\r\xffb")


def type_to(s, name):
    """What a person types to a line (belfry attach --write), when he has a role."""
    wait_for(f"{name} is up", lambda: s.belfry.of(name, "up"))
    done = subprocess.run([s.belfry.program, "--config", f"{s.folder}/conf", "attach", name, "--write", "--raw"],
        input=TYPED, capture_output=True, timeout=HANG_S)
    check(done.returncode == 0, f"{name} is written to: {done.stderr}")


def hear(peer_, want):
    heard = b""
    try:
        while not heard.endswith(want):
            some = peer_.recv(4096)
            if not some:
                break
            heard += some
    except TimeoutError:
        pass
    return heard


def what_is_typed_reaches_every_kind_as_it_was_typed(s):
    with s.typed.accept() as peer_:
        type_to(s, "w-tcp")
        check(hear(peer_, TYPED) == TYPED, "tcp carries what was typed")
    peer_, _ = s.typed_unix.accept()
    with peer_:
        peer_.settimeout(HANG_S)
        type_to(s, "w-unix")
        check(hear(peer_, TYPED) == TYPED, "a unix socket carries what was typed")
    with s.typed_telnet.accept() as peer_:
        type_to(s, "w-telnet")
        want = TYPED.replace(IAC, IAC + IAC).replace(b"\r", b"\r\0")
        check(hear(peer_, want).endswith(want), "Telnet doubles IAC and ends CR with NUL")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{s.folder}/good.pem", f"{s.folder}/good.key")
    plain = s.typed_tls.accept()
    with context.wrap_socket(plain, server_side=True) as peer_:
        type_to(s, "w-tls")
        check(hear(peer_, TYPED) == TYPED, "TLS carries what was typed")
    type_to(s, "w-command")
    try:
        wait_for("typed", lambda: open(f"{s.folder}/typed", "rb").read() == TYPED)
    except TimeoutError:
        check(False, "a command has what was typed on its standard input")
    type_to(s, "ser2net")
    heard = b""
    while len(heard) < len(TYPED):
        heard += os.read(s.master, 4096)
    check(heard == TYPED, "a port behind RFC 2217 sends what was typed")


def a_storm_of_options_from_a_peer_that_never_reads_is_nothing(s):
    before_kb = s.belfry.memory_kb()
    with s.storm.accept() as peer_:
        for _ in range(200):
            peer_.sendall((WILL + b"\x01" + WONT + b"\x01" + DO + b"\x18" + SB + b"\x18" * 500 + SE) * 160)
        append(f"{s.folder}/tcp", b"meanwhile")
        s.belfry.wait_raw("socat", ALL_BYTES * 100 + b"meanwhile")
        peer_.sendall(b"the end")
        s.belfry.wait_raw("storm", b"the end")
    grown_kb = s.belfry.memory_kb() - before_kb
    check(grown_kb < 4096, f"memory is bounded ({grown_kb} KiB more)")


def a_connection_that_ends_is_made_again(s):
    end(s.tcp)
    wait_for("tail ends", lambda: not listens(s.tcp_port))
    for pid in tails(f"{s.folder}/tcp"):
        os.kill(pid, signal.SIGKILL)
    wait_for("lost", lambda: s.belfry.of("socat", "lost"))
    os.unlink(f"{s.folder}/tcp")
    s.tcp = s.start_tcp()
    append(f"{s.folder}/tcp", b"again")
    s.belfry.wait_raw("socat", ALL_BYTES * 100 + b"meanwhile" + b"again")
    check(len(s.belfry.of("socat", "up")) >= 2, "the line came back")


def tails(path):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if f.read().split(b"\0")[:5] == [b"tail", b"-c", b"+1", b"-f", path.encode()]:
                    found.append(int(pid))
        except OSError:
            pass
    return found


def whoever_is_not_trusted_is_refused(s):
    want = {
        "otherpin": ("certificate-not-the-pinned-one", "a certificate that is not the pinned one is refused"),
        "untrusted": ("certificate-untrusted", "a certificate that nobody vouches for is refused"),
        "othername": ("certificate-of-another-name", "a certificate of another name is refused"),
        "late": ("certificate-not-valid-now", "a certificate that has expired is refused"),
        "noca": ("ca-file-unusable", "a file without certificates vouches for nobody"),
    }
    for name, (why, what) in want.items():
        wait_for(name, lambda name=name: s.belfry.of(name, "lost") or s.belfry.of(name, "up"))
        lost = s.belfry.of(name, "lost")
        check(not s.belfry.of(name, "up") and s.belfry.raw(name) == b"" and lost and f"why={why}" in lost[0], what)
    check(s.belfry.of("pinned", "up"), "the pinned certificate is trusted by itself")


def what_cannot_be_reached_says_why(s):
    for name, why in (("refused", "error=ECONNREFUSED"), ("missing", "error=ENOENT")):
        lost = wait_for(name, lambda name=name: s.belfry.of(name, "lost"))
        check(why in lost[0], f"{name}: {why}")
    # The name server still says nothing; nobody else waited for it.
    check(not s.belfry.of("nowhere", "up"), "a name that nobody knows leads nowhere")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def session(leader):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                if int(f.read().rsplit(")", 1)[1].split()[3]) == leader:
                    found.append(int(pid))
        except OSError:
            pass
    return found


def a_command_ends_when_its_line_is_removed(s):
    leader = int(wait_for("pid", lambda: os.path.exists(f"{s.folder}/leaving") and open(f"{s.folder}/leaving").read()))
    s.belfry.without("leaving")
    try:
        wait_for("it ends", lambda: not alive(leader))
    except TimeoutError:
        check(False, "a command that ignores signals ends with its line")
    check(not s.belfry.of("unix", "lost"), "other lines do not notice")


def a_command_has_a_terminal_and_ends_with_belfry(s):
    wait_for("tty", lambda: b"/dev/pts/" in s.belfry.raw("command"))
    with open(f"{s.folder}/pid", encoding="ascii") as f:
        leader = int(f.read())
    group = wait_for("sleep", lambda: (lambda g: len(g) >= 2 and g)(session(leader)))
    with open(f"{s.folder}/said", encoding="ascii") as f:
        check("belfry: line command: complaint\n" in f.read(), "its standard error is told")
    s.belfry.process.send_signal(signal.SIGTERM)
    check(s.belfry.process.wait(HANG_S) == 0, "belfry ends well")
    try:
        wait_for("the command ends", lambda: not any(alive(pid) for pid in group))
    except TimeoutError:
        check(False, "a command that ignores signals ends with belfry, and what it started")
    with open(f"{s.folder}/said", encoding="ascii") as f:
        said = f.read()
    check("Sanitizer" not in said, f"no sanitizer has found anything:\n{said}")


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # With 127.0.0.1 alone, getaddrinfo() takes a machine for one without IPv4 (AI_ADDRCONFIG, as ser2net asks).
    subprocess.run(["ip", "addr", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    folder = tempfile.mkdtemp(prefix="belfry-lines-")
    os.chmod(folder, 0o755)
    name_server = silent_name_server(folder)
    try:
        s = Setup(folder, sys.argv[1] if len(sys.argv) > 1 else None)
        for test in (bytes_arrive_as_they_were_sent, ser2net_sets_the_port_and_loses_nothing,
                a_break_and_modem_lines_are_on_record, single_bytes_make_no_difference, what_is_typed_reaches_every_kind_as_it_was_typed,
                a_storm_of_options_from_a_peer_that_never_reads_is_nothing, a_connection_that_ends_is_made_again,
                whoever_is_not_trusted_is_refused, what_cannot_be_reached_says_why,
                a_command_ends_when_its_line_is_removed, a_command_has_a_terminal_and_ends_with_belfry):
            before = len(failures)
            try:
                test(s)
            except TimeoutError as error:
                check(False, f"{test.__name__}: {error} in time")
                last_words(s.belfry)
            print(f"{'ok  ' if len(failures) == before else 'FAIL'} {test.__name__}", flush=True)
    finally:
        for child in children:
            if child.poll() is None:
                end(child)
        for name in ("tcp", "unix"):
            for pid in tails(f"{folder}/{name}"):
                os.kill(pid, signal.SIGKILL)
        name_server.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
