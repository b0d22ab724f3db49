/*
 * bench_gate: what agents on the network cost the receiver. TOCSIN_BENCH_AGENTS (1000) agents with real TLS
 * and real sealed lines register at a belfry of their own, each from an address of its own, and then send a
 * beat every 10 s for TOCSIN_BENCH_SECONDS (30). CPU time of belfry and its gate. Prints a line a figure,
 * tab-separated: name, ours, reference's name, reference, ratio, goal, met|short.
 */
#include "unit/belfry/caller.h"

#include "belfry/ledger/ledger.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BEAT_S 10
#define PORT_FIRST 10000
#define PORT_ANY 32768 /* from here on the kernel gives ports to whoever asks for any */
#define AGENTS_MAX 1000
#define FILES 2000U
#define BEHIND 10 /* beats after which an acknowledgement is waited for */
#define GOAL_REGISTER_MS 10.0
#define GOAL_REGISTER_BYTES 1024.0
#define GOAL_PERCENT 5.0

struct agent {
    struct speaker voice;
    struct caller line;
    unsigned acked; /* lines */
};

static struct agent agent[AGENTS_MAX];
static unsigned agents;
static char dir[] = "/tmp/bench-gate-XXXXXX";
static pid_t belfry;
static pid_t gate;

static unsigned
setting(const char *name, unsigned usual, unsigned most)
{
    const char *text = getenv(name);
    unsigned long n = text != NULL ? strtoul(text, NULL, 10) : usual;

    return n >= 1 && n <= most ? (unsigned)n : usual;
}

static _Noreturn void
give_up(const char *what)
{
    fprintf(stderr, "bench_gate: %s\n", what);
    if (belfry > 1) {
        (void)kill(belfry, SIGKILL);
    }
    exit(1);
}

static double
seconds_of(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The first number of a file in /proc. */
static double
number_in(const char *format, pid_t pid)
{
    char path[80];
    char text[200] = "";
    FILE *f;

    (void)snprintf(path, sizeof path, format, (long)pid, (long)pid);
    f = fopen(path, "r");
    if (f != NULL) {
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        (void)fclose(f);
    }
    return strtod(text, NULL);
}

static double
cpu_s(pid_t pid)
{
    return number_in("/proc/%ld/task/%ld/schedstat", pid) / 1e9;
}

/* ---- the receiver */

static void
write_conf(const char *path, uint16_t port)
{
    FILE *f = fopen(path, "w");

    if (f == NULL || fprintf(f, "StateDir %s/state\nSyslog no\nListen 127.0.0.1:%u\n", dir, port) < 0 ||
            fclose(f) != 0) {
        give_up("cannot write the configuration");
    }
}

/* All agents, in one transaction. */
static void
pair_all(void)
{
    char path[80];
    char error[LEDGER_ERROR];
    struct ledger *l;

    (void)snprintf(path, sizeof path, "%s/state", dir);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/state/ledger.db", dir);
    if (ledger_open(path, LEDGER_WRITE, true, &l, error) != 0 || ledger_begin(l) != 0) {
        give_up(error);
    }
    for (unsigned i = 0; i < agents; i++) {
        char secret[WIRE_PAIR_CHARS];
        struct speaker *s = &agent[i].voice;

        memset(secret, 'A', sizeof secret);
        (void)snprintf(s->host, sizeof s->host, "web%u", i);
        wire_key_root(secret, s->host, &s->root0);
        wire_key_psk(secret, s->host, &s->psk);
        speaker_session(s, 1, "K3QF");
        if (ledger_pair(l, s->host, &s->psk, &s->root0, (int64_t)time(NULL) * 1000, false) != 0) {
            give_up(ledger_error(l));
        }
    }
    if (ledger_commit(l) != 0) {
        give_up(ledger_error(l));
    }
    ledger_close(l);
}

static void
start_belfry(const char *conf)
{
    char program[400];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 10);

    program[n > 0 ? n : 0] = '\0';
    memcpy(strrchr(program, '/') + 1, "belfry", 7);
    belfry = fork();
    if (belfry == 0) {
        int null = open("/dev/null", O_RDWR);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(null, 1);
        (void)execl(program, "belfry", "--config", conf, "run", (char *)NULL);
        _exit(127);
    }
}

static void
await_gate(uint16_t port)
{
    for (int i = 0; i < 500; i++) {
        int fd = caller_connect(port);

        if (fd >= 0) {
            (void)close(fd);
            gate = (pid_t)number_in("/proc/%ld/task/%ld/children", belfry);
            return;
        }
        (void)poll(NULL, 0, 20);
    }
    give_up("the receiver does not listen");
}

/* Nobody is given it before belfry listens there. */
static uint16_t
free_port(void)
{
    for (uint16_t port = (uint16_t)(PORT_FIRST + getpid() % 20000); port < PORT_ANY; port++) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int error = bind(fd, (struct sockaddr *)&at, sizeof at);

        (void)close(fd);
        if (error == 0) {
            return port;
        }
    }
    give_up("no free port");
}

