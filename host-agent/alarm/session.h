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
#include <sys/stat.h>

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
    struct stat file;      /* the file as it was left */
    int fd;                /* the session file */
    char host[WIRE_HOST_MAX + 1];
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t number;
    int64_t began_ms; /* CLOCK_BOOTTIME */
    bool unsaved;     /* the session file could not be written */
    bool ended;
    char rekey_id[WIRE_REKEY_ID + 1]; /* of the rekey taken up last, "" for none */
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

/*
 * From now on a thread writes the session file: a disk that hangs holds up nobody but a rekey. 0 or -errno;
 * without it there are no rekeys, and nobody looks at the file.
 */
int session_background(void);

/*
 * When somebody else wrote to the file or changed its attributes, the thread looks at what it holds and puts
 * that right; session_rekey_poll() tells what it was.
 */
void session_watch(struct session *s);

/* Readable when session_rekey_poll() has something to say; -1 without the thread. */
int session_fd(void);

/*
 * Takes up a rekey with `x` (firmware/wire/SPEC.md, section 9): s->rekey_id is its id from now on, and the
 * root of the next session will be another once the file says so. -EROFS when the file cannot be written,
 * -EBUSY when one is being written; then nothing has changed. The caller wipes `x`.
 */
int session_rekey_begin(struct session *s, const struct wire_key *x);

enum session_rekey {
    SESSION_REKEY_NONE,   /* nothing to tell */
    SESSION_REKEY_STORED, /* on the disk, and the root before it is gone: agent.rekey may be sealed */
    SESSION_REKEY_FAILED, /* s->unsaved is set; perhaps it is on the disk all the same. Never to be told */
    SESSION_OVERWRITTEN,  /* no rekey: somebody had written to the file. It is put right, or s->unsaved is set
                           */
    SESSION_EXPOSED,      /* no rekey: its mode or owner is another */
};

enum session_rekey session_rekey_poll(struct session *s);

/* Records that the last line sealed was a goodbye. Waits a second at most. 0 or -errno. */
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

/* True when so few numbers are left that the session should end: enough for all that is said until then. */
bool session_spent(const struct session *s);

/* Columns that the next line has for its details. */
size_t session_room(const struct session *s, enum wire_severity severity, const char *code);

#endif
