// SPDX-License-Identifier: GPL-2.0-only
/*
 * One signal to any process, sent by the kernel: Linux 6.13 and newer. Apart
 * from ksig.bpf.c, for other kernels don't know the functions that this calls.
 *
 * User space runs ksig_send_find, ksig_send to look, asks the kernel whether it
 * may signal that process, and runs ksig_send again. All that time it holds a
 * pidfd, so that the struct pid can't become another's.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/errno.h>
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "shared.h"
#include "task.h"

char LICENSE[] SEC("license") = "GPL";

struct task_struct *bpf_task_from_pid(int pid) __ksym;
void bpf_task_release(struct task_struct *task) __ksym;
int bpf_send_signal_task(struct task_struct *task, int signo,
			 enum pid_type type, __u64 value) __ksym;

static struct pid *pin;
/* The task's when it was looked at: with others the right may be gone. */
static const struct cred *cred;

/* A program of a kind that runs under RCU, as find_pid() must. */
SEC("raw_tp")
int ksig_send_find(__u64 *ctx)
{
	unsigned int level;
	struct upid *upid = own_upid(&level);

	pin = find_pid(BPF_CORE_READ(upid, ns), ctx[0]);
	return 0;
}

static __always_inline int send_to(struct task_struct *task,
				   const struct ksig_bpf_send *s)
{
	/* who has the number now need not be who was pinned */
	if (BPF_CORE_READ(task, thread_pid) != pin ||
	    BPF_CORE_READ(task, flags) & PF_EXITING)
		return -ESRCH;
	if (!s->send) {
		cred = BPF_CORE_READ(task, real_cred);
		return 0;
	}
	if (BPF_CORE_READ(task, real_cred) != cred)
		return -EPERM;
	if (s->signo < SIGRTMIN || s->signo > 64)
		return -EINVAL;
	if (!ready_for(task, s->signo, s->process))
		return -ECONNREFUSED;
	return bpf_send_signal_task(task, s->signo, s->process ? PIDTYPE_TGID :
				    PIDTYPE_PID, s->value);
}

SEC("syscall")
int ksig_send(struct ksig_bpf_send *s)
{
	struct task_struct *task;
	struct upid *first;

	/* as the initial pid namespace numbers it */
	first = (void *)pin + bpf_core_field_offset(struct pid, numbers);
	task = pin ? bpf_task_from_pid(BPF_CORE_READ(first, nr)) : NULL;
	s->error = -ESRCH;
	if (!task)
		return 0;
	s->error = send_to(task, s);
	bpf_task_release(task);
	return 0;
}
