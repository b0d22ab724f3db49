/* What the keeper puts on the disk, and when, as far as the receiver's addresses go. Time is the test's own.
 */
#include "courier/keeper.h"
#include "courier/syncer.h"
#include "support/check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "receiver.example"
#define BLOCKED ADDRESSES_FILE ".new" /* what it writes first */
#define HANG_MS 20000
#define BEGIN_MS 1000000

static struct keeper keeper;
static struct news news;
static int folder = -1;
static int64_t now_ms = BEGIN_MS;

static const struct addresses meant = { .count = 1, .at = { { AF_INET, { 192, 0, 2, 7 } } } };

/* Gives the disk what is due, and waits until it has done it. When it is asked next. */
static int64_t
sync_now(void)
{
    struct pollfd fd = { .fd = syncer_fd(), .events = POLLIN };
    int64_t due_ms = keeper_sync(&keeper, false, now_ms);

    if (keeper.busy) {
        CHECK_INT(poll(&fd, 1, HANG_MS), 1);
        keeper_end_sync(&keeper);
        CHECK(!keeper.busy);
        due_ms = keeper_sync(&keeper, false, now_ms);
    }
    return due_ms;
}

static bool
is_saved(void)
{
    struct addresses list;

    return addresses_load(folder, NAME, &list) && addresses_same(&list, &meant);
}

static void
forget(void)
{
    CHECK_INT(unlinkat(folder, ADDRESSES_FILE, 0), 0);
}

static void
a_name_that_is_found_is_saved_in_the_turn_in_which_it_is(void)
{
    keeper_mean(&keeper, NAME, &meant);
    CHECK_INT(sync_now(), INT64_MAX);
    CHECK(is_saved());
    forget();
    keeper_mean(&keeper, NAME, &meant); /* just after a sync */
    CHECK_INT(sync_now(), INT64_MAX);
    CHECK(is_saved());
    forget();
}

static void
what_the_disk_does_not_take_is_saved_when_it_does(void)
{
    CHECK_INT(mkdirat(folder, BLOCKED, 0700), 0);
    keeper_mean(&keeper, NAME, &meant);
    CHECK_INT(sync_now(), now_ms + KEEPER_RETRY_MS);
    now_ms += KEEPER_RETRY_MS;
    CHECK_INT(sync_now(), now_ms + KEEPER_RETRY_MS);
    CHECK(!is_saved());
    CHECK_INT(unlinkat(folder, BLOCKED, AT_REMOVEDIR), 0);
    CHECK_INT(sync_now(), now_ms + KEEPER_RETRY_MS); /* not before */
    CHECK(!is_saved());
    now_ms += KEEPER_RETRY_MS;
    CHECK_INT(sync_now(), INT64_MAX);
    CHECK(is_saved());
    forget();
}

int
main(void)
{
    char dir[] = "/tmp/keeper-XXXXXX";

    if (mkdtemp(dir) == NULL) {
        perror("mkdtemp");
        return 1;
    }
    folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_INT(keeper_open(&keeper, folder, &news), 0);
    CHECK_RUN(a_name_that_is_found_is_saved_in_the_turn_in_which_it_is);
    CHECK_RUN(what_the_disk_does_not_take_is_saved_when_it_does);
    spool_close(&keeper.spool);
    rmdir(dir);
    return check_result();
}
