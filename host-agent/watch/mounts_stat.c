#include "watch/mounts_stat.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers there are; kernel ABI, the numbers the same on all architectures. */
#define CALL_STATMOUNT 457
#define CALL_LISTMOUNT 458
#define ALL_MOUNTS UINT64_MAX
#define SB_BASIC 0x1u
#define MNT_BASIC 0x2u
#define MNT_ROOT 0x8u
#define MNT_POINT 0x10u
#define MNT_OPTS 0x80u
#define ALL (SB_BASIC | MNT_BASIC | MNT_ROOT | MNT_POINT | MNT_OPTS)
#define NUMBER_AT 56 /* mnt_id_old in struct statmount */
#define LIST 256     /* ids of an answer */

struct request {
    uint32_t size;
    uint32_t spare;
    uint64_t id;
    uint64_t param;
};

/* The length of the answer, or -errno. */
static ssize_t
ask(uint64_t id, uint64_t what, uint8_t out[MOUNTS_STAT])
{
    const struct request r = { .size = sizeof(r), .id = id, .param = what };
    uint32_t len;

    if (syscall(CALL_STATMOUNT, &r, out, MOUNTS_STAT, 0) != 0) {
        return errno == EOVERFLOW ? -E2BIG : -errno;
    }
    memcpy(&len, out, sizeof(len));
    return len <= MOUNTS_STAT ? (ssize_t)len : -E2BIG;
}

/* The number that mountinfo has of it; 0 for one that is gone. */
static uint32_t
number_of(uint64_t id)
{
    uint8_t answer[MOUNTS_STAT];
    uint32_t number = 0;

    if (ask(id, MNT_BASIC, answer) >= NUMBER_AT + (ssize_t)sizeof(number)) {
        memcpy(&number, answer + NUMBER_AT, sizeof(number));
    }
    return number;
}

static void
note(struct mounts_stats *s, const uint32_t *numbers, uint64_t id)
{
    uint32_t number = number_of(id);

    for (unsigned i = 0; i < s->count; i++) {
        s->id[i] = numbers[i] == number ? id : s->id[i];
    }
}

/* Goes through all mounts for those with these numbers. 0 or -errno. */
static int
find(struct mounts_stats *s, const uint32_t *numbers)
{
    uint64_t ids[LIST];
    struct request r = { .size = sizeof(r), .id = ALL_MOUNTS };
    long got;

    while ((got = syscall(CALL_LISTMOUNT, &r, ids, LIST, 0)) > 0) {
        for (long i = 0; i < got; i++) {
            note(s, numbers, ids[i]);
        }
        r.param = ids[got - 1];
    }
    return got < 0 ? -errno : 0;
}

int
mounts_stats_take(struct mounts_stats *s, const uint32_t *numbers, unsigned count)
{
    s->count = 0;
    if (count > MOUNTS_STATS) {
        return -E2BIG;
    }
    s->count = count;
    memset(s->id, 0, sizeof(s->id));
    int error = count > 0 ? find(s, numbers) : 0;

    for (unsigned i = 0; i < count && error == 0; i++) {
        ssize_t len = s->id[i] == 0 ? -ENOENT : ask(s->id[i], ALL, s->answer[i]);

        error = len < 0 ? (int)len : 0;
        s->len[i] = len < 0 ? 0 : (size_t)len;
    }
    return error;
}

bool
mounts_stats_same(const struct mounts_stats *s)
{
    static uint8_t answer[MOUNTS_STAT];

    for (unsigned i = 0; i < s->count; i++) {
        ssize_t len = ask(s->id[i], ALL, answer);

        if (len < 0 || (size_t)len != s->len[i] || memcmp(answer, s->answer[i], s->len[i]) != 0) {
            return false;
        }
    }
    return true;
}
