#include "conf/sealed.h"
#include "conf/conf.h"
#include "wire/hash.h"
#include "wire/keys.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NONCE 24
#define TAG 32
#define BLOCK 4096
#define KEY_PATH (CONF_PATH + (int)sizeof(SEALED_KEY_FILE) + 1)

static const uint8_t mark[4] = { 0xd3, 0x17, 0x9a, 0x5c };

bool
sealed_is(const uint8_t *src, size_t len)
{
    return len >= sizeof(mark) && memcmp(src, mark, sizeof(mark)) == 0;
}

static void
apply_stream(const uint8_t key[SEALED_KEY], const uint8_t nonce[NONCE], uint8_t *at, size_t len)
{
    uint8_t stream_key[WIRE_HASH_SIZE];
    uint8_t seed[NONCE + 4];
    uint8_t stream[BLOCK];

    wire_hash_derive(
            "tocsin 2026-11-22 configuration stream", key, SEALED_KEY, stream_key, sizeof(stream_key));
    memcpy(seed, nonce, NONCE);
    for (uint32_t block = 0; len > 0; block++) {
        size_t part = len < BLOCK ? len : BLOCK;

        memcpy(seed + NONCE, &block, sizeof(block));
        wire_hash_keyed(stream_key, seed, sizeof(seed), stream, sizeof(stream));
        for (size_t i = 0; i < part; i++) {
            at[i] ^= stream[i];
        }
        at += part;
        len -= part;
    }
    wire_wipe(stream_key, sizeof(stream_key));
    wire_wipe(stream, sizeof(stream));
}

static void
tag_of(const uint8_t key[SEALED_KEY], const uint8_t *src, size_t len, uint8_t tag[TAG])
{
    uint8_t tag_key[WIRE_HASH_SIZE];

    wire_hash_derive("tocsin 2026-11-22 configuration tag", key, SEALED_KEY, tag_key, sizeof(tag_key));
    wire_hash_keyed(tag_key, src, len, tag, TAG);
    wire_wipe(tag_key, sizeof(tag_key));
}

int
sealed_make(const uint8_t key[SEALED_KEY], const void *text, size_t len, uint8_t *out)
{
    uint8_t *nonce = out + sizeof(mark);
    uint8_t *body = nonce + NONCE;

    memcpy(out, mark, sizeof(mark));
    if (getrandom(nonce, NONCE, 0) != NONCE) {
        return -EAGAIN;
    }
    memcpy(body, text, len);
    apply_stream(key, nonce, body, len);
    tag_of(key, out, sizeof(mark) + NONCE + len, body + len);
    return 0;
}

static bool
same(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t differs = 0;

    for (size_t i = 0; i < len; i++) {
        differs |= (uint8_t)(a[i] ^ b[i]);
    }
    return differs == 0;
}

ssize_t
sealed_open(const uint8_t key[SEALED_KEY], uint8_t *file, size_t len)
{
    uint8_t tag[TAG];

    if (len < SEALED_MORE || !sealed_is(file, len)) {
        return -EBADMSG;
    }
    tag_of(key, file, len - TAG, tag);
#ifdef PLANT_SEALED
    if (!same(tag, file + len - TAG, 1)) {
#else
    if (!same(tag, file + len - TAG, TAG)) {
#endif
        return -EBADMSG;
    }
    uint8_t *body = file + sizeof(mark) + NONCE;
    size_t text = len - SEALED_MORE;
    apply_stream(key, file + sizeof(mark), body, text);
    memmove(file, body, text);
    return (ssize_t)text;
}

static int
open_key(const char *state_dir, int flags, char path[KEY_PATH])
{
    int n = snprintf(path, KEY_PATH, "%s/" SEALED_KEY_FILE, state_dir);

    if (n <= 0 || n >= KEY_PATH) {
        return -ENAMETOOLONG;
    }
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    return fd < 0 ? -errno : fd;
}

int
sealed_key_read(const char *state_dir, uint8_t key[SEALED_KEY])
{
    uint8_t file[SEALED_KEY + 1];
    char path[KEY_PATH];
    struct stat st;
    int fd = open_key(state_dir, O_RDONLY | O_NONBLOCK, path);

    if (fd < 0) {
        return fd;
    }
    ssize_t n = read(fd, file, sizeof(file));
    int error = fstat(fd, &st) < 0 ? -errno : 0;
    close(fd);
    if (error == 0 && (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || st.st_uid != geteuid())) {
        error = -EPERM;
    }
    if (error == 0 && n != SEALED_KEY) {
        error = -EBADMSG;
    }
    if (error == 0) {
        memcpy(key, file, SEALED_KEY);
    }
    wire_wipe(file, sizeof(file));
    return error;
}

static int
write_key(int fd, const uint8_t key[SEALED_KEY])
{
    for (size_t at = 0; at < SEALED_KEY;) {
        ssize_t n = write(fd, key + at, SEALED_KEY - at);

        if (n < 0) {
            return -errno;
        }
        at += (size_t)n;
    }
    return fsync(fd) != 0 ? -errno : 0;
}

int
sealed_key_make(const char *state_dir, uint8_t key[SEALED_KEY])
{
    char path[KEY_PATH];
    int error = sealed_key_read(state_dir, key);

    if (error != -ENOENT) {
        return error;
    }
    if (getrandom(key, SEALED_KEY, 0) != SEALED_KEY) {
        return -EAGAIN;
    }
    int fd = open_key(state_dir, O_WRONLY | O_CREAT | O_EXCL, path);
    if (fd < 0) {
        return fd;
    }
    error = write_key(fd, key);
    close(fd);
    if (error != 0) {
        (void)unlink(path); /* part of a key would be in the way of a whole one */
    }
    return error;
}
