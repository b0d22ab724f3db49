#ifndef WATCH_VIEWS_ACCOUNTS_H
#define WATCH_VIEWS_ACCOUNTS_H
/*
 * views_accounts - other names for root, and accounts that ask for no password
 */
#include "watch/views.h"

#define ACCOUNT_ROOT 1u /* its number is 0 */
#define ACCOUNT_OPEN 2u /* its password is empty */

/*
 * What a line of passwd(5), or with `shadow` of shadow(5), makes of the account whose name begins at *name.
 * Read as the C libraries read it: a sign or zeros before a number count for nothing. 0 for what is no
 * account.
 */
unsigned account_line(const char *src, size_t len, bool shadow, const char **name, size_t *name_len);

extern const struct view_ops views_accounts_ops;

#endif
