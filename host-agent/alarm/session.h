#ifndef ALARM_SESSION_H
#define ALARM_SESSION_H
/*
 * session - one run of the agent: its number, its keys, its lines
 *
 * One per core process. Advances the session file before the first line is sealed, so that no key is ever
 * used twice (firmware/wire/SPEC.md, section 5).
 */
#include "wire/line.h"
#include "wire/slot.h"
#include "wire/tree.h"

struct session_line {
    uint32_t number;
    uint8_t severity;
    uint8_t len;
    char bytes[WIRE_LINE_MAX];
};

struct session {
    struct wire_tree tree;
    struct wire_slot next; /* what the session file says now */
    unsigned slot;         /* the slot that counts */
    int fd;                /* the session file */
    char host[WIRE_HOST_MAX + 1];
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t number;
    int64_t began_ms; /* CLOCK_BOOTTIME */
    bool unsaved;     /* the session file could not be written */
};

/* How the session before ended, for agent.start. */
struct session_past {
    bool any;
    bool clean;
    uint32_t number;
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t last; /* counts only when clean */
};

#define SESSION_E_HOST (-100) /* the file belongs to another host alias */

/*
 * Reads the session file `fd`, begins the next session and writes the file for the one after. `fd` must stay
 * open until session_end(). 0, a WIRE_SLOT_E_ code, SESSION_E_HOST or -errno when it could not be read. A
 * file that cannot be written is not an error: s->unsaved is set.
 */
int session_begin(struct session *s, int fd, const char *host, struct session_past *past);

/* True when the file has no name any more: what is written to it is lost, and the next start finds none. */
bool session_unlinked(const struct session *s);

/* Records that the last line sealed was a goodbye. 0 or -errno. */
int session_end(struct session *s);

/*
 * Creates the session file of a host that was just paired, with the first session to come. Fails with -EEXIST
 * when there is one, unless `again`. 0 or -errno.
 */
int session_create(const char *path, const char *host, const struct wire_key *root, bool again);

/* Reads and checks a session file without beginning anything. As session_begin(). */
int session_peek(int fd, const char *host, struct wire_slot *slot);

/* Called with each line that session_tell() seals, in order. */
typedef void session_line_fn(void *to, const struct session_line *line);

/*
 * Seals a line with this code and "key=value ..." text, and as many `more` lines as the text needs. `text` is
 * escaped tokens; the first is the subject. `of` >= 0 adds of=N behind the subject. Returns the first line's
 * number, or WIRE_TREE_E_END when the session has no numbers left.
 */
int64_t session_tell(struct session *s, enum wire_severity severity, const char *code, const char *text,
        int64_t of, session_line_fn *line, void *to);

/* Columns that the next line has for its details. */
size_t session_room(const struct session *s, enum wire_severity severity, const char *code);

#endif
