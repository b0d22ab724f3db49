#include "watch/views_procmounts.h"
#include "watch/mounts_info.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * The kernel tells of each mount by POLLPRI on mountinfo. A mount over /proc itself counts when it is no
 * proc; one over any process's folder or what lists modules always does: nothing lawful mounts there.
 */
static struct {
    int mountinfo;
    bool cut;
} covers = { .mountinfo = -1 };

static char text[MOUNTS_TEXT];
static char store[MOUNTS_TEXT];

/* The lists that show modules: two false copies would hide one without any code in the kernel. */
static bool
covers_modules(const char *point)
{
    static const char list[] = "/proc/modules";
    static const char folder[] = "/sys/module";

    return strcmp(point, list) == 0 || mounts_path_below(point, folder);
}

bool
procmounts_covers(const char *point)
{
    static const char head[] = "/proc/";
    size_t digits = strncmp(point, head, strlen(head)) == 0 ? strspn(point + strlen(head), "0123456789") : 0;
    char behind = digits > 0 ? point[strlen(head) + digits] : 'x';

    return behind == '\0' || behind == '/' || covers_modules(point);
}

static void
tell(struct views *v, const struct mount_line *m)
{
    struct finding f;

    finding_begin(&f, FINDING_PROCESS_HIDDEN, "path", m->point, strlen(m->point));
    finding_addf(&f, "from", "mount");
    finding_add(&f, "fs", m->type, strlen(m->type));
    finding_add(&f, "root", m->root, strlen(m->root));
    finding_add(&f, "source", m->source, strlen(m->source));
    view_found(v, CONF_VIEW_PROC_MOUNTS, &f);
}

static bool
read_lines(struct views *v, size_t len)
{
    const char *end = text + len;
    bool cut = len == sizeof(text);

    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct mount_line m;
        size_t used;

        if (newline == NULL) {
            return true;
        }
        if (!mounts_line_parse(at, (size_t)(newline - at), store, &used, &m)) {
            cut = true;
        } else if (procmounts_covers(m.point) ||
                   (strcmp(m.point, "/proc") == 0 && strcmp(m.type, "proc") != 0)) {
            if (!conf_allows(v->env.conf, CONF_VIEW_PROC_MOUNTS, m.point, strlen(m.point))) {
                tell(v, &m);
            }
        }
        at = newline + 1;
    }
    return cut;
}

static int64_t
covers_look(struct views *v, int64_t now_ms)
{
    size_t len = 0;
    ssize_t n = 1;

    (void)now_ms;
    while (n > 0 && len < sizeof(text)) {
        n = pread(covers.mountinfo, text + len, sizeof(text) - len, (off_t)len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        view_self(v, &covers.cut, true, "proc_mounts", "unreadable");
        return VIEW_DONE;
    }
    view_begin(v, CONF_VIEW_PROC_MOUNTS);
    bool cut = read_lines(v, len);

    view_end(v, CONF_VIEW_PROC_MOUNTS);
    view_self(v, &covers.cut, cut, "proc_mounts", "unreadable");
    return VIEW_DONE;
}

static int
covers_open(struct views *v)
{
    (void)v;
    if (covers.mountinfo >= 0) {
        close(covers.mountinfo);
    }
    covers.cut = false;
    covers.mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    return covers.mountinfo < 0 ? -errno : 0;
}

static int
covers_fd(short *events)
{
    *events = POLLPRI;
    return covers.mountinfo;
}

/* The poll itself has taken the event. */
static bool
covers_ready(struct views *v)
{
    (void)v;
    return true;
}

const struct view_ops views_procmounts_ops = {
    .view = CONF_VIEW_PROC_MOUNTS,
    .open = covers_open,
    .fd = covers_fd,
    .ready = covers_ready,
    .look = covers_look,
};
