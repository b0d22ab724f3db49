/*
 * boot2 - what the boot ROM copies into RAM and runs, after its sum was right: 252 bytes and a CRC (RP2040
 * datasheet, 2.8.1.3)
 *
 * It takes the whole image into RAM by itself, so that nothing is ever fetched or read through the XIP window:
 * the SSI is put into direct mode here and stays in it for ever (hal/rp2040/flash.c). Crystal and PLL are
 * started first, as half of 48 MHz on the flash's clock takes 32 KiB over in 11 ms, and the ring oscillator alone
 * would need 80. Without a crystal it waits here for ever. Interrupts are off, no stack is used, and it never
 * returns.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .equ XOSC, 0x40024000       @ 2.16.7
    .equ CLOCKS, 0x40008000     @ 2.15.7
    .equ RESETS, 0x4000c000     @ 2.14.3
    .equ PLL_USB, 0x4002c000    @ 2.18.4
    .equ SSI, 0x18000000        @ 4.10.13
    .equ SS_CTRL, 0x4001800c    @ 2.19.6.2
    .equ VTOR, 0xe000ed08       @ 2.4.8

    .section .boot2, "ax"
    .global boot2
    .thumb_func
boot2:
    cpsid i
    ldr   r0, =XOSC
    ldr   r1, =47 * 6           @ 256 cycles each: 6 ms, what slow crystals take
    str   r1, [r0, #0x0c]       @ STARTUP
    ldr   r1, =0x00fabaa0       @ 1 to 15 MHz, on
    str   r1, [r0, #0x00]       @ CTRL
1:  ldr   r1, [r0, #0x04]       @ STATUS: bit 31 is STABLE
    cmp   r1, #0
    bge   1b
    ldr   r0, =CLOCKS
    movs  r1, #2
    str   r1, [r0, #0x30]       @ CLK_REF_CTRL: crystal; clk_sys follows clk_ref since reset
2:  ldr   r1, [r0, #0x38]       @ CLK_REF_SELECTED: bit 2
    lsrs  r1, r1, #3
    bcc   2b

    movs  r7, #3
    lsls  r7, r7, #12           @ from a register to its alias that clears bits (2.1.2)
    ldr   r3, =RESETS
    adds  r4, r3, r7
    movs  r1, #1
    lsls  r1, r1, #13           @ PLL_USB
    str   r1, [r4, #0x00]       @ RESET
3:  ldr   r2, [r3, #0x08]       @ RESET_DONE
    tst   r2, r1
    beq   3b
    ldr   r3, =PLL_USB          @ CS: the crystal undivided, since reset
    adds  r4, r3, r7
    movs  r1, #100
    str   r1, [r3, #0x08]       @ FBDIV_INT: 1200 MHz
    movs  r1, #0x21
    str   r1, [r4, #0x04]       @ PWR: PD and VCOPD off
4:  ldr   r1, [r3, #0x00]       @ CS: bit 31 is LOCK
    cmp   r1, #0
    bge   4b
    ldr   r1, =0x55000
    str   r1, [r3, #0x0c]       @ PRIM: by 5 and by 5, 48 MHz
    movs  r1, #8
    str   r1, [r4, #0x04]       @ PWR: POSTDIVPD off
    movs  r1, #0x20
    str   r1, [r0, #0x3c]       @ CLK_SYS_CTRL: auxiliary source PLL_USB,
    movs  r1, #0x21
    str   r1, [r0, #0x3c]       @ and then that one
5:  ldr   r1, [r0, #0x44]       @ CLK_SYS_SELECTED: bit 1
    lsrs  r1, r1, #2
    bcc   5b

    ldr   r3, =SSI
    movs  r2, #0
    str   r2, [r3, #0x08]       @ SSIENR off
    movs  r1, #2
    str   r1, [r3, #0x14]       @ BAUDR: clk_sys / 2
    ldr   r1, =31 << 16
    str   r1, [r3, #0x00]       @ CTRLR0: 32 bits a frame, to and fro, one wire
    movs  r1, #1
    str   r1, [r3, #0x10]       @ SER
    str   r1, [r3, #0x08]       @ SSIENR on
    ldr   r4, =SS_CTRL
    ldr   r1, =2 << 8           @ chip select low
    str   r1, [r4]
    ldr   r1, [r4]              @ it has reached the pin when it can be read
    ldr   r1, =0x03000100       @ read (03h) from 256 on
    str   r1, [r3, #0x60]       @ DR0
6:  ldr   r1, [r3, #0x24]       @ RXFLR
    cmp   r1, #0
    beq   6b
    ldr   r1, [r3, #0x60]       @ what came while the command went

    ldr   r5, =__image_start    @ r5: where the next word goes
    ldr   r6, =__image_end
    mov   r7, r5                @ r7: the word last asked for
7:  cmp   r7, r6
    bhs   8f
    subs  r1, r7, r5
    cmp   r1, #14 * 4           @ in flight: no more than the receiver's queue holds
    bhs   8f
    str   r2, [r3, #0x60]
    adds  r7, #4
8:  ldr   r1, [r3, #0x24]
    cmp   r1, #0
    beq   7b
    ldr   r1, [r3, #0x60]
    rev   r1, r1                @ the first byte came first, as the highest
    stmia r5!, {r1}
    cmp   r5, r6
    blo   7b
    ldr   r1, =3 << 8           @ chip select high
    str   r1, [r4]

    ldr   r0, =__image_start
    ldr   r1, =VTOR
    str   r0, [r1]
    ldmia r0!, {r1, r2}
    msr   msp, r1
    bx    r2
    .ltorg
    .balign 4
