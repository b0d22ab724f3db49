#include "caller.h"
#include "receiver.h"
#include "support/own_network.h"

#include "belfry/gate/limits.h"
#include "belfry/gate/link.h"

#ifdef __SANITIZE_ADDRESS__
#define GROWTH_KB 131072 /* it keeps what is freed for a while */
#else
#define GROWTH_KB 16384
#endif
#define ELSEWHERE 0x7F000002 /* 127.0.0.2: somebody else */
#define MANY 0x7F020001      /* 127.2.0.1 and on */

/* A receiver with one paired host that listens on the network. */
static void
begin(struct receiver *r, struct speaker *s)
{
    receiver_make(r, NULL);
    receiver_listens(r, caller_free_port());
    receiver_pair(r, "web03", s);
    receiver_start(r);
    CHECK(receiver_hears(r, "\tnet\tup\tlisten=127.0.0.1:", 5000));
}

static void
end(struct receiver *r)
{
    CHECK_INT(receiver_end(r, SIGTERM), 0);
    receiver_remove(r);
}

static void
lines_of_an_agent_are_acknowledged_when_they_are_on_record(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(strncmp(caller_hear(&c), "=ch ", 4) == 0);
    for (int i = 0; i < 40; i++) {
        char want[40];

        CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
        (void)snprintf(want, sizeof want, "=ack 1-K3QF.%d", i);
        CHECK(caller_hears(&c, want));
    }
    CHECK(receiver_hears(&r, "\tnet\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.39\t", 2000));
    CHECK(caller_say(&c, "=ping 7"));
    CHECK_STR(caller_hear(&c), "=pong 7");
    caller_close(&c, true);
    CHECK(receiver_hears(&r, "\tnet\tlost\thost=web03 ", 2000));
    CHECK(strstr(r.text, " how=fin\n") != NULL);
    end(&r);
}

static void
a_wrong_key_and_an_unknown_host_are_refused_alike(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    unsigned long reason[2];

    begin(&r, &s);
    s.psk.bytes[0] ^= 1;
    for (int i = 0; i < 2; i++) {
        int fd = caller_connect(r.port);

        caller_prepare(&c, fd, i == 0 ? "web03" : "db1", &s.psk);
        CHECK(SSL_do_handshake(c.ssl) != 1);
        reason[i] = ERR_get_error();
        CHECK(reason[i] != 0);
        caller_close(&c, false);
    }
    CHECK_INT(reason[0], reason[1]);
    s.psk.bytes[0] ^= 1;
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    caller_close(&c, true);
    end(&r);
}

static void
a_newer_connection_of_a_host_ends_the_older(void)
{
    static struct caller old;
    static struct caller c;
    struct receiver r;
    struct speaker s;

    begin(&r, &s);
    CHECK(caller_greet(&old, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_hears(&old, "=close replaced"));
    CHECK_STR(caller_hear(&old), "");
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    CHECK(caller_hears(&c, "=ack 1-K3QF.0"));
    caller_close(&old, true);
    caller_close(&c, true);
    end(&r);
}

static void
what_is_seen_ends_before_the_first_hole(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    char line[SPEAKER_LINE];

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    (void)speaker_say(&s, WIRE_INFO, "agent.beat", "next=10", line);
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    CHECK(caller_hears(&c, "=ack 1-K3QF.3"));
    caller_close(&c, true);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen 1-K3QF.1"));
    caller_close(&c, true);
    CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\tnet\tup\tlisten=127.0.0.1:", 5000));
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen 1-K3QF.1"));
    caller_close(&c, true);
    end(&r);
}

static void
a_line_that_is_not_proved_ends_the_connection_and_is_not_acknowledged(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    struct speaker other;
    char line[SPEAKER_LINE];
    size_t n;

    begin(&r, &s);
    receiver_pair(&r, "db1", &other);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_seal(&c, &other, WIRE_INFO, "agent.beat", "next=10"));
    CHECK(caller_hears(&c, "=close unproved"));
    caller_close(&c, true);
    s.key.bytes[0] ^= 1;
    wire_tree_init(&s.tree, &s.key, WIRE_TREE_DEPTH);
    n = speaker_say(&s, WIRE_INFO, "agent.beat", "next=10", line);
    line[n - 2] = '\n';
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_write(&c, line, n - 1));
    CHECK(strncmp(caller_hear(&c), "=ch ", 4) == 0);
    CHECK_STR(caller_hear(&c), "=close unproved");
    caller_close(&c, true);
    CHECK(receiver_hears(&r, "\tweb03\tFORGED\t", 2000));
    end(&r);
}

