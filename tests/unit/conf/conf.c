#include "conf/conf.h"
#include "support/check.h"
#include "wire/hash.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct conf conf;
static struct conf again;
static char told[32][700];
static unsigned tellings;

static void
note(void *to, const char *message)
{
    (void)to;
    if (tellings < 32) {
        snprintf(told[tellings], sizeof(told[0]), "%s", message);
    }
    tellings++;
}

static unsigned
parse_bytes(const char *text, size_t len)
{
    tellings = 0;
    CHECK(conf_init(&conf, NULL, NULL));
    return conf_parse(&conf, "t.conf", text, len, note, NULL);
}

static unsigned
parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void
a_whole_file_is_read_as_it_stands(void)
{
    CHECK_INT(parse("# comment\n"
                    "Host web03\n"
                    "  beat 7\t# behind\n"
                    "SWEEP 60\nFullSweep 7200\nSweepShare 25\nPortSweep 250\nReceiver 192.0.2.7\nCheckIn "
                    "9\nDaemonGrace "
                    "300\nStateDir /s\n"
                    "\n"
                    "Watch /etc\nWatch \"/a b/\\\"c\\\\d%0A\"\nIgnore /etc/mtab\n"
                    "Port tcp 22 sshd /usr/lib/systemd/systemd\nPort udp 22 \"x y\"\n"
                    "Port tcp [::1]:25 a unit=a.service,b@*.service uid=mail netns=web\n"
                    "Port udp 10.1.2.3:53 a\nPort tcp loopback:25 a\nPort packet 0x0800 a\n"
                    "Port packet any a\nPort raw 89 a\nPort sctp 3868 a\nPort vsock 70000 a\n"
                    "Port udplite 7 a netns=any\nNamespaces all\n"
                    "Daemon /usr/sbin/cron\n"
                    "Mount /usr ro nodev device\nmount /d rw\n"
                    "Protect auto\nProtect aide within=90s\nProtect cron within=off\nProtect mailer\n"
                    "Channel serial /dev/ttyS1 115200 8n1\nChannel tty /dev/tty9 floor=warn "
                    "policy=fallback\nChannel null x policy=always"),
            0);
    CHECK_INT(tellings, 0);
    CHECK_STR(conf.host, "web03");
    CHECK_INT(conf.beat_s, 7);
    CHECK_INT(conf.sweep_s, 60);
    CHECK_INT(conf.full_sweep_s, 7200);
    CHECK_INT(conf.sweep_share, 25);
    CHECK_INT(conf.port_sweep_ms, 250);
    CHECK_INT(conf.daemon_grace_s, 300);
    CHECK_INT(conf.check_in_s, 9);
    CHECK_INT(conf.receiver.port, 8627);
    CHECK_INT(conf.receiver.family, AF_INET);
    CHECK_MEM(conf.receiver.address, "\xc0\0\2\7\0", 5);
    CHECK_STR(conf.state_dir, "/s");
    CHECK_INT(conf.watches, 2);
    CHECK_STR(conf.watch[1].path, "/a b/\"c\\d\n");
    CHECK_INT(conf.ignores, 1);
    CHECK_INT(conf.ports, 11);
    CHECK(!conf.own_netns);
    CHECK_INT(conf.port[2].on, CONF_ADDRESS_6);
    CHECK_INT(conf.port[2].address[15], 1);
    CHECK_INT(conf.port[2].port, 25);
    CHECK_INT(conf.port[2].processes, 1);
    CHECK_STR(conf.port[2].unit, "a.service,b@*.service");
    CHECK_STR(conf.port[2].user, "mail");
    CHECK_STR(conf.port[2].netns, "web");
    CHECK_INT(conf.port[3].on, CONF_ADDRESS_4);
    CHECK_MEM(conf.port[3].address, "\x0a\1\2\3", 4);
    CHECK_INT(conf.port[4].on, CONF_ADDRESS_LOOPBACK);
    CHECK_INT(conf.port[5].port, 0x0800);
    CHECK_INT(conf.port[6].port, 0);
    CHECK_INT(conf.port[7].proto, CONF_RAW);
    CHECK_INT(conf.port[9].port, 70000);
    CHECK_INT(conf.port[0].proto, CONF_TCP);
    CHECK_INT(conf.port[0].port, 22);
    CHECK_INT(conf.port[0].processes, 2);
    CHECK_STR(conf.port[0].process[1], "/usr/lib/systemd/systemd");
    CHECK_INT(conf.port[1].proto, CONF_UDP);
    CHECK_STR(conf.port[1].process[0], "x y");
    CHECK_INT(conf.daemons, 1);
    CHECK_INT(conf.mounts, 2);
    CHECK_STR(conf.mount[0].path, "/usr");
    CHECK(conf.mount[0].read_only);
    CHECK_INT(conf.mount[0].options, CONF_MOUNT_NODEV | CONF_MOUNT_DEVICE);
    CHECK(!conf.mount[1].read_only);
    CHECK_INT(conf.mount[1].options, 0);
    CHECK_INT(conf.channels, 3);
    CHECK_INT(conf.channel[0].baud, 115200);
    CHECK_STR(conf.channel[0].frame, "8n1");
    CHECK_INT(conf.channel[1].baud, 0);
    CHECK(conf.channel[1].fallback && conf.channel[1].floor == WIRE_WARN);
    CHECK(!conf.channel[2].fallback && conf.channel[2].floor == WIRE_INFO);
}

#define OPEN_END                                                                                            \
    "absolute path of at most 255 bytes, without \"/\" at its end and without \"//\", \".\" and \"..\" in " \
    "it"

#define RECEIVER \
    "the receiver's IPv4 or IPv6 address or DNS name, alone or as ADDRESS:PORT, [ADDRESS]:PORT or NAME:PORT"

#define SCHEMES \
    "one of serial, console, tty, screen, printer, usb, file and null, or one of them behind fault:"
#define POLICY "policy=always or policy=fallback"
#define FLOOR "floor= one of EMRG, ALRT, CRIT, ERRO, WARN, NOTE and INFO"
#define OF_TTY "BAUD, FRAME, flow=, lock, policy= or floor= there, each once"
#define OF_FILE "policy= or floor= there, each once"
#define USB_ID "VID:PID[:SERIAL], both as four hexadecimal digits, or usbip:ADDRESS:PORT/BUSID"

