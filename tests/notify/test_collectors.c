/*
 * Alarms told to real servers: rsyslog with both its TLS drivers, syslog-ng, dma. Belfry, also in a reload,
 * its notifier and the server are killed at random while alarms are raised; each has to arrive. NOTIFY_SEED
 * and NOTIFY_ALARMS (24) choose a campaign; what is killed when comes from the seed alone. With
 * NOTIFY_ONLY_TARGET the server alone is killed.
 *
 *   test_collectors KIND        rsyslog-gtls, rsyslog-ossl, rsyslog-tcp, rsyslog-udp, syslog-ng-tls, openssl
 * or dma
 */
#include "collectors.h"

#include "belfry/ctl/client.h"

static struct receiver receiver;
static struct speaker speaker;
static struct collector collector;
static int tty = -1;
static bool otherwise; /* the notifier has one option more */

/* What a running belfry answers to `status`. */
static const char *
status(void)
{
    static struct client_answer answer;
    static struct conf conf;
    struct ctl_request request = { .what = CTL_STATUS };

    (void)snprintf(conf.state_dir, sizeof conf.state_dir, "%s", receiver_path(&receiver, "state"));
    CHECK_INT(client_ask(&conf, &request, &answer), 0);
    return answer.text;
}

static unsigned
number_from(const char *name, unsigned usual)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : usual;
}

static bool
is_tls(void)
{
    return strcmp(collector.kind, "rsyslog-tcp") != 0 && strcmp(collector.kind, "rsyslog-udp") != 0 &&
           !collector_is_mail(&collector);
}

/* Copies one file of a directory over another. */
static void
copy_in(const char *dir, const char *from, const char *to)
{
    char command[300];

    (void)snprintf(command, sizeof command, "cp %s/%s %s/%s", dir, from, dir, to);
    CHECK_INT(system(command), 0);
}

/* The notifier `far` and no other; `more` are options that replace the certificates that are right. */
static void
configure(const char *more)
{
    char line[1000];
    const char *scheme = is_tls() ? "tls" : strcmp(collector.kind, "rsyslog-udp") == 0 ? "udp" : "tcp";
    const char *right = is_tls() ? "ca=%c/ca.pem cert=%c/belfry.pem key=%c/belfry.key" : "";
    int n;

    copy_in(receiver.dir, "base", "conf");
    if (collector_is_mail(&collector)) {
        (void)snprintf(line, sizeof line,
                "Notify far mail %s/sendmail to=root from=belfry@example.org digest=1s%s", collector.dir,
                otherwise ? " at-least=note" : "");
        receiver_configure(&receiver, line);
        return;
    }
    n = snprintf(line, sizeof line, "Notify far syslog %s://127.0.0.1:%u facility=local1 ", scheme,
            collector.port);

    for (const char *c = more != NULL ? more : right; *c != '\0'; c++) {
        if (c[0] == '%' && c[1] == 'c') {
            n += snprintf(line + n, sizeof line - (size_t)n, "%s", collector.dir);
            c++;
        } else {
            line[n++] = *c;
        }
    }
    (void)snprintf(line + n, sizeof line - (size_t)n, "%s", otherwise ? " at-least=note" : "");
    receiver_configure(&receiver, line);
}

static void
prepare(const char *more)
{
    CHECK(collector_make(&collector, collector.kind));
    receiver_make(&receiver, NULL);
    receiver.program = getenv("NOTIFY_BELFRY") != NULL ? getenv("NOTIFY_BELFRY") : BELFRY;
    copy_in(receiver.dir, "conf", "base");
    configure(more);
    receiver_pair(&receiver, "web03", &speaker);
}

static void
go(void)
{
    collector_start(&collector);
    receiver_start(&receiver);
    tty = receiver_tty(&receiver);
    receiver_say(tty, &speaker, WIRE_INFO, "agent.start", "beat=600");
}

static void
begin(const char *more)
{
    prepare(more);
    go();
}