/* The agent was cut off for a whole session, and its next one was heard of on another path first. */
static void
lines_of_a_session_that_was_passed_over_are_proved_all_the_same(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    struct speaker passed;
    struct speaker image;

    begin(&r, &s);
    passed = s;
    speaker_session(&passed, 2, "K3QF");
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    CHECK(caller_hears(&c, "=ack 1-K3QF.0"));
    speaker_session(&s, 3, "K3QF");
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    CHECK(caller_hears(&c, "=ack 3-K3QF.0"));
    caller_close(&c, true);
    CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\tnet\tup\tlisten=127.0.0.1:", 5000));
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen 3-K3QF.0"));
    CHECK(caller_seal(&c, &passed, WIRE_CRIT, "daemon.down", "name=sshd"));
    CHECK(caller_hears(&c, "=ack 2-K3QF.0"));
    CHECK(receiver_hears(&r, "\tweb03\tOK\tCRIT\tdaemon.down\t2-K3QF.0\t", 2000));
    caller_close(&c, true);

    /* Begun a second time, as from an old disk, it cannot be: nobody can prove that, and nobody is held up.
     */
    image = s;
    speaker_session(&image, 2, "9QZ2");
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen 3-K3QF.0"));
    CHECK(caller_seal(&c, &image, WIRE_CRIT, "daemon.down", "name=cron"));
    CHECK(caller_hears(&c, "=ack 2-9QZ2.0"));
    CHECK(receiver_hears(&r, "\tweb03\tUNKNOWN\t", 2000));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    CHECK(caller_hears(&c, "=ack 3-K3QF.1"));

    /* With a key on record it is a forgery, of whatever session. */
    passed = s;
    speaker_session(&passed, 1, "K3QF");
    passed.key.bytes[0] ^= 1;
    wire_tree_init(&passed.tree, &passed.key, WIRE_TREE_DEPTH);
    CHECK(caller_seal(&c, &passed, WIRE_CRIT, "daemon.down", "name=sshd"));
    CHECK(caller_hears(&c, "=close unproved"));
    caller_close(&c, true);
    end(&r);
}

static void
bytes_that_are_no_lines_end_the_connection(void)
{
    static const char *const wrong[] = { "hello\n", "=hello 1 db1 1-K3QF\n", "=ping 1\n",
        "=hello 2 web03 1-K3QF\n", "\n", "=hello 1 web03 1-K3QF\n=hello 1 web03 1-K3QF\n",
        "=hello 1 web03 1-K3QF\n=ack 1-K3QF.1\n", "\x01\n", "=hello 1 web03 1-K3QF\r\n",
        "=hello 1 web03 1-K3QF\n!1 CRIT\n" };
    static struct caller c;
    struct receiver r;
    struct speaker s;
    char line[WIRE_LINE_MAX + 1];

    begin(&r, &s);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(caller_open(&c, r.port, "web03", &s.psk));
        CHECK(caller_write(&c, wrong[i], strlen(wrong[i])));
        CHECK(caller_hears(&c, "=close form"));
        caller_close(&c, true);
    }
    memset(line, 'a', sizeof line);
    CHECK(caller_open(&c, r.port, "web03", &s.psk));
    CHECK(caller_write(&c, line, sizeof line));
    CHECK(caller_hears(&c, "=close form"));
    caller_close(&c, true);
    end(&r);
}

/* ---- strangers */

/* The number behind a key of the status as JSON, -1 without it. */
static long
status_number(const struct receiver *r, const char *key)
{
    static char text[20000];
    char want[40];
    const char *at;

    (void)receiver_command(r, text, sizeof text, "status", "--json", NULL);
    (void)snprintf(want, sizeof want, "\"%s\":", key);
    at = strstr(text, want);
    return at != NULL ? strtol(at + strlen(want), NULL, 10) : -1;
}

/* The gate says its counts once a second. */
static bool
status_becomes(const struct receiver *r, const char *key, long want)
{
    int64_t until = test_ms() + 10000;

    while (status_number(r, key) != want && test_ms() < until) {
        test_sleep(100);
    }
    return status_number(r, key) == want;
}

/* The connection ends before a session has begun. */
static bool
is_refused(int fd)
{
    char bytes[512];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
    }
    return n == 0 || errno == ECONNRESET;
}

