// SPDX-License-Identifier: MIT
/*
 * Promise 1 for subscriptions through the library: with each provider, an event's value reaches all
 * four kinds of receivers. When run with the argument "receive", this program is the fourth
 * receiver. It is also built as a 32-bit program.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "source.h"

/* descriptors of the receiver's pipes */
#define FROM 3
#define TO 4

static siginfo_t got;
static int calls, by_others;
static pid_t target;

static int read_now(const int *number)
{
	return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	if (read_now(&target) && gettid() != read_now(&target))
		__atomic_add_fetch(&by_others, 1, __ATOMIC_RELEASE);
	else
		got = *info;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELEASE);
}

/*
 * Returns the part of the value that is visible: a 32-bit program sees only the lower half in
 * si_value, but the whole value in a signalfd.
 */
static uint64_t seen(const siginfo_t *info, uint64_t value)
{
	return sizeof(long) == 4 && info->si_code == SI_QUEUE ?
	       (uint32_t)value : value;
}

static void check_info(const siginfo_t *info, uint64_t value, uint32_t flags)
{
	CHECK_EQ(info->si_errno, 0);
	CHECK_EQ(ksig_siginfo_value(info), seen(info, value));
	if (flags && !source_relays()) {
		CHECK_EQ(info->si_code, SI_ASYNCIO);
		return;
	}
	/* without the module, this process is the sender */
	CHECK_EQ(info->si_code, SI_QUEUE);
	CHECK_EQ(info->si_pid, source_relays() ? getpid() : 0);
	CHECK_EQ(info->si_uid, source_relays() ? getuid() : 0);
}

static void test_receivers(uint32_t flags)
{
	struct ksig_sub *sub = subscribe(0);
	struct signalfd_siginfo sinfo;
	uint64_t value;
	siginfo_t info;
	sigset_t set;
	int sfd;

	calls = 0;
	unblock_all();
	handle(SIG, handler, SA_RESTART);
	CHECK_EQ(arm_each(sub, 0, flags), 0);
	value = produce_one(VALUE);
	UNTIL(read_now(&calls));
	check_info(&got, value, flags);

	block(SIG);
	value = produce_one(VALUE);
	info = take(SIG);
	check_info(&info, value, flags);

	sigemptyset(&set);
	sigaddset(&set, SIG);
	sfd = OK(signalfd(-1, &set, 0));
	value = produce_one(VALUE);
	CHECK_EQ(read(sfd, &sinfo, sizeof(sinfo)), sizeof(sinfo));
	CHECK_EQ(ksig_signalfd_value(&sinfo), value);
	CHECK_EQ(settled(sub, 3).delivered, 3);
	CHECK_EQ(sub_stats(sub).signals, 3);
	CHECK_EQ(calls, 1);
	signal(SIG, SIG_DFL);
	close(sfd);
	ksig_sub_close(sub);
}

static void *waits(void *arg)
{
	(void)arg;
	__atomic_store_n(&target, gettid(), __ATOMIC_RELEASE);
	UNTIL(read_now(&calls) >= 20);
	return NULL;
}

/*
 * Check that a thread-directed signal is not accepted by another thread that waits for the same
 * signal.
 */
