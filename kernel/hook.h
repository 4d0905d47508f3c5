/* SPDX-License-Identifier: GPL-2.0-only */
/* Probes on the kernel's tracepoints, and their delayed removal. */
#ifndef KSIG_HOOK_H
#define KSIG_HOOK_H

#include <linux/tracepoint.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/**
 * struct ksig_hook - a probe on one of the kernel's tracepoints
 * @name: name of the tracepoint
 * @probe: the probe, a function of the tracepoint's type; see KSIG_HOOK()
 * @optional: a kernel without the tracepoint is not an error
 * @tp: set while the probe is registered
 */
struct ksig_hook {
	const char *name;
	void *probe;
	bool optional;
	struct tracepoint *tp;
};

/*
 * Initializer of a struct ksig_hook. The kernel calls a probe through a pointer of
 * the tracepoint's type. With a probe of another type, this call would be a
 * control-flow violation if the kernel uses CFI, and would pass wrong arguments
 * otherwise. The initializer includes the kernel's type check, which is compiled but
 * never executed.
 *
 * Since Linux 7.0, probes are preemptible and are not in an RCU read-side section.
 */
#define KSIG_HOOK(tracepoint, function, is_optional) {			\
	.name = #tracepoint,						\
	.probe = (void *)(function) + 0 *				\
		sizeof((check_trace_callback_type_##tracepoint(function), 0)), \
	.optional = (is_optional),					\
}

int ksig_hooks_add(struct ksig_hook *hooks, unsigned int n);
void ksig_hooks_remove(struct ksig_hook *hooks, unsigned int n);

/*
 * Functions for work items that remove hooks. Adding or removing a hook stalls all cpus and
 * takes global locks of the kernel. A program that opens and closes a node in a loop must
 * not cause this repeatedly, so a hook stays registered for a while after its last user
 * has stopped.
 */
int ksig_linger_init(void);
void ksig_linger_exit(void);
bool ksig_linger_later(struct delayed_work *work);

#endif /* KSIG_HOOK_H */
