#ifndef HAL_RP2040_REGS_H
#define HAL_RP2040_REGS_H
/*
 * regs - the registers of the RP2040 that this port touches, and no others
 *
 * Sections are those of the RP2040 datasheet. An address names one 32-bit register. Registers of the APB and
 * AHB-lite blocks can be written through aliases that set or clear bits only (2.1.2), which SIO, DPRAM and
 * the processor's own cannot.
 */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define REG_SET_ALIAS 0x2000u
#define REG_CLR_ALIAS 0x3000u
#define REG_SET(address) REG((address) + REG_SET_ALIAS)
#define REG_CLR(address) REG((address) + REG_CLR_ALIAS)

/* 2.4.8, Cortex-M0+ */
#define NVIC_ISER 0xe000e100u
#define NVIC_ICER 0xe000e180u
/* 2.3.2, interrupts */
#define IRQ_TIMER_0 0u
#define IRQ_USBCTRL 5u
#define IRQ_UART0 20u
#define IRQ_UART1 21u
#define IRQS 26u

/* 2.3.1.7, SIO */
#define SIO_GPIO_IN 0xd0000004u
#define SIO_GPIO_OUT_SET 0xd0000014u
#define SIO_GPIO_OUT_CLR 0xd0000018u
#define SIO_GPIO_OE_SET 0xd0000024u

/* 2.10.6, voltage regulator: why the chip was reset */
#define CHIP_RESET 0x40064008u
#define CHIP_RESET_HAD_RUN (1u << 16)

/* 2.13.5, power-on state machine: what the watchdog resets */
#define PSM_WDSEL 0x40010008u
#define PSM_WDSEL_ALL_BUT_OSCILLATORS 0x1fffcu

/* 2.14.3, subsystem resets */
#define RESETS_RESET 0x4000c000u
#define RESETS_DONE 0x4000c008u
#define RESETS_IO_BANK0 (1u << 5)
#define RESETS_PADS_BANK0 (1u << 8)
#define RESETS_TIMER (1u << 21)
#define RESETS_UART0 (1u << 22)
#define RESETS_UART1 (1u << 23)
#define RESETS_USBCTRL (1u << 24)

/* 2.15.7, clocks; boot2.S sets the others */
#define CLK_PERI_CTRL 0x40008048u
#define CLK_USB_CTRL 0x40008054u
#define CLK_ENABLE (1u << 11)
#define CLK_SYS_RESUS_CTRL 0x40008078u

/* 2.17.8, ring oscillator */
#define ROSC_RANDOMBIT 0x4006001cu

/* 2.18.4, PLL of the USB clock */
#define PLL_USB_CS 0x4002c000u
#define PLL_CS_LOCK (1u << 31)

/* 2.19.6.1, what a pin is connected to */
#define IO_BANK0_CTRL(pin) (0x40014004u + 8u * (pin))
#define IO_FUNCTION_UART 2u
#define IO_FUNCTION_SIO 5u
/* 2.19.6.2, the chip select of the flash: 2 low, 3 high, whatever the SSI says */
#define IO_QSPI_SS_CTRL 0x4001800cu
#define IO_QSPI_SS_LOW (2u << 8)
#define IO_QSPI_SS_HIGH (3u << 8)
/* 2.19.6.3, pads */
#define PADS_BANK0(pin) (0x4001c004u + 4u * (pin))
#define PAD_OD (1u << 7)
#define PAD_IE (1u << 6)
#define PAD_PUE (1u << 3)
#define PAD_PDE (1u << 2)
#define PAD_SCHMITT (1u << 1)

