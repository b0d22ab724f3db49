#include "alarm/pages.h"
#include "proc/core.h"
#include "proc/rights.h"
#include "wire/base32.h"
#include "wire/escape.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/*
 * What runs, behind the session's start and again when it changes: the receiver pins it
 * (firmware/wire/SPEC.md, section 9).
 */
#define COLUMNS 20 /* base32: the first 100 bits of a digest */
#define KERNEL_COLUMNS 60

static char base_told[COLUMNS + 1];

static void
tell_run(const char *text)
{
    core_tell_flagged(SCHEDULE_ALWAYS, WIRE_NOTE, "agent.run", text, -1);
}

static void
tell_digest(const char *key, const char *value)
{
    char text[32];

    snprintf(text, sizeof(text), "%s=%s", key, value);
    tell_run(text);
}

static void
columns_of(const uint8_t digest[WIRE_HASH_SIZE], char out[COLUMNS + 1])
{
    wire_base32(digest, COLUMNS, out);
    out[COLUMNS] = '\0';
}

/* The program that runs: sealed memory, whatever became of the file meanwhile. */
static bool
hash_program(uint8_t digest[WIRE_HASH_SIZE])
{
    static uint8_t block[65536];
    struct wire_hasher h;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    wire_hash_init(&h);
    while (fd >= 0 && ((n = read(fd, block, sizeof(block))) > 0 || (n < 0 && errno == EINTR))) {
        if (n > 0) {
            wire_hash_update(&h, block, (size_t)n);
        }
    }
    wire_hash_final(&h, digest);
    pages_rest(block, sizeof(block));
    if (fd >= 0) {
        close(fd);
    }
    return n == 0;
}

static struct {
    bool hashed;
    uint8_t program[WIRE_HASH_SIZE];
    struct utsname kernel;
} looked;

void
core_run_look(void)
{
    looked.hashed = hash_program(looked.program);
    if (uname(&looked.kernel) < 0) {
        looked.kernel.release[0] = '\0';
    }
}

/* How far this process is walled in: the other roles' layers come from the same kernel and the same starter.
 */
static const char *
rights_level(void)
{
    const unsigned walls = RIGHTS_ALL & ~RIGHTS_BIT(RIGHTS_MLOCK);
    unsigned missing = core.self->missing & walls;

    if (!rights_has_seccomp()) {
        missing |= RIGHTS_BIT(RIGHTS_SECCOMP);
    }
    return missing == 0 ? "narrow" : missing == walls ? "full" : "part";
}

static void
tell_kernel(void)
{
    char release[KERNEL_COLUMNS + 1];
    char text[KERNEL_COLUMNS + 32];

    wire_escape(release, sizeof(release), looked.kernel.release, strlen(looked.kernel.release),
            WIRE_ESCAPE_VALUE);
    snprintf(text, sizeof(text), "kernel=%s rights=%s", release, rights_level());
    tell_run(text);
}

void
core_run_begin(void)
{
    char columns[COLUMNS + 1];

    if (looked.hashed) {
        columns_of(looked.program, columns);
        tell_digest("bin", columns);
    } else {
        core_self_finding("program", "unread", WIRE_WARN);
    }
    columns_of(core.self->conf->digest, columns);
    tell_digest("conf", columns);
    tell_kernel();
}

void
core_run_base(const struct base_message *m)
{
    char columns[COLUMNS + 1] = "none";

    if (m->none == 0) {
        columns_of(m->root, columns);
    }
    if (strcmp(columns, base_told) != 0 && !core.goodbye) {
        memcpy(base_told, columns, sizeof(base_told));
        tell_digest("base", columns);
    }
}
