// SPDX-License-Identifier: MIT
/*
 * Measures the costs of ksig and of the alternatives to ksig in instructions. The program must
 * run in a virtual machine whose clock and TSC tick once per instruction (QEMU's -icount shift=0).
 *
 * Prints lines of three fields, separated by tabs: the name of the measurement, the result, and
 * the limit ("-" if there is no limit).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "ktest.h"

#define RECORD		64	/* size of the channel's records in bytes */
#define ROUNDS		201	/* number of rounds for a median */
#define WARM_UP		20
#define SUBSCRIBERS	10000

static int device;		/* /dev/ksig-bench */
static int channel;		/* /dev/ksig/bench, while a measurement uses it */
static int epoll, efd, sfd;
static struct ring ring;
static char buffer[64 * RECORD];
static volatile unsigned int handled;

__attribute__((format(printf, 3, 4)))
static void show(double number, double most, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\t%.3f\t", number);
	if (most > 0)
		printf("%.10g\n", most);
	else
		printf("-\n");
	fflush(stdout);
}

/* ------------------------------------------------------------------ measuring */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *numbers, size_t n)
{
	qsort(numbers, n, sizeof(*numbers), by_size);
	return numbers[n / 2];
}

static void nothing(void)
{
	__asm__ volatile("");
}

/*
 * Returns the cost of once(), without the cost of before(). Taking the median excludes rounds
 * that a timer interrupt has disturbed.
 */
static double raw_cost(void (*before)(void), void (*once)(void))
{
	double took[ROUNDS];
	uint64_t begin;
	int i;

	for (i = -WARM_UP; i < ROUNDS; i++) {
		before();
		begin = __builtin_ia32_rdtsc();
		once();
		begin = __builtin_ia32_rdtsc() - begin;
		if (i >= 0)
			took[i] = begin;
	}
	return median(took, ROUNDS);
}

static double cost_after(void (*before)(void), void (*once)(void))
{
	return raw_cost(before, once) - raw_cost(nothing, nothing);
}

static double cost(void (*once)(void))
{
	return cost_after(nothing, once);
}

static double raw_cost_in_kernel(unsigned int op, unsigned int n)
{
	struct bench_time t = { .op = op, .n = n };

	OK(ioctl(device, BENCH_IOC_TIME, &t));
	return (double)t.took / n;
}

/*
 * Returns the cost of @op in the kernel, without any system call. Runs @batches batches of @n
 * operations and subtracts the cost of an empty loop. Calls after() after each batch.
 */
static double cost_in_kernel(unsigned int op, unsigned int batches,
			     unsigned int n, void (*after)(void))
{
	double with[64], without[64];
	unsigned int i;

	for (i = 0; i < batches; i++) {
		without[i] = raw_cost_in_kernel(BENCH_NOTHING, n);
		with[i] = raw_cost_in_kernel(op, n);
		after();
	}
	return median(with, batches) - median(without, batches);
}

static void do_now(unsigned int op, unsigned int n)
{
	struct bench_trigger trigger = { .op = op, .n = n };

	CHECK_EQ(write(device, &trigger, sizeof(trigger)), sizeof(trigger));
}

static void do_nothing(void) { do_now(BENCH_NOTHING, 1); }
static void do_emit(void) { do_now(BENCH_EMIT, 1); }
static void do_eventfd(void) { do_now(BENCH_EVENTFD, 1); }
static void do_kfifo(void) { do_now(BENCH_KFIFO, 1); }
static void do_signal(void) { do_now(BENCH_SIGNAL, 1); }
static void do_fasync(void) { do_now(BENCH_FASYNC, 1); }

static double trigger_cost;

/* Returns the cost from the trigger to the receiver, without the cost of the trigger. */
static double way(void (*once)(void))
{
	return cost(once) - trigger_cost;
}

/* ------------------------------------------------------------------ the machine */

/* Executes a thousand instructions. They must take a thousand ticks. */
static void thousand(void)
{
	unsigned int n = 500;

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n));
}

