// SPDX-License-Identifier: MIT
/* Promise 10: invalid input fails with a specific error and changes nothing. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

static int control;

/*
 * Checks that signalconfpid rejects @pattern. "@" stands for the pid of this process, which would
 * accept the signal.
 */
static void conf_rejects(const char *pattern)
{
	char line[256], *out = line;

	for (; *pattern; pattern++) {
		if (*pattern == '@')
			out += sprintf(out, "%d", getpid());
		else
			*out++ = *pattern;
	}
	*out = '\0';
	errno = 0;
	if (conf_puts(line) != -1 || errno != EINVAL)
		fail(__FILE__, __LINE__, "'%s': %m, not EINVAL", line);
	CHECK(nothing_to_take(SIG));
}

static void malformed(void)
{
	static const char *const lines[] = {
		"", " ", "\n", "abc", "12abc", "-1", "0", "+@", "0x10", "@a",
		"1234567890123456789012345678901234567890",
		"4294967297", "2147483648",
		"@ ", /* accepted, see well_formed() */
		"@ x", "@ 1x", "@ 0x", "@ -", "@ --1", "@ +1", "@ 0x1g",
		"@ 18446744073709551616", "@ -9223372036854775809",
		"@ 0x10000000000000000", "@ -0x1",
		"@ 1 0", "@ 1 65", "@ 1 -1", "@ 1 x", "@ 1 44x", "@ 1 0x2c",
		"@ 1 4294967340", "@ 1 44 1", "@ 1 44 x", "@\n\n", "\n@",
		"@\n1", "@,1", "@ 1\n44",
	};
	char embedded[32], *large;
	size_t i;
	int n;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strcmp(lines[i], "@ "))
			conf_rejects(lines[i]);
	}

	n = sprintf(embedded, "%d%c1", getpid(), 0);
	FAILS(conf_write(embedded, n), EINVAL);
	n = sprintf(embedded, "%d%c%c", getpid(), 0, 0);
	FAILS(conf_write(embedded, n), EINVAL);

	large = malloc(5000);
	CHECK(large);
	memset(large, ' ', 5000);
	sprintf(large, "%d", getpid());
	large[strlen(large)] = ' ';
	FAILS(conf_write(large, 5000), EINVAL);
	memset(large, '1', 5000);
	FAILS(conf_write(large, 5000), EINVAL);
	free(large);
	CHECK(nothing_to_take(SIG));
}

static void *unmapped(void)
{
	void *page = OK(mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	OK(munmap(page, 4096));
	return page;
}

static void bad_buffer(void)
{
	void *nowhere = unmapped();

	FAILS(conf_write(nowhere, 5), EFAULT);
	FAILS(ioctl(control, KSIG_IOC_SEND, nowhere), EFAULT);
	FAILS(ioctl(control, KSIG_IOC_INFO, nowhere), EFAULT);
}

static void takes(const char *format, uint64_t value)
{
	char line[64];
	siginfo_t info;

	snprintf(line, sizeof(line), format, getpid());
	OK(conf_puts(line));
	info = take(SIG);
	CHECK_EQ(info.si_code, SI_QUEUE);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(ksig_siginfo_value(&info), (uint64_t)(unsigned long)value);
}

static void well_formed(void)
{
	char line[16];
	int n;

	takes("%d", 1234);
	takes("%d ", 1234);
	takes(" %d\n", 1234);
	takes("%d 7", 7);
	takes("%d\t-1 44\n", -1);
	takes("%d  0x1122334455667788", VALUE);
	takes("%d 0XFFFFFFFFFFFFFFFF", -1);
	takes("%d 18446744073709551615 44", -1);
	takes("%d -9223372036854775808", 1ULL << 63);
	n = sprintf(line, "%d\n", getpid());
	OK(conf_write(line, n + 1));
	take(SIG);
	block(SIGUSR1);
	snprintf(line, sizeof(line), "%d 5 10", getpid());
	OK(conf_puts(line));
	take(SIGUSR1);
}

static void bad_ioctl(void)
{
	struct ksig_send good = { .pid = getpid(), .signo = SIG }, bad;
	struct ksig_info info;
	unsigned int nr;

#define REJECTED(field, bad_value) do { \
	bad = good; \
	bad.field = (bad_value); \
	FAILS(ioctl(control, KSIG_IOC_SEND, &bad), EINVAL); \
} while (0)
	for (nr = 1; nr < 32; nr++)
		REJECTED(flags, 1U << nr);
	REJECTED(flags, ~0U);
	REJECTED(reserved, 1);
	REJECTED(reserved, 1U << 31);
	REJECTED(signo, 0);
	REJECTED(signo, -1);
	REJECTED(signo, 65);
	REJECTED(signo, INT_MIN);
	REJECTED(signo, INT_MAX);
	REJECTED(pid, 0);
	REJECTED(pid, -1);
	REJECTED(pid, -getpid());
	REJECTED(pid, INT_MIN);

	for (nr = 0; nr < 256; nr++) {
		if (nr != _IOC_NR(KSIG_IOC_INFO))
			FAILS(ioctl(control, _IOR(0xBE, nr, info), &info),
			      ENOTTY);
		if (nr != _IOC_NR(KSIG_IOC_SEND))
			FAILS(ioctl(control, _IOW(0xBE, nr, good), &good),
			      ENOTTY);
		FAILS(ioctl(control, _IO(0xBE, nr), &good), ENOTTY);
	}
	FAILS(ioctl(control, 0x5401 /* TCGETS */, &info), ENOTTY);
	CHECK(nothing_to_take(SIG));

	memset(&info, 0xff, sizeof(info));
	OK(ioctl(control, KSIG_IOC_INFO, &info));
	CHECK_EQ(info.abi, KSIG_ABI);
	CHECK_EQ(info.features, 0);
	CHECK_EQ(info.event_size, 0);
	CHECK_EQ(info.queue_len, 0);
	CHECK_EQ(info.max_queue_len, 0);
	CHECK_EQ(info.flags, 0);
	CHECK(!strcmp(info.channel, "control"));
}

