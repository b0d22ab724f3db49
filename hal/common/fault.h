#ifndef HAL_COMMON_FAULT_H
#define HAL_COMMON_FAULT_H
/*
 * fault - the handler of every exception that a port does not expect
 *
 * For the vector tables of Cortex-M ports, whose linker scripts say where the stack lies.
 */
#include <stdint.h>

void fault_entry(void);

#endif
