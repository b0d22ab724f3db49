#include "support/check.h"

#include "belfry/conf.h"
#include "belfry/notify/kinds.h"
#include "wire/line.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define WORDS_TRIED 60

static struct conf conf;
static struct conf_errors errors;

static unsigned
parse(const char *text)
{
    conf_free(&conf);
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
                    "Line d serial /dev/ttyS2\nLine e pty /run/e\nLine f serial usb:0403:6001:A50285BI 9600 "
                    "7e1\nLine g serial usb-port:1-1.4:1.2"),
            0);
    CHECK_STR(conf.state_dir, "/srv/b");
    CHECK_STR(conf.on_alarm, "/opt/my hook");
    CHECK(conf.syslog);
    CHECK_INT(conf.facility, LOG_LOCAL3);
    CHECK_INT(conf.lines, 7);
    CHECK_STR(conf.line[6].path, "usb-port:1-1.4:1.2");
    CHECK_STR(conf.line[5].path, "usb:0403:6001:A50285BI");
    CHECK_STR(conf.line[5].options.frame, "7e1");
    CHECK_INT(conf.line[0].kind, CONF_PTY);
    CHECK_INT(conf.line[0].options.mode, 0620);
    CHECK_INT(conf.line[1].kind, CONF_SERIAL);
    CHECK_INT(conf.line[1].options.baud, 9600);
    CHECK_STR(conf.line[2].path, "/var/log/c d");
    CHECK_INT(conf.line[3].options.baud, 115200);
    CHECK_INT(conf.line[4].options.mode, 0600);
    CHECK_INT(parse("Syslog no\n"), 0);
    CHECK(!conf.syslog);
}

static void
an_address_is_taken_with_a_port_and_without_one(void)
{
    static const struct {
        const char *text;
        const char *address;
        unsigned port;
    } good[] = {
        { "Listen 192.0.2.1", "192.0.2.1", CONF_DEFAULT_PORT },
        { "Listen 0.0.0.0:1", "0.0.0.0", 1 },
        { "listen 2001:db8::1", "2001:db8::1", CONF_DEFAULT_PORT },
        { "Listen [2001:db8::1]", "2001:db8::1", CONF_DEFAULT_PORT },
        { "Listen [::]:65535", "::", 65535 },
    };
    static const char *const bad[] = { "Listen 192.0.2.1:", "Listen 192.0.2.1:0", "Listen 192.0.2.1:65536",
        "Listen 192.0.2.1:1x", "Listen 192.0.2.1:+1", "Listen [192.0.2.1]:1", "Listen [::1", "Listen [::1]1",
        "Listen name:1", "Listen :1", "Listen 2001:db8::g", "Listen ::1]:1",
        "Listen 192.0.2.1\nListen 192.0.2.1:8627",
        "Listen ::1:1\nListen ::2\nListen ::3\nListen ::4\nListen ::5" };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_INT(parse(good[i].text), 0);
        CHECK_INT(conf.listens, 1);
        CHECK_STR(conf.listen[0].address, good[i].address);
        CHECK_INT(conf.listen[0].port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(parse(bad[i]), 1);
    }
}

