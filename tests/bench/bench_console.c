/*
 * bench_console - many console lines, logged by one manager: what it costs and what it loses
 *
 * bench_console MANAGER --program FILE [--lines N] [--load BYTES:RATE]... [--rounds N] [--seconds S]:
 * pseudo-terminals get RATE bytes a second each (0: as much as they take), BYTES at a time, as a UART hands
 * them over; what a terminal refuses is dropped, as a UART does. The loads take turns on one run of the
 * manager, `rounds` times; each time it is fed for a second, and then measured while it is fed on. Most is
 * numbered console text; every ten seconds each line carries a beat of a paired agent of its own, so that
 * belfry proves, looks for holes and listens for silence meanwhile. Afterwards each log is read, and what is
 * missing in it counts as lost.
 *
 * MANAGER is belfry, floor (read what epoll says and write it to a file: no manager can do with less),
 * conserver, conman or ser2net; `program` is what to run. One line a load comes out, fields separated by
 * tabs, medians of the rounds:
 *     manager lines burst rate ms-until-all-are-logged bytes-a-second-and-line CPU-ms-per-MB
 *     percent-of-a-core PSS-KiB bytes-lost
 *
 * With --storm K [--subjects N] the first K lines carry nothing but alarms, at the rate of the first load,
 * about N different files each (0: always another one), and each 50 ms one of the others, quiet until then,
 * says its first alarm. Three lines come out: until belfry has it on the disk and prints it (event), until a
 * collector has it by UDP (syslog: the kernel's time of receipt), and until a hook runs (exec: its own first
 * time).
 *     storm K of N event|syslog|exec alarms-of-the-storm-a-second ms-p50 p99 worst how-many missing
 */
#include "unit/belfry/speaker.h"

#include "belfry/ledger/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define LINES_MAX 4096
#define HOSTS_MAX 1000
#define QUIET_NS INT64_C(50000000)
#define ANSWERS 65536
#define RECORD 64 /* bytes of one line of console text, with its line end */
#define BEAT_NS INT64_C(10000000000)
#define OPEN_LIMIT_MS 60000
#define SETTLE_MS 2000
#define BETWEEN_MS 600 /* until it has read what one load left */
#define WARM_NS INT64_C(1000000000)
#define LOADS_MAX 8
#define ROUNDS_MAX 9
#define PATH 300
#define SER2NET_PORT 21000

struct feed {
    int master;
    int drain; /* ser2net reads only while a client is there: -1 for the others */
    char device[40];
    uint64_t records; /* begun */
    uint64_t dropped;
    int64_t beat_ns;
    bool has_host;
    struct speaker speaker;
    size_t at; /* of the text that is being sent */
    size_t len;
    char text[SPEAKER_LINE + RECORD];
};

struct manager {
    const char *name;
    const char *log; /* the file of line N below the directory */
    void (*configure)(FILE *conf);
    const char *argument[12]; /* %s is the directory */
};

struct load {
    unsigned burst;
    unsigned rate;
    double reached[ROUNDS_MAX]; /* bytes a second and line */
    double cost[ROUNDS_MAX];
    double share[ROUNDS_MAX];
    double pss[ROUNDS_MAX];
    uint64_t said;
    uint64_t logged;
};

static struct feed *feed;
static struct load load[LOADS_MAX] = { { .burst = 115, .rate = 11520 } };
static unsigned loads;
static unsigned rounds = 1;
static uint64_t *mark; /* of each line, the first record of each turn of a load */
static unsigned lines = 100;
static unsigned seconds = 10;
static unsigned storm;
static unsigned subjects = 20;
static uint16_t collector_port;
static const char *program;
static int events = -1; /* standard output of the manager, when somebody reads it */
static char dir[] = "/tmp/bench-console-XXXXXX";