static void calibrate(void)
{
	double ticks = cost(thousand);

	if (ticks < 998 || ticks > 1010)
		fail(__FILE__, __LINE__,
		     "1000 instructions are %.0f ticks: this needs -icount shift=0",
		     ticks);
	trigger_cost = cost(do_nothing);
	show(trigger_cost, 0, "the write that triggers, for itself");
}

/* ------------------------------------------------------------------ subscribers */

static void subscribe(void)
{
	channel = OK(chan_open("bench", O_NONBLOCK));
}

static void unsubscribe(void)
{
	close(channel);
}

static void unheard(void)
{
	show(cost_in_kernel(BENCH_EMIT, 21, 1000, nothing), 10,
	     "emit, no subscriber");
}

static void all_but_one(void)
{
	__atomic_store_n(&ring.consumer->head, ring.producer->tail - 1,
			 __ATOMIC_SEQ_CST);
}

static void arm_doorbell(void)
{
	OK(arm(channel, BENCH_SIGNO, KSIG_MODE_DOORBELL, 0, 0));
}

/*
 * Measures emits to a doorbell subscriber that is awake. The first doorbell is consumed. No
 * further doorbell is sent, because the ring is never empty afterwards.
 */
static void awake_doorbell(void)
{
	struct ksig_stats st;

	subscribe();
	set_queue(channel, 4096);
	ring = ring_map(channel);
	arm_doorbell();
	do_emit();
	take(BENCH_SIGNO);
	show(cost_in_kernel(BENCH_EMIT, 21, 1000, all_but_one), 300,
	     "emit, one mapped doorbell subscriber, awake");
	st = stats_of(channel);
	CHECK_EQ(st.signals, 1);
	CHECK_EQ(st.lost, 0);
	ring_unmap(&ring);
	unsubscribe();
}

static double cost_with(int *fds, unsigned int n)
{
	double emit;
	unsigned int i;

	for (i = 0; i < n; i++)
		fds[i] = OK(chan_open("bench", O_NONBLOCK));
	/* the events of this measurement fit in a queue of the default length */
	emit = cost_in_kernel(BENCH_EMIT, 11, 20, nothing);
	CHECK_EQ(stats_of(fds[n - 1]).lost, 0);
	show(emit, 0, "emit, %u subscriber%s", n, n > 1 ? "s" : "");
	for (i = 0; i < n; i++)
		close(fds[i]);
	sleep(1);	/* wait until the memory of the subscriptions is freed */
	return emit;
}

static void many_subscribers(void)
{
	/* the emitter serves 32 subscribers, and a worker serves the rest */
	static const unsigned int steps[] = { 10, 32, 100, SUBSCRIBERS };
	struct rlimit files = { SUBSCRIBERS + 64, SUBSCRIBERS + 64 };
	int *fds = calloc(SUBSCRIBERS, sizeof(*fds));
	double one, two, all[4];
	size_t i;

	CHECK(fds);
	OK(setrlimit(RLIMIT_NOFILE, &files));
	one = cost_with(fds, 1);
	two = cost_with(fds, 2);
	for (i = 0; i < 4; i++)
		all[i] = cost_with(fds, steps[i]);
	show(two - one, 200, "the second subscriber");
	for (i = 0; i < 2; i++)
		show((all[i] - two) / (steps[i] - 2), 200,
		     "each further subscriber, 2 to %u", steps[i]);
	show(all[3] / all[1], 1.1, "ratio: %d subscribers to 32", SUBSCRIBERS);
	free(fds);
}

/* ------------------------------------------------------------------ descriptors */

static void read_one(int fd, size_t size)
{
	CHECK_EQ(read(fd, buffer, size), size);
}

static void fill_64(void) { do_now(BENCH_EMIT, 64); }
static void read_64(void) { read_one(channel, 64 * RECORD); }

static void read_many(void)
{
	subscribe();
	show(cost_after(fill_64, read_64) / 64, 100,
	     "read of 64 records at once, each");
	unsubscribe();
}

static void watch(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	epoll = OK(epoll_create1(EPOLL_CLOEXEC));
	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev));
}