static void
the_page_has_an_address_or_a_socket(void)
{
    static const char *const bad[] = { "Page", "Page localhost", "Page unix:", "Page unix:a",
        "Page /run/page", "Page 127.0.0.1\nPage [::1]", "Page 127.0.0.1:0",
        "Page "
        "unix:/"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaa" };

    CHECK_INT(parse("Page 127.0.0.1"), 0);
    CHECK_STR(conf.page.place, "127.0.0.1");
    CHECK_INT(conf.page.port, CONF_DEFAULT_PAGE_PORT);
    CHECK_INT(parse("Page [::1]:80"), 0);
    CHECK_STR(conf.page.place, "::1");
    CHECK_INT(conf.page.port, 80);
    CHECK_INT(parse("Page unix:/run/belfry/page"), 0);
    CHECK_STR(conf.page.place, "/run/belfry/page");
    CHECK_INT(conf.page.port, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(parse(bad[i]), 1);
    }
}

static void
an_option_is_taken_from_the_line_then_its_template_then_the_default(void)
{
    CHECK_INT(parse("Default all keep=9 rotate-size=4k rules=base\nDefault serial 1200 keep=8\n"
                    "Template rack 9600 7e1 keep=7 alarm-only mode=0660\n"
                    "Template row like=rack rotate-age=12h keep-age=4w rules=row\n"
                    "Line a serial /a keep=6 alarm-only=no like=row flow=RTSCTS\nLine b serial /b\n"
                    "Line c pty /c like=row\nLine d serial /d speed=300 frame=5s2\n"),
            0);
    CHECK_INT(conf.lines, 4);
    CHECK_INT(conf.line[0].options.baud, 9600);
    CHECK_STR(conf.line[0].options.frame, "7e1");
    CHECK_INT(conf.line[0].options.flow, CONF_FLOW_RTSCTS);
    CHECK_INT(conf.line[0].options.keep, 6);
    CHECK_INT(conf.line[0].options.rotate_size, 4096);
    CHECK_INT(conf.line[0].options.rotate_age_s, 43200);
    CHECK_INT(conf.line[0].options.keep_age_s, 28 * 86400);
    CHECK(!conf.line[0].options.alarm_only);
    CHECK_STR(conf.line[0].options.rules, "row");
    CHECK_INT(conf.line[1].options.baud, 1200);
    CHECK_STR(conf.line[1].options.frame, "8n1");
    CHECK_INT(conf.line[1].options.keep, 8);
    CHECK_STR(conf.line[1].options.rules, "base");
    CHECK_INT(conf.line[1].options.flow, CONF_FLOW_NONE);
    CHECK_INT(conf.line[2].options.mode, 0660);
    CHECK_INT(conf.line[2].options.baud, 0);
    CHECK_INT(conf.line[2].options.keep, 7);
    CHECK(conf.line[2].options.alarm_only);
    CHECK_INT(conf.line[3].options.baud, 300);
    CHECK_STR(conf.line[3].options.frame, "5s2");
}

static void
a_range_is_as_many_lines_as_it_has_numbers(void)
{
    CHECK_INT(parse("Line r[08-11]-x serial /dev/p[1-4]/[0-3] keep=[1-4]\nLine s[9-10] pty /run/[[099-100]\n"
                    "Line t pty /run/[1-2]\n"),
            0);
    CHECK_INT(conf.lines, 7);
    CHECK_STR(conf.line[0].name, "r08-x");
    CHECK_STR(conf.line[3].name, "r11-x");
    CHECK_STR(conf.line[3].path, "/dev/p4/3");
    CHECK_INT(conf.line[3].options.keep, 4);
    CHECK_STR(conf.line[5].name, "s10");
    CHECK_STR(conf.line[4].path, "/run/[099");
    CHECK_STR(conf.line[6].path, "/run/[1-2]");
    CHECK(conf_line_find(&conf, "R11-X") == &conf.line[3]);
    CHECK(conf_line_find(&conf, "r12-x") == NULL);
}

static void
each_kind_has_a_place_of_its_own(void)
{
    static const char pin[] =
            "AB:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:cd";
    char text[600];

    (void)snprintf(text, sizeof text,
            "Line a tcp cs1.example:7001\nLine b telnet [2001:db8::1]:23 9600 flow=none\n"
            "Line c tls 192.0.2.1:992 pin=sha256:%s name=cs2 ca=/ca\nLine d unix /run/x alarm-only\n"
            "Line e[1-2] command keep=2 /usr/bin/ipmitool -H bmc[1-2] \"sol activate\" keep=3\n"
            "Line f telnet cs1:7001\n",
            pin);
    CHECK_INT(parse(text), 0);
    CHECK_INT(conf.lines, 7);
    CHECK_STR(conf.line[0].host, "cs1.example");
    CHECK_INT(conf.line[0].port, 7001);
    CHECK_STR(conf.line[1].host, "2001:db8::1");
    CHECK_INT(conf.line[1].options.baud, 9600);
    CHECK(conf_option_given(&conf.line[1].options, "flow"));
    CHECK_STR(conf.line[2].options.pin, "ab000000000000000000000000000000000000000000000000000000000000cd");
    CHECK_STR(conf.line[2].options.peer, "cs2");
    CHECK_STR(conf.line[2].options.ca, "/ca");
    CHECK(conf.line[3].options.alarm_only);
    CHECK_STR(conf.line[5].path, "/usr/bin/ipmitool -H bmc2 sol activate keep=3");
    CHECK_STR(conf.line[5].argv[3], "sol activate");
    CHECK_STR(conf.line[5].argv[4], "keep=3");
    CHECK(conf.line[5].argv[5] == NULL);
    CHECK_INT(conf.line[5].options.keep, 2);
    CHECK_INT(conf.line[6].options.baud, 0);
    CHECK(!conf_option_given(&conf.line[6].options, "flow"));
}

static void
two_lines_are_the_same_when_nothing_was_changed(void)
{
    static struct conf other;
    static const char *const changed[] = { "Line b serial /a keep=2 rules=r\n",
        "Line a serial /b keep=2 rules=r\n", "Line a file /a keep=2 rules=r\n",
        "Line a serial /a keep=3 rules=r\n", "Line a serial /a keep=2\n",
        "Line a serial /a 300 keep=2 rules=r\n", "Line a serial /a 7n1 keep=2 rules=r\n",
        "Line a serial /a keep=2 rules=r alarm-only\n" };
    static const char same[] = "Default all rules=r\nLine a serial /a 115200 keep=2\n";

    CHECK_INT(parse("Line a serial /a keep=2 rules=r\n"), 0);
    conf_defaults(&other);
    CHECK_INT(conf_parse(&other, "o", same, sizeof same - 1, &errors), 0);
    CHECK(conf_line_same(&conf.line[0], &other.line[0]));
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        conf_free(&other);
        conf_defaults(&other);
        CHECK_INT(conf_parse(&other, "o", changed[i], strlen(changed[i]), &errors), 0);
        CHECK(!conf_line_same(&conf.line[0], &other.line[0]));
    }
    conf_free(&other);
}