#define PROTECTS "aide, tripwire, samhain, rkhunter, chkrootkit, cron, mailer, or auto with nothing behind it"
#define WITHIN "within=off, or within= a time like 90m, 26h or 8d"

/* clang-format off */
static const struct {
    const char *text;
    const char *message; /* all lines but this one are right */
} wrong[] = {
    { "Host a\nColour red\n", "t.conf:2: found \"Colour\"; expected one of Host, Beat, Sweep, FullSweep, SweepShare, PortSweep, Receiver, CheckIn, StateDir, User, Set, Watch, Ignore, Port, Namespaces, Daemon, DaemonGrace, Mount, View, Protect and Channel" },
    { "Host a\nHost b\n", "t.conf:2: found Host a second time; expected it once" },
    { "Host a\nBeat 5\n\nbeat 5\n", "t.conf:4: found Beat a second time; expected it once" },
    { "Host\n\nHost a", "t.conf:1: found Host with 0 values; expected Host NAME" },
    { "Host a b\nHost a", "t.conf:1: found Host with 2 values; expected Host NAME" },
    { "Host a\nPort tcp 22\n", "t.conf:2: found Port with 2 values; expected Port PROTOCOL NUMBER|any PROCESS [PROCESS...] [uid=USER] [unit=UNIT] [netns=NAME]" },
    { "Host a\nPort tcp 22 a b c d e\n", "t.conf:2: found \"e\"; expected at most 4 processes" },
    { "Host a\nPort tcp 22 a b c d uid=1 unit=u netns=n x\n", "t.conf:2: found Port with 10 values; expected Port PROTOCOL NUMBER|any PROCESS [PROCESS...] [uid=USER] [unit=UNIT] [netns=NAME]" },
    { "Host a\nPort dccp 22 a\n", "t.conf:2: found \"dccp\"; expected one of tcp, udp, udplite, raw, packet, sctp and vsock" },
    { "Host a\nPort raw 256 a\n", "t.conf:2: found \"256\"; expected an IP protocol from 1 to 255, or any" },
    { "Host a\nPort packet ipx a\n", "t.conf:2: found \"ipx\"; expected all, arp, eapol, ip, ip6, lldp, 0xHHHH, a number from 1 to 65535, or any" },
    { "Host a\nPort packet 0x a\n", "t.conf:2: found \"0x\"; expected all, arp, eapol, ip, ip6, lldp, 0xHHHH, a number from 1 to 65535, or any" },
    { "Host a\nPort sctp 127.0.0.1:9 a\n", "t.conf:2: found \"127.0.0.1:9\"; expected a number from 1 to 65535, or any" },
    { "Host a\nPort vsock 4294967295 a\n", "t.conf:2: found \"4294967295\"; expected a number from 1 to 4294967294, or any" },
    { "Host a\nPort tcp ::1:25 a\n", "t.conf:2: found \"::1:25\"; expected a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any" },
    { "Host a\nPort tcp 127.0.0.1:any a\n", "t.conf:2: found \"127.0.0.1:any\"; expected a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any" },
    { "Host a\nPort tcp 22 uid=root\n", "t.conf:2: found no process; expected PROCESS: who may hold the port" },
    { "Host a\nPort tcp 22 a uid=\n", "t.conf:2: found \"uid=\"; expected uid=NAME or uid=NUMBER, of at most 32 bytes" },
    { "Host a\nPort tcp 22 a uid=0 uid=1\n", "t.conf:2: found \"uid=1\"; expected each condition once" },
    { "Host a\nPort tcp 22 a netns=../x\n", "t.conf:2: found \"netns=../x\"; expected netns=NAME, netns=INODE or netns=any, of at most 63 bytes, without \"/\"" },
    { "Host a\nPort tcp 22 a netns=x\nPort tcp 22 b netns=x\n", "t.conf:3: found \"22\"; expected each port once, with all its processes on one line" },
    { "Host a\nNamespaces some\n", "t.conf:2: found \"some\"; expected all or own" },
    { "Host a\nNamespaces own\nPort tcp 22 a netns=x\n", "t.conf:3: found a Port with netns= and Namespaces own; expected one of them" },
    { "Host a\nPort tcp 0 a\n", "t.conf:2: found \"0\"; expected a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any" },
    { "Host a\nPort tcp 65536 a\n", "t.conf:2: found \"65536\"; expected a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any" },
    { "Host a\nPort tcp 022 a\n", "t.conf:2: found \"022\"; expected a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any" },
    { "Host a\nPort tcp -1 a\n", "t.conf:2: found \"-1\"; expected a number from 1 to 65535, ADDRESS:NUMBER, loopback:NUMBER or any" },
    { "Host a\nPort tcp 22 a/b\n", "t.conf:2: found \"a/b\"; expected an executable's absolute path, or its name without a slash" },
    { "Host a\nPort tcp 22 \"\"\n", "t.conf:2: found \"\"; expected an executable's absolute path, or its name without a slash" },
    { "Host a\nPort tcp 22 /a/../b\n", "t.conf:2: found \"/a/../b\"; expected an " OPEN_END },
    { "Host a\nPort tcp 22 a\nPort tcp 22 b\n", "t.conf:3: found \"22\"; expected each port once, with all its processes on one line" },
    { "Host a\nBeat 61\n", "t.conf:2: found \"61\"; expected a number from 1 to 60" },
    { "Host a\nBeat 0\n", "t.conf:2: found \"0\"; expected a number from 1 to 60" },
    { "Host a\nBeat 4294967297\n", "t.conf:2: found \"4294967297\"; expected a number from 1 to 60" },
    { "Host a\nSweep ten\n", "t.conf:2: found \"ten\"; expected a number from 1 to 604800" },
    { "Host a\nFullSweep 0\n", "t.conf:2: found \"0\"; expected a number from 1 to 31536000" },
    { "Host a\nSweepShare 101\n", "t.conf:2: found \"101\"; expected a number from 1 to 100" },
    { "Host a\nPortSweep 1\n", "t.conf:2: found \"1\"; expected a number from 10 to 3600000" },
    { "Host a\nReceiver 192.0.2\n", "t.conf:2: found \"192.0.2\"; expected " RECEIVER },
    { "Host a\nReceiver a b\n", "t.conf:2: found Receiver with 2 values; expected Receiver ADDRESS|NAME[:PORT]" },
    { "Host a\nCheckIn 0\n", "t.conf:2: found \"0\"; expected a number from 1 to 60" },
    { "Host a\nCheckIn 61\n", "t.conf:2: found \"61\"; expected a number from 1 to 60" },
    { "Host a\nCheckIn 1\nCheckIn 2\n", "t.conf:3: found CheckIn a second time; expected it once" },
    { "Host a\nReceiver ::1\nReceiver ::2\n", "t.conf:3: found Receiver a second time; expected it once" },
    { "Host a\nDaemonGrace 301\n", "t.conf:2: found \"301\"; expected a number from 0 to 300" },
    { "Host a\nDaemonGrace 0\nDaemonGrace 1\n", "t.conf:3: found DaemonGrace a second time; expected it once" },
    { "Host a\nWatch etc\n", "t.conf:2: found \"etc\"; expected an " OPEN_END },
    { "Host a\nWatch /etc/\n", "t.conf:2: found \"/etc/\"; expected an " OPEN_END },
    { "Host a\nWatch //etc\n", "t.conf:2: found \"//etc\"; expected an " OPEN_END },
    { "Host a\nWatch /./etc\n", "t.conf:2: found \"/./etc\"; expected an " OPEN_END },
    { "Host a\nWatch /etc/..\n", "t.conf:2: found \"/etc/..\"; expected an " OPEN_END },
    { "Host a\nWatch /etc\nWatch /etc\n", "t.conf:3: found \"/etc\"; expected each path once" },
    { "Host a\nWatch /a/[b\n", "t.conf:2: found \"/a/[b\"; expected a ] for each [ before the next slash ([[] is the byte itself)" },
    { "Host a\nIgnore /a/b**\n", "t.conf:2: found \"/a/b**\"; expected ** alone between two slashes" },
    { "Host a\nWatch /a nothing\n", "t.conf:2: found \"nothing\"; expected a set (a Set line stands before its use), onefs, fs=NAME or max=SIZE" },
    { "Host a\nWatch /a onefs logs\n", "t.conf:2: found \"logs\"; expected onefs, fs=NAME or max=SIZE, each once" },
    { "Host a\nWatch /a max=0\n", "t.conf:2: found \"max=0\"; expected max=SIZE once, with a number of bytes, or of K, M or G of them" },
    { "Host a\nWatch /a fs=ext4,ntfs\n", "t.conf:2: found \"fs=ext4,ntfs\"; expected fs= once, with some of ext4, xfs, btrfs, f2fs, zfs, tmpfs, overlay, vfat, nfs and fuse" },
    { "Host a\nSet A mode\n", "t.conf:2: found \"A\"; expected 1 to 15 of a-z, 0-9 and -" },
    { "Host a\nSet logs mode\n", "t.conf:2: found \"logs\"; expected a name that is no attribute and no other set's" },
    { "Host a\nSet mode type\n", "t.conf:2: found \"mode\"; expected a name that is no attribute and no other set's" },
    { "Host a\nSet a colour\n", "t.conf:2: found \"colour\"; expected an attribute or a set, with + or - before it (tocsin.conf(5) lists them)" },
    { "Host a\nSet a = logs +content\n", "t.conf:2: found \"a\"; expected content or grow in it, not both" },
    { "Host a\nSet a mode -mode\n", "t.conf:2: found \"a\"; expected at least one attribute in it" },
    { "Host a\nDaemon cron\n", "t.conf:2: found \"cron\"; expected an executable's absolute path, args=, unit= or pidfile=" },
    { "Host a\nDaemon /a/\n", "t.conf:2: found \"/a/\"; expected an " OPEN_END },
    { "Host a\nDaemon pidfile=a\n", "t.conf:2: found \"a\"; expected an " OPEN_END },
    { "Host a\nDaemon unit=ssh\n", "t.conf:2: found \"ssh\"; expected a unit as ssh.service or init.scope" },
    { "Host a\nDaemon unit=../a.service\n", "t.conf:2: found \"../a.service\"; expected a unit as ssh.service or init.scope" },
    { "Host a\nDaemon unit=.service\n", "t.conf:2: found \".service\"; expected a unit as ssh.service or init.scope" },
    { "Host a\nDaemon args=x\n", "t.conf:2: found \"args=x\"; expected an executable, a unit or a pid file besides" },
    { "Host a\nDaemon /a args=\n", "t.conf:2: found \"\"; expected 1 to 255 bytes of arguments" },
    { "Host a\nDaemon /a exe=/b\n", "t.conf:2: found \"exe=/b\"; expected each of them once" },
    { "Host a\nDaemon /a args=b\nDaemon /a args=b\n", "t.conf:3: found \"/a\"; expected each daemon once" },
    { "Host a\nDaemon /a unit=b.service\nDaemon unit=b.service\n", "t.conf:3: found \"unit=b.service\"; expected each daemon once" },
    { "Host a\nStateDir s\n", "t.conf:2: found \"s\"; expected an " OPEN_END },
    { "Host a\nMount /m\n", "t.conf:2: found Mount with 1 value; expected Mount PATH|DISK ro|rw [OPTION...]" },
    { "Host a\nMount LABEL= ro\n", "t.conf:2: found \"LABEL=\"; expected a label or id of a disk behind the =, in all at most 255 bytes" },
    { "Host a\nMount /m rw window=3m\n", "t.conf:2: found \"window=3m\"; expected it once, and with ro only" },
    { "Host a\nMount /m ro window=3m window=4m\n", "t.conf:2: found \"window=4m\"; expected it once, and with ro only" },
    { "Host a\nMount /m ro window=25h\n", "t.conf:2: found \"window=25h\"; expected window= and 1s to 24h, as 30m" },
    { "Host a\nMount /m ro window=0s\n", "t.conf:2: found \"window=0s\"; expected window= and 1s to 24h, as 30m" },
    { "Host a\nMount /m ro window=m\n", "t.conf:2: found \"window=m\"; expected window= and 1s to 24h, as 30m" },
    { "Host a\nMount /m ro window=\n", "t.conf:2: found \"window=\"; expected window= and 1s to 24h, as 30m" },
    { "Host a\nMount m ro\n", "t.conf:2: found \"m\"; expected an " OPEN_END },
    { "Host a\nMount /m r\n", "t.conf:2: found \"r\"; expected ro or rw" },
    { "Host a\nMount /m ro nosuids\n", "t.conf:2: found \"nosuids\"; expected one of nosuid, nodev, noexec, bind, device and window=" },
    { "Host a\nMount /m ro nodev nodev\n", "t.conf:2: found \"nodev\"; expected each option once" },
    { "Host a\nMount /m rw bind\n", "t.conf:2: found \"bind\"; expected it with ro only" },
    { "Host a\nMount /m ro device bind\n", "t.conf:2: found \"bind\"; expected bind or device, not both" },
    { "Host a\nMount /m ro\nMount /m rw\n", "t.conf:3: found \"/m\"; expected each path once" },
    { "Host a\nProtect x\n", "t.conf:2: found \"x\"; expected " PROTECTS },
    { "Host a\nProtect auto within=1h\n", "t.conf:2: found \"auto\"; expected " PROTECTS },
    { "Host a\nProtect aide 26h\n", "t.conf:2: found \"26h\"; expected " WITHIN },
    { "Host a\nProtect aide within=26\n", "t.conf:2: found \"within=26\"; expected " WITHIN },
    { "Host a\nProtect aide within=0h\n", "t.conf:2: found \"within=0h\"; expected " WITHIN },
    { "Host a\nProtect aide within=h\n", "t.conf:2: found \"within=h\"; expected " WITHIN },
    { "Host a\nProtect aide within=367d\n", "t.conf:2: found \"within=367d\"; expected " WITHIN },
    { "Host a\nView x on\n", "t.conf:2: found \"x\"; expected a view's name, as in tocsin.conf(5)" },
    { "Host a\nView proc-mounts maybe\n", "t.conf:2: found \"maybe\"; expected on, on with seconds, off, or allow" },
    { "Host a\nView proc-mounts off 1\n", "t.conf:2: found \"off\"; expected on, on with seconds, off, or allow" },
    { "Host a\nView proc-mounts on 0\n", "t.conf:2: found \"0\"; expected a number from 1 to 86400" },
    { "Host a\nView proc-mounts allow\n", "t.conf:2: found \"allow\"; expected View NAME allow WHAT, with 1 to 255 bytes" },
    { "Host a\nView proc-mounts allow \"\"\n", "t.conf:2: found \"\"; expected View NAME allow WHAT, with 1 to 255 bytes" },
    { "Host a\nView proc-mounts on\nView proc-mounts off\n", "t.conf:3: found \"proc-mounts\"; expected each view once" },
    { "Host a\nChannel pigeon /x\n", "t.conf:2: found \"pigeon\"; expected " SCHEMES },
    { "Host a\nChannel fault /x\n", "t.conf:2: found \"fault\"; expected " SCHEMES },
    { "Host a\nChannel fault:fault:tty /x\n", "t.conf:2: found \"fault:fault:tty\"; expected " SCHEMES },
    { "Host a\nChannel fault: /x\n", "t.conf:2: found \"fault:\"; expected " SCHEMES },
    { "Host a\nChannel tty\n", "t.conf:2: found \"tty\"; expected a device behind it" },
    { "Host a\nChannel tty ttyS0\n", "t.conf:2: found \"ttyS0\"; expected an " OPEN_END },
    { "Host a\nChannel tty usb:0403:6001\n", "t.conf:2: found \"usb:0403:6001\"; expected an " OPEN_END },
    { "Host a\nChannel serial usb:403:6001\n", "t.conf:2: found \"usb:403:6001\"; expected usb:VID:PID[:SERIAL] or an " OPEN_END },
    { "Host a\nChannel serial usb:0403:6001:\n", "t.conf:2: found \"usb:0403:6001:\"; expected usb:VID:PID[:SERIAL] or an " OPEN_END },
    { "Host a\nChannel usb 0403-6001\n", "t.conf:2: found \"0403-6001\"; expected " USB_ID },
    { "Host a\nChannel usb 0403:600\n", "t.conf:2: found \"0403:600\"; expected " USB_ID },
    { "Host a\nChannel usb 0403:600g\n", "t.conf:2: found \"0403:600g\"; expected " USB_ID },
    { "Host a\nChannel tty /t 7\n", "t.conf:2: found \"7\"; expected a number from 50 to 4000000" },
    { "Host a\nChannel tty /t 9600 9n1\n", "t.conf:2: found \"9n1\"; expected a frame like 8n1: 5-8 data bits, parity n, e or o, 1-2 stop bits" },
    { "Host a\nChannel file /t 9600\n", "t.conf:2: found \"9600\"; expected no speed: this kind of channel has none" },
    { "Host a\nChannel console 9600\n", "t.conf:2: found \"9600\"; expected no speed: this kind of channel has none" },
    { "Host a\nChannel tty /t policy=never\n", "t.conf:2: found \"policy=never\"; expected " POLICY },
    { "Host a\nChannel tty /t floor=LOUD\n", "t.conf:2: found \"floor=LOUD\"; expected " FLOOR },
    { "Host a\nChannel tty /t floor=WARN floor=NOTE\n", "t.conf:2: found \"floor=NOTE\"; expected " OF_TTY },
    { "Host a\nChannel tty /t floor=WARN 9600\n", "t.conf:2: found \"9600\"; expected " OF_TTY },
    { "Host a\nChannel tty /t 9600 8n1 x floor=WARN\n", "t.conf:2: found \"x\"; expected " OF_TTY },
    { "Host a\nChannel tty /t flow=yes\n", "t.conf:2: found \"flow=yes\"; expected flow=rtscts or flow=xonxoff" },
    { "Host a\nChannel tty /t locked\n", "t.conf:2: found \"locked\"; expected lock" },
    { "Host a\nChannel file /t flow=rtscts\n", "t.conf:2: found \"flow=rtscts\"; expected " OF_FILE },
    { "Host a\nChannel file /t seed=7\n", "t.conf:2: found \"seed=7\"; expected " OF_FILE },
    { "Host a\nChannel fault:file /t seed=0\n", "t.conf:2: found \"seed=0\"; expected seed= a number from 1 to 4294967295" },
    { "Host a\nChannel screen /t lines\n", "t.conf:2: found \"lines\"; expected lines and a number from 2 to 20" },
    { "Host a\nChannel screen /t lines 21\n", "t.conf:2: found \"21\"; expected lines and a number from 2 to 20" },
    { "Host a\nChannel printer /t columns=79\n", "t.conf:2: found \"columns=79\"; expected columns= a number from 80 to 255" },
    { "Host a\nChannel printer /t page=256\n", "t.conf:2: found \"page=256\"; expected page= a number from 10 to 255" },
    { "Host a\nChannel null \"\"\n", "t.conf:2: found \"\"; expected 1 to 255 bytes" },
    { "Host a\nChannel tty /t\nChannel tty /t\n", "t.conf:3: found \"/t\"; expected each channel once" },
    { "Host a\nChannel console\nChannel console\n", "t.conf:3: found \"console\"; expected each channel once" },
    { "Host a\nWatch \"/etc\n", "t.conf:2: found a quoted value without its end; expected a closing quote on the same line" },
    { "Host a\nWatch \"/etc\"x\n", "t.conf:2: found something right behind a closing quote; expected a blank or the end of the line" },
    { "Host a\nWatch /e\"tc\n", "t.conf:2: found a quote inside a word; expected quotes around the whole value, or %22" },
    { "Host a\nWatch \"/e\\tc\"\n", "t.conf:2: found a backslash alone in a quoted value; expected \\\" or \\\\" },
    { "Host a\nWatch /e%4\n", "t.conf:2: found \"%254\"; expected %HH, a byte in hexadecimal and not 00 (%25 is a %)" },
    { "Host a\nWatch /e%00\n", "t.conf:2: found \"%2500\"; expected %HH, a byte in hexadecimal and not 00 (%25 is a %)" },
    { "Host a\nWatch /e%zz\n", "t.conf:2: found \"%25zz\"; expected %HH, a byte in hexadecimal and not 00 (%25 is a %)" },
    { "Host a\r\nHost a\n", "t.conf:1: found the byte 0x0D; expected text (such a byte in a value is written %HH)" },
    { "Beat 1\nHost Web03\n", "t.conf:2: found \"Web03\"; expected 1 to 15 of a-z, 0-9 and -" },
    { "Host abcdefghijklmnop\n", "t.conf:1: found \"abcdefghijklmnop\"; expected 1 to 15 of a-z, 0-9 and -" },
    { "Beat 1\nSweep 10\n", "t.conf:2: found the end and no Host; expected Host NAME" },
    { "", "t.conf:1: found the end and no Host; expected Host NAME" },
    { "Host a\nWatch /e\x1b[2J\n", "t.conf:2: found the byte 0x1B; expected text (such a byte in a value is written %HH)" },
    { "Host a\nWatch e%1B\n", "t.conf:2: found \"e%1B\"; expected an " OPEN_END },
};
/* clang-format on */

