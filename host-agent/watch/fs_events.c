#include "watch/fs_events.h"

/* From linux/fanotify.h, which cannot be included beside musl's sys/fanotify.h; the numbers are kernel ABI.
 */
#define METADATA_VERSION 3
#define METADATA_SIZE 24
#define INFO_HEADER 4
#define INFO_DFID_NAME 2
#define INFO_DFID 3
#define INFO_PIDFD 4
#define INFO_OLD_DFID_NAME 10
#define INFO_NEW_DFID_NAME 12
#define FSID_SIZE 8

/* The name behind a handle: up to its NUL; padding follows. */
static bool
take_name(struct fs_bytes *c, const char **name, size_t *len)
{
    const uint8_t *nul = memchr(c->at, 0, fs_bytes_left(c));

    if (nul == NULL) {
        return false;
    }
    *name = (const char *)c->at;
    *len = (size_t)(nul - c->at);
    return true;
}

static bool
take_place(struct fs_bytes *c, bool named, struct fs_event_place *out)
{
    struct fs_event_place p = { .name = "" };

    p.fsid = take_bytes(c, FSID_SIZE);
    p.handle_len = take_host32(c);
    p.handle_type = (int32_t)take_host32(c);
    if (c->short_read || p.handle_len > FS_HANDLE_MAX) {
        return false;
    }
#ifdef PLANT_FSEVENTS
    /* The planted bug: the handle is believed to be as long as it says. */
    p.handle = c->at;
    c->at += p.handle_len;
#else
    p.handle = take_bytes(c, p.handle_len);
#endif
    if (c->short_read || (named && !take_name(c, &p.name, &p.name_len))) {
        return false;
    }
    *out = p;
    return true;
}

static bool
take_info(struct fs_bytes *c, uint8_t type, struct fs_fanotify_event *e)
{
    switch (type) {
    case INFO_DFID_NAME:
    case INFO_NEW_DFID_NAME:
        return take_place(c, true, &e->at);
    case INFO_OLD_DFID_NAME:
        return take_place(c, true, &e->from);
    case INFO_DFID:
        return take_place(c, false, &e->at);
    case INFO_PIDFD:
        e->pidfd = (int32_t)take_host32(c);
        return !c->short_read;
    default:
        return true;
    }
}

static bool
take_infos(struct fs_bytes *c, struct fs_fanotify_event *e)
{
    while (fs_bytes_left(c) > 0) {
        const uint8_t *start = c->at;
        const uint8_t *head = take_bytes(c, 2); /* type, pad */
        uint16_t len = take_host16(c);

        if (c->short_read || len < INFO_HEADER || len > (size_t)(c->end - start)) {
            return false;
        }
        struct fs_bytes info = { .at = c->at, .end = start + len };
        c->at = start + len;
        if (!take_info(&info, head[0], e)) {
            return false;
        }
    }
    return true;
}

enum fs_events_result
fs_fanotify_take(struct fs_bytes *c, struct fs_fanotify_event *e)
{
    const uint8_t *start = c->at;

    if (fs_bytes_left(c) == 0) {
        return FS_EVENTS_END;
    }
    *e = (struct fs_fanotify_event){ .pidfd = -1, .at.name = "", .from.name = "" };
    uint32_t len = take_host32(c);
    const uint8_t *version = take_bytes(c, 2); /* version, reserved */
    uint16_t metadata_len = take_host16(c);
    e->mask = take_host64(c);
    e->fd = (int32_t)take_host32(c);
    e->pid = (int32_t)take_host32(c);
    if (c->short_read || version[0] != METADATA_VERSION || metadata_len < METADATA_SIZE ||
            len < metadata_len || len > (size_t)(c->end - start)) {
        return FS_EVENTS_BROKEN;
    }
    struct fs_bytes infos = { .at = start + metadata_len, .end = start + len };
    c->at = start + len;
    return take_infos(&infos, e) ? FS_EVENTS_ONE : FS_EVENTS_BROKEN;
}

enum fs_events_result
fs_inotify_take(struct fs_bytes *c, struct fs_inotify_event *e)
{
    if (fs_bytes_left(c) == 0) {
        return FS_EVENTS_END;
    }
    e->wd = (int32_t)take_host32(c);
    e->mask = take_host32(c);
    take_host32(c); /* cookie */
    uint32_t len = take_host32(c);
    const uint8_t *name = take_bytes(c, len);
    e->name = "";
    e->name_len = 0;
    if (c->short_read) {
        return FS_EVENTS_BROKEN;
    }
    if (len > 0) {
        const uint8_t *nul = memchr(name, 0, len);

        if (nul == NULL) {
            return FS_EVENTS_BROKEN;
        }
        e->name = (const char *)name;
        e->name_len = (size_t)(nul - name);
    }
    return FS_EVENTS_ONE;
}
