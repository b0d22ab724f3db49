#ifndef WATCH_VIEWS_PRELOAD_H
#define WATCH_VIEWS_PRELOAD_H
/*
 * views_preload - libraries that /etc/ld.so.preload puts into every program
 */
#include "watch/views.h"

/* The next word at *at, as ld.so(8) separates them. Its length; 0 behind the last. */
size_t preload_word(const char **at, const char *end, const char **word);

extern const struct view_ops views_preload_ops;

#endif
