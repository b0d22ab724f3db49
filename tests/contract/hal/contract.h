#ifndef CONTRACT_HAL_CONTRACT_H
#define CONTRACT_HAL_CONTRACT_H
/*
 * contract - what every port of hal/include has to keep, as one image for all of them (README.md)
 *
 * Freestanding: nothing but hal/include. It tells each test's outcome on HAL_UART_CONSOLE and asks the peer
 * at the other end for what takes two. One of it; main loop only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTRACT_BAUD 115200

/* A check that fails tells its test and line; the test goes on. */
#define HOLDS(condition)                           \
    do {                                           \
        if (!(condition)) {                        \
            contract_broken(__LINE__, #condition); \
        }                                          \
    } while (0)

/* Runs one test and tells how it went. */
#define KEEPS(test)            \
    do {                       \
        contract_begin(#test); \
        test();                \
        contract_end();        \
    } while (0)

void contract_begin(const char *test);
void contract_end(void);
void contract_broken(unsigned line, const char *condition);

/* The test that runs cannot be made on this board. */
void contract_skip(const char *why);

/* Sends text; waits until there is room. */
void contract_say(const char *text);
void contract_say_number(uint32_t n);

/* Waits until all that was said is on the wire. */
void contract_drain(void);

/* Lets the time pass; nothing is read meanwhile. */
void contract_rest(uint32_t ms);

/*
 * Sends "> question" and takes one line from the console into dst. False when the peer has not answered
 * within 2 s; a peer that cannot do it answers "none".
 */
bool contract_ask(const char *question, char *dst, size_t size);
bool contract_same(const char *a, const char *b);

/* The tests, a group a file. */
void contract_clock(void);
void contract_random(void);
void contract_uart(void);
void contract_gpio(void);
void contract_flash(void);

/* Before all else, once a life. False: what is not about resets has been tested. */
bool contract_is_first_life(void);

/* Last. Starts the image again, and returns in its last life. */
void contract_reset(void);

#endif
