/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_TRACEPOINT_H
#define KSIG_COMPAT_LINUX_TRACEPOINT_H

#include_next <linux/tracepoint.h>

/*
 * Selects, as a constant, the one of two probes that has the tracepoint's type. If neither has
 * this type, compilation fails. The choice depends on the declaration and not on the kernel
 * version, because signatures also change in stable kernels.
 */
#define KSIG_PICK_PROBE(tracepoint, a, b)				\
	_Generic(&check_trace_callback_type_##tracepoint,		\
		 void (*)(typeof(a) *) : a,				\
		 void (*)(typeof(b) *) : b)

#endif
