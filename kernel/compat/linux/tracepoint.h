/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSIG_COMPAT_LINUX_TRACEPOINT_H
#define KSIG_COMPAT_LINUX_TRACEPOINT_H

#include_next <linux/tracepoint.h>

/*
 * Constant expression that selects whichever of two probes has the tracepoint's type. If neither
 * has this type, compilation fails. The choice depends on the tracepoint's declaration rather than
 * on the kernel version, because signatures may also change in stable kernels.
 */
#define KSIG_PICK_PROBE(tracepoint, a, b)				\
	_Generic(&check_trace_callback_type_##tracepoint,		\
		 void (*)(typeof(a) *) : a,				\
		 void (*)(typeof(b) *) : b)

#endif
