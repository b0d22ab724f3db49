#include "net.h"
#include "proc/message.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 8000
#define CODE_TEXT 34 /* seven groups of four and what is between them */

const char *
net_path(const struct net *n, const char *name)
{
    static char paths[8][2 * NET_PATH];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", n->dir, name);
    return path;
}

/* ---- setting up ---- */

const char *
net_program(const char *name)
{
    static char paths[2][512];
    static unsigned turn;
    const char *bin = getenv("TOCSIN_BIN");
    char *path = paths[turn++ % 2];

    snprintf(path, sizeof(paths[0]), "%s/%s", bin != NULL ? bin : ".", name);
    return path;
}

static bool
write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f == NULL) {
        perror(path);
        return false;
    }
    fputs(text, f);
    return fclose(f) == 0;
}

static char *
read_text(const char *path)
{
    static char text[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0) {
        close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
    return text;
}

/* Runs it to its end; what it prints goes to the file `out` in the folder. */
static bool
run(struct net *n, const char *const argv[], const char *out)
{
    int status;
    int fd = open(net_path(n, out), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid_t pid = net_spawn(n, NET_AGENT, argv, fd, fd);

    close(fd);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0) {
        return true;
    }
    printf("%s %s failed:\n%s", argv[0], argv[3] != NULL ? argv[3] : "", read_text(net_path(n, out)));
    return false;
}

static bool
pair(struct net *n)
{
    const char *receiver[] = { n->belfry_path, "--config", net_path(n, "belfry.conf"), "pair", NET_HOST,
        NULL };
    const char *agent[] = { net_program("tocsin"), "--config", net_path(n, "tocsin.conf"), "--state",
        net_path(n, "agent"), "pair", net_path(n, "code"), NULL };

    if (!run(n, receiver, "pair.out")) {
        return false;
    }
    for (char *word = strtok(read_text(net_path(n, "pair.out")), " \n\t"); word != NULL;
            word = strtok(NULL, " \n\t")) {
        if (strlen(word) == CODE_TEXT && word[4] == '-') {
            return write_text(net_path(n, "code"), word) && run(n, agent, "pair.out");
        }
    }
    printf("belfry pair printed no code\n");
    return false;
}

/* The words of `list` stand apart by a blank each. */
static bool
lists(const char *list, const char *word)
{
    const char *at = list != NULL ? strstr(list, word) : NULL;
    size_t len = strlen(word);

    return at != NULL && (at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0');
}

static bool
configure(struct net *n, const struct net_options *o)
{
    static const char *const views[] = { "hidden-processes", "disguised-processes", "proc-mounts",
        "hidden-ports", "promiscuous", "firewall", "kernel-taint", "modules", "accounts", "preload",
        "channel-openers", "own-processes", "full-disks", "load" };
    char text[4096];
    int len = snprintf(text, sizeof(text),
            "StateDir %s/belfry\nLine %s pty %s/serial\nListen 0.0.0.0\nSyslog no\n", n->dir, NET_LINE,
            n->dir);

    if (len < 0 || !write_text(net_path(n, "belfry.conf"), text)) {
        return false;
    }
    len = snprintf(text, sizeof(text), "Host %s\nBeat 1\nNamespaces own\nReceiver %s\n%s", NET_HOST,
            o->receiver != NULL ? o->receiver : NET_RECEIVER_ADDRESS, o->agent != NULL ? o->agent : "");
    n->reserved = (o->no_serial ? 0 : 2) + (o->no_witness ? 0 : 2);
    if (!o->no_serial) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, "Channel tty %s/serial %s\n", n->dir,
                o->serial != NULL ? o->serial : "");
    }
    if (!o->no_witness) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, "Channel file %s/witness\n", n->dir);
    }
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        if (!lists(o->views, views[i])) {
            len += snprintf(text + len, sizeof(text) - (size_t)len, "View %s off\n", views[i]);
        }
    }
    return write_text(net_path(n, "tocsin.conf"), text);
}

static bool
build_baseline(struct net *n)
{
    const char *argv[] = { net_program("tocsin"), "--config", net_path(n, "tocsin.conf"), "--state",
        net_path(n, "agent"), "baseline", "build", NULL };

    return run(n, argv, "baseline.out");
}

/* ---- running ---- */

static void drain(struct net *n);

/* What is started next sees the clock that the test sets. */
static void
set_clock(const struct net *n)
{
    if (n->clock != NULL) {
        setenv("LD_PRELOAD", n->clock, 1);
        setenv("STEPPED_CLOCK", net_path(n, "clock"), 1);
    }
}

