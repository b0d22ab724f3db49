/* What events told of is known for two sweeps, and so is what lies below it. */
#include "support/check.h"
#include "watch/fs_heard.h"
#include <sys/mman.h>

static struct fs_heard heard;

static void
note(const char *path)
{
    fs_heard_note(&heard, (const uint8_t *)path, strlen(path));
}

static bool
of(const char *path)
{
    return fs_heard_of(&heard, (const uint8_t *)path, strlen(path));
}

static void
begin(void)
{
    fs_heard_begin(&heard);
}

static void
a_place_that_was_told_of_is_known_and_its_neighbours_are_not(void)
{
    begin();
    note("/etc/passwd");
    CHECK(of("/etc/passwd"));
    CHECK(!of("/etc/passwd-"));
    CHECK(!of("/etc/passw"));
    CHECK(!of("/etc"));
    CHECK(!of("/"));
    CHECK(!of(""));
}

static void
what_lies_below_a_place_is_known_with_it(void)
{
    begin();
    note("/etc/ssh");
    CHECK(of("/etc/ssh/sshd_config"));
    CHECK(of("/etc/ssh/sshd_config.d/x"));
    CHECK(!of("/etc/sshd"));
}

static void
it_is_known_in_the_next_sweep_and_not_in_the_one_behind(void)
{
    begin();
    fs_heard_turn(&heard);
    note("/etc/passwd");
    fs_heard_turn(&heard);
    CHECK(of("/etc/passwd"));
    note("/etc/group");
    fs_heard_turn(&heard);
    CHECK(!of("/etc/passwd"));
    CHECK(of("/etc/group"));
}

static void
a_thousand_places_are_all_known(void)
{
    char path[32];

    begin();
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "/srv/d%d/f%d", i % 10, i);
        note(path);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "/srv/d%d/f%d", i % 10, i);
        CHECK(of(path));
    }
}

static void
all_its_memory_is_taken_at_the_beginning(void)
{
    unsigned char in_core[sizeof(struct fs_heard) / 4096 + 1];
    void *fresh =
            mmap(NULL, sizeof(in_core) * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(fresh != MAP_FAILED);
    fs_heard_begin(fresh);
    CHECK(mincore(fresh, sizeof(struct fs_heard), in_core) == 0);
    for (unsigned i = 0; i < sizeof(in_core); i++) {
        CHECK((in_core[i] & 1) != 0);
    }
    munmap(fresh, sizeof(in_core) * 4096);
}

int
main(void)
{
    CHECK_RUN(a_place_that_was_told_of_is_known_and_its_neighbours_are_not);
    CHECK_RUN(what_lies_below_a_place_is_known_with_it);
    CHECK_RUN(it_is_known_in_the_next_sweep_and_not_in_the_one_behind);
    CHECK_RUN(a_thousand_places_are_all_known);
    CHECK_RUN(all_its_memory_is_taken_at_the_beginning);
    return check_result();
}