static void
a_view_allows_what_it_names_and_no_other_view_does(void)
{
    static const char text[] = "Host a\nView proc-mounts allow /proc/1\nView disguised-processes allow /x*\n";

    CHECK_INT(parse(text), 0);
    CHECK(conf_allows(&conf, CONF_VIEW_PROC_MOUNTS, "/proc/1", 7));
    CHECK(!conf_allows(&conf, CONF_VIEW_PROC_MOUNTS, "/proc/12", 8));
    CHECK(!conf_allows(&conf, CONF_VIEW_PROC_MOUNTS, "/proc/", 6));
    CHECK(!conf_allows(&conf, CONF_VIEW_DISGUISED_PROCESSES, "/proc/1", 7));
    CHECK(conf_allows(&conf, CONF_VIEW_DISGUISED_PROCESSES, "/x", 2));
    CHECK(conf_allows(&conf, CONF_VIEW_DISGUISED_PROCESSES, "/xyz", 4));
    CHECK(!conf_allows(&conf, CONF_VIEW_DISGUISED_PROCESSES, "/", 1));
}

static void
each_error_names_its_line_and_what_was_expected(void)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_INT(parse(wrong[i].text), 1);
        CHECK_INT(tellings, 1);
        CHECK_STR(told[0], wrong[i].message);
    }
}

