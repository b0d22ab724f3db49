#include "receiver.h"

#include "belfry/ctl/client.h"

struct heard {
    unsigned lines;
    unsigned hosts;
    unsigned alarms;
    unsigned beats;
    long last_alarm;
    bool order;
    char host[16][128];
};

static void
hear(void *to, char *line)
{
    struct heard *h = to;
    char *f[16];

    (void)client_fields(line, f, 16);
    if (strcmp(f[0], "line") == 0) {
        h->lines++;
    } else if (strcmp(f[0], "host") == 0) {
        h->hosts++;
        for (unsigned i = 0; i < 14; i++) {
            (void)snprintf(h->host[i], sizeof h->host[i], "%s", f[i]);
        }
    } else if (strcmp(f[0], "alarm") == 0) {
        long id = strtol(f[1], NULL, 10);

        h->alarms++;
        h->order = h->order && (h->last_alarm == 0 || id < h->last_alarm);
        h->last_alarm = id;
    } else if (strcmp(f[0], "beats") == 0) {
        CHECK(strcmp(f[1], "tty") == 0 && strcmp(f[2], "web03") == 0);
        h->beats += (unsigned)strtoul(f[4], NULL, 10);
    }
}

static struct heard
asked(const struct receiver *r, int what)
{
    static struct conf conf;
    struct ctl_request request = { .what = what };
    struct heard h = { .order = true };

    (void)snprintf(conf.state_dir, sizeof conf.state_dir, "%s", receiver_path(r, "state"));
    CHECK_INT(client_each(&conf, &request, hear, &h), 0);
    return h;
}

static void
what_is_asked_comes_whole_and_in_order_however_much_it_is(void)
{
    enum { ALARMS = 250, BEATS = 1000 };
    struct receiver r;
    struct speaker s;
    struct heard h;
    char detail[40];
    char want[80];
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    for (int i = 0; i < BEATS; i++) {
        receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    }
    for (int i = 0; i < ALARMS; i++) {
        (void)snprintf(detail, sizeof detail, "name=unit%d", i);
        receiver_say(fd, &s, WIRE_ERRO, "daemon.down", detail);
    }
    (void)snprintf(want, sizeof want, "\t1-K3QF.%d\t", BEATS + ALARMS - 1);
    CHECK(receiver_hears(&r, want, 60000));
    h = asked(&r, CTL_STATUS);
    CHECK_INT(h.lines, 2);
    h = asked(&r, CTL_HOSTS);
    CHECK_INT(h.hosts, 1);
    CHECK(strcmp(h.host[1], "web03") == 0 && strcmp(h.host[2], "tty") == 0);
    CHECK(strcmp(h.host[3], "alive") == 0 && strcmp(h.host[6], "1250") == 0);
    CHECK(strcmp(h.host[12], "down") == 0 && strcmp(h.host[13], "tty") == 0);
    h = asked(&r, CTL_ALARMS);
    CHECK_INT(h.alarms, ALARMS);
    CHECK(h.order);
    h = asked(&r, CTL_RECENT);
    CHECK_INT(h.alarms, 20);
    CHECK(h.order);
    h = asked(&r, CTL_BEATS);
    CHECK_INT(h.beats, BEATS + ALARMS);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    (void)close(fd);
    receiver_remove(&r);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK_RUN(what_is_asked_comes_whole_and_in_order_however_much_it_is);
    return check_result();
}
