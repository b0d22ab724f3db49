#include "attack.h"
#include <stdlib.h>

/*
 * Each row of the attacker's table, done so many times: the longest time until the receiver showed it, beside
 * what is promised. TOCSIN_ATTACK_REPEAT (2) says how often, TOCSIN_ATTACK_SLOW_REPEAT (half of that) how
 * often rows that take long;
 * TOCSIN_ATTACK_SLACK (3) by what the limits are multiplied for the verdict, as the machine may be busy;
 * TOCSIN_ATTACK_ROWS which rows: those whose name has this in it, or one of these ("no memory,SIGSTOP").
 */
#define REPEAT 2
#define SLACK 3
#define MORE_MS 2000 /* waited for longer than that, to show by how much it is missed */
#define ROUNDS_MOST 1000
#define SHOWN_MOST 60

struct result {
    double ms[ROUNDS_MOST];
    unsigned shown;
    unsigned done;
};

static bool begun;
static bool touched; /* since then */

static unsigned
setting(const char *name, unsigned usual)
{
    const char *text = getenv(name);
    unsigned long n = text != NULL ? strtoul(text, NULL, 10) : 0;

    return n > 0 && n < ROUNDS_MOST ? (unsigned)n : usual;
}

static const char *
name_of(const struct attack_row *row)
{
    static char name[64];

    snprintf(name, sizeof(name), "%s%s%s", row->name, row->role != NULL ? " " : "",
            row->role != NULL ? row->role : "");
    return name;
}

static bool
wanted(const struct attack_row *row)
{
    const char *which = getenv("TOCSIN_ATTACK_ROWS");
    bool is_wanted = which == NULL;

    while (!is_wanted && which != NULL) {
        const char *end = strchrnul(which, ',');

        is_wanted = memmem(name_of(row), strlen(name_of(row)), which, (size_t)(end - which)) != NULL;
        which = *end != '\0' ? end + 1 : NULL;
    }
    return is_wanted;
}

static void
end(void)
{
    net_end(&attack_ground);
    attack_cable_end();
    begun = false;
}

static bool
both_ends_run(const struct attack_row *row)
{
    if (begun && row->fresh && touched) {
        end();
    }
    if (!begun) {
        touched = false;
        begun = attack_begin();
        if (!begun) {
            end();
        }
    }
    return begun;
}

static const struct net_told *
wait_for(const struct attack_row *row, size_t from, int timeout_ms)
{
    return row->shown != NULL ? row->shown(row, from, timeout_ms)
                              : net_wait(&attack_ground, from, row->code, row->detail, row->line, timeout_ms);
}

/* What was told since then, for who has to find out why it was not enough. */
static void
show_told(size_t from, int64_t struck_us)
{
    size_t first = attack_ground.events > from + SHOWN_MOST ? attack_ground.events - SHOWN_MOST : from;

    for (size_t i = first; i < attack_ground.events; i++) {
        const struct net_told *e = &attack_ground.event[i];

        printf("    %8.0f ms %s %s %s %s %s\n", net_ms(e, struck_us), e->line, e->verdict, e->code, e->number,
                e->detail);
    }
}

/* False when what it did could not be undone. */
static bool
strike_once(const struct attack_row *row, unsigned slack, struct result *r)
{
    size_t from = attack_ground.events;
    int64_t struck_us = net_now_us();

    bool healed = true;

    touched = true;
    r->done++;
    if (!row->strike(row)) {
        printf("  %s: could not be done\n", name_of(row));
    } else {
        const struct net_told *e = wait_for(row, from, row->limit_ms * (int)slack + MORE_MS);

        if (e != NULL) {
            r->ms[r->shown++] = net_ms(e, struck_us);
        } else {
            printf("  %s: not shown\n", name_of(row));
            show_told(from, struck_us);
        }
    }
    if (!row->heal(row)) {
        printf("  %s: not well again; both ends are set up anew\n", name_of(row));
        show_told(from, struck_us);
        end();
        healed = false;
    }
    if (row->fresh && begun) {
        end();
    }
    return healed;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y ? 1 : 0;
}

static void
tell(const struct attack_row *row, unsigned slack, struct result *r)
{
    qsort(r->ms, r->shown, sizeof(r->ms[0]), compare);
    double most = r->shown > 0 ? r->ms[r->shown - 1] : -1;
    bool all = r->shown == r->done;
    const char *met = !all                                    ? "NOT SHOWN"
                      : most <= row->limit_ms                 ? "met"
                      : most <= (double)row->limit_ms * slack ? "late"
                                                              : "MISSED";

    printf("%-28s %3u %9.0f %9.0f %9d  %s\n", name_of(row), r->shown, r->shown > 0 ? r->ms[r->shown / 2] : -1,
            most, row->limit_ms, met);
    fflush(stdout);
    CHECK(all && most <= (double)row->limit_ms * slack);
}

static unsigned
repeat_of(const struct attack_row *row)
{
    unsigned repeat = setting("TOCSIN_ATTACK_REPEAT", REPEAT);

    return row->slow ? setting("TOCSIN_ATTACK_SLOW_REPEAT", (repeat + 1) / 2) : repeat;
}

static void
measure(const struct attack_row *row)
{
    static struct result r;
    unsigned repeat = repeat_of(row);
    unsigned slack = setting("TOCSIN_ATTACK_SLACK", SLACK);

    memset(&r, 0, sizeof(r));
    for (unsigned i = 0; i < repeat; i++) {
        if (!both_ends_run(row)) {
            CHECK(begun);
            return;
        }
        const char *why = row->prepare != NULL ? row->prepare(row) : NULL;
        if (why != NULL) {
            printf("%-28s skip: %s\n", name_of(row), why);
            return;
        }
        CHECK(strike_once(row, slack, &r));
    }
    tell(row, slack, &r);
}

static const struct {
    const char *name;
    const struct attack_row *rows;
} tables[] = {
    { "processes", attack_on_processes },
    { "channel", attack_on_channel },
    { "network", attack_on_network },
    { "files", attack_on_files },
    { "machine", attack_on_machine },
    { "receiver", attack_on_receiver },
    { "kernel", attack_on_kernel },
};

static char **asked; /* names of tables, all without one */

static bool
is_asked(const char *name)
{
    for (char **word = asked; *word != NULL; word++) {
        if (strcmp(*word, name) == 0) {
            return true;
        }
    }
    return *asked == NULL;
}

static void
what_an_attacker_does_is_shown_in_time(void)
{
    unsigned rows = 0;

    printf("%-28s %3s %9s %9s %9s\n", "action", "n", "median ms", "max ms", "limit ms");
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct attack_row *row = tables[t].rows; is_asked(tables[t].name) && row->name != NULL;
                row++) {
            if (wanted(row)) {
                measure(row);
                rows++;
            }
        }
    }
    if (begun) {
        end();
    }
    CHECK(rows > 0); /* a name of TOCSIN_ATTACK_ROWS, or of a table, that nothing has */
}

static int
tests(void)
{
    if (!attack_place()) {
        return 1;
    }
    CHECK_RUN(what_an_attacker_does_is_shown_in_time);
    return check_result();
}

int
main(int argc, char **argv)
{
    asked = argv + (argc > 0);
    return net_inside(tests);
}
