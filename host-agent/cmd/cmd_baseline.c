/*
 * baseline build [--force] | show [PATH...] | diff [PATH...] | accept [--dry-run] PATH... |
 * export [FILE] | import FILE [--force]
 *
 * Each is a walk through the guarded trees, the baseline, or both at once in the same order.
 */
#include "cmd/accept.h"
#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "conf/plural.h"
#include "conf/utc.h"
#include "watch/baseline.h"
#include "watch/baseline_text.h"
#include "watch/fs_finding.h"
#include "watch/fs_pass.h"
#include "watch/fs_remote.h"
#include "watch/fs_roots.h"
#include "watch/fs_walk.h"
#include "wire/base32.h"
#include "wire/escape.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIGEST_COLUMNS 12 /* its first six are what a finding shows */

static struct conf conf;
static struct fs_roots roots;
static struct fs_roots chosen; /* what the arguments name */
static struct fs_walk walk;
static struct fs_pass pass;
static struct fs_workers workers;
static struct baseline base;
static struct baseline_iter iter;
static struct baseline_writer writer;
static char path_of_baseline[CONF_PATH + sizeof(BASELINE_FILE)];

static struct {
    bool json;
    bool writing;
    unsigned jobs;
    bool dry;          /* nothing is written after all */
    accept_fn *decide; /* NULL: every difference is taken */
    void *decide_to;
    uint64_t printed;
    uint64_t by_type[BASELINE_TYPES];
    uint64_t unreadable;
    uint64_t unstable;
    uint64_t bytes;
    uint64_t entries;
    unsigned skipped;
    bool unlooked;       /* something was left out, as no look at it was possible: */
    size_t unlisted_len; /* the first of that which is no mount; 0: none */
    uint8_t unlisted[BASELINE_PATH_MAX];
    uint64_t unknown; /* entries where the baseline is damaged */
    struct baseline_error damage;
    int64_t began_ms;
} job;

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- printing ---- */

static const char *
shown(const void *src, size_t len)
{
    static char text[WIRE_ESCAPE_WORST * BASELINE_PATH_MAX + 1];

    wire_escape(text, sizeof(text), src, len, WIRE_ESCAPE_TEXT);
    return text;
}

static const char *
shown_str(const char *s)
{
    return shown(s, strlen(s));
}

static void
print_hex(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        printf("%02x", bytes[i]);
    }
}

/* Between two objects of a list. */
static void
print_next(void)
{
    printf("%s\n  ", job.printed++ > 0 ? "," : "");
}

static void
print_entry_json(const struct baseline_entry *e)
{
    print_next();
    printf("{\"path\": ");
    cmd_json_escaped(shown(e->path, e->path_len));
    printf(", \"type\": \"%s\", \"mode\": \"%04o\", \"uid\": %u, \"gid\": %u", baseline_type_name(e->type),
            e->mode, e->uid, e->gid);
    if (e->type == BASELINE_CHAR || e->type == BASELINE_BLOCK) {
        printf(", \"device\": \"%" PRIu64 ":%" PRIu64 "\"", e->size >> 32, e->size & UINT32_MAX);
    } else if (e->type == BASELINE_REGULAR) {
        printf(", \"size\": %" PRIu64, e->size);
    }
    printf(", \"links\": %u, \"inode\": %" PRIu64 ", \"mtime_ns\": %" PRId64 ", \"ctime_ns\": %" PRId64,
            e->nlink, e->ino, e->mtime_ns, e->ctime_ns);
    printf(", \"flags\": \"%x\"", e->flags);
    if (e->state != BASELINE_READ) {
        printf(", \"state\": \"%s\"", baseline_state_name(e->state));
    }
    if (e->type == BASELINE_LINK) {
        printf(", \"target\": ");
        cmd_json_escaped(shown(e->link, e->link_len));
    }
    if (baseline_has_digest(e)) {
        printf(", \"blake3\": \"");
        print_hex(e->digest, sizeof(e->digest));
        putchar('"');
    }
    putchar('}');
}

