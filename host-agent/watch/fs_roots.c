#include "watch/fs_roots.h"
#include "conf/name.h"
#include "watch/fs_look.h"
#include "watch/fs_remote.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool
is_silent(const char *path)
{
    return fs_remote_silent((const uint8_t *)path, strlen(path));
}

/*
 * The path with all symbolic links before the last component resolved, as far as it exists; what does not
 * exist (yet) is kept as it is written, and what nobody may ask for.
 */
static bool
make_plain(const char *path, char out[PATH_MAX])
{
    char head[PATH_MAX];
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len >= sizeof(head)) {
        return false;
    }
    if ((len == 1 && path[0] == '/') || is_silent(path)) {
        memcpy(out, path, len);
        out[len] = '\0';
        return true;
    }
    for (size_t cut = len; cut > 0;) {
        do {
            cut--;
        } while (cut > 0 && path[cut] != '/');
        bool relative = cut == 0 && path[0] != '/';
        memcpy(head, path, cut);
        head[cut] = '\0';
        const char *parent = cut > 0 ? head : relative ? "." : "/";
        if (realpath(parent, out) != NULL) {
            const char *rest = relative ? path : path + cut + 1;
            size_t rest_len = len - (size_t)(rest - path);
            size_t base = strcmp(out, "/") == 0 ? 0 : strlen(out);

            if (base + 1 + rest_len >= PATH_MAX) {
                return false;
            }
            out[base] = '/';
            memcpy(out + base + 1, rest, rest_len);
            out[base + 1 + rest_len] = '\0';
            return true;
        }
    }
    return false;
}

static bool
keep(struct fs_roots *roots, struct fs_span *span, const char *path)
{
    size_t len = strlen(path);

    if (len == 0 || len > sizeof(roots->text) - roots->used) {
        return false;
    }
    memcpy(roots->text + roots->used, path, len);
    *span = (struct fs_span){ .path = roots->text + roots->used, .len = len };
    roots->used += len;
    return true;
}

static bool
add_plain(struct fs_roots *roots, const char *plain)
{
    return roots->count < FS_ROOTS && keep(roots, &roots->root[roots->count], plain) && ++roots->count > 0;
}

static struct fs_rule *
add_rule(struct fs_roots *roots, const struct fs_span *path, enum fs_rank rank)
{
    struct fs_rules *rules = &roots->rules;

    if (rules->count == FS_RULES || path->len > UINT16_MAX) {
        return NULL;
    }
    struct fs_rule *r = &rules->rule[rules->count++];
    *r = (struct fs_rule){ .path = path->path, .len = path->len > 1 ? path->len : 0, .rank = rank };
    r->ignore = rank == FS_RANK_IGNORE || rank == FS_RANK_IGNORE_PATTERN;
    r->attrs = conf_builtin(0)->attrs;
    return r;
}

static void
take_options(struct fs_rule *r, const struct conf_watch *watch)
{
    r->attrs = watch->attrs;
    r->one_fs = watch->one_fs;
    r->fs = watch->fs;
    r->max = watch->max;
}

static bool
add_watched(struct fs_roots *roots, const char *plain, const struct conf_watch *watch, enum fs_rank rank)
{
    if (!add_plain(roots, plain)) {
        return false;
    }
    struct fs_rule *r = add_rule(roots, &roots->root[roots->count - 1], rank);
    if (r != NULL) {
        take_options(r, watch);
    }
    return r != NULL;
}

/* The path and, when it is a link to something that has content, what it points to. */
static bool
add_path(struct fs_roots *roots, const struct conf_watch *watch)
{
    char plain[PATH_MAX], target[PATH_MAX];
    struct stat st;

    if (!make_plain(watch->path, plain) || !add_watched(roots, plain, watch, FS_RANK_WATCH)) {
        return false;
    }
    if (is_silent(plain) || lstat(plain, &st) < 0 || !S_ISLNK(st.st_mode) ||
            realpath(plain, target) == NULL || stat(target, &st) < 0 ||
            !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))) {
        return true;
    }
    return add_watched(roots, target, watch, FS_RANK_TARGET);
}

