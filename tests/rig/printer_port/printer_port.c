// SPDX-License-Identifier: GPL-2.0
/*
 * printer_port - a parallel port made of software, for the kernel of the rig's machine
 *
 * The status lines are the parameter `status`, what was strobed out is read from /dev/printer_port: so that
 * the driver of /dev/lp0 sees a printer without paper, which QEMU has not.
 */
#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/parport.h>

/* Not busy, acknowledged, selected, no error: as the driver of lp reads the lines. */
static int status = 0xd8;
module_param(status, int, 0644);

static unsigned char data;
static unsigned char control = PARPORT_CONTROL_SELECT | PARPORT_CONTROL_INIT;
static DEFINE_KFIFO(paper, unsigned char, 1 << 18);
static struct parport *port;

static void
write_data(struct parport *p, unsigned char value)
{
    data = value;
}

static unsigned char
read_data(struct parport *p)
{
    return data;
}

/* The printer takes the data when the strobe begins. */
static void
set_control(unsigned char value)
{
    if ((value & PARPORT_CONTROL_STROBE) && !(control & PARPORT_CONTROL_STROBE))
        kfifo_put(&paper, data);
    control = value;
}

static void
write_control(struct parport *p, unsigned char value)
{
    set_control(value & 0x0f);
}

static unsigned char
read_control(struct parport *p)
{
    return control;
}

static unsigned char
frob_control(struct parport *p, unsigned char mask, unsigned char value)
{
    set_control((control & ~mask) ^ value);
    return control;
}

static unsigned char
read_status(struct parport *p)
{
    return status;
}

static void
nothing(struct parport *p)
{
}

static void
init_state(struct pardevice *device, struct parport_state *state)
{
}

static void
keep_state(struct parport *p, struct parport_state *state)
{
}

static struct parport_operations operations = {
    .write_data = write_data,
    .read_data = read_data,
    .write_control = write_control,
    .read_control = read_control,
    .frob_control = frob_control,
    .read_status = read_status,
    .enable_irq = nothing,
    .disable_irq = nothing,
    .data_forward = nothing,
    .data_reverse = nothing,
    .init_state = init_state,
    .save_state = keep_state,
    .restore_state = keep_state,
    .epp_write_data = parport_ieee1284_epp_write_data,
    .epp_read_data = parport_ieee1284_epp_read_data,
    .epp_write_addr = parport_ieee1284_epp_write_addr,
    .epp_read_addr = parport_ieee1284_epp_read_addr,
    .ecp_write_data = parport_ieee1284_ecp_write_data,
    .ecp_read_data = parport_ieee1284_ecp_read_data,
    .ecp_write_addr = parport_ieee1284_ecp_write_addr,
    .compat_write_data = parport_ieee1284_write_compat,
    .nibble_read_data = parport_ieee1284_read_nibble,
    .byte_read_data = parport_ieee1284_read_byte,
    .owner = THIS_MODULE,
};

static ssize_t
paper_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
    unsigned int copied;
    int error = kfifo_to_user(&paper, to, size, &copied);

    return error ? error : copied;
}

static const struct file_operations paper_operations = {
    .owner = THIS_MODULE,
    .read = paper_read,
    .llseek = no_llseek,
};

static struct miscdevice paper_device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "printer_port",
    .fops = &paper_operations,
};

static int __init
printer_port_init(void)
{
    int error = misc_register(&paper_device);

    if (error)
        return error;
    port = parport_register_port(0, PARPORT_IRQ_NONE, PARPORT_DMA_NONE, &operations);
    if (!port) {
        misc_deregister(&paper_device);
        return -ENOMEM;
    }
    port->modes = PARPORT_MODE_PCSPP;
    parport_announce_port(port);
    return 0;
}

static void __exit
printer_port_exit(void)
{
    parport_remove_port(port);
    parport_put_port(port);
    misc_deregister(&paper_device);
}

module_init(printer_port_init);
module_exit(printer_port_exit);
MODULE_DESCRIPTION("a parallel port made of software");
MODULE_LICENSE("GPL");
