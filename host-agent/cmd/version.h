#ifndef CMD_VERSION_H
#define CMD_VERSION_H
/*
 * version - what this program was built from, for people who have to know whether they run what they think
 */

/* Prints it to standard output, one thing a line. */
void version_print(void);

#endif
