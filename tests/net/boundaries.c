/*
 * boundaries PID EVERY SPOOL LEDGER SESSION [COPY]: looks at each EVERYth boundary of a system call of a
 * process (entry and return each being one, of all its threads) at what both ends would be left with if they
 * were killed there, which is what their files say, until it gets SIGTERM. Exits with 0 when it was never
 * bad.
 *
 * Bad is: a line that was in the spool is neither there nor in the ledger; one that the process is about to
 * acknowledge (belfry, to its gate) is not in the ledger; a session that lines are of may begin again. The
 * spool is read before the ledger: what it lost in between was acknowledged, so it has to be there. With COPY
 * the ledger is copied there and opened as after a crash, for a process that may be stopped in the middle of
 * writing it.
 */
#include "numbers.h"
#include "seize.h"
#include "wire/slot.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *spool_dir;
static const char *ledger_path;
static const char *copy_path;
static const char *session_path;
static struct net_numbers ever;   /* in the spool */
static struct net_numbers safe;   /* of those, found in the ledger once */
static struct net_numbers spool;  /* now */
static struct net_numbers acked;  /* the last that is said to be on record of each session */
static struct net_numbers gone;   /* from the spool, or acknowledged */
static struct net_numbers wanted; /* in the ledger */
static struct net_numbers ledger;
static struct net_numbers lost;
static unsigned long looks;
static unsigned long bad;
static volatile sig_atomic_t ending;

static void
on_term(int sig)
{
    (void)sig;
    ending = 1;
}

static void
read_spool(void)
{
    DIR *d = opendir(spool_dir);

    spool.count = 0;
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[2 * NET_PATH];

        if (strncmp(e->d_name, "spool.", 6) == 0) {
            snprintf(path, sizeof(path), "%s/%s", spool_dir, e->d_name);
            net_numbers_of_file(&spool, path);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    net_numbers_sort(&spool);
}

static void
add_all(struct net_numbers *to, const struct net_numbers *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct net_number *x = &from->at[i];

        net_numbers_add(to, x->session, x->nonce, x->number, x->tag);
    }
    net_numbers_sort(to);
}

static void
tell_bad(unsigned long boundary, const char *what, const struct net_numbers *which)
{
    char text[128];

    if (bad++ < 3) {
        printf("  boundary %lu: %s %s\n", boundary, what,
                which != NULL ? net_numbers_text(which, text, sizeof(text)) : "");
    }
}

static bool
copy_file(const char *suffix)
{
    static char bytes[1 << 16];
    char from[2 * NET_PATH];
    char to[2 * NET_PATH];
    ssize_t n = 0;

    snprintf(from, sizeof(from), "%s%s", ledger_path, suffix);
    snprintf(to, sizeof(to), "%s%s", copy_path, suffix);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof(bytes))) > 0) {
        if (write(out, bytes, (size_t)n) != n) {
            n = -1;
            break;
        }
    }
    close(in);
    close(out);
    return in >= 0 && out >= 0 && n == 0;
}

static bool
read_ledger(void)
{
    ledger.count = 0;
    if (copy_path == NULL) {
        return net_numbers_of_query(&ledger, ledger_path, NET_QUERY_LINES);
    }
    return copy_file("") && copy_file("-wal") && net_numbers_of_query(&ledger, copy_path, NET_QUERY_LINES);
}

static bool
is_acked(const struct net_number *x)
{
    for (size_t i = 0; i < acked.count; i++) {
        const struct net_number *y = &acked.at[i];

        if (x->session == y->session && strcmp(x->nonce, y->nonce) == 0 && x->number <= y->number) {
            return true;
        }
    }
    return false;
}

/* What left the spool or is acknowledged is in the ledger. */
static void
look_at_lines(unsigned long boundary)
{
    read_spool();
    add_all(&ever, &spool);
    gone.count = wanted.count = lost.count = 0;
    net_numbers_missing(&ever, &spool, &gone);
    for (size_t i = 0; i < ever.count; i++) {
        const struct net_number *x = &ever.at[i];

        if (is_acked(x)) {
            net_numbers_add(&gone, x->session, x->nonce, x->number, x->tag);
        }
    }
    net_numbers_sort(&gone);
    if (net_numbers_missing(&gone, &safe, &wanted) == 0) {
        return;
    }
    if (!read_ledger()) {
        tell_bad(boundary, "the ledger cannot be read", NULL);
        return;
    }
    net_numbers_sort(&ledger);
    if (net_numbers_missing(&wanted, &ledger, &lost) > 0) {
        tell_bad(boundary, "not in the ledger, and no more in the spool or acknowledged:", &lost);
        return;
    }
    add_all(&safe, &wanted);
}

