#ifndef BELFRY_NATS_FIELDS_H
#define BELFRY_NATS_FIELDS_H
/*
 * fields - a line of fields separated by one tab: how it is written, and how what others wrote is read
 *
 * Printable ASCII and nothing else, no field empty ("-" stands for that). Fields are put and taken in their
 * order; what does not fit sets `bad`, which stays set.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX 20

struct fields_out {
    char *at; /* always ends with a NUL once something was put */
    size_t size;
    size_t len;
    bool bad;
};

void fields_put(struct fields_out *w, const char *text);
void fields_put_number(struct fields_out *w, uint64_t n);

/* A time before 1970 is none, and 0: the clock was not set. */
void fields_put_time(struct fields_out *w, int64_t ms);

struct field {
    const char *at;
    size_t len;
};

struct fields_in {
    struct field field[FIELDS_MAX];
    unsigned count;
    unsigned taken;
    bool bad;
};

void fields_split(struct fields_in *r, const char *src, size_t len);
struct field fields_next(struct fields_in *r);
bool field_is(struct field f, const char *word);

/* `size` is the room with the NUL; "" when it is bad. */
void fields_text(struct fields_in *r, char *out, size_t size);

/* Decimal without leading zeros; 0 when it is bad. */
uint64_t fields_number(struct fields_in *r, uint64_t most);

/* The number at the start of a field up to the byte `end` ('\0': up to its end), both taken away from it. */
uint64_t fields_number_until(struct fields_in *r, struct field *f, char end);

/* One of two words; true for the first. */
bool fields_choice(struct fields_in *r, const char *yes, const char *no);

/* True when all were taken and all were sound. */
bool fields_done(const struct fields_in *r);

#endif
