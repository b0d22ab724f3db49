#include "courier/spool.h"
#include "support/check.h"
#include "unit/spool/disk.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static struct disk disk;
static struct spool spool;

static void
reopen(void)
{
    CHECK_INT(spool_open_on(&spool, &disk_ops, &disk, SPOOL_LIMIT), 0);
}

static void
begin(void)
{
    disk_reset(&disk);
    reopen();
}

static void
append(uint32_t session, uint32_t number, enum wire_severity severity)
{
    char line[WIRE_LINE_MAX];

    CHECK(spool_append(&spool, line, disk_line(session, number, severity, line)));
}

/* Appends lines `from` to `to` of a session, and syncs after each. */
static void
keep(uint32_t session, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n <= to; n++) {
        append(session, n, WIRE_NOTE);
        CHECK_INT(spool_sync(&spool), 0);
    }
}

/* The number of the next line, which is taken; -1 for none. */
static long
take(void)
{
    struct spool_line line;

    if (!spool_peek(&spool, &line)) {
        return -1;
    }
    spool_take(&spool);
    return line.id.number;
}

/* Takes one and acknowledges it. */
static long
pass(void)
{
    struct spool_line line;

    if (!spool_peek(&spool, &line)) {
        return -1;
    }
    spool_take(&spool);
    spool_acked(&spool, line.position);
    return line.id.number;
}

static void
takes(long from, long to)
{
    for (long n = from; n <= to; n++) {
        CHECK_INT(take(), n);
    }
}

static void
lines_come_in_order_with_their_bytes_and_only_when_they_are_kept(void)
{
    char want[WIRE_LINE_MAX];
    struct spool_line line;

    begin();
    CHECK(spool_empty(&spool));
    append(7, 4, WIRE_CRIT);
    CHECK(spool_pending(&spool));
    CHECK(!spool_peek(&spool, &line));
    CHECK_INT(spool_sync(&spool), 0);
    CHECK(!spool_pending(&spool));
    CHECK(spool_peek(&spool, &line));
    size_t len = disk_line(7, 4, WIRE_CRIT, want);
    CHECK_INT(line.len, len);
    CHECK_MEM(line.bytes, want, len);
    CHECK_INT(line.id.session, 7);
    CHECK_STR(line.id.nonce, "K3QF");
    keep(7, 5, 9);
    takes(4, 9);
    CHECK_INT(take(), -1);
    CHECK(!spool_empty(&spool));
}

static void
one_sync_keeps_all_that_was_appended(void)
{
    begin();
    for (uint32_t n = 0; n < 32; n++) {
        append(1, n, WIRE_WARN);
    }
    CHECK_INT(spool_sync(&spool), 0);
    CHECK_INT(disk.syncs, 1);
    CHECK_INT(spool_sync(&spool), 0);
    CHECK_INT(disk.syncs, 1);
    takes(0, 31);
}

static void
what_was_not_acknowledged_comes_again_after_a_rewind_and_after_a_restart(void)
{
    struct spool_line line;

    begin();
    keep(1, 0, 9);
    takes(0, 3);
    CHECK(spool_peek(&spool, &line));
    CHECK_INT(pass(), 4);
    takes(5, 7);
    spool_rewind(&spool);
    takes(5, 9);
    spool_close(&spool);
    reopen();
    takes(0, 9); /* a restart knows of no acknowledgement: the receiver takes copies */
    spool_rewind(&spool);
    takes(0, 9);
}

static void
an_acknowledgement_counts_for_all_taken_before_it(void)
{
    struct spool_line line;

    begin();
    keep(1, 0, 5);
    takes(0, 2);
    CHECK(spool_peek(&spool, &line));
    spool_take(&spool);
    takes(4, 5);
    spool_acked(&spool, line.position);
    CHECK(!spool_empty(&spool));
    spool_rewind(&spool);
    takes(4, 5);
}

static void
one_line_that_is_taken_again_after_a_rewind_is_under_way_again(void)
{
    begin();
    keep(1, 0, 0);
    takes(0, 0);
    spool_rewind(&spool);
    takes(0, 0);
    CHECK_INT(take(), -1);
    CHECK(!spool_empty(&spool));
    spool_rewind(&spool);
    CHECK_INT(pass(), 0);
    CHECK(spool_empty(&spool));
}

