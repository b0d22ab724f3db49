#ifndef PROC_COURIER_H
#define PROC_COURIER_H
/*
 * courier - what the warden hands to the courier, which is a program of its own (tocsin-courier)
 */
#include "conf/conf.h"

struct courier_parts {
    int program; /* the file itself: another one put in its place later changes nothing that runs */
    int folder;  /* of its key and its spool */
};

/*
 * The folder becomes the user's and group's `id`, unless that is 0 or the starter may not give it. False when
 * there is no way over the network: then both are -1, and why is told on stderr.
 */
bool courier_parts_open(const struct conf *conf, uint32_t id, struct courier_parts *out);

/* Gives the folder to the user that a start would run the courier as; nothing when that is who asks. */
void courier_folder_give(const struct conf *conf);

#endif
