/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_SLAB_H
#define KSIG_COMPAT_LINUX_SLAB_H

#include_next <linux/slab.h>

#ifndef kmalloc_obj	/* Linux 7.0 */
#define KSIG_GFP(first, second, ...) second
#define kmalloc_obj(type, ...)						\
	((typeof(type) *)kmalloc(sizeof(typeof(type)),			\
				 KSIG_GFP(, ##__VA_ARGS__, GFP_KERNEL)))
#define kzalloc_obj(type, ...)						\
	((typeof(type) *)kzalloc(sizeof(typeof(type)),			\
				 KSIG_GFP(, ##__VA_ARGS__, GFP_KERNEL)))
#endif

#endif
