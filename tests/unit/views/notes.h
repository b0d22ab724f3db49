#ifndef TESTS_UNIT_VIEWS_NOTES_H
#define TESTS_UNIT_VIEWS_NOTES_H
/*
 * notes - what a detector told, kept for the checks of one test program
 */
#include "support/check.h"
#include "watch/detector.h"
#include <time.h>

#define NOTES 4096

static struct finding notes[NOTES];
static unsigned note_count;
static struct conf conf;

static inline void
take_note(void *to, const struct finding *f)
{
    (void)to;
    CHECK(finding_valid(f, sizeof(*f)));
    CHECK(note_count < NOTES);
    if (note_count < NOTES) {
        notes[note_count++] = *f;
    }
}

static inline void
keep_alive(void *to)
{
    (void)to;
}

static const struct detector_env env = { .conf = &conf, .report = take_note, .alive = keep_alive };

/* The notes of one op and code with this in their text. */
static inline unsigned
noted(enum finding_op op, enum finding_code code, const char *text)
{
    unsigned count = 0;

    for (unsigned i = 0; i < note_count; i++) {
        count += notes[i].op == op && notes[i].code == code && strstr(notes[i].text, text) != NULL;
    }
    return count;
}

/* Is it open in the core, by all that was told: also by what a pass did not see again. */
static inline bool
is_open(enum finding_code code, const char *text)
{
    bool open = false;
    bool seen = false;

    for (unsigned i = 0; i < note_count; i++) {
        const struct finding *f = &notes[i];
        bool match = f->code == code && strstr(f->text, text) != NULL;

        seen = (seen && f->op != FINDING_PASS_BEGIN) || (match && f->op == FINDING_OPEN) ||
               code == FINDING_AGENT_SELF;
        if (match && (f->op == FINDING_OPEN || f->op == FINDING_CLOSE)) {
            open = f->op == FINDING_OPEN;
        } else if (f->op == FINDING_PASS_END) {
            open = open && seen;
        }
    }
    return open;
}

/* A configuration with one line of its own. */
static inline void
configure(const char *line)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "Host a\n%s\n", line);

    CHECK(conf_init(&conf, NULL, NULL));
    CHECK_INT(conf_parse(&conf, "t", text, (size_t)len, NULL, NULL), 0);
    note_count = 0;
}

#endif
