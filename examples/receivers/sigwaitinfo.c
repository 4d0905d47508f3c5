// SPDX-License-Identifier: MIT
/* Receive events with sigwaitinfo(2), without a handler: sigwaitinfo [NODE]. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <ksig/uapi.h>

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/ksig/test";
	struct ksig_arm arm = { .signo = SIGRTMIN };
	siginfo_t info;
	sigset_t set;
	int fd;

	/* block the signal before it can be sent, because an unblocked signal kills this program */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);

	fd = open(node, O_RDONLY);
	if (fd < 0 || ioctl(fd, KSIG_IOC_ARM, &arm)) {
		perror(node);
		return 1;
	}
	setlinebuf(stdout);
	for (;;) {
		if (sigwaitinfo(&set, &info) < 0)
			continue;	/* EINTR after SIGSTOP and SIGCONT */
		if (info.si_errno == -ESHUTDOWN)
			return 0;
		if (info.si_errno)
			printf("lost %d\n", info.si_errno);
		printf("received value %llu\n", ksig_siginfo_value(&info));
	}
}