static void
sets_and_options_of_a_watch_are_read_and_written_back(void)
{
    static char text[65536];

    CHECK_INT(parse("Host a\nSet mine = binaries -links +mtime\nSet two mode mine\nset less all -two\n"
                    "Watch /a two onefs fs=xfs,ext4 max=3M\nWatch /b max=4294967295G\nWatch /c/**/[ab]*.d "
                    "logs\n"
                    "Watch /d max=1023\nIgnore /a/*/x\n"),
            0);
    CHECK_INT(conf.sets, 3);
    CHECK_INT(conf.set[0].attrs, 0x1F7FFu & ~(0x40u | 0x80u));
    CHECK_INT(conf.set[1].attrs, conf.set[0].attrs);
    CHECK_INT(conf.set[2].attrs, 0x40u | 0x80u);
    CHECK_INT(conf.watch[0].attrs, conf.set[1].attrs);
    CHECK(conf.watch[0].one_fs);
    CHECK_INT(conf.watch[0].fs, 3);
    CHECK_INT(conf.watch[0].max, 3 << 20);
    CHECK_INT(conf.watch[1].max >> 30, UINT32_MAX);
    CHECK_STR(conf.watch[2].set, "logs");
    memcpy(&again, &conf, sizeof(conf));
    FILE *out = fmemopen(text, sizeof(text), "w");
    CHECK_INT(conf_write(&conf, out), 0);
    fclose(out);
    CHECK(strstr(text, "\nWatch /a two onefs fs=ext4,xfs max=3M\n") != NULL);
    CHECK(strstr(text, "\nWatch /d max=1023\n") != NULL);
    CHECK_INT(parse(text), 0);
    CHECK_MEM(&conf, &again, sizeof(conf));
}

