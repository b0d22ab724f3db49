/*
 * A real belfry on a small file system of its own, in a mount namespace, while others and its own lines fill
 * it.
 */
#include "receiver.h"

#include "belfry/transcript/reader.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

/* False where a process may not have mounts of its own. */
static bool
leave_namespace(void)
{
    char map[40];
    unsigned uid = getuid();
    int fd;

    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            return false;
        }
        fd = open("/proc/self/uid_map", O_WRONLY);
        (void)!write(fd, map, (size_t)snprintf(map, sizeof map, "0 %u 1", uid));
        (void)close(fd);
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void
make(struct receiver *r, const char *size, const char *more)
{
    char options[40];
    char text[200];
    int fd;
    int n;

    receiver_make(r, NULL);
    (void)snprintf(options, sizeof options, "size=%s,mode=0700", size);
    CHECK_INT(mkdir(receiver_path(r, "state"), 0700), 0);
    CHECK_INT(mount("none", receiver_path(r, "state"), "tmpfs", 0, options), 0);
    fd = open(receiver_path(r, "conf"), O_WRONLY | O_APPEND);
    n = snprintf(text, sizeof text, "%s\n", more);
    CHECK_INT(write(fd, text, (size_t)n), n);
    (void)close(fd);
}

/* The keeper ends behind belfry, and may still have a file open. */
static void
finish(struct receiver *r)
{
    int64_t until = test_ms() + 60000;
    int status;

    CHECK_INT(receiver_end(r, SIGTERM), 0);
    while ((status = umount(receiver_path(r, "state"))) != 0 && test_ms() < until) {
        test_sleep(20);
    }
    CHECK_INT(status, 0);
    receiver_remove(r);
}

static uint64_t
free_bytes(const struct receiver *r)
{
    struct statvfs fs;

    CHECK_INT(statvfs(receiver_path(r, "state"), &fs), 0);
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}

static void
fill_disk(const struct receiver *r)
{
    static char block[4096];
    int fd = open(receiver_path(r, "state/fill"), O_WRONLY | O_CREAT, 0600);

    memset(block, 1, sizeof block);
    while (write(fd, block, sizeof block) > 0) {
    }
    (void)close(fd);
    CHECK_INT(free_bytes(r), 0);
}

static off_t
size_of(const struct receiver *r, const char *name)
{
    struct stat st;

    return stat(receiver_path(r, name), &st) == 0 ? st.st_size : -1;
}

/* Bytes of the transcript, and those it says are missing. */
static void
count(const struct receiver *r, uint64_t *bytes, uint64_t *missing, uint64_t *dropped)
{
    static struct reader reader;
    struct reader_piece p;
    int dir = open(receiver_path(r, "state/lines"), O_RDONLY | O_DIRECTORY);

    CHECK_INT(reader_open(&reader, dir, "tty"), 0);
    *bytes = 0;
    *missing = 0;
    *dropped = reader.volume.base;
    do {
        reader_next(&reader, &p);
        *bytes += p.what == READER_BYTES_CAME ? p.len : 0;
        *missing += p.what == READER_MARK && p.mark.gap ? p.mark.value : 0;
        *dropped += p.what == READER_DROPPED ? p.count : 0;
    } while (p.what != READER_END && p.what != READER_OVER);
    reader_close(&reader);
    (void)close(dir);
}

/* `len` bytes of console text in pieces. */
static uint64_t
talk(int fd, size_t len)
{
    static char text[1024];

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    for (size_t sent = 0; sent < len; sent += sizeof text) {
        receiver_send(fd, text, sizeof text);
    }
    return len;
}

