// SPDX-License-Identifier: MIT
/*
 * Promises 1 and 4 for channels: an event's value reaches a handler, sigtimedwait(2) and a
 * signalfd, and the signal doesn't kill a process that is not ready for it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ktest.h"

static siginfo_t got;
static volatile sig_atomic_t calls;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	got = *info;
	calls++;
}

static void check_info(const siginfo_t *info, uint32_t flags)
{
	CHECK_EQ(info->si_errno, 0);
	if (flags & KSIG_ARM_PROCESS) {
		CHECK_EQ(info->si_code, SI_ASYNCIO);
		CHECK_EQ(ksig_siginfo_value(info), VALUE);
		return;
	}
	CHECK_EQ(info->si_code, SI_QUEUE);
	CHECK_EQ(info->si_pid, 0);
	CHECK_EQ(info->si_uid, 0);
	CHECK_EQ(ksig_siginfo_value(info), VALUE_HERE);
}

static void test_receivers(uint32_t flags)
{
	struct signalfd_siginfo sinfo;
	sigset_t set;
	siginfo_t info;
	int fd = OK(chan_open("test", O_NONBLOCK)), sfd;

	calls = 0;
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	handle(SIG, handler, 0);
	OK(arm(fd, SIG, KSIG_MODE_EACH, flags, 0));
	emit(VALUE);
	CHECK_EQ(calls, 1);
	check_info(&got, flags);

	block(SIG);
	emit(VALUE);
	info = take(SIG);
	check_info(&info, flags);

	sigemptyset(&set);
	sigaddset(&set, SIG);
	sfd = OK(signalfd(-1, &set, SFD_NONBLOCK));
	emit(VALUE);
	CHECK_EQ(read(sfd, &sinfo, sizeof(sinfo)), sizeof(sinfo));
	CHECK_EQ(ksig_signalfd_value(&sinfo), VALUE);
	CHECK_EQ(stats_of(fd).delivered, 3);
	check_identity(fd);
	signal(SIG, SIG_DFL);
	close(sfd);
	close(fd);
}

/* Check that KSIG_ARM_SUBJECT packs the subject and the value into one signal value. */
static void test_subject(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));
	siginfo_t info;

	OK(arm(fd, SIG, KSIG_MODE_EACH, KSIG_ARM_SUBJECT | KSIG_ARM_PROCESS,
	       0));
	emit(VALUE);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE & 0xffffffff);
	close(fd);
}

static void not_ready(struct child *self, void *arg)
{
	int fd = OK(chan_open("test", O_NONBLOCK));

	OK(arm(fd, SIG, KSIG_MODE_EACH, *(uint32_t *)arg, 0));
	emit_many(1, 10);
	CHECK_EQ(stats_of(fd).refused, 10);
	CHECK_EQ(stats_of(fd).signals, 0);
	/* the first signal will reset the handler, so only one signal is sent */
	handle(SIG, handler, SA_RESETHAND);
	block(SIG);
	emit_many(11, 10);
	CHECK_EQ(stats_of(fd).signals, 1);
	CHECK_EQ(stats_of(fd).refused, 19);
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	CHECK_EQ(calls, 1);
	emit_many(21, 10);
	CHECK_EQ(stats_of(fd).refused, 29);
	check_identity(fd);
	child_say(self);
}

static void test_not_ready(uint32_t flags)
{
	struct child c;

	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	calls = 0;
	c = child_start(not_ready, &flags);
	child_hear(&c);
	child_join(&c);
	block(SIG);
}

int main(void)
{
	test_receivers(0);
	test_receivers(KSIG_ARM_PROCESS);
	test_subject();
	test_not_ready(0);
	test_not_ready(KSIG_ARM_PROCESS);
	return 0;
}
