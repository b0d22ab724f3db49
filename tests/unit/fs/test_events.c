/* The decoder of event buffers, with buffers made by hand. */
#include "support/check.h"
#include "watch/fs_events.h"

static uint8_t buffer[4096];
static size_t used;

static void
put(const void *src, size_t len)
{
    memcpy(buffer + used, src, len);
    used += len;
}

static void
put16(uint16_t v)
{
    put(&v, sizeof(v));
}

static void
put32(uint32_t v)
{
    put(&v, sizeof(v));
}

static void
put64(uint64_t v)
{
    put(&v, sizeof(v));
}

static void
put_metadata(uint32_t len, uint64_t mask, uint32_t pid)
{
    const uint8_t version[2] = { 3, 0 };

    put32(len);
    put(version, 2);
    put16(24);
    put64(mask);
    put32(UINT32_MAX);
    put32(pid);
}

static uint16_t
place_size(const char *name, uint32_t handle_len)
{
    return (uint16_t)(4 + 8 + 8 + handle_len + (strlen(name) + 1 + 3) / 4 * 4);
}

/* A directory with a handle and a name. */
static void
put_place(uint8_t type, const char *name, uint32_t handle_len)
{
    const uint8_t info_type[2] = { type, 0 };
    size_t name_room = (strlen(name) + 1 + 3) / 4 * 4;
    uint8_t handle[256] = { 1, 2, 3 };
    char padded[300] = "";

    snprintf(padded, sizeof(padded), "%s", name);
    put(info_type, 2);
    put16(place_size(name, handle_len));
    put("fsid....", 8);
    put32(handle_len);
    put32(0x81);
    put(handle, handle_len);
    put(padded, name_room);
}

/* One event as the kernel writes it. */
static void
put_fanotify(uint64_t mask, const char *name, uint32_t handle_len)
{
    put_metadata(24u + place_size(name, handle_len), mask, 77);
    put_place(2, name, handle_len);
}

static void
put_pidfd(int32_t fd)
{
    const uint8_t info_type[2] = { 4, 0 };

    put(info_type, 2);
    put16(8);
    put32((uint32_t)fd);
}

static void
put_inotify(int32_t wd, uint32_t mask, const char *name, uint32_t room)
{
    char padded[300] = "";

    snprintf(padded, sizeof(padded), "%s", name);
    put32((uint32_t)wd);
    put32(mask);
    put32(0);
    put32(room);
    put(padded, room);
}

static void
each_event_of_a_fanotify_buffer_comes_out(void)
{
    const uint8_t handle[] = { 1, 2, 3, 0 };
    struct fs_fanotify_event e;

    used = 0;
    put_fanotify(8, "first", 8);
    put_fanotify(0x40000100, "", 128);
    put_metadata(24, 0x4000, 0); /* an overflow names no place */
    struct fs_bytes c = { .at = buffer, .end = buffer + used };
    CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_ONE);
    CHECK_INT(e.mask, 8);
    CHECK_INT(e.pid, 77);
    CHECK_STR(e.at.name, "first");
    CHECK_INT(e.at.name_len, 5);
    CHECK_INT(e.at.handle_len, 8);
    CHECK_INT(e.at.handle_type, 0x81);
    CHECK_MEM(e.at.fsid, "fsid....", 8);
    CHECK_MEM(e.at.handle, handle, 4);
    CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_ONE);
    CHECK_INT(e.at.handle_len, 128);
    CHECK_STR(e.at.name, "");
    CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_ONE);
    CHECK_INT(e.mask, 0x4000);
    CHECK(e.at.fsid == NULL);
    CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_END);
}

static void
a_rename_has_both_ends_and_its_doer(void)
{
    struct fs_fanotify_event e;

    used = 0;
    put_metadata(24u + place_size("old", 8) + place_size("new-name", 12) + 8u, 0x10000000, 77);
    put_place(10, "old", 8);
    put_place(12, "new-name", 12);
    put_pidfd(5);
    put_fanotify(8, "next", 8);
    struct fs_bytes c = { .at = buffer, .end = buffer + used };
    CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_ONE);
    CHECK_STR(e.from.name, "old");
    CHECK_INT(e.from.handle_len, 8);
    CHECK_STR(e.at.name, "new-name");
    CHECK_INT(e.at.handle_len, 12);
    CHECK_INT(e.pidfd, 5);
    CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_ONE);
    CHECK(e.from.fsid == NULL);
    CHECK_INT(e.pidfd, -1);
}

static void
a_fanotify_buffer_cut_anywhere_is_broken(void)
{
    struct fs_fanotify_event e;

    used = 0;
    put_metadata(24u + place_size("a-name", 12) + 8u, 8, 77);
    put_place(2, "a-name", 12);
    put_pidfd(3);
    for (size_t cut = 1; cut < used; cut++) {
        struct fs_bytes c = { .at = buffer, .end = buffer + cut };

        CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_BROKEN);
    }
}

static void
a_handle_longer_than_its_record_is_broken(void)
{
    struct fs_fanotify_event e;
    const uint32_t lengths[] = { 13, 20, 128, 129, INT32_MAX, UINT32_MAX };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        used = 0;
        put_fanotify(8, "", 8);
        memcpy(buffer + 24 + 4 + 8, &lengths[i], 4);
        struct fs_bytes c = { .at = buffer, .end = buffer + used };
        CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_BROKEN);
    }
}

static void
a_name_without_end_is_broken(void)
{
    struct fs_fanotify_event e;
    struct fs_inotify_event i;

    used = 0;
    put_fanotify(8, "name", 8);
    memset(buffer + used - 8, 'x', 8);
    struct fs_bytes c = { .at = buffer, .end = buffer + used };
    CHECK_INT(fs_fanotify_take(&c, &e), FS_EVENTS_BROKEN);
    used = 0;
    put_inotify(1, 2, "12345678", 8);
    c = (struct fs_bytes){ .at = buffer, .end = buffer + used };
    CHECK_INT(fs_inotify_take(&c, &i), FS_EVENTS_BROKEN);
}

static void
each_event_of_an_inotify_buffer_comes_out(void)
{
    struct fs_inotify_event e;

    used = 0;
    put_inotify(1, 0x100, "name", 16);
    put_inotify(-1, 0x4000, "", 0);
    struct fs_bytes c = { .at = buffer, .end = buffer + used };
    CHECK_INT(fs_inotify_take(&c, &e), FS_EVENTS_ONE);
    CHECK_INT(e.wd, 1);
    CHECK_INT(e.mask, 0x100);
    CHECK_STR(e.name, "name");
    CHECK_INT(e.name_len, 4);
    CHECK_INT(fs_inotify_take(&c, &e), FS_EVENTS_ONE);
    CHECK_INT(e.wd, -1);
    CHECK_INT(e.name_len, 0);
    CHECK_INT(fs_inotify_take(&c, &e), FS_EVENTS_END);
    for (size_t cut = 1; cut < 32; cut++) {
        c = (struct fs_bytes){ .at = buffer, .end = buffer + cut };
        CHECK_INT(fs_inotify_take(&c, &e), FS_EVENTS_BROKEN);
    }
}

int
main(void)
{
    CHECK_RUN(each_event_of_a_fanotify_buffer_comes_out);
    CHECK_RUN(a_rename_has_both_ends_and_its_doer);
    CHECK_RUN(a_fanotify_buffer_cut_anywhere_is_broken);
    CHECK_RUN(a_handle_longer_than_its_record_is_broken);
    CHECK_RUN(a_name_without_end_is_broken);
    CHECK_RUN(each_event_of_an_inotify_buffer_comes_out);
    return check_result();
}