static void
print_entry_row(const struct baseline_entry *e)
{
    char digest[DIGEST_COLUMNS + 1] = "-", owner[24], size[24] = "-";

    if (baseline_has_digest(e)) {
        wire_base32(e->digest, DIGEST_COLUMNS, digest);
        digest[DIGEST_COLUMNS] = '\0';
    } else if (e->state != BASELINE_READ) {
        snprintf(digest, sizeof(digest), "%s", baseline_state_name(e->state));
    }
    if (e->type == BASELINE_CHAR || e->type == BASELINE_BLOCK) {
        snprintf(size, sizeof(size), "%u:%u", (unsigned)(e->size >> 32), (unsigned)(e->size & UINT32_MAX));
    } else if (e->type == BASELINE_REGULAR) {
        snprintf(size, sizeof(size), "%" PRIu64, e->size);
    }
    snprintf(owner, sizeof(owner), "%u:%u", e->uid, e->gid);
    printf("%-6s %04o %-11s %10s %-12s %s", baseline_type_name(e->type), e->mode, owner, size, digest,
            shown(e->path, e->path_len));
    if (e->type == BASELINE_LINK) {
        printf(" -> %s", shown(e->link, e->link_len));
    }
    putchar('\n');
}

static void
print_token(void *to, const char *key, const char *value)
{
    unsigned *count = to;

    if (job.json) {
        printf("%s\"%s\": ", (*count)++ > 0 ? ", " : "", key);
        cmd_json_escaped(value);
    } else {
        printf(" %s=%s", key, value);
    }
}

static void
print_difference(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    static const char *const words[] = { "same", "changed", "added", "gone" };
    const struct baseline_entry *e = now != NULL ? now : was;
    unsigned tokens = 0;

    if (!job.json) {
        printf("%-7s %s", words[verdict], shown(e->path, e->path_len));
        fs_tokens(verdict, was, now, differs, print_token, &tokens);
        putchar('\n');
        job.printed++;
        return;
    }
    print_next();
    printf("{\"path\": ");
    cmd_json_escaped(shown(e->path, e->path_len));
    printf(", \"what\": \"%s\", \"detail\": {", words[verdict]);
    fs_tokens(verdict, was, now, differs, print_token, &tokens);
    printf("}}");
}

/* ---- the walk ---- */

static void
told(void *unused, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs)
{
    const struct baseline_entry *kept = now;

    (void)unused;
    if (now != NULL) {
        job.by_type[now->type]++;
        job.unreadable += now->state == BASELINE_UNREADABLE;
        job.unstable += now->state == BASELINE_UNSTABLE;
    }
    if (verdict == FS_UNLOOKED) {
        kept = was;
    } else if (verdict != FS_SAME && job.decide != NULL) {
        kept = job.decide(job.decide_to, verdict, was, now, differs) ? now : was;
    } else if (verdict != FS_SAME && baseline_loaded(&base)) {
        cmd_progress_clear();
        print_difference(verdict, was, now, differs);
    }
    if (job.writing && kept != NULL) {
        baseline_write_entry(&writer, kept);
    }
}

static void
go_through(const struct fs_span *top, unsigned tops)
{
    pass.base = &base;
    pass.roots = &roots;
    pass.walk = &walk;
    pass.read_all = job.writing;
    pass.told = told;
    pass.workers = &workers;
    fs_pass_begin(&pass, top, tops);
    while (fs_pass_step(&pass) != FS_PASS_OVER) {
        cmd_progress(job.entries + pass.looked, base.count, job.bytes + pass.bytes);
    }
    cmd_progress_clear();
    job.bytes += pass.bytes;
    job.entries += pass.looked;
    job.skipped += pass.skipped;
    job.unlooked = job.unlooked || pass.unlooked;
    if (job.unlisted_len == 0) {
        memcpy(job.unlisted, pass.unlisted, pass.unlisted_len);
        job.unlisted_len = pass.unlisted_len;
    }
    if (pass.unknown > 0 || pass.damage.text[0] != '\0') {
        job.unknown += pass.unknown;
        job.damage = pass.damage;
    }
}

/* ---- what all have in common ---- */

static int
refuse(const struct baseline_error *error)
{
    cmd_progress_clear();
    return cmd_error("%s: %s", shown_str(path_of_baseline), error->text);
}

/* Loads the baseline and verifies all of it: a command does not begin what it cannot finish. */
static bool
load(void)
{
    struct baseline_error error;

    if (baseline_load(&base, path_of_baseline, &error) < 0) {
        refuse(&error);
        return false;
    }
    for (uint32_t i = 0; i < base.blocks; i++) {
        if (!baseline_verify(&base, i, &error)) {
            refuse(&error);
            return false;
        }
    }
    return true;
}