static void
what_is_no_session_with_a_key_is_refused(void)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: belfry\r\n\r\n";
    static struct caller c;
    struct receiver r;
    struct speaker s;
    int fd;

    begin(&r, &s);
    fd = caller_connect(r.port);
    CHECK_INT(send(fd, http, strlen(http), 0), strlen(http));
    CHECK(is_refused(fd));
    (void)close(fd);
    caller_prepare(&c, caller_connect(r.port), "web03", &s.psk);
    SSL_set_psk_use_session_callback(c.ssl, NULL); /* TLS 1.3 that expects a certificate */
    CHECK(SSL_do_handshake(c.ssl) != 1);
    CHECK(is_refused(c.fd));
    caller_close(&c, false);
    caller_prepare(&c, caller_connect(r.port), "web03", &s.psk);
    (void)SSL_set_min_proto_version(c.ssl, TLS1_2_VERSION);
    (void)SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
    CHECK(SSL_do_handshake(c.ssl) != 1);
    CHECK(is_refused(c.fd));
    caller_close(&c, false);
    CHECK(status_becomes(&r, "refused", 3));
    end(&r);
}

static void
an_agent_may_come_by_ipv6(void)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    socklen_t len = sizeof at;
    static struct caller c;
    struct receiver r;
    struct speaker s;
    char conf[60];
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FILE *f;

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
            getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        printf("     no IPv6 here\n");
        (void)close(fd);
        return;
    }
    (void)close(fd);
    receiver_make(&r, NULL);
    (void)snprintf(conf, sizeof conf, "\nListen [::1]:%u\n", ntohs(at.sin6_port));
    f = fopen(receiver_path(&r, "conf"), "a");
    CHECK(f != NULL && fputs(conf, f) >= 0 && fclose(f) == 0);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\tnet\tup\tlisten=[::1]:", 5000));
    fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    caller_prepare(&c, fd, "web03", &s.psk);
    CHECK_INT(SSL_do_handshake(c.ssl), 1);
    CHECK(receiver_hears(&r, "\tnet\tup\thost=web03 peer=[::1]:", 5000));
    caller_close(&c, true);
    end(&r);
}

/* All that the client of one handshake sends, and which of it a server saw. */
struct recorded {
    size_t len;
    char bytes[8192];
};

/* A whole handshake with the receiver by way of memory, so that what the client sends can be kept. */
static void
record_handshake(struct recorded *out, uint16_t port, const char *host, const struct wire_key *psk)
{
    static struct caller c;
    int pair[2];
    int server = caller_connect(port);

    out->len = 0;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    caller_prepare(&c, pair[0], host, psk);
    for (int64_t until = test_ms() + 5000; SSL_do_handshake(c.ssl) != 1 && test_ms() < until;) {
        char bytes[4096];
        ssize_t n = read(pair[1], bytes, sizeof bytes);

        if (n > 0) {
            memcpy(out->bytes + out->len, bytes, (size_t)n);
            out->len += (size_t)n;
            CHECK_INT(write(server, bytes, (size_t)n), n);
        }
        n = recv(server, bytes, sizeof bytes, MSG_DONTWAIT);
        CHECK(n <= 0 || write(pair[1], bytes, (size_t)n) == n);
        test_sleep(1);
    }
    for (ssize_t n; (n = read(pair[1], out->bytes + out->len, sizeof out->bytes - out->len)) > 0;) {
        out->len += (size_t)n;
    }
    CHECK(SSL_is_init_finished(c.ssl));
    caller_close(&c, false);
    (void)close(pair[1]);
    (void)close(server);
}

static void
a_recorded_handshake_that_is_sent_again_begins_no_session(void)
{
    static struct recorded client;
    static struct caller c;
    struct receiver r;
    struct speaker s;
    char answer[4096];
    ssize_t n;
    int fd;

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    record_handshake(&client, r.port, "web03", &s.psk);
    CHECK(client.len > 200);
    receiver_listen(&r);
    r.len = 0;
    fd = caller_connect(r.port);
    CHECK_INT(write(fd, client.bytes, client.len), client.len);
    while ((n = read(fd, answer, sizeof answer)) > 0) {
    }
    CHECK(n == 0 || errno == ECONNRESET);
    (void)close(fd);
    CHECK(caller_say(&c, "=ping 1"));
    CHECK(caller_hears(&c, "=pong 1"));
    receiver_listen(&r);
    CHECK(strstr(r.text, "\tnet\tup\t") == NULL);
    caller_close(&c, true);
    end(&r);
}

