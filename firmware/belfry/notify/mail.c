#include "belfry/notify/kind.h"

#include "belfry/clock.h"
#include "belfry/notify/kinds.h"
#include "belfry/notify/message.h"
#include "belfry/notify/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * To a program like sendmail: `-i -f FROM TO...` and the mail on its standard input. The first notice is
 * mailed at once; what comes in the time of digest= after a mail goes into the next one.
 */

#define PROGRAM_MS 60000 /* that it may take */
#define PART_MS (NOTIFY_PART_MS - 1000)
#define DIGEST_MS 60000
#define BACKOFF_MIN_MS 2000
#define BACKOFF_MAX_MS 300000
#define ARGUMENTS (4 + MESSAGE_TO + 1)

static struct message_envelope envelope;
static char hostname[NOTIFY_HOST];
static char from[2 * NOTIFY_HOST];
static int64_t digest_ms = DIGEST_MS;
static int children = -1; /* readable when one has ended */
static bool parting;

static struct notify_task *mailed[NOTIFY_ROOM]; /* in the mail that is under way */
static unsigned count;
static pid_t pid = -1;
static int64_t kill_ms;
static int64_t next_ms; /* of the next mail, at the earliest */
static int64_t wait_ms = BACKOFF_MIN_MS;

static int
mail_start(void)
{
    const char *digest = notify_option("digest");
    const char *sender = notify_option("from");
    const char *to = NULL;

    while (envelope.count < MESSAGE_TO && (to = notify_option_next("to", to)) != NULL) {
        envelope.to[envelope.count++] = to;
    }
    if (gethostname(hostname, sizeof hostname - 1) != 0 || hostname[0] == '\0') {
        (void)snprintf(hostname, sizeof hostname, "localhost");
    }
    for (char *c = hostname; *c != '\0'; c++) {
        *c = *c > 0x20 && *c < 0x7F && strchr("<>()[]:;@\\,\"", *c) == NULL ? *c : '-';
    }
    (void)snprintf(from, sizeof from, "belfry@%s", hostname);
    envelope.from = sender != NULL ? sender : from;
    envelope.hostname = hostname;
    if (digest != NULL) {
        digest_ms = 1000 * (int64_t)notify_seconds(digest);
    }
    if (envelope.count == 0) {
        notify_state("it has no to=");
        return -EINVAL;
    }
    children = program_watch();
    return children >= 0 ? 0 : children;
}

/* The mail as a file that its reader cannot make us wait for. -1 when there is none. */
static int
mail_file(const char *text, size_t len)
{
    int fd = memfd_create("mail", MFD_CLOEXEC);

    if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static pid_t
run_program(int in)
{
    static char path_env[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char lc_all[] = "LC_ALL=C";
    static char flag_i[] = "-i";
    static char flag_f[] = "-f";
    static char path[CONF_PATH];
    static char sender[2 * NOTIFY_HOST];
    static char to[MESSAGE_TO][NOTIFY_HOST];
    char *environment[] = { path_env, lc_all, NULL };
    char *argv[ARGUMENTS] = { path, flag_i, flag_f, sender };

    (void)snprintf(path, sizeof path, "%s", notify_place());
    (void)snprintf(sender, sizeof sender, "%s", envelope.from);
    for (unsigned i = 0; i < envelope.count; i++) {
        (void)snprintf(to[i], sizeof to[i], "%s", envelope.to[i]);
        argv[4 + i] = to[i];
    }
    return program_start(argv, environment, in);
}

/* Not sent: all of it waits, for the next try. */
static void
failed(const char *why, int64_t now_ms)
{
    for (unsigned i = 0; i < count; i++) {
        notify_put_back(mailed[i]);
    }
    count = 0;
    next_ms = now_ms + wait_ms;
    wait_ms = wait_ms < BACKOFF_MAX_MS / 2 ? 2 * wait_ms : BACKOFF_MAX_MS;
    notify_state("%s", why);
}

static void
send_mail(int64_t now_ms)
{
    static char text[MESSAGE_MAX];
    const struct notice *notices[NOTIFY_ROOM];
    char why[NOTIFY_WHY];
    size_t len;
    int in;

    while (count < NOTIFY_ROOM && (mailed[count] = notify_next()) != NULL) {
        notices[count] = &mailed[count]->message.of.notice;
        count++;
    }
    len = message_write(text, &envelope, notices, count);
    in = mail_file(text, len);
    pid = in >= 0 ? run_program(in) : -EIO;
    if (in >= 0) {
        (void)close(in);
    }
    kill_ms = now_ms + PROGRAM_MS;
    if (pid < 0) {
        (void)snprintf(why, sizeof why, "the program cannot be started: %s", strerror(-pid));
        failed(why, now_ms);
    }
}

static void
program_is_over(int status, int64_t now_ms)
{
    char why[NOTIFY_WHY];

    pid = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        (void)snprintf(why, sizeof why,
                WIFEXITED(status) ? "the program's exit status is %d" : "the program was killed by signal %d",
                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        failed(why, now_ms);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        notify_told(mailed[i]);
    }
    count = 0;
    next_ms = now_ms + digest_ms;
    wait_ms = BACKOFF_MIN_MS;
    notify_state("%s", "");
}

static unsigned
mail_polls(struct pollfd *p, int64_t *due_ms)
{
    p[0] = (struct pollfd){ .fd = children, .events = POLLIN };
    if (pid > 1) {
        *due_ms = kill_ms;
    } else if (notify_waiting() > 0) {
        *due_ms = next_ms;
    }
    return 1;
}

static void
mail_turn(const struct pollfd *p, unsigned polls)
{
    int64_t now_ms = clock_ms();
    int status;
    pid_t ended;

    (void)p;
    (void)polls;
    while ((ended = program_ended(children, &status)) > 0) {
        if (ended == pid) {
            program_is_over(status, now_ms);
        }
    }
    if (pid > 1 && now_ms >= kill_ms) {
        program_kill(pid);
        kill_ms = now_ms + 1000;
    }
    if (pid <= 1 && !parting && notify_waiting() > 0 && now_ms >= next_ms) {
        send_mail(now_ms);
    }
}

/* A mail that is under way is finished, or ended before we go: nobody else would end its program. */
static bool
mail_part(void)
{
    int64_t last_ms = clock_ms() + PART_MS;

    if (!parting && kill_ms > last_ms) {
        kill_ms = last_ms;
    }
    parting = true;
    return pid <= 1;
}

const struct notify_kind notify_mail = {
    .name = "mail",
    .keeps_user = true,
    .runs_programs = true,
    .start = mail_start,
    .polls = mail_polls,
    .turn = mail_turn,
    .part = mail_part,
};
