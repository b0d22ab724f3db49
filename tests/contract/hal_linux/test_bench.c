/* The lab's bench: power, reset, watchdog and the USB plug, seen from outside. */
#include "lab.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hal/linux/usbip.h"
#include "support/check.h"

#define DEVICE 0x10002u
#define ANSWER_MS 20000

static struct lab lab;
static int usb = -1;

static void
plug(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET,
        .sin_port = htons(lab.usb),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    usb = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(usb, (struct sockaddr *)&at, sizeof at) == 0);
}

/* Exactly len bytes; false when the other end is gone or silent. */
static bool
get(void *dst, size_t len)
{
    uint8_t *at = dst;

    while (len > 0) {
        if (poll(&(struct pollfd){ .fd = usb, .events = POLLIN }, 1, ANSWER_MS) != 1) {
            return false;
        }
        ssize_t n = recv(usb, at, len, 0);
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool
import(void)
{
    uint8_t ask[USBIP_OP_SIZE + USBIP_BUS_ID_SIZE];
    uint8_t got[USBIP_OP_SIZE + USBIP_DEVICE_SIZE];
    struct usbip_op op;
    struct usbip_device device;

    usbip_op_put(&(struct usbip_op){ .code = USBIP_REQ_IMPORT }, ask);
    usbip_bus_id_put("1-1", ask + USBIP_OP_SIZE);
    lab_send(usb, ask, sizeof ask);
    return get(got, sizeof got) && usbip_op_parse(got, USBIP_OP_SIZE, &op) == 0 && op.status == 0 &&
           usbip_device_parse(got + USBIP_OP_SIZE, USBIP_DEVICE_SIZE, &device) == 0 &&
           device.vendor == 0x1209;
}

static void
submit(struct usbip_urb urb, const void *bytes)
{
    uint8_t ask[USBIP_URB_SIZE];

    urb.command = USBIP_CMD_SUBMIT;
    urb.seq = 1;
    urb.device = DEVICE;
    usbip_urb_put(&urb, ask);
    lab_send(usb, ask, sizeof ask);
    lab_send(usb, bytes, usbip_urb_payload(&urb));
}

/* The status of a transfer that the other end answers; 1 when it does not. */
static int32_t
transfer(struct usbip_urb urb, const void *bytes)
{
    uint8_t back[USBIP_URB_SIZE];
    struct usbip_urb got;

    submit(urb, bytes);
    return get(back, sizeof back) && usbip_urb_parse(back, sizeof back, &got) == 0 && got.seq == 1
                   ? got.status
                   : 1;
}

static bool
configure(void)
{
    return import() && transfer((struct usbip_urb){ .setup = { 0, 9, 1, 0, 0, 0, 0, 0 } }, "") == USBIP_OK;
}

static int32_t
write_text(const char *text)
{
    return transfer((struct usbip_urb){ .endpoint = 1, .length = (uint32_t)strlen(text) }, text);
}

static void
start(void)
{
    CHECK(lab_start(&lab, "usb-lab"));
    lab_pins(&lab, "power 1");
    CHECK(lab_console_says(&lab, "cause 0"));
    CHECK(lab_console_says(&lab, "ready"));
}

static void
what_a_usb_host_writes_reaches_the_image(void)
{
    start();
    plug();
    CHECK(configure());
    CHECK_INT(write_text("hello over usb\n"), USBIP_OK);
    CHECK(lab_console_says(&lab, "hello over usb"));
    (void)close(usb);
    plug();
    CHECK(configure());
    CHECK_INT(write_text("and again\n"), USBIP_OK);
    CHECK(lab_console_says(&lab, "and again"));
    (void)close(usb);
    CHECK_INT(lab_stop(&lab), 0);
}

static void
who_has_the_device_keeps_it(void)
{
    start();
    plug();
    CHECK(configure());
    int first = usb;
    plug();
    CHECK(!import());
    (void)close(usb);
    usb = first;
    CHECK_INT(write_text("still mine\n"), USBIP_OK);
    CHECK(lab_console_says(&lab, "still mine"));
    (void)close(usb);
    CHECK_INT(lab_stop(&lab), 0);
}

static void
a_peer_that_talks_nonsense_is_disconnected_and_the_next_is_served(void)
{
    uint8_t byte;

    start();
    plug();
    lab_send(usb, "GET / HTTP/1.1\r\n\r\n", 18);
    CHECK(!get(&byte, 1));
    (void)close(usb);
    plug();
    CHECK(configure());
    (void)close(usb);
    CHECK_INT(lab_stop(&lab), 0);
}

static void
a_hang_is_bitten_and_unplugs(void)
{
    uint8_t byte;

    start();
    plug();
    CHECK(configure());
    submit((struct usbip_urb){ .endpoint = 1, .length = 5 }, "hang\n");
    CHECK(lab_console_says(&lab, "cause 2"));
    while (get(&byte, 1)) {
    }
    (void)close(usb);
    plug();
    CHECK(configure());
    (void)close(usb);
    CHECK_INT(lab_stop(&lab), 0);
}

static void
the_chip_s_death_is_told_as_a_fault(void)
{
    start();
    plug();
    CHECK(configure());
    submit((struct usbip_urb){ .endpoint = 1, .length = 6 }, "fault\n");
    CHECK(lab_console_says(&lab, "cause 3"));
    (void)close(usb);
    CHECK_INT(lab_stop(&lab), 0);
}

static void
the_reset_pin_and_power_are_told_apart(void)
{
    start();
    lab_pins(&lab, "reset");
    CHECK(lab_console_says(&lab, "cause 1"));
    lab_pins(&lab, "power 0");
    CHECK(lab_pins_say(&lab, "power 0"));
    lab_pins(&lab, "power 1");
    CHECK(lab_console_says(&lab, "cause 0"));
    CHECK_INT(lab_stop(&lab), 0);
}

static void
pins_answer_what_they_do_not_know_and_go_on(void)
{
    static const char *const wrong[] = { "", "lamp 1", "button 2", "button", "button 1 1", "Reset",
        "power x" };

    start();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        lab_pins(&lab, wrong[i]);
    }
    CHECK(lab_pins_say(&lab, "what?"));
    CHECK_INT(lab_pin(&lab, "button"), '0');
    lab_pins(&lab, "button 1");
    CHECK(lab_pins_say(&lab, "button 1"));
    CHECK_INT(lab_pin(&lab, "power"), '1');
    CHECK_INT(lab_stop(&lab), 0);
}

static void
one_directory_holds_one_lab(void)
{
    char command[512];

    start();
    (void)snprintf(command, sizeof command, "\"$TOCSIN_BIN\"/usb-lab %s 2>/dev/null", lab.directory);
    CHECK(system(command) != 0); /* NOLINT(cert-env33-c): our own program at our own path */
    lab_pins(&lab, "reset");
    CHECK(lab_console_says(&lab, "cause 1"));
    CHECK_INT(lab_stop(&lab), 0);
}

/* The chip is the bench's only child. */
static pid_t
chip_of(const struct lab *l)
{
    char path[64];
    char text[32] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)l->pid, (int)l->pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        (void)fgets(text, sizeof text, f);
        (void)fclose(f);
    }
    return (pid_t)strtol(text, NULL, 10);
}