static long
resident_kb(pid_t pid)
{
    char path[64];
    char line[200];
    long kb = -1;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kb;
}

/* A line and a check-in of an agent that is connected, and another one that comes anew. */
static bool
agents_are_served(struct caller *old, const struct receiver *r, struct speaker *s, struct speaker *other)
{
    static struct caller c;
    char want[40];
    bool well;

    (void)snprintf(want, sizeof want, "=ack 1-K3QF.%u", speaker_next(s));
    well = caller_seal(old, s, WIRE_INFO, "agent.beat", "next=10") && caller_hears(old, want);
    well = well && caller_open(&c, r->port, "db1", &other->psk) && caller_say(&c, "=hello 1 db1 1-K3QF") &&
           strncmp(caller_hear(&c), "=seen ", 6) == 0;
    caller_close(&c, true);
    return well;
}

static void
half_handshakes_and_a_thousand_connections_shut_nobody_out(void)
{
    enum { AT_ONCE = 1000, IN_ALL = 10000 };
    static const char half[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01 };
    static int fd[AT_ONCE];
    static struct recorded hello;
    static struct caller c;
    struct receiver r;
    struct speaker s;
    struct speaker other;
    size_t hello_len;
    int64_t worst = 0;
    long handshakes;
    long before;
    int served = 0;

    begin(&r, &s);
    receiver_pair(&r, "db1", &other);
    record_handshake(&hello, r.port, "web03", &s.psk);
    hello_len = 5 + (((size_t)hello.bytes[3] & 0xFF) << 8 | ((size_t)hello.bytes[4] & 0xFF));
    CHECK(hello_len < hello.len);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    before = resident_kb(receiver_gate(&r));
    for (int i = 0; i < AT_ONCE; i++) {
        fd[i] = -1;
    }
    for (int i = 0; i < IN_ALL; i++) {
        int at = i % AT_ONCE;

        if (fd[at] >= 0) {
            (void)close(fd[at]);
        }
        fd[at] = caller_connect_from(ELSEWHERE, r.port);
        if (i % 4 == 0) {
            (void)send(fd[at], half, sizeof half, MSG_NOSIGNAL);
        } else if (i % 4 == 1) {
            (void)send(fd[at], hello.bytes, hello_len, MSG_NOSIGNAL);
        }
        if (i % 500 == 499) {
            int64_t begun = test_ms();

            CHECK(agents_are_served(&c, &r, &s, &other));
            worst = test_ms() - begun > worst ? test_ms() - begun : worst;
            served++;
        }
    }
    CHECK_INT(served, 20);
    /* The gate told it once in the last second: the agent that was served then may have been on its way in.
     */
    handshakes = status_number(&r, "handshakes");
    CHECK(handshakes >= 0 && handshakes <= GATE_PER_ADDRESS + 1);
    printf("     gate: %ld kB before, %ld kB then; a line and a registration in %lld ms at worst\n", before,
            resident_kb(receiver_gate(&r)), (long long)worst);
    CHECK(resident_kb(receiver_gate(&r)) - before < GROWTH_KB);
    for (int i = 0; i < AT_ONCE; i++) {
        (void)close(fd[i]);
    }
    caller_close(&c, true);
    end(&r);
}

struct comer {
    struct caller c;
    int64_t begun_ms;
};

static void
come(struct comer *comer, uint32_t address, const struct receiver *r, const struct speaker *s)
{
    int fd = caller_connect_from(address, r->port);

    CHECK(fd >= 0);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    caller_prepare(&comer->c, fd, "web03", &s->psk);
    comer->begun_ms = test_ms();
}

/* 1 with a session, 0 on the way to one, -1 when there will be none. */
static int
goes_on(struct caller *c)
{
    int result = SSL_is_init_finished(c->ssl) ? 1 : SSL_do_handshake(c->ssl);
    int error = result != 1 ? SSL_get_error(c->ssl, result) : SSL_ERROR_NONE;

    ERR_clear_error();
    return result == 1 ? 1 : error == SSL_ERROR_WANT_READ ? 0 : -1;
}

/*
 * More than may be under way, as after a restart of the receiver: who has to wait does so in the kernel. Only
 * a handshake that this machine is too busy to go on with makes room for others, and then it comes again.
 */
