/*
 * test_standstill BELFRY - whoever stands still holds up nobody
 *
 * One console says TOCSIN_STANDSTILL_BYTES (5000000) as fast as they are taken, while a viewer of it is
 * stopped (SIGSTOP), the Alertmanager takes connections and never answers, and the collector's listen backlog
 * is full, so that nothing of what is sent to it is answered. Another console goes on at a tenth of 115,200
 * baud, and its agent raises an alarm whenever the one before has reached the notifier that lives. An alarm
 * may take TOCSIN_STANDSTILL_PATIENCE (60000) ms.
 */
#define BELFRY ""
#include "receiver.h"
#include "support/check.h"

#include "belfry/ctl/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define RECORD 64
#define BURST 12
#define BURST_MS 10
#define FILLERS 4
#define ALARMS_MIN 10

struct console {
    const char *name;
    int fd;
    uint64_t sent;
    uint64_t refused;
};

static struct receiver r;
static struct speaker speaker;
static struct console flood = { .name = "flood", .fd = -1 };
static struct console calm = { .name = "calm", .fd = -1 };
static int tty = -1;
static int silent = -1; /* the Alertmanager */
static int full = -1;   /* the collector that does not take connections */
static int filler[FILLERS];
static int live = -1; /* the collector that is well */
static char heard[4096];
static unsigned told;
static int64_t worst_ms;

static uint64_t
environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (uint64_t)strtod(text, NULL) : otherwise;
}

/* ---- those that stand still */

static int
socket_at(int type, uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static int
connect_to(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)connect(fd, (struct sockaddr *)&at, sizeof at);
    return fd;
}

/* The kernel answers no SYN of a socket whose queue is full. */
static void
fill_backlog(uint16_t port)
{
    struct pollfd p = { .events = POLLOUT };

    CHECK_INT(listen(full, 0), 0);
    for (unsigned i = 0; i < FILLERS; i++) {
        filler[i] = connect_to(port);
        test_sleep(20);
    }
    p.fd = filler[FILLERS - 1];
    CHECK_INT(poll(&p, 1, 200), 0);
}

static void
configure(void)
{
    char text[1200];
    uint16_t pager;
    uint16_t far;
    uint16_t near;

    silent = socket_at(SOCK_STREAM, &pager);
    CHECK_INT(listen(silent, 16), 0);
    full = socket_at(SOCK_STREAM, &far);
    fill_backlog(far);
    live = socket_at(SOCK_DGRAM, &near);
    (void)snprintf(text, sizeof text,
            "StateDir %s/state\nSyslog no\nDefault all rotate-size=1G\nLine tty pty %s/tty\n"
            "Line flood pty %s/flood\nLine calm pty %s/calm\n"
            "Notify pager alertmanager http://127.0.0.1:%u\nNotify far syslog tcp://127.0.0.1:%u\n"
            "Notify near syslog udp://127.0.0.1:%u\n",
            r.dir, r.dir, r.dir, r.dir, pager, far, near);
    receiver_write(receiver_path(&r, "conf"), text, 0600);
}

/* A person who looks at the flood, and stops when there was something to see. */
static pid_t
stopped_viewer(void)
{
    static const char *const argument[] = { "attach", "flood", NULL };
    struct pollfd p = { .events = POLLIN };
    int pipe_fd[2];
    int status = 0;
    pid_t pid;

    if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
        abort();
    }
    pid = receiver_spawn(&r, pipe_fd[1], argument);
    (void)close(pipe_fd[1]);
    p.fd = pipe_fd[0];
    for (unsigned i = 0; i < 600 && poll(&p, 1, 100) == 0; i++) {
        char record[RECORD + 1];

        (void)snprintf(record, sizeof record, "%062llu\r\n", (unsigned long long)flood.sent / RECORD);
        receiver_send(flood.fd, record, RECORD);
        flood.sent += RECORD;
    }
    CHECK(p.revents & POLLIN);
    CHECK_INT(kill(pid, SIGSTOP), 0);
    CHECK_INT(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    return pid;
}

/* ---- those that do not */

/* What a console says from this place on. */
static size_t
fill(char *to, size_t room, uint64_t from, uint64_t end)
{
    size_t n = 0;

    while (n < room && from + n < end) {
        uint64_t at = from + n;
        char record[RECORD + 1];
        size_t skip = (size_t)(at % RECORD);
        size_t len = RECORD - skip;

        (void)snprintf(record, sizeof record, "%062llu\r\n", (unsigned long long)(at / RECORD));
        len = len < room - n ? len : room - n;
        len = len < end - at ? len : (size_t)(end - at);
        memcpy(to + n, record + skip, len);
        n += len;
    }
    return n;
}

static void
flood_on(uint64_t bytes)
{
    char chunk[4096];
    size_t len = fill(chunk, sizeof chunk, flood.sent, bytes);
    ssize_t n = len > 0 ? write(flood.fd, chunk, len) : 0;

    flood.sent += n > 0 ? (uint64_t)n : 0;
}

/* A UART waits for nobody: what is refused is lost. */
static void
calm_on(int64_t *next_ms)
{
    while (test_ms() >= *next_ms) {
        char burst[BURST];
        size_t len = fill(burst, sizeof burst, calm.sent, UINT64_MAX);
        ssize_t n = write(calm.fd, burst, len);

        calm.sent += n > 0 ? (uint64_t)n : 0;
        calm.refused += len - (n > 0 ? (size_t)n : 0);
        *next_ms += BURST_MS;
    }
}

