// SPDX-License-Identifier: MIT
/*
 * Requests a factorial from QEMU's edu card and receives the result by signal:
 * factorial [N [CHANNEL]], by default 5 and edu0.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <ksig/uapi.h>

#define FACTORIAL 0	/* index in /sys/class/ksig/edu0/types */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Request a signal to this thread for each factorial that the card computes. */
static void subscribe(const char *channel, int signo, const char *n)
{
	struct ksig_subscribe settings = {
		.types = 1 << FACTORIAL,
		.subject = strtoul(n, NULL, 0),
		.flags = KSIG_SUBSCRIBE_SUBJECT,
	};
	struct ksig_arm arm = { .signo = signo };
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/ksig/%s", channel);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (ioctl(fd, KSIG_IOC_SUBSCRIBE, &settings))
		die("KSIG_IOC_SUBSCRIBE");
	if (ioctl(fd, KSIG_IOC_ARM, &arm))
		die("KSIG_IOC_ARM");
}

/* The card handles one request at a time, so retry while another program's is pending. */
static void ask(const char *channel, const char *n)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	ssize_t len = strlen(n);
	int fd, tries = 60000;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/ksig/%s/device/factorial",
		 channel);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	while (write(fd, n, len) != len) {
		if (errno != EBUSY || !--tries)
			die(n);
		nanosleep(&moment, NULL);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	const char *n = argc > 1 ? argv[1] : "5";
	const char *channel = argc > 2 ? argv[2] : "edu0";
	const struct timespec limit = { .tv_sec = 60 };
	siginfo_t info;
	sigset_t set;

	/* block the signal, so that it waits for sigtimedwait() instead of killing this program */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);

	subscribe(channel, SIGRTMIN, n);
	ask(channel, n);
	if (sigtimedwait(&set, &info, &limit) < 0)
		die("no answer");
	if (info.si_errno < 0) {
		fprintf(stderr, "%s: %s\n", channel, strerror(-info.si_errno));
		return 1;
	}
	printf("%s! = %llu\n", n, ksig_siginfo_value(&info));
	return 0;
}
