// SPDX-License-Identifier: MIT
/*
 * Target process for the tests of ksig watch: target write|threads|storm NAME N. It prints with
 * writev(2) because the tests count its write(2) calls.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 16
#define SIG (SIGRTMIN + 10)

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	char line[128];
	struct iovec iov = { .iov_base = line };
	va_list ap;

	va_start(ap, fmt);
	iov.iov_len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (writev(STDOUT_FILENO, &iov, 1) != (ssize_t)iov.iov_len)
		err(1, "cannot write");
}

static void nothing(int signo)
{
	(void)signo;
}

/* Waits for a line of input or end-of-file. */
static void wait_go(void)
{
	char c;

	say("ready\n");
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

/*
 * The third write(2) blocks because the pipe is full. The pipe is drained after this and each later
 * write.
 */
static void run_write(void)
{
	struct sigaction action = { .sa_handler = nothing };
	static char half[32768];
	int fds[2], i;

	if (sigaction(SIGUSR1, &action, NULL) || pipe(fds) ||
	    fcntl(fds[1], F_SETPIPE_SZ, 2 * sizeof(half)) < 0)
		err(1, "cannot prepare");
	wait_go();
	alarm(20);
	for (i = 1; i <= 5; i++) {
		if (write(fds[1], half, sizeof(half)) < 0)
			say("write %d: %s\n", i,
			    errno == EINTR ? "EINTR" : strerror(errno));
		else
			say("write %d: done\n", i);
		if (i >= 3 && read(fds[0], half, sizeof(half)) < 0)
			err(1, "cannot read");
	}
}

static void *sleeper(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Blocks the signal in all threads and waits for it in the last one, like a typical server. */
static void run_threads(void)
{
	pthread_t thread;
	siginfo_t info;
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 1; i < THREADS; i++) {
		if (pthread_create(&thread, NULL, sleeper, NULL))
			errx(1, "cannot create a thread");
	}
	say("ready\n");
	for (;;) {
		if (sigwaitinfo(&set, &info) == SIG)
			say("value %d lost %d\n", info.si_value.sival_int,
			    info.si_errno);
	}
}

static void begin_and_end(void)
{
	pid_t pid = vfork();

	if (pid < 0)
		err(1, "cannot fork");
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

/* Runs @n short-lived processes named @name, one after the other. */
static void run_storm(const char *name, long n)
{
	wait_go();
	prctl(PR_SET_NAME, name);
	while (n--)
		begin_and_end();
	prctl(PR_SET_NAME, "target");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "write"))
		run_write();
	else if (argc == 2 && !strcmp(argv[1], "threads"))
		run_threads();
	else if (argc == 4 && !strcmp(argv[1], "storm"))
		run_storm(argv[2], atol(argv[3]));
	else
		errx(2, "usage: target write|threads|storm NAME N");
	return 0;
}
