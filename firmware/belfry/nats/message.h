#ifndef BELFRY_NATS_MESSAGE_H
#define BELFRY_NATS_MESSAGE_H
/*
 * message - what belfries publish and the hub reads: one message, one line of text
 *
 * Fields separated by one tab, "-" for an empty one; printable ASCII and nothing else, escaped as in the
 * ledger. The first field names the form and its version, the second the kind. The fields of each kind are in
 * DESIGN.md. Which site says it is in the subject, which a NATS server can hold a publisher to, and not in
 * the text.
 */
#include "belfry/record.h"

#define MESSAGE_MAX 1600 /* with the NUL */
#define MESSAGE_ID 96    /* with the NUL */
#define MESSAGE_SUBJECT 128
#define MESSAGE_ROOT "tocsin"
#define MESSAGE_SITE CONF_NAME /* a name of 1 to 31 of A-Z a-z 0-9 _ -, the first a letter or digit */

enum message_kind {
    MESSAGE_LINE,  /* a proved line: `record`, with its bytes */
    MESSAGE_EVENT, /* another verdict, or something of a belfry's own (RECORD_LOCAL): `record` */
    MESSAGE_ALARM, /* raised or closed: `alarm` */
    MESSAGE_STATE, /* a belfry is there: `state` */
    MESSAGE_KINDS
};

struct message_state {
    char version[24];
    uint64_t published; /* by this publisher since it started */
};

struct message {
    enum message_kind kind;
    uint64_t row;   /* where it stands in the site's ledger: of each kind, the later has the higher one */
    int64_t utc_ms; /* of what it tells, by the site's clock */
    struct record record;
    struct alarm alarm;
    struct message_state state;
};

/* One line without line end. 0 when a field is not fit to be sent. */
size_t message_compose(const struct message *m, char out[MESSAGE_MAX]);

/* False, and `out` is as it was, when it is not exactly one message. */
bool message_parse(const char *src, size_t len, struct message *out);

bool message_site_valid(const char *site, size_t len);

/* "tocsin.SITE.line.HOST": the last part is "-" when it is about no host. */
void message_subject(char out[MESSAGE_SUBJECT], const char *site, const struct message *m);

/* The site of a subject; false when the subject is not one of ours. `kind` is what it stands for. */
bool message_subject_parse(const char *subject, size_t len, char site[MESSAGE_SITE], enum message_kind *kind);

/*
 * By what the stream knows a copy. Of a line it is its number and its tag, the same from every receiver:
 * who cannot seal the line cannot take its id before it is sent. Of others it is the site, the row and a hash
 * of the text.
 */
void message_id(char out[MESSAGE_ID], const char *site, const struct message *m, const char *text);

#endif
