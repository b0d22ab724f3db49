#include "cmd/explain.h"
#include "alarm/finding.h"
#include "belfry/ledger/rules.h"
#include "support/check.h"

/* How many entries have this very code. */
static unsigned
entries_of(const char *code)
{
    unsigned n = 0;

    for (unsigned i = 0; explain_entry(i) != NULL; i++) {
        n += strcmp(explain_entry(i)->code, code) == 0;
    }
    return n;
}

static void
has_one_entry(const char *code)
{
    if (entries_of(code) != 1) {
        printf("%s has %u entries\n", code, entries_of(code));
    }
    CHECK_INT(entries_of(code), 1);
}

static void
every_code_of_a_finding_is_explained_once(void)
{
    for (unsigned code = 0; code < FINDING_CODES; code++) {
        has_one_entry(finding_code_name((enum finding_code)code));
        has_one_entry(finding_code_over((enum finding_code)code));
    }
}

static void
every_verdict_is_explained_under_its_name_and_its_alarm_code(void)
{
    for (unsigned v = 0; v < WIRE_VERDICTS; v++) {
        const struct record record = { .kind = RECORD_EVENT, .verdict = (enum wire_verdict)v };
        unsigned n = 0;
        struct rule rule;

        for (unsigned i = 0; explain_entry(i) != NULL; i++) {
            n += explain_matches(explain_entry(i), wire_verdict_name((enum wire_verdict)v));
        }
        CHECK_INT(n, 1);
        rule_of(&record, &rule);
        if (rule.code[0] != '\0') {
            has_one_entry(rule.code);
        }
    }
}

static void
every_other_code_on_a_line_is_explained(void)
{
    static const char *const codes[] = { "agent.start", "agent.stop", "agent.beat", "agent.flood",
        "test.alarm", "more", "belfry.ledger", "line.lost", "line.link", "line.log", "line.drop",
        "line.shared", "line.noise", "line.break", "line.modem" };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        has_one_entry(codes[i]);
    }
}

static void
every_entry_says_what_it_means_when_why_and_what_to_do(void)
{
    for (unsigned i = 0; explain_entry(i) != NULL; i++) {
        const struct explanation *e = explain_entry(i);
        const char *const parts[] = { e->means, e->raised, e->causes, e->act };

        for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
            CHECK(parts[p] != NULL && parts[p][0] != '\0' && parts[p][strlen(parts[p]) - 1] == '.');
        }
        CHECK_INT(entries_of(e->code), 1);
    }
}

static void
an_area_asks_for_all_of_it_and_half_a_word_for_nothing(void)
{
    unsigned area = 0;

    for (unsigned i = 0; explain_entry(i) != NULL; i++) {
        area += explain_matches(explain_entry(i), "mount");
        CHECK(!explain_matches(explain_entry(i), "mou"));
        CHECK(!explain_matches(explain_entry(i), ""));
    }
    CHECK(area >= 5);
}

int
main(void)
{
    CHECK_RUN(every_code_of_a_finding_is_explained_once);
    CHECK_RUN(every_verdict_is_explained_under_its_name_and_its_alarm_code);
    CHECK_RUN(every_other_code_on_a_line_is_explained);
    CHECK_RUN(every_entry_says_what_it_means_when_why_and_what_to_do);
    CHECK_RUN(an_area_asks_for_all_of_it_and_half_a_word_for_nothing);
    return check_result();
}
