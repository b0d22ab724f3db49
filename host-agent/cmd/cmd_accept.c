/*
 * accept PATH... | --packages [--dry-run] [--root DIR]
 *
 * With --packages one walk holds disk, baseline and dpkg's records against each other.
 */
#include "alarm/fold.h"
#include "cmd/accept.h"
#include "cmd/cmd.h"
#include "conf/plural.h"
#include "watch/packages_judge.h"
#include "wire/base32.h"
#include "wire/escape.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ROOT_COLUMNS 12
#define TOKENS 2048
#define SHOWN 40                      /* differences that are shown one a line; more are put together */
#define REST_MAX 65535                /* that can be put together */
#define REST_TEXT ((size_t)256 << 20) /* address space only, until it is used */

/* What dpkg does not explain. */
struct rest {
    const char *path; /* escaped */
    const char *text; /* "changed", tokens and why */
    enum fs_verdict verdict;
};

static struct packages_index ix;

static struct {
    const char *root;
    bool dry_run;
    bool json;
    uint32_t *files; /* explained, of each package */
    uint64_t explained;
    uint64_t gone; /* of those, in no package any more */
    uint64_t unexplained;
    unsigned rests;
    struct rest rest[REST_MAX];
    char *text;
    size_t used;
} job;

static const char *const words[] = { "same", "changed", "added", "gone" };

/* ---- while it walks ---- */

/* A string in the text, NULL when it is full. */
static const char *
keep(const char *format, const char *a, const char *b)
{
    char *out = job.text + job.used;
    int n = snprintf(out, REST_TEXT - job.used, format, a, b);

    if (n < 0 || (size_t)n >= REST_TEXT - job.used) {
        return NULL;
    }
    job.used += (size_t)n + 1;
    return out;
}

static const char *
shown(const struct baseline_entry *e)
{
    static char text[WIRE_ESCAPE_WORST * BASELINE_PATH_MAX + 1];

    wire_escape(text, sizeof(text), e->path, e->path_len, WIRE_ESCAPE_TEXT);
    return text;
}

static void
note_rest(const struct baseline_entry *e, enum fs_verdict verdict, const char *tokens, enum packages_why why)
{
    char text[TOKENS + 64];

    job.unexplained++;
    if (job.rests == REST_MAX) {
        return;
    }
    snprintf(text, sizeof(text), "%s (%s)", tokens, packages_why_text(why));
    const char *path = keep("%s%s", shown(e), "");
    const char *kept = keep("%s%s", text, "");
    if (path != NULL && kept != NULL) {
        job.rest[job.rests++] = (struct rest){ .path = path, .text = kept, .verdict = verdict };
    }
}

static bool
decide(void *to, enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    const struct packages_slot *slot;
    enum packages_why why = packages_judge(&ix, job.root, verdict, was, now, differs, &slot);
    char tokens[TOKENS];

    (void)to;
    if (why != PACKAGES_EXPLAINED) {
        accept_tokens(tokens, sizeof(tokens), verdict, was, now, differs);
        note_rest(now != NULL ? now : was, verdict, tokens, why);
        return false;
    }
    job.explained++;
    if (slot != NULL) {
        job.files[slot->package - 1]++;
    } else {
        job.gone++;
    }
    return true;
}

/* ---- what came of it ---- */

static void
print_packages(void)
{
    bool first = true;

    for (size_t i = 0; i < ix.owners; i++) {
        if (job.files[i] == 0) {
            continue;
        }
        if (job.json) {
            printf("%s\n  {\"name\": \"%s\", \"version\": \"%s\", \"files\": %" PRIu32 "}", first ? "" : ",",
                    ix.owner[i].name, ix.owner[i].version, job.files[i]);
        } else {
            printf("%s %s: %" PRIu32 " file%s\n", ix.owner[i].name, ix.owner[i].version, job.files[i],
                    plural_s(job.files[i]));
        }
        first = false;
    }
    if (job.gone > 0 && !job.json) {
        printf("gone, and in no package: %" PRIu64 "\n", job.gone);
    }
}

static void
print_group(const struct fold_group *group, const struct fold_item *item, const uint16_t *order)
{
    const struct rest *first = &job.rest[order[group->first]];
    unsigned count[sizeof(words) / sizeof(words[0])] = { 0 };

    if (group->count == 1) {
        printf("%-7s %s%s\n", words[first->verdict], first->path, first->text);
        return;
    }
    for (unsigned i = 0; i < group->count; i++) {
        count[job.rest[order[group->first + i]].verdict]++;
    }
    printf("%u under %.*s/: %u changed, %u added, %u gone\n", group->count, group->dir_len,
            item[order[group->first]].path, count[FS_CHANGED], count[FS_ADDED], count[FS_GONE]);
}

