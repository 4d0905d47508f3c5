// SPDX-License-Identifier: MIT
/*
 * Receive events in a loop with epoll(7) and signalfd(2): signalfd [NODE].
 * The program can add its other descriptors to the same epoll instance.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <ksig/uapi.h>

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/ksig/test";
	struct epoll_event wanted = { .events = EPOLLIN }, ready;
	struct ksig_arm arm = { .signo = SIGRTMIN };
	struct signalfd_siginfo info;
	int fd, epoll, signals;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_NONBLOCK);
	epoll = epoll_create1(0);
	wanted.data.fd = signals;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &wanted)) {
		perror("epoll");
		return 1;
	}
	fd = open(node, O_RDONLY);
	if (fd < 0 || ioctl(fd, KSIG_IOC_ARM, &arm)) {
		perror(node);
		return 1;
	}
	setlinebuf(stdout);
	for (;;) {
		if (epoll_wait(epoll, &ready, 1, -1) != 1)
			continue;
		while (read(ready.data.fd, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_errno == -ESHUTDOWN)
				return 0;
			if (info.ssi_errno)
				printf("lost %d\n", info.ssi_errno);
			printf("received value %llu\n", ksig_signalfd_value(&info));
		}
	}
}
