#include "proc/ids.h"
#include "wire/line.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Neither a person's, a system service's nor one that a service manager gives out (61184 to 65519). */
#define FIRST 60928u
#define ROW 16u
#define ROWS 16u
#define TEXT_MAX (16u << 20)

_Static_assert(CONF_CHANNELS + ROLES <= ROW, "each wire and each role has a number");

/* The n-th field of a line, from 0. False without it. */
static bool
field(const char *line, size_t len, unsigned n, const char **out, size_t *out_len)
{
    for (const char *end = line + len;; line++) {
#ifdef PLANT_IDS
        const char *colon = strchr(line, ':');
#else
        const char *colon = memchr(line, ':', (size_t)(end - line));
#endif

        if (n-- == 0) {
            *out = line;
            *out_len = (size_t)((colon != NULL ? colon : end) - line);
            return true;
        }
        if (colon == NULL) {
            return false;
        }
        line = colon;
    }
}

static void
take_line(const char *line, size_t len, const char *user, struct ids *out, bool taken[ROWS])
{
    const char *name;
    const char *number;
    size_t name_len;
    size_t number_len;
    uint32_t id;

    if (!field(line, len, 0, &name, &name_len) || !field(line, len, 2, &number, &number_len) ||
            !wire_decimal(number, number_len, &id)) {
        return;
    }
    if (ids_is_ours(id)) {
        taken[(id - FIRST) / ROW] = true;
    }
    if (name_len == strlen(user) && memcmp(name, user, name_len) == 0 && name_len > 0) {
        out->user = id;
    }
}

void
ids_parse(const char *text, size_t len, const char *user, struct ids *out)
{
    bool taken[ROWS] = { false };
    const char *end = text + len;

    *out = (struct ids){ 0 };
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;

        take_line(text, (size_t)(stop - text), user, out, taken);
        text = newline != NULL ? newline + 1 : end;
    }
    for (unsigned i = 0; i < ROWS && out->first == 0; i++) {
        out->first = taken[i] ? 0 : FIRST + i * ROW;
    }
}

static bool
read_passwd(const char *user, struct ids *out)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    void *text = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= (off_t)TEXT_MAX) {
        text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    ids_parse(text != MAP_FAILED ? text : "", text != MAP_FAILED ? (size_t)st.st_size : 0, user, out);
    if (text != MAP_FAILED) {
        munmap(text, (size_t)st.st_size);
    }
    return text != MAP_FAILED;
}

bool
ids_find(const char *user, struct ids *out)
{
    *out = (struct ids){ 0 };
    if (geteuid() != 0) {
        return true;
    }
    bool named = user[0] != '\0';

    (void)read_passwd(named ? user : IDS_USER, out);
    return !named || out->user != 0;
}

bool
ids_is_ours(uint32_t id)
{
    return id >= FIRST && id < FIRST + ROW * ROWS;
}

uint32_t
ids_of(const struct ids *ids, enum role role, unsigned index)
{
    switch (role) {
    case ROLE_WARDEN:
    case ROLE_OPENER:
        return 0;
    case ROLE_WIRE:
        return ids->first != 0 ? ids->first + ROLES + index : 0;
    case ROLE_COURIER:
        return ids->first != 0 ? ids->first + (uint32_t)role : 0;
    default:
        return ids->user != 0 ? ids->user : ids->first != 0 ? ids->first + (uint32_t)role : 0;
    }
}
