#include "alarm/session.h"
#include "alarm/clock.h"
#include "alarm/session_file.h"
#include "alarm/session_writer.h"
#include "alarm/tokens.h"
#include "wire/base32.h"
#include "wire/seal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_SESSION 1
#define CREATE_PATH 512
#define END_WAIT_MS 1000 /* for a goodbye to be on the disk */
#define NUMBERS_LEFT 4096

static int
read_slots(int fd, const char *host, struct wire_slot *slot, unsigned *which)
{
    static uint8_t file[WIRE_SLOT_FILE];
    ssize_t n = pread(fd, file, sizeof(file), 0);

    if (n < 0) {
        return -errno;
    }
    if ((size_t)n < sizeof(file)) {
        return n == 0 ? WIRE_SLOT_E_BLANK : WIRE_SLOT_E_DAMAGED;
    }
    int error = wire_slot_decode(file, slot, which, NULL);
    wire_wipe(file, sizeof(file));
    if (error == 0 && strcmp(slot->host, host) != 0) {
        return SESSION_E_HOST;
    }
    return error;
}

int
session_peek(int fd, const char *host, struct wire_slot *slot)
{
    unsigned which;

    return read_slots(fd, host, slot, &which);
}

static void
make_nonce(char nonce[WIRE_NONCE_CHARS + 1])
{
    uint8_t random[3];

    while (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
    }
    wire_base32(random, WIRE_NONCE_CHARS, nonce);
    nonce[WIRE_NONCE_CHARS] = '\0';
}

static void
remember_past(const struct wire_slot *slot, struct session_past *past)
{
    memset(past, 0, sizeof(*past));
    past->any = slot->has_previous;
    past->clean = slot->ended_clean;
    past->number = slot->previous_session;
    past->last = slot->previous_number;
    memcpy(past->nonce, slot->previous_nonce, sizeof(past->nonce));
}

int
session_begin(struct session *s, int fd, const char *host, struct session_past *past)
{
    struct wire_key key;

    memset(s, 0, sizeof(*s));
    s->fd = fd;
    int error = read_slots(fd, host, &s->next, &s->slot);
    if (error != 0) {
        return error;
    }
    remember_past(&s->next, past);
    s->number = s->next.session;
    s->began_ms = clock_boot_ms();
    memcpy(s->host, s->next.host, sizeof(s->host));
    make_nonce(s->nonce);
    wire_key_session(&s->next.root, s->number, s->nonce, s->host, &key);
    wire_tree_init(&s->tree, &key, WIRE_TREE_DEPTH);
    wire_wipe(&key, sizeof(key));

    wire_key_next_root(&s->next.root, &s->next.root);
    s->next.session = s->number + 1;
    s->next.has_previous = true;
    s->next.ended_clean = false;
    s->next.previous_session = s->number;
    s->next.previous_number = 0;
    memcpy(s->next.previous_nonce, s->nonce, sizeof(s->nonce));
    s->unsaved = session_file_write(s->fd, &s->next, &s->slot) < 0 || fstat(fd, &s->file) < 0;
    return 0;
}

bool
session_unlinked(const struct session *s)
{
    struct stat st;

    return fstat(s->fd, &st) == 0 && st.st_nlink == 0;
}

int
session_background(void)
{
    return session_writer_start();
}

int
session_fd(void)
{
    return session_writer_fd();
}