static void
die(const char *what)
{
    (void)fprintf(stderr, "bench_console: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t
now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

__attribute__((format(printf, 1, 2))) static const char *
below(const char *format, ...)
{
    static char path[4][PATH];
    static unsigned turn;
    char *out = path[turn++ % 4];
    va_list args;
    int n = snprintf(out, PATH, "%s/", dir);

    va_start(args, format);
    (void)vsnprintf(out + n, (size_t)(PATH - n), format, args);
    va_end(args);
    return out;
}

/* ---- the managers */

static void
configure_belfry(FILE *conf)
{
    (void)fprintf(conf, "StateDir %s/state\nSyslog no\nDefault all rotate-size=8G\n", dir);
    if (storm > 0) {
        (void)fprintf(conf, "Notify far syslog udp://127.0.0.1:%u\nNotify near exec %s/hook\n",
                collector_port, dir);
    }
    for (unsigned i = 0; i < lines; i++) {
        (void)fprintf(conf, "Line l%04u serial %s\n", i, feed[i].device);
    }
}

static void
configure_floor(FILE *conf)
{
    (void)conf;
}

static void
configure_conserver(FILE *conf)
{
    FILE *passwd = fopen(below("passwd"), "w");

    if (passwd != NULL) {
        (void)fprintf(passwd, "*any*:\n");
        (void)fclose(passwd);
    }
    (void)fprintf(conf,
            "config * { }\ndefault cons { master localhost; type device; baud 115200; parity none; "
            "logfile %s/&.log; timestamp \"\"; options !hupcl,!ixon,!ixoff; rw *; }\n",
            dir);
    for (unsigned i = 0; i < lines; i++) {
        (void)fprintf(conf, "console l%04u { include cons; device %s; }\n", i, feed[i].device);
    }
    (void)fprintf(conf, "access * { trusted 127.0.0.1; allowed 127.0.0.1; }\n");
}

static void
configure_conman(FILE *conf)
{
    (void)fprintf(conf,
            "SERVER logdir=\"%s\"\nSERVER loopback=ON\nSERVER port=17890\nGLOBAL log=\"%%N.log\"\n"
            "GLOBAL logopts=\"nolock,nosanitize,notimestamp\"\nGLOBAL seropts=\"115200,8n1\"\n",
            dir);
    for (unsigned i = 0; i < lines; i++) {
        (void)fprintf(conf, "CONSOLE name=\"l%04u\" dev=\"%s\"\n", i, feed[i].device);
    }
}

static void
configure_ser2net(FILE *conf)
{
    for (unsigned i = 0; i < lines; i++) {
        (void)fprintf(conf,
                "connection: &c%04u\n  accepter: tcp,127.0.0.1,%u\n  connector: "
                "serialdev,%s,115200n81,local\n"
                "  options: {trace-read: %s/l%04u.log, max-connections: 2}\n",
                i, SER2NET_PORT + i, feed[i].device, dir, i);
    }
}

static const struct manager managers[] = {
    { "belfry", "state/lines/l%04u.raw", configure_belfry,
            { "--config", "%s/conf.yaml", "run", "--events" } },
    { "floor", "l%04u.log", configure_floor, { NULL } },
    { "conserver", "l%04u.log", configure_conserver,
            { "-C", "%s/conf.yaml", "-P", "%s/passwd", "-p", "17782", "-M", "127.0.0.1" } },
    { "conman", "l%04u.log", configure_conman, { "-F", "-c", "%s/conf.yaml" } },
    { "ser2net", "l%04u.log", configure_ser2net, { "-d", "-u", "-c", "%s/conf.yaml" } },
};

/* What every one of them has to do at least: nothing but to read what is there and to write it to its file.
 */
_Noreturn static void
run_floor(void)
{
    static char bytes[65536];
    static int from[LINES_MAX];
    static int to[LINES_MAX];
    struct epoll_event event[256];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (unsigned i = 0; i < lines; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

        from[i] = open(feed[i].device, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        to[i] = open(below("l%04u.log", i), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (from[i] < 0 || to[i] < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, from[i], &e) != 0) {
            die(feed[i].device);
        }
    }
    for (;;) {
        int n = epoll_wait(epoll, event, 256, -1);

        for (int k = 0; k < n; k++) {
            uint32_t i = event[k].data.u32;
            ssize_t got = read(from[i], bytes, sizeof bytes);

            if (got > 0 && write(to[i], bytes, (size_t)got) != got) {
                die("write");
            }
        }
    }
}

_Noreturn static void
become(const struct manager *m)
{
    char argument[12][PATH];
    const char *argv[14] = { program };
    union {
        const char *const *in;
        char *const *out;
    } args = { .in = argv };
    int null = open("/dev/null", O_RDWR);
    int errors = open(below("errors"), O_WRONLY | O_CREAT | O_APPEND, 0600);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < lines; i++) {
        (void)close(feed[i].master);
    }
    (void)dup2(null, 0);
    (void)dup2(events >= 0 ? events : null, 1);
    (void)dup2(errors, 2);
    if (strcmp(m->name, "floor") == 0) {
        run_floor();
    }
    for (unsigned i = 0; i < 12 && m->argument[i] != NULL; i++) {
        const char *s = strstr(m->argument[i], "%s");

        (void)snprintf(argument[i], PATH, "%s%s", s != NULL ? dir : m->argument[i], s != NULL ? s + 2 : "");
        argv[i + 1] = argument[i];
    }
    (void)execv(program, args.out);
    die(program);
    _exit(1);
}

static pid_t
start(const struct manager *m)
{
    FILE *conf = fopen(below("conf.yaml"), "w");
    pid_t pid;

    if (conf == NULL) {
        die("conf");
    }
    m->configure(conf);
    (void)fclose(conf);
    pid = fork();
    if (pid == 0) {
        become(m);
    }
    return pid;
}

/* ---- lines */

static void
open_line(struct feed *f)
{
    struct termios t;

    f->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    f->drain = -1;
    if (f->master < 0 || grantpt(f->master) != 0 || unlockpt(f->master) != 0 ||
            ptsname_r(f->master, f->device, sizeof f->device) != 0 || tcgetattr(f->master, &t) != 0) {
        die("pseudo-terminal");
    }
    cfmakeraw(&t);
    (void)tcsetattr(f->master, TCSANOW, &t);
}

static void
pair_all(void)
{
    struct ledger *ledger;
    char error[LEDGER_ERROR];

    if (mkdir(below("state"), 0700) != 0 ||
            ledger_open(below("state/ledger.db"), LEDGER_WRITE, false, &ledger, error) != 0 ||
            ledger_begin(ledger) != 0) {
        die("ledger");
    }
    for (unsigned i = 0; i < lines && i < HOSTS_MAX; i++) {
        struct speaker *s = &feed[i].speaker;
        char secret[WIRE_PAIR_CHARS];

        memset(secret, 'A', sizeof secret);
        (void)snprintf(s->host, sizeof s->host, "h%04u", i);
        wire_key_root(secret, s->host, &s->root0);
        wire_key_psk(secret, s->host, &s->psk);
        if (ledger_pair(ledger, s->host, &s->psk, &s->root0, 1, false) != 0) {
            die("pair");
        }
        speaker_session(s, 1, "K3QF");
        feed[i].beat_ns = now_ns() - BEAT_NS * (int64_t)(i % 100) / 100;
        feed[i].has_host = true;
    }
    if (ledger_commit(ledger) != 0) {
        die("ledger");
    }
    ledger_close(ledger);
}

static void
next_text(struct feed *f, unsigned number)
{
    int64_t now = now_ns();

    f->at = 0;
    if (number < storm) {
        char detail[40];

        (void)snprintf(detail, sizeof detail, "path=/etc/file%u kind=content",
                subjects > 0 ? speaker_next(&f->speaker) % subjects : speaker_next(&f->speaker));
        f->records++;
        f->len = speaker_say(&f->speaker, WIRE_ERRO, "fs.changed", detail, f->text);
        return;
    }
    if (f->has_host && now - f->beat_ns >= BEAT_NS) {
        f->beat_ns += (now - f->beat_ns) / BEAT_NS * BEAT_NS;
        f->len = speaker_say(&f->speaker, WIRE_INFO, "agent.beat", "next=10", f->text);
        return;
    }
    f->len = RECORD;
    (void)snprintf(f->text, sizeof f->text, "l%04u %010llu eth0: link is up, 1000 Mbps, full duplex, now\r\n",
            number, (unsigned long long)f->records++);
}

/* One burst; what does not fit is gone, as on a wire. Bytes that were taken. */
static size_t
send_burst(struct feed *f, unsigned number, size_t size)
{
    char bytes[4096];
    size_t n = 0;
    ssize_t sent;

    while (n < size) {
        size_t piece;

        if (f->at == f->len) {
            next_text(f, number);
        }
        piece = f->len - f->at < size - n ? f->len - f->at : size - n;
        memcpy(bytes + n, f->text + f->at, piece);
        f->at += piece;
        n += piece;
    }
    sent = write(f->master, bytes, n);
    sent = sent > 0 ? sent : 0;
    f->dropped += n - (size_t)sent;
    return (size_t)sent;
}

/* As much as it takes now, but a bit at a time: nothing is dropped. */
static void
send_all(struct feed *f, unsigned number)
{
    for (int i = 0; i < 64; i++) {
        ssize_t n;

        if (f->at == f->len) {
            next_text(f, number);
        }
        n = write(f->master, f->text + f->at, f->len - f->at);
        if (n <= 0) {
            return;
        }
        f->at += (size_t)n;
    }
}

/* ---- the manager's processes */

struct usage {
    double cpu_ms;
    uint64_t pss_kib;
};

static pid_t
parent_of(pid_t pid)
{
    char path[64];
    char text[512];
    int fd;
    ssize_t n;
    const char *at;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    at = strrchr(text, ')');
    return at != NULL && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

static bool
is_ours(pid_t pid)
{
    for (int depth = 0; depth < 8 && pid > 1; depth++) {
        pid = parent_of(pid);
        if (pid == getpid()) {
            return true;
        }
    }
    return false;
}

/* The first number behind `label` in a file of /proc; 0 when there is none. */
static uint64_t
read_number(const char *name, pid_t pid, const char *label)
{
    char path[64];
    char text[200];
    size_t len = strlen(label);
    uint64_t n = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    file = fopen(path, "r");
    while (file != NULL && n == 0 && fgets(text, sizeof text, file) != NULL) {
        n = strncmp(text, label, len) == 0 ? strtoull(text + len, NULL, 10) : 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return n;
}

static void
add_process(pid_t pid, struct usage *u)
{
    u->cpu_ms += (double)read_number("schedstat", pid, "") / 1e6;
    u->pss_kib += read_number("smaps_rollup", pid, "Pss:");
}

static struct usage
usage(void)
{
    struct usage u = { 0 };
    DIR *proc = opendir("/proc");
    const struct dirent *e;

    while (proc != NULL && (e = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

        if (pid > 1 && is_ours(pid)) {
            add_process(pid, &u);
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
    return u;
}

/* ---- feeding */

static void
connect_all(int64_t begun_ns)
{
    for (unsigned i = 0; i < lines; i++) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(SER2NET_PORT + i)) };

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        feed[i].drain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        while (connect(feed[i].drain, (struct sockaddr *)&to, sizeof to) != 0) {
            if (now_ns() - begun_ns > OPEN_LIMIT_MS * INT64_C(1000000)) {
                die("no connection to the manager");
            }
            (void)poll(NULL, 0, 20);
        }
        (void)fcntl(feed[i].drain, F_SETFL, O_NONBLOCK);
    }
}

static void
drain_all(void)
{
    char waste[65536];

    for (unsigned i = 0; i < lines && feed[i].drain >= 0; i++) {
        while (read(feed[i].drain, waste, sizeof waste) == (ssize_t)sizeof waste) {
        }
    }
}

/* How long until every line is logged, in ms. */
static int64_t
wait_until_logged(const struct manager *m, int64_t begun_ns)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < lines; i++) {
        (void)send_burst(&feed[i], i, RECORD);
    }
    while (seen < lines) {
        struct stat st;
        char file[60];

        (void)snprintf(file, sizeof file, m->log, seen);
        if (stat(below("%s", file), &st) == 0 && st.st_size >= RECORD) {
            seen++;
        } else if (now_ns() - begun_ns > OPEN_LIMIT_MS * INT64_C(1000000)) {
            (void)fprintf(stderr, "bench_console: %s: line %u is not logged\n", m->name, seen);
            exit(1);
        } else {
            (void)poll(NULL, 0, 1);
        }
    }
    return (now_ns() - begun_ns) / 1000000;
}

static void
feed_all(const struct load *l, int64_t for_ns)
{
    int64_t begun = now_ns();
    int64_t step = l->rate > 0 ? INT64_C(1000000000) * l->burst / l->rate : 0;
    int64_t next = begun;
    int64_t drained = begun;

    while (now_ns() < begun + for_ns) {
        for (unsigned i = 0; i < lines; i++) {
            if (l->rate > 0) {
                (void)send_burst(&feed[i], i, l->burst);
            } else {
                send_all(&feed[i], i);
            }
        }
        next += step;
        if (now_ns() - drained > 50000000) {
            drain_all();
            drained = now_ns();
        }
        if (l->rate > 0 && now_ns() < next) {
            struct timespec until = { .tv_sec = next / 1000000000, .tv_nsec = next % 1000000000 };

            (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        }
    }
}

/* ---- afterwards */

static unsigned
turns(void)
{
    return loads * rounds;
}

/* Counts the records of a log that are whole and not seen before to the loads they are of. */
static void
count_records(const struct manager *m, unsigned number)
{
    static const char tail[] = " eth0: link is up, 1000 Mbps, full duplex, now\r\n";
    const uint64_t *from = mark + (size_t)number * (turns() + 1);
    char head[16];
    char file[60];
    char text[600];
    uint64_t next = from[0];
    unsigned turn = 0;
    FILE *log;

    (void)snprintf(head, sizeof head, "l%04u ", number);
    (void)snprintf(file, sizeof file, m->log, number);
    log = fopen(below("%s", file), "r");
    while (log != NULL && fgets(text, sizeof text, log) != NULL) {
        const char *at = strstr(text, tail);
        unsigned long long n = at != NULL && at - text >= 16 ? strtoull(at - 10, NULL, 10) : 0;

        if (at == NULL || at - text < 16 || n < next || memcmp(at - 16, head, 6) != 0) {
            continue;
        }
        next = n + 1;
        while (turn < turns() && n >= from[turn + 1]) {
            turn++;
        }
        if (turn < turns()) {
            load[turn % loads].logged++;
        }
    }
    if (log != NULL) {
        (void)fclose(log);
    }
}

static void
stop(pid_t pid)
{
    (void)kill(pid, SIGTERM);
    for (int i = 0; i < 300 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
        (void)poll(NULL, 0, 10);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, WNOHANG);
}

static double
records(void)
{
    double n = 0;

    for (unsigned i = 0; i < lines; i++) {
        n += (double)feed[i].records;
    }
    return n;
}

static void
set_marks(unsigned turn)
{
    for (unsigned i = 0; i < lines; i++) {
        /* Without the record that is begun only. */
        mark[(size_t)i * (turns() + 1) + turn] = feed[i].records - (feed[i].at < feed[i].len);
    }
}

static void
let_settle(int ms)
{
    for (int i = 0; i < ms / 50; i++) {
        drain_all();
        (void)poll(NULL, 0, 50);
    }
}

static void
measure_load(struct load *l, unsigned round)
{
    struct usage before;
    struct usage after;
    double bytes;
    int64_t begun;
    double took_s;

    feed_all(l, WARM_NS);
    before = usage();
    begun = now_ns();
    bytes = -records() * RECORD;
    feed_all(l, seconds * INT64_C(1000000000));
    bytes += records() * RECORD;
    took_s = (double)(now_ns() - begun) / 1e9;
    after = usage();
    l->reached[round] = bytes / took_s / lines;
    l->cost[round] = (after.cpu_ms - before.cpu_ms) / (bytes / 1e6);
    l->share[round] = (after.cpu_ms - before.cpu_ms) / took_s / 10;
    l->pss[round] = (double)after.pss_kib;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double
median(double *value)
{
    qsort(value, rounds, sizeof *value, by_size);
    return rounds % 2 == 1 ? value[rounds / 2] : (value[rounds / 2 - 1] + value[rounds / 2]) / 2;
}

static void
print_load(const struct manager *m, struct load *l, int64_t opened_ms)
{
    (void)printf("%s\t%u\t%u\t%u\t%lld\t%.0f\t%.2f\t%.2f\t%.0f\t%llu\n", m->name, lines, l->burst, l->rate,
            (long long)opened_ms, median(l->reached), median(l->cost), median(l->share), median(l->pss),
            (unsigned long long)(l->said - l->logged) * RECORD);
}

static void
measure(const struct manager *m)
{
    int64_t begun = now_ns();
    pid_t pid = start(m);
    int64_t opened_ms;

    if (strcmp(m->name, "ser2net") == 0) {
        connect_all(begun);
    }
    opened_ms = wait_until_logged(m, begun);
    let_settle(BETWEEN_MS);
    for (unsigned turn = 0; turn < turns(); turn++) {
        set_marks(turn);
        measure_load(&load[turn % loads], turn / loads);
        let_settle(BETWEEN_MS);
    }
    set_marks(turns());
    let_settle(SETTLE_MS);
    stop(pid);
    for (unsigned i = 0; i < lines; i++) {
        for (unsigned turn = 0; turn < turns(); turn++) {
            const uint64_t *from = mark + (size_t)i * (turns() + 1) + turn;

            load[turn % loads].said += from[1] - from[0];
        }
        count_records(m, i);
    }
    for (unsigned i = 0; i < loads; i++) {
        print_load(m, &load[i], opened_ms);
    }
}

/* ---- a storm */

enum by { BY_EVENT, BY_SYSLOG, BY_EXEC, BYS };

static const char *const by_name[BYS] = { "event", "syslog", "exec" };

struct quiet {
    int64_t said_ns;
    int64_t took_ns[BYS]; /* 0 while it is not told */
};

static struct quiet *quiet;
static int told[BYS]; /* where each of them tells us */

/* A first alarm of "h0123..." was told at this time. */
static void
heard(enum by by, const char *host, int64_t at_ns)
{
    unsigned long i = strtoul(host + 1, NULL, 10);

    if (i >= storm && i < lines && quiet[i].said_ns > 0 && quiet[i].took_ns[by] == 0) {
        quiet[i].took_ns[by] = at_ns - quiet[i].said_ns;
    }
}

/* Belfry's events. */
static void
hear_events(void)
{
    static char text[ANSWERS];
    static size_t len;
    ssize_t n;

    while ((n = read(told[BY_EVENT], text + len, sizeof text - 1 - len)) > 0) {
        char *at = text;
        char *end;

        len += (size_t)n;
        text[len] = '\0';
        while ((end = strchr(at, '\n')) != NULL) {
            const char *host = strstr(at, "\topen\th");

            if (strncmp(at, "ALARM\t", 6) == 0 && host != NULL && host < end) {
                heard(BY_EVENT, host + 6, now_ns());
            }
            at = end + 1;
        }
        len -= (size_t)(at - text);
        memmove(text, at, len);
    }
}

/* Datagrams of RFC 5424. */
static void
hear_syslog(void)
{
    char text[4096];
    char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec to = { .iov_base = text, .iov_len = sizeof text - 1 };
    ssize_t n;

    for (;;) {
        struct msghdr m = {
            .msg_iov = &to, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
        };
        const char *host;
        struct timespec at = { 0 };
        struct timespec utc;
        const struct cmsghdr *c;

        n = recvmsg(told[BY_SYSLOG], &m, MSG_DONTWAIT);
        if (n <= 0) {
            return;
        }
        text[n] = '\0';
        host = strstr(text, " host=\"h");
        c = CMSG_FIRSTHDR(&m);
        if (host == NULL || c == NULL || c->cmsg_type != SCM_TIMESTAMPNS) {
            continue;
        }
        memcpy(&at, CMSG_DATA(c), sizeof at);
        (void)clock_gettime(CLOCK_REALTIME, &utc);
        heard(BY_SYSLOG, host + 7,
                now_ns() - ((int64_t)(utc.tv_sec - at.tv_sec) * 1000000000 + utc.tv_nsec - at.tv_nsec));
    }
}

/* What a hook says of itself: its host, and when it began. */
struct hook {
    int64_t began_ns;
    char host[WIRE_HOST_MAX + 1];
};

static void
hear_hooks(void)
{
    struct hook h;

    while (recv(told[BY_EXEC], &h, sizeof h, MSG_DONTWAIT) == (ssize_t)sizeof h) {
        h.host[WIRE_HOST_MAX] = '\0';
        heard(BY_EXEC, h.host, h.began_ns);
    }
}

/* This program, called as DIR/hook by belfry's notifier. */
static int
run_hook(char *path)
{
    struct hook h = { .began_ns = now_ns() };
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *host = getenv("BELFRY_HOST");
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)snprintf(h.host, sizeof h.host, "%s", host != NULL ? host : "-");
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%.80s/told", dirname(path));
    return sendto(fd, &h, sizeof h, 0, (struct sockaddr *)&to, sizeof to) != (ssize_t)sizeof h;
}

static void
hear(void)
{
    hear_events();
    hear_syslog();
    hear_hooks();
}

static void
open_ears(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_un hooks = { .sun_family = AF_UNIX };
    socklen_t len = sizeof at;
    const int room = 8 << 20;
    const int on = 1;
    char self[PATH];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int pair[2];

    told[BY_SYSLOG] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    told[BY_EXEC] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)snprintf(hooks.sun_path, sizeof hooks.sun_path, "%s/told", dir);
    if (n <= 0 || pipe2(pair, O_CLOEXEC) != 0 ||
            setsockopt(told[BY_SYSLOG], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
            bind(told[BY_SYSLOG], (struct sockaddr *)&at, sizeof at) != 0 ||
            getsockname(told[BY_SYSLOG], (struct sockaddr *)&at, &len) != 0 ||
            bind(told[BY_EXEC], (struct sockaddr *)&hooks, sizeof hooks) != 0) {
        die("sockets");
    }
    self[n] = '\0';
    if (symlink(self, below("hook")) != 0) {
        die("hook");
    }
    (void)setsockopt(told[BY_SYSLOG], SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    collector_port = ntohs(at.sin_port);
    told[BY_EVENT] = pair[0];
    events = pair[1];
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
}

static void
say_at(int fd, const char *code, const char *detail, unsigned i)
{
    char text[SPEAKER_LINE];
    size_t n = speaker_say(
            &feed[i].speaker, strcmp(code, "agent.beat") == 0 ? WIRE_INFO : WIRE_ERRO, code, detail, text);

    if (write(fd, text, n) != (ssize_t)n) {
        die("write");
    }
}

static void
storm_and_quiet(void)
{
    int64_t begun = now_ns();
    int64_t step = INT64_C(1000000000) * load[0].burst / load[0].rate;
    int64_t next = begun;
    unsigned who = storm;

    while (now_ns() < begun + seconds * INT64_C(1000000000)) {
        for (unsigned i = 0; i < storm; i++) {
            (void)send_burst(&feed[i], i, load[0].burst);
        }
        if (who < lines && now_ns() - begun > 1000000000 + (who - storm) * QUIET_NS) {
            quiet[who].said_ns = now_ns();
            say_at(feed[who].master, "fs.changed", "path=/etc/passwd kind=content", who);
            who++;
        }
        next += step;
        while (now_ns() < next) {
            struct pollfd p[BYS];

            for (int i = 0; i < BYS; i++) {
                p[i] = (struct pollfd){ .fd = told[i], .events = POLLIN };
            }
            (void)poll(p, BYS, 1);
            hear();
        }
    }
}

static void
print_storm(enum by by, double alarms)
{
    double *ms = calloc(lines, sizeof *ms);
    unsigned count = 0;
    unsigned said = 0;

    if (ms == NULL) {
        die("storm");
    }
    for (unsigned i = storm; i < lines; i++) {
        said += quiet[i].said_ns > 0;
        if (quiet[i].took_ns[by] > 0) {
            ms[count++] = (double)quiet[i].took_ns[by] / 1e6;
        }
    }
    if (count == 0) {
        die("no alarm was told");
    }
    qsort(ms, count, sizeof *ms, by_size);
    (void)printf("storm\t%u of %u\t%s\t%.0f\t%.1f\t%.1f\t%.1f\t%u\t%u\n", storm, lines, by_name[by],
            alarms / seconds, ms[count / 2], ms[count * 99 / 100], ms[count - 1], said, said - count);
    free(ms);
}

static void
measure_storm(const struct manager *m)
{
    pid_t pid;
    double alarms = 0;

    quiet = calloc(lines, sizeof *quiet);
    if (quiet == NULL) {
        die("storm");
    }
    open_ears();
    pid = start(m);
    (void)close(events);
    for (unsigned i = 0; i < lines; i++) {
        say_at(feed[i].master, "agent.beat", "next=60", i);
    }
    for (int i = 0; i < 30; i++) {
        (void)poll(NULL, 0, 100);
        hear();
    }
    storm_and_quiet();
    for (unsigned i = 0; i < storm; i++) {
        alarms += (double)feed[i].records;
    }
    for (int i = 0; i < SETTLE_MS / 10; i++) {
        (void)poll(NULL, 0, 10);
        hear();
    }
    stop(pid);
    for (int by = 0; by < BYS; by++) {
        print_storm((enum by)by, alarms);
    }
    free(quiet);
}

static void
add_load(const char *text)
{
    char *end = NULL;
    struct load *l = &load[loads];

    if (loads == LOADS_MAX) {
        return;
    }
    l->burst = (unsigned)strtoul(text, &end, 10);
    l->rate = *end == ':' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
    if (l->burst < 1 || l->burst > 4096) {
        (void)fprintf(stderr, "bench_console: bursts of 1 to 4096 bytes\n");
        exit(2);
    }
    loads++;
}

static void
read_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        { "lines", required_argument, NULL, 'l' },
        { "load", required_argument, NULL, 'b' },
        { "rounds", required_argument, NULL, 'r' },
        { "seconds", required_argument, NULL, 's' },
        { "storm", required_argument, NULL, 'k' },
        { "subjects", required_argument, NULL, 'n' },
        { "program", required_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    int id;

    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned n = optarg != NULL ? (unsigned)strtoul(optarg, NULL, 10) : 0;

        lines = id == 'l' ? n : lines;
        rounds = id == 'r' ? n : rounds;
        seconds = id == 's' ? n : seconds;
        storm = id == 'k' ? n : storm;
        subjects = id == 'n' ? n : subjects;
        program = id == 'p' ? optarg : program;
        if (id == 'b' && optarg != NULL) {
            add_load(optarg);
        }
    }
    loads = loads > 0 ? loads : 1;
    if (lines < 1 || lines > (storm > 0 ? HOSTS_MAX : LINES_MAX) || storm >= lines || rounds < 1 ||
            rounds > ROUNDS_MAX || (storm > 0 && load[0].rate == 0) || seconds < 1) {
        (void)fprintf(stderr, "bench_console: 1 to %d lines, 1 to %d rounds\n", LINES_MAX, ROUNDS_MAX);
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    struct rlimit limit;
    char command[PATH];
    const struct manager *m = NULL;

    if (argc == 1 && strcmp(basename(argv[0]), "hook") == 0) {
        return run_hook(argv[0]);
    }
    read_arguments(argc, argv);
    for (size_t i = 0; optind < argc && i < sizeof managers / sizeof managers[0]; i++) {
        m = strcmp(managers[i].name, argv[optind]) == 0 ? &managers[i] : m;
    }
    if (m == NULL) {
        (void)fprintf(stderr, "bench_console: belfry, floor, conserver, conman or ser2net\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    feed = calloc(lines, sizeof *feed);
    mark = calloc((size_t)lines * (turns() + 1), sizeof *mark);
    if (feed == NULL || mark == NULL || mkdtemp(dir) == NULL) {
        die("start");
    }
    for (unsigned i = 0; i < lines; i++) {
        open_line(&feed[i]);
    }
    pair_all();
    if (storm > 0) {
        measure_storm(m);
    } else {
        measure(m);
    }
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0;
}
