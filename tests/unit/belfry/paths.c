/* Two paths to one belfry, with its real gate: what the loss of one of them, or of both, looks like. */
#include "caller.h"
#include "receiver.h"
#include "support/own_network.h"

static struct receiver r;
static struct speaker s;
static struct caller c;
static int tty;

static void
begin(void)
{
    receiver_make(&r, NULL);
    receiver_listens(&r, caller_free_port());
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\tnet\tup\tlisten=127.0.0.1:", 5000));
    tty = receiver_tty(&r);
}

/* Belfry ends first, so this is no cut either. */
static void
end(bool cut)
{
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK((strstr(r.text, "belfry.cut") != NULL) == cut);
    CHECK(strstr(r.text, "\tbelfry.clone\t") == NULL && strstr(r.text, "\tbelfry.gap\t") == NULL);
    caller_close(&c, true);
    (void)close(tty);
    receiver_remove(&r);
}

/* A new connection, and the token that is given to it. */
static void
connect_as_agent(const char *seen, char token[WIRE_TALK_TOKEN_CHARS + 1])
{
    const char *line;

    CHECK(caller_greet(&c, r.port, "web03", &s.psk, seen));
    line = caller_hear(&c);
    CHECK(strncmp(line, "=ch ", 4) == 0 && strlen(line) == 4 + WIRE_TALK_TOKEN_CHARS);
    (void)snprintf(token, WIRE_TALK_TOKEN_CHARS + 1, "%s", line + 4);
}

/* One line on the network, the serial line, or both. */
static void
say_on(bool net, bool serial, const char *code, const char *detail)
{
    char line[SPEAKER_LINE];
    size_t n = speaker_say(&s, WIRE_INFO, code, detail, line);

    if (serial) {
        receiver_send(tty, line, n);
    }
    if (net) {
        line[n - 2] = '\n';
        CHECK(caller_write(&c, line, n - 1));
    }
}

