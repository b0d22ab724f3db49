/* The program as the warden starts it, between a core and a receiver that are this test. */
#include "alarm/clock.h"
#include "courier/address.h"
#include "courier/courier.h"
#include "peer.h"
#include "proc/image.h"
#include "proc/link.h"
#include "support/check.h"
#include "wire/seal.h"
#include "wire/talk.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG_MS 20000
#define FDS 5
#define FIRST_FREE 20

static const uint8_t our_key[TLS_KEY] = { 1, 2, 3 };
static const uint8_t other_key[TLS_KEY] = { 1, 2, 4 };

static char program[PATH_MAX];
static char slow[32]; /* "SLOW_DISK_S=3", or empty */
static char folder[] = "/tmp/tocsin-courier-XXXXXX";
static struct conf conf;
static int listener = -1;
static int control = -1;
static int to_courier = -1; /* the core's end of the link */
static pid_t courier;
static struct peer peer;
static bool connected;
static int64_t alive_ms;
static unsigned heard[COURIER_KINDS];
static struct courier_message last[COURIER_KINDS];

/* ---- the ground */

static void
path_of(const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", folder, name);
}

static void
write_key(const uint8_t *key, size_t len, mode_t mode)
{
    char path[PATH_MAX];

    path_of("psk", path);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    CHECK(fd >= 0 && fchmod(fd, mode) == 0 && write(fd, key, len) == (ssize_t)len);
    close(fd);
}

static void
empty_folder(bool remove)
{
    DIR *d = opendir(folder);

    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d != NULL) {
        closedir(d);
    }
    if (remove) {
        rmdir(folder);
    }
}

/* All that the spool holds, one segment after the other. */
static const char *
spooled(void)
{
    static char text[65536];
    size_t len = 0;
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];

        path_of(names[i]->d_name, path);
        int fd = strncmp(names[i]->d_name, "spool.", 6) == 0 ? open(path, O_RDONLY) : -1;
        ssize_t got = fd >= 0 ? read(fd, text + len, sizeof(text) - 1 - len) : 0;
        len += got > 0 ? (size_t)got : 0;
        if (fd >= 0) {
            close(fd);
        }
        free(names[i]);
    }
    free(names);
    text[len] = '\0';
    return text;
}

static uint16_t
listen_somewhere(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(at);

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK_INT(bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
    CHECK_INT(listen(listener, 16), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    return ntohs(at.sin_port);
}

static void
stop_listening(void)
{
    close(listener);
    listener = -1;
}

/* ---- the processes */

static void
become_courier(const int fds[FDS])
{
    char *argv[] = { program, NULL };
    char preload[PATH_MAX + 16];
    char sanitizer[] = "ASAN_OPTIONS=verify_asan_link_order=0";
    char *envp[] = { preload, slow, sanitizer, NULL };
    int moved[FDS] = { 0 };

    snprintf(preload, sizeof(preload), "LD_PRELOAD=%.*slibslow_disk.so",
            (int)(strrchr(program, '/') + 1 - program), program);
    if (slow[0] == '\0') {
        envp[0] = NULL;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < FDS; i++) {
        moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FREE);
    }
    for (int i = 0; i < FDS; i++) {
        dup2(moved[i], ROLE_FD_CONTROL + i);
    }
    execve(program, argv, envp);
    _exit(127);
}

static void
send_line(enum line_kind kind, const char *bytes, size_t len, uint32_t number)
{
    struct line_message m = { .kind = (uint8_t)kind, .len = (uint8_t)len, .number = number };

    memcpy(m.bytes, bytes, len);
    CHECK_INT(link_send(to_courier, &m, sizeof(m)), 0);
}

static void
order(enum courier_order_kind kind)
{
    struct courier_order o = { .kind = (uint8_t)kind, .session = 17, .nonce = "K3QF" };

    CHECK_INT(link_send(to_courier, &o, sizeof(o)), 0);
}

/* The line of this number, as anybody may seal it: the courier knows no key. */
static size_t
sealed(uint32_t number, char out[WIRE_LINE_MAX + 1])
{
    struct wire_head head = { .severity = WIRE_WARN, .session = 17, .number = number, .utc_s = 1795289645 };
    struct wire_key key = { { 0 } };

    memcpy(head.host, "web03", 6);
    memcpy(head.nonce, "K3QF", 5);
    memcpy(head.code, "port.opened", 12);
    int len = wire_line_compose(&head, "port=22", 7, out, WIRE_LINE_MAX);
    len = wire_seal(&key, out, (size_t)len, WIRE_LINE_MAX);
    CHECK(len > 0);
    out[len] = '\0';
    return (size_t)len;
}

static void
write_line(uint32_t number)
{
    char text[WIRE_LINE_MAX + 1];
    size_t len = sealed(number, text);

    send_line(LINE_WRITE, text, len, number);
}

static void
start(void)
{
    int warden[2] = { -1, -1 };
    int core[2] = { -1, -1 };
    int conf_fd = image_of("conf", &conf, sizeof(conf));
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    memset(heard, 0, sizeof(heard));
    CHECK(link_pair(warden) == 0 && link_pair(core) == 0 && conf_fd >= 0 && dir >= 0);
    control = warden[0];
    to_courier = core[0];
    courier = fork();
    if (courier == 0) {
        const int fds[FDS] = { warden[1], conf_fd, core[1], dir,
            timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK) };

        become_courier(fds);
    }
    if (courier < 0) {
        abort();
    }
    close(warden[1]);
    close(core[1]);
    close(conf_fd);
    close(dir);
    alive_ms = 0;
    order(COURIER_HELLO);
}