/* 4.1.4, USB controller */
#define USB_DPRAM 0x50100000u
#define USB_DPRAM_SIZE 4096u
#define USB_SETUP_PACKET USB_DPRAM
#define USB_EP_CONTROL(index) (USB_DPRAM + 0x08u + 4u * ((index)-2u)) /* index: 2 * number, + 1 for OUT */
#define USB_BUFFER_CONTROL(index) (USB_DPRAM + 0x80u + 4u * (index))
#define USB_EP0_BUFFER 0x100u
#define USB_EP_BUFFERS 0x180u
#define EP_CONTROL_ENABLE (1u << 31)
#define EP_CONTROL_INTERRUPT (1u << 29) /* for every buffer */
#define EP_CONTROL_BULK (2u << 26)
#define BUFFER_FULL (1u << 15)
#define BUFFER_DATA1 (1u << 13)
#define BUFFER_STALL (1u << 11)
#define BUFFER_AVAILABLE (1u << 10)
#define BUFFER_LENGTH 0x3ffu
#define USB_ADDR_ENDP 0x50110000u
#define USB_MAIN_CTRL 0x50110040u
#define USB_MAIN_ENABLE 1u
#define USB_SIE_CTRL 0x5011004cu
#define USB_SIE_EP0_INTERRUPT (1u << 29)
#define USB_SIE_PULLUP (1u << 16)
#define USB_SIE_STATUS 0x50110050u
#define USB_STATUS_BUS_RESET (1u << 19)
#define USB_STATUS_SETUP (1u << 17)
#define USB_STATUS_RESUME (1u << 11)
#define USB_STATUS_SUSPENDED (1u << 4)
#define USB_BUFF_STATUS 0x50110058u
#define USB_EP_STALL_ARM 0x50110068u
#define USB_MUXING 0x50110074u
#define USB_MUXING_PHY ((1u << 0) | (1u << 3)) /* TO_PHY, SOFTCON */
#define USB_PWR 0x50110078u
#define USB_PWR_VBUS ((1u << 2) | (1u << 3)) /* VBUS_DETECT, and that it is we who say so */
#define USB_INTE 0x50110090u
#define USB_INTS 0x50110098u
#define USB_INT_SETUP (1u << 16)
#define USB_INT_RESUME (1u << 15)
#define USB_INT_SUSPEND (1u << 14)
#define USB_INT_BUS_RESET (1u << 12)
#define USB_INT_BUFFER (1u << 4)

/* 4.2.8, UART: an ARM PL011 */
#define UART_BASE(n) (0x40034000u + 0x4000u * (n))
#define UART_DR(n) (UART_BASE(n) + 0x00u)
#define UART_DR_OE (1u << 11)
#define UART_DR_BE (1u << 10)
#define UART_DR_PE (1u << 9)
#define UART_DR_FE (1u << 8)
#define UART_FR(n) (UART_BASE(n) + 0x18u)
#define UART_FR_TXFF (1u << 5)
#define UART_FR_RXFE (1u << 4)
#define UART_IBRD(n) (UART_BASE(n) + 0x24u)
#define UART_FBRD(n) (UART_BASE(n) + 0x28u)
#define UART_LCR_H(n) (UART_BASE(n) + 0x2cu)
#define UART_LCR_H_8N1_FIFO 0x70u
#define UART_CR(n) (UART_BASE(n) + 0x30u)
#define UART_CR_RXE (1u << 9)
#define UART_CR_TXE (1u << 8)
#define UART_CR_ENABLE (1u << 0)
#define UART_IFLS(n) (UART_BASE(n) + 0x34u)
#define UART_IFLS_RX_8_TX_8 0x09u /* interrupt at 8 of 32 received, and at 8 of 32 left to send */
#define UART_IMSC(n) (UART_BASE(n) + 0x38u)
#define UART_INT_RX ((1u << 4) | (1u << 6)) /* level reached, or bytes waited for 32 bit times */
#define UART_INT_TX (1u << 5)
#define UART_MIS(n) (UART_BASE(n) + 0x40u)
#define UART_ICR(n) (UART_BASE(n) + 0x44u)

/* 4.6.5, timer */
#define TIMER_ALARM0 0x40054010u
#define TIMER_RAWH 0x40054024u
#define TIMER_RAWL 0x40054028u
#define TIMER_INTR 0x40054034u
#define TIMER_INTE 0x40054038u
#define TIMER_INT_0 1u

/* 4.7.6, watchdog */
#define WATCHDOG_CTRL 0x40058000u
#define WATCHDOG_CTRL_TRIGGER (1u << 31)
#define WATCHDOG_CTRL_ENABLE (1u << 30)
#define WATCHDOG_LOAD 0x40058004u
#define WATCHDOG_LOAD_MAX 0xffffffu
#define WATCHDOG_REASON 0x40058008u
#define WATCHDOG_REASON_FORCE 2u
#define WATCHDOG_REASON_TIMER 1u
#define WATCHDOG_SCRATCH(n) (0x4005800cu + 4u * (n))
#define WATCHDOG_TICK 0x4005802cu
#define WATCHDOG_TICK_ENABLE (1u << 9)

/* 4.10.13, SSI: a Synopsys DW_apb_ssi */
#define SSI_CTRLR0 0x18000000u
#define SSI_CTRLR0_8_BITS (7u << 16)
#define SSI_CTRLR0_32_BITS (31u << 16)
#define SSI_CTRLR1 0x18000004u
#define SSI_SSIENR 0x18000008u
#define SSI_SER 0x18000010u
#define SSI_BAUDR 0x18000014u
#define SSI_RXFLR 0x18000024u
#define SSI_DR0 0x18000060u

#endif