static void
many_agents_that_come_at_once_all_find_room(void)
{
    enum { AT_ONCE = 2 * GATE_HANDSHAKES };
    static struct comer comer[AT_ONCE];
    struct receiver r;
    struct speaker s;
    unsigned done = 0;

    begin(&r, &s);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        come(&comer[i], MANY + i, &r, &s);
    }
    for (int64_t until = test_ms() + 60000; done < AT_ONCE && test_ms() < until; test_sleep(1)) {
        done = 0;
        for (unsigned i = 0; i < AT_ONCE; i++) {
            int went = goes_on(&comer[i].c);

            done += went == 1;
            if (went < 0) {
                CHECK(test_ms() - comer[i].begun_ms >= GATE_OLD_MS);
                caller_close(&comer[i].c, false);
                come(&comer[i], MANY + i, &r, &s);
            }
        }
    }
    CHECK_INT(done, AT_ONCE);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        caller_close(&comer[i].c, false);
    }
    end(&r);
}

static void
a_peer_that_does_not_read_is_ended(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    int64_t until = test_ms() + 30000;
    int small = 4096;
    int fd;

    begin(&r, &s);
    fd = caller_connect(r.port);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    caller_prepare(&c, fd, "web03", &s.psk);
    CHECK_INT(SSL_do_handshake(c.ssl), 1);
    CHECK(caller_say(&c, "=hello 1 web03 1-K3QF"));
    while (caller_say(&c, "=ping 4294967295") && test_ms() < until) {
    }
    CHECK(test_ms() < until);
    caller_close(&c, false);
    CHECK(receiver_hears(&r, "\tnet\tlost\thost=web03 ", 2000));
    CHECK(strstr(r.text, " how=limit\n") != NULL);
    end(&r);
}

static void
a_handshake_that_is_not_finished_is_ended_after_its_time(void)
{
    struct receiver r;
    struct speaker s;
    char byte;
    int fd;

    begin(&r, &s);
    fd = caller_connect(r.port);
    CHECK_INT(send(fd, "\x16", 1, 0), 1);
    CHECK(recv(fd, &byte, 1, 0) <= 0 && errno != EAGAIN);
    (void)close(fd);
    CHECK(status_becomes(&r, "expired", 1));
    end(&r);
}

/* ---- the gate's process */

static void
a_gate_that_dies_is_an_alarm_until_another_one_listens(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    pid_t gate;

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    gate = receiver_gate(&r);
    CHECK(gate > 1);
    (void)kill(gate, SIGKILL);
    CHECK(receiver_hears(&r, "\topen\t-\tERRO\tbelfry.gate\t", 5000));
    CHECK(!caller_hears(&c, "=close stopping"));
    caller_close(&c, false);
    CHECK(receiver_hears(&r, "\tclosed\t-\tERRO\tbelfry.gate\t", 10000));
    CHECK(strstr(r.text, "belfry.cut") == NULL);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    caller_close(&c, true);
    end(&r);
}

static void
a_gate_has_nothing_of_belfry_and_no_rights(void)
{
    struct receiver r;
    struct speaker s;
    char path[64];
    char line[200];
    int found = 0;
    FILE *f;

    begin(&r, &s);
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)receiver_gate(&r));
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        found += strcmp(line, "Name:\tbelfry-gate\n") == 0 || strcmp(line, "NoNewPrivs:\t1\n") == 0 ||
                 strcmp(line, "CapEff:\t0000000000000000\n") == 0 ||
                 (strncmp(line, "Uid:", 4) == 0 && strstr(line, "\t0\t") == NULL);
    }
    CHECK_INT(found, 4);
    if (f != NULL) {
        (void)fclose(f);
    }
    end(&r);
}