static void
segments_go_when_all_their_lines_are_acknowledged_and_not_before(void)
{
    begin();
    spool.segment_bytes = 300;
    keep(1, 0, 29);
    unsigned all = disk.now.count;
    CHECK(all >= 5);
    for (long n = 0; n <= 13; n++) {
        CHECK_INT(pass(), n);
    }
    CHECK_INT(disk.now.count, all);
    CHECK(!spool_idle(&spool));
    CHECK_INT(spool_sync(&spool), 0);
    CHECK(spool_idle(&spool));
    CHECK(disk.now.count < all && disk.now.count > 2);
    spool_close(&spool);
    reopen();
    spool.segment_bytes = 300;
    long first = take();
    CHECK(first > 4 && first <= 14);
    takes(first + 1, 29);
    spool_rewind(&spool);
    while (pass() >= 0) {
    }
    CHECK(spool_empty(&spool));
    CHECK_INT(spool_sync(&spool), 0);
    CHECK_INT(disk.now.count, 0);
    keep(1, 30, 33);
    takes(30, 33);
}

static void
a_segment_that_is_all_acknowledged_does_not_grow_for_ever(void)
{
    begin();
    for (uint32_t n = 0; n < 1000; n++) {
        keep(1, n, n);
        CHECK_INT(pass(), n);
        CHECK(disk_used(&disk) < 20000);
    }
    CHECK(disk.files > 4);
    CHECK_INT(disk.open_handles, (spool.tail >= 0) + (spool.reading >= 0));
}

static void
a_line_that_comes_again_is_kept_once(void)
{
    begin();
    append(1, 5, WIRE_NOTE);
    append(1, 5, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), 0);
    append(1, 4, WIRE_NOTE);
    append(1, 5, WIRE_NOTE);
    CHECK(!spool_pending(&spool));
    CHECK_INT(take(), 5);
    CHECK_INT(take(), -1);
    /* After a restart it is kept again, as nobody knows whether it was, and still sent once. */
    spool_close(&spool);
    reopen();
    append(1, 5, WIRE_NOTE);
    append(1, 6, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), 0);
    takes(5, 6);
    CHECK_INT(take(), -1);
}

static void
a_torn_end_is_cut_off_and_a_damaged_line_is_passed(void)
{
    begin();
    keep(1, 0, 4);
    size_t line = disk.file[0].len / 5;
    disk.file[0].len -= 7;
    disk.file[0].now[2 * line + 20] ^= 1;
    disk.file[0].now[line - 1] = 'x'; /* the end of the first: that takes the second along */
    spool_close(&spool);
    reopen();
    CHECK_INT(take(), 3);
    CHECK_INT(take(), -1);
    CHECK_INT(spool_lost(&spool), 3);
    CHECK_INT(spool_lost(&spool), 0);
    keep(1, 5, 6);
    takes(5, 6);
}

static void
a_failed_sync_is_final_for_its_segment_and_its_lines_are_kept_in_another(void)
{
    begin();
    keep(1, 0, 1);
    disk.fail_sync = disk.syncs + 1;
    disk.fail_syncs = 1;
    append(1, 2, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), -EIO);
    CHECK(spool_pending(&spool));
    append(1, 3, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), 0);
    CHECK(!spool_pending(&spool));
    takes(0, 3);
    CHECK_INT(disk.now.count, 2);
    disk_cut(&disk, DISK_NOTHING_MORE, 1);
    reopen();
    takes(0, 3);
}

static void
without_a_disk_lines_are_sent_from_memory_and_told_as_not_kept(void)
{
    struct spool_line line;

    begin();
    keep(1, 0, 1);
    disk.room = 0;
    append(1, 2, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), -ENOSPC);
    append(1, 3, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), -ENOSPC);
    CHECK_INT(disk.now.count, 1); /* segments that took nothing are gone */
    takes(0, 2);
    CHECK(spool_peek(&spool, &line));
    CHECK_INT(line.id.number, 3);
    spool_take(&spool);
    /* They go to the disk when it is back, and are not sent twice. */
    disk.room = SIZE_MAX;
    CHECK_INT(spool_sync(&spool), 0);
    append(1, 4, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), 0);
    CHECK_INT(take(), 4);
    CHECK_INT(take(), -1);
    spool_acked(&spool, line.position);
    spool_rewind(&spool);
    CHECK(!spool_empty(&spool));
    while (pass() >= 0) {
    }
    CHECK(spool_empty(&spool));
}

