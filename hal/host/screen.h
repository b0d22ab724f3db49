#ifndef HAL_HOST_SCREEN_H
#define HAL_HOST_SCREEN_H
/*
 * screen - the upper rows of a terminal kept for oneself, while others write below them
 *
 * Makes the bytes that draw the rows anew and leave all else as it was: cursor, attributes, character set.
 * What others write scrolls below; the origin mode stays on, so that `clear` and the cursor's home mean the
 * first row below. For a virtual console of Linux; other terminals may lack the last part.
 */
#include <stddef.h>

#define HAL_SCREEN_COLUMNS_MAX 255
#define HAL_SCREEN_ROWS_MAX 20
#define HAL_SCREEN_BYTES (HAL_SCREEN_ROWS_MAX * (HAL_SCREEN_COLUMNS_MAX + 32) + 64)

enum hal_screen_style { HAL_SCREEN_PLAIN, HAL_SCREEN_BOLD, HAL_SCREEN_REVERSE };

struct hal_screen_row {
    const char *text; /* what is not 0x20 to 0x7E is shown as ? */
    size_t len;       /* what does not fit is cut, and a > says so */
    enum hal_screen_style style;
};

/* Rows and columns of the terminal; 24 by 80 where it does not say. */
void hal_screen_size(int fd, unsigned *rows, unsigned *columns);

/*
 * Writes what draws `count` rows at the top of a terminal of `rows` by `columns` into `out`, and returns how
 * much that is. At least three rows are left to others: of a terminal too small for all, the last are left
 * out.
 */
size_t hal_screen_draw(const struct hal_screen_row *row, unsigned count, unsigned rows, unsigned columns,
        char out[HAL_SCREEN_BYTES]);

#endif
