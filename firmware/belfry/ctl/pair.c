#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ledger/ledger.h"
#include "belfry/state.h"
#include "wire/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct secrets {
    uint8_t random[WIRE_PAIR_RANDOM];
    char code[WIRE_PAIR_TEXT + 1];
    char secret[WIRE_PAIR_CHARS];
    struct wire_key psk;
    struct wire_key root;
};

static bool
make(struct secrets *s, const char *host)
{
    size_t at;

    if (getrandom(s->random, sizeof s->random, 0) != (ssize_t)sizeof s->random) {
        return false;
    }
    wire_pair_make(s->random, s->code);
    if (wire_pair_parse(s->code, strlen(s->code), s->secret, &at) != 0) {
        return false;
    }
    wire_key_psk(s->secret, host, &s->psk);
    wire_key_root(s->secret, host, &s->root);
    return true;
}

/* A new file, for root's eyes only. 0 or -errno. */
static int
write_file(const char *path, const char *code)
{
    char text[WIRE_PAIR_TEXT + 2];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = 0;

    if (fd < 0) {
        return -errno;
    }
    (void)snprintf(text, sizeof text, "%s\n", code);
    errno = EIO;
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) != 0) {
        error = -errno;
        (void)unlink(path);
    }
    (void)close(fd);
    wire_wipe(text, sizeof text);
    return error;
}

static int
keep(struct ledger *l, const struct command *c, const struct secrets *s)
{
    int64_t now_ms = clock_utc_us() / 1000;
    char by[CONF_NAME];
    int r = ledger_begin(l);

    command_who(c, by);
    if (r == 0) {
        r = ledger_pair(l, c->argument[0], &s->psk, &s->root, now_ms, c->again);
    }
    if (r == 0) {
        r = ledger_act(l, "pair", c->argument[0], c->again ? "again=yes" : "", by, now_ms);
    }
    if (r == 0) {
        r = ledger_commit(l);
    }
    if (r != 0) {
        ledger_rollback(l);
    }
    return r;
}

/* The code goes out only when the ledger has the keys; a file that cannot be written leaves the ledger as it
 * was. */
static int
pair(struct ledger *l, const struct command *c, struct secrets *s)
{
    int r;

    if (c->file != NULL) {
        r = write_file(c->file, s->code);
        if (r != 0) {
            return command_error("%s: %s", command_shown(c->file), strerror(-r));
        }
    }
    r = keep(l, c, s);
    if (r != 0 && c->file != NULL) {
        (void)unlink(c->file);
    }
    if (r == LEDGER_E_EXISTS) {
        return command_error("%s is paired already; its old keys would be lost. Use --again to pair it anew",
                c->argument[0]);
    }
    if (r != 0) {
        return command_error("%s", ledger_error(l));
    }
    if (c->file != NULL) {
        (void)printf("Pairing code for %s written to %s\n", c->argument[0], command_shown(c->file));
    } else {
        (void)printf("Pairing code for %s:\n\n    %s\n\nOn %s, as root: tocsin pair -\nthen type the code "
                     "(as an argument it would stand in the list of processes).\n",
                c->argument[0], s->code, c->argument[0]);
    }
    return COMMAND_WELL;
}

int
command_pair(const struct command *c)
{
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    struct ledger *l;
    struct secrets s;
    int r;

    if (!command_host_fits(c->argument[0])) {
        return COMMAND_ERROR;
    }
    r = state_make(c->conf);
    if (r != 0) {
        return command_error("%s: %s", command_shown(c->conf->state_dir), strerror(-r));
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_WRITE, true, &l, error) != 0) {
        return command_error("%s", error);
    }
    if (make(&s, c->argument[0])) {
        r = pair(l, c, &s);
    } else {
        r = command_error("no randomness from the kernel: %s", strerror(errno));
    }
    wire_wipe(&s, sizeof s);
    ledger_close(l);
    return r;
}