static void
a_zero_byte_and_a_long_line_are_errors(void)
{
    char text[2048];

    CHECK_INT(parse_bytes("Host a\nWatch /e\0x\n", 17), 1);
    CHECK_STR(
            told[0], "t.conf:2: found the byte 0x00; expected text (such a byte in a value is written %HH)");

    memset(text, '#', sizeof(text));
    memcpy(text, "Host a\n", 7);
    text[7 + CONF_LINE_MAX] = '\n';
    CHECK_INT(parse_bytes(text, 7 + CONF_LINE_MAX + 1), 0);
    text[7 + CONF_LINE_MAX] = '#';
    text[7 + CONF_LINE_MAX + 1] = '\n';
    CHECK_INT(parse_bytes(text, 7 + CONF_LINE_MAX + 2), 1);
    CHECK_STR(told[0], "t.conf:2: found a line of more than 1024 bytes; expected a shorter one");
}

static void
a_path_of_255_bytes_fits_and_one_of_256_does_not(void)
{
    char text[512] = "Host a\nWatch /";

    memset(text + strlen(text), 'x', 254);
    CHECK_INT(parse(text), 0);
    CHECK_INT(strlen(conf.watch[0].path), 255);
    text[strlen(text)] = 'x';
    CHECK_INT(parse(text), 1);
}

