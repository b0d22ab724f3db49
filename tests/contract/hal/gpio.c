#include "contract.h"

#include "hal/clock.h"
#include "hal/gpio.h"

#define SETTLE_MS 20

/* What the peer sees or does; "none": this board's peer has no wire there. */
static bool
peer_can(const char *question, char *answer, size_t size)
{
    HOLDS(contract_ask(question, answer, size));
    if (contract_same(answer, "none")) {
        contract_skip("the peer has no such wire");
        return false;
    }
    return true;
}

static void
see_output(enum hal_gpio_out role, const char *question)
{
    static const char *const levels[] = { "0", "1" };

    for (int i = 0; i < 5; i++) {
        char answer[8];

        hal_gpio_set(role, i % 2 != 0);
        contract_rest(SETTLE_MS);
        if (!peer_can(question, answer, sizeof answer)) {
            break;
        }
        HOLDS(contract_same(answer, levels[i % 2]));
    }
    hal_gpio_set(role, false);
}

static void
the_lamp_is_lit_when_it_is_set(void)
{
    see_output(HAL_GPIO_LAMP, "see lamp");
}

static void
the_relay_is_closed_when_it_is_set(void)
{
    see_output(HAL_GPIO_RELAY, "see relay");
}

static void
read_input(enum hal_gpio_in role, const char *const questions[2])
{
    if (!hal_gpio_fitted(role)) {
        HOLDS(!hal_gpio_get(role));
        contract_skip("not fitted");
        return;
    }
    for (int i = 0; i < 5; i++) {
        char answer[8];

        if (!peer_can(questions[i % 2], answer, sizeof answer)) {
            return;
        }
        contract_rest(SETTLE_MS);
        HOLDS(hal_gpio_get(role) == (i % 2 != 0));
    }
    char answer[8];
    (void)peer_can(questions[0], answer, sizeof answer);
}

static void
the_button_reads_pressed_while_it_is(void)
{
    read_input(HAL_GPIO_BUTTON, (const char *const[2]){ "set button 0", "set button 1" });
}

static void
the_modem_line_reads_ready_while_it_is(void)
{
    read_input(HAL_GPIO_DTR, (const char *const[2]){ "set dtr 0", "set dtr 1" });
}

void
contract_gpio(void)
{
    hal_gpio_start();
    KEEPS(the_lamp_is_lit_when_it_is_set);
    KEEPS(the_relay_is_closed_when_it_is_set);
    KEEPS(the_button_reads_pressed_while_it_is);
    KEEPS(the_modem_line_reads_ready_while_it_is);
}
