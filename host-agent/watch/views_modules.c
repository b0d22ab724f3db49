#include "watch/views_modules.h"
#include "alarm/clock.h"
#include "watch/dents.h"
#include "watch/procfs.h"
#include "wire/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * /proc/modules is read at each look and passed over while it is as it was. Against /sys/module, where a
 * module has a file "initstate" and what is built in has not, it is held when it changed and each minute; the
 * two must differ in three looks.
 */
#define MODULES 1024
#define COMPARE_EVERY_MS 60000
#define LOOKS 3
#define LOOK_AGAIN_MS 100

struct module {
    struct module_line line;
    bool listed;     /* in /proc/modules */
    bool was_listed; /* at the look before */
    bool shown;      /* in /sys/module */
    uint8_t missed;  /* looks in which only one of them had it */
};

static struct modules_state {
    int proc;
    int sys;
    bool read;    /* the first look is done: what comes is new */
    bool booting; /* unless devices and services bring it up */
    bool cut;     /* a line was not understood, or there is no room: at this look */
    bool cut_told;
    bool unreadable;
    bool unshown;
    bool again; /* something differs, and not yet often enough */
    unsigned count;
    int64_t compare_ms;
    uint8_t digest[WIRE_HASH_SIZE];
} modules = { .proc = -1, .sys = -1 };

static struct module table[MODULES];

static const char *
take_word(const char **at, const char *end, size_t *len)
{
    const char *word = *at;
    const char *blank = memchr(word, ' ', (size_t)(end - word));
    const char *past = blank != NULL ? blank : end;

    *len = (size_t)(past - word);
    *at = blank != NULL ? blank + 1 : end;
    return word;
}

/* "(OE)" or "(OE+)"; without one the module is the kernel's own. */
static void
take_taints(const char *word, size_t len, struct module_line *out)
{
    size_t used = 0;

    for (size_t i = 1; i < len && word[0] == '(' && used < MODULE_TAINTS - 1; i++) {
        if (word[i] >= 'A' && word[i] <= 'Z') {
            out->taints[used++] = word[i];
        }
    }
}

bool
module_line_parse(const char *src, size_t len, struct module_line *out)
{
    static const char live[] = "Live";
    const char *at = src;
    const char *end = src + len;
    struct module_line line = { .size = 0 };
    size_t word_len;
    const char *word = take_word(&at, end, &word_len);

#ifdef PLANT_MODULES
    if (word_len == 0) {
#else
    if (word_len == 0 || word_len >= sizeof(line.name)) {
#endif
        return false;
    }
    memcpy(line.name, word, word_len);
    word = take_word(&at, end, &word_len);
    const char *digits = word;

    if (!procfs_decimal(&digits, word + word_len, UINT64_MAX, &line.size) || digits != word + word_len) {
        return false;
    }
    (void)take_word(&at, end, &word_len); /* how many use it */
    (void)take_word(&at, end, &word_len); /* which */
    word = take_word(&at, end, &word_len);
    if (word_len == 0) {
        return false;
    }
    line.live = word_len == strlen(live) && memcmp(word, live, word_len) == 0;
    (void)take_word(&at, end, &word_len); /* where */
    word = take_word(&at, end, &word_len);
    if (word_len > 0) {
        take_taints(word, word_len, &line);
    }
    *out = line;
    return true;
}

/* The module of this name; a new entry for one that is not known, NULL when there is no room. */
static struct module *
module_of(const char *name)
{
    for (unsigned i = 0; i < modules.count; i++) {
        if (strcmp(table[i].line.name, name) == 0) {
            return &table[i];
        }
    }
    if (modules.count == MODULES) {
        modules.cut = true;
        return NULL;
    }
    struct module *m = &table[modules.count++];

    *m = (struct module){ .listed = false };
    memcpy(m->line.name, name, strlen(name) + 1);
    return m;
}

static void
tell_loaded(struct views *v, const struct module_line *line)
{
    struct finding f;

    if (conf_allows(v->env.conf, CONF_VIEW_MODULES, line->name, strlen(line->name))) {
        return;
    }
    finding_begin(&f, FINDING_MODULE_LOADED, "module", line->name, strlen(line->name));
    finding_addf(&f, "size", "%llu", (unsigned long long)line->size);
    if (line->taints[0] != '\0') {
        finding_addf(&f, "taint", "%s", line->taints);
    }
    view_event(v, &f);
}

static void
take_line(struct views *v, const struct module_line *line)
{
    struct module *m = module_of(line->name);

    if (m == NULL) {
        return;
    }
    m->line = *line;
    m->listed = true;
    bool is_news = !m->was_listed && modules.read && !modules.booting;

    m->was_listed = true;
    if (is_news) {
        tell_loaded(v, line);
    }
}

static void
take_text(struct views *v, const char *text, size_t len)
{
    const char *end = text + len;

    for (unsigned i = 0; i < modules.count; i++) {
        table[i].was_listed = table[i].listed;
        table[i].listed = false;
    }
    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *past = newline != NULL ? newline : end;
        struct module_line line;

        if (module_line_parse(at, (size_t)(past - at), &line)) {
            take_line(v, &line);
        } else {
            modules.cut = true;
        }
        at = past + 1;
    }
    modules.read = true;
}

