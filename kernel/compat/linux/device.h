/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_DEVICE_H
#define KSIG_COMPAT_LINUX_DEVICE_H

#include <linux/version.h>
#include_next <linux/device.h>

/* Linux 6.2 made the argument of a class's devnode const. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define KSIG_DEVNODE_CONST
#else
#define KSIG_DEVNODE_CONST const
#endif

/* Linux 6.4 removed the first argument of class_create(), the owner. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#include <linux/export.h>

static inline struct class *ksig_class_create(const char *name)
{
	return class_create(THIS_MODULE, name);
}

#undef class_create
#define class_create ksig_class_create
#endif

#endif
