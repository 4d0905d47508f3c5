// SPDX-License-Identifier: MIT
/*
 * Receive events with a signal handler: handler [NODE].
 *
 * The signal is unblocked only in sigsuspend(), which returns after one signal. So the handler
 * interrupts no other code, and main() reads the handler's result before the next signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <ksig/uapi.h>

static siginfo_t received;

static void receive(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	received = *info;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/ksig/test";
	struct sigaction action = {
		.sa_sigaction = receive,
		.sa_flags = SA_SIGINFO,
	};
	struct ksig_arm arm = { .signo = SIGRTMIN };
	sigset_t blocked, normal;
	int fd;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &blocked, &normal);
	sigaction(SIGRTMIN, &action, NULL);

	fd = open(node, O_RDONLY);
	if (fd < 0 || ioctl(fd, KSIG_IOC_ARM, &arm)) {
		perror(node);
		return 1;
	}
	setlinebuf(stdout);
	while (sigsuspend(&normal), received.si_errno != -ESHUTDOWN) {
		if (received.si_errno)
			printf("lost %d\n", received.si_errno);
		printf("received value %llu\n", ksig_siginfo_value(&received));
	}
	return 0;
}
