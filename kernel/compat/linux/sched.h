/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_SCHED_H
#define KSIG_COMPAT_LINUX_SCHED_H

#include <linux/version.h>
#include_next <linux/sched.h>

/* 6.4 gave every thread that a driver clones from user space this flag. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER 0
#endif

/* 6.16 tells a probe of sched_process_exit whether the group is dead. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define KSIG_EXIT_PROBE_ARGS void *data, struct task_struct *task
#else
#define KSIG_EXIT_PROBE_ARGS void *data, struct task_struct *task, bool dead
#endif

#endif