static void
an_address_that_cannot_be_listened_at_is_an_alarm_until_it_can(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    struct receiver r;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof at;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(listen(fd, 1), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    receiver_make(&r, NULL);
    receiver_listens(&r, ntohs(at.sin_port));
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\tbelfry.gate\t-\tlisten=127.0.0.1:", 5000));
    CHECK(strstr(r.text, " error=EADDRINUSE") != NULL);
    (void)close(fd);
    CHECK(receiver_hears(&r, "\tclosed\t-\tERRO\tbelfry.gate\t", 5000));
    end(&r);
}

/* ---- what belfry says of itself */

static void
a_host_that_is_unpaired_is_disconnected(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK_INT(receiver_command(&r, NULL, 0, "unpair", "web03", NULL), 0);
    CHECK(caller_hears(&c, "=close unpaired"));
    caller_close(&c, true);
    CHECK(!caller_open(&c, r.port, "web03", &s.psk));
    caller_close(&c, false);
    end(&r);
}

static void
a_receiver_that_ends_says_goodbye(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10"));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK(caller_hears(&c, "=close stopping"));
    CHECK(SSL_get_shutdown(c.ssl) == 0 || caller_hear(&c)[0] == '\0');
    caller_close(&c, true);
    receiver_remove(&r);
}

/* As fast as they go: more than may be under way, more than may wait, more than a burst. */
static void
a_burst_of_lines_arrives_whole_and_in_order(void)
{
    enum { LINES = 9000 };
    static struct caller c;
    struct receiver r;
    struct speaker s;
    pid_t writer;
    char want[40];

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    writer = fork();
    if (writer == 0) {
        bool well = true;

        for (int i = 0; i < LINES && well; i++) {
            well = caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10");
        }
        _exit(well ? 0 : 1);
    }
    CHECK_INT(receiver_wait(writer), 0);
    (void)snprintf(want, sizeof want, "\t1-K3QF.%d\t", LINES - 1);
    CHECK(receiver_hears(&r, want, 30000));
    CHECK(strstr(r.text, "GAP") == NULL && strstr(r.text, "LATE") == NULL);
    (void)snprintf(want, sizeof want, "=ack 1-K3QF.%d", LINES - 1);
    CHECK(caller_hears(&c, want));
    caller_close(&c, true);
    end(&r);
}

static void
keep_host(void *to, const struct host_record *host)
{
    *(struct host_record *)to = *host;
}

/* More lines than may wait for a commit, while another process holds the ledger. */
static void
nothing_is_answered_while_the_ledger_cannot_be_written(void)
{
    enum { LINES = 2000 };
    static struct caller c;
    struct receiver r;
    struct speaker s;
    struct ledger *l;
    struct pollfd p;
    pid_t writer;
    char want[40];

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(strncmp(caller_hear(&c), "=ch ", 4) == 0);
    l = receiver_ledger(&r);
    CHECK_INT(ledger_begin(l), 0);
    writer = fork();
    if (writer == 0) {
        bool well = true;

        for (int i = 0; i < LINES && well; i++) {
            well = caller_seal(&c, &s, WIRE_INFO, "agent.beat", "next=10") &&
                   (i > 0 || caller_say(&c, "=ping 1"));
        }
        _exit(well ? 0 : 1);
    }
    p = (struct pollfd){ .fd = c.fd, .events = POLLIN };
    CHECK_INT(poll(&p, 1, 1000), 0);
    ledger_rollback(l);
    ledger_close(l);
    CHECK_INT(receiver_wait(writer), 0);
    CHECK(strncmp(caller_hear(&c), "=ack ", 5) == 0);
    CHECK(caller_hears(&c, "=pong 1"));
    (void)snprintf(want, sizeof want, "=ack 1-K3QF.%d", LINES - 1);
    CHECK(caller_hears(&c, want));
    CHECK(receiver_hears(&r, "\t1-K3QF.1999\t", 5000));
    CHECK(strstr(r.text, "GAP") == NULL);
    caller_close(&c, true);
    end(&r);
}

/* The agent says the token of the connection in a beat. */
static void
vouch(struct caller *c, struct speaker *s)
{
    const char *token = caller_hear(c);
    char detail[40];

    CHECK(strncmp(token, "=ch ", 4) == 0);
    (void)snprintf(detail, sizeof detail, "next=10 ch=%.8s", token + 4);
    CHECK(caller_seal(c, s, WIRE_INFO, "agent.beat", detail));
}

/* =rekey is said when the disk has what it speaks of: this connection's exporter, pending. */
static void
a_rekey_that_was_said_is_pending_after_a_kill(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    struct ledger *l;
    struct host_record host;
    uint8_t x[GATE_EXPORT];

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.start", "beat=10"));
    vouch(&c, &s);
    CHECK(caller_hears(&c, "=rekey"));
    CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
    CHECK_INT(SSL_export_keying_material(
                      c.ssl, x, sizeof x, GATE_EXPORT_LABEL, strlen(GATE_EXPORT_LABEL), NULL, 0, 0),
            1);
    memset(&host, 0, sizeof host);
    l = receiver_ledger(&r);
    CHECK_INT(ledger_hosts(l, (int64_t)time(NULL) * 1000, keep_host, &host), 0);
    ledger_close(l);
    CHECK(host.rekey.pending);
    CHECK_STR(host.rekey.nonce, "K3QF");
    CHECK_MEM(host.rekey.x.bytes, x, sizeof x);
    caller_close(&c, false);
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\tnet\tup\tlisten=127.0.0.1:", 5000));
    /* Its hello names no rekey, and a beat says that it is the agent's: another one begins at once. */
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen 1-K3QF.1"));
    vouch(&c, &s);
    CHECK(caller_hears(&c, "=rekey"));
    caller_close(&c, true);
    end(&r);
}

/* Whoever has a copy of the key for the network can say =hello, and no more. */
static void
a_hello_that_no_beat_vouches_for_forgets_no_rekey_and_begins_none(void)
{
    static struct caller c;
    static struct caller thief;
    struct receiver r;
    struct speaker s;
    struct ledger *l;
    struct host_record host;

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.start", "beat=10"));
    vouch(&c, &s);
    CHECK(caller_hears(&c, "=rekey"));
    CHECK(caller_greet(&thief, r.port, "web03", &s.psk, "=seen 1-K3QF.1"));
    CHECK(caller_hears(&c, "=close replaced"));
    for (int i = 0; i < 3; i++) {
        CHECK(caller_say(&thief, "=ping 1"));
        CHECK(caller_hears(&thief, "=pong 1"));
    }
    caller_close(&thief, true);
    caller_close(&c, true);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    memset(&host, 0, sizeof host);
    l = receiver_ledger(&r);
    CHECK_INT(ledger_hosts(l, (int64_t)time(NULL) * 1000, keep_host, &host), 0);
    ledger_close(l);
    CHECK(host.rekey.pending);
    receiver_remove(&r);
}

/* The voice goes on in session 2, whose root took `x` in, NULL for none. */
static void
speak_in_session_2(struct speaker *s, const char *nonce, const struct wire_key *x)
{
    struct wire_key root;

    wire_key_root_after(&s->root0, 1, NULL, NULL, &root);
    wire_key_root_after(&root, 1, NULL, x, &root);
    s->session = 2;
    (void)snprintf(s->nonce, sizeof s->nonce, "%s", nonce);
    wire_key_session(&root, 2, nonce, s->host, &s->key);
    wire_tree_init(&s->tree, &s->key, WIRE_TREE_DEPTH);
}

static void
behind_a_rekey_the_agent_is_proved_and_a_copy_of_its_disk_is_not(void)
{
    static struct caller c;
    struct receiver r;
    struct speaker s;
    struct wire_key x;
    char id[3 + WIRE_REKEY_ID + 1] = "id=";

    begin(&r, &s);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen none"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.start", "beat=10"));
    vouch(&c, &s);
    CHECK(caller_hears(&c, "=rekey"));
    CHECK_INT(SSL_export_keying_material(c.ssl, x.bytes, sizeof x.bytes, GATE_EXPORT_LABEL,
                      strlen(GATE_EXPORT_LABEL), NULL, 0, 0),
            1);
    wire_key_rekey_id(&x, id + 3);
    CHECK(caller_seal(&c, &s, WIRE_NOTE, "agent.rekey", id));
    CHECK(caller_hears(&c, "=ack 1-K3QF.2"));
    caller_close(&c, true);
    speak_in_session_2(&s, "AAAA", NULL);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen 1-K3QF.2"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.start", "beat=10"));
    CHECK(caller_hears(&c, "=close unproved"));
    CHECK(receiver_hears(&r, "\tweb03\tFORGED\t", 5000));
    caller_close(&c, true);
    CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\tnet\tup\tlisten=127.0.0.1:", 5000));
    speak_in_session_2(&s, "BBBB", &x);
    CHECK(caller_greet(&c, r.port, "web03", &s.psk, "=seen 1-K3QF.2"));
    CHECK(caller_seal(&c, &s, WIRE_INFO, "agent.start", "beat=10"));
    CHECK(caller_hears(&c, "=ack 2-BBBB.0"));
    caller_close(&c, true);
    end(&r);
}