bool
net_spawn_belfry(struct net *n)
{
    const char *argv[] = { n->belfry_path, "--config", net_path(n, "belfry.conf"), "run", "--events", NULL };
    int log = open(net_path(n, "belfry.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int out[2];

    drain(n);
    if (n->out >= 0) {
        close(n->out);
    }
    if (pipe2(out, O_CLOEXEC) < 0) {
        return false;
    }
    fcntl(out[0], F_SETPIPE_SZ, 1 << 20);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    set_clock(n);
    n->belfry = net_spawn(n, NET_RECEIVER, argv, out[1], log);
    unsetenv("LD_PRELOAD");
    close(out[1]);
    close(log);
    n->out = out[0];
    n->pending_len = 0;
    return n->belfry > 0;
}

bool
net_start_belfry(struct net *n)
{
    size_t from = n->events;

    if (!net_spawn_belfry(n) || net_wait(n, from, "READY", NULL, NULL, NET_LINKED_S * 1000) == NULL) {
        printf("belfry does not run:\n%s", read_text(net_path(n, "belfry.log")));
        return false;
    }
    return true;
}

void
net_spawn_agent(struct net *n)
{
    const char *argv[] = { net_program("tocsin"), "--config", net_path(n, "tocsin.conf"), "--state",
        net_path(n, "agent"), "run", NULL };
    int log = open(net_path(n, "agent.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    set_clock(n);
    n->agent = net_spawn(n, NET_AGENT, argv, log, log);
    unsetenv("LD_PRELOAD");
    close(log);
}

bool
net_start_agent(struct net *n)
{
    size_t from = n->events;

    net_spawn_agent(n);
    if (net_wait(n, from, "agent.start", NULL, NULL, NET_LINKED_S * 1000) == NULL) {
        printf("no line from the agent:\n%s", read_text(net_path(n, "agent.log")));
        return false;
    }
    return true;
}

void
net_reap(struct net *n)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        n->agent = pid == n->agent ? 0 : n->agent;
        n->belfry = pid == n->belfry ? 0 : n->belfry;
    }
}

void
net_stop(pid_t *pid, int signal)
{
    if (*pid <= 1) {
        return;
    }
    kill(*pid, signal);
    kill(*pid, SIGCONT);
    for (int waited = 0; waited < END_MS; waited += 20) {
        if (waitpid(*pid, NULL, WNOHANG) != 0) {
            *pid = 0;
            return;
        }
        poll(NULL, 0, 20);
    }
    kill(*pid, SIGKILL);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

pid_t
net_child(pid_t parent, const char *word)
{
    char path[64];
    char pids[1024];
    char line[512];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    snprintf(pids, sizeof(pids), "%s", read_text(path));
    for (char *pid = strtok(pids, " "); pid != NULL; pid = strtok(NULL, " ")) {
        snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);

        if (fd >= 0) {
            close(fd);
        }
        for (ssize_t i = 0; i < len; i++) {
            line[i] = line[i] == '\0' ? ' ' : line[i];
        }
        line[len > 0 ? len : 0] = '\0';
        if (strstr(line, word) != NULL) {
            return (pid_t)strtol(pid, NULL, 10);
        }
    }
    return -1;
}

int
net_ask_agent(const struct net *n)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(to.sun_path, sizeof(to.sun_path), "%.100s", net_path(n, "agent/ctl"));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int
net_ring(struct net *n, int count)
{
    struct ctl_request ring = { .magic = CTL_MAGIC, .kind = CTL_RING };
    struct ctl_reply r;
    int done = 0;
    int fd = net_ask_agent(n);

    if (fd >= 0) {
        while (done < count && send(fd, &ring, sizeof(ring), MSG_NOSIGNAL) == (ssize_t)sizeof(ring)) {
            while (recv(fd, &r, sizeof(r), MSG_DONTWAIT) > 0) {
            }
            done++;
        }
        close(fd);
    }
    return done;
}

bool
net_begin(struct net *n, const struct net_options *options)
{
    memset(n, 0, sizeof(*n));
    n->out = -1;
    snprintf(n->dir, sizeof(n->dir), "/tmp/tocsin-net-XXXXXX");
    snprintf(n->belfry_path, sizeof(n->belfry_path), "%s",
            options->belfry != NULL ? options->belfry : net_program("belfry"));
    n->clock = options->clock;
    if (mkdtemp(n->dir) == NULL) {
        perror("net: /tmp");
        return false;
    }
    return net_spaces_begin(n, options->relay) && configure(n, options) && pair(n) &&
           (!options->baseline || build_baseline(n)) && net_start_belfry(n) && net_start_agent(n);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void
net_end(struct net *n)
{
    net_stop(&n->agent, SIGTERM);
    net_stop(&n->belfry, SIGTERM);
    net_spaces_end(n);
    if (n->out >= 0) {
        close(n->out);
    }
    if (getenv("TOCSIN_NET_KEEP") == NULL) {
        nftw(n->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    free(n->event);
    n->event = NULL;
    n->events = 0;
    n->room = 0;
    net_reap(n);
}

/* ---- events ---- */

static void
copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%.*s", (int)size - 1, from);
}

/* Splits at tabs in place; absent fields are "". */
static void
split(char *line, const char **field, int most)
{
    for (int i = 0; i < most; i++) {
        field[i] = line;
        char *tab = strchr(line, '\t');
        if (tab != NULL && i < most - 1) {
            *tab = '\0';
            line = tab + 1;
        } else {
            line += strlen(line);
        }
    }
}

static void
take_line(struct net *n, char *line)
{
    const char *f[9];
    struct net_told e = { 0 };

    split(line, f, 9);
    e.at_us = strtoll(f[1], NULL, 10);
    e.alarm = strcmp(f[0], "ALARM") == 0;
    if (strcmp(f[0], "READY") == 0) {
        copy(e.code, sizeof(e.code), "READY");
    } else if (e.alarm) {
        copy(e.verdict, sizeof(e.verdict), f[3]);
        copy(e.severity, sizeof(e.severity), f[5]);
        copy(e.code, sizeof(e.code), f[6]);
        copy(e.number, sizeof(e.number), f[7]);
        copy(e.detail, sizeof(e.detail), f[8]);
    } else if (strcmp(f[0], "EVENT") == 0) {
        copy(e.line, sizeof(e.line), f[2]);
        copy(e.verdict, sizeof(e.verdict), f[4]);
        copy(e.severity, sizeof(e.severity), f[5]);
        copy(e.code, sizeof(e.code), f[6]);
        copy(e.number, sizeof(e.number), f[7]);
        copy(e.detail, sizeof(e.detail), f[8]);
    } else {
        return;
    }
    if (n->events == n->room) {
        n->room = n->room == 0 ? 1024 : n->room * 2;
        n->event = realloc(n->event, n->room * sizeof(*n->event));
        if (n->event == NULL) {
            abort();
        }
    }
    n->event[n->events++] = e;
}

/* False when belfry has closed its end. */
static bool
read_some(struct net *n)
{
    ssize_t len = read(n->out, n->pending + n->pending_len, sizeof(n->pending) - n->pending_len);
    char *end;

    if (len == 0) {
        return false;
    }
    n->pending_len += len > 0 ? (size_t)len : 0;
    while ((end = memchr(n->pending, '\n', n->pending_len)) != NULL) {
        *end = '\0';
        take_line(n, n->pending);
        n->pending_len -= (size_t)(end + 1 - n->pending);
        memmove(n->pending, end + 1, n->pending_len);
    }
    if (n->pending_len == sizeof(n->pending)) {
        n->pending_len = 0;
    }
    return true;
}

/* What a belfry that has ended had told, and nobody read yet. */
static void
drain(struct net *n)
{
    struct pollfd p = { .fd = n->out, .events = POLLIN };

    while (n->out >= 0 && poll(&p, 1, 0) > 0 && read_some(n)) {
    }
}

/* Waits for events for `left_us` at most; false when that time is over. */
static bool
more(struct net *n, int64_t until_us)
{
    struct pollfd p = { .fd = n->out, .events = POLLIN };
    int64_t left_us = until_us - net_now_us();

    if (left_us <= 0) {
        return false;
    }
    if (poll(&p, 1, (int)(left_us / 1000) + 1) > 0 && !read_some(n)) {
        poll(NULL, 0, 10);
    }
    return true;
}

void
net_listen(struct net *n, int ms)
{
    int64_t until_us = net_now_us() + (int64_t)ms * 1000;

    while (more(n, until_us)) {
    }
}

bool
net_came_over(const struct net_told *e, const char *line)
{
    if (line == NULL) {
        return true;
    }
    return line[0] == '!' ? e->line[0] != '\0' && strcmp(e->line, line + 1) != 0 : strcmp(e->line, line) == 0;
}

const struct net_told *
net_find(const struct net *n, size_t from, const char *code, const char *detail, const char *line)
{
    for (size_t i = from; i < n->events; i++) {
        const struct net_told *e = &n->event[i];

        if (strcmp(e->code, code) == 0 && (detail == NULL || strstr(e->detail, detail) != NULL) &&
                net_came_over(e, line)) {
            return e;
        }
    }
    return NULL;
}

const struct net_told *
net_wait(struct net *n, size_t from, const char *code, const char *detail, const char *line, int timeout_ms)
{
    int64_t until_us = net_now_us() + (int64_t)timeout_ms * 1000;
    const struct net_told *e;

    while ((e = net_find(n, from, code, detail, line)) == NULL && more(n, until_us)) {
    }
    return e;
}