static void wait_epoll(void)
{
	struct epoll_event ev;

	CHECK_EQ(epoll_wait(epoll, &ev, 1, -1), 1);
}

static void emit_read(void)
{
	do_emit();
	read_one(channel, RECORD);
}

static void efd_read(void)
{
	do_eventfd();
	read_one(efd, 8);
}

static void kfifo_read(void)
{
	do_kfifo();
	read_one(device, RECORD);
}

static void emit_epoll_read(void)
{
	do_emit();
	wait_epoll();
	read_one(channel, RECORD);
}

static void efd_epoll_read(void)
{
	do_eventfd();
	wait_epoll();
	read_one(efd, 8);
}

static void kfifo_epoll_read(void)
{
	do_kfifo();
	wait_epoll();
	read_one(device, RECORD);
}

static double epoll_way(int fd, void (*once)(void))
{
	double ret;

	watch(fd);
	ret = way(once);
	close(epoll);
	return ret;
}

static void descriptors(void)
{
	double ours, theirs;

	subscribe();
	efd = OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	OK(ioctl(device, BENCH_IOC_EVENTFD, efd));

	show(way(emit_read), 0, "ksig: emit + read");
	show(way(efd_read), 0, "eventfd_signal + read (8 bytes)");
	show(way(kfifo_read), 0, "kfifo char device + read");

	ours = epoll_way(channel, emit_epoll_read);
	theirs = epoll_way(efd, efd_epoll_read);
	show(ours, 0, "ksig: emit + epoll_wait + read");
	show(theirs, 0, "eventfd_signal + epoll_wait + read (8 bytes)");
	show(epoll_way(device, kfifo_epoll_read), 0,
	     "kfifo char device + epoll_wait + read");
	show(ours / theirs, 1.15, "ratio: ksig to eventfd, epoll_wait + read");
	close(efd);
	unsubscribe();
}

/* ------------------------------------------------------------------------- ring */

/* Consumes all records, as described in uapi.h. */
static void consume(void)
{
	uint32_t head = ring.consumer->head, tail;

	for (;;) {
		tail = __atomic_load_n(&ring.producer->tail, __ATOMIC_ACQUIRE);
		if (head == tail)
			return;
		for (; head != tail; head++)
			memcpy(buffer, ring.records +
			       head % ring.producer->len * RECORD, RECORD);
		__atomic_store_n(&ring.consumer->head, head, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
}

static void emit_consume(void)
{
	do_emit();
	consume();
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	handled++;
}

static void on_doorbell(int signo, siginfo_t *info, void *context)
{
	on_signal(signo, info, context);
	consume();
}

static void unblock(void)
{
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
}

static void mapped(void)
{
	unsigned int before;

	subscribe();
	ring = ring_map(channel);
	show(way(emit_consume), 0, "ksig: emit + a look at the ring");
	arm_doorbell();
	handle(BENCH_SIGNO, on_doorbell, 0);
	unblock();
	before = handled;
	show(way(do_emit), 0, "ksig: emit + doorbell + handler that reads the ring");
	CHECK_EQ(handled - before, ROUNDS + WARM_UP);
	block(BENCH_SIGNO);
	ring_unmap(&ring);
	unsubscribe();
}

/* ---------------------------------------------------------------------- signals */

static void take_one(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, BENCH_SIGNO);
	CHECK_EQ(sigwaitinfo(&set, NULL), BENCH_SIGNO);
}

static void emit_take(void)
{
	do_emit();
	take_one();
}

static void signal_take(void)
{
	do_signal();
	take_one();
}

static void emit_signalfd(void)
{
	do_emit();
	read_one(sfd, sizeof(struct signalfd_siginfo));
}

static void signal_signalfd(void)
{
	do_signal();
	read_one(sfd, sizeof(struct signalfd_siginfo));
}

/* Like way(), but checks that the handler ran in every round. */
static double handler_way(void (*once)(void))
{
	unsigned int before = handled;
	double ret = way(once);

	CHECK_EQ(handled - before, ROUNDS + WARM_UP);
	return ret;
}

static void handlers(void)
{
	double ours, theirs;

	handle(BENCH_SIGNO, on_signal, 0);
	unblock();
	ours = handler_way(do_emit);
	theirs = handler_way(do_signal);
	block(BENCH_SIGNO);
	show(ours, 0, "ksig: EACH + handler");
	show(theirs, 0, "send_sig_info + handler");
	show(ours / theirs, 1.10, "ratio: ksig to send_sig_info, handler");
}

static void by_fasync(void)
{
	handle(SIGIO, on_signal, 0);
	OK(fcntl(device, F_SETOWN, getpid()));
	OK(fcntl(device, F_SETFL, O_NONBLOCK | O_ASYNC));
	show(handler_way(do_fasync), 0, "kill_fasync + handler (no value)");
	OK(fcntl(device, F_SETFL, O_NONBLOCK));
}

static void signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, BENCH_SIGNO);
	sfd = OK(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	subscribe();
	OK(ioctl(device, BENCH_IOC_ME));
	OK(arm(channel, BENCH_SIGNO, KSIG_MODE_EACH, 0, 0));

	show(way(emit_take), 0, "ksig: EACH + sigwaitinfo");
	show(way(signal_take), 0, "send_sig_info + sigwaitinfo");
	show(way(emit_signalfd), 0, "ksig: EACH + signalfd read");
	show(way(signal_signalfd), 0, "send_sig_info + signalfd read");
	handlers();
	by_fasync();
	unsubscribe();
	close(sfd);
}

