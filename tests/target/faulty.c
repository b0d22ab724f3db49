/*
 * faulty - an image that image_check.py has to refuse, for one reason each: FAULT_RECURSION, FAULT_STACK,
 * FAULT_FLASH, FAULT_NAMES. One that is too large is refused by the linker.
 */
#include <stdint.h>

#include "hal/usbd.h"

int main(void);

static volatile uint32_t number;

/* No host is attached. */
void
hal_usbd_event(const struct hal_usbd_event *event)
{
    (void)event;
}

#ifdef FAULT_RECURSION
static __attribute__((noinline)) uint32_t
wrong(uint32_t n)
{
    number = n;
    return n == 0 ? number : wrong(n - 1) + number;
}
#elif defined(FAULT_STACK)
static __attribute__((noinline)) uint32_t
wrong(uint32_t n)
{
    volatile uint32_t much[1024];

    much[n] = number;
    return much[number];
}
#elif defined(FAULT_FLASH)
static __attribute__((noinline)) uint32_t
wrong(uint32_t n)
{
    return *(const volatile uint32_t *)0x10000084 + n;
}
#elif defined(FAULT_NAMES)
uint32_t blake3_hash(uint32_t n);

__attribute__((noinline)) uint32_t
blake3_hash(uint32_t n)
{
    return number ^ n;
}
#define wrong blake3_hash
#endif

int
main(void)
{
    number = wrong(number);
    return 0;
}