struct wrong {
    const char *text;
    const char *want; /* how the error begins */
};

static void
a_notifier_has_its_place_its_patterns_and_the_options_of_its_kind(void)
{
    const struct conf_notify *n;

    CHECK_INT(parse("Notify pager exec /opt/page at-least=crit lines=rack1-*,lab HOSTS=web*\n"
                    "Notify log2 syslog local FACILITY=local2 at-least=Warn\n"),
            0);
    CHECK_INT(conf.notifiers, 2);
    n = &conf.notify[0];
    CHECK_STR(n->name, "pager");
    CHECK_STR(n->kind, "exec");
    CHECK_STR(n->place, "/opt/page");
    CHECK_INT(n->at_least, WIRE_CRIT);
    CHECK_STR(n->lines, "rack1-*,lab");
    CHECK_STR(n->hosts, "web*");
    CHECK_INT(n->options, 0);
    n = &conf.notify[1];
    CHECK_STR(n->text, "facility=local2");
    CHECK_INT(n->options, 1);
    CHECK_INT(n->at_least, WIRE_WARN);
    CHECK_STR(n->lines, "");
    CHECK_INT(parse("Notify a exec /h\n"), 0);
    CHECK(conf.notify[0].at_least >= WIRE_INFO);
}

static void
a_fingerprint_is_sha1_or_sha256_as_rfc_5425_and_openssl_write_it(void)
{
    static const char *const right[] = { "sha-1:E1:2D:53:2B:7C:6B:8A:29:A2:76:C8:64:36:0B:08:4B:7A:F1:9E:9D",
        "SHA1:e12d532b7c6b8a29a276c864360b084b7af19e9d",
        "sha256:e12d532b7c6b8a29a276c864360b084b7af19e9de12d532b7c6b8a29a276c864",
        "SHA-256:E1:2D:53:2B:7C:6B:8A:29:A2:76:C8:64:36:0B:08:4B:7A:F1:9E:9D:E1:2D:53:2B:7C:6B:8A:29:A2:76:"
        "C8:64" };
    struct notify_fingerprint print;
    char text[200];

    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        size_t len = strlen(right[i]);

        CHECK(notify_fingerprint(right[i], &print));
        CHECK_INT(print.len, i < 2 ? 20 : 32);
        CHECK_INT(print.digest[0], 0xE1);
        CHECK_INT(print.digest[19], 0x9D);
        (void)snprintf(text, sizeof text, "%s:", right[i]);
        CHECK(!notify_fingerprint(text, &print));
        (void)snprintf(text, sizeof text, "%s0", right[i]);
        CHECK(!notify_fingerprint(text, &print));
        for (size_t cut = 0; cut < len; cut++) {
            (void)snprintf(text, sizeof text, "%.*s", (int)cut, right[i]);
            CHECK(!notify_fingerprint(text, &print));
        }
    }
}

