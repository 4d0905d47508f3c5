// SPDX-License-Identifier: MIT
/*
 * Promise 1: a value reaches all four kinds of receivers. This test is built both as a 64-bit and
 * as a 32-bit program.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ktest.h"

static volatile siginfo_t got;
static volatile sig_atomic_t calls;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)context;
	CHECK_EQ(signo, SIG);
	got = *info;
	calls++;
}

static void check_kernel_is_sender(const siginfo_t *info)
{
	CHECK_EQ(info->si_signo, SIG);
	CHECK_EQ(info->si_code, SI_QUEUE);
	CHECK_EQ(info->si_pid, 0);
	CHECK_EQ(info->si_uid, 0);
	CHECK_EQ(info->si_errno, 0);
}

static void to_handler(int fd)
{
	siginfo_t info;

	handle(SIG, handler, 0);
	OK(send_signal(fd, getpid(), SIG, 0, VALUE));
	CHECK_EQ(calls, 1);
	info = got;
	check_kernel_is_sender(&info);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE_HERE);
	CHECK_EQ(info.si_int, (int)VALUE);

	OK(send_signal(fd, getpid(), SIG, KSIG_SEND_PROCESS, VALUE));
	CHECK_EQ(calls, 2);
	info = got;
	CHECK_EQ(info.si_code, SI_ASYNCIO);
	/* the whole value, even in 32-bit handlers */
	CHECK_EQ(ksig_siginfo_value(&info), VALUE);
}

static void to_sigwaitinfo(int fd)
{
	siginfo_t info;

	OK(send_signal(fd, getpid(), SIG, 0, VALUE));
	info = take(SIG);
	check_kernel_is_sender(&info);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE_HERE);

	OK(send_signal(fd, getpid(), SIG, KSIG_SEND_PROCESS, VALUE));
	info = take(SIG);
	CHECK_EQ(info.si_code, SI_ASYNCIO);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE);
}

static void to_signalfd(int fd)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int sfd;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	sfd = OK(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));

	OK(send_signal(fd, getpid(), SIG, 0, VALUE));
	CHECK_EQ(read(sfd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIG);
	CHECK_EQ(info.ssi_code, SI_QUEUE);
	CHECK_EQ(info.ssi_ptr, VALUE);
	CHECK_EQ(info.ssi_int, (int)VALUE);
	CHECK_EQ(ksig_signalfd_value(&info), VALUE);

	OK(send_signal(fd, getpid(), SIG, KSIG_SEND_PROCESS, VALUE));
	CHECK_EQ(read(sfd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_code, SI_ASYNCIO);
	CHECK_EQ(ksig_signalfd_value(&info), VALUE);
	close(sfd);
}

static void *waiter(void *arg)
{
	siginfo_t info;

	*(pid_t *)arg = gettid();
	info = take(SIG);
	CHECK_EQ(info.si_code, SI_ASYNCIO);
	CHECK_EQ(ksig_siginfo_value(&info), VALUE);
	return NULL;
}

/* Sends from a child process, so that the parent's main thread can sleep during the send. */
static void send_to_parent(struct child *self, void *arg)
{
	child_wait_go(self);
	OK(send_signal(*(int *)arg, getppid(), SIG, KSIG_SEND_PROCESS, VALUE));
}

static void to_waiting_thread(int fd)
{
	struct child sender = child_start(send_to_parent, &fd);
	volatile pid_t tid = 0;
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, waiter, (void *)&tid), 0);
	UNTIL(tid);
	wait_state(tid, 'S');
	child_go(&sender);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	child_join(&sender);
}

int main(void)
{
	int fd = control_open();

	to_handler(fd);
	block(SIG);
	to_sigwaitinfo(fd);
	to_signalfd(fd);
	signal(SIG, SIG_DFL);
	to_waiting_thread(fd);
	CHECK(nothing_to_take(SIG));
	return 0;
}
