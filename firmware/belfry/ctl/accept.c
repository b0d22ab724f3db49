#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ledger/ledger.h"
#include "belfry/text.h"
#include "wire/line.h"

#include <stdio.h>
#include <string.h>

#define KINDS 3

static const char *const kinds[KINDS] = { "bin", "conf", "base" };

/* What is to be accepted: all, or one kind, and of it perhaps one value only. */
struct choice {
    bool chosen[KINDS];
    const char *digest; /* NULL for whatever it is */
};

/* "bin", "bin=3K7Q...", or nothing at all. */
static bool
choose(const char *text, struct choice *out)
{
    size_t len = text != NULL ? strcspn(text, "=") : 0;
    bool any = text == NULL;

    memset(out, 0, sizeof *out);
    for (int i = 0; i < KINDS; i++) {
        out->chosen[i] = text == NULL || (strlen(kinds[i]) == len && memcmp(kinds[i], text, len) == 0);
        any = any || out->chosen[i];
    }
    if (text != NULL && text[len] == '=') {
        out->digest = text + len + 1;
    }
    return any;
}

static void
print_json(const char *host, const char *by, const struct pin_record *pin, unsigned n)
{
    char who[256];

    (void)text_json(who, sizeof who, by);
    for (unsigned i = 0; i < n; i++) {
        (void)printf("%s{\"host\":\"%s\",\"what\":\"%s\",\"was\":\"%s\",\"digest\":\"%s\",\"by\":%s}",
                i == 0 ? "[" : ",\n ", host, pin[i].what, pin[i].digest, pin[i].seen, who);
    }
    (void)printf("]\n");
}

static void
print_text(const char *host, const struct pin_record *pin, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        (void)printf("%s of %s is %s from now on (was %s)\n", pin[i].what, host, pin[i].seen, pin[i].digest);
    }
}

/* How many were accepted, or LEDGER_E_*. */
static int
accept_chosen(struct ledger *l, const char *host, const struct choice *choice, const char *by,
        struct pin_record pin[KINDS])
{
    int64_t now_ms = clock_utc_us() / 1000;
    int n = 0;
    int r = ledger_begin(l);

    for (int i = 0; i < KINDS && r == 0; i++) {
        if (!choice->chosen[i]) {
            continue;
        }
        r = ledger_accept(l, host, kinds[i], by, now_ms, &pin[n]);
        if (r == 0 && choice->digest != NULL && strcmp(choice->digest, pin[n].seen) != 0) {
            return LEDGER_E_NONE; /* it has changed once more since somebody looked */
        }
        n += r == 0;
        r = r == LEDGER_E_NONE ? 0 : r;
    }
    if (r == 0 && n > 0) {
        r = ledger_commit(l);
    }
    return r != 0 ? r : n == 0 ? LEDGER_E_NONE : n;
}

int
command_accept(const struct command *c)
{
    const char *host = c->argument[0];
    struct pin_record pin[KINDS];
    struct choice choice;
    struct ledger *l;
    char by[CONF_NAME];
    int r;

    if (!command_host_fits(host)) {
        return COMMAND_ERROR;
    }
    if (!choose(c->argument[1], &choice)) {
        return command_error("\"%s\" cannot be accepted; expected bin, conf or base, or one of them with "
                             "=DIGEST",
                command_shown(c->argument[1]));
    }
    l = command_ledger(c);
    if (l == NULL) {
        return COMMAND_ERROR;
    }
    command_who(c, by);
    r = accept_chosen(l, host, &choice, by, pin);
    ledger_rollback(l);
    if (r > 0 && c->json) {
        print_json(host, by, pin, (unsigned)r);
    } else if (r > 0) {
        print_text(host, pin, (unsigned)r);
    } else if (r == LEDGER_E_NONE) {
        (void)command_error("nothing of %s waits to be accepted%s", host,
                choice.digest != NULL ? " with this digest" : "");
    } else {
        (void)command_error("%s", ledger_error(l));
    }
    ledger_close(l);
    return r > 0 ? COMMAND_WELL : COMMAND_ERROR;
}