/*
 * Checks that a write to signalconfpid, SEND to a thread and SEND to a process all fail with errno
 * @err.
 */
static void refused(pid_t pid, int err)
{
	char line[32];

	snprintf(line, sizeof(line), "%d", pid);
	FAILS(conf_puts(line), err);
	FAILS(send_signal(control, pid, SIG, 0, 1), err);
	FAILS(send_signal(control, pid, SIG, KSIG_SEND_PROCESS, 1), err);
}

static void sleeper(struct child *self, void *arg)
{
	if (arg)
		signal(SIG, SIG_IGN);
	child_say(self);
	child_wait_go(self);
}

static void unwilling(void)
{
	struct child plain = child_start(sleeper, NULL);
	struct child ignores = child_start(sleeper, &ignores);

	refused(2, ECONNREFUSED);	/* kthreadd */
	refused(1, ECONNREFUSED);
	child_hear(&plain);
	refused(plain.pid, ECONNREFUSED);
	CHECK(child_lives(&plain));
	child_go(&plain);
	child_join(&plain);
	refused(plain.pid, ESRCH);

	child_hear(&ignores);
	refused(ignores.pid, ECONNREFUSED);
	CHECK(child_lives(&ignores));
	child_kill(&ignores);
	refused(INT_MAX, ESRCH);
}

static void zombie(void)
{
	struct child c = child_start(sleeper, NULL);
	siginfo_t info;

	child_hear(&c);
	child_go(&c);
	OK(waitid(P_PID, c.pid, &info, WEXITED | WNOWAIT));
	refused(c.pid, ESRCH);
	child_join(&c);
}

static void full_queue(struct child *self, void *arg)
{
	struct rlimit limit = { 20, 20 };
	int sent = 0;

	(void)self;
	(void)arg;
	OK(setrlimit(RLIMIT_SIGPENDING, &limit));
	while (sent < 100 && !send_signal(control, getpid(), SIG, 0, sent))
		sent++;
	CHECK(sent > 0 && sent <= 20);
	refused(getpid(), EAGAIN);
	while (!nothing_to_take(SIG))
		sent--;
	CHECK_EQ(sent, 0);
}

int main(void)
{
	struct child c;

	control = control_open();
	block(SIG);
	malformed();
	well_formed();
	bad_buffer();
	bad_ioctl();
	c = child_start(full_queue, NULL);
	child_join(&c);
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	unwilling();
	zombie();
	return 0;
}
