#include "belfry/record.h"

const char *
record_verdict(const struct record *r)
{
    switch (r->kind) {
    case RECORD_LOCAL:
        return "LOCAL";
    case RECORD_NOTICE:
        return "NOTICE";
    case RECORD_LINE:
    case RECORD_EVENT:
        break;
    }
    return wire_verdict_name(r->verdict);
}
