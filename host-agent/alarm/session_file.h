#ifndef ALARM_SESSION_FILE_H
#define ALARM_SESSION_FILE_H
/*
 * session_file - the order in which the two slots of the session file are written
 *
 * For alarm/ only. firmware/wire/SPEC.md, section 5 says why this order.
 */
#include "wire/slot.h"

/*
 * Writes `state` to both slots, its generation one higher. The slot that does not count goes first; `*slot`
 * says which one counts, and changes once the new state does. So on -errno an unchanged *slot means that the
 * old state counts (or that nobody knows, when the disk failed), a changed one that the new state counts and
 * an old root may be left beside it.
 */
int session_file_write(int fd, struct wire_slot *state, unsigned *slot);

/* True when both slots say just that. */
bool session_file_holds(int fd, const struct wire_slot *state);

#endif