#define OTHER_SIGNO 45
#define OTHERS 2000

/*
 * Measures an emit to a receiver that accepts no signals and has many other signals pending.
 * Each check of the receiver's pending signals scans all of them. The emitter must not bear
 * this cost.
 */
static void stuck(void)
{
	struct rlimit most = { 2 * OTHERS, 2 * OTHERS };
	sigset_t set;
	double emit;
	int i;

	OK(setrlimit(RLIMIT_SIGPENDING, &most));
	block(OTHER_SIGNO);
	for (i = 0; i < OTHERS; i++)
		CHECK_EQ(syscall(SYS_tkill, getpid(), OTHER_SIGNO), 0);
	subscribe();
	OK(arm(channel, BENCH_SIGNO, KSIG_MODE_EACH, 0, 0));
	do_now(BENCH_EMIT, 34);
	while (stats_of(channel).signals < 32)
		sched_yield();
	emit = cost_in_kernel(BENCH_EMIT, 11, 20, nothing);
	CHECK_EQ(stats_of(channel).signals, 32);
	CHECK_EQ(stats_of(channel).lost, 0);
	show(emit, 0, "emit, one stuck EACH receiver, %d other signals there",
	     OTHERS);
	unsubscribe();
	sigemptyset(&set);
	sigaddset(&set, OTHER_SIGNO);
	sigaddset(&set, BENCH_SIGNO);
	while (sigtimedwait(&set, NULL, &(struct timespec) { }) > 0)
		;
}

/* Measures the emitter's cost when each of many subscriptions sends a signal. */
#define SIGNALLED 500

static int signalled[SIGNALLED];

/* Consumes signals until the worker has sent all of them. */
static void take_signals(void)
{
	struct timespec soon = { .tv_nsec = 20000000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, BENCH_SIGNO);
	while (sigtimedwait(&set, NULL, &soon) > 0)
		;
}

static void many_signals(void)
{
	struct rlimit files = { 4096, 4096 };
	struct ksig_arm a = {
		.signo = BENCH_SIGNO, .max_pending = KSIG_PENDING_MAX,
	};
	int i;

	OK(setrlimit(RLIMIT_NOFILE, &files));
	block(BENCH_SIGNO);
	for (i = 0; i < SIGNALLED; i++) {
		signalled[i] = OK(chan_open("bench", O_NONBLOCK));
		OK(ioctl(signalled[i], KSIG_IOC_ARM, &a));
	}
	show(cost_in_kernel(BENCH_EMIT, 11, 1, take_signals), 30000,
	     "emit, %d subscribers that each send a signal", SIGNALLED);
	take_signals();
	for (i = 0; i < SIGNALLED; i++)
		close(signalled[i]);
}

