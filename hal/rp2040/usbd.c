/*
 * usbd - the USB controller as a device, single buffered (RP2040 datasheet, 4.1)
 *
 * Endpoints are counted by index here: twice the number, and one more for OUT, as in BUFF_STATUS and in the
 * DPRAM. The interrupt takes note of what came, and one thing cannot wait for the main loop: a SETUP disarms
 * endpoint 0 at once, else the host's next token would take what was armed for the transfer before.
 */
#include "hal/usbd.h"

#include <string.h>

#include "hal/result.h"
#include "hal/rp2040/board.h"
#include "hal/rp2040/chip.h"

#define INDEXES 32u
#define EP0_IN 0u
#define EP0_OUT 1u
#define BULK_OUT 0xAAAAAAA8u /* a bit each index */
#define PACKET_WORDS (HAL_USBD_PACKET / sizeof(uint32_t))

/* Planted bugs that tests/target has to find. */
#ifdef PLANT_USBD_TOGGLE
#define TOGGLES 0u
#else
#define TOGGLES 1u
#endif
#ifdef PLANT_USBD_RESET
#define KEPT_AT_RESET 0u
#else
#define KEPT_AT_RESET BULK_OUT
#endif

#define CAME_RESET 1u
#define CAME_SETUP 2u
#define CAME_SUSPEND 4u
#define CAME_RESUME 8u

/* The interrupt adds, the main loop takes with interrupts off. */
static volatile uint32_t came;
static volatile uint32_t done; /* a bit each index */
static volatile uint32_t setup[2];

static uint32_t next_is_data1; /* a bit each index */
static bool power;             /* as last told */
static bool power_told;

static unsigned
index_of(uint8_t endpoint)
{
    return 2u * (endpoint & 15u) + ((endpoint & 0x80) != 0 ? 0u : 1u);
}

static uint8_t
endpoint_of(unsigned index)
{
    return (uint8_t)(index / 2 | (index % 2 == 0 ? 0x80u : 0u));
}

static uint32_t
buffer_of(unsigned index)
{
    return USB_DPRAM + (index <= EP0_OUT ? USB_EP0_BUFFER : USB_EP_BUFFERS + HAL_USBD_PACKET * (index - 2));
}

/*
 * Behind a bus reset nothing is open or armed. What the host was told is taken stays in its buffer, and its
 * length in the buffer control, until the main loop has told it.
 */
static void
forget_all(void)
{
    uint32_t taken = (done | REG(USB_BUFF_STATUS)) & KEPT_AT_RESET;

    for (unsigned index = 0; index < INDEXES; index++) {
        if (index > EP0_OUT) {
            REG(USB_EP_CONTROL(index)) = 0;
        }
        if (index <= EP0_OUT || (REG(USB_BUFFER_CONTROL(index)) & BUFFER_AVAILABLE) != 0) {
            REG(USB_BUFFER_CONTROL(index)) = 0;
        }
    }
    REG(USB_ADDR_ENDP) = 0;
    REG(USB_BUFF_STATUS) = REG(USB_BUFF_STATUS);
    done = taken;
}

static void
setup_came(void)
{
    REG(USB_SIE_STATUS) = USB_STATUS_SETUP;
    REG(USB_BUFFER_CONTROL(EP0_IN)) = 0;
    REG(USB_BUFFER_CONTROL(EP0_OUT)) = 0;
    setup[0] = REG(USB_SETUP_PACKET);
    setup[1] = REG(USB_SETUP_PACKET + 4);
    came |= CAME_SETUP;
}

void
rp2040_usb_interrupt(void)
{
    uint32_t why = REG(USB_INTS);

    if ((why & USB_INT_BUS_RESET) != 0) {
        REG(USB_SIE_STATUS) = USB_STATUS_BUS_RESET;
        forget_all();
        came = CAME_RESET;
    }
    if ((why & USB_INT_BUFFER) != 0) {
        uint32_t buffers = REG(USB_BUFF_STATUS);

        REG(USB_BUFF_STATUS) = buffers;
        done |= buffers;
    }
    if ((why & USB_INT_SETUP) != 0) {
        setup_came();
    }
    if ((why & USB_INT_SUSPEND) != 0) {
        REG(USB_SIE_STATUS) = USB_STATUS_SUSPENDED;
        came |= CAME_SUSPEND;
    }
    if ((why & USB_INT_RESUME) != 0) {
        REG(USB_SIE_STATUS) = USB_STATUS_RESUME;
        came |= CAME_RESUME;
    }
    rp2040_wake();
}

