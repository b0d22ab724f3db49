#include "watch/views_taint.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * A flag is never taken back before the next boot, so a module that was loaded and hides itself still shows
 * here.
 */
#define BITS 64

static struct taint_state {
    int fd;
    bool read; /* `known` is filled */
    bool unreadable;
    uint64_t known;
} taint = { .fd = -1 };

/* clang-format off */
static const struct {
    char letter;
    uint8_t kind;
    const char *means;
} flags[] = {
    { 'P', TAINT_STANDING, "proprietary_module" },
    { 'F', TAINT_STANDING, "module_forced_in" },
    { 'S', TAINT_EVENT,    "out_of_specification" },
    { 'R', TAINT_STANDING, "module_forced_out" },
    { 'M', TAINT_EVENT,    "machine_check" },
    { 'B', TAINT_EVENT,    "bad_page" },
    { 'U', TAINT_STANDING, "set_by_user" },
    { 'D', TAINT_EVENT,    "oops" },
    { 'A', TAINT_STANDING, "acpi_table_replaced" },
    { 'W', TAINT_EVENT,    "warning" },
    { 'C', TAINT_STANDING, "staging_module" },
    { 'I', TAINT_IGNORED,  "firmware_bug" },
    { 'O', TAINT_STANDING, "foreign_module" },
    { 'E', TAINT_STANDING, "unsigned_module" },
    { 'L', TAINT_EVENT,    "lockup" },
    { 'K', TAINT_STANDING, "live_patch" },
    { 'X', TAINT_IGNORED,  "distribution" },
    { 'T', TAINT_IGNORED,  "random_layout" },
    { 'N', TAINT_STANDING, "test" },
    { 'J', TAINT_STANDING, "firmware_changed" },
};
/* clang-format on */

#define FLAGS (sizeof(flags) / sizeof(flags[0]))

char
taint_letter(unsigned bit)
{
    return bit < FLAGS ? flags[bit].letter : '?';
}

const char *
taint_means(unsigned bit)
{
    return bit < FLAGS ? flags[bit].means : "unknown";
}

enum taint_kind
taint_kind(unsigned bit)
{
    return bit < FLAGS ? (enum taint_kind)flags[bit].kind : TAINT_EVENT;
}

static bool
read_flags(uint64_t *out)
{
    char text[32];
    ssize_t len = pread(taint.fd, text, sizeof(text), 0);
    const char *at = text;

    return len > 0 && procfs_decimal(&at, text + len, UINT64_MAX, out);
}

static void
begin(struct finding *f, unsigned bit)
{
    char letter = taint_letter(bit);

    finding_begin(f, FINDING_KERNEL_TAINTED, "flag", &letter, 1);
    finding_addf(f, "bit", "%u", bit);
    finding_addf(f, "means", "%s", taint_means(bit));
}

static void
judge(struct views *v, unsigned bit, bool is_new)
{
    char letter = taint_letter(bit);
    struct finding f;

    if (taint_kind(bit) == TAINT_IGNORED || conf_allows(v->env.conf, CONF_VIEW_KERNEL_TAINT, &letter, 1)) {
        return;
    }
    begin(&f, bit);
    if (taint_kind(bit) == TAINT_STANDING) {
        view_found(v, CONF_VIEW_KERNEL_TAINT, &f);
    } else if (is_new) {
        f.severity = WIRE_WARN;
        view_event(v, &f);
    }
}

static int64_t
taint_look(struct views *v, int64_t now_ms)
{
    uint64_t now = 0;
    bool readable = read_flags(&now);

    (void)now_ms;
    view_self(v, &taint.unreadable, !readable, "kernel_taint", "unreadable");
    if (!readable || (taint.read && now == taint.known)) {
        return VIEW_DONE;
    }
    view_begin(v, CONF_VIEW_KERNEL_TAINT);
    for (unsigned bit = 0; bit < BITS; bit++) {
        if ((now >> bit & 1) != 0) {
            judge(v, bit, taint.read && (taint.known >> bit & 1) == 0);
        }
    }
    view_end(v, CONF_VIEW_KERNEL_TAINT);
    taint.known = now;
    taint.read = true;
    return VIEW_DONE;
}

static int
taint_open(struct views *v)
{
    (void)v;
    if (taint.fd >= 0) {
        close(taint.fd);
    }
    taint = (struct taint_state){ .fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC) };
    return taint.fd < 0 ? -errno : 0;
}

const struct view_ops views_taint_ops = {
    .view = CONF_VIEW_KERNEL_TAINT,
    .open = taint_open,
    .look = taint_look,
};
