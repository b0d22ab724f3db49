#ifndef HAL_RESULT_H
#define HAL_RESULT_H
/*
 * result - what a hal function that can fail returns: 0, or one of these
 */

enum hal_result {
    HAL_OK = 0,
    HAL_E_RANGE = -1,  /* an argument the chip or the board cannot serve; nothing was done */
    HAL_E_BUSY = -2,   /* an operation is still running; nothing was done */
    HAL_E_DEVICE = -3, /* the hardware failed, or is not the one the board's data names */
    HAL_E_NONE = -4,   /* not fitted on this board */
};

#endif
