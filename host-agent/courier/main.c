#include "cmd/psk.h"
#include "conf/name.h"
#include "courier/courier.h"
#include "proc/image.h"
#include "proc/words.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *
why(int error)
{
    switch (error) {
    case -EPERM:
        return "others may read it; expected mode 0600 and the owner who runs tocsin";
    case -EBADMSG:
        return "not a key of 32 bytes: pair again (tocsin pair --again)";
    default:
        return strerror(-error);
    }
}

int
main(int argc, char **argv)
{
    struct role_self self;
    uint8_t key[TLS_KEY];
    uint32_t id = 0;

    words_show();
    image_protect();
    name_begin(argv[0], true);
    if (argc > 4 && !wire_decimal(argv[4], strlen(argv[4]), &id)) {
        return 2;
    }
    name_hide(argc - 1, argv + 1);
    int error = role_begin(&self, ROLE_COURIER, 0);

    if (error < 0) {
        fprintf(stderr, "%s: is for tocsin to start (tocsin run)\n", name_courier());
        return 2;
    }
    self.id = id;
    role_narrow(&self);
    role_seal(&self);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error like a full disk */
    error = courier_read_key(ROLE_FD_SPOOL, key);
    if (error < 0) {
        fprintf(stderr, "%s: %s/courier/" PSK_FILE ": %s\n", name_courier(), self.conf->state_dir,
                why(error));
        return 2;
    }
    return courier_run(&self, key);
}