static bool
begin(const struct cmd *cmd, bool with_baseline)
{
    job.json = cmd->json;
    job.began_ms = now_ms();
    job.jobs = cmd->jobs > 0 ? cmd->jobs : fs_workers_cores();
    if (!cmd_conf(cmd, &conf)) {
        return false;
    }
    if (!conf_state_path(&conf, BASELINE_FILE, path_of_baseline, sizeof(path_of_baseline))) {
        cmd_error("the path of the state directory is too long");
        return false;
    }
    if (with_baseline && !load()) {
        return false;
    }
    fs_remote_look();
    if (fs_walk_map(&walk, FS_WALK_ARENA) < 0 || fs_workers_start(&workers, job.jobs - 1, false) < 0 ||
            !fs_roots_init(&roots, &conf, &base)) {
        cmd_error("too little memory for what the configuration watches");
        return false;
    }
    return true;
}

/* Fills `chosen` from the arguments; without any it is all. */
static bool
choose(const struct cmd *cmd)
{
    fs_roots_none(&chosen, &roots);
    for (int i = 1; i < cmd->argc; i++) {
        if (fs_roots_select(&roots, cmd->argv[i], &chosen) == 0) {
            cmd_error("%s: not watched", shown_str(cmd->argv[i]));
            return false;
        }
    }
    if (cmd->argc > 1) {
        fs_roots_sort(&chosen);
    } else {
        chosen = roots;
    }
    return true;
}

static void
print_root(const uint8_t *root)
{
    if (job.json) {
        printf("\"root\": \"");
        print_hex(root, WIRE_HASH_SIZE);
        putchar('"');
    } else {
        char text[DIGEST_COLUMNS + 1];

        wire_base32(root, DIGEST_COLUMNS, text);
        text[DIGEST_COLUMNS] = '\0';
        printf("root %s\n", text);
    }
}

/* Where no look was possible, and what comes of that. */
static void
print_unlooked(const char *so)
{
    if (job.unlisted_len > 0) {
        cmd_error("%s: cannot be listed; what is at and below it %s", shown(job.unlisted, job.unlisted_len),
                so);
    }
    for (unsigned i = 0; fs_remote_at(i) != NULL; i++) {
        cmd_error("%s: this mount does not answer; what is on it %s", cmd_text(fs_remote_at(i)), so);
    }
}

/* What could not be taken in as it should be. */
static void
print_shortfalls(void)
{
    if (job.unreadable > 0) {
        cmd_error("%" PRIu64 " entr%s could not be read: kept as unreadable", job.unreadable,
                plural_ies(job.unreadable));
    }
    if (job.unstable > 0) {
        cmd_error("%" PRIu64 " file%s kept changing while being read: told until accepted again",
                job.unstable, plural_s(job.unstable));
    }
    print_unlooked(baseline_loaded(&base) ? "stays as the baseline has it" : "is not in the baseline");
    if (job.skipped > 0) {
        cmd_error("%u path%s: too long; not in the baseline", job.skipped, plural_s(job.skipped));
    }
}

/* ---- build ---- */

static void
print_built(const uint8_t *root)
{
    double seconds = (double)(now_ms() - job.began_ms) / 1000;
    uint64_t others = job.entries - job.by_type[BASELINE_REGULAR] - job.by_type[BASELINE_DIR] -
                      job.by_type[BASELINE_LINK];

    if (job.json) {
        printf("{\"baseline\": ");
        cmd_json_escaped(shown_str(path_of_baseline));
        printf(", \"entries\": %" PRIu64 ", \"files\": %" PRIu64 ", \"directories\": %" PRIu64
               ", \"links\": %" PRIu64 ", \"others\": %" PRIu64 ", \"unreadable\": %" PRIu64
               ", \"unstable\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"seconds\": %.3f, ",
                job.entries, job.by_type[BASELINE_REGULAR], job.by_type[BASELINE_DIR],
                job.by_type[BASELINE_LINK], others, job.unreadable, job.unstable, job.bytes, seconds);
        print_root(root);
        printf("}\n");
        return;
    }
    printf("%s: %" PRIu64 " file%s, %" PRIu64 " director%s, %" PRIu64 " link%s, %" PRIu64 " other%s; %" PRIu64
           " MB read in %.2f s\n",
            shown_str(path_of_baseline), job.by_type[BASELINE_REGULAR],
            plural_s(job.by_type[BASELINE_REGULAR]), job.by_type[BASELINE_DIR],
            plural_ies(job.by_type[BASELINE_DIR]), job.by_type[BASELINE_LINK],
            plural_s(job.by_type[BASELINE_LINK]), others, plural_s(others), job.bytes / 1000000, seconds);
    print_root(root);
}