static void
end(void)
{
    (void)close(tty);
    CHECK_INT(receiver_end(&receiver, SIGTERM), 0);
    receiver_remove(&receiver);
    collector_remove(&collector);
}

static void
a_mail_arrives_with_what_is_known_and_what_follows_it_in_one(void)
{
    begin(NULL);
    receiver_say(tty, &speaker, WIRE_CRIT, "integrity.changed", "path=/etc/a");
    CHECK(collector_hears(&collector, "Subject: [belfry] CRIT integrity.changed web03\n", 60000));
    receiver_say(tty, &speaker, WIRE_WARN, "time.step", "clock=utc");
    receiver_say(tty, &speaker, WIRE_NOTE, "integrity.ok", "of=1");
    CHECK(collector_hears(
            &collector, "Subject: [belfry] 1 alarm, 1 over; worst CRIT integrity.changed\n", 60000));
    CHECK(collector_hears(
            &collector, "alarm 1 closed: web03 CRIT integrity.changed\n    path=/etc/a\n", 60000));
    CHECK(strstr(collector_heard(&collector), "\nMessage-ID: <belfry.2-3.") != NULL);
    CHECK(strstr(collector_heard(&collector), "\nAuto-Submitted: auto-generated\n") != NULL);
    CHECK(strstr(collector_heard(&collector), "(envelope-from belfry@example.org)") != NULL);
    end();
}

static void
an_alarm_and_its_end_arrive_with_all_that_is_known_of_them(void)
{
    begin(NULL);
    if (!is_tls() && strcmp(collector.kind, "rsyslog-udp") == 0) {
        test_sleep(3000); /* what comes before it listens is lost: it is UDP */
    }
    receiver_say(tty, &speaker, WIRE_CRIT, "integrity.changed", "path=/etc/a%5Db%22c");
    receiver_say(tty, &speaker, WIRE_NOTE, "integrity.ok", "of=1");
    CHECK(collector_hears(&collector, "seq=\"1\"", 60000));
    CHECK(collector_hears(
            &collector, "alarm 1 open: web03 CRIT integrity.changed path=/etc/a%5Db%22c", 60000));
    CHECK(collector_hears(&collector, "seq=\"2\"", 60000));
    CHECK(collector_hears(&collector, "alarm 1 closed: web03 CRIT integrity.changed", 60000));
    if (strcmp(collector.kind, "syslog-ng-tls") != 0) {
        CHECK(collector_hears(&collector,
                "state=\"closed\" host=\"web03\" severity=\"CRIT\" code=\"integrity.changed\" "
                "subject=\"path=/etc/a%5Db%22c\" line=\"tty\"",
                60000));
    }
    end();
}

static void
copy(const char *from, const char *to)
{
    copy_in(collector.dir, from, to);
}

/* Belfry says that it waits, and says why. */
static bool
waits_for(const char *why)
{
    int64_t until = test_ms() + 60000;
    const char *at;

    do {
        test_sleep(50);
        at = strstr(status(), "\tfar\tsyslog\twaits\t1\t0\t0\t0\t");
        at = at != NULL ? strstr(at, why) : NULL;
    } while (at == NULL && test_ms() < until);
    return at != NULL;
}

#define PRINT "fingerprint=SHA256:0000000000000000000000000000000000000000000000000000000000000000"
#define OURS "cert=%c/belfry.pem key=%c/belfry.key"

/* Nothing that is told goes to whoever is not the right server, and nothing is told before a server has taken
 * who we are. */
