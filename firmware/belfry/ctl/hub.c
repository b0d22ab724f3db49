#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/nats/hub.h"
#include "belfry/notify/kinds.h"
#include "belfry/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS (3 + CONF_NOTIFY_OPTIONS + 1)
#define HUB_FILE_MAX (128 << 20)

/* The program of that name beside this one. */
static bool
beside_us(const char *program, char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    char *slash;

    if (n <= 0) {
        return false;
    }
    out[n] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL || (size_t)(slash + 1 - out) + strlen(program) >= size) {
        return false;
    }
    memcpy(slash + 1, program, strlen(program) + 1);
    return true;
}

/* This process becomes the reader: it is the service, and signals are for it. */
int
command_hub(const struct command *c)
{
    static char program[CONF_PATH];
    static char file[STATE_PATH];
    static char name[] = "belfry-hub";
    static struct conf_notify hub;
    char *argv[ARGUMENTS] = { name, file, hub.place };
    char *at = hub.text;
    int r;

    hub = c->conf->hub;
    if (hub.place[0] == '\0') {
        return command_error("no hub is configured; expected a Hub in the configuration");
    }
    r = state_make(c->conf);
    if (r != 0) {
        return command_error("%s: %s", command_shown(c->conf->state_dir), strerror(-r));
    }
    (void)state_path(c->conf, "hub", file);
    for (unsigned i = 0; i < hub.options; i++) {
        argv[3 + i] = at;
        at += strlen(at) + 1;
    }
    if (beside_us(notify_hub_row.program, program, sizeof program)) {
        (void)execv(program, argv);
    }
    return command_error("%s cannot be run: %s", notify_hub_row.program, strerror(errno));
}

/* The whole file, to be freed; NULL with errno. */
static char *
slurp(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *text = NULL;
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < HUB_FILE_MAX) {
        text = malloc((size_t)st.st_size + 1);
        n = text != NULL ? read(fd, text, (size_t)st.st_size + 1) : -1;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (n < 0) {
        free(text);
        return NULL;
    }
    *len = (size_t)n;
    return text;
}

int
command_sites(const struct command *c)
{
    static struct hub hub;
    char path[STATE_PATH];
    int64_t now_ms = clock_utc_us() / 1000;
    size_t len = 0;
    char *text = slurp(state_path(c->conf, "hub", path), &len);
    bool attention;

    if (text == NULL) {
        return command_error("%s: %s; it is made by belfry hub", command_shown(path), strerror(errno));
    }
    if (!hub_load(&hub, text, len)) {
        free(text);
        return command_error("%s is damaged", command_shown(path));
    }
    free(text);
    attention = hub_report(&hub, c->json ? HUB_JSON : HUB_TEXT, now_ms, stdout);
    if (now_ms - hub.read_ms > HUB_QUIET_MS) {
        (void)command_error("the stream was not read for a while: does belfry hub run?");
        attention = true;
    }
    hub_free(&hub);
    return attention ? COMMAND_FINDINGS : COMMAND_WELL;
}
