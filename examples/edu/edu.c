// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for QEMU's edu card (-device edu; docs/specs/edu in QEMU's tree). The card computes
 * factorials and copies memory by DMA. It raises an interrupt when it has finished a request.
 *
 * Each card has a channel for results (/dev/ksig/edu0 for the first card) and two attributes for
 * requests in /sys/class/ksig/edu0/device/:
 *
 *	factorial	write N, from 0 to 12. The event "factorial" has N as
 *			its subject and N! as its value
 *	dma		write N, from 1 to 2048. N random bytes are copied to the
 *			card's memory and back; the event "dma" has N as its
 *			subject and the number of wrong bytes as its value. The
 *			attribute doesn't exist if the kernel has no memory that
 *			the card can address
 *
 * A write fails with ERANGE if the number is out of range, and with EBUSY while a
 * request of that kind is pending. A request is pending until just before its event is emitted.
 */
#include <linux/bitops.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/random.h>
#include <linux/string.h>

#include <ksig/driver.h>

/* 32-bit registers */
#define EDU_ID			0x00	/* major, minor, 0x00ed */
#define EDU_FACTORIAL		0x08	/* write N, read N! */
#define EDU_STATUS		0x20
#define  EDU_STATUS_IRQ		0x80	/* raise an interrupt when N! is done */
#define EDU_IRQ_STATUS		0x24
#define  EDU_IRQ_FACTORIAL	0x001
#define  EDU_IRQ_DMA		0x100
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define  EDU_DMA_START		0x1
#define  EDU_DMA_TO_MEMORY	0x2
#define  EDU_DMA_IRQ		0x4

/* The card's memory in the address space of its DMA engine */
#define EDU_MEMORY		0x40000
#define EDU_COPY_MAX		2048
/* 13! needs more than 32 bits */
#define EDU_FACTORIAL_MAX	12
/* A copy takes 0.1 s in each direction, or longer on a slow host. */
#define EDU_TIMEOUT_US		(20 * USEC_PER_SEC)

/* The channel's event types */
enum { EDU_EVENT_FACTORIAL, EDU_EVENT_DMA };

/* Bits in the member busy of struct edu */
enum { EDU_COMPUTES, EDU_COPIES };

/**
 * struct edu - a card
 * @pdev: the PCI device
 * @regs: its registers
 * @channel: reports the results
 * @busy: pending requests. The request that sets a bit owns the members for that bit until it
 *	starts the card. Then the interrupt handler owns them
 * @number: EDU_COMPUTES: the number
 * @count: EDU_COPIES: number of bytes
 * @returning: EDU_COPIES: the card is copying its memory back to @back
 * @out: source of the copy, EDU_COPY_MAX bytes of coherent memory, followed by @back;
 *	NULL if DMA is not possible
 * @back: destination of the copy from the card
 * @bus: bus address of @out
 */
struct edu {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct ksig_channel *channel;
	unsigned long busy;
	u32 number;
	u32 count;
	bool returning;
	u8 *out;
	u8 *back;
	dma_addr_t bus;
};

static u32 edu_read(const struct edu *edu, unsigned int reg)
{
	return ioread32(edu->regs + reg);
}

static void edu_write(struct edu *edu, unsigned int reg, u32 value)
{
	iowrite32(value, edu->regs + reg);
}

/* ----------------------------------------------------------------- requests */

static int edu_compute(struct edu *edu, u32 number)
{
	if (test_and_set_bit_lock(EDU_COMPUTES, &edu->busy))
		return -EBUSY;
	edu->number = number;
	edu_write(edu, EDU_STATUS, EDU_STATUS_IRQ);
	edu_write(edu, EDU_FACTORIAL, number);
	return 0;
}

/* Writing the command starts the transfer, so the command is written last. */
static void edu_transfer(struct edu *edu, u32 from, u32 to, u32 direction)
{
	edu_write(edu, EDU_DMA_SOURCE, from);
	edu_write(edu, EDU_DMA_DESTINATION, to);
	edu_write(edu, EDU_DMA_COUNT, edu->count);
	edu_write(edu, EDU_DMA_COMMAND, EDU_DMA_START | EDU_DMA_IRQ | direction);
}