/*
 * Measures how much a program that only computes is slowed down, in per cent, by many stuck
 * subscriptions with the same target. There is only one cpu, so the result includes all work of
 * the kernel.
 */
#define STUCK 500
#define STUCK_THREADS 1500
#define SPINS 1000000000

static double spin(void)
{
	uint64_t begin = __builtin_ia32_rdtsc();
	long i;

	for (i = 0; i < SPINS; i++)
		asm volatile("");
	return __builtin_ia32_rdtsc() - begin;
}

enum stuck_how { NO_ROOM, NO_ROOM_BEHIND_OTHERS, NOT_READY };

static void *sleep_on(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void start_threads(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (i = 0; i < STUCK_THREADS; i++)
		CHECK_EQ(pthread_create(&thread, &attr, sleep_on, NULL), 0);
}

static void stuck_child(struct child *self, void *arg)
{
	struct rlimit signals = { 8000, 8000 }, files = { 4096, 4096 };
	struct ksig_arm a = { .signo = BENCH_SIGNO };
	enum stuck_how how = *(enum stuck_how *)arg;
	int i, fd;

	OK(setrlimit(RLIMIT_SIGPENDING, &signals));
	OK(setrlimit(RLIMIT_NOFILE, &files));
	/* remove the handler of earlier measurements, which would make the process ready */
	signal(BENCH_SIGNO, SIG_DFL);
	block(OTHER_SIGNO);
	block(BENCH_SIGNO);
	for (i = 0; i < OTHERS && how == NO_ROOM_BEHIND_OTHERS; i++)
		CHECK_EQ(syscall(SYS_tkill, getpid(), OTHER_SIGNO), 0);
	if (how == NO_ROOM_BEHIND_OTHERS)
		a.max_pending = KSIG_PENDING_MAX;
	if (how == NOT_READY) {
		start_threads();
		unblock();
		a.mode = KSIG_MODE_DOORBELL;
		a.flags = KSIG_ARM_PROCESS;
	}
	for (i = 0; i < STUCK; i++) {
		fd = OK(chan_open("bench", O_NONBLOCK));
		set_queue(fd, 64);
		OK(ioctl(fd, KSIG_IOC_ARM, &a));
	}
	child_say(self);
	child_wait_go(self);
}

static void many_stuck(enum stuck_how how, const char *what)
{
	double alone, beside;
	struct child c;

	/* let the kernel clean up after earlier measurements; see also KSIG_LINGER */
	sleep(3);
	alone = spin();
	c = child_start(stuck_child, &how);
	child_hear(&c);
	do_now(BENCH_EMIT, 40);
	/* wait until each subscription is checked only once per second */
	sleep(3);
	beside = spin();
	show(100 * (beside - alone) / alone, 1,
	     "%d stuck, %s: per cent of the cpu", STUCK, what);
	child_go(&c);
	child_join(&c);
}

static void stuck_subscriptions(void)
{
	many_stuck(NO_ROOM, "no room");
	many_stuck(NO_ROOM_BEHIND_OTHERS, "behind 2000 others");
	many_stuck(NOT_READY, "1500 threads not ready");
}

/* ------------------------------------------------------------------------ burst */

#define BURST 1000

/* Consumes all records after each signal, until no more signals arrive. */
static void sleeper(struct child *self, void *arg)
{
	struct timespec limit = { .tv_nsec = 200000000 };
	int signals = 0;
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, BENCH_SIGNO);
	subscribe();
	set_queue(channel, 1024);
	ring = ring_map(channel);
	arm_doorbell();
	child_say(self);
	while (sigtimedwait(&set, NULL, signals ? &limit : NULL) > 0) {
		signals++;
		consume();
	}
	CHECK_EQ(ring.consumer->head, BURST);
	CHECK_EQ(stats_of(channel).lost, 0);
	CHECK_EQ(stats_of(channel).signals, signals);
	show(signals, 1, "signals for a burst of %d to a sleeping doorbell reader",
	     BURST);
}

