#include "alarm/tokens.h"
#include "support/check.h"
#include "wire/line.h"
#include "wire/subject.h"
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
    CHECK(strncmp(line, "path=/u", 7) == 0);
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

static void
a_shortened_subject_is_known_again_in_any_room(void)
{
    static const char *const texts[] = {
        "path=/srv/www/htdocs/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/index.php mode=1",
        "path=/srv/www/htdocs/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/index.php mode=1"
    };
    char names[2][WIRE_SUBJECT_MAX];

    for (int i = 0; i < 2; i++) {
        wire_subject_name(texts[i], strlen(texts[i]), names[i]);
        for (size_t room = 38; room < 110; room++) {
            char name[WIRE_SUBJECT_MAX];
            struct tokens t;

            tokens_begin(&t, texts[i]);
            const char *line = first(&t, room, room % 2 == 0 ? 1234 : -1);
            wire_subject_name(line, strlen(line), name);
            CHECK_STR(name, names[i]);
        }
    }
    CHECK(strcmp(names[0], names[1]) != 0);
    wire_subject_name("port=tcp/22 exe=/usr/sbin/sshd", 30, names[0]);
    CHECK_STR(names[0], "port=tcp/22");
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
    CHECK_RUN(a_shortened_subject_is_known_again_in_any_room);
    CHECK_RUN(any_text_in_any_room_ends_and_fits);
    return check_result();
}
