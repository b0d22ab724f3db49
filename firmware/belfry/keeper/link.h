#ifndef BELFRY_KEEPER_LINK_H
#define BELFRY_KEEPER_LINK_H
/*
 * link - what belfry hands to belfry-keeper, over a socket pair of datagrams
 *
 * First a struct keeper_terms with two descriptors: STATE/lines, and a file with `lines` keeper_line records
 * by name. Then one byte whenever there may be something to do. Both are of one build: the form is the
 * compiler's. Nothing comes back.
 */
#include "belfry/conf.h"

struct keeper_terms {
    uint64_t floor; /* bytes of the file system that stay free; 0 for no floor */
    uint32_t lines;
};

struct keeper_line {
    char name[CONF_NAME];
    uint32_t keep;       /* rotated parts; 0 for all */
    uint32_t keep_age_s; /* 0 for ever */
};

#endif