/* The directory above a pattern's first wildcard, without links. */
static bool
make_plain_of(const struct pattern *pattern, char plain[PATH_MAX])
{
    char path[CONF_PATH] = "/";

    if (pattern->plain > 0) {
        memcpy(path, pattern->text, pattern->plain);
        path[pattern->plain] = '\0';
    }
    return (!is_silent(path) && realpath(path, plain) != NULL) || make_plain(path, plain);
}

static bool
add_watch(struct fs_roots *roots, const struct conf_watch *watch)
{
    char plain[PATH_MAX];
    struct pattern pattern;

    if (pattern_parse(&pattern, watch->path, strlen(watch->path)) != NULL) {
        return false;
    }
    if (pattern.parts == 0) {
        return add_path(roots, watch);
    }
    if (!make_plain_of(&pattern, plain) || !add_watched(roots, plain, watch, FS_RANK_WATCH_PATTERN)) {
        return false;
    }
    roots->rules.rule[roots->rules.count - 1].pattern = pattern;
    return true;
}

static bool
add_ignore(struct fs_roots *roots, const char *path)
{
    char plain[PATH_MAX];
    struct pattern pattern;
    struct fs_span span;

    if (pattern_parse(&pattern, path, strlen(path)) != NULL) {
        return false;
    }
    bool made = pattern.parts > 0 ? make_plain_of(&pattern, plain) : make_plain(path, plain);
    if (!made || !keep(roots, &span, plain)) {
        return false;
    }
    struct fs_rule *r = add_rule(roots, &span, pattern.parts > 0 ? FS_RANK_IGNORE_PATTERN : FS_RANK_IGNORE);
    if (r != NULL) {
        r->pattern = pattern;
    }
    return r != NULL;
}

static bool
add_own(struct fs_roots *roots, const char *path)
{
    char plain[PATH_MAX];

    if (!make_plain(path, plain)) {
        return false;
    }
    if (fs_roots_own(roots, (const uint8_t *)plain, strlen(plain))) {
        return true;
    }
    if (roots->own_count == FS_ROOTS_OWN || !keep(roots, &roots->own[roots->own_count], plain)) {
        return false;
    }
    return add_rule(roots, &roots->own[roots->own_count++], FS_RANK_OWN) != NULL && add_plain(roots, plain);
}

/* The courier lies beside the program, if it is installed. */
static bool
add_courier(struct fs_roots *roots, const char *program)
{
    const char *slash = strrchr(program, '/');
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - program), program, name_courier());

    return n >= (int)sizeof(path) || add_own(roots, path);
}

static bool
add_programs(struct fs_roots *roots, const char *program)
{
    return add_own(roots, program) && add_courier(roots, program);
}

/* The program's path, unless it runs from memory or was replaced: then the baseline knows it. */
static bool
add_running(struct fs_roots *roots)
{
    static const char gone[] = " (deleted)";
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n <= 0 || n == (ssize_t)sizeof(path) - 1) {
        return true;
    }
    path[n] = '\0';
    if ((size_t)n > sizeof(gone) && strcmp(path + n - (sizeof(gone) - 1), gone) == 0) {
        return true;
    }
    return path[0] != '/' || add_programs(roots, path);
}

/* What starts us and what changes that, wherever it may lie; what is not there is told when it comes. */
static bool
add_units(struct fs_roots *roots)
{
    static const char *const folders[] = { "/etc/systemd/system", "/etc/systemd/system.control",
        "/run/systemd/system", "/run/systemd/system.control", "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system" };
    static const char *const names[] = { "%s/%s.service", "%s/%s.service.d", "%s/service.d" };
    char path[CONF_PATH];
    bool fits = true;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            snprintf(path, sizeof(path), names[k], folders[i], name_program());
            fits = fits && add_own(roots, path);
        }
    }
    snprintf(path, sizeof(path), "%s/multi-user.target.wants/%s.service", folders[0], name_program());
    return fits && add_own(roots, path);
}

/* Whoever may write in it can put another key in the place of ours. What changes by itself own_state() names.
 */
