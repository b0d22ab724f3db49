#include "belfry/keeper/pack.h"

#include "belfry/transcript/part.h"
#include "belfry/transcript/share.h"
#include "belfry/transcript/zseek.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL 3

struct packer {
    int from;
    int to;
    ZSTD_CCtx *context;
    uint32_t (*size)[2]; /* of each frame: packed, plain */
    uint32_t frames;
    uint32_t room;
    uint8_t plain[ZSEEK_FRAME];
    uint8_t packed[ZSTD_COMPRESSBOUND(ZSEEK_FRAME)];
};

static int
write_whole(int fd, const uint8_t *src, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, src, len);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        src += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* A frame's worth, fewer at the end; 0 behind it, or -errno. */
static ssize_t
read_frame(struct packer *p)
{
    size_t have = 0;

    while (have < sizeof p->plain) {
        ssize_t n = read(p->from, p->plain + have, sizeof p->plain - have);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        have += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)have;
}

static int
note_frame(struct packer *p, size_t packed, size_t plain)
{
    if (p->frames == p->room) {
        uint32_t more = p->room > 0 ? 2 * p->room : 64;
        uint32_t(*grown)[2] = more <= ZSEEK_FRAMES_MAX ? realloc(p->size, more * sizeof *grown) : NULL;

        if (grown == NULL) {
            return -ENOMEM;
        }
        p->size = grown;
        p->room = more;
    }
    p->size[p->frames][0] = (uint32_t)packed;
    p->size[p->frames][1] = (uint32_t)plain;
    p->frames++;
    return 0;
}

static int
write_frames(struct packer *p)
{
    ssize_t plain;
    int r = 0;

    while (r == 0 && (plain = read_frame(p)) != 0) {
        size_t packed;

        if (plain < 0) {
            return (int)plain;
        }
        packed = ZSTD_compress2(p->context, p->packed, sizeof p->packed, p->plain, (size_t)plain);
        if (ZSTD_isError(packed)) {
            return -ENOMEM;
        }
        r = write_whole(p->to, p->packed, packed);
        if (r == 0) {
            r = note_frame(p, packed, (size_t)plain);
        }
    }
    return r;
}

static int
write_table(struct packer *p)
{
    uint8_t *table = malloc(ZSEEK_HEADER + (size_t)p->frames * 8 + ZSEEK_FOOTER);
    int r;

    if (table == NULL) {
        return -ENOMEM;
    }
    r = write_whole(p->to, table, zseek_write(table, p->size, p->frames));
    free(table);
    return r;
}

/* On the disk when it returns 0, and as old as the part: its age decides how long it is kept. */
static int
settle(const struct packer *p, const struct stat *st)
{
    struct timespec times[2] = { st->st_atim, st->st_mtim };

    if (futimens(p->to, times) != 0 || fsync(p->to) != 0) {
        return -errno;
    }
    return 0;
}

static int
fill(struct packer *p)
{
    struct stat st;
    int r;

    p->context = ZSTD_createCCtx();
    if (p->context == NULL) {
        return -ENOMEM;
    }
    (void)ZSTD_CCtx_setParameter(p->context, ZSTD_c_compressionLevel, LEVEL);
    (void)ZSTD_CCtx_setParameter(p->context, ZSTD_c_checksumFlag, 1);
    r = fstat(p->from, &st) == 0 ? write_frames(p) : -errno;
    if (r == 0) {
        r = write_table(p);
    }
    if (r == 0) {
        r = settle(p, &st);
    }
    (void)ZSTD_freeCCtx(p->context);
    return r;
}

int
pack_part(int dir, const char *name, uint64_t base)
{
    struct packer *p = calloc(1, sizeof *p);
    char raw[PART_FILE];
    char zst[PART_FILE];
    char new[PART_FILE + 4];
    int r;

    part_name(raw, name, PART_RAW, base);
    part_name(zst, name, PART_ZST, base);
    (void)snprintf(new, sizeof new, "%s%s", zst, PART_NEW);
    if (p == NULL) {
        return -ENOMEM;
    }
    p->from = openat(dir, raw, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    p->to = p->from < 0 ? -1 : share_create(dir, new, O_WRONLY | O_TRUNC);
    r = p->to < 0 ? -errno : fill(p);
    if (r == 0 && renameat(dir, new, dir, zst) != 0) {
        r = -errno;
    }
    if (r == 0 && fsync(dir) != 0) {
        r = -errno;
    } else if (r == 0) {
        (void)unlinkat(dir, raw, 0);
    } else if (p->to >= 0) {
        (void)unlinkat(dir, new, 0);
    }
    if (p->to >= 0) {
        (void)close(p->to);
    }
    if (p->from >= 0) {
        (void)close(p->from);
    }
    free(p->size);
    free(p);
    return r;
}
