#ifndef BELFRY_PAGE_ASSETS_H
#define BELFRY_PAGE_ASSETS_H
/*
 * assets - the files that the page is made of beside its HTML: assets/, made into bytes by the build
 */
#include <stddef.h>

struct asset {
    const char *path; /* on the page, "/page.css" */
    const char *type;
    const unsigned char *bytes;
    size_t len;
};

/* Ends with one whose path is NULL. */
extern const struct asset assets[];

#endif