static void burst(void)
{
	struct child c = child_start(sleeper, NULL);

	child_hear(&c);
	wait_state(c.pid, 'S');
	do_now(BENCH_EMIT, BURST);
	child_join(&c);
}

/* -------------------------------------------------------------- an interrupt */

static volatile uint64_t heard;

static void on_time(int signo, siginfo_t *info, void *context)
{
	heard = __builtin_ia32_rdtsc();
	on_signal(signo, info, context);
}

/*
 * Returns the cost from the card's interrupt handler, which sends the notification, to the
 * receiver. The cost includes the return from the interrupt and from the system call that
 * raised the interrupt.
 */
static double interrupt_way(unsigned int op, void (*receive)(void))
{
	double took[ROUNDS];
	uint64_t began;
	int i;

	for (i = -WARM_UP; i < ROUNDS; i++) {
		OK(ioctl(device, BENCH_IOC_INTERRUPT, op));
		receive();
		OK(ioctl(device, BENCH_IOC_BEGAN, &began));
		if (i >= 0)
			took[i] = heard - began;
	}
	return median(took, ROUNDS);
}

static void receive_eventfd(void)
{
	read_one(efd, 8);
	heard = __builtin_ia32_rdtsc();
}

static void interrupts(void)
{
	double ours, theirs;

	if (ioctl(device, BENCH_IOC_INTERRUPT, BENCH_NOTHING)) {
		printf("# no edu card: nothing measured from its interrupt\n");
		return;
	}
	handle(BENCH_SIGNO, on_time, 0);
	subscribe();
	OK(ioctl(device, BENCH_IOC_ME));
	OK(arm(channel, BENCH_SIGNO, KSIG_MODE_EACH, 0, 0));
	unblock();
	ours = interrupt_way(BENCH_EMIT, nothing);
	unsubscribe();
	theirs = interrupt_way(BENCH_SIGNAL, nothing);
	block(BENCH_SIGNO);
	efd = OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	OK(ioctl(device, BENCH_IOC_EVENTFD, efd));
	show(ours, 0, "edu's interrupt: ksig_emit to handler");
	show(theirs, 0, "edu's interrupt: send_sig_info to handler");
	show(interrupt_way(BENCH_EVENTFD, receive_eventfd), 0,
	     "edu's interrupt: eventfd_signal to read (8 bytes)");
	show(ours / theirs, 0, "ratio: ksig to send_sig_info, from an interrupt");
	close(efd);
}

/* ------------------------------------------------------------------- a process */

static void fork_wait(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static double fork_cost(void)
{
	return cost(fork_wait);
}

static void load(const char *module)
{
	char command[64];

	snprintf(command, sizeof(command), "insmod /ksig/%s.ko", module);
	CHECK_EQ(system(command), 0);
}

/* Measures fork, exit and wait before and after the modules are loaded, and with a subscriber. */
static void processes(void)
{
	double without, with, heard_of;
	int fd;

	without = fork_cost();
	load("ksig");
	load("ksig_bench");
	with = fork_cost();
	fd = OK(chan_open("process", O_NONBLOCK));
	heard_of = fork_cost();
	CHECK(stats_of(fd).offered >= 2 * ROUNDS);
	check_identity(fd);
	close(fd);
	show(without, 0, "fork + exit + wait, ksig.ko not loaded");
	show(with, 0, "fork + exit + wait, loaded, no subscriber");
	show(heard_of, 0, "fork + exit + wait, one subscriber of process");
	show(with / without, 1.02, "ratio: loaded to not loaded");
	show((heard_of - with) / 2, 0, "a process event: hook, emit, one subscriber");
}

int main(void)
{
	processes();
	device = OK(open("/dev/ksig-bench", O_RDWR | O_CLOEXEC | O_NONBLOCK));
	block(BENCH_SIGNO);
	calibrate();
	unheard();
	awake_doorbell();
	read_many();
	descriptors();
	mapped();
	signals();
	stuck();
	many_signals();
	stuck_subscriptions();
	burst();
	interrupts();
	many_subscribers();
	return 0;
}
