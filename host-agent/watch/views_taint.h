#ifndef WATCH_VIEWS_TAINT_H
#define WATCH_VIEWS_TAINT_H
/*
 * views_taint - what the kernel holds against itself: foreign modules, errors it met
 */
#include "watch/views.h"

/* How a flag is told. */
enum taint_kind {
    TAINT_IGNORED,  /* says nothing about this machine's state */
    TAINT_EVENT,    /* something happened: told once, when it comes */
    TAINT_STANDING, /* the kernel runs code or settings that are not its own: open until allowed or rebooted
                     */
};

/* By the number of its bit. '?' and TAINT_EVENT for a flag that is not known. */
char taint_letter(unsigned bit);
const char *taint_means(unsigned bit);
enum taint_kind taint_kind(unsigned bit);

extern const struct view_ops views_taint_ops;

#endif
