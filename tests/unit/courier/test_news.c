/* What the core is to be told when it does not listen for a while. */
#include "courier/news.h"
#include "proc/link.h"
#include "support/check.h"
#include <unistd.h>

static struct news news;
static int ours = -1;
static int core = -1;

static void
tell(enum courier_kind kind, int32_t value)
{
    const struct courier_message m = { .kind = (uint8_t)kind, .value = value };

    news_tell(&news, &m);
}

/* A link that takes no more. */
static void
fill(void)
{
    const struct courier_message m = { .kind = COURIER_ACK, .value = 7777 };
    int pair[2] = { -1, -1 };

    news = (struct news){ 0 };
    CHECK_INT(link_pair(pair), 0);
    ours = pair[0];
    core = pair[1];
    while (link_send(ours, &m, sizeof(m)) == 0) {
    }
}

/* Of what waits behind the filling. False when there is none. */
static bool
hear(struct courier_message *m)
{
    while (link_receive(core, m, sizeof(*m)) == (ssize_t)sizeof(*m)) {
        if (m->value != 7777) {
            return true;
        }
    }
    return false;
}

static void
end(void)
{
    close(ours);
    close(core);
}

static void
expect(enum courier_kind kind, int32_t value)
{
    struct courier_message m = { 0 };

    CHECK(hear(&m));
    CHECK_INT(m.kind, kind);
    CHECK_INT(m.value, value);
}

static void
a_core_that_is_behind_hears_the_newest_of_each_in_order(void)
{
    struct courier_message m;

    fill();
    tell(COURIER_UP, 1);
    tell(COURIER_KEPT, 2);
    tell(COURIER_DOWN, 3);
    tell(COURIER_KEPT, 4);
    tell(COURIER_UP, 5);
    CHECK_INT(news_send(&news, ours), 0);
    CHECK_INT(news.count, 3);
    while (link_receive(core, &m, sizeof(m)) > 0) {
    }
    CHECK_INT(news_send(&news, ours), 0);
    expect(COURIER_DOWN, 3);
    expect(COURIER_KEPT, 4);
    expect(COURIER_UP, 5);
    CHECK(!hear(&m));
    CHECK_INT(news.count, 0);
    end();
}

static void
dropped_lines_add_up(void)
{
    fill();
    tell(COURIER_DROPPED, 3);
    tell(COURIER_DROPPED, 4);
    CHECK_INT(news.message[COURIER_DROPPED].value, 7);
    tell(COURIER_DROPPED, INT32_MAX);
    CHECK_INT(news.message[COURIER_DROPPED].value, INT32_MAX);
    end();
}

static void
the_secret_of_a_rekey_does_not_stay_behind(void)
{
    static const struct courier_message none;
    struct courier_message m = { .kind = COURIER_REKEY };
    int pair[2] = { -1, -1 };

    memset(m.bytes, 0x5A, sizeof(m.bytes));
    news = (struct news){ 0 };
    CHECK_INT(link_pair(pair), 0);
    news_tell(&news, &m);
    CHECK_INT(news_send(&news, pair[0]), 0);
    CHECK_MEM(&news.message[COURIER_REKEY], &none, sizeof(none));
    close(pair[1]);
    news_tell(&news, &m);
    CHECK(news_send(&news, pair[0]) < 0);
    close(pair[0]);
}

int
main(void)
{
    CHECK_RUN(a_core_that_is_behind_hears_the_newest_of_each_in_order);
    CHECK_RUN(dropped_lines_add_up);
    CHECK_RUN(the_secret_of_a_rekey_does_not_stay_behind);
    return check_result();
}
