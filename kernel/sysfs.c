// SPDX-License-Identifier: GPL-2.0-only
/* The attributes in /sys/class/ksig/NAME/ */
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/device.h>
#include <linux/sysfs.h>

#include "channel.h"

#define KSIG_ATTR(name, mode, visible, format, value) \
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, \
			   char *buf) \
{ \
	struct ksig_chan *chan = container_of(dev, struct ksig_chan, dev); \
	return visible ? sysfs_emit(buf, format, value) : -EPERM; \
} \
static DEVICE_ATTR(name, mode, name##_show, NULL)

#define KSIG_PROPERTY(name, format, value) \
	KSIG_ATTR(name, 0444, true, format, value)
/*
 * The counters cover all namespaces. Therefore they can be read only in the initial pid namespace,
 * and, due to the file mode, only by root of the initial user namespace.
 */
#define KSIG_COUNTER(name, format, value) \
	KSIG_ATTR(name, 0400, task_active_pid_ns(current) == &init_pid_ns, \
		  format, value)

KSIG_PROPERTY(description, "%s\n", chan->description);
KSIG_PROPERTY(types, "%s", chan->types);
KSIG_PROPERTY(event_size, "%u\n", chan->event_size);
KSIG_COUNTER(subscribers, "%u\n", READ_ONCE(chan->pub.subscribers));
KSIG_COUNTER(emitted, "%llu\n", ksig_channel_emitted(chan));
KSIG_COUNTER(lost, "%lld\n", atomic64_read(&chan->lost));

static struct attribute *ksig_channel_attrs[] = {
	&dev_attr_description.attr,
	&dev_attr_types.attr,
	&dev_attr_event_size.attr,
	&dev_attr_subscribers.attr,
	&dev_attr_emitted.attr,
	&dev_attr_lost.attr,
	NULL
};

static const struct attribute_group ksig_channel_group = {
	.attrs = ksig_channel_attrs,
};

const struct attribute_group *ksig_channel_groups[] = {
	&ksig_channel_group,
	NULL
};