static int edu_copy(struct edu *edu, u32 count)
{
	if (test_and_set_bit_lock(EDU_COPIES, &edu->busy))
		return -EBUSY;
	edu->count = count;
	edu->returning = false;
	get_random_bytes(edu->out, count);
	memset(edu->back, 0, count);
	edu_transfer(edu, edu->bus, EDU_MEMORY, 0);
	return 0;
}

static ssize_t edu_ask(struct device *dev, const char *buf, size_t len,
		       u32 min, u32 max, int (*ask)(struct edu *edu, u32 n))
{
	u32 n;
	int err;

	err = kstrtou32(buf, 0, &n);
	if (err)
		return err;
	if (n < min || n > max)
		return -ERANGE;
	err = ask(dev_get_drvdata(dev), n);
	return err ? err : len;
}

static ssize_t factorial_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t len)
{
	return edu_ask(dev, buf, len, 0, EDU_FACTORIAL_MAX, edu_compute);
}
static DEVICE_ATTR_WO(factorial);

static ssize_t dma_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t len)
{
	return edu_ask(dev, buf, len, 1, EDU_COPY_MAX, edu_copy);
}
static DEVICE_ATTR_WO(dma);

static struct attribute *edu_attrs[] = {
	&dev_attr_factorial.attr,
	&dev_attr_dma.attr,
	NULL
};

static umode_t edu_attr_visible(struct kobject *kobj, struct attribute *attr,
				int n)
{
	const struct edu *edu = dev_get_drvdata(kobj_to_dev(kobj));

	return attr == &dev_attr_dma.attr && !edu->out ? 0 : attr->mode;
}

static const struct attribute_group edu_group = {
	.attrs = edu_attrs,
	.is_visible = edu_attr_visible,
};

static const struct attribute_group *edu_groups[] = { &edu_group, NULL };

/* ------------------------------------------------------------------ results */

static void edu_computed(struct edu *edu)
{
	u32 number, factorial;

	if (!test_bit(EDU_COMPUTES, &edu->busy))
		return;
	number = edu->number;
	factorial = edu_read(edu, EDU_FACTORIAL);
	/* clear the bit before the event, because its receiver may write the next request */
	clear_bit_unlock(EDU_COMPUTES, &edu->busy);
	ksig_emit(edu->channel, EDU_EVENT_FACTORIAL, number, factorial);
}

static void edu_copied(struct edu *edu)
{
	u32 i, count, wrong = 0;

	if (!test_bit(EDU_COPIES, &edu->busy))
		return;
	if (!edu->returning) {
		edu->returning = true;
		edu_transfer(edu, EDU_MEMORY, edu->bus + EDU_COPY_MAX,
			     EDU_DMA_TO_MEMORY);
		return;
	}
	count = edu->count;
	for (i = 0; i < count; i++)
		wrong += edu->back[i] != edu->out[i];
	clear_bit_unlock(EDU_COPIES, &edu->busy);
	ksig_emit(edu->channel, EDU_EVENT_DMA, count, wrong);
}

static irqreturn_t edu_interrupt(int irq, void *data)
{
	struct edu *edu = data;
	u32 raised = edu_read(edu, EDU_IRQ_STATUS);

	/* 0: another device on a shared line; all ones: the card was removed */
	if (!raised || raised == ~0U)
		return IRQ_NONE;
	edu_write(edu, EDU_IRQ_ACK, raised);
	if (raised & EDU_IRQ_FACTORIAL)
		edu_computed(edu);
	if (raised & EDU_IRQ_DMA)
		edu_copied(edu);
	return IRQ_HANDLED;
}

/* --------------------------------------------------------- probe and removal */

/* Wait until no request is pending. The caller prevents new requests. */
static int edu_settle(struct edu *edu)
{
	unsigned long busy;

	if (edu_read(edu, EDU_ID) == ~0U)
		return 0;
	return read_poll_timeout(READ_ONCE, busy, !busy, USEC_PER_MSEC,
				 EDU_TIMEOUT_US, false, edu->busy);
}

/*
 * Called at unbind, after the attributes were removed, so there are no new requests.
 * The interrupt handler and the DMA memory still exist.
 */
