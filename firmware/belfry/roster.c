#include "belfry/run.h"

#include "belfry/events.h"
#include "belfry/pages.h"
#include "belfry/state.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

_Static_assert(offsetof(struct run_line, line.stream.history) <= PAGES_SIZE, "a line is one page");

/* What a line may stand in the ledger for; a line that is taken away ends it. */
static const char *const troubles[] = { "line.lost", "line.link", "line.log", "line.drop", "line.shared",
    "line.noise" };

static struct run_line *
make_line(struct run *run, const struct conf_line *conf)
{
    struct run_line *rl = pages_take(sizeof *rl);

    if (rl != NULL) {
        rl->run = run;
        line_init(&rl->line, conf, run->now_ms);
        rl->line.epoll = run->rota.epoll;
    }
    return rl;
}

/* 0 or -errno; then there is no such line. */
static int
add_line(struct run *run, const struct conf_line *conf)
{
    struct run_line *rl = make_line(run, conf);
    int error = rl != NULL ? intake_prepare(rl) : -ENOMEM;

    if (error != 0) {
        pages_give(rl, sizeof *rl);
        return error;
    }
    rl->place = run->lines;
    run->line[run->lines++] = rl;
    run->files += conf->kind == CONF_FILE;
    return 0;
}

int
roster_take(struct run *run, const char **failed)
{
    int error = rota_arrange(&run->rota, run->conf->lines, NULL);

    *failed = "lines";
    transcripts_survey(&run->transcripts);
    for (unsigned i = 0; error == 0 && i < run->conf->lines; i++) {
        *failed = run->conf->line[i].name;
        error = add_line(run, &run->conf->line[i]);
    }
    transcripts_surveyed(&run->transcripts);
    return error;
}

/* ---- reload */

struct plan {
    uint32_t from[CONF_LINES]; /* the place of each new line until now; ROTA_NEW for one that is not there yet
                                */
    bool stays[CONF_LINES];    /* of the lines until now */
};

static const struct conf_line *
namesake(const struct conf *conf, const char *name)
{
    const struct conf_line *l = conf_line_find(conf, name);

    return l != NULL && strcmp(l->name, name) == 0 ? l : NULL;
}

static void
make_plan(const struct run *run, const struct conf *next, struct plan *plan, struct roster_change *change)
{
    memset(plan, 0, sizeof *plan);
    memset(plan->from, 0xFF, sizeof plan->from);
    for (unsigned i = 0; i < run->lines; i++) {
        const struct conf_line *is = run->line[i]->line.conf;
        const struct conf_line *will = namesake(next, is->name);

        if (will == NULL) {
            change->removed++;
        } else if (conf_line_same(is, will)) {
            plan->stays[i] = true;
            plan->from[will - next->line] = i;
        } else {
            change->changed++;
        }
    }
    change->lines = next->lines;
    change->added = next->lines + change->removed - run->lines;
}

static void
end_troubles(struct run_line *rl)
{
    char subject[CONF_NAME + 8];

    (void)snprintf(subject, sizeof subject, "line=%s", rl->line.conf->name);
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        if (ledger_standing(rl->run->ledger, "", troubles[i], subject)) {
            intake_tell(rl, troubles[i], WIRE_ERRO, true, "why=removed");
        }
    }
}

/* All that a line has is judged and on record before it goes. */
static bool
settle_leaving(struct run *run, const struct conf *next, const struct plan *plan)
{
    if (!commit_now(run)) {
        return false;
    }
    for (unsigned i = 0; i < run->lines; i++) {
        struct run_line *rl = run->line[i];

        if (!plan->stays[i]) {
            wire_stream_flush(&rl->line.stream);
            attach_end(rl);
            if (namesake(next, rl->line.conf->name) == NULL) {
                end_troubles(rl);
                bench_forget_path(&run->bench, rl->line.conf->name);
            }
        }
    }
    tell_leave(run, next);
    return commit_now(run);
}

static void
say_gone(struct run_line *rl, bool removed)
{
    struct run *run = rl->run;
    char text[EVENTS_TEXT];

    if (run->events) {
        (void)out_put(&run->out, text,
                events_line(text, run->utc_us, rl->line.conf->name, false,
                        removed ? "reason=removed" : "reason=changed"));
    }
}