static void
twenty_errors_are_told_and_the_rest_counted(void)
{
    char text[400] = "Host a\n";

    for (int i = 0; i < 30; i++) {
        strcat(text, "Bad\n");
    }
    CHECK_INT(parse(text), 30);
    CHECK_INT(tellings, 21);
    CHECK_STR(told[20], "t.conf: and 10 more");
    CHECK(strncmp(told[19], "t.conf:21: ", 11) == 0);
}

static void
each_list_has_its_end(void)
{
    static char text[64 * 1024];
    /* clang-format off */
    static const struct { const char *format; unsigned max; const char *keyword; } lists[] = {
        { "Watch /w%u\n", CONF_WATCHES, "Watch" },
        { "Ignore /w%u\n", CONF_IGNORES, "Ignore" },
        { "Daemon /w%u\n", CONF_DAEMONS, "Daemon" },
        { "Port tcp %u x\n", CONF_PORTS, "Port" },
        { "Mount /w%u ro\n", CONF_MOUNTS, "Mount" },
        { "Channel file /w%u\n", CONF_CHANNELS, "Channel" },
        { "View proc-mounts allow /w%u\n", CONF_ALLOWS, "View" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        char want[80];

        strcpy(text, "Host a\n");
        for (unsigned n = 1; n <= lists[i].max; n++) {
            sprintf(text + strlen(text), lists[i].format, n);
        }
        CHECK_INT(parse(text), 0);
        sprintf(text + strlen(text), lists[i].format, lists[i].max + 1);
        CHECK_INT(parse(text), 1);
        sprintf(want, "t.conf:%u: found \"%s\"; expected at most %u such lines", lists[i].max + 2,
                lists[i].keyword, lists[i].max);
        CHECK_STR(told[0], want);
    }
}

static char *
written(const struct conf *c, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    CHECK_INT(conf_write(c, out), 0);
    fclose(out);
    return text;
}

static void
protect_lines_are_read_with_their_times(void)
{
    CHECK_INT(parse("Host a\nProtect aide\nProtect rkhunter within=8d\nProtect tripwire within=off\n"
                    "Protect chkrootkit within=90m\n"),
            0);
    CHECK(conf.protect[CONF_PROTECT_AIDE].on && !conf.protect[CONF_PROTECT_AIDE].given);
    CHECK_INT(conf.protect[CONF_PROTECT_RKHUNTER].within_s, 8 * 86400);
    CHECK(conf.protect[CONF_PROTECT_TRIPWIRE].given && conf.protect[CONF_PROTECT_TRIPWIRE].within_s == 0);
    CHECK_INT(conf.protect[CONF_PROTECT_CHKROOTKIT].within_s, 5400);
    CHECK(!conf.protect[CONF_PROTECT_CRON].on && !conf.protect_auto);
    CHECK_INT(parse("Host a\nProtect auto\n"), 0);
    CHECK(conf.protect_auto);
}

static void
write_and_read_back(void)
{
    size_t len = 0;
    char *out = written(&conf, &len);

    CHECK(conf_init(&again, NULL, NULL));
    CHECK_INT(conf_parse(&again, "again", out, len, note, NULL), 0);
    CHECK_MEM(&again, &conf, sizeof(conf));
    free(out);
}

/* clang-format off */
static const struct {
    const char *text;
    const char *name; /* NULL: it is refused */
    uint16_t family;
    uint16_t port;
    const char *written;
} receivers[] = {
    { "192.0.2.7",            "192.0.2.7",   AF_INET,  8627,  "192.0.2.7" },
    { "192.0.2.7:8627",       "192.0.2.7",   AF_INET,  8627,  "192.0.2.7" },
    { "192.0.2.7:1",          "192.0.2.7",   AF_INET,  1,     "192.0.2.7:1" },
    { "2001:DB8:0:0::7",      "2001:db8::7", AF_INET6, 8627,  "2001:db8::7" },
    { "fe80::1:99",           "fe80::1:99",  AF_INET6, 8627,  "fe80::1:99" },
    { "[::1]",                "::1",         AF_INET6, 8627,  "::1" },
    { "[::1]:65535",          "::1",         AF_INET6, 65535, "[::1]:65535" },
    { "belfry",               "belfry",      0,        8627,  "belfry" },
    { "b-1.Example.org.:443", "b-1.Example.org.", 0,   443,   "b-1.Example.org.:443" },
    { "1.example_2",          "1.example_2", 0,        8627,  "1.example_2" },
    { "", NULL, 0, 0, NULL }, { ":", NULL, 0, 0, NULL }, { ":8627", NULL, 0, 0, NULL },
    { "192.0.2", NULL, 0, 0, NULL }, { "192.0.2.256", NULL, 0, 0, NULL }, { "192.0.2.7.", NULL, 0, 0, NULL },
    { "192.0.2.7:0", NULL, 0, 0, NULL }, { "192.0.2.7:65536", NULL, 0, 0, NULL },
    { "192.0.2.7:", NULL, 0, 0, NULL }, { "192.0.2.7:08", NULL, 0, 0, NULL }, { "[192.0.2.7]:1", NULL, 0, 0, NULL },
    { "[", NULL, 0, 0, NULL }, { "[]", NULL, 0, 0, NULL }, { "[]:1", NULL, 0, 0, NULL }, { "]:1", NULL, 0, 0, NULL },
    { "[::1", NULL, 0, 0, NULL }, { "[::1]1", NULL, 0, 0, NULL }, { "[::1]:", NULL, 0, 0, NULL },
    { "[belfry]:1", NULL, 0, 0, NULL }, { "::1::", NULL, 0, 0, NULL }, { "a..b", NULL, 0, 0, NULL },
    { ".", NULL, 0, 0, NULL }, { ".a", NULL, 0, 0, NULL }, { "a..", NULL, 0, 0, NULL }, { "-a", NULL, 0, 0, NULL },
    { "a-.b", NULL, 0, 0, NULL }, { "a b", NULL, 0, 0, NULL }, { "a/b", NULL, 0, 0, NULL }, { "a:b:1", NULL, 0, 0, NULL },
};
/* clang-format on */

static void
a_receiver_is_an_address_or_a_name_and_a_port(void)
{
    for (size_t i = 0; i < sizeof(receivers) / sizeof(receivers[0]); i++) {
        struct conf_receiver r = { .port = 5 };
        char text[CONF_RECEIVER_TEXT];
        bool taken = conf_receiver_parse(receivers[i].text, strlen(receivers[i].text), &r);

        CHECK_INT(taken, receivers[i].name != NULL);
        if (!taken) {
            CHECK_INT(r.port, 5);
            continue;
        }
        CHECK_STR(r.name, receivers[i].name);
        CHECK_INT(r.family, receivers[i].family);
        CHECK_INT(r.port, receivers[i].port);
        CHECK_STR(conf_receiver_text(&r, text), receivers[i].written);
    }
}

static void
a_receivers_name_of_253_bytes_fits_and_one_of_254_does_not(void)
{
    struct conf_receiver r;
    char name[256];

    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = i % 50 == 49 ? '.' : 'n';
    }
    CHECK(conf_receiver_parse(name, 253, &r));
    CHECK_INT(strlen(r.name), 253);
    CHECK(!conf_receiver_parse(name, 254, &r));
    memset(name, 'n', 64);
    CHECK(conf_receiver_parse(name, 63, &r));
    CHECK(!conf_receiver_parse(name, 64, &r));
    CHECK(!conf_receiver_parse("a\0b", 3, &r));
}