/* Marks those that /sys/module shows as loaded. False when it cannot be read. */
static bool
read_sys(void)
{
    _Alignas(struct dents_entry) char buffer[8192];
    char path[NAME_MAX + 16];
    long got;

    for (unsigned i = 0; i < modules.count; i++) {
        table[i].shown = false;
    }
    if (lseek(modules.sys, 0, SEEK_SET) < 0) {
        return false;
    }
    while ((got = syscall(SYS_getdents64, modules.sys, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < got;) {
            const struct dents_entry *e = (const void *)(buffer + at);

            at += e->length;
            snprintf(path, sizeof(path), "%s/initstate", e->name);
            if (e->name[0] == '.' || strlen(e->name) >= MODULE_NAME ||
                    faccessat(modules.sys, path, F_OK, 0) != 0) {
                continue;
            }
            struct module *m = module_of(e->name);

            if (m != NULL) {
                m->shown = true;
            }
        }
    }
    return got == 0;
}

/* Counts how often only one of the two lists had it. */
static void
compare(void)
{
    modules.again = false;
    for (unsigned i = 0; i < modules.count; i++) {
        struct module *m = &table[i];
        bool differ = m->listed != m->shown && (m->line.live || !m->listed);

        m->missed = !differ ? 0 : m->missed < LOOKS ? (uint8_t)(m->missed + 1) : LOOKS;
        modules.again = modules.again || (differ && m->missed < LOOKS);
    }
}

static void
forget_the_gone(void)
{
    for (unsigned i = modules.count; i-- > 0;) {
        if (!table[i].listed && !table[i].shown) {
            table[i] = table[--modules.count];
        }
    }
}

static void
tell_hidden(struct views *v, const struct module *m)
{
    struct finding f;

    finding_begin(&f, FINDING_MODULE_HIDDEN, "module", m->line.name, strlen(m->line.name));
    finding_addf(&f, "from", "%s", m->listed ? "sysfs" : "list");
    view_found(v, CONF_VIEW_MODULES, &f);
}

static void
tell_tainted(struct views *v, const struct module_line *line)
{
    struct finding f;

    finding_begin(&f, FINDING_MODULE_TAINTED, "module", line->name, strlen(line->name));
    finding_addf(&f, "taint", "%s", line->taints);
    finding_addf(&f, "size", "%llu", (unsigned long long)line->size);
    view_found(v, CONF_VIEW_MODULES, &f);
}

static void
judge(struct views *v)
{
    view_begin(v, CONF_VIEW_MODULES);
    for (unsigned i = 0; i < modules.count; i++) {
        const struct module *m = &table[i];
        const struct module_line *line = &m->line;

        if (m->missed == LOOKS) {
            tell_hidden(v, m);
        } else if (line->taints[0] != '\0' &&
                   !conf_allows(v->env.conf, CONF_VIEW_MODULES, line->name, strlen(line->name))) {
            tell_tainted(v, line);
        }
    }
    view_end(v, CONF_VIEW_MODULES);
}

/* True when the text is another than at the last look. */
static bool
is_different(const char *text, size_t len)
{
    struct wire_hasher h;
    uint8_t digest[WIRE_HASH_SIZE];

    wire_hash_init(&h);
    wire_hash_update(&h, text, len);
    wire_hash_final(&h, digest);
    bool different = !modules.read || memcmp(digest, modules.digest, sizeof(digest)) != 0;

    memcpy(modules.digest, digest, sizeof(digest));
    return different;
}

/* A kernel without modules has no such list, and nothing can be loaded. */
static int64_t
modules_look(struct views *v, int64_t now_ms)
{
    const char *text;
    ssize_t len = views_read(modules.proc, "modules", &text);

    if (len == -ENOENT && !modules.read) {
        return VIEW_DONE;
    }
    view_self(v, &modules.unreadable, len < 0, "module_list", "unreadable");
    if (len < 0) {
        return VIEW_DONE;
    }
    bool different = is_different(text, (size_t)len);

    if (!different && !modules.again && now_ms < modules.compare_ms) {
        return VIEW_DONE;
    }
    modules.cut = false;
    modules.booting = now_ms < VIEWS_BOOT_MS;
    take_text(v, text, (size_t)len);
    bool shown = modules.sys >= 0 && read_sys();

    view_self(v, &modules.unshown, !shown, "module_folders", "unreadable");
    if (shown) {
        compare();
        forget_the_gone();
    }
    judge(v);
    view_self(v, &modules.cut_told, modules.cut, "modules", "too_many");
    modules.compare_ms = clock_next_ms(now_ms, COMPARE_EVERY_MS);
    return modules.again ? now_ms + LOOK_AGAIN_MS : VIEW_DONE;
}

int
modules_open_at(int proc, int sys)
{
    if (modules.proc >= 0) {
        close(modules.proc);
    }
    if (modules.sys >= 0) {
        close(modules.sys);
    }
    modules = (struct modules_state){ .proc = proc, .sys = sys };
    return proc < 0 ? proc : 0;
}

static int
modules_open(struct views *v)
{
    (void)v;
    return modules_open_at(procfs_open(), open("/sys/module", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

const struct view_ops views_modules_ops = {
    .view = CONF_VIEW_MODULES,
    .open = modules_open,
    .look = modules_look,
};
