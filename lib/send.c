// SPDX-License-Identifier: MIT
/* One signal, now. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib.h"

#define CONTROL "/dev/ksig/control"

#define WAYS (KSIG_SEND_BY(KSIG_SENT_BY_MODULE) | \
	      KSIG_SEND_BY(KSIG_SENT_BY_BPF) | \
	      KSIG_SEND_BY(KSIG_SENT_BY_CALLER))

static bool by_module(const struct ksig_send *send, int *ret)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		*ret = errno == ENOENT || errno == ENXIO || errno == ENODEV ?
		       -EOPNOTSUPP : -errno;
		return false;
	}
	*ret = ioctl(fd, KSIG_IOC_SEND, send) ? -errno : 0;
	close(fd);
	return true;
}

/* The right to send is the caller's own either way; the node's is not needed. */
static bool by_caller(const struct ksig_send *send, int *ret)
{
	struct ksig_target_opts opts = {
		.sz = sizeof(opts),
		.pid = send->pid,
		.pidfd = -1,
		.signo = send->signo,
		.flags = send->flags,
		.max_pending = KSIG_PENDING_MAX,
	};
	struct ksig_target *target;
	bool unseen;

	*ret = ksig_target_open(&opts, &target);
	if (*ret)
		return *ret != -EOPNOTSUPP;
	/* nobody sends it later */
	do
		*ret = ksig_target_send(target, 0, send->value);
	while (*ret == -EAGAIN && ksig_target_unsure(target));
	/* the kernel may look where the caller may not */
	unseen = *ret == -EACCES && ksig_target_unseen(target);
	ksig_target_close(target);
	if (unseen)
		return false;
	/* one of 1 to 31 waits: kill(2) would merge them */
	if (*ret == -EAGAIN && send->signo <= 31)
		*ret = 0;
	return true;
}

/**
 * struct way - how a signal may be sent
 * @number: KSIG_SENT_BY_*
 * @send: true: this way can be taken, @ret is what became of the signal; false:
 *	it can't, and @ret is why
 */
struct way {
	int number;
	bool (*send)(const struct ksig_send *send, int *ret);
};

/*
 * BPF comes last, although the kernel sends then: it can't send with SI_QUEUE,
 * without which a value gets lost on its way to a signalfd or a 32-bit program.
 */
static const struct way ways[] = {
	{ KSIG_SENT_BY_MODULE, by_module },
	{ KSIG_SENT_BY_CALLER, by_caller },
#ifdef KSIG_HAVE_BPF
	{ KSIG_SENT_BY_BPF, ksig_send_by_bpf },
#endif
};

int ksig_send(pid_t pid, int signo, uint64_t value, unsigned int flags)
{
	struct ksig_send send = {
		.pid = pid,
		.signo = signo,
		.flags = flags & ~WAYS,
		.value = value,
	};
	unsigned int allowed = flags & WAYS ? flags & WAYS : WAYS;
	int ret = -EOPNOTSUPP, caller = 0;
	size_t i;

	if (pid <= 0 || signo < 1 || signo > 64 ||
	    send.flags & ~KSIG_SEND_PROCESS)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!(allowed & KSIG_SEND_BY(ways[i].number)))
			continue;
		if (ways[i].send(&send, &ret))
			return ret ? ret : ways[i].number;
		/* why that can't says more than that BPF is root's */
		if (ways[i].send == by_caller)
			caller = ret;
	}
	return caller ? caller : ret;
}
