#ifndef TESTS_NET_NUMBERS_H
#define TESTS_NET_NUMBERS_H
/*
 * numbers - sets of line numbers: which lines were sealed, which arrived where
 */
#include "net.h"

struct net_number {
    uint32_t session;
    uint32_t number;
    char nonce[5];
    char tag[9]; /* where it begins; "" when it is not known */
};

/* "17-K3QF.42"; false for anything else, as a verdict on a range. */
bool net_number_from(const char *text, struct net_number *out);

struct net_numbers {
    struct net_number *at;
    size_t count;
    size_t room;
    size_t reused; /* numbers found with another tag or nonce, by net_numbers_sort() */
};

void net_numbers_free(struct net_numbers *s);
void net_numbers_add(
        struct net_numbers *s, uint32_t session, const char *nonce, uint32_t number, const char *tag);

/* Every whole line in a file: a transcript, a file channel, a segment of the spool. */
void net_numbers_of_file(struct net_numbers *s, const char *path);

/* Each range of belfry's ledger that a statement gives: session, nonce, first, last. False after saying why
 * not. */
#define NET_QUERY_LINES "SELECT session, nonce, number, number FROM lines"
bool net_numbers_of_query(struct net_numbers *s, const char *ledger, const char *sql);

/* Every proved line that belfry told from event `from` on; `line` as net_find() has it. */
void net_numbers_of_events(struct net_numbers *s, const struct net *n, size_t from, const char *line);

/* Puts them in order, each once. How many were there before. */
size_t net_numbers_sort(struct net_numbers *s);

/* Takes out those below `number`. */
void net_numbers_from(struct net_numbers *s, uint32_t number);

/* Both in order: how many of `some` are not in `all`; `missing` (or NULL) gets them. */
size_t net_numbers_missing(
        const struct net_numbers *some, const struct net_numbers *all, struct net_numbers *missing);

/* "1-VTXY.2-9,11" of a set in order, shortened where it does not fit. */
const char *net_numbers_text(const struct net_numbers *s, char *out, size_t size);

#endif
