#ifndef WIRE_SUBJECT_H
#define WIRE_SUBJECT_H
/*
 * subject - what a line is about, the same whether it was told whole or shortened (SPEC.md, section 3)
 *
 * The subject is the first detail of a line. One that is long may be shortened to the room a line has, and
 * that room differs from line to line; so a shortened subject is followed by id=, made from the whole one.
 */
#include <stddef.h>

#define WIRE_SUBJECT_ID 8     /* characters of an id: 40 bits */
#define WIRE_SUBJECT_PLAIN 24 /* longest first detail that is its own name */
#define WIRE_SUBJECT_MAX (WIRE_SUBJECT_PLAIN + 1)

/* The id of a whole first detail, "path=/usr/lib/...". Writes WIRE_SUBJECT_ID characters and a NUL. */
void wire_subject_id(const char *word, size_t len, char out[WIRE_SUBJECT_ID + 1]);

/*
 * The name by which a receiver knows again what a detail text is about: the first detail itself when it is
 * short, else "id=" and the id, as told or as computed. Empty for an empty text. NUL-terminated; returns the
 * length.
 */
size_t wire_subject_name(const char *detail, size_t len, char out[WIRE_SUBJECT_MAX]);

#endif
