#include "support/check.h"

#include "belfry/conf.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static struct conf conf;
static struct conf_errors errors;

static unsigned
parse(const char *text)
{
    conf_defaults(&conf);
    memset(&errors, 0, sizeof errors);
    return conf_parse(&conf, "belfry.conf", text, strlen(text), &errors);
}

static void
a_full_file_sets_every_field(void)
{
    CHECK_INT(parse("# comment\n\nstatedir /srv/b\nONALARM \"/opt/my hook\"\nSyslog local3\n"
                    "Line a pty /run/a 0620\nline b serial /dev/ttyS1 9600 # behind\n\tLine  c file "
                    "\"/var/log/c d\"\n"
                    "Line d serial /dev/ttyS2\nLine e pty /run/e"),
            0);
    CHECK_STR(conf.state_dir, "/srv/b");
    CHECK_STR(conf.on_alarm, "/opt/my hook");
    CHECK(conf.syslog);
    CHECK_INT(conf.facility, LOG_LOCAL3);
    CHECK_INT(conf.lines, 5);
    CHECK_INT(conf.line[0].kind, CONF_PTY);
    CHECK_INT(conf.line[0].mode, 0620);
    CHECK_INT(conf.line[1].kind, CONF_SERIAL);
    CHECK_INT(conf.line[1].baud, 9600);
    CHECK_STR(conf.line[2].path, "/var/log/c d");
    CHECK_INT(conf.line[3].baud, 115200);
    CHECK_INT(conf.line[4].mode, 0600);
    CHECK_INT(parse("Syslog no\n"), 0);
    CHECK(!conf.syslog);
}

struct wrong {
    const char *text;
    const char *want; /* how the error begins */
};

static void
each_error_names_file_line_and_what_was_expected(void)
{
    static const struct wrong cases[] = {
        { "Foo bar\n", "belfry.conf:1: \"Foo\"; expected a keyword" },
        { "\n\nStateDir\n", "belfry.conf:3: 0 arguments; expected StateDir DIRECTORY" },
        { "StateDir a\n", "belfry.conf:1: \"a\"; expected a directory, an absolute path" },
        { "StateDir /a /b\n", "belfry.conf:1: 2 arguments; expected StateDir" },
        { "StateDir /a\nStateDir /b\n",
                "belfry.conf:2: \"StateDir\" a second time; expected it once (it stands in line 1)" },
        { "OnAlarm hook\n", "belfry.conf:1: \"hook\"; expected a program" },
        { "Syslog maybe\n", "belfry.conf:1: \"maybe\"; expected yes, no or a facility" },
        { "Line a pty\n", "belfry.conf:1: 2 arguments; expected Line NAME" },
        { "Line ../a pty /x\n", "belfry.conf:1: \"../a\"; expected a line name" },
        { "Line .a pty /x\n", "belfry.conf:1: \".a\"; expected a line name" },
        { "Line a23456789012345678901234567890123 pty /x\n", "belfry.conf:1: \"a2345678" },
        { "Line a tty /x\n", "belfry.conf:1: \"tty\"; expected pty, serial or file" },
        { "Line a pty x\n", "belfry.conf:1: \"x\"; expected a symbolic link to make, an absolute path" },
        { "Line a pty /x 0666\n", "belfry.conf:1: \"0666\"; expected a mode: 0600, 0620 or 0660" },
        { "Line a serial /x 9601\n", "belfry.conf:1: \"9601\"; expected a speed" },
        { "Line a serial /x -1\n", "belfry.conf:1: \"-1\"; expected a speed" },
        { "Line a file /x end\n", "belfry.conf:1: \"end\"; expected nothing behind" },
        { "Line a pty /x\nLine A pty /y\n", "belfry.conf:2: line name \"A\" a second time" },
        { "Line a pty /x\nLine b file /x\n", "belfry.conf:2: \"/x\" a second time" },
        { "Line a pty \"/x\n", "belfry.conf:1: a quote that stays open" },
        { "Line a pty /x\"y\n", "belfry.conf:1: a quote inside a word" },
        { "Line a pty \"/x\"y\n", "belfry.conf:1: text right behind a closing quote" },
        { "StateDir /a\033[2J\n", "belfry.conf:1: byte 0x1B in a word" },
        { "a b c d e f g\n", "belfry.conf:1: more than 6 words" },
        { "Syslog \xff\n", "belfry.conf:1: \"%FF\"; expected" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(parse(cases[i].text), 1);
        if (strncmp(errors.text[0], cases[i].want, strlen(cases[i].want)) != 0) {
            CHECK_STR(errors.text[0], cases[i].want);
        }
        CHECK(strstr(errors.text[0], "expected") != NULL);
    }
}

static void
all_errors_are_told_up_to_twenty(void)
{
    char text[1000] = "";

    for (int i = 0; i < 25; i++) {
        (void)snprintf(text + 9 * (size_t)i, 10, "Bad line\n");
    }
    CHECK_INT(parse(text), 25);
    CHECK(strncmp(errors.text[0], "belfry.conf:1:", 14) == 0);
    CHECK(strncmp(errors.text[19], "belfry.conf:20:", 15) == 0);
    CHECK_INT(parse("Bad a\nSyslog no\nLine x pty y\nStateDir /s\n"), 2);
    CHECK(strncmp(errors.text[1], "belfry.conf:3:", 14) == 0);
}

static void
a_word_or_a_count_beyond_its_bound_is_an_error(void)
{
    static char text[CONF_LINES * 40 + 2000];
    size_t n = 0;

    (void)snprintf(text, sizeof text, "%s", "StateDir /");
    memset(text + 10, 'a', 600);
    CHECK_INT(parse(text), 1);
    CHECK(strstr(errors.text[0], "a word of more than 511 bytes") != NULL);
    for (int i = 0; i <= CONF_LINES; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "Line l%d pty /run/%d\n", i, i);
    }
    CHECK_INT(parse(text), 1);
    CHECK(strstr(errors.text[0], "more than 256 lines") != NULL);
}

static void
what_is_not_a_readable_file_is_one_error(void)
{
    char dir[] = "/tmp/belfry-conf-XXXXXX";
    char path[64];

    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/fifo", dir);
    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK_INT(conf_load(&conf, path, &errors), 1);
    CHECK(strstr(errors.text[0], "expected a regular file") != NULL);
    CHECK_INT(conf_load(&conf, dir, &errors), 1);
    CHECK(strstr(errors.text[0], dir) != NULL);
    (void)unlink(path);
    CHECK_INT(conf_load(&conf, path, &errors), 1);
    CHECK(strstr(errors.text[0], "No such file") != NULL);
    (void)rmdir(dir);
}

int
main(void)
{
    CHECK_RUN(a_full_file_sets_every_field);
    CHECK_RUN(each_error_names_file_line_and_what_was_expected);
    CHECK_RUN(all_errors_are_told_up_to_twenty);
    CHECK_RUN(a_word_or_a_count_beyond_its_bound_is_an_error);
    CHECK_RUN(what_is_not_a_readable_file_is_one_error);
    return check_result();
}