static bool
write_begin(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    job.writing = true;
    int code = baseline_write_begin(&writer, conf.state_dir, conf.host, (uint64_t)now.tv_sec);
    if (code < 0) {
        cmd_error("%s: cannot be written: %s", shown_str(path_of_baseline), strerror(-code));
    }
    return code == 0;
}

static bool
write_end(uint8_t *root)
{
    int code = baseline_write_end(&writer, root);

    cmd_progress_clear();
    if (code < 0) {
        cmd_error("%s: not written, what was there is unchanged: %s", shown_str(path_of_baseline),
                strerror(-code));
    }
    return code == 0;
}

/* There is a place for a new baseline. */
static bool
may_write(bool force)
{
    struct stat st;

    if (!force && lstat(path_of_baseline, &st) == 0) {
        cmd_error("%s exists; take changes in with `tocsin baseline accept`, or start anew with --force",
                shown_str(path_of_baseline));
        return false;
    }
    if (mkdir(conf.state_dir, 0700) < 0 && errno != EEXIST) {
        cmd_error("%s: cannot be created: %s", shown_str(conf.state_dir), strerror(errno));
        return false;
    }
    return true;
}

static int
build(const struct cmd *cmd)
{
    uint8_t root[WIRE_HASH_SIZE];
    bool force = cmd->argc == 2 && strcmp(cmd->argv[1], "--force") == 0;

    if (cmd->argc > 1 && !force) {
        return cmd_error("baseline build: %s: only --force is known", shown_str(cmd->argv[1]));
    }
    if (!begin(cmd, false)) {
        return CMD_ERROR;
    }
    if (!may_write(force)) {
        return CMD_ERROR;
    }
    if (!write_begin()) {
        return CMD_ERROR;
    }
    go_through(roots.root, roots.count);
    if (!write_end(root)) {
        return CMD_ERROR;
    }
    print_built(root);
    print_shortfalls();
    return CMD_CLEAN;
}

/* ---- show ---- */

static void
print_head(void)
{
    char when[UTC_TEXT];

    utc_text_long((int64_t)base.created_s, when);
    double each = base.count > 0 ? (double)base.size / (double)base.count : 0;
    if (job.json) {
        printf("{\"baseline\": ");
        cmd_json_escaped(shown_str(path_of_baseline));
        printf(", \"created\": \"%s\", \"host\": ", when);
        cmd_json_escaped(shown_str(base.host));
        printf(", \"bytes\": %" PRIu64 ", ", base.size);
        print_root(base.root);
        printf(", \"entries\": [");
    } else {
        printf("%s: %" PRIu64 " entr%s of %.1f bytes, made %s on %s\n", shown_str(path_of_baseline),
                base.count, plural_ies(base.count), each, when,
                base.host[0] != '\0' ? cmd_text(base.host) : "?");
        print_root(base.root);
    }
}

/* Exit status. */
static int
show_entries(const struct fs_span *top)
{
    struct baseline_entry e;
    enum baseline_step step;

    baseline_seek(&iter, &base, top->path, top->len);
    while ((step = baseline_next(&iter, &e)) == BASELINE_ENTRY &&
            baseline_under(e.path, e.path_len, top->path, top->len)) {
        if (job.json) {
            print_entry_json(&e);
        } else {
            print_entry_row(&e);
        }
    }
    return step == BASELINE_GAP ? refuse(&iter.gap.error) : CMD_CLEAN;
}

static int
show(const struct cmd *cmd)
{
    int code = CMD_CLEAN;

    if (!begin(cmd, true) || !choose(cmd)) {
        return CMD_ERROR;
    }
    print_head();
    for (unsigned i = 0; i < chosen.count && code == CMD_CLEAN; i++) {
        code = show_entries(&chosen.root[i]);
    }
    printf("%s", job.json ? "\n]}\n" : "");
    return code;
}

