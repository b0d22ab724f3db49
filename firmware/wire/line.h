#ifndef WIRE_LINE_H
#define WIRE_LINE_H
/*
 * line - one sealed line, version 1: a person reads it, a machine proves it (SPEC.md, section 2)
 *
 *     !1 CRIT web03 17-K3QF.42@812 20261121T193405Z daemon.down name=sshd pid=812 ~FJZBT8V40PYQGQD9P2YZ1RN9
 *
 * Lines are handled without their line end and without a NUL.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_LINE_MAX 132
#define WIRE_LINE_MIN 67 /* the shortest head, " ~", tag and check */
#define WIRE_HOST_MAX 15
#define WIRE_CODE_MAX 20
#define WIRE_NONCE_CHARS 4
#define WIRE_TAG_CHARS 20
#define WIRE_CHECK_CHARS 4
#define WIRE_SEAL_MAX (2 + WIRE_TAG_CHARS + WIRE_CHECK_CHARS) /* " ~", tag, check */
#define WIRE_NUMBER_MAX 0xFFFFFFu
#define WIRE_KEY_NAME_MAX 16 /* of the key in key=value: a-z 0-9 - _ */

enum wire_severity {
    WIRE_EMRG,
    WIRE_ALRT,
    WIRE_CRIT,
    WIRE_ERRO,
    WIRE_WARN,
    WIRE_NOTE,
    WIRE_INFO,
    WIRE_SEVERITIES
};

/* The four letters, "EMRG" to "INFO". */
const char *wire_severity_name(enum wire_severity s);

/* -1 when `name` (four letters, any case) is none of them. */
int wire_severity_from(const char *name, size_t len);

/* A host alias: 1 to 15 of a-z, 0-9 and -. */
bool wire_host_valid(const char *host, size_t len);

/*
 * The form of a code: area.event, or one word ("more"); a-z, 3 to 20 characters. Receivers take codes they do
 * not know.
 */
bool wire_code_valid(const char *code, size_t len);

struct wire_head {
    enum wire_severity severity;
    char host[WIRE_HOST_MAX + 1];
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t session;
    uint32_t number; /* of the line in its session, at most WIRE_NUMBER_MAX */
    uint32_t mono_s; /* since the session began */
    uint64_t utc_s;  /* since 1970; years 1970 to 9999 */
    char code[WIRE_CODE_MAX + 1];
};

/* A parsed line. Pointers are into the bytes that were parsed. */
struct wire_line {
    struct wire_head head;
    const char *detail; /* "key=value key=value", may be empty */
    size_t detail_len;
    const char *bytes;
    size_t len;
    size_t body_len; /* what the tag covers: up to and with the blank before ~ */
};

#define WIRE_E_SIZE (-1)  /* too short or too long, or `size` too small */
#define WIRE_E_FORM (-2)  /* not a line of this format */
#define WIRE_E_CHECK (-3) /* the CRC does not fit */

/*
 * Writes "!1 SEVR host ... code" and, when detail_len > 0, " detail". Returns the length without a seal, or
 * WIRE_E_SIZE when it would not leave room for one in WIRE_LINE_MAX columns, WIRE_E_FORM when a field is not
 * what the format allows. `detail` is escaped values already.
 */
int wire_line_compose(
        const struct wire_head *head, const char *detail, size_t detail_len, char *out, size_t size);

/* Columns that are left for details behind this head. Negative when the head alone does not fit. */
int wire_line_room(const struct wire_head *head);

/*
 * Reads a whole line, from ! to the last check character. Checks every field and the CRC, not the tag. 0 or
 * one of the errors above; `out` is untouched on an error.
 */
int wire_line_parse(const char *src, size_t len, struct wire_line *out);

/* How many of these bytes could be the beginning of a line. All of them when they are a whole line. */
size_t wire_line_prefix(const char *src, size_t len);

/* True for "key=value key=value": keys of a-z, 0-9, - and _, values as wire_escape() writes them, single
 * blanks. */
bool wire_detail_valid(const char *detail, size_t len);

/*
 * The value of one key=value in a detail text; NULL when the key is not there. Its length goes to *value_len.
 */
const char *wire_detail_find(const char *detail, size_t detail_len, const char *key, size_t *value_len);

/* An unsigned decimal of 1 to 10 digits without leading zeros; false when it is anything else. */
bool wire_decimal(const char *src, size_t len, uint32_t *out);

#endif