static void edu_quiesce(void *data)
{
	struct edu *edu = data;

	if (edu_settle(edu))
		dev_warn(&edu->pdev->dev, "the card does not answer\n");
	edu_write(edu, EDU_STATUS, 0);
	/* a transfer that is still pending can no longer access memory */
	pci_clear_master(edu->pdev);
}

/*
 * Processes are frozen, so there are no new requests. Wait for pending requests, because the card
 * would lose them.
 */
static int edu_suspend(struct device *dev)
{
	return edu_settle(dev_get_drvdata(dev)) ? -EBUSY : 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(edu_pm_ops, edu_suspend, NULL);

static int edu_init_registers(struct edu *edu)
{
	struct device *dev = &edu->pdev->dev;
	u32 id;

	edu->regs = devm_ioremap_resource(dev, &edu->pdev->resource[0]);
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	id = edu_read(edu, EDU_ID);
	if ((id & 0xffff) != 0xed)
		return dev_err_probe(dev, -ENODEV, "not an edu card: 0x%08x\n",
				     id);
	/* stop requests of an earlier driver */
	edu_write(edu, EDU_STATUS, 0);
	edu_write(edu, EDU_IRQ_ACK, edu_read(edu, EDU_IRQ_STATUS));
	return 0;
}

/* The card has 28 address lines by default (QEMU's property dma_mask). */
static int edu_init_dma(struct edu *edu)
{
	struct device *dev = &edu->pdev->dev;

	pci_set_master(edu->pdev);
	if (dma_set_mask_and_coherent(dev, DMA_BIT_MASK(28))) {
		dev_info(dev, "no DMA: this kernel has no memory for it below 256 MiB\n");
		return 0;
	}
	edu->out = dmam_alloc_coherent(dev, 2 * EDU_COPY_MAX, &edu->bus,
				       GFP_KERNEL);
	if (!edu->out)
		return -ENOMEM;
	edu->back = edu->out + EDU_COPY_MAX;
	return 0;
}

static int edu_init_channel(struct edu *edu)
{
	static const char *const types[] = {
		[EDU_EVENT_FACTORIAL] = "factorial",
		[EDU_EVENT_DMA] = "dma",
		NULL
	};
	static const struct ksig_channel_desc desc = {
		.name = "edu%d",
		.description = "results computed by QEMU's edu card",
		.types = types,
	};

	edu->channel = devm_ksig_channel_create(&edu->pdev->dev, &desc);
	return PTR_ERR_OR_ZERO(edu->channel);
}

/* Uses MSI if possible, and otherwise an interrupt line that may be shared. */
static int edu_init_interrupt(struct edu *edu)
{
	struct device *dev = &edu->pdev->dev;
	int err;

	/* freed with the device, because pcim_enable_device() made it managed */
	err = pci_alloc_irq_vectors(edu->pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (err < 0)
		return dev_err_probe(dev, err, "no interrupt\n");
	err = devm_request_irq(dev, pci_irq_vector(edu->pdev, 0),
			       edu_interrupt, IRQF_SHARED, dev_name(dev), edu);
	if (err)
		return dev_err_probe(dev, err, "cannot request the interrupt\n");
	return devm_add_action_or_reset(dev, edu_quiesce, edu);
}

/*
 * Managed resources are released in reverse order. The card is stopped first. Then the
 * interrupt handler is freed, then the channel that it emits to, then the memory.
 */
static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int err;

	edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	edu->pdev = pdev;
	pci_set_drvdata(pdev, edu);
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	err = edu_init_registers(edu);
	if (err)
		return err;
	err = edu_init_dma(edu);
	if (err)
		return err;
	err = edu_init_channel(edu);
	if (err)
		return err;
	return edu_init_interrupt(edu);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "edu",
	.id_table = edu_ids,
	.probe = edu_probe,
	.dev_groups = edu_groups,
	.driver.pm = pm_sleep_ptr(&edu_pm_ops),
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Driver for QEMU's edu card that emits its results as ksig events");
MODULE_AUTHOR("The ksig developers");
MODULE_LICENSE("GPL");
