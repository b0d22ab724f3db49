#include "belfry/clock.h"
#include "belfry/ctl/bundle.h"
#include "belfry/ctl/commands.h"
#include "belfry/ledger/export.h"
#include "belfry/state.h"
#include "wire/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct maker {
    struct ledger *ledger;
    const char *name; /* the host's */
    uint32_t pairing; /* 0 until it is found */
    FILE *out;
    struct wire_hasher hash;
    struct wire_key key; /* of the session */
    uint64_t lines;
    uint64_t keyless; /* lines whose session has no key any more */
};

static void
put(struct maker *m, const char *format, ...)
{
    char text[BUNDLE_LINE];
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wire_hash_update(&m->hash, text, (size_t)n);
    (void)fwrite(text, 1, (size_t)n, m->out);
}

static void
find_host(void *to, const struct host_record *host)
{
    struct maker *m = to;

    if (strcmp(host->host, m->name) == 0) {
        m->pairing = host->pairing;
    }
}

static void
put_line(struct maker *m, const struct export_line *line)
{
    struct wire_key leaf;
    char hex[BUNDLE_HEX + 1];

    wire_tree_at(&m->key, (uint32_t)line->at.number, WIRE_TREE_DEPTH, &leaf);
    bundle_hex(leaf.bytes, hex);
    put(m, "line %s %lld %s\n", hex, (long long)line->seen_ms, line->bytes);
    wire_wipe(&leaf, sizeof leaf);
    m->lines++;
}

static int
put_lines(struct maker *m)
{
    struct export_place at = { .number = -1 };
    struct export_line line;
    bool begun = false;
    bool has_key = false;
    int r;

    while ((r = export_line_after(m->ledger, m->name, m->pairing, &at, &line)) == 0) {
        if (!begun || line.at.session != at.session || strcmp(line.at.nonce, at.nonce) != 0) {
            has_key = ledger_key_of(m->ledger, m->name, m->pairing, line.at.session, line.at.nonce, &m->key);
            if (has_key) {
                put(m, "session %u %s %u\n", line.at.session, line.at.nonce,
                        export_top(m->ledger, m->name, m->pairing, &line.at));
            }
        }
        begun = true;
        at = line.at;
        if (has_key) {
            put_line(m, &line);
        } else {
            m->keyless++;
        }
    }
    return r == LEDGER_E_NONE ? 0 : r;
}

/* 0 or LEDGER_E_*; `hex` gets the digest. */
static int
put_all(struct maker *m, const struct command *c, char hex[BUNDLE_HEX + 1])
{
    uint8_t digest[WIRE_HASH_SIZE];
    char by[CONF_NAME];
    int r;

    command_who(c, by);
    for (char *at = by; *at != '\0'; at++) {
        *at = *at == ' ' ? '_' : *at;
    }
    wire_hash_init(&m->hash);
    put(m, "belfry-bundle 1\nhost %s\nmade %lld %s\n", m->name, (long long)(clock_utc_us() / 1000), by);
    r = put_lines(m);
    wire_hash_final(&m->hash, digest);
    bundle_hex(digest, hex);
    (void)fprintf(m->out, "end %llu %s\n", (unsigned long long)m->lines, hex);
    return r;
}

static int
make_file(struct maker *m, const struct command *c)
{
    const char *path = c->argument[0];
    char hex[BUNDLE_HEX + 1];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r;

    if (fd < 0) {
        return command_error("%s: %s", command_shown(path), strerror(errno));
    }
    m->out = fdopen(fd, "w");
    if (m->out == NULL) {
        (void)close(fd);
        return command_error("%s: %s", command_shown(path), strerror(errno));
    }
    r = put_all(m, c, hex);
    if (r != 0) {
        r = command_error("%s", ledger_error(m->ledger));
    } else if (ferror(m->out) != 0 || fflush(m->out) != 0 || fsync(fd) != 0) {
        r = command_error("%s: %s", command_shown(path), strerror(errno));
    }
    if (fclose(m->out) != 0 && r == 0) {
        r = command_error("%s: %s", command_shown(path), strerror(errno));
    }
    if (r != 0) {
        (void)unlink(path);
        return r;
    }
    (void)printf("%llu lines of %s\ndigest %s\n", (unsigned long long)m->lines, m->name, hex);
    if (m->keyless > 0) {
        (void)printf("%llu lines are left out: the keys of their sessions are gone\n",
                (unsigned long long)m->keyless);
    }
    return m->keyless > 0 ? COMMAND_FINDINGS : COMMAND_WELL;
}

int
command_bundle(const struct command *c)
{
    struct maker m = { .name = c->bundle };
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    int r;

    if (!command_host_fits(c->bundle)) {
        return COMMAND_ERROR;
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, true, &m.ledger, error) != 0) {
        return command_error("%s", error);
    }
    r = ledger_hosts(m.ledger, clock_utc_us() / 1000, find_host, &m);
    if (r != 0) {
        r = command_error("%s", ledger_error(m.ledger));
    } else if (m.pairing == 0) {
        r = command_error("%s is not paired here", m.name);
    } else {
        r = make_file(&m, c);
    }
    ledger_close(m.ledger);
    wire_wipe(&m.key, sizeof m.key);
    return r;
}
