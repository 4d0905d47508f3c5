/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_SCHED_H
#define KSIG_COMPAT_LINUX_SCHED_H

#include_next <linux/sched.h>

/* Linux 6.4 added this flag for threads that a driver clones from a user process. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER 0
#endif

#endif
