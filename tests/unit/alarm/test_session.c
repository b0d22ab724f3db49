#include "alarm/session.h"
#include "support/check.h"
#include "wire/keys.h"
#include "wire/seal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/tocsin-session-XXXXXX";
static char path[64];
static struct wire_key root;

static int
fresh(void)
{
    unlink(path);
    memset(&root, 7, sizeof(root));
    CHECK_INT(session_create(path, "web03", &root, false), 0);
    return open(path, O_RDWR);
}

/* The key of session `number`, as the receiver derives it. */
static struct wire_key
receiver_key(uint32_t number, const char *nonce)
{
    struct wire_key at = root;
    struct wire_key key;

    for (uint32_t i = 0; i < number; i++) {
        wire_key_next_root(&at, &at);
    }
    wire_key_session(&at, number, nonce, "web03", &key);
    return key;
}

struct proof {
    struct wire_key key;
    unsigned proved;
    unsigned lines;
    char details[4096];
};

static void
prove(void *to, const struct session_line *line)
{
    struct proof *p = to;
    struct wire_line parsed;
    struct wire_key leaf;

    p->lines++;
    CHECK_INT(wire_line_parse(line->bytes, line->len, &parsed), 0);
    wire_tree_at(&p->key, parsed.head.number, WIRE_TREE_DEPTH, &leaf);
    p->proved += wire_tag_proves(&leaf, &parsed) ? 1 : 0;
    strncat(p->details, parsed.detail, parsed.detail_len);
    strcat(p->details, "\n");
}

static void
every_line_is_proved_by_the_receivers_keys(void)
{
    static struct session s;
    static struct proof p;
    struct session_past past;
    int fd = fresh();

    CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
    CHECK(!past.any);
    CHECK_INT(s.number, 1);
    p.key = receiver_key(1, s.nonce);
    CHECK_INT(session_tell(
                      &s, WIRE_CRIT, "integrity.changed", "path=/etc/passwd mode=0644>0666", -1, prove, &p),
            0);
    CHECK_INT(session_tell(&s, WIRE_NOTE, "integrity.ok", "path=/etc/passwd", 0, prove, &p), 1);
    CHECK_INT(p.proved, p.lines);
    CHECK_STR(p.details, "path=/etc/passwd mode=0644>0666\npath=/etc/passwd of=0\n");
    close(fd);
}

static void
a_long_text_goes_on_in_lines_of_their_own(void)
{
    static struct session s;
    static struct proof p;
    struct session_past past;
    char text[400] = "path=";
    int fd = fresh();

    memset(text + 5, 'x', 300);
    strcpy(text + 305, " mode=0644>0666");
    CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
    p.key = receiver_key(1, s.nonce);
    CHECK_INT(session_tell(&s, WIRE_CRIT, "integrity.changed", text, -1, prove, &p), 0);
    CHECK(p.lines > 5);
    CHECK_INT(p.proved, p.lines);
    CHECK(strstr(p.details, "of=0 path-1=xxx") != NULL);
    CHECK(strstr(p.details, "mode=0644>0666") != NULL);
    close(fd);
}

static void
a_session_number_is_used_once_and_the_end_is_remembered(void)
{
    static struct session s;
    static struct proof p;
    struct session_past past;
    int fd = fresh();

    for (uint32_t number = 1; number < 8; number++) {
        bool clean = number % 2 == 0;

        CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
        CHECK_INT(s.number, number);
        CHECK_INT(past.any, number > 1);
        CHECK_INT(past.clean, number > 1 && !clean);
        if (past.clean) {
            CHECK_INT(past.number, number - 1);
            CHECK_INT(past.last, 2);
        }
        for (int i = 0; i < 3; i++) {
            p.key = receiver_key(number, s.nonce);
            session_tell(&s, WIRE_NOTE, "agent.beat", "next=10", -1, prove, &p);
        }
        if (clean) {
            CHECK_INT(session_end(&s), 0);
        }
    }
    CHECK_INT(p.proved, p.lines);
    close(fd);
}

static void
no_key_of_a_begun_session_is_left_in_the_file(void)
{
    static struct session s;
    struct session_past past;
    struct wire_key at = root;
    static uint8_t file[WIRE_SLOT_FILE];
    int fd = fresh();

    CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
    wire_key_next_root(&root, &at);
    CHECK_INT(pread(fd, file, sizeof(file), 0), sizeof(file));
    CHECK(memmem(file, sizeof(file), at.bytes, sizeof(at.bytes)) == NULL);
    CHECK(memmem(file, sizeof(file), root.bytes, sizeof(root.bytes)) == NULL);
    wire_key_next_root(&at, &at);
    CHECK(memmem(file, sizeof(file), at.bytes, sizeof(at.bytes)) != NULL);
    close(fd);
}

static void
a_file_that_cannot_be_written_does_not_stop_the_session(void)
{
    static struct session s;
    struct session_past past;

    close(fresh());
    int fd = open(path, O_RDONLY);
    CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
    CHECK(s.unsaved);
    close(fd);
}

