// SPDX-License-Identifier: MIT
/*
 * Promise 2: if the kernel skips events because another BPF program is running on the same CPU,
 * they are reported as an upper bound, not as an exact loss.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

#define OTHERS 6

/*
 * an event whose BPF program runs at each system call, so that timers often interrupt the program
 */
static const char busy[] = "trace.raw_syscalls.sys_enter:current.comm=nobody";

int main(void)
{
	struct ksig_sub *timers, *others[OTHERS];
	const struct ksig_event *ev;
	int64_t until;
	bool flagged = false;
	int i;

	sub_or_skip("trace.timer.hrtimer_expire_entry");
	if (!linux_at_least(6, 7))
		skip("before Linux 6.7 the kernel doesn't count skipped events");
	timers = sub_open("trace.timer.hrtimer_expire_entry", NULL);
	for (i = 0; i < OTHERS; i++)
		others[i] = sub_open(busy, NULL);
	until = now() + 120 * SECOND;
	while (!flagged) {
		if (now() > until)
			fail(__FILE__, __LINE__, "nothing was skipped");
		for (i = 0; i < 10000; i++)
			syscall(SYS_getppid);
		while (ksig_sub_next(timers, 0, &ev) == 1)
			flagged |= ev->flags & KSIG_EVENT_LOST_UPTO;
	}
	CHECK(sub_lost_upto(timers));
	/* sub_stats() has checked that the exact counters don't include these events */
	printf(": %llu timers seen, up to %llu more\n",
	       (unsigned long long)sub_stats(timers).offered,
	       (unsigned long long)sub_lost_upto(timers));
	for (i = 0; i < OTHERS; i++)
		ksig_sub_close(others[i]);
	ksig_sub_close(timers);
	return 0;
}
