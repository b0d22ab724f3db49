#include "watch/mounts_judge.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIST 64

static void
list_add(char list[LIST], const char *word)
{
    size_t len = strlen(list);

    snprintf(list + len, LIST - len, "%s%s", len > 0 ? "," : "", word);
}

static void
add_text(struct finding *f, const char *key, const char *value)
{
    finding_add(f, key, value, strlen(value));
}

static void
begin(struct finding *f, enum finding_code code, const char *path)
{
    finding_begin(f, code, "path", path, strlen(path));
}

/* About a listed mount; of a disk also where it is. */
static void
begin_of(struct finding *f, enum finding_code code, const struct conf_mount *want, const struct mount_line *m)
{
    if (!conf_mount_is_disk(want)) {
        begin(f, code, want->path);
        return;
    }
    finding_begin(f, code, "disk", want->path, strlen(want->path));
    if (m != NULL) {
        add_text(f, "at", m->point);
    }
}

static bool
same_content(const struct mount_line *a, const struct mount_line *b)
{
    return a->major == b->major && a->minor == b->minor && strcmp(a->root, b->root) == 0;
}

static const struct mount_line *
below_on_point(const struct mounts_table *t, const struct mount_line *top)
{
    for (unsigned i = 0; i < t->count; i++) {
        const struct mount_line *m = &t->row[i];

        if (m != top && m->id == top->parent && strcmp(m->point, top->point) == 0) {
            return m;
        }
    }
    return NULL;
}

/*
 * Does the visible mount hide another one on the same point that shows something else? An automount point is
 * there to be covered, and a mount over itself with other options shows the same.
 */
static bool
covers_another(const struct mounts_table *t, const struct mount_line *top)
{
    const struct mount_line *m = below_on_point(t, top);

    /* Bounded, as a text that changed while it was read could lead in a circle. */
    for (unsigned steps = 0; m != NULL && steps < t->count; steps++) {
        if (strcmp(m->type, "autofs") != 0 && !same_content(m, top)) {
            return true;
        }
        m = below_on_point(t, m);
    }
    return false;
}

static bool
mounted_at(const struct mounts_table *t, const char *path)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (strcmp(t->row[i].point, path) == 0) {
            return true;
        }
    }
    return false;
}

static bool
judge_there(const struct mounts_table *t, const struct conf_mount *want, const struct mount_line *top,
        struct finding *f)
{
    if (top == NULL || !mounted_at(t, want->path)) {
        begin(f, FINDING_MOUNT_GONE, want->path);
        add_text(f, "why", "unmounted");
        return true;
    }
    bool here = strcmp(top->point, want->path) == 0;

    if (here && !covers_another(t, top)) {
        return false;
    }
    begin(f, FINDING_MOUNT_GONE, want->path);
    add_text(f, "why", "overmounted");
    if (!here) {
        add_text(f, "at", top->point);
    }
    add_text(f, "fs", top->type);
    add_text(f, "from", top->source);
    return true;
}

static bool
judge_read_only(const struct conf_mount *want, const struct mount_line *m, const struct mounts_device *device,
        struct finding *f)
{
    char layers[LIST] = "";

    if ((m->options & MOUNT_RO) == 0) {
        list_add(layers, "mount");
    }
    if ((want->options & CONF_MOUNT_BIND) == 0 && (m->super_options & (MOUNT_RO | MOUNT_EMERGENCY_RO)) == 0) {
        list_add(layers, "superblock");
    }
    if ((want->options & CONF_MOUNT_DEVICE) != 0 && device->state != DEVICE_RO) {
        list_add(layers, device->state == DEVICE_RW ? "device" : "no-device");
    }
    if (layers[0] == '\0') {
        return false;
    }
    begin_of(f, FINDING_MOUNT_RW, want, m);
    finding_addf(f, "layer", "%s", layers);
    add_text(f, "from", m->source);
    return true;
}

static void
list_missing(const struct conf_mount *want, const struct mount_line *m, char list[LIST])
{
    static const uint8_t needed[] = { MOUNT_NOSUID, MOUNT_NODEV, MOUNT_NOEXEC };

    for (unsigned bit = 0; bit < sizeof(needed); bit++) {
        if ((want->options & 1u << bit) != 0 && (m->options & needed[bit]) == 0) {
            list_add(list, conf_mount_option(bit));
        }
    }
}