static bool
add_state(struct fs_roots *roots, const char *dir)
{
    char plain[PATH_MAX], target[PATH_MAX];

    if (!make_plain(dir, plain)) {
        return true;
    }
    const char *real = !is_silent(plain) && realpath(plain, target) != NULL ? target : plain;

    return add_own(roots, plain) && add_own(roots, real) && keep(roots, &roots->state_dir, real);
}

static bool
add_own_of(struct fs_roots *roots, const struct baseline *base)
{
    static struct baseline_iter it;
    struct baseline_entry e;
    enum baseline_step step;
    char path[PATH_MAX];

    baseline_seek(&it, base, (const uint8_t *)"/", 1);
    while ((step = baseline_next_own(&it, &e)) != BASELINE_END) {
        if (step == BASELINE_GAP || e.path_len >= sizeof(path)) {
            continue;
        }
        memcpy(path, e.path, e.path_len);
        path[e.path_len] = '\0';
        bool program =
                e.type == BASELINE_REGULAR && (e.mode & 0111) != 0 && !fs_roots_courier(e.path, e.path_len);
        if (!(program ? add_programs(roots, path) : add_own(roots, path))) {
            return false;
        }
    }
    return true;
}

static int
order(const struct fs_span *a, const struct fs_span *b)
{
    return baseline_order(a->path, a->len, b->path, b->len);
}

void
fs_roots_sort(struct fs_roots *roots)
{
    unsigned kept = 0;

    for (unsigned i = 1; i < roots->count; i++) {
        struct fs_span moving = roots->root[i];
        unsigned at = i;

        while (at > 0 && order(&roots->root[at - 1], &moving) > 0) {
            roots->root[at] = roots->root[at - 1];
            at--;
        }
        roots->root[at] = moving;
    }
    for (unsigned i = 0; i < roots->count; i++) {
        struct fs_span *last = kept > 0 ? &roots->root[kept - 1] : NULL;

        if (last == NULL || !baseline_under(roots->root[i].path, roots->root[i].len, last->path, last->len)) {
            roots->root[kept++] = roots->root[i];
        }
    }
    roots->count = kept;
}

bool
fs_roots_init(struct fs_roots *roots, const struct conf *conf, const struct baseline *base)
{
    bool fits = true;

    roots->count = roots->own_count = roots->rules.count = 0;
    roots->used = 0;
    roots->state_dir.len = 0;
    for (unsigned i = 0; i < conf->watches; i++) {
        fits = fits && add_watch(roots, &conf->watch[i]);
    }
    fits = fits && add_own(roots, conf->config_path) && add_running(roots) && add_units(roots) &&
           add_state(roots, conf->state_dir);
    if (base != NULL && baseline_loaded(base)) {
        fits = fits && add_own_of(roots, base);
    }
    for (unsigned i = 0; i < conf->ignores; i++) {
        fits = fits && add_ignore(roots, conf->ignore[i]);
    }
    fs_roots_sort(roots);
    return fits;
}

/* What the agent and its commands write in it. */
static bool
own_state(const struct fs_roots *roots, const uint8_t *path, size_t len)
{
    static const char *const names[] = { BASELINE_FILE, "session", "ctl", "courier/spool.", "courier/address",
        "courier.new", "courier.old" };
    const struct fs_span *dir = &roots->state_dir;

    if (dir->len == 0 || len <= dir->len + 1 || !baseline_under(path, len, dir->path, dir->len)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);

        if (len - dir->len - 1 >= n && memcmp(path + dir->len + 1, names[i], n) == 0) {
            return true;
        }
    }
    return false;
}

static struct fs_match
without_state(const struct fs_roots *roots, const uint8_t *path, size_t len, struct fs_match m)
{
    return own_state(roots, path, len) ? (struct fs_match){ .rule = NULL } : m;
}

struct fs_match
fs_roots_find(const struct fs_roots *roots, const uint8_t *path, size_t len)
{
    return without_state(roots, path, len, fs_rules_find(&roots->rules, path, len));
}

struct fs_match
fs_roots_next(const struct fs_roots *roots, struct fs_rules_cursor *c, const uint8_t *path, size_t len)
{
    return without_state(roots, path, len, fs_rules_next(&roots->rules, c, path, len));
}

