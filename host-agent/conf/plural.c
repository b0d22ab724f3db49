#include "conf/plural.h"

const char *
plural_s(uint64_t count)
{
    return count == 1 ? "" : "s";
}

const char *
plural_ies(uint64_t count)
{
    return count == 1 ? "y" : "ies";
}