static void
hang_up(void)
{
    if (connected) {
        peer_end(&peer, false);
        connected = false;
    }
}

static int
wait_end(void)
{
    int status = 0;

    for (int64_t from_ms = clock_boot_ms(); waitpid(courier, &status, WNOHANG) == 0;) {
        if (clock_boot_ms() - from_ms > HANG_MS) {
            kill(courier, SIGKILL);
        }
        if (connected) {
            peer_pump(&peer);
        }
        poll(NULL, 0, 2);
    }
    courier = 0;
    if (control >= 0) {
        close(control);
    }
    if (to_courier >= 0) {
        close(to_courier);
    }
    control = to_courier = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
kill_courier(void)
{
    kill(courier, SIGKILL);
    (void)wait_end();
    hang_up();
}

/* ---- what goes on */

static void
hear_courier(void)
{
    struct courier_message m;
    ssize_t n;

    while (to_courier >= 0 && (n = link_receive(to_courier, &m, sizeof(m))) > 0) {
        CHECK(message_courier_valid(&m, (size_t)n));
        heard[m.kind]++;
        last[m.kind] = m;
    }
}

static void
serve(void)
{
    int fd = listener >= 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

    if (fd >= 0) {
        hang_up();
        peer_begin(&peer, PEER_AS_AGREED, fd, "web03", our_key);
        connected = true;
    }
    if (connected) {
        peer_pump(&peer);
    }
}

/* Lets all go on, until `done` or the test hangs. */
static void
until(bool (*done)(void))
{
    for (int64_t from_ms = clock_boot_ms(); clock_boot_ms() - from_ms < HANG_MS;) {
        if (to_courier >= 0 && clock_boot_ms() - alive_ms >= 1000) {
            send_line(LINE_CORE_ALIVE, "", 0, 0);
            alive_ms = clock_boot_ms();
        }
        serve();
        hear_courier();
        if (done()) {
            return;
        }
        poll(NULL, 0, 2);
    }
    CHECK(!"it hangs");
}

static bool
greeted(void)
{
    return connected && strstr(peer.heard, "=hello 1 web03 17-K3QF") != NULL;
}

static bool
up(void)
{
    return heard[COURIER_UP] > 0;
}

static const char *wanted;

static bool
heard_wanted(void)
{
    return connected && strstr(peer.heard, wanted) != NULL;
}

static bool
acked(void)
{
    return heard[COURIER_ACKED] > 0;
}

static bool
ended(void)
{
    return connected && (peer.ended || peer.failed);
}

static bool
down(void)
{
    return heard[COURIER_DOWN] > 0;
}

static bool
failed(void)
{
    return heard[COURIER_ERROR] > 0;
}

static uint32_t wanted_number;

static bool
kept_wanted(void)
{
    return heard[COURIER_KEPT] > 0 && last[COURIER_KEPT].number == wanted_number;
}

static bool
addressed(void)
{
    return heard[COURIER_ADDRESS] > 0;
}

static void
begin(void)
{
    empty_folder(false);
    write_key(our_key, TLS_KEY, 0600);
    conf.check_in_s = 1;
    conf.receiver = (struct conf_receiver){ .name = "127.0.0.1", .family = AF_INET };
    conf.receiver.address[0] = 127;
    conf.receiver.address[3] = 1;
    conf.receiver.port = listen_somewhere();
}

static void
begin_registered(void)
{
    begin();
    start();
    until(greeted);
    peer_say(&peer, "=seen none\n");
    until(up);
}

static void
end(void)
{
    if (courier > 1) {
        kill_courier();
    }
    hang_up();
    if (listener >= 0) {
        stop_listening();
    }
}

/* ---- the tests */

static void
a_line_is_kept_before_it_is_sent(void)
{
    char text[WIRE_LINE_MAX + 1];

    begin_registered();
    for (uint32_t i = 4; i < 20; i++) {
        write_line(i);
        sealed(i, text);
        wanted = text;
        until(heard_wanted);
        CHECK(strstr(spooled(), text) != NULL);
        wanted_number = i;
        until(kept_wanted);
        CHECK_INT(last[COURIER_KEPT].value, 0);
    }
    end();
}

static void
a_line_that_is_told_as_kept_survives_a_kill(void)
{
    char text[WIRE_LINE_MAX + 1];

    begin();
    stop_listening();
    for (uint32_t i = 4; i < 12; i++) {
        start();
        write_line(i);
        wanted_number = i;
        until(kept_wanted);
        kill_courier();
        sealed(i, text);
        CHECK(strstr(spooled(), text) != NULL);
    }
    end();
}

static void
after_a_cut_what_was_not_acknowledged_is_sent_again_and_nothing_else(void)
{
    char text[WIRE_LINE_MAX + 1];

    begin_registered();
    for (uint32_t i = 4; i < 8; i++) {
        write_line(i);
    }
    sealed(7, text);
    wanted = text;
    until(heard_wanted);
    peer_say(&peer, "=ack 17-K3QF.5\n");
    until(acked);
    hang_up();
    until(greeted);
    peer_say(&peer, "=seen none\n");
    until(heard_wanted);
    CHECK(strstr(peer.heard, " 17-K3QF.4@") == NULL && strstr(peer.heard, " 17-K3QF.5@") == NULL);
    CHECK(strstr(peer.heard, " 17-K3QF.6@") != NULL);
    end();
}

static void
a_line_that_was_not_acknowledged_is_sent_again_after_a_kill(void)
{
    char four[WIRE_LINE_MAX + 1];
    char five[WIRE_LINE_MAX + 1];

    begin_registered();
    sealed(4, four);
    sealed(5, five);
    write_line(4);
    write_line(5);
    wanted = five;
    until(heard_wanted);
    peer_say(&peer, "=ack 17-K3QF.4\n");
    until(acked);
    CHECK_INT(last[COURIER_ACKED].number, 4);
    kill_courier();

    start();
    until(greeted);
    peer_say(&peer, "=seen 17-K3QF.4\n");
    wanted = five;
    until(heard_wanted);
    CHECK(strstr(peer.heard, four) != NULL); /* what it sent in an earlier life it does not know */
    peer_say(&peer, "=ack 17-K3QF.5\n");
    until(acked);
    wanted = "=ping";
    until(heard_wanted);
    end();
}

static void
a_goodbye_waits_for_what_is_not_acknowledged_and_ends_in_order(void)
{
    char text[WIRE_LINE_MAX + 1];

    begin_registered();
    write_line(4);
    send_line(LINE_GOODBYE, "", 0, 2000);
    sealed(4, text);
    wanted = text;
    until(heard_wanted);
    CHECK(!peer.ended);
    peer_say(&peer, "=ack 17-K3QF.4\n");
    until(ended);
    CHECK(peer.ended && !peer.failed);
    CHECK_INT(wait_end(), 0);
    end();
}

static void
a_goodbye_for_which_no_time_is_left_waits_for_nothing(void)
{
    begin_registered();
    write_line(4);
    send_line(LINE_GOODBYE, "", 0, 0);
    until(ended);
    CHECK(peer.ended && !peer.failed);
    CHECK_INT(wait_end(), 0);
    CHECK(strstr(spooled(), " 17-K3QF.4@") != NULL);
    end();
}

static void
a_goodbye_to_a_receiver_that_is_not_there_ends_all_the_same(void)
{
    begin();
    stop_listening();
    start();
    write_line(4);
    send_line(LINE_GOODBYE, "", 0, 2000);
    CHECK_INT(wait_end(), 0);
    CHECK(strstr(spooled(), " 17-K3QF.4@") != NULL);
    end();
}

static void
without_its_core_it_ends_and_the_receiver_sees_no_goodbye(void)
{
    begin_registered();
    write_line(4);
    close(to_courier);
    to_courier = -1;
    until(ended);
    CHECK(peer.failed && !peer.ended);
    CHECK_INT(wait_end(), 0);
    CHECK(strstr(spooled(), " 17-K3QF.4@") != NULL);
    end();
}

/* The core has something to say of it. */
static void
without_its_warden_it_takes_what_the_core_still_says(void)
{
    begin_registered();
    close(control);
    control = -1;
    for (int64_t from_ms = clock_boot_ms(); clock_boot_ms() - from_ms < 200;) {
        serve();
    }
    write_line(4);
    wanted = " 17-K3QF.4@";
    until(heard_wanted);
    peer_say(&peer, "=ack 17-K3QF.4\n");
    until(acked);
    close(to_courier);
    to_courier = -1;
    until(ended);
    CHECK(peer.failed && !peer.ended);
    CHECK_INT(wait_end(), 0);
    end();
}

static unsigned pongs;
static int64_t ponged_ms; /* the last */
static int64_t quiet_ms;  /* the longest time without one */

static void
note_quiet(void)
{
    int64_t ms = pongs > 0 ? clock_boot_ms() - ponged_ms : 0;

    quiet_ms = ms > quiet_ms ? ms : quiet_ms;
}

/* Answers each =ping; true after some. */
static bool
ponged(void)
{
    const char *ping = connected ? strstr(peer.heard, "=ping ") : NULL;

    if (ping != NULL && strchr(ping, '\n') != NULL) {
        char pong[WIRE_TALK_MAX];

        snprintf(pong, sizeof(pong), "=pong %lu\n", strtoul(ping + 6, NULL, 10));
        peer_say(&peer, pong);
        peer.len = 0;
        peer.heard[0] = '\0';
        note_quiet();
        pongs++;
        ponged_ms = clock_boot_ms();
    }
    return pongs >= 2;
}

static bool
kept(void)
{
    return heard[COURIER_KEPT] > 0;
}

static bool
kept_and_answered(void)
{
    (void)ponged();
    return kept();
}

static bool
heard_and_answered(void)
{
    bool all = heard_wanted();

    (void)ponged();
    return all;
}

static void
a_disk_that_takes_seconds_holds_up_no_check_in(void)
{
    snprintf(slow, sizeof(slow), "SLOW_DISK_S=4");
    begin_registered();
    write_line(4);
    pongs = 0;
    until(ponged);
    CHECK_INT(heard[COURIER_KEPT], 0);
    write_line(5);
    CHECK(strstr(peer.heard, " 17-K3QF.4@") == NULL);
    wanted = " 17-K3QF.4@";
    until(heard_and_answered);
    CHECK_INT(last[COURIER_KEPT].number, 4);
    peer_say(&peer, "=ack 17-K3QF.4\n");
    wanted = " 17-K3QF.5@";
    until(heard_and_answered);
    end();
    slow[0] = '\0';
}

/* Signs of life while no alarm gets through would keep the agent's other channels silent. */
static void
a_disk_that_hangs_ends_the_signs_of_life(void)
{
    snprintf(slow, sizeof(slow), "SLOW_DISK_S=9");
    begin_registered();
    write_line(4);
    pongs = 0;
    quiet_ms = 0;
    until(kept_and_answered);
    note_quiet();
    CHECK(pongs >= 2);
    CHECK(quiet_ms >= 2000); /* of the four seconds that the disk hung on */
    end();
    slow[0] = '\0';
}

static bool
ended_though_answered(void)
{
    (void)ponged();
    return ended();
}

/* A core that is stopped or hangs must not look alive to the receiver because of its courier. */
static void
the_connection_of_a_core_that_says_nothing_is_cut(void)
{
    begin_registered();
    alive_ms = INT64_MAX / 2;
    until(ended_though_answered);
    CHECK(peer.failed && !peer.ended);
    alive_ms = 0;
    hang_up();
    until(greeted);
    end();
}

static void
a_receiver_that_is_not_there_is_told_and_found_when_it_is_back(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int yes = 1;

    begin();
    stop_listening();
    start();
    write_line(4);
    until(failed);
    CHECK_INT(last[COURIER_ERROR].value, ECONNREFUSED);
    at.sin_port = htons(conf.receiver.port);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    CHECK_INT(bind(listener, (const struct sockaddr *)&at, sizeof(at)), 0);
    CHECK_INT(listen(listener, 16), 0);
    until(greeted);
    peer_say(&peer, "=seen none\n");
    wanted = " 17-K3QF.4@";
    until(heard_wanted);
    end();
}

static bool
line_kept(void)
{
    return strstr(spooled(), " 17-K3QF.4@") != NULL;
}

static void
a_receiver_with_another_key_gets_nothing(void)
{
    begin();
    write_key(other_key, TLS_KEY, 0600);
    start();
    write_line(4);
    until(down);
    CHECK_INT(last[COURIER_DOWN].value, EKEYREJECTED);
    CHECK_INT(peer.len, 0);
    until(line_kept);
    end();
}

static void
a_probe_asks_before_the_next_check_in_is_due(void)
{
    begin();
    conf.check_in_s = 60;
    start();
    until(greeted);
    peer_say(&peer, "=seen none\n");
    until(up);
    peer.len = 0;
    peer.heard[0] = '\0';
    order(COURIER_PROBE);
    wanted = "=ping ";
    until(heard_wanted);
    end();
}

/* A machine that lets no UDP out, whatever for: the network works, and nobody may be told that it does not.
 */
static void
datagrams_that_are_refused_while_pings_are_answered_are_no_sign(void)
{
    if (unshare(CLONE_NEWNET) < 0 ||
            system("ip link set lo up && nft 'add table t; add chain t o { type filter "
                   "hook output priority 0; }; add rule t o ip protocol udp drop'") != 0) {
        printf("skip: needs root, for a network namespace of its own, ip and nft\n");
        return;
    }
    begin_registered();
    until(failed);
    CHECK_INT(last[COURIER_ERROR].value, EPERM);
    pongs = 0;
    until(ponged);
    unsigned before = heard[COURIER_ERROR];
    pongs = 0;
    until(ponged);
    CHECK_INT(heard[COURIER_ERROR], before);
    end();
}

static void
a_rekey_hands_the_secret_of_the_connection_to_the_core(void)
{
    uint8_t theirs[32];

    begin_registered();
    peer_export(&peer, theirs);
    peer_say(&peer, "=ch 7K3QF9QZ\n=rekey\n=close stopping\n");
    until(down);
    CHECK_MEM(last[COURIER_REKEY].bytes, theirs, sizeof(theirs));
    CHECK_MEM(last[COURIER_PATH].bytes, "7K3QF9QZ", 8);
    CHECK_STR((const char *)last[COURIER_DOWN].bytes, "stopping");
    hang_up();
    until(greeted);
    CHECK_INT(strlen(peer.heard), strlen("=hello 1 web03 17-K3QF 7K3QF9QZ\n")); /* with its id */
    end();
}

static bool
address_kept_of(const char *name)
{
    struct addresses list;
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    bool is = addresses_load(dir, name, &list);

    close(dir);
    return is;
}

static bool
address_kept(void)
{
    return address_kept_of("localhost");
}

static void
begin_by_name(void)
{
    begin();
    memset(&conf.receiver, 0, sizeof(conf.receiver.name));
    memcpy(conf.receiver.name, "localhost", 10);
    conf.receiver.family = 0;
    start();
}

static void
a_name_is_looked_up_and_what_it_meant_is_kept(void)
{
    begin_by_name();
    until(addressed);
    until(greeted);
    until(address_kept);
    CHECK(!address_kept_of("another"));
    end();
}

static void
a_disk_that_takes_seconds_keeps_nobody_from_connecting_to_what_a_name_means(void)
{
    snprintf(slow, sizeof(slow), "SLOW_DISK_S=6");
    begin_by_name();
    until(greeted);
    CHECK(!address_kept());
    until(address_kept);
    end();
    slow[0] = '\0';
}

static void
a_key_that_others_may_read_or_that_is_none_is_refused(void)
{
    begin();
    write_key(our_key, TLS_KEY, 0640);
    start();
    CHECK_INT(wait_end(), 2);
    write_key(our_key, TLS_KEY - 1, 0600);
    start();
    CHECK_INT(wait_end(), 2);
    end();
}

int
main(void)
{
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - sizeof("tocsin-courier"));

    signal(SIGPIPE, SIG_IGN);
    if (n <= 0 || mkdtemp(folder) == NULL || !conf_init(&conf, NULL, folder)) {
        return 1;
    }
    program[n] = '\0';
    memcpy(strrchr(program, '/') + 1, "tocsin-courier", sizeof("tocsin-courier"));
    memcpy(conf.host, "web03", 6);
    CHECK_RUN(a_line_is_kept_before_it_is_sent);
    CHECK_RUN(a_line_that_is_told_as_kept_survives_a_kill);
    CHECK_RUN(after_a_cut_what_was_not_acknowledged_is_sent_again_and_nothing_else);
    CHECK_RUN(a_line_that_was_not_acknowledged_is_sent_again_after_a_kill);
    CHECK_RUN(a_goodbye_waits_for_what_is_not_acknowledged_and_ends_in_order);
    CHECK_RUN(a_goodbye_for_which_no_time_is_left_waits_for_nothing);
    CHECK_RUN(a_goodbye_to_a_receiver_that_is_not_there_ends_all_the_same);
    CHECK_RUN(without_its_core_it_ends_and_the_receiver_sees_no_goodbye);
    CHECK_RUN(without_its_warden_it_takes_what_the_core_still_says);
    CHECK_RUN(a_disk_that_takes_seconds_holds_up_no_check_in);
    CHECK_RUN(a_disk_that_hangs_ends_the_signs_of_life);
    CHECK_RUN(the_connection_of_a_core_that_says_nothing_is_cut);
    CHECK_RUN(a_receiver_that_is_not_there_is_told_and_found_when_it_is_back);
    CHECK_RUN(a_receiver_with_another_key_gets_nothing);
    CHECK_RUN(a_probe_asks_before_the_next_check_in_is_due);
    CHECK_RUN(a_rekey_hands_the_secret_of_the_connection_to_the_core);
    CHECK_RUN(a_name_is_looked_up_and_what_it_meant_is_kept);
    CHECK_RUN(a_disk_that_takes_seconds_keeps_nobody_from_connecting_to_what_a_name_means);
    CHECK_RUN(a_key_that_others_may_read_or_that_is_none_is_refused);
    CHECK_RUN(datagrams_that_are_refused_while_pings_are_answered_are_no_sign);
    empty_folder(true);
    return check_result();
}
