// SPDX-License-Identifier: MIT
/*
 * The tutorial's program: request signal 44 from the kernel and print its value.
 * The kernel sends the signal during write(). So the handler has already run when write()
 * returns, and the program does not have to wait.
 *
 * A handler may call only the functions listed in signal-safety(7). printf() is not one of them,
 * so main() prints the value.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIG_TEST 44

static volatile sig_atomic_t received, value;

static void receive(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	value = info->si_int;
	received = 1;
}

int main(void)
{
	struct sigaction action = {
		.sa_sigaction = receive,
		.sa_flags = SA_SIGINFO,
	};
	char buf[12];
	int fd;

	sigaction(SIG_TEST, &action, NULL);

	fd = open("/sys/kernel/debug/signalconfpid", O_WRONLY);
	if (fd < 0) {
		perror("/sys/kernel/debug/signalconfpid");
		return 1;
	}
	sprintf(buf, "%i", getpid());
	if (write(fd, buf, strlen(buf) + 1) < 0) {
		perror("write");
		return 1;
	}
	if (!received)
		return 1;
	printf("received value %i\n", value);
	return 0;
}