/*
 * Kills it as soon as it has acknowledged something. How many lines were acknowledged and are not on record.
 */
static unsigned
lost_by_a_kill(struct receiver *r, struct speaker *s, unsigned lines)
{
    static struct caller c;
    uint32_t first = speaker_next(s);
    uint32_t acked = 0;
    bool any = false;
    bool killed = false;
    unsigned lost = 0;
    struct wire_talk talk;
    struct ledger *l;
    const char *line;

    receiver_start(r);
    CHECK(receiver_hears(r, "\tnet\tup\tlisten=127.0.0.1:", 5000));
    CHECK(caller_open(&c, r->port, "web03", &s->psk) && caller_say(&c, "=hello 1 web03 1-K3QF"));
    for (unsigned k = 0; k < lines; k++) {
        CHECK(caller_seal(&c, s, WIRE_INFO, "agent.beat", "next=10"));
    }
    while ((line = caller_hear(&c))[0] != '\0') {
        if (wire_talk_parse(line, strlen(line), &talk) == 0 && talk.kind == WIRE_TALK_ACK) {
            acked = talk.number;
            any = true;
        }
        if (any && !killed) {
            CHECK_INT(receiver_end(r, SIGKILL), -SIGKILL);
            killed = true;
        }
    }
    CHECK(killed);
    caller_close(&c, false);
    l = receiver_ledger(r);
    for (uint32_t k = first; any && k <= acked; k++) {
        char tag[WIRE_TAG_CHARS];

        lost += !ledger_tag_of(l, "web03", 1, 1, "K3QF", k, tag);
    }
    ledger_close(l);
    return lost;
}

