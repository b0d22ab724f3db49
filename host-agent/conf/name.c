#include "conf/name.h"
#include "conf/conf.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define USUAL "tocsin"
#define USUAL_COURIER "tocsin-courier"

static struct {
    char program[NAME_MAX_LEN + 1];
    char courier[NAME_MAX_LEN + 8];
    char config[CONF_PATH];
    char state[CONF_PATH];
    bool disguised;
} name; /* all empty unless disguised */

static bool
fits(int n, size_t size)
{
    return n > 0 && (size_t)n < size;
}

bool
name_config_of(const char *folder, const char *program, char *out, size_t size)
{
    return fits(snprintf(out, size, "%s/%s.conf", folder, program), size);
}

bool
name_state_of(const char *folder, const char *program, char *out, size_t size)
{
    return fits(snprintf(out, size, "%s/%s.d", folder, program), size);
}

bool
name_courier_of(const char *program, char *out, size_t size)
{
    return fits(snprintf(out, size, "%s-helper", program), size);
}

bool
name_valid(const char *program)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char others[] = "0123456789-_.";
    size_t len = strlen(program);

    if (len == 0 || len > NAME_MAX_LEN || strchr(letters, program[0]) == NULL) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (strchr(letters, program[i]) == NULL && strchr(others, program[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void
disguise(const char *folder, const char *program)
{
    if (name_config_of(folder, program, name.config, sizeof(name.config)) &&
            name_state_of(folder, program, name.state, sizeof(name.state)) &&
            name_courier_of(program, name.courier, sizeof(name.courier))) {
        snprintf(name.program, sizeof(name.program), "%s", program);
        name.disguised = true;
    }
}

void
name_begin(const char *argv0, bool role)
{
    char path[CONF_PATH];
    ssize_t n = role ? snprintf(path, sizeof(path), "%s", argv0)
                     : readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n <= 0 || n >= (ssize_t)sizeof(path)) {
        return;
    }
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    const char *program = slash != NULL ? slash + 1 : path;
    if (slash != NULL) {
        *slash = '\0';
    }
    if (name_valid(program) && strcmp(program, USUAL) != 0 && strcmp(program, USUAL_COURIER) != 0) {
        disguise(slash != NULL ? path : "", program);
    }
}

const char *
name_program(void)
{
    return name.disguised ? name.program : USUAL;
}

bool
name_disguised(void)
{
    return name.disguised;
}

void
name_hide(int count, char **arguments)
{
    for (int i = 0; i < count && name.disguised; i++) {
        memset(arguments[i], 0, strlen(arguments[i]));
    }
}

const char *
name_config(void)
{
    return name.disguised ? name.config : CONF_DEFAULT_PATH;
}

const char *
name_state(void)
{
    return name.disguised ? name.state : CONF_DEFAULT_STATE;
}

const char *
name_courier(void)
{
    return name.disguised ? name.courier : USUAL_COURIER;
}