static bool
judge_options(const struct conf_mount *want, const struct mount_line *m, const struct mounts_device *device,
        struct finding *f)
{
    bool emergency = (m->super_options & MOUNT_EMERGENCY_RO) != 0;
    bool read_only = !want->read_only && (((m->options | m->super_options) & MOUNT_RO) != 0 || emergency);
    bool errors = device->errors > 0 || emergency;
    char missing[LIST] = "";

    list_missing(want, m, missing);
    if (!read_only && !errors && missing[0] == '\0') {
        return false;
    }
    begin_of(f, FINDING_MOUNT_CHANGED, want, m);
    if (read_only) {
        add_text(f, "state", "ro");
    }
    if (missing[0] != '\0') {
        finding_addf(f, "missing", "%s", missing);
    }
    if (errors) {
        add_text(f, "why", "errors");
        finding_addf(f, "errors", "%u", device->errors);
    }
    add_text(f, "from", m->source);
    return true;
}

bool
mounts_judge(const struct mounts_table *t, const struct conf_mount *want, const struct mounts_device *device,
        struct finding *f)
{
    const struct mount_line *top = mounts_table_at(t, want->path);

    return judge_there(t, want, top, f) || (want->read_only && judge_read_only(want, top, device, f)) ||
           judge_options(want, top, device, f);
}

/* Set writable while it is not mounted: nothing else would tell. */
static bool
judge_device(const struct conf_mount *want, const struct mounts_disk *disk,
        const struct mounts_device *device, struct finding *f)
{
    if (!disk->there || (want->options & CONF_MOUNT_DEVICE) == 0 || device->state == DEVICE_RO) {
        return false;
    }
    begin_of(f, FINDING_MOUNT_RW, want, NULL);
    finding_addf(f, "layer", "%s", device->state == DEVICE_RW ? "device" : "no-device");
    return true;
}

static bool
judge_elsewhere(const struct conf_mount *want, const struct mounts_elsewhere *elsewhere, struct finding *f)
{
    if (!elsewhere->found) {
        return false;
    }
    begin_of(f, FINDING_MOUNT_RW, want, NULL);
    add_text(f, "at", elsewhere->point);
    add_text(f, "layer", "elsewhere");
    finding_addf(f, "ns", "%" PRIu64, elsewhere->space);
    finding_addf(f, "pid", "%d", elsewhere->pid);
    return true;
}

bool
mounts_judge_disk(const struct mounts_table *t, const struct conf_mount *want, const struct mounts_disk *disk,
        const struct mounts_device *device, const struct mounts_elsewhere *elsewhere, struct finding *f)
{
    bool wrong = false;

    for (unsigned i = 0; i < t->count && want->read_only; i++) {
        if (mounts_disk_holds(disk, &t->row[i]) && judge_read_only(want, &t->row[i], device, f)) {
            return true;
        }
    }
    if (want->read_only && (judge_device(want, disk, device, f) || judge_elsewhere(want, elsewhere, f))) {
        return true;
    }
    for (unsigned i = 0; i < t->count && !wrong; i++) {
        wrong = mounts_disk_holds(disk, &t->row[i]) && judge_options(want, &t->row[i], device, f);
    }
    return wrong;
}

void
mounts_judge_window(const struct conf_mount *want, int64_t rw_ms, struct finding *f)
{
    bool overdue = rw_ms >= (int64_t)want->window_s * 1000;

    f->severity = overdue ? WIRE_ALRT : WIRE_NOTE;
    add_text(f, "state", overdue ? "overdue" : "tolerated");
    finding_addf(f, "window_s", "%u", want->window_s);
}

void
mounts_judge_added(const struct mount_line *m, struct finding *f)
{
    begin(f, FINDING_MOUNT_ADDED, m->point);
    add_text(f, "fs", m->type);
    add_text(f, "from", m->source);
    if (strcmp(m->root, "/") != 0) {
        add_text(f, "root", m->root); /* of a bind mount: what is shown here */
    }
    finding_addf(f, "dev", "%u:%u", m->major, m->minor);
}
