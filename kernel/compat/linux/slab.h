/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_SLAB_H
#define KSIG_COMPAT_LINUX_SLAB_H

#include_next <linux/slab.h>

/* Linux 7.0 added these macros. In the kernel's version, @gfp is optional. */
#ifndef kmalloc_obj
#define kmalloc_obj(type, gfp) kmalloc(sizeof(typeof(type)), gfp)
#define kzalloc_obj(type, gfp) kzalloc(sizeof(typeof(type)), gfp)
#endif

#endif
