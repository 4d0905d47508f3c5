// SPDX-License-Identifier: MIT
/*
 * Check that the tutorial's user program works unchanged: it installs a handler for signal 44 and
 * writes its pid, including the terminating NUL, to debugfs without waiting.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define SIG_TEST 44

/* printf() is not safe in a handler, but existing programs do this */
static void receiveData(int n, siginfo_t *info, void *unused)
{
	(void)n;
	(void)unused;
	printf("received value %i\n", info->si_int);
}

static int tutorial(void)
{
	struct sigaction sig;
	char buf[10];
	int configfd;

	memset(&sig, 0, sizeof(sig));
	sig.sa_sigaction = receiveData;
	sig.sa_flags = SA_SIGINFO;
	sigaction(SIG_TEST, &sig, NULL);
	configfd = open("/sys/kernel/debug/signalconfpid", O_WRONLY);
	if (configfd < 0) {
		perror("open");
		return -1;
	}
	sprintf(buf, "%i", getpid());
	if (write(configfd, buf, strlen(buf) + 1) < 0) {
		perror("fwrite");
		return -1;
	}
	return 0;
}

static void expect(int from, const char *wanted)
{
	char out[64] = "";
	ssize_t n = read(from, out, sizeof(out) - 1);

	CHECK(n > 0);
	if (strcmp(out, wanted))
		fail(__FILE__, __LINE__, "it printed '%s'", out);
}

static void run(int (*program)(void))
{
	int out[2], status;

	OK(pipe(out));
	fflush(stdout);
	if (!OK(fork())) {
		dup2(out[1], STDOUT_FILENO);
		exit(program() ? 1 : 0);
	}
	close(out[1]);
	expect(out[0], "received value 1234\n");
	OK(wait(&status));
	CHECK_EQ(status, 0);
	close(out[0]);
}

static int example(void)
{
	execl("/bin/tutorial", "tutorial", NULL);
	return -1;
}

int main(void)
{
	run(tutorial);
	run(example);
	return 0;
}
