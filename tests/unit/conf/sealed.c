/* Sealed configurations: what is sealed opens to the same, and nothing else opens. */
#include "conf/sealed.h"
#include "conf/conf.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST 9000

static const uint8_t key[SEALED_KEY] = { 1, 2, 3 };
static uint8_t text[LONGEST];
static uint8_t file[LONGEST + SEALED_MORE];
static uint8_t again[LONGEST + SEALED_MORE];
static char folder[] = "/tmp/sealed-XXXXXX";

static void
what_was_sealed_opens_to_the_same_text(void)
{
    static const size_t lengths[] = { 0, 1, 63, 64, 65, 4095, 4096, 4097, LONGEST };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        CHECK_INT(sealed_make(key, text, lengths[i], file), 0);
        CHECK(sealed_is(file, lengths[i] + SEALED_MORE));
        CHECK_INT(sealed_open(key, file, lengths[i] + SEALED_MORE), lengths[i]);
        CHECK_MEM(file, text, lengths[i]);
    }
}

static void
a_changed_byte_anywhere_is_refused_and_nothing_is_changed(void)
{
    const size_t len = 100 + SEALED_MORE;

    CHECK_INT(sealed_make(key, text, 100, file), 0);
    for (size_t at = 0; at < len; at++) {
        file[at] ^= 0x40;
        memcpy(again, file, len);
        CHECK_INT(sealed_open(key, file, len), -EBADMSG);
        CHECK_MEM(file, again, len);
        file[at] ^= 0x40;
    }
    CHECK_INT(sealed_open(key, file, len), 100);
}

static void
a_cut_at_any_length_is_refused(void)
{
    CHECK_INT(sealed_make(key, text, 100, file), 0);
    for (size_t len = 0; len < 100 + SEALED_MORE; len++) {
        CHECK_INT(sealed_open(key, file, len), -EBADMSG);
    }
}

static void
another_key_does_not_open_it(void)
{
    uint8_t other[SEALED_KEY];

    CHECK_INT(sealed_make(key, text, 100, file), 0);
    for (size_t bit = 0; bit < (size_t)8 * SEALED_KEY; bit++) {
        memcpy(other, key, sizeof(other));
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_INT(sealed_open(other, file, 100 + SEALED_MORE), -EBADMSG);
    }
}

static void
the_same_text_is_never_sealed_alike(void)
{
    CHECK_INT(sealed_make(key, text, 100, file), 0);
    CHECK_INT(sealed_make(key, text, 100, again), 0);
    CHECK(memcmp(file + 4, again + 4, 24) != 0);
    CHECK(memcmp(file + 28, again + 28, 100) != 0);
}

static void
no_text_is_taken_for_a_sealed_file(void)
{
    for (unsigned c = 0; c < 0x80; c++) {
        const uint8_t line[] = { (uint8_t)c, 'H', 'o', 's', 't', ' ', 'a', '\n' };

        CHECK(!sealed_is(line, sizeof(line)));
    }
}

static void
a_key_is_made_once_and_refused_when_others_may_read_it(void)
{
    char path[64];
    uint8_t first[SEALED_KEY];
    uint8_t second[SEALED_KEY];

    snprintf(path, sizeof(path), "%s/" SEALED_KEY_FILE, folder);
    CHECK_INT(sealed_key_read(folder, first), -ENOENT);
    CHECK_INT(sealed_key_make(folder, first), 0);
    CHECK_INT(sealed_key_make(folder, second), 0);
    CHECK_MEM(first, second, SEALED_KEY);
    CHECK_INT(chmod(path, 0640), 0);
    CHECK_INT(sealed_key_read(folder, first), -EPERM);
    CHECK_INT(chmod(path, 0600), 0);
    CHECK_INT(truncate(path, SEALED_KEY - 1), 0);
    CHECK_INT(sealed_key_read(folder, first), -EBADMSG);
    CHECK_INT(unlink(path), 0);
}

/* As on a full disk. */
static void
a_key_that_could_not_be_written_whole_leaves_nothing_in_the_way_of_the_next(void)
{
    uint8_t made[SEALED_KEY];
    struct rlimit before;

    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t size = 0; size < SEALED_KEY; size++) {
        struct rlimit few = { .rlim_cur = size, .rlim_max = before.rlim_max };

        CHECK_INT(setrlimit(RLIMIT_FSIZE, &few), 0);
        CHECK_INT(sealed_key_make(folder, made), -EFBIG);
        CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
        CHECK_INT(sealed_key_read(folder, made), -ENOENT);
    }
}

static char told[512];

static void
keep_error(void *to, const char *message)
{
    (void)to;
    snprintf(told, sizeof(told), "%s", message);
}

static unsigned
load_sealed(const char *config, struct conf *conf)
{
    char path[64];
    uint8_t own[SEALED_KEY];
    size_t len = strlen(config);

    snprintf(path, sizeof(path), "%s/conf", folder);
    CHECK_INT(sealed_key_make(folder, own), 0);
    CHECK_INT(sealed_make(own, config, len, file), 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK_INT(write(fd, file, len + SEALED_MORE), len + SEALED_MORE);
    close(fd);
    CHECK(conf_init(conf, path, folder));
    told[0] = '\0';
    return conf_load(conf, keep_error, NULL);
}

static void
a_sealed_configuration_is_read_and_its_errors_name_the_line(void)
{
    static struct conf conf;

    CHECK_INT(load_sealed("Host web03\nBeat 7\n", &conf), 0);
    CHECK(conf.sealed);
    CHECK_STR(conf.host, "web03");
    CHECK_INT(conf.beat_s, 7);
    CHECK_INT(load_sealed("Host web03\nBeat never\n", &conf), 1);
    CHECK(strstr(told, "conf:2: ") != NULL);
}

static void
without_its_key_a_sealed_configuration_is_an_error_that_says_where_the_key_should_be(void)
{
    static struct conf conf;
    char path[64];

    CHECK_INT(load_sealed("Host web03\n", &conf), 0);
    snprintf(path, sizeof(path), "%s/" SEALED_KEY_FILE, folder);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(conf_load(&conf, keep_error, NULL), 1);
    CHECK(strstr(told, path) != NULL);
    snprintf(path, sizeof(path), "%s/conf", folder);
    CHECK_INT(unlink(path), 0);
}

int
main(void)
{
    CHECK(mkdtemp(folder) != NULL);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)('a' + i % 26);
    }
    CHECK_RUN(what_was_sealed_opens_to_the_same_text);
    CHECK_RUN(a_changed_byte_anywhere_is_refused_and_nothing_is_changed);
    CHECK_RUN(a_cut_at_any_length_is_refused);
    CHECK_RUN(another_key_does_not_open_it);
    CHECK_RUN(the_same_text_is_never_sealed_alike);
    CHECK_RUN(no_text_is_taken_for_a_sealed_file);
    CHECK_RUN(a_key_is_made_once_and_refused_when_others_may_read_it);
    CHECK_RUN(a_key_that_could_not_be_written_whole_leaves_nothing_in_the_way_of_the_next);
    CHECK_RUN(a_sealed_configuration_is_read_and_its_errors_name_the_line);
    CHECK_RUN(without_its_key_a_sealed_configuration_is_an_error_that_says_where_the_key_should_be);
    rmdir(folder);
    return check_result();
}
