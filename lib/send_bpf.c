// SPDX-License-Identifier: MIT
/*
 * One signal by a BPF program: bpf/send.bpf.c, loaded for it and gone with it.
 * The program is the kernel, which may signal anybody: that the caller may is
 * asked here, by kill(2)'s rule. It needs no /proc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib.h"
#include "../bpf/shared.h"
#include "send.skel.h"

/* the kernel's; SIGRTMIN is the C library's */
#define FIRST_REALTIME 32

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* Which struct pid has the number: it is @pidfd's if that lives afterwards. */
static int find(struct send_bpf *skel, pid_t pid, int pidfd)
{
	uint64_t ctx[1] = { pid };
	int err;

	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = ctx,
		    .ctx_size_in = sizeof(ctx));

	err = bpf_prog_test_run_opts(
			bpf_program__fd(skel->progs.ksig_send_find), &run);
	return err ? err : ksig_process_ended(pidfd) ? -ESRCH : 0;
}

static int run(struct send_bpf *skel, struct ksig_bpf_send *s)
{
	int err;

	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = s,
		    .ctx_size_in = sizeof(*s));

	err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.ksig_send),
				     &run);
	return err ? err : s->error;
}

static int send_pinned(struct send_bpf *skel, const struct ksig_send *send,
		       int pidfd)
{
	struct ksig_bpf_send s = {
		.value = send->value,
		.signo = send->signo,
		.process = !!(send->flags & KSIG_SEND_PROCESS),
	};
	int err = find(skel, send->pid, pidfd);

	if (!err)
		err = run(skel, &s);
	if (!err && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0))
		err = -errno;
	if (err)
		return err;
	s.send = 1;
	return run(skel, &s);
}

static int load(struct send_bpf **skel)
{
	int err;

	ksig_libbpf_enter(NULL);
	*skel = send_bpf__open();
	err = *skel ? send_bpf__load(*skel) : -errno;
	ksig_libbpf_leave();
	if (!err)
		return 0;
	send_bpf__destroy(*skel);
	/* the kernel has no such function, or no BTF */
	return err != -EPERM && err != -EACCES && err != -ENOMEM ?
	       -EOPNOTSUPP : err;
}

bool ksig_send_by_bpf(const struct ksig_send *send, int *ret)
{
	struct send_bpf *skel;
	int pidfd;

	/* it would not spare a container's first process, as kill(2) does */
	*ret = send->signo < FIRST_REALTIME ? -EOPNOTSUPP : load(&skel);
	if (*ret)
		return false;
	pidfd = syscall(SYS_pidfd_open, send->pid, PIDFD_THREAD);
	*ret = pidfd < 0 ? -errno : send_pinned(skel, send, pidfd);
	if (pidfd >= 0)
		close(pidfd);
	send_bpf__destroy(skel);
	return true;
}
