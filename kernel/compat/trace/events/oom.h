/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_TRACE_EVENTS_OOM_H
#define KSIG_COMPAT_TRACE_EVENTS_OOM_H

#include_next <trace/events/oom.h>

/* Since Linux 6.8, mark_victim passes its probes the task instead of the pid. */
#define KSIG_VICTIM_PROBE(by_task, by_number)				\
	KSIG_PICK_PROBE(mark_victim, by_task, by_number)

#endif