/* The session that begins next is none that has begun. */
static void
look_at_session(unsigned long boundary)
{
    uint8_t file[WIRE_SLOT_FILE];
    struct wire_slot slot;
    unsigned which;
    int fd = open(session_path, O_RDONLY | O_CLOEXEC);

    memset(file, 0, sizeof(file));
    if (fd < 0 || pread(fd, file, sizeof(file), 0) < 0 || wire_slot_decode(file, &slot, &which, NULL) < 0) {
        tell_bad(boundary, "the session file cannot be read", NULL);
    } else if (ever.count > 0 && slot.session <= ever.at[ever.count - 1].session) {
        tell_bad(boundary, "the session begins again of", &ever);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void
note_acks(char *text)
{
    char *rest = text;

    for (char *word; (word = strsep(&rest, " \n")) != NULL;) {
        const char *number = strcmp(word, "=ack") == 0 ? strsep(&rest, " \n") : NULL;
        struct net_number x = { .tag = "" };

        if (number != NULL && net_number_from(number, &x)) {
            net_numbers_add(&acked, x.session, x.nonce, x.number, "");
        }
    }
}

/* True when the process is about to send acknowledgements. */
static bool
acknowledges(pid_t tid)
{
    static char text[8192];
    struct __ptrace_syscall_info info;
    size_t before = acked.count;

    memset(&info, 0, sizeof(info));
    (void)ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_sendto) {
        return false;
    }
    size_t len = info.entry.args[2] < sizeof(text) ? (size_t)info.entry.args[2] : sizeof(text) - 1;
    struct iovec here = { .iov_base = text, .iov_len = len };
    struct iovec there = { .iov_base = (void *)(uintptr_t)info.entry.args[1], .iov_len = len };
    ssize_t got = process_vm_readv(tid, &here, 1, &there, 1, 0);

    for (ssize_t i = 0; i < got; i++) {
        text[i] = text[i] == '\0' ? ' ' : text[i]; /* a message has a head */
    }
    text[got > 0 ? got : 0] = '\0';
    note_acks(text);
    return acked.count > before;
}

static unsigned long
trace(unsigned long every)
{
    unsigned long seen = 0;
    int status;

    while (!ending) {
        pid_t tid = waitpid(-1, &status, __WALL);

        if (tid < 0 && errno == EINTR) {
            continue;
        }
        if (tid < 0) {
            break;
        }
        if (!WIFSTOPPED(status)) {
            continue;
        }
        if (seize_is_boundary(status) && (acknowledges(tid) + (++seen % every == 0) > 0)) {
            looks++;
            look_at_lines(seen);
            look_at_session(seen);
        }
        seize_go_on(tid, status);
    }
    return seen;
}

int
main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_term };
    pid_t pid = argc == 6 || argc == 7 ? seize_pid_of(argv[1]) : -1;
    unsigned long every = pid > 1 ? strtoul(argv[2], NULL, 10) : 0;

    if (pid < 0 || every == 0) {
        fprintf(stderr, "usage: boundaries PID EVERY SPOOL LEDGER SESSION [COPY]\n");
        return 64;
    }
    spool_dir = argv[3];
    ledger_path = argv[4];
    session_path = argv[5];
    copy_path = argv[6];
    sigaction(SIGTERM, &action, NULL);
    if (!seize_all(pid)) {
        fprintf(stderr, "boundaries: %d: %s\n", (int)pid, strerror(errno));
        return 2;
    }
    unsigned long seen = trace(every);
    printf("  %lu boundaries, looked at %lu, %zu lines, %zu of them in no need of the spool, bad %lu times\n",
            seen, looks, ever.count, safe.count, bad);
    return bad == 0 && seen > 0 ? 0 : 1;
}
