/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_TRACE_EVENTS_SCHED_H
#define KSIG_COMPAT_TRACE_EVENTS_SCHED_H

#include_next <trace/events/sched.h>

/* Linux 6.16 added the argument group_dead to sched_process_exit. */
#define KSIG_DEFINE_EXIT_PROBE(function)				\
static void function##_6_1(void *data, struct task_struct *task)	\
{									\
	function(task);							\
}									\
static void function##_6_16(void *data, struct task_struct *task,	\
			    bool group_dead)				\
{									\
	function(task);							\
}

#define KSIG_EXIT_PROBE(function)					\
	KSIG_PICK_PROBE(sched_process_exit, function##_6_1, function##_6_16)

#endif
