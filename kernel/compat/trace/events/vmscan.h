/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_TRACE_EVENTS_VMSCAN_H
#define KSIG_COMPAT_TRACE_EVENTS_VMSCAN_H

#include_next <trace/events/vmscan.h>

/* Since Linux 7.1, mm_vmscan_memcg_reclaim_begin also passes the cgroup to its probes. */
#define KSIG_DEFINE_RECLAIM_PROBE(function)				\
static void function##_6_1(void *data, int order, gfp_t flags)		\
{									\
	function();							\
}									\
static void function##_7_1(void *data, gfp_t flags, int order,		\
			   struct mem_cgroup *memcg)			\
{									\
	function();							\
}

#define KSIG_RECLAIM_PROBE(function)					\
	KSIG_PICK_PROBE(mm_vmscan_memcg_reclaim_begin,			\
			function##_6_1, function##_7_1)

#endif
