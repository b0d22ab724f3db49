#include "alarm/tokens.h"
#include "support/check.h"
#include "wire/line.h"
#include <stdlib.h>

static char out[WIRE_LINE_MAX + 1];

static const char *
first(struct tokens *t, size_t room, int64_t of)
{
    size_t n = tokens_first(t, room, of, out, WIRE_LINE_MAX);

    CHECK(n <= room);
    out[n] = '\0';
    return out;
}

static const char *
more(struct tokens *t, size_t room)
{
    size_t n = tokens_more(t, room, 42, out, WIRE_LINE_MAX);

    CHECK(n <= room);
    out[n] = '\0';
    return out;
}

static void
what_fits_goes_into_one_line(void)
{
    struct tokens t;

    tokens_begin(&t, "path=/etc/passwd mode=0644>0666");
    CHECK_STR(first(&t, 60, -1), "path=/etc/passwd mode=0644>0666");
    CHECK_STR(more(&t, 60), "");
}

static void
of_stands_behind_the_subject(void)
{
    struct tokens t;

    tokens_begin(&t, "path=/etc/passwd mode=0644>0666");
    CHECK_STR(first(&t, 60, 7), "path=/etc/passwd of=7 mode=0644>0666");
}

static void
what_does_not_fit_follows(void)
{
    struct tokens t;

    tokens_begin(&t, "path=/etc/passwd mode=0644>0666 was=ABCDEF");
    CHECK_STR(first(&t, 29, -1), "path=/etc/passwd was=ABCDEF");
    CHECK_STR(more(&t, 40), "of=42 mode=0644>0666");
    CHECK_STR(more(&t, 40), "");
}

static void
a_long_subject_is_shortened_first_and_told_whole_in_pieces(void)
{
    struct tokens t;
    char joined[400] = "";
    bool told_mode = false;
    const char *path =
            "/usr/lib/x86_64-linux-gnu/%0Aperl-base/unicore/lib/Age/NA.pl/and/a/good/deal/further/down";
    char text[200];

    snprintf(text, sizeof(text), "path=%s mode=0644>0666", path);
    tokens_begin(&t, text);
    const char *line = first(&t, 40, 9);
    CHECK(strncmp(line, "path=/usr/", 10) == 0);
    CHECK(strstr(line, "%+") != NULL);
    CHECK(strstr(line, " of=9") != NULL);
    for (int i = 1; i < 20; i++) {
        char key[24];
        line = more(&t, 40);
        snprintf(key, sizeof(key), "path-%d=", i);
        const char *at = strstr(line, key);
        if (at == NULL) {
            break;
        }
        strncat(joined, at + strlen(key), strcspn(at + strlen(key), " "));
        told_mode = told_mode || strstr(line, " mode=0644>0666") != NULL;
    }
    CHECK(told_mode);
    CHECK_STR(joined, path);
    CHECK_STR(more(&t, 40), "");
}

/* Whatever the text and the room: it ends, no line is too long, and every token is told somewhere. */
static void
any_text_in_any_room_ends_and_fits(void)
{
    srand(7);
    for (int round = 0; round < 20000; round++) {
        char text[FINDING_TEXT + 1];
        size_t len = 0;
        size_t want = (size_t)rand() % (FINDING_TEXT - 10);
        size_t room = 20 + (size_t)rand() % 90;
        struct tokens t;
        int lines = 0;

        while (len < want) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%sk%d=", len > 0 ? " " : "", rand() % 9);
            for (int n = rand() % 60; n > 0 && len < want; n--) {
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", rand() % 5 == 0 ? "%1B" : "x");
            }
        }
        text[len] = '\0';
        tokens_begin(&t, text);
        first(&t, room, rand() % 2 == 0 ? 1234567 : -1);
        while (more(&t, room)[0] != '\0' && lines < 200) {
            lines++;
        }
        CHECK(lines < 200);
    }
}

int
main(void)
{
    CHECK_RUN(what_fits_goes_into_one_line);
    CHECK_RUN(of_stands_behind_the_subject);
    CHECK_RUN(what_does_not_fit_follows);
    CHECK_RUN(a_long_subject_is_shortened_first_and_told_whole_in_pieces);
    CHECK_RUN(any_text_in_any_room_ends_and_fits);
    return check_result();
}
