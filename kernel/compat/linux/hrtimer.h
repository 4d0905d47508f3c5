/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_HRTIMER_H
#define KSIG_COMPAT_LINUX_HRTIMER_H

#include <linux/version.h>
#include_next <linux/hrtimer.h>

/* Linux 6.13 added hrtimer_setup(), which also sets the timer's function. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void
ksig_hrtimer_setup(struct hrtimer *timer,
		   enum hrtimer_restart (*fn)(struct hrtimer *timer),
		   clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}

static inline void
ksig_hrtimer_setup_on_stack(struct hrtimer *timer,
			    enum hrtimer_restart (*fn)(struct hrtimer *timer),
			    clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init_on_stack(timer, clock, mode);
	timer->function = fn;
}

#define hrtimer_setup ksig_hrtimer_setup
#define hrtimer_setup_on_stack ksig_hrtimer_setup_on_stack
#endif

#endif