static void
what_memory_alone_held_is_gone_when_it_is_acknowledged(void)
{
    begin();
    disk.room = 0;
    append(1, 0, WIRE_NOTE);
    append(1, 1, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), -ENOSPC);
    CHECK_INT(pass(), 0);
    spool_rewind(&spool);
    CHECK_INT(pass(), 1);
    CHECK(spool_empty(&spool));
    CHECK_INT(spool_sync(&spool), 0);
}

static void
memory_drops_the_least_grave_first_and_counts_them(void)
{
    begin();
    disk.room = 0;
    for (uint32_t n = 0; n < SPOOL_RING; n++) {
        append(1, n, n % 2 == 0 ? WIRE_INFO : WIRE_CRIT);
    }
    CHECK_INT(spool_sync(&spool), -ENOSPC);
    for (uint32_t n = SPOOL_RING; n < 2 * SPOOL_RING; n++) {
        append(1, n, WIRE_ALRT);
    }
    append(1, 2 * SPOOL_RING, WIRE_INFO);
    CHECK_INT(spool_sync(&spool), -ENOSPC);
    CHECK_INT(spool_lost(&spool), SPOOL_RING + 1);
    takes(SPOOL_RING, 2 * SPOOL_RING - 1);
    CHECK_INT(take(), -1);
}

static void
short_writes_are_gone_on_with(void)
{
    begin();
    disk.write_most = 7;
    keep(1, 0, 9);
    disk_cut(&disk, DISK_NOTHING_MORE, 1);
    reopen();
    takes(0, 9);
}

static void
at_the_limit_notes_of_life_go_first_and_new_lines_are_refused_last(void)
{
    uint32_t n = 0;
    unsigned info = 0;
    unsigned refused = 0;
    uint32_t lost = 0;

    begin();
    spool.limit = 6000;
    spool.segment_bytes = 500;
    for (; n < 300; n++) {
        append(1, n, n % 3 == 0 ? WIRE_CRIT : WIRE_INFO);
        int error = spool_sync(&spool);

        CHECK(error == 0 || error == -EDQUOT);
        CHECK(disk_used(&disk) <= 6000);
        lost += spool_lost(&spool);
    }
    long last = -1;
    for (long got; (got = take()) >= 0; last = got) {
        CHECK(got > last);
        info += got % 3 != 0;
        refused += got % 3 == 0;
    }
    CHECK(info < 12); /* of the newest segment at most */
    CHECK(refused > 40);
    CHECK_INT(lost, 300 - info - refused);
    disk_cut(&disk, DISK_NOTHING_MORE, 1);
    reopen();
    unsigned left = 0;
    while (take() >= 0) {
        left++;
    }
    CHECK_INT(left, info + refused);
}

static void
lines_under_way_stay_where_they_are_when_room_is_made(void)
{
    struct spool_line line;
    uint32_t n = 0;

    begin();
    spool.limit = 4000;
    spool.segment_bytes = 500;
    for (; n < 30; n++) {
        append(1, n, n % 2 == 0 ? WIRE_CRIT : WIRE_INFO);
        CHECK_INT(spool_sync(&spool), 0);
    }
    takes(0, 6);
    CHECK(spool_peek(&spool, &line));
    CHECK_INT(line.id.number, 7);
    takes(7, 8);
    for (; disk.renames < 3; n++) {
        append(1, n, WIRE_CRIT);
        (void)spool_sync(&spool);
    }
    spool_acked(&spool, line.position);
    spool_rewind(&spool);
    CHECK_INT(take(), 8);
    CHECK_INT(take(), 9); /* in the same segment: an INFO line that is still there */
    long last = 9;
    for (long got; (got = take()) >= 0; last = got) {
        CHECK(got > last && got - last <= 2);
    }
    CHECK_INT(last, n - 1);
}