/*
 * What answers a SETUP is not for the one that came meanwhile, and nothing is for the time behind a bus reset
 * that the core does not know of. AVAILABLE is written last, and 12 cycles later: the controller may look at
 * the rest with a clock of its own (4.1.2.5.1).
 */
static void
arm(unsigned index, uint32_t control, uint32_t last)
{
    rp2040_interrupts_off();
    if ((came & (index > EP0_OUT ? CAME_RESET : CAME_SETUP | CAME_RESET)) == 0) {
        REG(USB_BUFFER_CONTROL(index)) = control;
        __asm volatile("nop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop");
        REG(USB_BUFFER_CONTROL(index)) = control | last;
    }
    rp2040_interrupts_on();
}

static uint32_t
toggle(unsigned index)
{
    return (next_is_data1 >> index & 1) != 0 ? BUFFER_DATA1 : 0;
}

static bool
vbus(void)
{
    return rp2040_board.vbus == RP2040_NO_PIN || (REG(SIO_GPIO_IN) >> rp2040_board.vbus & 1) != 0;
}

/* Without VBUS there is no host to show a pull-up to, and its line may not be driven (USB 2.0, 7.1.5.1). */
static void
power_poll(void)
{
    bool now = vbus();

    if (power_told && now == power) {
        return;
    }
    power = now;
    REG(USB_SIE_CTRL + (now ? REG_SET_ALIAS : REG_CLR_ALIAS)) = USB_SIE_PULLUP;
    if (rp2040_board.vbus != RP2040_NO_PIN) {
        hal_usbd_event(&(struct hal_usbd_event){ .what = HAL_USBD_POWER, .len = now ? 1 : 0 });
    }
    power_told = true;
}

int
hal_usbd_start(void)
{
    rp2040_take_out_of_reset(RESETS_USBCTRL | RESETS_IO_BANK0 | RESETS_PADS_BANK0);
    for (uint32_t at = 0; at < USB_DPRAM_SIZE; at += 4) {
        REG(USB_DPRAM + at) = 0;
    }
    if (rp2040_board.vbus != RP2040_NO_PIN) {
        REG(PADS_BANK0(rp2040_board.vbus)) = PAD_OD | PAD_IE | PAD_SCHMITT;
        REG(IO_BANK0_CTRL(rp2040_board.vbus)) = IO_FUNCTION_SIO;
    }
    REG(USB_MUXING) = USB_MUXING_PHY;
    REG(USB_PWR) = USB_PWR_VBUS;
    REG(USB_MAIN_CTRL) = USB_MAIN_ENABLE;
    REG(USB_SIE_CTRL) = USB_SIE_EP0_INTERRUPT;
    REG(USB_INTE) = USB_INT_BUFFER | USB_INT_BUS_RESET | USB_INT_SETUP | USB_INT_SUSPEND | USB_INT_RESUME;
    REG(NVIC_ISER) = 1u << IRQ_USBCTRL;
    power_told = false;
    return HAL_OK;
}

static void
tell(enum hal_usbd_what what)
{
    hal_usbd_event(&(struct hal_usbd_event){ .what = what });
}

static void
tell_received(unsigned index)
{
    uint32_t packet[PACKET_WORDS];
    uint32_t len = REG(USB_BUFFER_CONTROL(index)) & BUFFER_LENGTH;

    for (unsigned i = 0; i < PACKET_WORDS; i++) {
        packet[i] = REG(buffer_of(index) + 4 * i);
    }
    hal_usbd_event(&(struct hal_usbd_event){
            .what = HAL_USBD_RECEIVED,
            .endpoint = endpoint_of(index),
            .len = (uint8_t)(len < HAL_USBD_PACKET ? len : HAL_USBD_PACKET),
            .data = (const uint8_t *)packet,
    });
}

static void
tell_done(uint32_t buffers)
{
    for (unsigned index = 0; buffers != 0; index++, buffers >>= 1) {
        if ((buffers & 1) == 0) {
            continue;
        }
        next_is_data1 ^= TOGGLES << index;
        if (index % 2 == 0) {
            hal_usbd_event(&(struct hal_usbd_event){ .what = HAL_USBD_SENT, .endpoint = endpoint_of(index) });
        } else {
            tell_received(index);
        }
    }
}

