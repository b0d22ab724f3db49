#include "logger/intake.h"

#include <string.h>

#include "hal/uart.h"
#include "usb/usb.h"

static const struct {
    const char *name;
    bool serial;
    enum hal_uart uart;
} inputs[INTAKES] = {
    [INTAKE_SERVER] = { "server", true, HAL_UART_SERVER },
    [INTAKE_CONSOLE] = { "console", true, HAL_UART_CONSOLE },
    [INTAKE_USB] = { "usb", false, HAL_UARTS },
};

void
intake_init(struct intake *in)
{
    memset(in, 0, sizeof(*in));
    assembler_init(&in->assembler);
}

static void
refill(struct intake *in, enum intake_input which)
{
    size_t n = inputs[which].serial ? hal_uart_read(inputs[which].uart, in->chunk, sizeof(in->chunk))
                                    : usb_read(in->chunk, sizeof(in->chunk));

    in->at = 0;
    in->len = (uint8_t)n;
}

bool
intake_poll(struct intake *in, enum intake_input which)
{
    if (in->held) {
        return true;
    }
    if (in->at == in->len) {
        refill(in, which);
    }
    in->at = (uint8_t)(in->at + assembler_feed(&in->assembler, in->chunk + in->at, (size_t)(in->len - in->at),
                                        &in->line, &in->held));
    return in->held;
}

void
intake_done(struct intake *in)
{
    in->held = false;
}

const char *
intake_name(enum intake_input which)
{
    return inputs[which].name;
}
