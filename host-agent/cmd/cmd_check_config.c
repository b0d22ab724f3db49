#include "cmd/cmd.h"
#include "conf/plural.h"
#include "hal/host/serial_find.h"
#include "hal/host/tty.h"
#include "hal/host/usb_host.h"
#include "hal/host/usbip_host.h"
#include <string.h>

/* What only the program knows, and not the file's grammar. */
static int
check_channel(const struct conf_channel *c)
{
    struct hal_usb_name usb;
    struct hal_usbip_name usbip;
    bool remote = conf_channel_usbip(c, &usbip);

    if (c->baud != 0 && !hal_tty_offers(c->baud)) {
        return cmd_error("Channel %s %s: %u is no speed of this system's serial ports", c->scheme,
                cmd_text(c->device), c->baud);
    }
    if (conf_channel_usb(c, &usb) && !hal_serial_finds()) {
        return cmd_error(
                "Channel %s %s: this program was built without libserialport, which finds USB ports; "
                "give its path below /dev/serial/by-id",
                c->scheme, cmd_text(c->device));
    }
    if (strcmp(conf_channel_kind(c), "usb") == 0 && !(remote ? hal_usbip_built_in() : hal_usb_built_in())) {
        return cmd_error("Channel %s %s: not built in: this program was built without %s", c->scheme,
                cmd_text(c->device), remote ? "USB/IP" : "libusb");
    }
    return CMD_CLEAN;
}

int
cmd_check_config(const struct cmd *cmd)
{
    static struct conf conf;

    if (cmd->argc > 0) {
        return cmd_error("--check-config takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    for (unsigned i = 0; i < conf.channels; i++) {
        if (check_channel(&conf.channel[i]) != CMD_CLEAN) {
            return CMD_ERROR;
        }
    }
    printf("%s: ok\n", cmd_text(conf.config_path));
    printf("host %s, beat %u s, %u watched path%s, %u port%s, %u daemon%s, %u channel%s, state in %s\n",
            conf.host, conf.beat_s, conf.watches, plural_s(conf.watches), conf.ports, plural_s(conf.ports),
            conf.daemons, plural_s(conf.daemons), conf.channels, plural_s(conf.channels),
            cmd_text(conf.state_dir));
    if (conf.channels == 0) {
        printf("note: without a Channel no alarm leaves this machine\n");
    }
    return CMD_CLEAN;
}