static void
there_are_at_most_16_notifiers(void)
{
    char text[2000] = "";

    for (int i = 0; i < CONF_NOTIFIERS; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "Notify n%d exec /h\n", i);
    }
    CHECK_INT(parse(text), 0);
    CHECK_INT(conf.notifiers, CONF_NOTIFIERS);
    (void)strcat(text, "Notify more exec /h\n");
    CHECK_INT(parse(text), 1);
}

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
        { "Notify a exec\n", "belfry.conf:1: 2 arguments; expected Notify NAME KIND PLACE" },
        { "Notify hook exec /h\n", "belfry.conf:1: \"hook\"; expected a name of 1 to 31" },
        { "Notify a exec /h\nNotify A exec /i\n", "belfry.conf:2: notifier \"A\" a second time" },
        { "Notify a smoke /h\n", "belfry.conf:1: \"smoke\"; expected a kind of notifier: " },
        { "Notify a exec h\n", "belfry.conf:1: \"h\"; expected a program, an absolute path" },
        { "Notify a syslog here\n", "belfry.conf:1: \"here\"; expected local" },
        { "Notify a exec /h at-least=bad\n", "belfry.conf:1: \"bad\"; expected a severity" },
        { "Notify a exec /h lines=\n", "belfry.conf:1: \"\"; expected patterns" },
        { "Notify a exec /h facility=user\n",
                "belfry.conf:1: \"facility=user\"; expected an option of the kind exec" },
        { "Notify a syslog local facility\n", "belfry.conf:1: \"facility\"; expected facility=daemon" },
        { "Notify a syslog local facility=mail\n",
                "belfry.conf:1: \"facility=mail\"; expected facility=daemon" },
        { "Notify a syslog tcp://h ca=/ca\n",
                "belfry.conf:1: ca= and \"tcp://h\"; expected a place that is talked to through TLS" },
        { "Notify a alertmanager http://h cert=/c\n", "belfry.conf:1: cert= and \"http://h\"; expected" },
        { "Notify a nats nats://h site=a ca=/c\n", "belfry.conf:1: ca= and \"nats://h\"; expected" },
        { "Notify a nats nats://h\n", "belfry.conf:1: no site=; expected site=a name" },
        { "Notify a mail /m from=a@b digest=5m\n",
                "belfry.conf:1: no to=; expected to=an address as kim@example.org" },
        { "Hub nats://h ca=/c\n", "belfry.conf:1: ca= and \"nats://h\"; expected" },
        { "Notify a syslog tls://h fingerprint=SHA256:ab\n",
                "belfry.conf:1: \"fingerprint=SHA256:ab\"; expected fingerprint=SHA256: or SHA1:" },
        { "Notify a syslog tls://h fingerprint=MD5:00112233445566778899aabbccddeeff\n", "belfry.conf:1: " },
        { "Syslog maybe\n", "belfry.conf:1: \"maybe\"; expected yes, no or a facility" },
        { "Line a pty\n", "belfry.conf:1: 2 arguments; expected Line NAME" },
        { "Line ../a pty /x\n", "belfry.conf:1: \"../a\"; expected a line name" },
        { "Line Net pty /x\n", "belfry.conf:1: \"Net\"; expected another name, this one is the network's" },
        { "Line .a pty /x\n", "belfry.conf:1: \".a\"; expected a line name" },
        { "Line a23456789012345678901234567890123 pty /x\n", "belfry.conf:1: \"a2345678" },
        { "Line a tty /x\n", "belfry.conf:1: \"tty\"; expected pty, serial, file, tcp, telnet" },
        { "Line a serial usb:403\n",
                "belfry.conf:1: \"usb:403\"; expected usb:VID:PID or usb:VID:PID:SERIAL" },
        { "Line a serial tty\n", "belfry.conf:1: \"tty\"; expected a device, an absolute path" },
        { "Line a serial usb-port:1\n",
                "belfry.conf:1: \"usb-port:1\"; expected a place as usb-port:1-1.2 or usb-port:1-1.2:1.0" },
        { "Line a pty usb:0403:6001\n",
                "belfry.conf:1: \"usb:0403:6001\"; expected a symbolic link to make, an absolute path" },
        { "Line a pty x\n", "belfry.conf:1: \"x\"; expected a symbolic link to make, an absolute path" },
        { "Line a pty /x 0666\n", "belfry.conf:1: \"0666\"; expected a mode: 0600, 0620 or 0660" },
        { "Line a serial /x 9601\n", "belfry.conf:1: \"9601\"; expected a speed" },
        { "Line a serial /x -1\n", "belfry.conf:1: \"-1\"; expected an option" },
        { "Line a file /x end\n", "belfry.conf:1: \"end\"; expected an option: BAUD, 8n1, flow=" },
        { "Line a file /x 9600\n", "belfry.conf:1: speed for a line of kind file; expected options" },
        { "Line a pty /x 8n1\n", "belfry.conf:1: frame for a line of kind pty; expected options" },
        { "Line a serial /x 9n1\n", "belfry.conf:1: \"9n1\"; expected data bits" },
        { "Line a serial /x frame=8n3\n", "belfry.conf:1: \"8n3\"; expected data bits" },
        { "Line a serial /x flow=on\n", "belfry.conf:1: flow=\"on\"; expected none, rtscts" },
        { "Line a serial /x flow\n", "belfry.conf:1: \"flow\"; expected an option" },
        { "Line a serial /x \"\"\n", "belfry.conf:1: \"\"; expected an option" },
        { "Line a serial /x =1\n", "belfry.conf:1: \"=1\"; expected an option" },
        { "Line a pty /x keep=0\n", "belfry.conf:1: keep=\"0\"; expected a number of parts" },
        { "Line a pty /x keep-age=1\n", "belfry.conf:1: keep-age=\"1\"; expected a time" },
        { "Line a pty /x rotate-age=522w\n", "belfry.conf:1: rotate-age=\"522w\"; expected a time" },
        { "Line a pty /x rotate-size=9223372036854775808\n", "belfry.conf:1: rotate-size=\"92" },
        { "Line a pty /x rotate-size=M\n", "belfry.conf:1: rotate-size=\"M\"; expected a size" },
        { "Line a pty /x alarm-only=1\n", "belfry.conf:1: alarm-only=\"1\"; expected yes or no" },
        { "Line a pty /x rules=a/b\n", "belfry.conf:1: rules=\"a/b\"; expected the name" },
        { "Line a pty /x like=t\n", "belfry.conf:1: like=\"t\"; expected a Template of an earlier" },
        { "Template t keep=1\nTemplate T keep=2\n", "belfry.conf:2: template \"T\" a second time" },
        { "Template t keep=1\nLine a pty /x like=t like=t\n", "belfry.conf:2: like= a second time" },
        { "Line a tcp cs1\n", "belfry.conf:1: \"cs1\"; expected HOST:PORT" },
        { "Line a tcp cs1:0\n", "belfry.conf:1: \"cs1:0\"; expected HOST:PORT" },
        { "Line a tcp cs1:65536\n", "belfry.conf:1: \"cs1:65536\"; expected HOST:PORT" },
        { "Line a tcp cs1:2x\n", "belfry.conf:1: \"cs1:2x\"; expected HOST:PORT" },
        { "Line a tcp :23\n", "belfry.conf:1: \":23\"; expected HOST:PORT" },
        { "Line a tcp -cs1:23\n", "belfry.conf:1: \"-cs1:23\"; expected HOST:PORT" },
        { "Line a telnet [cs1]:23\n", "belfry.conf:1: \"[cs1]:23\"; expected HOST:PORT" },
        { "Line a telnet 2001:db8::1:23\n", "belfry.conf:1: \"2001:db8::1:23\"; expected HOST:PORT" },
        { "Line a tls cs1:23\n", "belfry.conf:1: a tls line that would trust anybody; expected ca=FILE or" },
        { "Line a tls cs1:23 ca=x\n", "belfry.conf:1: \"x\"; expected a file of certificates" },
        { "Line a tls cs1:23 pin=12\n", "belfry.conf:1: pin=\"12\"; expected the SHA-256" },
        { "Line a tcp cs1:23 ca=/x\n", "belfry.conf:1: ca for a line of kind tcp; expected options" },
        { "Line a unix x\n", "belfry.conf:1: \"x\"; expected a socket, an absolute path" },
        { "Line a command ls -l\n", "belfry.conf:1: \"-l\"; expected a program, an absolute path" },
        { "Line a command keep=x /bin/ls\n", "belfry.conf:1: keep=\"x\"; expected a number" },
        { "Line a command 9600 /bin/ls\n", "belfry.conf:1: speed for a line of kind command; expected" },
        { "Line a tcp b:1\nLine c telnet b:1\n", "belfry.conf:2: \"b:1\" a second time" },
        { "Line a command /b c\nLine d command /b c\n", "belfry.conf:2: \"/b c\" a second time" },
        { "Template a/b keep=1\n", "belfry.conf:1: \"a/b\"; expected a template name" },
        { "Default tty keep=1\n", "belfry.conf:1: \"tty\"; expected pty, serial, file, tcp, telnet, tls, "
                                  "unix or command, or all" },
        { "Default pty 9600\n", "belfry.conf:1: speed for lines of kind pty; expected" },
        { "Line a[2-1] pty /x\n", "belfry.conf:1: \"a[2-1]\"; expected one range" },
        { "Line a[1-2]-[1-2] pty /x\n", "belfry.conf:1: \"a[1-2]-[1-2]\"; expected one range" },
        { "Line a[1-3] pty /x[1-2]\n", "belfry.conf:1: \"/x[1-2]\"; expected a range of 3 numbers" },
        { "Line a[1-2] pty /x\n", "belfry.conf:1: \"/x\" a second time" },
        { "Line a[1-] pty /x\n", "belfry.conf:1: \"a[1-]\"; expected a line name" },
        { "Line a pty /x\nLine A pty /y\n", "belfry.conf:2: line name \"A\" a second time" },
        { "Line a pty /x\nLine b file /x\n", "belfry.conf:2: \"/x\" a second time" },
        { "Line a pty \"/x\n", "belfry.conf:1: a quote that stays open" },
        { "Line a pty /x\"y\n", "belfry.conf:1: a quote inside a word" },
        { "Line a pty \"/x\"y\n", "belfry.conf:1: text right behind a closing quote" },
        { "StateDir /a\033[2J\n", "belfry.conf:1: byte 0x1B in a word" },

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
    for (int i = 0; i <= WORDS_TRIED; i++) {
        text[2 * i] = 'a';
        text[2 * i + 1] = ' ';
    }
    text[2 * WORDS_TRIED] = '\0';
    CHECK_INT(parse(text), 1);
    CHECK(strstr(errors.text[0], "more than 48 words") != NULL);
    for (int i = 0; i <= CONF_LINES; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "Line l%d pty /run/%d\n", i, i);
    }
    CHECK_INT(parse(text), 1);
    CHECK(strstr(errors.text[0], "more than 4096 lines") != NULL);
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
    CHECK_RUN(the_page_has_an_address_or_a_socket);
    CHECK_RUN(an_option_is_taken_from_the_line_then_its_template_then_the_default);
    CHECK_RUN(a_range_is_as_many_lines_as_it_has_numbers);
    CHECK_RUN(each_kind_has_a_place_of_its_own);
    CHECK_RUN(two_lines_are_the_same_when_nothing_was_changed);
    CHECK_RUN(an_address_is_taken_with_a_port_and_without_one);
    CHECK_RUN(each_error_names_file_line_and_what_was_expected);
    CHECK_RUN(a_notifier_has_its_place_its_patterns_and_the_options_of_its_kind);
    CHECK_RUN(a_fingerprint_is_sha1_or_sha256_as_rfc_5425_and_openssl_write_it);
    CHECK_RUN(there_are_at_most_16_notifiers);
    CHECK_RUN(all_errors_are_told_up_to_twenty);
    CHECK_RUN(a_word_or_a_count_beyond_its_bound_is_an_error);
    CHECK_RUN(what_is_not_a_readable_file_is_one_error);
    conf_free(&conf);
    return check_result();
}
