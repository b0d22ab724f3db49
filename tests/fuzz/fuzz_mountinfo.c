/*
 * Any text as mountinfo: what is read stays in its store, written anew it is read the same, and the way to
 * each mount ends at one that is on it.
 */
#include "watch/mounts_disk.h"
#include "watch/mounts_info.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_text(FILE *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == ' ' || *c == '\t' || *c == '\n' || *c == '\\') {
            fprintf(out, "\\%03o", (unsigned char)*c);
        } else {
            fputc(*c, out);
        }
    }
    fputc(' ', out);
}

static void
put_options(FILE *out, uint8_t options)
{
    fprintf(out, "%s%s%s%s%s", (options & MOUNT_RO) != 0 ? "ro" : "rw",
            (options & MOUNT_NOSUID) != 0 ? ",nosuid" : "", (options & MOUNT_NODEV) != 0 ? ",nodev" : "",
            (options & MOUNT_NOEXEC) != 0 ? ",noexec" : "",
            (options & MOUNT_EMERGENCY_RO) != 0 ? ",emergency_ro" : "");
}

static void
read_again(const struct mount_line *first)
{
    struct mount_line second;
    char *line = NULL;
    size_t len = 0;
    size_t used = 0;
    FILE *out = open_memstream(&line, &len);

    fprintf(out, "%u %u %u:%u ", first->id, first->parent, first->major, first->minor);
    put_text(out, first->root);
    put_text(out, first->point);
    put_options(out, first->options);
    fputs(" tag:1 - ", out);
    put_text(out, first->type);
    put_text(out, first->source);
    put_options(out, first->super_options);
    fclose(out);

    char *store = malloc(len);

    if (store == NULL || !mounts_line_parse(line, len, store, &used, &second) || used > len ||
            second.id != first->id || second.parent != first->parent || second.major != first->major ||
            second.minor != first->minor || second.options != first->options ||
            second.super_options != first->super_options || strcmp(second.root, first->root) != 0 ||
            strcmp(second.point, first->point) != 0 || strcmp(second.type, first->type) != 0 ||
            strcmp(second.source, first->source) != 0) {
        abort();
    }
    free(store);
    free(line);
}

/* A block of its own for each line, so that one byte too far is seen. */
static void
read_alone(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);
    char *store = malloc(size);
    struct mount_line line;
    size_t used = 0;

    if (exact == NULL || store == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (mounts_line_parse(exact, size, store, &used, &line)) {
        read_again(&line);
    }
    free(exact);
    free(store);
}

/* The target of a namespace's link. */
static void
read_space(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);
    char again[48];

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    uint64_t space = mounts_disk_space(exact, size);

    if (space != 0) {
        int n = snprintf(again, sizeof(again), "mnt:[%" PRIu64 "]", space);

        if (n <= 0 || mounts_disk_space(again, (size_t)n) != space) {
            abort();
        }
    }
    free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mounts_table table;

    if (size == 0) {
        return 0;
    }
    read_alone(data, size);
    read_space(data, size);
    mounts_table_read(&table, (const char *)data, size);
    for (unsigned i = 0; i < table.count && i < 64; i++) {
        const struct mount_line *at = mounts_table_at(&table, table.row[i].point);

        if (at != NULL && !mounts_path_below(table.row[i].point, at->point)) {
            abort();
        }
    }
    return 0;
}