static void
a_full_spool_takes_lines_again_when_old_ones_are_acknowledged(void)
{
    begin();
    spool.limit = 2000;
    spool.segment_bytes = 500;
    uint32_t n = 0;
    for (; spool_sync(&spool) == 0; n++) {
        append(1, n, WIRE_CRIT);
    }
    CHECK(n > 10);
    CHECK_INT(spool_lost(&spool), 0); /* it is in memory as long as old segments may give way */
    for (int i = 0; i < 10 && spool_pending(&spool); i++) {
        CHECK_INT(spool_sync(&spool), -EDQUOT);
    }
    CHECK_INT(spool_lost(&spool), 1);
    for (int i = 0; i < 8; i++) {
        CHECK_INT(pass(), i);
    }
    append(1, n, WIRE_CRIT);
    CHECK_INT(spool_sync(&spool), 0);
}

static void
a_file_that_cannot_be_read_stays_on_disk(void)
{
    begin();
    keep(1, 0, 3);
    spool_close(&spool);
    reopen();
    disk.read_fails = true;
    CHECK_INT(take(), -1);
    CHECK_INT(spool_lost(&spool), 1);
    disk.read_fails = false;
    keep(1, 4, 4);
    CHECK_INT(pass(), 4);
    spool_close(&spool);
    reopen();
    takes(0, 3);
}

static void
what_is_no_sealed_line_is_refused(void)
{
    char line[WIRE_LINE_MAX + 1] = "!1 CRIT";
    size_t len = disk_line(1, 1, WIRE_NOTE, line);

    begin();
    CHECK(!spool_append(&spool, line, len - 1));
    CHECK(!spool_append(&spool, "", 0));
    line[20] ^= 1;
    CHECK(!spool_append(&spool, line, len));
    CHECK(!spool_pending(&spool));
}

/* ---- on a real file system ---- */

static char dir[] = "/tmp/tocsin-spool-XXXXXX";