static void
a_usb_device_has_two_numbers_and_maybe_a_serial_number(void)
{
    struct conf_channel channel = { .device = "usb:0403:6aF1:A:1 b" };
    struct hal_usb_name usb;

    CHECK(conf_channel_usb(&channel, &usb));
    CHECK_INT(usb.vendor, 0x0403);
    CHECK_INT(usb.product, 0x6AF1);
    CHECK_STR(usb.serial, "A:1 b");
    CHECK(hal_usb_name_parse("ffff:0000", &usb));
    CHECK_STR(usb.serial, "");
    CHECK(!hal_usb_name_parse("0403:6001:\x01", &usb));
    CHECK(!hal_usb_name_parse("0403:6001x", &usb));
    CHECK(!hal_usb_name_parse(
            "0403:6001:1234567890123456789012345678901234567890123456789012345678901234", &usb));
    CHECK(hal_usb_name_parse(
            "0403:6001:123456789012345678901234567890123456789012345678901234567890123", &usb));
    strcpy(channel.device, "/dev/ttyS1");
    CHECK(!conf_channel_usb(&channel, &usb));
}

static void
a_usb_device_may_be_one_over_the_network(void)
{
    static const char *const words[] = { "usb", "usbip:127.0.0.1:3240/1-1" };
    static const char *const serial[] = { "serial", "usbip:127.0.0.1:3240/1-1" };
    static const size_t lens[] = { 3, 24 };
    static const size_t serial_lens[] = { 6, 24 };
    struct conf_channel channel;
    struct hal_usbip_name name;
    const char *expected;

    CHECK_INT(conf_channel_parse(words, lens, 2, &channel, &expected), 2);
    CHECK(conf_channel_usbip(&channel, &name));
    CHECK_INT(name.port, 3240);
    CHECK_INT(conf_channel_parse(serial, serial_lens, 2, &channel, &expected), 1);
    strcpy(channel.device, "1209:0001");
    CHECK(!conf_channel_usbip(&channel, &name));
}

static void
what_is_written_is_read_back_the_same(void)
{
    CHECK_INT(parse("Host a\nBeat 3\nSweep 4\nFullSweep 5\nSweepShare 6\nPortSweep 50\nDaemonGrace "
                    "7\nReceiver [2001:DB8:0::7]:99\nCheckIn 60\nStateDir "
                    "\"/s t\"\n"
                    "Watch /%23\nWatch \"/a b\"\nWatch /%01%7f%22%25\nWatch /\nWatch /\xc3\xa4\n"
                    "Ignore \"/\\\\ \\\\\"\nPort tcp 1 %23\nPort udp any a\nPort udp any b\nPort udp 65535 "
                    "\"a b\" /c \"d\\\"\"\n"
                    "Daemon /d\nDaemon /d \"args=-m a b\" unit=x.service pidfile=/run/x\nMount "
                    "\"/a b\" ro noexec nosuid bind nodev\nMount / rw\nMount \"LABEL=a b\" ro nosuid nodev "
                    "noexec device window=30m\nMount /dev/disk/by-id/x ro window=1h\nView "
                    "hidden-processes on 9\n"
                    "View proc-mounts off\nView disguised-processes allow \"/a b*\"\nChannel null "
                    "%23x\nChannel tty /t 9600 lock flow=rtscts\nChannel serial /t 9600 7e2 policy=fallback "
                    "floor=CRIT\nChannel serial \"usb:0403:60aF:A B\" 115200 flow=xonxoff\nChannel console\n"
                    "Channel screen /dev/tty1 lines 4\nChannel printer /p columns=132 page=66\n"
                    "Channel fault:usb 1d50:614c:7 seed=9\n"),
            0);
    CHECK_STR(conf.port[0].process[0], "#");
    write_and_read_back();
}

static void
a_line_at_the_limit_still_fits_when_written(void)
{
    static const char *const units[] = { "\\", "%01", "\xff", "\t", " ", "\\\"", "\\\\" };

    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        char text[2048] = "Host a\nPort tcp 1";

        for (int i = 0; i < 4; i++) {
            strcat(text, u < 3 ? " " : " \"");
            for (size_t n = 0; n < 1000 / 4 / strlen(units[u]); n++) {
                strcat(text, units[u]);
            }
            strcat(text, u < 3 ? "" : "\"");
        }
        CHECK_INT(parse(text), 0);
        write_and_read_back();
    }
}

static void
an_entry_that_fits_no_line_is_not_written(void)
{
    FILE *out = fopen("/dev/null", "w");

    CHECK_INT(parse("Host a\nPort tcp 1 a b c d\n"), 0);
    for (int i = 0; i < 4; i++) {
        memset(conf.port[0].process[i], 'x', CONF_PATH - 1);
    }
    CHECK_INT(conf_write(&conf, out), -EMSGSIZE);
    fclose(out);
}

