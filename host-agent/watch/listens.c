#include "watch/listens.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES_MOST 16u /* a ring: 700 events; must be a power of two */
#define PAGES_LEAST 4u
#define PAGES_ALL 128u /* of all rings together, on machines with few processors */
#define RECORD_MAX 1024
#define EVENT "events/sock/inet_sock_set_state/"
#define FILTER "newstate==10" /* TCP_LISTEN */
#define CONFIG_CREATE 6       /* FSCONFIG_CMD_CREATE, not in every C library's headers */

struct ring {
    int fd;
    struct perf_event_mmap_page *page;
};

static struct {
    unsigned rings;
    size_t page_size;
    size_t data_size; /* of a ring */
    uint32_t lost;
    struct listens_format format;
    struct ring ring[LISTENS_CPUS];
} listens;

static int epoll = -1; /* apart: with it, all of the above would stand in the program's file */

static int
mounted_tracefs(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return dir >= 0 ? dir : -errno;
}

/* The tracing files without mounting them anywhere that others would see. */
static int
detached_tracefs(void)
{
    int context = (int)syscall(SYS_fsopen, "tracefs", 1u /* close on exec */);

    if (context < 0) {
        return -errno;
    }
    int tree = -1;

    if (syscall(SYS_fsconfig, context, CONFIG_CREATE, NULL, NULL, 0) == 0) {
        tree = (int)syscall(SYS_fsmount, context, 1u /* close on exec */, 0u);
    }
    int error = -errno;

    close(context);
    return tree >= 0 ? tree : error;
}

static int
read_event(int tracing, struct listens_format *format, uint64_t *id)
{
    char text[4096];
    ssize_t len = procfs_read(tracing, EVENT "id", text, sizeof(text));
    const char *at = text;

    if (len < 0) {
        return (int)len;
    }
    if (!procfs_decimal(&at, text + len, UINT32_MAX, id)) {
        return -EPROTO;
    }
    len = procfs_read(tracing, EVENT "format", text, sizeof(text));
    if (len < 0) {
        return (int)len;
    }
    return listens_format_parse(text, (size_t)len, format) ? 0 : -EPROTO;
}

static int
find_event(struct listens_format *format, uint64_t *id)
{
    static const char *const usual[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
    int error = -ENOENT;

    for (size_t i = 0; i <= sizeof(usual) / sizeof(usual[0]) && error != 0; i++) {
        int dir = i < sizeof(usual) / sizeof(usual[0]) ? mounted_tracefs(usual[i]) : detached_tracefs();

        error = dir < 0 ? dir : read_event(dir, format, id);
        if (dir >= 0) {
            close(dir);
        }
    }
    return error;
}

static int
ring_open(struct ring *ring, uint64_t id, int cpu)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof(attr),
        .config = id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_RAW,
        .wakeup_events = 1,
        .disabled = 1,
    };

    ring->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (ring->fd < 0) {
        return -errno;
    }
    ring->page = mmap(
            NULL, listens.page_size + listens.data_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
    if (ring->page != MAP_FAILED && ioctl(ring->fd, PERF_EVENT_IOC_SET_FILTER, FILTER) == 0 &&
            ioctl(ring->fd, PERF_EVENT_IOC_ENABLE, 0) == 0) {
        return 0;
    }
    int error = -errno;

    if (ring->page != MAP_FAILED) {
        munmap(ring->page, listens.page_size + listens.data_size);
    }
    close(ring->fd);
    return error;
}

static int
open_rings(uint64_t id)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    unsigned pages = PAGES_MOST;

    while (pages > PAGES_LEAST && pages * (unsigned long)cpus > PAGES_ALL) {
        pages /= 2;
    }
    listens.data_size = pages * listens.page_size;
    for (int cpu = 0; cpu < cpus && cpu < LISTENS_CPUS; cpu++) {
        struct ring *ring = &listens.ring[listens.rings];
        int error = ring_open(ring, id, cpu);

        if (error == -ENODEV) { /* switched off */
            continue;
        }
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = listens.rings };

        if (error != 0) {
            return error;
        }
        listens.rings++;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, ring->fd, &event) != 0) {
            return -errno;
        }
    }
    return listens.rings > 0 ? 0 : -ENODEV;
}

void
listens_close(void)
{
    while (listens.rings > 0) {
        struct ring *ring = &listens.ring[--listens.rings];

        munmap(ring->page, listens.page_size + listens.data_size);
        close(ring->fd);
    }
    if (epoll >= 0) {
        close(epoll);
        epoll = -1;
    }
}

int
listens_open(void)
{
    uint64_t id = 0;

    listens_close();
    int error = find_event(&listens.format, &id);

    if (error != 0) {
        return error;
    }
    listens.page_size = (size_t)sysconf(_SC_PAGESIZE);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        return -errno;
    }
    error = open_rings(id);
    if (error != 0) {
        listens_close();
        return error;
    }
    return epoll;
}

/* A record may wrap around the ring's end. */
static void
copy_out(const struct ring *ring, uint64_t at, void *out, size_t len)
{
    const uint8_t *data = (const uint8_t *)ring->page + listens.page_size;
    size_t size = listens.data_size;
    size_t from = (size_t)(at & (size - 1));
    size_t first = len < size - from ? len : size - from;

    memcpy(out, data + from, first);
    memcpy((uint8_t *)out + first, data, len - first);
}

/* The fixed part of a sample: header, pid, tid, length of the raw bytes. */
static bool
take_sample(const uint8_t *record, size_t len, struct listen_event *out)
{
    size_t at = sizeof(struct perf_event_header);
    uint32_t raw_len;

    if (len < at + 12) {
        return false;
    }
    memcpy(&out->pid, record + at, sizeof(out->pid));
    memcpy(&out->thread, record + at + 4, sizeof(out->thread));
    memcpy(&raw_len, record + at + 8, sizeof(raw_len));
    return raw_len <= len - at - 12 && listens_sample_parse(&listens.format, record + at + 12, raw_len, out);
}

/* header, id, how many. */
static uint32_t
take_lost(const uint8_t *record, size_t len)
{
    uint64_t count = 1;

    if (len >= sizeof(struct perf_event_header) + 16) {
        memcpy(&count, record + sizeof(struct perf_event_header) + 8, sizeof(count));
    }
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

uint32_t
listens_lost(void)
{
    return listens.lost;
}

/* 1 for an event, -1 for lost ones, 0 when the ring is empty. */
static int
ring_next(struct ring *ring, struct listen_event *out)
{
    uint8_t record[RECORD_MAX];

    for (;;) {
        uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
        uint64_t tail = ring->page->data_tail;
        struct perf_event_header header;

        if (tail == head) {
            return 0;
        }
        copy_out(ring, tail, &header, sizeof(header));
        if (header.size < sizeof(header) || header.size > head - tail) {
            /* Not to be trusted any further: begin anew behind it all. */
            __atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
            listens.lost = 1;
            return -1;
        }
        size_t len = header.size < sizeof(record) ? header.size : sizeof(record);

        copy_out(ring, tail, record, len);
        __atomic_store_n(&ring->page->data_tail, tail + header.size, __ATOMIC_RELEASE);
        if (header.type == PERF_RECORD_LOST) {
            listens.lost = take_lost(record, len);
            return -1;
        }
        if (header.type == PERF_RECORD_SAMPLE && take_sample(record, len, out)) {
            return 1;
        }
    }
}

int
listens_next(struct listen_event *out)
{
    for (unsigned i = 0; i < listens.rings; i++) {
        int got = ring_next(&listens.ring[i], out);

        if (got != 0) {
            return got;
        }
    }
    return 0;
}