static void
tell_setup(const uint32_t packet[2])
{
    next_is_data1 |= 1u << EP0_IN | 1u << EP0_OUT;
    hal_usbd_event(&(struct hal_usbd_event){
            .what = HAL_USBD_SETUP,
            .len = 8,
            .data = (const uint8_t *)packet,
    });
}

/*
 * Take and tell all but a SETUP, then the SETUP: what was done when it came belongs to the transfer before.
 * What is done when a reset has come was done before it. A reset that comes in between takes the SETUP away.
 */
void
hal_usbd_poll(void)
{
    uint32_t packet[2];

    power_poll();
    rp2040_interrupts_off();
    uint32_t events = came & ~CAME_SETUP;
    uint32_t buffers = done;
    came &= CAME_SETUP;
    done = 0;
    rp2040_interrupts_on();
    tell_done(buffers);
    if ((events & CAME_RESET) != 0) {
        next_is_data1 = 0;
        tell(HAL_USBD_RESET);
    }
    if ((events & CAME_SUSPEND) != 0) {
        tell(HAL_USBD_SUSPEND);
    }
    if ((events & CAME_RESUME) != 0) {
        tell(HAL_USBD_RESUME);
    }

    rp2040_interrupts_off();
    bool setup_now = (came & (CAME_SETUP | CAME_RESET)) == CAME_SETUP;
    if (setup_now) {
        packet[0] = setup[0];
        packet[1] = setup[1];
        came &= ~CAME_SETUP;
    }
    rp2040_interrupts_on();
    if (setup_now) {
        tell_setup(packet);
    }
}

void
hal_usbd_address(uint8_t address)
{
    rp2040_interrupts_off();
    if ((came & CAME_RESET) == 0) {
        REG(USB_ADDR_ENDP) = address;
    }
    rp2040_interrupts_on();
}

int
hal_usbd_open(uint8_t endpoint)
{
    unsigned index = index_of(endpoint);

    if (index <= EP0_OUT || (endpoint & 0x70) != 0) {
        return HAL_E_RANGE;
    }
    hal_usbd_close(endpoint);
    REG(USB_EP_CONTROL(index)) =
            EP_CONTROL_ENABLE | EP_CONTROL_INTERRUPT | EP_CONTROL_BULK | (buffer_of(index) - USB_DPRAM);
    return HAL_OK;
}

void
hal_usbd_close(uint8_t endpoint)
{
    unsigned index = index_of(endpoint);

    if (index <= EP0_OUT) {
        return;
    }
    rp2040_interrupts_off();
    REG(USB_EP_CONTROL(index)) = 0;
    REG(USB_BUFFER_CONTROL(index)) = 0;
    REG(USB_BUFF_STATUS) = 1u << index;
    done &= ~(1u << index);
    rp2040_interrupts_on();
    next_is_data1 &= ~(1u << index);
}

void
hal_usbd_receive(uint8_t endpoint)
{
    unsigned index = index_of(endpoint & 15);

    arm(index, HAL_USBD_PACKET | toggle(index), BUFFER_AVAILABLE);
}

void
hal_usbd_send(uint8_t endpoint, const uint8_t *src, size_t len)
{
    unsigned index = index_of(endpoint | 0x80);
    uint32_t packet[PACKET_WORDS];

    if (len > HAL_USBD_PACKET) {
        return;
    }
    memcpy(packet, src, len);
    for (size_t i = 0; i < (len + 3) / 4; i++) {
        REG(buffer_of(index) + 4 * i) = packet[i];
    }
    arm(index, BUFFER_FULL | (uint32_t)len | toggle(index), BUFFER_AVAILABLE);
}

void
hal_usbd_stall(uint8_t endpoint)
{
    unsigned index = index_of(endpoint);

    if (index > EP0_OUT) {
        arm(index, BUFFER_STALL, 0);
        return;
    }
    REG(USB_EP_STALL_ARM) = 3;
    arm(EP0_IN, BUFFER_STALL, 0);
    arm(EP0_OUT, BUFFER_STALL, 0);
}