bool
fs_roots_hold(const struct fs_roots *roots, const uint8_t *path, size_t len)
{
    return fs_roots_find(roots, path, len).rule != NULL;
}

bool
fs_roots_below(const struct fs_roots *roots, const uint8_t *path, size_t len)
{
    return fs_roots_find(roots, path, len).below;
}

bool
fs_rule_is_for(const struct fs_rule *rule, int fd)
{
    struct statfs fs;

    if (rule->fs == 0) {
        return true;
    }
    if (fstatfs(fd, &fs) < 0) {
        return false;
    }
    for (unsigned bit = 0; conf_fs_name(bit) != NULL; bit++) {
        if ((rule->fs >> bit & 1) != 0 && conf_fs_type(bit) == (uint32_t)fs.f_type) {
            return true;
        }
    }
    return false;
}

bool
fs_roots_reach(const struct fs_match *match, int dir_fd, const uint8_t *path, size_t len)
{
    struct stat here, top;

    if (!fs_rule_is_for(match->rule, dir_fd)) {
        return false;
    }
    if (!match->rule->one_fs || match->at >= len) {
        return true;
    }
    int fd = fs_open_dir(path, match->at > 0 ? match->at : 1);
    bool same = fd >= 0 && fstat(fd, &top) == 0 && fstat(dir_fd, &here) == 0 && top.st_dev == here.st_dev;

    if (fd >= 0) {
        close(fd);
    }
    return same;
}

bool
fs_roots_care(const struct fs_roots *roots, const uint8_t *dir, size_t len)
{
    struct fs_match m = fs_roots_find(roots, dir, len);

    return m.rule != NULL || m.below || baseline_under(roots->state_dir.path, roots->state_dir.len, dir, len);
}

bool
fs_roots_is_baseline(const struct fs_roots *roots, const uint8_t *path, size_t len)
{
    const struct fs_span *dir = &roots->state_dir;
    size_t name = sizeof(BASELINE_FILE) - 1;

    return dir->len > 0 && len == dir->len + 1 + name && baseline_under(path, len, dir->path, dir->len) &&
           memcmp(path + dir->len + 1, BASELINE_FILE, name) == 0;
}

bool
fs_roots_own(const struct fs_roots *roots, const uint8_t *path, size_t len)
{
    for (unsigned i = 0; i < roots->own_count; i++) {
        if (roots->own[i].len == len && memcmp(roots->own[i].path, path, len) == 0) {
            return true;
        }
    }
    return false;
}

bool
fs_roots_courier(const uint8_t *path, size_t len)
{
    const char *name = name_courier();
    size_t n = strlen(name);

    return len > n && path[len - n - 1] == '/' && memcmp(path + len - n, name, n) == 0;
}

void
fs_roots_none(struct fs_roots *out, const struct fs_roots *roots)
{
    *out = *roots;
    out->count = 0;
}

static void
select_plain(const struct fs_roots *roots, const char *plain, struct fs_roots *out)
{
    const uint8_t *path = (const uint8_t *)plain;
    size_t len = strlen(plain);

    struct fs_match m = fs_roots_find(roots, path, len);
    unsigned before = out->count;

    if (m.rule != NULL) {
        add_plain(out, plain);
        return;
    }
    for (unsigned i = 0; i < roots->count && out->count < FS_ROOTS; i++) {
        if (baseline_under(roots->root[i].path, roots->root[i].len, path, len)) {
            out->root[out->count++] = roots->root[i];
        }
    }
    if (out->count == before && m.below) {
        add_plain(out, plain);
    }
}

unsigned
fs_roots_select(const struct fs_roots *roots, const char *path, struct fs_roots *out)
{
    char plain[PATH_MAX], target[PATH_MAX];
    unsigned before = out->count;
    struct stat st;

    if (!make_plain(path, plain)) {
        return 0;
    }
    select_plain(roots, plain, out);
    if (!is_silent(plain) && lstat(plain, &st) == 0 && S_ISLNK(st.st_mode) &&
            realpath(plain, target) != NULL) {
        select_plain(roots, target, out);
    }
    return out->count - before;
}
