#include "alarm/finding.h"
#include "support/check.h"

static void
a_finding_with_any_byte_in_its_subject_is_valid(void)
{
    for (unsigned c = 0; c < 256; c++) {
        uint8_t subject[3] = { 'a', (uint8_t)c, 'b' };
        struct finding f;

        finding_begin(&f, FINDING_INTEGRITY_CHANGED, "path", subject, sizeof(subject));
        finding_add(&f, "link", subject, sizeof(subject));
        CHECK(finding_valid(&f, sizeof(f)));
        CHECK(strncmp(f.text, "path=a", 6) == 0);
    }
}

static void
one_subject_has_one_id_whatever_the_code(void)
{
    struct finding changed;
    struct finding gone;
    struct finding port;

    finding_begin(&changed, FINDING_INTEGRITY_CHANGED, "path", "/etc/a", 6);
    finding_begin(&gone, FINDING_INTEGRITY_GONE, "path", "/etc/a", 6);
    finding_begin(&port, FINDING_PORT_GONE, "port", "/etc/a", 6);
    CHECK_MEM(changed.id, gone.id, sizeof(gone.id));
    CHECK(memcmp(changed.id, port.id, sizeof(port.id)) != 0);
}

static void
a_message_that_is_cut_or_out_of_range_is_not_valid(void)
{
    struct finding f;
    struct finding bad;

    finding_begin(&f, FINDING_DAEMON_DOWN, "exe", "/usr/sbin/cron", 14);
    CHECK(!finding_valid(&f, sizeof(f) - 1));
    bad = f;
    bad.code = FINDING_CODES;
    CHECK(!finding_valid(&bad, sizeof(bad)));
    bad = f;
    bad.op = FINDING_OPS;
    CHECK(!finding_valid(&bad, sizeof(bad)));
    bad = f;
    bad.text[3] = '\n';
    CHECK(!finding_valid(&bad, sizeof(bad)));
    bad = f;
    bad.text[3] = '!';
    CHECK(!finding_valid(&bad, sizeof(bad)));
    bad = f;
    bad.text_len = FINDING_TEXT + 1;
    CHECK(!finding_valid(&bad, sizeof(bad)));
    bad = f;
    bad.text[bad.text_len] = 'x';
    CHECK(!finding_valid(&bad, sizeof(bad)));
}

static void
details_that_do_not_fit_are_left_out_whole(void)
{
    struct finding f;
    char long_value[150];

    memset(long_value, 'v', sizeof(long_value));
    finding_begin(&f, FINDING_INTEGRITY_CHANGED, "path", "/a", 2);
    for (int i = 0; i < 10; i++) {
        finding_add(&f, "k", long_value, sizeof(long_value));
    }
    CHECK(finding_valid(&f, sizeof(f)));
    CHECK_INT((f.text_len - 7) % 153, 0);
    CHECK(f.text_len > 300);
}

int
main(void)
{
    CHECK_RUN(a_finding_with_any_byte_in_its_subject_is_valid);
    CHECK_RUN(one_subject_has_one_id_whatever_the_code);
    CHECK_RUN(a_message_that_is_cut_or_out_of_range_is_not_valid);
    CHECK_RUN(details_that_do_not_fit_are_left_out_whole);
    return check_result();
}
