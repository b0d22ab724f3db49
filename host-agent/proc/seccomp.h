#ifndef PROC_SECCOMP_H
#define PROC_SECCOMP_H
/*
 * seccomp - which system calls a process may still make: a list as data, made into a filter for the kernel
 *
 * A list is rows; the first one that fits a call says what becomes of it. A call of another architecture ends
 * the process, one that is newer than the lists does not exist (ENOSYS), whatever the rest says.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum seccomp_fit {
    SECCOMP_FIT_ANY,
    SECCOMP_FIT_EQUAL, /* the argument is the value */
    SECCOMP_FIT_CLEAR, /* it has none of the value's bits */
    SECCOMP_FIT_SET,   /* it has all of them */
};

struct seccomp_row {
    uint16_t call;
    uint8_t fit;      /* enum seccomp_fit */
    uint8_t argument; /* from 0; its low 32 bits are looked at */
    uint32_t value;
    uint32_t action; /* SECCOMP_RET_... */
};

struct seccomp_part {
    const struct seccomp_row *row;
    size_t rows;
};

#define SECCOMP_PARTS 6
#define SECCOMP_INSTRUCTIONS 1024

/* What a process may do: up to SECCOMP_PARTS lists, one after the other, and what becomes of all other calls.
 */
struct seccomp_list {
    struct seccomp_part part[SECCOMP_PARTS];
    uint32_t otherwise; /* SECCOMP_RET_... */
};

/* The filter of a list. Instructions written, or -E2BIG; -ENOTSUP on an architecture without lists. */
int seccomp_compile(const struct seccomp_list *list, struct sock_filter out[SECCOMP_INSTRUCTIONS]);

/* Puts it on all threads of this process, for ever. 0 or -errno. */
int seccomp_install(const struct seccomp_list *list);

/* 0 when a child under this list dies of a call that no list has; -EBADE when it lives, -EAGAIN without a
 * child. */
int seccomp_prove(const struct seccomp_list *list);

#endif
