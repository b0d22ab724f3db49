#include "hal/host/screen.h"
#include "support/check.h"

static char out[HAL_SCREEN_BYTES];

static size_t
draw(const char *text, size_t len, unsigned count, unsigned rows, unsigned columns)
{
    struct hal_screen_row row[HAL_SCREEN_ROWS_MAX];

    for (unsigned i = 0; i < HAL_SCREEN_ROWS_MAX; i++) {
        row[i] = (struct hal_screen_row){ text, len, HAL_SCREEN_REVERSE };
    }
    memset(out, 'Z', sizeof(out));
    return hal_screen_draw(row, count, rows, columns, out);
}

static void
of_all_bytes_only_printable_ones_are_shown(void)
{
    char text[256];
    char shown[256 + 1];

    for (unsigned i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
        shown[i] = i < 0x20 || i > 0x7E ? '?' : (char)i;
    }
    shown[255] = '\0';
    size_t len = draw(text, 255, 1, 25, 255);
    out[len] = '\0';
    CHECK(strstr(out, shown) != NULL);
}

static void
whatever_the_size_it_fits_and_leaves_three_rows_to_others(void)
{
    static char text[400];
    static const unsigned sizes[] = { 0, 1, 2, 3, 4, 5, 10, 22, 23, 24, 255, 256, 65535 };
    size_t most = 0;

    memset(text, 'x', sizeof(text));
    for (size_t r = 0; r < sizeof(sizes) / sizeof(sizes[0]); r++) {
        for (size_t c = 0; c < sizeof(sizes) / sizeof(sizes[0]); c++) {
            size_t len = draw(text, sizeof(text), HAL_SCREEN_ROWS_MAX, sizes[r], sizes[c]);
            unsigned drawn = 0;
            most = len > most ? len : most;
            CHECK(len < sizeof(out));
            out[len < sizeof(out) ? len : sizeof(out) - 1] = '\0';
            for (const char *at = out; (at = strstr(at, "\033[2K")) != NULL; at++) {
                drawn++;
            }
            unsigned want = sizes[r] < 3 ? 0 : sizes[r] - 3;
            CHECK_INT(drawn, want < HAL_SCREEN_ROWS_MAX ? want : HAL_SCREEN_ROWS_MAX);
        }
    }
    CHECK(most > HAL_SCREEN_ROWS_MAX * HAL_SCREEN_COLUMNS_MAX);
}

int
main(void)
{
    CHECK_RUN(of_all_bytes_only_printable_ones_are_shown);
    CHECK_RUN(whatever_the_size_it_fits_and_leaves_three_rows_to_others);
    return check_result();
}