static const char *
at(const char *name)
{
    static char path[80];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void
put_file(const char *name, const char *bytes, size_t len)
{
    FILE *out = fopen(at(name), "w");

    CHECK(out != NULL);
    fwrite(bytes, 1, len, out);
    fclose(out);
}

static void
foreign_files_links_and_fifos_are_left_alone(void)
{
    char line[WIRE_LINE_MAX + 1];
    size_t len = disk_line(9, 9, WIRE_NOTE, line);
    int fd = open(dir, O_RDONLY | O_DIRECTORY);

    line[len] = '\n';
    put_file("psk", line, len + 1);
    put_file("spool.1", line, len + 1);
    put_file("spool.0000000a", line, len + 1);
    put_file("spool.000000001", line, len + 1);
    put_file("elsewhere", line, len + 1);
    CHECK_INT(symlink("elsewhere", at("spool.00000003")), 0);
    CHECK_INT(mkfifo(at("spool.00000004"), 0600), 0);
    CHECK_INT(mkdir(at("spool.00000005"), 0700), 0);
    put_file("spool.00000006", "", 0);
    CHECK_INT(truncate(at("spool.00000006"), 2 << 20), 0);
    CHECK_INT(spool_open(&spool, fd, SPOOL_LIMIT), 0);
    CHECK_INT(take(), -1);
    keep(1, 0, 1);
    struct stat st;
    CHECK_INT(stat(at("spool.00000007"), &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    while (pass() >= 0) {
    }
    CHECK_INT(spool_lost(&spool), 0);
    spool_close(&spool);
    CHECK_INT(lstat(at("spool.00000003"), &st), 0);
    CHECK_INT(lstat(at("spool.00000006"), &st), 0);
    CHECK_INT(spool_open(&spool, fd, SPOOL_LIMIT), 0);
    takes(0, 1);
    spool_close(&spool);
    close(fd);
    unlink(at("spool.00000007"));
}

static void
a_name_that_is_taken_meanwhile_is_passed(void)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY);

    CHECK_INT(spool_open(&spool, fd, SPOOL_LIMIT), 0);
    CHECK_INT(symlink("elsewhere", at("spool.00000007")), 0);
    append(1, 0, WIRE_NOTE);
    CHECK_INT(spool_sync(&spool), -EEXIST);
    CHECK_INT(spool_sync(&spool), 0);
    takes(0, 0);
    spool_close(&spool);
    close(fd);
}

/* Fills a file system of 64 KiB with lines; how many were kept. */
static uint32_t
fill_up(void)
{
    uint32_t n = 0;

    for (; n < 5000; n++) {
        append(1, n, WIRE_CRIT);
        if (spool_sync(&spool) != 0) {
            break;
        }
    }
    return n;
}

static void
a_full_and_a_read_only_file_system_lose_nothing_and_go_on_when_they_can(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("none", dir, "tmpfs", 0, "size=64k") != 0) {
        printf("left out: a file system of its own (needs root)\n");
        return;
    }
    put_file("elsewhere", (const char[16384]){ 0 }, 16384);
    int fd = open(dir, O_RDONLY | O_DIRECTORY);

    CHECK_INT(spool_open(&spool, fd, SPOOL_LIMIT), 0);
    uint32_t kept = fill_up();
    CHECK(kept > 200);
    CHECK_INT(spool_sync(&spool), -ENOSPC);
    takes(0, kept);
    CHECK_INT(unlink(at("elsewhere")), 0);
    CHECK_INT(spool_sync(&spool), 0);
    spool_close(&spool);
    CHECK_INT(mount("none", dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    CHECK_INT(spool_open(&spool, fd, SPOOL_LIMIT), 0);
    append(2, 0, WIRE_CRIT);
    CHECK_INT(spool_sync(&spool), -EROFS);
    takes(0, kept);
    takes(0, 0);
    CHECK_INT(mount("none", dir, NULL, MS_REMOUNT | MS_BIND, NULL), 0);
    CHECK_INT(spool_sync(&spool), 0);
    spool_close(&spool);
    close(fd);
    CHECK_INT(umount(dir), 0);
}

int
main(void)
{
    CHECK_RUN(lines_come_in_order_with_their_bytes_and_only_when_they_are_kept);
    CHECK_RUN(one_sync_keeps_all_that_was_appended);
    CHECK_RUN(what_was_not_acknowledged_comes_again_after_a_rewind_and_after_a_restart);
    CHECK_RUN(an_acknowledgement_counts_for_all_taken_before_it);
    CHECK_RUN(one_line_that_is_taken_again_after_a_rewind_is_under_way_again);
    CHECK_RUN(segments_go_when_all_their_lines_are_acknowledged_and_not_before);
    CHECK_RUN(a_segment_that_is_all_acknowledged_does_not_grow_for_ever);
    CHECK_RUN(a_line_that_comes_again_is_kept_once);
    CHECK_RUN(a_torn_end_is_cut_off_and_a_damaged_line_is_passed);
    CHECK_RUN(a_failed_sync_is_final_for_its_segment_and_its_lines_are_kept_in_another);
    CHECK_RUN(without_a_disk_lines_are_sent_from_memory_and_told_as_not_kept);
    CHECK_RUN(what_memory_alone_held_is_gone_when_it_is_acknowledged);
    CHECK_RUN(memory_drops_the_least_grave_first_and_counts_them);
    CHECK_RUN(short_writes_are_gone_on_with);
    CHECK_RUN(at_the_limit_notes_of_life_go_first_and_new_lines_are_refused_last);
    CHECK_RUN(lines_under_way_stay_where_they_are_when_room_is_made);
    CHECK_RUN(a_full_spool_takes_lines_again_when_old_ones_are_acknowledged);
    CHECK_RUN(a_file_that_cannot_be_read_stays_on_disk);
    CHECK_RUN(what_is_no_sealed_line_is_refused);
    CHECK(mkdtemp(dir) != NULL);
    CHECK_RUN(foreign_files_links_and_fifos_are_left_alone);
    CHECK_RUN(a_name_that_is_taken_meanwhile_is_passed);
    CHECK_RUN(a_full_and_a_read_only_file_system_lose_nothing_and_go_on_when_they_can);
    char command[80];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    CHECK_INT(system(command), 0);
    return check_result();
}