/* ---- diff ---- */

static int
diff(const struct cmd *cmd)
{
    if (!begin(cmd, true) || !choose(cmd)) {
        return CMD_ERROR;
    }
    if (job.json) {
        printf("{\"differences\": [");
    }
    go_through(chosen.root, chosen.count);
    if (job.json) {
        printf("\n]}\n");
    } else {
        printf("%" PRIu64 " difference%s in %" PRIu64 " entr%s\n", job.printed, plural_s(job.printed),
                job.entries, plural_ies(job.entries));
    }
    if (job.damage.text[0] != '\0') {
        refuse(&job.damage);
        return cmd_error("%" PRIu64 " entr%s could not be compared", job.unknown, plural_ies(job.unknown));
    }
    if (job.unlooked) {
        print_unlooked("is not compared");
        return CMD_ERROR;
    }
    return job.printed > 0 ? CMD_FINDINGS : CMD_CLEAN;
}

/* ---- accept ---- */

/* Entries that stay as they are, up to the first that is not before `end` in tree order; NULL: all. */
static void
keep_until(const struct fs_span *end)
{
    struct baseline_entry e;
    enum baseline_step step;

    while ((step = baseline_peek(&iter, &e)) == BASELINE_ENTRY &&
            (end == NULL || baseline_order(e.path, e.path_len, end->path, end->len) < 0)) {
        baseline_write_entry(&writer, &e);
        baseline_next(&iter, &e);
    }
    if (step == BASELINE_GAP) {
        job.damage = iter.gap.error;
    }
}

static void
skip_under(const struct fs_span *top)
{
    struct baseline_entry e;

    while (baseline_peek(&iter, &e) == BASELINE_ENTRY &&
            baseline_under(e.path, e.path_len, top->path, top->len)) {
        baseline_next(&iter, &e);
    }
}

static int
accept_end(bool took)
{
    uint8_t root[WIRE_HASH_SIZE];
    bool whole = job.damage.text[0] == '\0';

    if (!took || !whole) {
        baseline_write_abort(&writer);
        cmd_progress_clear();
        memcpy(root, base.root, sizeof(root));
    }
    if (!whole) {
        refuse(&job.damage);
    }
    if (!whole || (took && !write_end(root))) {
        printf("%s", job.json ? "\n], \"written\": false}\n" : "");
        return CMD_ERROR;
    }
    if (job.json) {
        printf("\n], \"written\": %s, ", took ? "true" : "false");
        print_root(root);
        printf("}\n");
    } else {
        printf("%" PRIu64 " difference%s %s\n", job.printed, plural_s(job.printed),
                job.dry ? "to accept" : "accepted");
        print_root(root);
    }
    print_shortfalls();
    return CMD_CLEAN;
}

/* All of the baseline, with what is under the chosen tops as it is now. */
static void
accept_chosen(void)
{
    baseline_seek(&iter, &base, (const uint8_t *)"/", 1);
    for (unsigned i = 0; i < chosen.count; i++) {
        keep_until(&chosen.root[i]);
        go_through(&chosen.root[i], 1);
        skip_under(&chosen.root[i]);
    }
    keep_until(NULL);
}

static int
accept_paths(const struct cmd *cmd)
{
    struct cmd paths = *cmd;

    if (cmd->argc > 1 && strcmp(cmd->argv[1], "--dry-run") == 0) {
        job.dry = true;
        paths.argc--;
        paths.argv++;
    }
    if (paths.argc < 2) {
        return cmd_error("baseline accept: which paths? (/ for all)");
    }
    if (!begin(cmd, true) || !choose(&paths) || !write_begin()) {
        return CMD_ERROR;
    }
    if (job.json) {
        printf("{\"accepted\": [");
    }
    accept_chosen();
    return accept_end(job.printed > 0 && !job.dry);
}

bool
accept_walk(const struct cmd *cmd, accept_fn *decide, void *to)
{
    if (!begin(cmd, true) || !write_begin()) {
        return false;
    }
    chosen = roots;
    job.decide = decide;
    job.decide_to = to;
    accept_chosen();
    cmd_progress_clear();
    return true;
}

