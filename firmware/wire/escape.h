#ifndef WIRE_ESCAPE_H
#define WIRE_ESCAPE_H
/*
 * escape - the one place where bytes from outside become text for people
 *
 * Every byte that is not allowed becomes %HH (upper-case hex). What comes out is printable ASCII only, so it
 * can neither move a terminal's cursor nor end a line. Text that is too long keeps its head and tail:
 * "/var/www/%+3970+/index.php" says that 3970 source bytes are left out.
 */
#include <stddef.h>

enum wire_escape_set {
    WIRE_ESCAPE_VALUE, /* for a value on the wire: 0x21-0x7E without ! % ~ = */
    WIRE_ESCAPE_TEXT,  /* for a person: 0x20-0x7E without % */
};

/* Most columns one source byte can take. */
#define WIRE_ESCAPE_WORST 3

/*
 * Writes the escaped form and a NUL; returns its length without the NUL, at most `size` - 1. `size` must be
 * at least 24, the least that holds a shortened value.
 */
size_t wire_escape(char *out, size_t size, const void *src, size_t len, enum wire_escape_set set);

/*
 * The source bytes of an escaped value. Returns the count, or -1 when `src` holds a byte that wire_escape()
 * does not write, a broken %HH, or a %+N+ shortening (which cannot be undone), or when `size` is too small.
 */
int wire_unescape(void *out, size_t size, const char *src, size_t len);

#endif