static unsigned
lost_by_kills(const char *program)
{
    enum { KILLS = 25 };
    struct receiver r;
    struct speaker s;
    unsigned lost = 0;

    receiver_make(&r, NULL);
    receiver_listens(&r, caller_free_port());
    receiver_pair(&r, "web03", &s);
    r.program = program;
    for (unsigned i = 0; i < KILLS; i++) {
        lost += lost_by_a_kill(&r, &s, 1 + i * 8);
    }
    receiver_remove(&r);
    return lost;
}

static void
no_acknowledged_line_is_lost_when_the_receiver_is_killed(void)
{
    CHECK_INT(lost_by_kills(BELFRY), 0);
}

/* The same belfry with one comparison left out. */
static void
an_acknowledgement_before_the_commit_is_found(void)
{
    unsigned lost = lost_by_kills(BELFRY_ACK_EARLY);

    printf("     %u lines lost\n", lost);
    CHECK(lost > 0);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)own_network();
    CHECK_RUN(lines_of_an_agent_are_acknowledged_when_they_are_on_record);
    CHECK_RUN(a_wrong_key_and_an_unknown_host_are_refused_alike);
    CHECK_RUN(a_newer_connection_of_a_host_ends_the_older);
    CHECK_RUN(what_is_seen_ends_before_the_first_hole);
    CHECK_RUN(a_line_that_is_not_proved_ends_the_connection_and_is_not_acknowledged);
    CHECK_RUN(lines_of_a_session_that_was_passed_over_are_proved_all_the_same);
    CHECK_RUN(bytes_that_are_no_lines_end_the_connection);
    CHECK_RUN(what_is_no_session_with_a_key_is_refused);
    CHECK_RUN(an_agent_may_come_by_ipv6);
    CHECK_RUN(a_recorded_handshake_that_is_sent_again_begins_no_session);
    CHECK_RUN(half_handshakes_and_a_thousand_connections_shut_nobody_out);
    CHECK_RUN(many_agents_that_come_at_once_all_find_room);
    CHECK_RUN(a_peer_that_does_not_read_is_ended);
    CHECK_RUN(a_handshake_that_is_not_finished_is_ended_after_its_time);
    CHECK_RUN(a_gate_that_dies_is_an_alarm_until_another_one_listens);
    CHECK_RUN(a_gate_has_nothing_of_belfry_and_no_rights);
    CHECK_RUN(an_address_that_cannot_be_listened_at_is_an_alarm_until_it_can);
    CHECK_RUN(a_host_that_is_unpaired_is_disconnected);
    CHECK_RUN(a_receiver_that_ends_says_goodbye);
    CHECK_RUN(a_burst_of_lines_arrives_whole_and_in_order);
    CHECK_RUN(nothing_is_answered_while_the_ledger_cannot_be_written);
    CHECK_RUN(a_rekey_that_was_said_is_pending_after_a_kill);
    CHECK_RUN(a_hello_that_no_beat_vouches_for_forgets_no_rekey_and_begins_none);
    CHECK_RUN(behind_a_rekey_the_agent_is_proved_and_a_copy_of_its_disk_is_not);
    CHECK_RUN(no_acknowledged_line_is_lost_when_the_receiver_is_killed);
    CHECK_RUN(an_acknowledgement_before_the_commit_is_found);
    return check_result();
}