static void
a_stopped_chip_is_bitten_too(void)
{
    start();
    pid_t chip = chip_of(&lab);
    CHECK(chip > 1);
    if (chip > 1) {
        CHECK(kill(chip, SIGSTOP) == 0);
        CHECK(lab_console_says(&lab, "cause 2"));
    }
    CHECK_INT(lab_stop(&lab), 0);
}

/* Else who opens a name again may find the line of another lab, whose terminal got the number. */
static void
the_names_go_with_a_bench_that_is_killed(void)
{
    char path[128];

    start();
    CHECK(lab.pid > 1 && kill(lab.pid, SIGKILL) == 0);
    (void)snprintf(path, sizeof path, "%s/console", lab.directory);
    for (int i = 0; i < 2000 && access(path, F_OK) == 0; i++) {
        (void)usleep(10000);
    }
    CHECK(access(path, F_OK) != 0);
    CHECK_INT(lab_stop(&lab), -1);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK_RUN(what_a_usb_host_writes_reaches_the_image);
    CHECK_RUN(who_has_the_device_keeps_it);
    CHECK_RUN(a_peer_that_talks_nonsense_is_disconnected_and_the_next_is_served);
    CHECK_RUN(a_hang_is_bitten_and_unplugs);
    CHECK_RUN(the_chip_s_death_is_told_as_a_fault);
    CHECK_RUN(the_reset_pin_and_power_are_told_apart);
    CHECK_RUN(pins_answer_what_they_do_not_know_and_go_on);
    CHECK_RUN(one_directory_holds_one_lab);
    CHECK_RUN(a_stopped_chip_is_bitten_too);
    CHECK_RUN(the_names_go_with_a_bench_that_is_killed);
    return check_result();
}
