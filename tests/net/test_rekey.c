#include "alarm/session.h"
#include "net.h"
#include "support/check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Somebody copies the agent's session file, and later begins an agent from it. What that is worth before a
 * rekey, and after: with real programs, over the network.
 */
#define TOLD_MS 20000
#define REKEY_WITHIN_MS 1800 /* a beat is a second */
#define ROUNDS 20

static struct net ground;

static bool
read_session(struct wire_slot *slot)
{
    int fd = open(net_path(&ground, "agent/session"), O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && session_peek(fd, NET_HOST, slot) == 0;

    close(fd);
    return good;
}

static void
keep_copy(const char *from, const char *to)
{
    static uint8_t bytes[WIRE_SLOT_FILE];
    int in = open(net_path(&ground, from), O_RDONLY | O_CLOEXEC);
    int out = open(net_path(&ground, to), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHECK_INT(read(in, bytes, sizeof(bytes)), sizeof(bytes));
    CHECK_INT(pwrite(out, bytes, sizeof(bytes), 0), sizeof(bytes));
    close(in);
    close(out);
}

/* Has a line of this session been proved since event `from`? */
static bool
is_proved(size_t from, const char *session)
{
    for (size_t i = from; i < ground.events; i++) {
        const struct net_told *e = &ground.event[i];

        if (!e->alarm && strncmp(e->number, session, strlen(session)) == 0 &&
                (strcmp(e->verdict, "OK") == 0 || strcmp(e->verdict, "LATE") == 0)) {
            return true;
        }
    }
    return false;
}

/* The agent runs without a receiver until its file is that of the session after. */
static bool
begin_alone(uint32_t next)
{
    struct wire_slot slot = { .session = 0 };

    net_spawn_agent(&ground);
    for (int i = 0; i < 200 && !(read_session(&slot) && slot.session == next); i++) {
        poll(NULL, 0, 50);
    }
    return slot.session == next;
}

static void
a_copy_from_before_a_rekey_begins_nothing_that_is_proved(void)
{
    const struct net_options options = { .no_witness = true };
    struct wire_slot before = { .session = 0 };
    struct wire_slot after = { .session = 0 };
    size_t from;

    if (!net_begin(&ground, &options)) {
        CHECK(false);
        return;
    }
    CHECK(net_wait(&ground, 0, "agent.rekey", "id=", NULL, TOLD_MS) != NULL);
    net_stop(&ground.agent, SIGTERM);
    net_stop(&ground.belfry, SIGTERM);

    /* Session 2 runs, and is not rekeyed yet: a copy of its disk is good for session 3. */
    CHECK(begin_alone(3));
    CHECK(read_session(&before));
    keep_copy("agent/session", "copy");
    from = ground.events;
    CHECK(net_start_belfry(&ground));
    CHECK(net_wait(&ground, from, "agent.rekey", "id=", NULL, TOLD_MS) != NULL);
    CHECK(read_session(&after));
    CHECK_INT(after.session, 3);
    CHECK(!wire_key_equal(&before.root, &after.root));
    net_stop(&ground.agent, SIGTERM);

    from = ground.events;
    keep_copy("copy", "agent/session");
    net_spawn_agent(&ground);
    CHECK(net_wait(&ground, from, "belfry.forged", NULL, NULL, TOLD_MS) != NULL);
    net_listen(&ground, 1000);
    CHECK(!is_proved(from, "3-"));
    net_stop(&ground.agent, SIGKILL);
    net_end(&ground);
}

static void
an_agent_that_is_killed_behind_each_rekey_is_proved_in_the_next_session(void)
{
    const struct net_options options = { .no_witness = true };

    if (!net_begin(&ground, &options)) {
        CHECK(false);
        return;
    }
    for (int i = 0; i < 4; i++) {
        size_t from = ground.events;

        CHECK(i % 2 == 0 || net_wait(&ground, 0, "agent.rekey", "id=", NULL, TOLD_MS) != NULL);
        net_stop(&ground.agent, SIGKILL);
        if (i >= 2) {
            net_stop(&ground.belfry, SIGKILL);
            CHECK(net_start_belfry(&ground));
        }
        CHECK(net_start_agent(&ground));
        CHECK(net_wait(&ground, from, "agent.rekey", "id=", NULL, TOLD_MS) != NULL);
    }
    CHECK(net_find(&ground, 0, "belfry.forged", NULL, NULL) == NULL);
    CHECK(net_find(&ground, 0, "belfry.rollback", NULL, NULL) == NULL);
    net_end(&ground);
}

/*
 * Both are killed at moments of chance between the agent's start and, mostly, its rekey. TOCSIN_KILLS says
 * how often.
 */
static void
whenever_both_are_killed_the_next_session_is_proved(void)
{
    const struct net_options options = { .no_witness = true };
    const char *text = getenv("TOCSIN_KILLS");
    unsigned rounds = text != NULL ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
    unsigned rekeys = 0;

    if (!net_begin(&ground, &options)) {
        CHECK(false);
        return;
    }
    srandom(1);
    for (unsigned i = 0; i < rounds; i++) {
        bool agent_first = random() % 2 == 0;

        net_listen(&ground, (int)(random() % REKEY_WITHIN_MS));
        net_stop(agent_first ? &ground.agent : &ground.belfry, SIGKILL);
        poll(NULL, 0, (int)(random() % 20));
        net_stop(agent_first ? &ground.belfry : &ground.agent, SIGKILL);
        CHECK(net_start_belfry(&ground));
        CHECK(net_start_agent(&ground));
    }
    CHECK(net_wait(&ground, ground.events, "agent.rekey", NULL, NULL, TOLD_MS) != NULL);
    for (size_t i = 0; i < ground.events; i++) {
        rekeys += strcmp(ground.event[i].code, "agent.rekey") == 0;
    }
    printf("  %u times killed, %u rekeys heard of\n", rounds, rekeys);
    CHECK(net_find(&ground, 0, "belfry.forged", NULL, NULL) == NULL);
    CHECK(net_find(&ground, 0, "belfry.rollback", NULL, NULL) == NULL);
    net_end(&ground);
}

static int
tests(void)
{
    CHECK_RUN(a_copy_from_before_a_rekey_begins_nothing_that_is_proved);
    CHECK_RUN(an_agent_that_is_killed_behind_each_rekey_is_proved_in_the_next_session);
    CHECK_RUN(whenever_both_are_killed_the_next_session_is_proved);
    return check_result();
}

int
main(void)
{
    return net_inside(tests);
}