static void
a_server_that_is_not_the_one_or_refuses_us_is_named_and_hears_nothing(void)
{
    static const struct {
        const char *options;
        bool expired; /* the server's certificate */
        const char *why;
    } wrong[] = {
        { "ca=%c/ca.pem " OURS " name=other.example", false, "mismatch" },
        { "ca=%c/other.pem " OURS, false, "certificate" },
        { "ca=%c/ca.pem " OURS, true, "certificate has expired" },
        { PRINT " " OURS, false, "its certificate is another, SHA256:" },
        { "ca=%c/ca.pem " OURS " " PRINT, false, "its certificate is another, SHA256:" },
        { "ca=%c/ca.pem", false, "" },
        { "ca=%c/ca.pem cert=%c/other.pem key=%c/other.key", false, "" },
    };

    /* All of them with one server, of the others each third: who looks at us differs, we do not. */
    bool all = strcmp(collector.kind, "openssl") == 0;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i += all ? 1 : 3) {
        prepare(wrong[i].options);
        if (wrong[i].expired) {
            copy("expired.pem", "server.pem");
            copy("expired.key", "server.key");
        }
        go();
        receiver_say(tty, &speaker, WIRE_CRIT, "integrity.changed", "path=/etc/a");
        CHECK(waits_for(wrong[i].why));
        test_sleep(500);
        CHECK(waits_for(wrong[i].why));
        CHECK_STR(collector_heard(&collector), "");
        end();
    }
}

/* As openssl prints it, "SHA256:AB:CD...". */
static void
fingerprint_of(const char *digest, const char *certificate, char out[200])
{
    char command[300];
    FILE *from;

    (void)snprintf(command, sizeof command,
            "printf %s: | tr -d -; openssl x509 -in %s/%s -noout -fingerprint -%s | cut -d= -f2 | tr -d "
            "'\\n'",
            digest, collector.dir, certificate, digest);
    from = popen(command, "r");
    CHECK(from != NULL && fgets(out, 200, from) != NULL);
    CHECK_INT(pclose(from), 0);
}

static void
a_fingerprint_is_enough_and_one_of_several_too(void)
{
    char more[600];
    char sha1[200];
    char sha256[200];

    prepare(NULL);
    copy("expired.pem", "server.pem");
    copy("expired.key", "server.key");
    fingerprint_of("sha1", "server.pem", sha1);
    fingerprint_of("sha256", "server.pem", sha256);
    (void)snprintf(more, sizeof more, "%s fingerprint=%s", OURS, sha1);
    configure(more);
    go();
    receiver_say(tty, &speaker, WIRE_CRIT, "integrity.changed", "path=/etc/a");
    CHECK(collector_hears(&collector, "alarm 1 open: web03 CRIT integrity.changed path=/etc/a", 60000));
    (void)snprintf(more, sizeof more, "%s fingerprint=%s", OURS " " PRINT, sha256);
    configure(more);
    CHECK_INT(receiver_command(&receiver, NULL, 0, "reload", NULL), 0);
    receiver_say(tty, &speaker, WIRE_NOTE, "integrity.ok", "of=1");
    CHECK(collector_hears(&collector, "alarm 1 closed: web03 CRIT integrity.changed", 60000));
    end();
}

static void
a_renewed_certificate_is_taken_by_a_reload(void)
{
    char text[2000];
    pid_t pid;

    prepare("ca=%c/ca.pem cert=%c/mine.pem key=%c/mine.key");
    copy("other.pem", "mine.pem");
    copy("other.key", "mine.key");
    go();
    pid = receiver.pid;
    receiver_say(tty, &speaker, WIRE_CRIT, "integrity.changed", "path=/etc/a");
    CHECK(waits_for(""));
    copy("belfry.pem", "mine.pem");
    copy("belfry.key", "mine.key");
    CHECK_INT(receiver_command(&receiver, text, sizeof text, "reload", NULL), 0);
    CHECK(strstr(text, " notifier: 0 added, 0 removed, 0 changed, 1 with other certificates or keys\n") !=
            NULL);
    CHECK(collector_hears(&collector, "alarm 1 open: web03 CRIT integrity.changed path=/etc/a", 60000));
    CHECK_INT(receiver.pid, pid);
    end();
}

