#include "alarm/order.h"

void
order_sort(uint16_t *index, unsigned count, order_fn *before, const void *things)
{
    static const unsigned gaps[] = { 3937, 1750, 701, 301, 132, 57, 23, 10, 4, 1 };

    for (unsigned g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++) {
        for (unsigned i = gaps[g]; i < count; i++) {
            uint16_t moved = index[i];
            unsigned to = i;

            for (; to >= gaps[g] && before(things, moved, index[to - gaps[g]]); to -= gaps[g]) {
                index[to] = index[to - gaps[g]];
            }
            index[to] = moved;
        }
    }
}
