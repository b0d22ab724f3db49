#include "cmd/unit.h"
#include "conf/conf.h"
#include "unit_text.h" /* made by the build from dist/tocsin.service: UNIT_TEXT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool
begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static bool
left_out(const char *line)
{
    static const char *const heads[] = { "#", "Documentation=", "StateDirectory", "ConfigurationDirectory" };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        if (begins(line, heads[i])) {
            return true;
        }
    }
    return false;
}

/* A line that may name our own directories, with those of the disguise in their places. */
static void
write_line(FILE *out, const char *line, size_t len, const char *folder, const char *state)
{
    while (len > 0) {
        size_t own = len >= sizeof(CONF_DEFAULT_STATE) - 1 && begins(line, CONF_DEFAULT_STATE)
                             ? sizeof(CONF_DEFAULT_STATE) - 1
                             : 0;
        size_t etc = len >= sizeof(CONF_DEFAULT_FOLDER) - 1 && begins(line, CONF_DEFAULT_FOLDER)
                             ? sizeof(CONF_DEFAULT_FOLDER) - 1
                             : 0;
        size_t taken = own > 0 ? own : etc > 0 ? etc : 1;

        if (taken > 1) {
            fputs(own > 0 ? state : folder, out);
        } else {
            fputc(*line, out);
        }
        line += taken;
        len -= taken;
    }
    fputc('\n', out);
}

int
unit_write(FILE *out, const char *folder, const char *name, const char *state)
{
    static const char text[] = UNIT_TEXT;

    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");

        if (begins(line, "Description=")) {
            fprintf(out, "Description=%s\n", name);
        } else if (begins(line, "ExecStart=")) {
            fprintf(out, "ExecStart=%s/%s\n", folder, name);
        } else if (!left_out(line)) {
            write_line(out, line, len, folder, state);
        }
        line += len + (line[len] == '\n');
    }
    return ferror(out) != 0 ? -EIO : 0;
}