/* ---- the agents */

/* Its line, sealed and sent; its length. */
static size_t
seal(struct agent *a, const char *code, const char *detail)
{
    char line[SPEAKER_LINE];
    size_t n = speaker_say(&a->voice, WIRE_INFO, code, detail, line);

    line[n - 2] = '\n';
    if (!caller_write(&a->line, line, n - 1)) {
        give_up("an agent cannot write");
    }
    return n - 1;
}

static void
await_ack(struct agent *a)
{
    char want[40];

    (void)snprintf(want, sizeof want, "=ack 1-K3QF.%u", a->acked++);
    if (!caller_hears(&a->line, want)) {
        give_up("a line was not acknowledged");
    }
}

/* Up to the first acknowledged line. How many bytes of TLS that took beside the line. */
static uint64_t
enroll(struct agent *a, unsigned i, uint16_t port)
{
    char hello[60];
    size_t line;
    int fd = caller_connect_from(0x7F010001 + i, port);

    if (fd < 0) {
        give_up("an agent cannot connect");
    }
    caller_prepare(&a->line, fd, a->voice.host, &a->voice.psk);
    (void)snprintf(hello, sizeof hello, "=hello 1 %s 1-K3QF", a->voice.host);
    if (SSL_do_handshake(a->line.ssl) != 1 || !caller_say(&a->line, hello)) {
        give_up("an agent is refused");
    }
    line = seal(a, "agent.start", "beat=10");
    await_ack(a);
    return BIO_number_read(SSL_get_rbio(a->line.ssl)) + BIO_number_written(SSL_get_wbio(a->line.ssl)) - line;
}

static void
show(const char *name, double ours, const char *unit, double goal)
{
    printf("%s\t%.2f %s\t\t\t\t<= %.0f %s\t%s\n", name, ours, unit, goal, unit,
            ours <= goal ? "met" : "short");
}

static void
measure_registration(uint16_t port)
{
    double begun = seconds_of(CLOCK_PROCESS_CPUTIME_ID) + cpu_s(belfry) + cpu_s(gate);
    uint64_t most = 0;

    for (unsigned i = 0; i < agents; i++) {
        uint64_t bytes = enroll(&agent[i], i, port);

        most = bytes > most ? bytes : most;
    }
    show("gate: registration, CPU of both ends",
            (seconds_of(CLOCK_PROCESS_CPUTIME_ID) + cpu_s(belfry) + cpu_s(gate) - begun) * 1e3 / agents, "ms",
            GOAL_REGISTER_MS);
    show("gate: registration, bytes beside the line", (double)most, "B", GOAL_REGISTER_BYTES);
}

/* Beats are spread evenly. */
static void
measure_beats(unsigned seconds)
{
    unsigned beats = agents * seconds / BEAT_S;
    double begun = seconds_of(CLOCK_MONOTONIC);
    double cpu[2] = { cpu_s(belfry), cpu_s(gate) };
    double took;
    char name[80];

    for (unsigned i = 0; i < beats; i++) {
        double due = begun + (double)i * BEAT_S / agents;
        double now = seconds_of(CLOCK_MONOTONIC);

        if (due > now) {
            (void)usleep((useconds_t)((due - now) * 1e6));
        }
        seal(&agent[i % agents], "agent.beat", "next=10");
        if (i >= BEHIND) {
            await_ack(&agent[(i - BEHIND) % agents]);
        }
    }
    for (unsigned i = beats - BEHIND; i < beats; i++) {
        await_ack(&agent[i % agents]);
    }
    took = seconds_of(CLOCK_MONOTONIC) - begun;
    cpu[0] = (cpu_s(belfry) - cpu[0]) * 100 / took;
    cpu[1] = (cpu_s(gate) - cpu[1]) * 100 / took;
    fprintf(stderr, "belfry %.2f %%, gate %.2f %% of a core, %.0f beats a second\n", cpu[0], cpu[1],
            beats / took);
    (void)snprintf(name, sizeof name, "gate: %u agents, a beat each 10 s", agents);
    show(name, cpu[0] + cpu[1], "%", GOAL_PERCENT);
}

int
main(void)
{
    struct rlimit files = { .rlim_cur = FILES, .rlim_max = FILES };
    uint16_t port = free_port();
    char path[80];
    char command[80];

    (void)signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    agents = setting("TOCSIN_BENCH_AGENTS", AGENTS_MAX, AGENTS_MAX);
    agents = agents > BEHIND ? agents : BEHIND + 1;
    if (mkdtemp(dir) == NULL) {
        give_up("no directory");
    }
    (void)snprintf(path, sizeof path, "%s/conf", dir);
    write_conf(path, port);
    pair_all();
    start_belfry(path);
    await_gate(port);
    measure_registration(port);
    measure_beats(setting("TOCSIN_BENCH_SECONDS", 30, 3600));
    (void)kill(belfry, SIGTERM);
    (void)waitpid(belfry, NULL, 0);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : 1;
}
