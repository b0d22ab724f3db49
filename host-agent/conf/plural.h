#ifndef CONF_PLURAL_H
#define CONF_PLURAL_H
/* plural - the end of a word as its number wants it */
#include <stdint.h>

/* "" or "s" */
const char *plural_s(uint64_t count);

/* "y" or "ies" */
const char *plural_ies(uint64_t count);

#endif