static void
a_state_directory_from_the_command_line_wins(void)
{
    const char *text = "Host a\nStateDir /from-file\n";
    char path[64];

    CHECK(conf_init(&conf, "/c", "/from-command"));
    CHECK_INT(conf_parse(&conf, "t", text, strlen(text), note, NULL), 0);
    CHECK_STR(conf.state_dir, "/from-command");
    CHECK(conf_state_path(&conf, "slot", path, sizeof(path)));
    CHECK_STR(path, "/from-command/slot");
    CHECK(!conf_state_path(&conf, "slot", path, strlen("/from-command/slot")));
    CHECK(!conf_init(&conf, "relative", NULL));
    CHECK(!conf_init(&conf, NULL, "/a/"));
    CHECK(!conf_init(&conf, "", NULL));
}

static unsigned
load(const char *path)
{
    tellings = 0;
    CHECK(conf_init(&conf, path, NULL));
    return conf_load(&conf, note, NULL);
}

static void
a_file_that_cannot_be_taken_is_one_error(void)
{
    char dir[] = "/tmp/tocsin-conf-XXXXXX";
    char path[64];

    CHECK(mkdtemp(dir) != NULL);
    CHECK_INT(load(dir), 1);
    CHECK(strstr(told[0], "expected a regular file") != NULL);
    snprintf(path, sizeof(path), "%s/c", dir);
    CHECK_INT(load(path), 1);
    CHECK(strstr(told[0], "No such file or directory; expected a configuration") != NULL);

    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK_INT(load(path), 1);
    CHECK(strstr(told[0], "expected a regular file") != NULL);
    unlink(path);

    FILE *f = fopen(path, "w");
    fputs("Host a\n", f);
    fclose(f);
    chmod(path, 0600);
    CHECK_INT(load(path), 0);
    CHECK_STR(conf.host, "a");
    uint8_t digest[32];
    wire_hash("Host a\n", 7, digest);
    CHECK_MEM(conf.digest, digest, sizeof(digest));
    chmod(path, 0606);
    CHECK_INT(load(path), 1);
    CHECK(strstr(told[0], "everybody may write") != NULL);
    chmod(path, 0600);
    CHECK_INT(truncate(path, (1 << 20) + 1), 0);
    CHECK_INT(load(path), 1);
    CHECK(strstr(told[0], "more than 1 MiB") != NULL);
    unlink(path);
    rmdir(dir);
}

static void
write_text(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");

    CHECK(out != NULL);
    fputs(text, out);
    fclose(out);
    CHECK_INT(chmod(path, mode), 0);
}

static void
read_text(const char *path, char *out, size_t size)
{
    FILE *in = fopen(path, "r");
    size_t len = in != NULL ? fread(out, 1, size - 1, in) : 0;

    out[len] = '\0';
    CHECK(in != NULL);
    fclose(in);
}

static void
appended_ports_stand_behind_all_that_was_there_and_mode_and_links_stay(void)
{
    char dir[] = "/tmp/tocsin-conf-XXXXXX";
    char path[64];
    char link[64];
    char text[512];
    struct stat st;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/real.conf", dir);
    snprintf(link, sizeof(link), "%s/t.conf", dir);
    write_text(path, "# mine\nHost a\nPort tcp 22 sshd", 0640);
    CHECK_INT(symlink("real.conf", link), 0);
    CHECK(conf_init(&conf, link, NULL));
    CHECK_INT(conf_load(&conf, note, NULL), 0);
    CHECK(conf_init(&again, NULL, NULL));
    CHECK_INT(
            parse("Host a\nPort tcp 22 sshd\nPort tcp [::1]:25 \"/a b\" uid=mail\nPort packet ip dhclient\n"),
            0);
    CHECK(conf_init(&again, link, NULL));
    again.ports = conf.ports;
    memcpy(again.port, conf.port, sizeof(conf.port));
    CHECK_INT(conf_append_ports(&again, 1), 0);
    read_text(path, text, sizeof(text));
    CHECK_STR(text,
            "# mine\nHost a\nPort tcp 22 sshd\nPort tcp [::1]:25 /a%20b uid=mail\nPort packet ip dhclient\n");
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 07777, 0640);
    CHECK_INT(lstat(link, &st), 0);
    CHECK(S_ISLNK(st.st_mode));

    /* What would not be read back as it was meant is not written. */
    write_text(path, "Host a\nBad\n", 0600);
    CHECK_INT(conf_append_ports(&again, 1), -EINVAL);
    read_text(path, text, sizeof(text));
    CHECK_STR(text, "Host a\nBad\n");
    CHECK_INT(unlink(link), 0);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(rmdir(dir), 0); /* nothing else is left in it */
}

int
main(void)
{
    CHECK_RUN(a_whole_file_is_read_as_it_stands);
    CHECK_RUN(a_view_allows_what_it_names_and_no_other_view_does);
    CHECK_RUN(each_error_names_its_line_and_what_was_expected);
    CHECK_RUN(sets_and_options_of_a_watch_are_read_and_written_back);
    CHECK_RUN(a_zero_byte_and_a_long_line_are_errors);
    CHECK_RUN(a_path_of_255_bytes_fits_and_one_of_256_does_not);
    CHECK_RUN(twenty_errors_are_told_and_the_rest_counted);
    CHECK_RUN(each_list_has_its_end);
    CHECK_RUN(protect_lines_are_read_with_their_times);
    CHECK_RUN(a_receiver_is_an_address_or_a_name_and_a_port);
    CHECK_RUN(a_receivers_name_of_253_bytes_fits_and_one_of_254_does_not);
    CHECK_RUN(a_usb_device_has_two_numbers_and_maybe_a_serial_number);
    CHECK_RUN(a_usb_device_may_be_one_over_the_network);
    CHECK_RUN(what_is_written_is_read_back_the_same);
    CHECK_RUN(a_line_at_the_limit_still_fits_when_written);
    CHECK_RUN(an_entry_that_fits_no_line_is_not_written);
    CHECK_RUN(a_state_directory_from_the_command_line_wins);
    CHECK_RUN(a_file_that_cannot_be_taken_is_one_error);
    CHECK_RUN(appended_ports_stand_behind_all_that_was_there_and_mode_and_links_stay);
    return check_result();
}
