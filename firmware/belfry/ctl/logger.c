#include "belfry/ctl/logger.h"
#include "belfry/ctl/commands.h"

#include "usb/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct port_ops *
logger_port(const char *device)
{
    const struct port_ops *port = port_of(device);

    if (port == NULL) {
        (void)command_error("\"%s\" is no logger; expected VID:PID[:SERIAL] or usbip:ADDRESS:PORT/BUSID",
                command_shown(device));
    }
    return port;
}

const char *
logger_why(int error)
{
    switch (error) {
    case -ENOENT:
        return "it does not offer its records: hold its button while it is plugged in";
    case -ENODEV:
        return "there is no such device";
    case -EBUSY:
        return "it is in use: an agent, or another program, has it";
    case -ENOTUNIQ:
        return "there are several such devices: name the serial number";
    case -EPROTO:
        return "it does not keep to the form of a dump";
    case -ECANCELED:
        return "the transcript cannot be written";
    case -ENOSYS:
        return "this belfry was built without the way to it";
    default:
        return strerror(-error);
    }
}

struct row {
    const char *name;
    uint32_t value;
};

static const char *
cause_name(uint8_t cause)
{
    static const char *const names[] = { "power", "pin", "watchdog", "fault" };

    return cause < sizeof names / sizeof names[0] ? names[cause] : "unknown";
}

/* As words, with blanks between them. */
static void
print_flags(uint16_t flags)
{
    static const char *const names[] = { "ready", "dump", "alarm", "silence", "reserve-full", "fault" };
    const char *blank = "";

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((flags >> i & 1) != 0) {
            (void)printf("%s%s", blank, names[i]);
            blank = " ";
        }
    }
}

static void
print_status(const struct usb_status *s, bool json)
{
    const struct row rows[] = { { "boots", s->boots }, { "uptime_s", s->uptime_s },
        { "committed", s->committed }, { "harvested", s->harvested }, { "kept", s->kept },
        { "ring", s->ring }, { "reserve_free", s->reserve_free }, { "refused", s->refused },
        { "torn", s->torn }, { "bad_sectors", s->bad_sectors }, { "wear_min", s->wear_min },
        { "wear_max", s->wear_max }, { "session", s->session }, { "number", s->number },
        { "lines", s->lines }, { "rubbish", s->rubbish }, { "overruns", s->overruns },
        { "usb_refused", s->usb_refused } };

    if (json) {
        (void)printf("{\"flags\":\"");
        print_flags(s->flags);
        (void)printf("\",\"started_by\":\"%s\"", cause_name(s->cause));
    } else {
        (void)printf("%-12s ", "flags");
        print_flags(s->flags);
        (void)printf("\n%-12s %s\n", "started_by", cause_name(s->cause));
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)printf(json ? ",\"%s\":%u" : "%-12s %u\n", rows[i].name, rows[i].value);
    }
    if (json) {
        (void)printf("}\n");
    }
}

int
command_logger_status(const struct command *c)
{
    const char *device = c->argument[0];
    const struct port_ops *port = logger_port(device);
    uint8_t page[USB_STATUS_SIZE];
    struct usb_status status;

    if (port == NULL) {
        return COMMAND_ERROR;
    }
    int n = port->open(device);

    if (n == 0) {
        n = port->ask(USB_STATUS_TYPE, USB_STATUS_REQUEST, page, sizeof page);
        port->close();
    }
    if (n < 0) {
        return command_error("%s: %s", command_shown(device), logger_why(n));
    }
    if (usb_status_decode(page, (size_t)n, &status) != 0) {
        return command_error(
                "%s: it tells its status in another form than this belfry knows", command_shown(device));
    }
    print_status(&status, c->json);
    return (status.flags & (USB_STATUS_FAULT | USB_STATUS_RESERVE_FULL)) != 0 ? COMMAND_FINDINGS
                                                                              : COMMAND_WELL;
}
