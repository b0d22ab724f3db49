#ifndef LOGGER_APP_H
#define LOGGER_APP_H
/*
 * app - the recorder: takes lines in, keeps them, passes them on, and calls a person (DESIGN.md)
 *
 * One an image. main.c calls app_start() and then app_poll() for ever.
 */

void app_start(void);

/* One turn of the main loop: bounded work, then sleep until there is more (DESIGN.md, section 2). */
void app_poll(void);

#endif
