#include "cmd/cmd.h"
#include "conf/name.h"
#include "conf/protect.h"
#include "wire/escape.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define TEXT 512
#define TEXTS 4

int
cmd_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", name_program());
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return CMD_ERROR;
}

const char *
cmd_text(const char *src)
{
    static char text[TEXTS][TEXT];
    static unsigned next;
    char *out = text[next++ % TEXTS];

    wire_escape(out, TEXT, src, strlen(src), WIRE_ESCAPE_TEXT);
    return out;
}

void
cmd_json_string(const char *src)
{
    cmd_json_escaped(cmd_text(src));
}

void
cmd_json_escaped(const char *text)
{
    putchar('"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            putchar('\\');
        }
        putchar(*c);
    }
    putchar('"');
}

void
cmd_json_id(const uint8_t id[FINDING_ID_SIZE])
{
    putchar('"');
    for (size_t i = 0; i < FINDING_ID_SIZE; i++) {
        printf("%02x", id[i]);
    }
    putchar('"');
}

static void
print_error(void *to, const char *message)
{
    (void)to;
    fprintf(stderr, "%s\n", message);
}

/* One part of a path behind those that are in `out`. False when it does not fit. */
static bool
add_part(char out[CONF_PATH], const char *part, size_t len)
{
    size_t have = strlen(out);

    if (len == 0 || (len == 1 && part[0] == '.')) {
        return true;
    }
    if (len == 2 && memcmp(part, "..", 2) == 0) {
        char *slash = strrchr(out, '/');

        if (slash != NULL) {
            *slash = '\0';
        }
        return true;
    }
    if (have + 1 + len >= CONF_PATH) {
        return false;
    }
    out[have] = '/';
    memcpy(out + have + 1, part, len);
    out[have + 1 + len] = '\0';
    return true;
}

static bool
add_parts(char out[CONF_PATH], const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (!add_part(out, path, len)) {
            return false;
        }
        path += len + (path[len] == '/');
    }
    return true;
}

/*
 * An absolute path without "//", "." and "..", so that a role that runs elsewhere means the same file. False
 * when it is too long.
 */
static bool
make_absolute(const char *path, char out[CONF_PATH])
{
    char here[CONF_PATH];

    out[0] = '\0';
    if (path[0] != '/' && (getcwd(here, sizeof(here)) == NULL || !add_parts(out, here))) {
        return false;
    }
    if (!add_parts(out, path)) {
        return false;
    }
    if (out[0] == '\0') {
        memcpy(out, "/", 2);
    }
    return true;
}

bool
cmd_paths(const struct cmd *cmd, struct conf *conf)
{
    char config[CONF_PATH];
    char state[CONF_PATH];
    bool fits = make_absolute(cmd->config_path, config) &&
                (cmd->state_dir == NULL || make_absolute(cmd->state_dir, state));

    if (!fits || !conf_init(conf, config, cmd->state_dir != NULL ? state : NULL)) {
        cmd_error("the path of the configuration or of the state directory is longer than %d bytes",
                CONF_PATH - 1);
        return false;
    }
    return true;
}

bool
cmd_conf(const struct cmd *cmd, struct conf *conf)
{
    if (!cmd_paths(cmd, conf) || conf_load(conf, print_error, NULL) != 0) {
        return false;
    }
    if (!protect_expand(conf)) {
        cmd_error("what the Protect lines stand for does not fit beside the Watch and Daemon lines");
        return false;
    }
    return true;
}

const char *
cmd_duration(int64_t ms, char out[CMD_DURATION])
{
    int64_t s = ms / 1000;

    if (ms < 10000) {
        snprintf(out, CMD_DURATION, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    } else if (s < 120) {
        snprintf(out, CMD_DURATION, "%" PRId64 " s", s);
    } else if (s < 7200) {
        snprintf(out, CMD_DURATION, "%" PRId64 " min", s / 60);
    } else if (s < 172800) {
        snprintf(out, CMD_DURATION, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    } else {
        snprintf(out, CMD_DURATION, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    }
    return out;
}