static bool
is_told(const char *want)
{
    ssize_t n;

    while ((n = recv(live, heard, sizeof heard - 1, MSG_DONTWAIT)) > 0) {
        heard[n] = '\0';
        if (strstr(heard, want) != NULL) {
            return true;
        }
    }
    return false;
}

/* Until the flood is over and enough alarms were told; false when one was held up. */
static bool
campaign(uint64_t bytes)
{
    int64_t patience_ms = (int64_t)environment("TOCSIN_STANDSTILL_PATIENCE", 60000);
    int64_t next_ms = test_ms();
    int64_t said_ms = 0;
    char want[40] = "";

    while (flood.sent < bytes || told < ALARMS_MIN || want[0] != '\0') {
        struct pollfd p[3] = { { .fd = r.out, .events = POLLIN }, { .fd = live, .events = POLLIN },
            { .fd = flood.sent < bytes ? flood.fd : -1, .events = POLLOUT } };

        (void)poll(p, 3, BURST_MS);
        r.len = 0; /* events are not looked at */
        receiver_listen(&r);
        flood_on(bytes);
        calm_on(&next_ms);
        if (want[0] == '\0' && (flood.sent < bytes || told < ALARMS_MIN)) {
            (void)snprintf(want, sizeof want, "path=/etc/file%u.", told);
            receiver_say(tty, &speaker, WIRE_CRIT, "integrity.changed", want);
            said_ms = test_ms();
        }
        if (want[0] != '\0' && is_told(want)) {
            worst_ms = test_ms() - said_ms > worst_ms ? test_ms() - said_ms : worst_ms;
            told++;
            want[0] = '\0';
        }
        if (want[0] != '\0' && test_ms() - said_ms > patience_ms) {
            printf("alarm %u was held up by others\n", told);
            return false;
        }
    }
    return true;
}

/* ---- afterwards */

static uint64_t
same(const char *a, const char *b, size_t len)
{
    size_t n = 0;

    while (n < len && a[n] == b[n]) {
        n++;
    }
    return n;
}

/* How many bytes of this console its transcript has as they were sent. */
static uint64_t
kept(const struct console *c)
{
    char name[60];
    int64_t until = test_ms() + 60000;
    uint64_t at = 0;
    int fd;

    (void)snprintf(name, sizeof name, "state/lines/%s.raw", c->name);
    fd = open(receiver_path(&r, name), O_RDONLY | O_CLOEXEC);
    while (at < c->sent && test_ms() < until) {
        char got[4096];
        char want[sizeof got];
        ssize_t n = read(fd, got, sizeof got);
        uint64_t good;

        if (n <= 0) {
            test_sleep(20);
            continue;
        }
        (void)fill(want, (size_t)n, at, UINT64_MAX);
        good = same(got, want, (size_t)n);
        at += good;
        if (good < (uint64_t)n) {
            break;
        }
    }
    (void)close(fd);
    return at;
}

/* The notices that this notifier has told. */
static unsigned long
told_by(const char *notifier)
{
    static struct client_answer answer;
    static struct conf conf;
    struct ctl_request request = { .what = CTL_STATUS };
    char want[60];
    const char *at;

    (void)snprintf(conf.state_dir, sizeof conf.state_dir, "%s", receiver_path(&r, "state"));
    CHECK_INT(client_ask(&conf, &request, &answer), 0);
    (void)snprintf(want, sizeof want, "notifier\t%s\t", notifier);
    at = strstr(answer.text, want);
    CHECK(at != NULL);
    for (unsigned field = 0; at != NULL && field < 5; field++) {
        at = strchr(at + 1, '\t');
    }
    return at != NULL ? strtoul(at + 1, NULL, 10) : 0;
}

static void
who_stands_still_costs_no_byte_and_no_alarm(void)
{
    uint64_t bytes = environment("TOCSIN_STANDSTILL_BYTES", 5000000);
    int64_t began = test_ms();
    pid_t viewer;
    int status;

    receiver_start(&r);
    flood.fd = open(receiver_path(&r, "flood"), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    calm.fd = open(receiver_path(&r, "calm"), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    tty = receiver_tty(&r);
    receiver_say(tty, &speaker, WIRE_INFO, "agent.start", "beat=600");
    viewer = stopped_viewer();
    if (campaign(bytes)) {
        CHECK_INT(kept(&flood), flood.sent);
        CHECK_INT(kept(&calm), calm.sent);
        CHECK_INT(calm.refused, 0);
        CHECK_INT(told_by("pager"), 0);
        CHECK_INT(told_by("far"), 0);
        CHECK_INT(waitpid(viewer, &status, WNOHANG), 0);
        printf("     %.1f s: %llu B, %llu B beside them, %u alarms, the slowest %lld ms\n",
                (double)(test_ms() - began) / 1000, (unsigned long long)flood.sent,
                (unsigned long long)calm.sent, told, (long long)worst_ms);
        CHECK_INT(receiver_end(&r, SIGTERM), 0);
    } else {
        check_failures++;
        (void)receiver_end(&r, SIGKILL);
    }
    CHECK_INT(kill(viewer, SIGKILL), 0);
    (void)receiver_wait(viewer);
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    receiver_make(&r, NULL);
    r.program = argv[1];
    configure();
    receiver_pair(&r, "web03", &speaker);
    CHECK_RUN(who_stands_still_costs_no_byte_and_no_alarm);
    receiver_remove(&r);
    return check_result();
}
