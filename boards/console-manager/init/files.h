#ifndef APPLIANCE_FILES_H
#define APPLIANCE_FILES_H
/*
 * files - belfry's own copies of files
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a directory that `user` alone may enter. False when there is none. */
bool files_folder(const char *path, unsigned user);

/* Copies the regular files of a folder whose names begin with `prefix`, for `user` alone. The names that are
 * there already are replaced. Stops, false, when they have more than `most` bytes together. */
bool files_copy(const char *from, const char *to, const char *prefix, unsigned user, uint64_t most);

/* Gives a tree to `user` where it is not; follows no link. */
void files_own(const char *path, unsigned user);

#endif