static void
a_damaged_blank_or_foreign_file_is_told_and_left_alone(void)
{
    static struct session s;
    static uint8_t before[WIRE_SLOT_FILE];
    static uint8_t after[WIRE_SLOT_FILE];
    struct session_past past;
    int fd = fresh();

    CHECK_INT(session_begin(&s, fd, "web04", &past), SESSION_E_HOST);
    for (unsigned i = 0; i < WIRE_SLOTS; i++) {
        CHECK_INT(pwrite(fd, "damage", 6, (off_t)i * WIRE_SLOT_SIZE + 20), 6);
    }
    CHECK_INT(pread(fd, before, sizeof(before), 0), sizeof(before));
    CHECK_INT(session_begin(&s, fd, "web03", &past), WIRE_SLOT_E_DAMAGED);
    CHECK_INT(pread(fd, after, sizeof(after), 0), sizeof(after));
    CHECK_MEM(before, after, sizeof(before));
    CHECK_INT(ftruncate(fd, 0), 0);
    CHECK_INT(session_begin(&s, fd, "web03", &past), WIRE_SLOT_E_BLANK);
    close(fd);
}

static void
a_pairing_is_not_replaced_by_accident(void)
{
    struct wire_key other;

    close(fresh());
    memset(&other, 9, sizeof(other));
    CHECK_INT(session_create(path, "web03", &other, false), -EEXIST);
    CHECK_INT(session_create(path, "web03", &other, true), 0);
}

/* What the thread has to say of what was done to the file; it must be at work. */
static enum session_rekey
thread_says(struct session *s)
{
    const struct wire_key x = { .bytes = { 5 } };
    struct pollfd p = { .fd = session_fd(), .events = POLLIN };

    session_watch(s);
    CHECK_INT(session_rekey_begin(s, &x), -EBUSY);
    CHECK_INT(poll(&p, 1, -1), 1);
    return session_rekey_poll(s);
}

static void
write_and_restore_its_time(size_t at)
{
    int other = open(path, O_RDWR);
    struct stat st;

    usleep(20000); /* the kernel's clock for files goes in steps of up to 10 ms */
    CHECK_INT(fstat(other, &st), 0);
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    CHECK_INT(pwrite(other, "other", 5, (off_t)at), 5);
    CHECK_INT(futimens(other, times), 0);
    close(other);
}

static void
what_somebody_else_writes_into_the_file_is_found_and_put_right(void)
{
    static struct session s;
    static struct proof p;
    struct session_past past;
    struct wire_slot slot;
    int fd = fresh();

    CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
    for (unsigned i = 0; i < WIRE_SLOTS; i++) {
        write_and_restore_its_time(i * WIRE_SLOT_SIZE + 60);
        CHECK_INT(thread_says(&s), SESSION_OVERWRITTEN);
        CHECK(!s.unsaved);
        CHECK_INT(session_peek(fd, "web03", &slot), 0);
        CHECK_INT(slot.session, 2);
        CHECK(wire_key_equal(&slot.root, &s.next.root));
    }
    usleep(20000);
    CHECK_INT(truncate(path, 0), 0);
    CHECK_INT(thread_says(&s), SESSION_OVERWRITTEN);
    CHECK_INT(session_peek(fd, "web03", &slot), 0);
    p.key = receiver_key(1, s.nonce);
    session_tell(&s, WIRE_NOTE, "agent.beat", "next=10", -1, prove, &p);
    CHECK_INT(session_end(&s), 0);
    CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
    CHECK(past.clean && past.number == 1);
    close(fd);
}

static void
another_mode_of_the_file_is_told_and_a_touched_one_is_not(void)
{
    static struct session s;
    const struct wire_key x = { .bytes = { 5 } };
    struct pollfd p = { .fd = session_fd(), .events = POLLIN };
    struct session_past past;
    int fd = fresh();

    CHECK_INT(session_begin(&s, fd, "web03", &past), 0);
    usleep(20000);
    CHECK_INT(chmod(path, 0644), 0);
    CHECK_INT(thread_says(&s), SESSION_EXPOSED);
    usleep(20000);
    CHECK_INT(utimensat(AT_FDCWD, path, NULL, 0), 0);
    CHECK_INT(thread_says(&s), SESSION_REKEY_NONE);
    session_watch(&s);
    CHECK_INT(session_rekey_begin(&s, &x), 0); /* nothing was done to it: nobody looks */
    CHECK_INT(poll(&p, 1, -1), 1);
    CHECK_INT(session_rekey_poll(&s), SESSION_REKEY_STORED);
    close(fd);
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/session", dir);
    CHECK_RUN(every_line_is_proved_by_the_receivers_keys);
    CHECK_RUN(a_long_text_goes_on_in_lines_of_their_own);
    CHECK_RUN(a_session_number_is_used_once_and_the_end_is_remembered);
    CHECK_RUN(no_key_of_a_begun_session_is_left_in_the_file);
    CHECK_RUN(a_file_that_cannot_be_written_does_not_stop_the_session);
    CHECK_RUN(a_damaged_blank_or_foreign_file_is_told_and_left_alone);
    CHECK_RUN(a_pairing_is_not_replaced_by_accident);
    if (session_background() != 0) {
        return 1;
    }
    CHECK_RUN(what_somebody_else_writes_into_the_file_is_found_and_put_right);
    CHECK_RUN(another_mode_of_the_file_is_told_and_a_touched_one_is_not);
    unlink(path);
    rmdir(dir);
    return check_result();
}
