#include "belfry/ctl/commands.h"

#include "belfry/ledger/ledger.h"
#include "belfry/state.h"
#include "wire/escape.h"
#include "wire/line.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
command_error(const char *format, ...)
{
    va_list args;

    (void)fputs("belfry: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return COMMAND_ERROR;
}

const char *
command_shown(const char *text)
{
    static char shown[4][200];
    static unsigned turn;
    char *out = shown[turn++ % 4];

    wire_escape(out, sizeof shown[0], text, strlen(text), WIRE_ESCAPE_TEXT);
    return out;
}

bool
command_host_fits(const char *host)
{
    if (wire_host_valid(host, strlen(host))) {
        return true;
    }
    (void)command_error("\"%s\" is no host name for a line; expected 1 to %d of a-z, 0-9 and -",
            command_shown(host), WIRE_HOST_MAX);
    return false;
}

void
command_who(const struct command *c, char out[CONF_NAME])
{
    const char *name = c->by;
    const struct passwd *pw;

    if (name == NULL) {
        name = getenv("SUDO_USER");
    }
    if (name == NULL || name[0] == '\0') {
        pw = getpwuid(getuid());
        name = pw != NULL ? pw->pw_name : "unknown";
    }
    wire_escape(out, CONF_NAME, name, strlen(name), WIRE_ESCAPE_VALUE);
}

struct ledger *
command_ledger(const struct command *c)
{
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    struct ledger *l;

    (void)state_path(c->conf, "ledger.db", path);
    if (access(path, F_OK) != 0) {
        (void)command_error("%s: %s", command_shown(path),
                errno == ENOENT ? "not there; nothing has been paired yet (belfry pair HOST)"
                                : strerror(errno));
        return NULL;
    }
    if (ledger_open(path, LEDGER_WRITE, true, &l, error) != 0) {
        (void)command_error("%s", error);
        return NULL;
    }
    return l;
}
