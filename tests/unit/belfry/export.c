#include "support/check.h"

#include "belfry/ledger/export.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/belfry-export-XXXXXX";
static struct ledger *ledger;
static char text[1 << 20];

static void
keep_line(const char *host, uint32_t number, const char *detail)
{
    struct ledger_changes changes = { .count = 0 };
    struct record r = { .kind = RECORD_LINE, .verdict = WIRE_OK, .seen_us = (int64_t)number * 1000000 };

    (void)snprintf(r.host, sizeof r.host, "%s", host);
    r.pairing = 1;
    r.session = 1;
    r.first = r.last = number;
    r.severity = WIRE_WARN;
    (void)snprintf(r.nonce, sizeof r.nonce, "K3QF");
    (void)snprintf(r.code, sizeof r.code, "daemon.down");
    (void)snprintf(r.tag, sizeof r.tag, "TAG%017u", number);
    (void)snprintf(r.detail, sizeof r.detail, "%s", detail);
    CHECK_INT(ledger_begin(ledger), 0);
    CHECK_INT(ledger_apply(ledger, &r, &changes), 0);
    CHECK_INT(ledger_commit(ledger), 0);
}

/* What `belfry export ARGUMENTS` prints. */
static const char *
exported(const char *arguments)
{
    char command[300];
    FILE *from;
    size_t n;

    (void)snprintf(command, sizeof command, BELFRY " --state %s export %s", dir, arguments);
    from = popen(command, "r");
    CHECK(from != NULL);
    n = fread(text, 1, sizeof text - 1, from);
    text[n] = '\0';
    CHECK_INT(pclose(from), 0);
    return text;
}

static unsigned
count(const char *all, const char *what)
{
    unsigned n = 0;

    while ((all = strstr(all, what)) != NULL) {
        all += strlen(what);
        n++;
    }
    return n;
}

static void
a_row_is_a_line_of_json_and_all_rows_are_there(void)
{
    CHECK_INT(count(exported("lines"), "\n"), 1202);
    CHECK_INT(count(text, "{\"host\":\"web03\""), 1200);
    CHECK_INT(count(text, "\"number\":1199,"), 1);
    CHECK_INT(count(text, "\"seen\":\"1970-01-01T00:00:07.000Z\""), 1);
    CHECK_INT(count(exported("lines --host web04"), "\n"), 2);
    CHECK_INT(count(exported("lines --since 1970-01-01T00:00:10 --until 1970-01-01T00:00:20 --host web03"),
                      "\n"),
            10);
}

static void
a_cell_of_csv_is_quoted_and_no_formula(void)
{
    CHECK_INT(count(exported("lines --host web04 --csv"), "\r\n"), 3);
    CHECK(strstr(text, "host,pairing,session") == text);
    CHECK_INT(count(text, "\"'=cmd(1)\""), 1);
    CHECK_INT(count(text, "\"name=\"\"a,b\"\"\""), 1);
}

static void
keys_are_not_exported(void)
{
    CHECK_INT(count(exported("hosts"), "\n"), 2);
    CHECK_INT(count(text, "psk") + count(text, "root\"") + count(text, "pending"), 0);
}

static void
acts_say_who_did_what_and_when(void)
{
    CHECK_INT(count(exported("acts"), "\n"), 3);
    CHECK_INT(count(text, "\"made\":\"1970-01-01T00:01:00.000Z\",\"what\":\"expect\",\"host\":\"web03\","
                          "\"detail\":\"until=1970-01-01T00:02:00.000Z\",\"by\":\"kim\""),
            1);
    CHECK_INT(count(text, "\"what\":\"ack\",\"host\":\"web03\",\"detail\":\"alarm=1\",\"by\":\"sam\""), 1);
    CHECK_INT(count(text, "\"what\":\"unpair\",\"host\":\"web04\",\"detail\":\"\",\"by\":\"kim\""), 1);
}

static void
alarms_and_events_are_exported(void)
{
    CHECK(count(exported("alarms"), "\"code\":\"daemon.down\"") > 0);
    CHECK_INT(count(exported("events"), "\n"), 0);
}

int
main(void)
{
    struct wire_key key = { { 7 } };
    struct ledger_changes changes = { .count = 0 };
    char path[64];
    char error[LEDGER_ERROR];

    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
    CHECK_INT(ledger_open(path, LEDGER_WRITE, true, &ledger, error), 0);
    CHECK_INT(ledger_pair(ledger, "web03", &key, &key, 5, false), 0);
    CHECK_INT(ledger_pair(ledger, "web04", &key, &key, 5, false), 0);
    for (uint32_t i = 0; i < 1200; i++) {
        keep_line("web03", i, "name=sshd");
    }
    keep_line("web04", 1, "=cmd(1)");
    keep_line("web04", 2, "name=\"a,b\"");
    CHECK_INT(ledger_expect(ledger, "web03", 120000, "kim", 60000), 0);
    CHECK_INT(ledger_ack(ledger, 1, "sam", 70000, &changes), 0);
    CHECK_INT(ledger_unpair(ledger, "web04", "kim", 80000), 0);
    ledger_close(ledger);
    CHECK_RUN(a_row_is_a_line_of_json_and_all_rows_are_there);
    CHECK_RUN(a_cell_of_csv_is_quoted_and_no_formula);
    CHECK_RUN(keys_are_not_exported);
    CHECK_RUN(acts_say_who_did_what_and_when);
    CHECK_RUN(alarms_and_events_are_exported);
    (void)snprintf(text, sizeof text, "rm -rf %s", dir);
    CHECK_INT(system(text), 0);
    return check_result();
}
