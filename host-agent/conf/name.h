#ifndef CONF_NAME_H
#define CONF_NAME_H
/*
 * name - what the program is called, and where it looks for its own things by that name
 *
 * One of it. A program whose file is called otherwise than "tocsin" is disguised (tocsin(8), `disguise`): it
 * says nothing of itself but that name, and keeps configuration, state and courier beside itself.
 */
#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_LEN 15 /* what the kernel shows of a process's name */

/*
 * First in main(), with argv[0]. A role is called what its warden is called, any other process what its file
 * is called. Before, the name is "tocsin".
 */
void name_begin(const char *argv0, bool role);

const char *name_program(void);
bool name_disguised(void);

/* Of a disguised program, ps(1) shows these arguments no more. */
void name_hide(int count, char **arguments);

/* The program's own configuration, state directory and courier, when nothing else is said. */
const char *name_config(void);
const char *name_state(void);
const char *name_courier(void); /* a file name, of one in the folder of the program that runs */

/* What disguise puts where for a program of that name. False when it does not fit. */
bool name_config_of(const char *folder, const char *name, char *out, size_t size);
bool name_state_of(const char *folder, const char *name, char *out, size_t size);
bool name_courier_of(const char *name, char *out, size_t size);

/* True for 1 to NAME_MAX_LEN letters, digits, '-', '_' and '.', the first a letter. */
bool name_valid(const char *name);

#endif
