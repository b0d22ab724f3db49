/* The decoders of fanotify's and inotify's buffers: the first byte chooses. All they point to is touched. */
#include "watch/fs_events.h"
#include <stdlib.h>
#include <string.h>

#define FRAME 24 /* metadata of one fanotify event */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

static void
touch(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += at[i];
    }
    sink = sum;
}

static void
check_name(const char *name, size_t len)
{
    if (strlen(name) != len) {
        abort();
    }
}

static void
check_place(const struct fs_event_place *p)
{
    if (p->handle_len > FS_HANDLE_MAX) {
        abort();
    }
    check_name(p->name, p->name_len);
    if (p->fsid != NULL) {
        touch(p->fsid, 8);
        touch(p->handle, p->handle_len);
    }
}

static void
fanotify(struct fs_bytes *c)
{
    struct fs_fanotify_event e;

    for (const uint8_t *before = c->at; fs_fanotify_take(c, &e) == FS_EVENTS_ONE; before = c->at) {
        if (c->at <= before || c->at > c->end) {
            abort();
        }
        check_place(&e.at);
        check_place(&e.from);
    }
}

static void
inotify(struct fs_bytes *c)
{
    struct fs_inotify_event e;

    for (const uint8_t *before = c->at; fs_inotify_take(c, &e) == FS_EVENTS_ONE; before = c->at) {
        if (c->at <= before || c->at > c->end) {
            abort();
        }
        check_name(e.name, e.name_len);
    }
}

/* An event around the input, so that its frame need not be guessed. */
static size_t
put_frame(uint8_t *buffer, const uint8_t *data, size_t size)
{
    uint32_t len = (uint32_t)size + FRAME;
    const uint16_t metadata_len = FRAME;

    memset(buffer, 0, FRAME);
    memcpy(buffer, &len, sizeof(len));
    buffer[4] = 3;
    memcpy(buffer + 6, &metadata_len, sizeof(metadata_len));
    memcpy(buffer + FRAME, data, size);
    return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    /* On the heap and of the exact size, so that one byte too far is seen. */
    bool framed = data[0] % 4 == 2;
    size_t len = size - 1;
    uint8_t *buffer = malloc(len + (framed ? FRAME : 0));
    if (framed) {
        len = put_frame(buffer, data + 1, len);
    } else {
        memcpy(buffer, data + 1, len);
    }
    struct fs_bytes c = { .at = buffer, .end = buffer + len };
    if (data[0] & 1) {
        inotify(&c);
    } else {
        fanotify(&c);
    }
    free(buffer);
    return 0;
}
