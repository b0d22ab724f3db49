#ifndef BELFRY_CTL_CLIENT_H
#define BELFRY_CTL_CLIENT_H
/*
 * client - asks a running belfry
 */
#include "belfry/ctl/request.h"
#include "belfry/ctl/server.h"

struct client_answer {
    size_t len;
    char text[CTL_ANSWER_MAX + 1]; /* lines, without the last one ("end") */
};

/* 0, -ECONNREFUSED when none runs, -EPROTO when the answer is not whole, or another -errno. */
int client_ask(const struct conf *conf, const struct ctl_request *request, struct client_answer *out);

/* One line of an answer; cut out of it, without its line end. */
typedef void client_line_fn(void *to, char *line);

/* Asks until there is no more; `request->from` moves. Returns as client_ask(). */
int client_each(const struct conf *conf, struct ctl_request *request, client_line_fn *fn, void *to);

/*
 * Splits the first line of `text` at tabs, in place. Returns how many fields there are; fields beyond `most`
 * are left out, absent ones point to "".
 */
unsigned client_fields(char *text, char **field, unsigned most);

/* The line after the first one, "" at the end. Before client_fields(), which cuts the line. */
char *client_next(char *text);

/* How long to wait for belfry each time; by default as long as it serves others that came before. */
void client_patience(int ms);

#endif
