#include "belfry/ctl/commands.h"

#include "belfry/ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int
command_reload(const struct command *c)
{
    static struct client_answer answer;
    struct ctl_request request = { .what = CTL_RELOAD };
    int r = client_ask(c->conf, &request, &answer);
    char *line = answer.text;
    int status = COMMAND_ERROR;

    if (r == -ECONNREFUSED) {
        return command_error("no belfry runs on this state directory");
    }
    if (r != 0) {
        return command_error("the running belfry does not answer: %s", strerror(-r));
    }
    while (*line != '\0') {
        char *next = client_next(line);
        char *field[2];

        (void)client_fields(line, field, 2);
        if (strcmp(field[0], "ok") == 0) {
            (void)printf("%s\n", command_shown(field[1]));
            status = COMMAND_WELL;
        } else {
            status = command_error("%s", command_shown(field[1])); /* also behind what was done */
        }
        line = next;
    }
    return status;
}