static void
on_a_disk_that_others_filled_alarms_go_out_and_the_transcript_goes_on_behind_a_marked_hole(void)
{
    struct receiver r;
    struct speaker s;
    uint64_t sent = 0;
    uint64_t bytes;
    uint64_t missing;
    uint64_t dropped;
    int64_t freed;
    off_t before;
    int fd;

    make(&r, "16m", "DiskFloor 1M");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    sent += talk(fd, 102400);
    while (size_of(&r, "state/lines/tty.raw") < (off_t)sent) {
        test_sleep(20);
    }
    fill_disk(&r);
    sent += talk(fd, 409600);
    for (int i = 0; i < 20; i++) {
        char line[SPEAKER_LINE];
        char detail[40];
        size_t n;

        (void)snprintf(detail, sizeof detail, "name=daemon%d", i);
        n = speaker_say(&s, WIRE_CRIT, "daemon.down", detail, line);
        receiver_send(fd, line, n);
        sent += n;
        (void)snprintf(detail, sizeof detail, "\tname=daemon%d\n", i);
        CHECK(receiver_hears(&r, "ALARM\t", 20000));
        CHECK(receiver_hears(&r, detail, 20000));
    }
    CHECK(strstr(r.text, "\tline.log\t") != NULL);
    before = size_of(&r, "state/lines/tty.raw");
    CHECK_INT(unlink(receiver_path(&r, "state/fill")), 0);
    freed = test_ms();
    while (size_of(&r, "state/lines/tty.raw") <= before && test_ms() - freed < 60000) {
        sent += talk(fd, 1024);
        test_sleep(10);
    }
    printf("     writes again %lld ms after there was room\n", (long long)(test_ms() - freed));
    CHECK(receiver_hears(&r, "\tclosed\t-\tERRO\tline.log\t", 20000));
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    count(&r, &bytes, &missing, &dropped);
    printf("     %llu bytes sent, %llu there, %llu marked as missing\n", (unsigned long long)sent,
            (unsigned long long)bytes, (unsigned long long)missing);
    CHECK_INT(bytes + missing, sent);
    CHECK(missing > 300000);
    receiver_start(&r);
    finish(&r);
}

/* What belfry counts as missing in the transcript: a hole's mark goes with the part it stands in. */
static uint64_t
told_missing(const struct receiver *r)
{
    static char text[20000];
    const char *at;

    (void)receiver_command(r, text, sizeof text, "status", "--json", NULL);
    at = strstr(text, "{\"line\":\"tty\"");
    at = at != NULL ? strstr(at, "\"log_lost\":") : NULL;
    CHECK(at != NULL);
    return at != NULL ? strtoull(strchr(at, ':') + 1, NULL, 10) : 0;
}

static void
a_flood_drops_the_oldest_parts_and_leaves_room_for_the_ledger(void)
{
    struct receiver r;
    struct speaker s;
    uint64_t bytes;
    uint64_t missing;
    uint64_t dropped;
    uint64_t told;
    int64_t until;
    int fd;

    make(&r, "16m", "DiskFloor 4M");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    for (int i = 0; i < 30; i++) {
        /* Not to be compressed to nothing. */
        static char noise[1 << 20];
        unsigned seed = (unsigned)i;

        for (size_t k = 0; k < sizeof noise; k++) {
            noise[k] = (char)(32 + rand_r(&seed) % 95);
        }
        receiver_send(fd, noise, sizeof noise);
    }
    receiver_send(fd, "\r\n", 2);
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=sshd");
    CHECK(receiver_hears(&r, "\tname=sshd\n", 20000));
    until = test_ms() + 60000;
    while ((free_bytes(&r) < 4 << 20 || size_of(&r, "state/lines/tty.raw") == 0) && test_ms() < until) {
        (void)talk(fd, 1024);
        test_sleep(100);
    }
    (void)close(fd);
    told = told_missing(&r);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    count(&r, &bytes, &missing, &dropped);
    missing = told > missing ? told : missing;
    printf("     %llu bytes dropped, %llu there, %llu marked as missing, %llu free\n",
            (unsigned long long)dropped, (unsigned long long)bytes, (unsigned long long)missing,
            (unsigned long long)free_bytes(&r));
    CHECK(dropped > 1000000);
    CHECK(dropped + bytes + missing > 30 << 20);
    CHECK(free_bytes(&r) >= 2 << 20);
    receiver_start(&r);
    finish(&r);
}

int
main(void)
{
    if (!leave_namespace()) {
        printf("skip: a process may have no mounts of its own here\n");
        return 77;
    }
    CHECK_RUN(on_a_disk_that_others_filled_alarms_go_out_and_the_transcript_goes_on_behind_a_marked_hole);
    CHECK_RUN(a_flood_drops_the_oldest_parts_and_leaves_room_for_the_ledger);
    return check_result();
}