/* One a line while they are few, else by directory. */
static void
print_rest(void)
{
    static struct fold_item item[REST_MAX];
    static uint16_t order[REST_MAX];
    static struct fold_group group[REST_MAX];

    for (unsigned i = 0; i < job.rests; i++) {
        size_t len = strlen(job.rest[i].path);

        item[i].path = job.rest[i].path;
        item[i].len = (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX);
        if (job.rests <= SHOWN) {
            printf("%-7s %s%s\n", words[job.rest[i].verdict], job.rest[i].path, job.rest[i].text);
        }
    }
    if (job.rests > SHOWN) {
        unsigned groups = fold_groups(item, job.rests, SHOWN, order, group);

        for (unsigned i = 0; i < groups; i++) {
            print_group(&group[i], item, order);
        }
    }
    if (job.unexplained > job.rests) {
        printf("and %" PRIu64 " more\n", job.unexplained - job.rests);
    }
}

static void
print_rest_json(void)
{
    for (unsigned i = 0; i < job.rests; i++) {
        printf("%s\n  {\"path\": ", i > 0 ? "," : "");
        cmd_json_escaped(job.rest[i].path);
        printf(", \"what\": \"%s\", \"detail\": ", words[job.rest[i].verdict]);
        cmd_json_escaped(job.rest[i].text + strspn(job.rest[i].text, " "));
        putchar('}');
    }
}

static void
print_json(bool written, const uint8_t root[WIRE_HASH_SIZE])
{
    printf("{\"schema\": \"tocsin-accept-1\", \"packages\": [");
    print_packages();
    printf("], \"unexplained\": [");
    print_rest_json();
    printf("], \"explained_count\": %" PRIu64 ", \"unexplained_count\": %" PRIu64
           ", \"written\": %s, \"root\": \"",
            job.explained, job.unexplained, written ? "true" : "false");
    for (size_t i = 0; i < WIRE_HASH_SIZE; i++) {
        printf("%02x", root[i]);
    }
    printf("\"}\n");
}

static void
print_text(bool written, const uint8_t root[WIRE_HASH_SIZE])
{
    char text[ROOT_COLUMNS + 1];

    print_packages();
    print_rest();
    printf("%" PRIu64 " difference%s explained by dpkg%s, %" PRIu64 " not explained\n", job.explained,
            plural_s(job.explained), written ? " and accepted" : "", job.unexplained);
    wire_base32(root, ROOT_COLUMNS, text);
    text[ROOT_COLUMNS] = '\0';
    printf("root %s\n", text);
}

/* ---- the command ---- */

static bool
take_options(const struct cmd *cmd)
{
    job.root = "";
    job.json = cmd->json;
    for (int i = 0; i < cmd->argc; i++) {
        const char *arg = cmd->argv[i];

        if (strcmp(arg, "--dry-run") == 0) {
            job.dry_run = true;
        } else if (strcmp(arg, "--root") == 0 && i + 1 < cmd->argc && cmd->argv[i + 1][0] == '/') {
            job.root = cmd->argv[++i];
        } else if (strcmp(arg, "--packages") != 0) {
            cmd_error("accept --packages: %s: only --dry-run and --root DIR (absolute) are known",
                    cmd_text(arg));
            return false;
        }
    }
    if (strcmp(job.root, "/") == 0) {
        job.root = "";
    }
    return true;
}

static bool
read_packages(void)
{
    int code = packages_index_build(&ix, job.root);

    if (code < 0) {
        cmd_error("%s" PACKAGES_ADMIN ": the package manager's records: %s", cmd_text(job.root),
                strerror(-code));
        return false;
    }
    job.files = mmap(NULL, ix.owners * sizeof(*job.files) + 1, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    job.text =
            mmap(NULL, REST_TEXT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (job.files == MAP_FAILED || job.text == MAP_FAILED) {
        cmd_error("too little memory");
        return false;
    }
    return true;
}

static int
accept_packages(const struct cmd *cmd)
{
    uint8_t root[WIRE_HASH_SIZE];

    if (!take_options(cmd) || !read_packages() || !accept_walk(cmd, decide, NULL)) {
        return CMD_ERROR;
    }
    bool write = !job.dry_run && job.explained > 0;
    if (!accept_write(write, root)) {
        return CMD_ERROR;
    }
    if (job.json) {
        print_json(write, root);
    } else {
        print_text(write, root);
    }
    return job.unexplained > 0 ? CMD_FINDINGS : CMD_CLEAN;
}

int
cmd_accept(const struct cmd *cmd)
{
    struct cmd baseline = *cmd;

    for (int i = 0; i < cmd->argc; i++) {
        if (strcmp(cmd->argv[i], "--packages") == 0) {
            return accept_packages(cmd);
        }
    }
    /* The word before the arguments is this command's name, which is that of `baseline accept` too. */
    baseline.argc++;
    baseline.argv--;
    return cmd_baseline(&baseline);
}