bool
accept_write(bool write, uint8_t out[WIRE_HASH_SIZE])
{
    bool whole = job.damage.text[0] == '\0';

    if (!write || !whole) {
        baseline_write_abort(&writer);
        memcpy(out, base.root, WIRE_HASH_SIZE);
    }
    if (!whole) {
        refuse(&job.damage);
    }
    if (!whole || (write && !write_end(out))) {
        return false;
    }
    print_shortfalls();
    return true;
}

struct tokens_text {
    char *out;
    size_t size;
    size_t used;
};

static void
append_token(void *to, const char *key, const char *value)
{
    struct tokens_text *t = to;
    int n = snprintf(t->out + t->used, t->size - t->used, " %s=%s", key, value);

    if (n < 0 || (size_t)n >= t->size - t->used) {
        t->out[t->used] = '\0';
        return;
    }
    t->used += (size_t)n;
}

void
accept_tokens(char *out, size_t size, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs)
{
    struct tokens_text t = { .out = out, .size = size };

    out[0] = '\0';
    fs_tokens(verdict, was, now, differs, append_token, &t);
}

/* ---- export, import ---- */

/* Empties it only when it is not the baseline itself, which is still to be read. -errno otherwise. */
static int
open_export(const char *name)
{
    struct stat st;
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0) {
        return -errno;
    }
    int error = fstat(fd, &st) < 0 ? -errno : 0;
    if (error == 0 && (uint64_t)st.st_dev == base.dev && (uint64_t)st.st_ino == base.ino) {
        error = -EEXIST;
    }
    if (error == 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0) {
        error = -errno;
    }
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

static int
export_text(const struct cmd *cmd)
{
    const char *name = cmd->argc > 1 ? cmd->argv[1] : "-";
    bool named = strcmp(name, "-") != 0;
    struct baseline_error error;

    if (cmd->argc > 2) {
        return cmd_error("baseline export: one FILE, or none for standard output");
    }
    if (!begin(cmd, true)) {
        return CMD_ERROR;
    }
    int fd = named ? open_export(name) : STDOUT_FILENO;
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL) {
        return cmd_error("%s: cannot be written: %s", shown_str(name), strerror(fd < 0 ? -fd : errno));
    }
    int code = baseline_export(&base, out, &error);
    if (fclose(out) != 0 && code == 0) {
        snprintf(error.text, sizeof(error.text), "writing: %s", strerror(errno));
        code = -EIO;
    }
    if (code < 0) {
        return cmd_error("%s: not whole: %s", named ? shown_str(name) : "standard output", error.text);
    }
    return CMD_CLEAN;
}

static int
import_text(const struct cmd *cmd)
{
    const char *name = cmd->argc > 1 ? cmd->argv[1] : NULL;
    bool force = cmd->argc == 3 && strcmp(cmd->argv[2], "--force") == 0;
    struct baseline_error error;
    uint8_t root[WIRE_HASH_SIZE];

    if (name == NULL || (cmd->argc > 2 && !force)) {
        return cmd_error(
                "baseline import: one FILE (- for standard input), and --force to replace a baseline");
    }
    if (!begin(cmd, false) || !may_write(force)) {
        return CMD_ERROR;
    }
    FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (in == NULL) {
        return cmd_error("%s: cannot be read: %s", shown_str(name), strerror(errno));
    }
    int code = baseline_import(in, conf.state_dir, root, &error);
    fclose(in);
    if (code < 0) {
        return cmd_error("%s: %s", shown_str(name), error.text);
    }
    printf("%s", job.json ? "{" : "");
    print_root(root);
    printf("%s", job.json ? "}\n" : "");
    return CMD_CLEAN;
}

int
cmd_baseline(const struct cmd *cmd)
{
    static const struct {
        const char *name;
        int (*run)(const struct cmd *cmd);
    } table[] = { { "build", build }, { "show", show }, { "diff", diff }, { "accept", accept_paths },
        { "export", export_text }, { "import", import_text } };

    for (size_t i = 0; cmd->argc > 0 && i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(cmd->argv[0], table[i].name) == 0) {
            return table[i].run(cmd);
        }
    }
    return cmd_error("baseline: build, show, diff, accept, export or import is wanted");
}
