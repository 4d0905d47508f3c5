/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_TRACE_EVENTS_OOM_H
#define KSIG_COMPAT_TRACE_EVENTS_OOM_H

#include_next <trace/events/oom.h>

/*
 * 6.8 hands mark_victim's probes the task instead of its number, and some of
 * the stable kernels do so too: the declaration tells.
 */
static inline void *
ksig_victim_probe(void (*by_task)(void *, struct task_struct *, uid_t),
		  void (*by_number)(void *, int))
{
	if (__builtin_types_compatible_p(
			typeof(check_trace_callback_type_mark_victim),
			void (void (*)(void *, struct task_struct *, uid_t))))
		return by_task;
	return by_number;
}

#endif
