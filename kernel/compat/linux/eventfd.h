/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_EVENTFD_H
#define KSIG_COMPAT_LINUX_EVENTFD_H

#include <linux/version.h>
#include_next <linux/eventfd.h>

/* Linux 6.8 removed the second argument of eventfd_signal(), which was always 1. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline void ksig_eventfd_signal(struct eventfd_ctx *ctx)
{
	eventfd_signal(ctx, 1);
}

#define eventfd_signal ksig_eventfd_signal
#endif

#endif
