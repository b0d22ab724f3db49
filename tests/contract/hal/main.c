/* The contract image: every port builds it from the same source. */
#include "contract.h"

#include "hal/clock.h"
#include "hal/result.h"
#include "hal/uart.h"
#include "hal/usbd.h"

/* No host is attached. */
void
hal_usbd_event(const struct hal_usbd_event *event)
{
    (void)event;
}

int
main(void)
{
    bool first = contract_is_first_life();
    int started = hal_clock_start();

    started |= hal_uart_start(HAL_UART_CONSOLE, CONTRACT_BAUD);
    started |= hal_uart_start(HAL_UART_SERVER, CONTRACT_BAUD);
    contract_say("contract: begin\n");
    contract_begin("clock_and_lines_start");
    HOLDS(started == HAL_OK);
    contract_end();
    if (first) {
        contract_clock();
        contract_random();
        contract_uart();
        contract_gpio();
        contract_flash();
    }
    contract_reset();
    contract_say("contract: end\n");
    contract_drain();
    return 0;
}