/* What the writer did, good or bad: from now on the file says that, or what it said before. */
static void
adopt(struct session *s, struct session_writer_job *job)
{
    if (job->slot != s->slot) {
        s->next = job->state;
        s->slot = job->slot;
    } else {
        s->next.generation = job->state.generation; /* perhaps it is on the disk all the same */
    }
    s->unsaved = s->unsaved || job->error < 0;
    s->file = job->file;
    wire_wipe(&job->state, sizeof(job->state));
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

void
session_watch(struct session *s)
{
    struct stat st;

    if (s->unsaved || s->ended || session_writer_busy() || fstat(s->fd, &st) < 0 ||
            (st.st_size == s->file.st_size && same_time(&st.st_mtim, &s->file.st_mtim) &&
                    same_time(&st.st_ctim, &s->file.st_ctim))) {
        return;
    }
    struct session_writer_job job = { .fd = s->fd, .look = true, .state = s->next, .slot = s->slot };
    (void)session_writer_give(&job);
    wire_wipe(&job.state, sizeof(job.state));
}

int
session_rekey_begin(struct session *s, const struct wire_key *x)
{
    struct session_writer_job job = { .fd = s->fd, .state = s->next, .slot = s->slot };
    int error = 0;

    if (s->unsaved || s->ended) {
        return -EROFS;
    }
    wire_key_rekey(&job.state.root, x, &job.state.root);
    if (session_writer_give(&job)) {
        wire_key_rekey_id(x, s->rekey_id);
    } else {
        error = -EBUSY;
    }
    wire_wipe(&job.state, sizeof(job.state));
    return error;
}

enum session_rekey
session_rekey_poll(struct session *s)
{
    struct session_writer_job job;
    const struct stat was = s->file;

    if (s->ended || !session_writer_take(&job, 0)) {
        return SESSION_REKEY_NONE;
    }
    adopt(s, &job);
    if (job.look) {
        bool exposed = job.file.st_mode != was.st_mode || job.file.st_uid != was.st_uid;

        return job.overwritten ? SESSION_OVERWRITTEN : exposed ? SESSION_EXPOSED : SESSION_REKEY_NONE;
    }
    return job.error == 0 ? SESSION_REKEY_STORED : SESSION_REKEY_FAILED;
}

/* A disk that hangs keeps nobody here: then the file says that this session did not end cleanly. */
static int
end_by_writer(struct session *s)
{
    struct session_writer_job job;
    int64_t until_ms = clock_boot_ms() + END_WAIT_MS;

    if (session_writer_busy()) {
        if (!session_writer_take(&job, END_WAIT_MS)) {
            return -ETIMEDOUT;
        }
        adopt(s, &job);
    }
    job = (struct session_writer_job){ .fd = s->fd, .state = s->next, .slot = s->slot };
    job.state.ended_clean = true;
    job.state.previous_number = s->tree.next - 1;
    bool given = session_writer_give(&job);
    wire_wipe(&job.state, sizeof(job.state));
    if (!given || !session_writer_take(&job, (int)(until_ms - clock_boot_ms()))) {
        return -ETIMEDOUT;
    }
    adopt(s, &job);
    return job.error;
}

int
session_end(struct session *s)
{
    if (s->tree.next == 0) {
        return -EINVAL;
    }
    s->ended = true;
    if (session_writer_fd() >= 0) {
        return end_by_writer(s);
    }
    s->next.ended_clean = true;
    s->next.previous_number = s->tree.next - 1;
    return session_file_write(s->fd, &s->next, &s->slot);
}

int
session_create(const char *path, const char *host, const struct wire_key *root, bool again)
{
    struct session s;
    char temporary[CREATE_PATH];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", path);

    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        return -ENAMETOOLONG;
    }
    if (!again && access(path, F_OK) == 0) {
        return -EEXIST;
    }
    memset(&s, 0, sizeof(s));
    s.fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s.fd < 0) {
        return -errno;
    }
    snprintf(s.next.host, sizeof(s.next.host), "%s", host);
    s.next.session = FIRST_SESSION;
    wire_key_next_root(root, &s.next.root);
    int error = session_file_write(s.fd, &s.next, &s.slot);
    wire_wipe(&s.next, sizeof(s.next));
    close(s.fd);
    if (error == 0 && rename(temporary, path) < 0) {
        error = -errno;
    }
    if (error < 0) {
        unlink(temporary);
    }
    return error;
}

/* The head of the line that is sealed next. */
static struct wire_head
head_now(const struct session *s, enum wire_severity severity, const char *code)
{
    struct wire_head head = { .severity = severity, .session = s->number, .number = s->tree.next };

    memcpy(head.host, s->host, sizeof(head.host));
    memcpy(head.nonce, s->nonce, sizeof(head.nonce));
    snprintf(head.code, sizeof(head.code), "%s", code);
    head.mono_s = (uint32_t)((clock_boot_ms() - s->began_ms) / 1000);
    head.utc_s = (uint64_t)time(NULL);
    return head;
}

/* One line with this head and detail text; false when the session's numbers are used up. */
static bool
seal_one(struct session *s, const struct wire_head *head, const char *detail, size_t len,
        struct session_line *out)
{
    struct wire_key leaf;

    if (wire_tree_next(&s->tree, &leaf) < 0) {
        return false;
    }
    int body = wire_line_compose(head, detail, len, out->bytes, sizeof(out->bytes));
    int sealed = body < 0 ? body : wire_seal(&leaf, out->bytes, (size_t)body, sizeof(out->bytes));
    wire_wipe(&leaf, sizeof(leaf));
    if (sealed < 0) {
        return false;
    }
    out->number = head->number;
    out->severity = (uint8_t)head->severity;
    out->len = (uint8_t)sealed;
    return true;
}

static size_t
room_for(const struct wire_head *head)
{
    int room = wire_line_room(head);

    return room > 0 ? (size_t)room : 0;
}

bool
session_spent(const struct session *s)
{
    return s->tree.next > WIRE_NUMBER_MAX - NUMBERS_LEFT;
}

size_t
session_room(const struct session *s, enum wire_severity severity, const char *code)
{
    struct wire_head head = head_now(s, severity, code);

    return room_for(&head);
}

int64_t
session_tell(struct session *s, enum wire_severity severity, const char *code, const char *text, int64_t of,
        session_line_fn *line, void *to)
{
    struct session_line sealed;
    struct tokens tokens;
    char detail[WIRE_LINE_MAX];
    struct wire_head head = head_now(s, severity, code);
    uint32_t first = head.number;

    tokens_begin(&tokens, text);
    size_t len = tokens_first(&tokens, room_for(&head), of, detail, sizeof(detail));
    while (seal_one(s, &head, detail, len, &sealed)) {
        line(to, &sealed);
        head = head_now(s, severity, "more");
        len = tokens_more(&tokens, room_for(&head), first, detail, sizeof(detail));
        if (len == 0) {
            return first;
        }
    }
    return s->tree.next > first ? (int64_t)first : WIRE_TREE_E_END;
}