static void
an_agent_that_is_killed_is_an_alarm_at_once_and_over_when_it_has_registered_again(void)
{
    char token[WIRE_TALK_TOKEN_CHARS + 1];
    int64_t from;

    begin();
    connect_as_agent("=seen none", token);
    say_on(true, false, "agent.start", "beat=10 end=first prev=none");
    CHECK(caller_hears(&c, "=ack 1-K3QF.0"));
    from = test_ms();
    caller_close(&c, false);
    CHECK(receiver_hears(
            &r, "\t1\topen\tweb03\tCRIT\tbelfry.cut\t-\thost=web03 how=cut peer=127.0.0.1:", 5000));
    printf("     told after %d ms\n", (int)(test_ms() - from));
    connect_as_agent("=seen 1-K3QF.0", token);
    CHECK(strstr(r.text, "\t1\tclosed\t") == NULL);
    say_on(true, false, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\t1\tclosed\tweb03\tCRIT\tbelfry.cut\t", 5000));
    end(true);
}

static void
a_goodbye_before_the_end_of_the_connection_is_no_cut(void)
{
    char text[2000] = "";
    char token[WIRE_TALK_TOKEN_CHARS + 1];

    begin();
    connect_as_agent("=seen none", token);
    say_on(true, false, "agent.start", "beat=10 end=first prev=none");
    say_on(true, false, "agent.stop", "why=asked");
    CHECK(caller_hears(&c, "=ack 1-K3QF.1"));
    caller_close(&c, true);
    CHECK(receiver_hears(&r, "\tnet\tlost\thost=web03 ", 5000));
    for (int i = 0; i < 50 && strstr(text, "network    down since ") == NULL; i++) {
        test_sleep(100);
        CHECK_INT(receiver_command(&r, text, sizeof text, "show", "web03", NULL), 0);
    }
    CHECK(strstr(text, ", how=") != NULL);
    end(false);
}

static void
the_end_of_belfry_and_the_death_of_its_gate_are_no_cut(void)
{
    char token[WIRE_TALK_TOKEN_CHARS + 1];
    pid_t gate;
    size_t len;

    begin();
    connect_as_agent("=seen none", token);
    say_on(true, false, "agent.start", "beat=10 end=first prev=none");
    CHECK(caller_hears(&c, "=ack 1-K3QF.0"));
    gate = receiver_gate(&r);
    CHECK(gate > 1);
    len = r.len;
    if (gate > 1) {
        (void)kill(gate, SIGKILL);
    }
    CHECK(receiver_hears_from(&r, len, "\tnet\tup\tlisten=", 10000));
    caller_close(&c, false);
    connect_as_agent("=seen 1-K3QF.0", token);
    say_on(true, false, "agent.beat", "next=10");
    CHECK(caller_hears(&c, "=ack 1-K3QF.1"));
    end(false);
}

static void
a_line_on_both_paths_is_one_record_and_the_token_links_them(void)
{
    char token[WIRE_TALK_TOKEN_CHARS + 1];
    char detail[60];
    char text[4000];
    char *at;
    unsigned records = 0;

    begin();
    connect_as_agent("=seen none", token);
    say_on(true, true, "agent.start", "beat=10 end=first prev=none");
    CHECK_INT(receiver_command(&r, NULL, 0, "status", NULL), 0);
    (void)snprintf(detail, sizeof detail, "next=10 ch=%s", token);
    for (int i = 0; i < 20; i++) {
        say_on(i % 3 != 0, i % 3 != 1, "agent.beat", detail);
    }
    CHECK(receiver_hears(&r, "\tagent.beat\t1-K3QF.20\t", 5000));
    for (at = r.text; (at = strstr(at, "\tagent.beat\t")) != NULL; at++) {
        records++;
    }
    CHECK_INT(records, 20);
    for (int i = 0; i < 50 && (receiver_command(&r, text, sizeof text, "status", NULL) != 0 ||
                                      strstr(text, " linked ") == NULL);
            i++) {
        test_sleep(100);
    }
    CHECK(strstr(text, "net+tty linked ") != NULL || strstr(text, "tty+net linked ") != NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "show", "web03", "--json", NULL), 0);
    CHECK(strstr(text, "\"linked\":true") != NULL && strstr(text, "\"network\":{\"up\":true") != NULL);
    end(false);
}

static void
an_agent_that_disappears_from_the_network_is_told_as_a_path_and_from_both_as_a_silence(void)
{
    char token[WIRE_TALK_TOKEN_CHARS + 1];
    bool told = false;

    begin();
    connect_as_agent("=seen none", token);
    say_on(true, true, "agent.start", "beat=1 end=first prev=none");
    for (int i = 0; i < 60 && !told; i++) { /* the connection stands, and nothing comes on it */
        say_on(false, true, "agent.beat", "next=1");
        told = receiver_hears(&r, "\topen\tweb03\tWARN\tbelfry.path\t-\tpath=net why=quiet ", 300);
    }
    CHECK(told);
    CHECK(strstr(r.text, "belfry.silent") == NULL);
    CHECK(receiver_hears(&r, "\topen\tweb03\tCRIT\tbelfry.silent\t", 15000));
    CHECK(strstr(r.text, "path=tty") == NULL);
    end(false);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)own_network();
    CHECK_RUN(an_agent_that_is_killed_is_an_alarm_at_once_and_over_when_it_has_registered_again);
    CHECK_RUN(a_goodbye_before_the_end_of_the_connection_is_no_cut);
    CHECK_RUN(the_end_of_belfry_and_the_death_of_its_gate_are_no_cut);
    CHECK_RUN(a_line_on_both_paths_is_one_record_and_the_token_links_them);
    CHECK_RUN(an_agent_that_disappears_from_the_network_is_told_as_a_path_and_from_both_as_a_silence);
    return check_result();
}
