#ifndef BELFRY_NOTICE_SETS_H
#define BELFRY_NOTICE_SETS_H
/*
 * sets - the compiled rules, for the files of this folder
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "belfry/notice/notice.h"

#include <pcre2.h>

struct notice_compiled {
    char name[NOTICE_NAME];
    enum wire_severity severity;
    pcre2_code *code;
};

struct notice_set {
    const struct notice_sets *all;
    char name[CONF_NAME];
    unsigned rules;
    struct notice_compiled rule[NOTICE_RULES];
};

struct notice_sets {
    pcre2_match_context *context;
    pcre2_match_data *match;
    unsigned sets;
    struct notice_set set[CONF_RULES];
};

#endif