/* From the old lines to the new ones; those that stay only change their place. */
static void
exchange(struct run *run, struct conf *next, const struct plan *plan, struct roster_change *change)
{
    static struct run_line *was[CONF_LINES];
    unsigned count = run->lines;

    for (unsigned i = 0; i < count; i++) {
        was[i] = run->line[i];
        if (!plan->stays[i]) {
            say_gone(was[i], namesake(next, was[i]->line.conf->name) == NULL);
            line_close(&was[i]->line);
            transcript_close(&was[i]->line.transcript, run->now_ms);
            pages_give(was[i], sizeof *was[i]);
        }
    }
    conf_swap_lines(&run->own, next);
    run->lines = 0;
    run->files = 0;
    transcripts_survey(&run->transcripts);
    for (unsigned i = 0; i < run->conf->lines; i++) {
        const struct conf_line *conf = &run->conf->line[i];
        int error = 0;

        if (plan->from[i] != ROTA_NEW) {
            struct run_line *rl = was[plan->from[i]];

            rl->line.conf = conf;
            rl->place = run->lines;
            run->line[run->lines++] = rl;
            run->files += conf->kind == CONF_FILE;
        } else {
            error = add_line(run, conf);
        }
        if (error != 0) {
            change->failed++;
            out_warn("line %s: %s; it is not watched", conf->name, strerror(-error));
        }
    }
    transcripts_surveyed(&run->transcripts);
}

/* A file of rules may say something else though its line stands as it stood. */
static void
take_rules(struct run *run, struct notice_sets *rules)
{
    for (unsigned i = 0; i < run->lines; i++) {
        run->line[i]->notices = notice_set(rules, run->line[i]->line.conf->options.rules);
    }
    notice_free(run->notices);
    run->notices = rules;
}

static void
warn_of(const struct conf_errors *errors)
{
    for (unsigned i = 0; i < errors->count && i < CONF_ERRORS_MAX; i++) {
        out_warn("%s", errors->text[i]);
    }
    out_warn("the configuration has errors: the one before goes on");
}

/* The configuration and its rules. False, with the reason told, when nothing was changed. */
static bool
read_next(const struct run *run, struct conf *next, struct notice_sets **rules, struct roster_change *change)
{
    static struct conf_errors errors;

    errors.count = 0;
    *rules = NULL;
    conf_defaults(next);
    change->errors = &errors;
    if (run->config == NULL) {
        errors.count = 1;
        (void)snprintf(errors.text[0], CONF_ERROR_TEXT, "started without a configuration file; none is read");
    } else if (conf_load(next, run->config, &errors) == 0 && next->lines + next->listens == 0) {
        errors.count = 1;
        (void)snprintf(errors.text[0], CONF_ERROR_TEXT, "no line is configured; expected at least one");
    } else if (errors.count == 0) {
        (void)notice_load(next, &errors, rules);
    }
    return errors.count == 0;
}

static void
say_fixed(const struct run *run, const struct conf *next, struct roster_change *change)
{
    static struct conf_fixed fixed;

    change->fixed = conf_fixed(run->conf, next, run->config, &fixed);
    change->fixed_text = &fixed;
    for (unsigned i = 0; i < change->fixed; i++) {
        out_warn("%s", fixed.text[i]);
    }
}

bool
roster_reload(struct run *run, struct roster_change *change)
{
    static struct conf next;
    static struct plan plan;
    struct notice_sets *rules;
    const struct tell_change *tell = &change->notifiers;
    char text[EVENTS_TEXT];
    char counts[250];

    memset(change, 0, sizeof *change);
    if (!read_next(run, &next, &rules, change)) {
        warn_of(change->errors);
        conf_free(&next);
        return false;
    }
    make_plan(run, &next, &plan, change);
    if (!settle_leaving(run, &next, &plan) || !tell_reload(run, &next, &change->notifiers) ||
            rota_arrange(&run->rota, next.lines, plan.from) != 0) {
        out_warn("the ledger cannot be written: the configuration of before goes on");
        conf_free(&next);
        notice_free(rules);
        return false;
    }
    exchange(run, &next, &plan, change);
    take_rules(run, rules);
    attach_reload(run, &next);
    conf_swap_notifiers(&run->own, &next);
    say_fixed(run, &next, change);
    conf_free(&next);
    rota_cut(&run->rota, run->lines);
    (void)keeper_start(&run->keeper, run->conf, run->transcripts.dir, run->transcripts.floor, run->now_ms);
    (void)snprintf(counts, sizeof counts,
            "lines=%u added=%u removed=%u changed=%u notifiers=%u notifiers-added=%u notifiers-removed=%u "
            "notifiers-changed=%u notifiers-renewed=%u",
            change->lines, change->added, change->removed, change->changed, tell->notifiers, tell->added,
            tell->removed, tell->changed, tell->renewed);
    out_warn("configuration read again: %s", counts);
    if (run->events) {
        (void)out_put(&run->out, text, events_simple(text, "RELOAD", run->utc_us, counts));
    }
    return true;
}