static void
kill_somebody(unsigned *seed)
{
    pid_t pid = notifier_of(&receiver, "far");
    pid_t program;

    switch (getenv("NOTIFY_ONLY_TARGET") != NULL ? 0 : rand_r(seed) % 6) {
    case 0:
        collector_kill(&collector);
        if (collector_is_mail(&collector) && pid > 1 && (program = receiver_child(pid, NULL, NULL)) > 1) {
            (void)kill(program, SIGKILL);
        }
        test_sleep((int)(rand_r(seed) % 300));
        collector_start(&collector);
        break;
    case 1:
        if (pid > 1) {
            CHECK_INT(kill(pid, SIGKILL), 0);
        }
        break;
    case 2:
        (void)close(tty);
        CHECK_INT(receiver_end(&receiver, SIGKILL), -SIGKILL);
        receiver_start(&receiver);
        tty = receiver_tty(&receiver);
        break;
    case 3: /* both ends of the connection at once */
        if (pid > 1) {
            CHECK_INT(kill(pid, SIGKILL), 0);
        }
        collector_kill(&collector);
        collector_start(&collector);
        break;
    case 4: /* a reload that starts the notifier anew, cut off somewhere */
        otherwise = !otherwise;
        configure(NULL);
        CHECK_INT(kill(receiver.pid, SIGHUP), 0);
        (void)usleep((useconds_t)(rand_r(seed) % 20000));
        (void)close(tty);
        CHECK_INT(receiver_end(&receiver, SIGKILL), -SIGKILL);
        receiver_start(&receiver);
        tty = receiver_tty(&receiver);
        break;
    default:
        test_sleep((int)(rand_r(seed) % 400));
    }
}

static void
each_alarm_arrives_whatever_is_killed_when(void)
{
    unsigned seed = number_from("NOTIFY_SEED", 3);
    unsigned alarms = number_from("NOTIFY_ALARMS", 24);
    int patience_ms = (int)number_from("NOTIFY_PATIENCE", 60000); /* for the first that is missing */
    unsigned missing = 0;
    char text[100];

    begin(NULL);
    for (unsigned i = 0; i < alarms; i++) {
        (void)snprintf(text, sizeof text, "name=d%u.", i);
        receiver_say(tty, &speaker, WIRE_CRIT, "daemon.down", text);
        CHECK(receiver_hears(&receiver, text, 60000));
        kill_somebody(&seed);
    }
    for (unsigned i = 0; i < alarms; i++) {
        (void)snprintf(text, sizeof text, " name=d%u.", i);
        if (!collector_hears(&collector, text, missing == 0 ? patience_ms : 0)) {
            (void)printf(
                    "alarm %u of %u (seed %u) did not arrive\n", i, alarms, number_from("NOTIFY_SEED", 3));
            missing++;
        }
    }
    CHECK_INT(missing, 0);
    end();
}

int
main(int argc, char **argv)
{
    if (argc != 2 || getenv("TOCSIN_SRC") == NULL) {
        return 2;
    }
    if (!collector_make(&collector, argv[1])) {
        (void)printf("skip: %s cannot be had\n", argv[1]);
        return 77;
    }
    collector_remove(&collector);
    if (collector_is_mail(&collector)) {
        CHECK_RUN(a_mail_arrives_with_what_is_known_and_what_follows_it_in_one);
    } else if (getenv("NOTIFY_ONLY_KILLS") == NULL) {
        CHECK_RUN(an_alarm_and_its_end_arrive_with_all_that_is_known_of_them);
        if (is_tls()) {
            CHECK_RUN(a_server_that_is_not_the_one_or_refuses_us_is_named_and_hears_nothing);
            CHECK_RUN(a_fingerprint_is_enough_and_one_of_several_too);
            CHECK_RUN(a_renewed_certificate_is_taken_by_a_reload);
        }
    }
    if (strcmp(collector.kind, "rsyslog-udp") != 0 && strcmp(collector.kind, "openssl") != 0) {
        CHECK_RUN(each_alarm_arrives_whatever_is_killed_when);
    }
    return check_result();
}
