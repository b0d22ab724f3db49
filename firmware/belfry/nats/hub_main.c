#include "belfry/nats/message.h"
#include "belfry/nats/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define STREAM "TOCSIN"
#define REPLICAS 1
#define KEEP_DAYS 30

/* The value of an option, NULL when it was not given. */
static const char *
option(char **word, const char *name)
{
    size_t len = strlen(name);

    for (; *word != NULL; word++) {
        if (strncmp(*word, name, len) == 0 && (*word)[len] == '=') {
            return *word + len + 1;
        }
    }
    return NULL;
}

static unsigned
number(char **word, const char *name, unsigned usual)
{
    const char *value = option(word, name);

    return value != NULL ? (unsigned)strtoul(value, NULL, 10) : usual;
}

int
main(int argc, char **argv)
{
    struct reader_options o = { .file = NULL };

    if (argc < 3) {
        (void)fprintf(stderr, "belfry-hub: started by belfry hub, for the Hub of its configuration\n");
        return 2;
    }
    (void)umask(077);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    o.file = argv[1];
    o.client = (struct client_options){
        .name = "belfry hub",
        .servers = argv[2],
        .creds = option(argv + 3, "creds"),
        .auth = option(argv + 3, "auth"),
        .ca = option(argv + 3, "ca"),
        .cert = option(argv + 3, "cert"),
        .key = option(argv + 3, "key"),
    };
    o.stream = (struct client_stream){
        .name = option(argv + 3, "stream") != NULL ? option(argv + 3, "stream") : STREAM,
        .subjects = MESSAGE_ROOT ".>",
        .replicas = number(argv + 3, "replicas", REPLICAS),
        .keep_days = number(argv + 3, "keep", KEEP_DAYS),
    };
    return reader_run(&o);
}