static void test_no_bystander(void)
{
	struct ksig_sub *sub = subscribe(0);
	pthread_t thread;
	int i;

	calls = 0;
	unblock_all();
	handle(SIG, handler, SA_RESTART);
	CHECK_EQ(pthread_create(&thread, NULL, waits, NULL), 0);
	UNTIL(read_now(&target));
	CHECK_EQ(arm_each(sub, target, 0), 0);
	/* emit the events one at a time because TSan merges signals that arrive together */
	for (i = 1; i <= 20; i++) {
		produce_one(i);
		UNTIL(read_now(&calls) == i);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(by_others, 0);
	target = 0;
	ksig_sub_close(sub);
	block(SIG);
	signal(SIG, SIG_DFL);
}

/* Check that KSIG_ARM_SUBJECT packs the subject and the value into one signal value. */
static void test_subject(void)
{
	struct ksig_sub *sub = subscribe(0);
	uint64_t value, subject = source_relays() ? source.producer.pid : 0;
	siginfo_t info;

	CHECK_EQ(arm_each(sub, 0, KSIG_ARM_SUBJECT | KSIG_ARM_PROCESS), 0);
	value = produce_one(VALUE);
	info = take(SIG);
	CHECK_EQ(ksig_siginfo_value(&info),
		 seen(&info, subject << 32 | (uint32_t)value));
	ksig_sub_close(sub);
}

static void exits(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
}

/* Check that after all events, end-of-file is reported by a signal with a negative error code. */
static void test_end(void)
{
	struct child c = child_start(exits, NULL);
	struct ksig_sub *sub;
	siginfo_t info;
	char name[64];

	snprintf(name, sizeof(name), "process.exit:pid=%d", c.pid);
	sub = sub_open(name, NULL);
	CHECK_EQ(arm_each(sub, 0, 0), 0);
	child_go(&c);
	child_join(&c);
	info = take(SIG);
	CHECK_EQ(info.si_errno, 0);
	info = take(SIG);
	CHECK_EQ(info.si_errno, -ESHUTDOWN);
	UNTIL(sub_stats(sub).flags & KSIG_STATS_HUP);
	CHECK(nothing_to_take(SIG));
	CHECK_EQ(sub_stats(sub).offered, 1);
	CHECK_EQ(sub_stats(sub).signals, 2);
	ksig_sub_close(sub);
}

/* ------------------------------------------------------- a separate program */

static void report(uint64_t value)
{
	CHECK_EQ(write(TO, &value, sizeof(value)), sizeof(value));
}

static int receive(void)
{
	struct child self = { getpid(), TO, FROM };
	struct signalfd_siginfo sinfo;
	siginfo_t info;
	sigset_t set;
	int sfd;

	handle(SIG, handler, SA_RESTART);
	unblock_all();
	child_say(&self);
	UNTIL(read_now(&calls));
	report(ksig_siginfo_value(&got));
	block(SIG);
	child_say(&self);
	info = take(SIG);
	report(ksig_siginfo_value(&info));
	sigemptyset(&set);
	sigaddset(&set, SIG);
	sfd = OK(signalfd(-1, &set, 0));
	CHECK_EQ(read(sfd, &sinfo, sizeof(sinfo)), sizeof(sinfo));
	report(ksig_signalfd_value(&sinfo));
	child_wait_go(&self);
	return 0;
}

static void exec_receiver(struct child *self, void *arg)
{
	int from = OK(fcntl(self->from, F_DUPFD, 10)),
	    to = OK(fcntl(self->to, F_DUPFD, 10));

	OK(dup2(from, FROM));
	OK(dup2(to, TO));
	close(from);
	close(to);
	execl(arg, arg, "receive", NULL);
	/* not every kernel runs 32-bit programs, and not every test is built as a 32-bit program */
	if (errno != ENOEXEC && errno != ENOENT)
		fail(__FILE__, __LINE__, "%s: %m", (const char *)arg);
	printf(": not received by %s: %m\n", (const char *)arg);
}

static void expect(const struct child *c, uint64_t value)
{
	uint64_t seen;

	CHECK_EQ(read(c->from, &seen, sizeof(seen)), sizeof(seen));
	CHECK_EQ(seen, value);
}

/* @mask: the bits of the value that fit in a pointer of the receiving program */
static void test_program(const char *suffix, uint64_t mask)
{
	struct ksig_sub *sub = subscribe(0);
	char path[256] = "";
	struct child c;
	char byte;

	CHECK(readlink("/proc/self/exe", path, sizeof(path) - 8) > 0);
	strcat(path, suffix);
	c = child_start(exec_receiver, path);
	if (read(c.from, &byte, 1) != 1) {
		child_join(&c);
		ksig_sub_close(sub);
		return;
	}
	CHECK_EQ(arm_each(sub, c.pid, 0), 0);
	expect(&c, produce_one(VALUE) & mask);
	child_hear(&c);
	expect(&c, produce_one(VALUE) & mask);
	/* in any program, a signalfd contains the whole value */
	expect(&c, produce_one(VALUE));
	CHECK_EQ(settled(sub, 3).delivered, 3);
	child_go(&c);
	child_join(&c);
	ksig_sub_close(sub);
}

static void test_all(void)
{
	test_receivers(0);
	test_receivers(KSIG_ARM_PROCESS);
	test_no_bystander();
	test_subject();
	if (!strcmp(source.provider, "native"))
		test_end();
	test_program("", ULONG_MAX);
	if (sizeof(long) == 8)
		test_program("-32", UINT32_MAX);
}

int main(int argc, char **argv)
{
	(void)argv;
	return argc > 1 ? receive() : run_each_source(test_all);
}
