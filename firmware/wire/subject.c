#include "wire/subject.h"
#include "wire/base32.h"
#include "wire/hash.h"
#include <stdbool.h>
#include <string.h>

#define ID_WORD (3 + WIRE_SUBJECT_ID)

void
wire_subject_id(const char *word, size_t len, char out[WIRE_SUBJECT_ID + 1])
{
    uint8_t digest[WIRE_HASH_SIZE];

    wire_hash(word, len, digest);
    wire_base32(digest, WIRE_SUBJECT_ID, out);
    out[WIRE_SUBJECT_ID] = '\0';
}

static size_t
word_len(const char *text, size_t len)
{
    const char *blank = memchr(text, ' ', len);

    return blank != NULL ? (size_t)(blank - text) : len;
}

/* The second word, when it is an id. */
static const char *
told_id(const char *detail, size_t len, size_t first)
{
    if (first + 1 >= len) {
        return NULL;
    }
    const char *second = detail + first + 1;
    bool is_id = word_len(second, len - first - 1) == ID_WORD && memcmp(second, "id=", 3) == 0;

    return is_id ? second + 3 : NULL;
}

size_t
wire_subject_name(const char *detail, size_t len, char out[WIRE_SUBJECT_MAX])
{
    size_t first = word_len(detail, len);
    const char *id = told_id(detail, len, first);

    if (id == NULL && first <= WIRE_SUBJECT_PLAIN) {
        memcpy(out, detail, first);
        out[first] = '\0';
        return first;
    }
    memcpy(out, "id=", 3);
    if (id != NULL) {
        memcpy(out + 3, id, WIRE_SUBJECT_ID);
        out[ID_WORD] = '\0';
    } else {
        wire_subject_id(detail, first, out + 3);
    }
    return ID_WORD;
}
