// SPDX-License-Identifier: MIT
/*
 * Check fork, exec and exit events of real processes. Each event must be reported once, threads
 * must not be reported, and the exit status must be the one that wait(2) returns.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define THREADS 4

static int open_process(void)
{
	int fd = OK(chan_open("process", O_NONBLOCK));

	set_queue(fd, 4096);
	return fd;
}

/*
 * Returns true if the event is about kthreadd (pid 2) or one of its children. The kernel may create
 * such threads at any time, so the tests ignore their events.
 */
static bool is_kernels(const union record *r)
{
	return r->ev.subject == 2 || r->process.parent == 2;
}

/* Returns the next event, which must be of type @type and about process @pid. */
static union record expect_of(int fd, uint32_t type, pid_t pid)
{
	union record r;

	do {
		if (!next_record(fd, &r, 20000))
			fail(__FILE__, __LINE__, "no event of type %u", type);
	} while (is_kernels(&r));
	CHECK_EQ(r.ev.type, type);
	CHECK_EQ(r.ev.subject, pid);
	CHECK_EQ(r.ev.len, sizeof(r.process));
	CHECK_EQ(r.process.tgid, pid);
	CHECK_EQ(r.ev.lost_before, 0);
	return r;
}

static void expect_comm(const union record *r, const char *comm)
{
	if (strcmp(r->process.comm, comm))
		fail(__FILE__, __LINE__, "comm is '%s', not '%s'",
		     r->process.comm, comm);
}

static void expect_exit(int fd, pid_t pid)
{
	union record r = expect_of(fd, KSIG_PROCESS_EXIT, pid);
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(r.ev.value, status);
	CHECK_EQ(r.process.parent, getpid());
}

static void expect_silence(int fd)
{
	union record r;

	check_identity(fd);
	while (next_record(fd, &r, 0)) {
		if (!is_kernels(&r))
			fail(__FILE__, __LINE__, "an event of type %u about %llu",
			     r.ev.type, (unsigned long long)r.ev.subject);
	}
}

/* Forks a child and reads the fork event. The child runs body() and exits with status 0. */
static pid_t fork_one(int fd, void (*body)(void))
{
	char comm[16];
	union record r;
	pid_t pid;

	pid = OK(fork());
	if (!pid) {
		body();
		_exit(0);
	}
	r = expect_of(fd, KSIG_PROCESS_FORK, getpid());
	CHECK_EQ(r.ev.value, pid);
	CHECK_EQ(r.process.parent, getppid());
	prctl(PR_GET_NAME, comm);
	expect_comm(&r, comm);
	return pid;
}

/* ------------------------------------------------------- process life cycle */

static void run_true(void)
{
	execl("/bin/true", "true", NULL);
}

static void run_false(void)
{
	execl("/bin/false", "false", NULL);
}

static void test_exec(int fd)
{
	union record r;
	pid_t pid;

	pid = fork_one(fd, run_true);
	r = expect_of(fd, KSIG_PROCESS_EXEC, pid);
	CHECK_EQ(r.ev.value, 0);
	CHECK_EQ(r.process.parent, getpid());
	expect_comm(&r, "true");
	expect_exit(fd, pid);

	pid = fork_one(fd, run_false);
	expect_of(fd, KSIG_PROCESS_EXEC, pid);
	expect_exit(fd, pid);
}

static void die_of_kill(void) { kill(getpid(), SIGKILL); }
static void die_of_rt(void)
{
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
	kill(getpid(), 44);
}

static void exit_7(void) { _exit(7); }

/* the exit status includes the core dump bit if the kernel writes a core file */
static void die_of_segv(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &unlimited);
	OK(chdir("/tmp"));
	raise(SIGSEGV);
}

static void test_status(int fd)
{
	expect_exit(fd, fork_one(fd, exit_7));
	expect_exit(fd, fork_one(fd, die_of_kill));
	expect_exit(fd, fork_one(fd, die_of_rt));
	expect_exit(fd, fork_one(fd, die_of_segv));
}

/* ------------------------------------------------------------------ threads */

static void *idle_thread(void *arg)
{
	return arg;
}

static void come_and_go(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_create(&thread, NULL, idle_thread, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
}

static void *exec_thread(void *arg)
{
	run_true();
	return arg;
}

/* Calls exec in a second thread. The process gets a new group leader but keeps its pid. */
static void exec_in_thread(void)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, exec_thread, NULL), 0);
	pause();
}

static void *last_thread(void *arg)
{
	wait_state(getpid(), 'Z');
	syscall(SYS_exit, 5);
	return arg;
}

/* The process continues for a while after its group leader has exited. */
static void leader_first(void)
{
	pthread_t thread;

	prctl(PR_SET_NAME, "leader");
	CHECK_EQ(pthread_create(&thread, NULL, last_thread, NULL), 0);
	syscall(SYS_exit, 3);
}

static void test_threads(int fd)
{
	pid_t pid;

	expect_exit(fd, fork_one(fd, come_and_go));

	pid = fork_one(fd, exec_in_thread);
	expect_of(fd, KSIG_PROCESS_EXEC, pid);
	expect_exit(fd, pid);

	expect_exit(fd, fork_one(fd, leader_first));
	expect_silence(fd);
}

/* ------------------------------------------------------- simultaneous exits */

static pthread_barrier_t barrier;

static void *racing_thread(void *arg)
{
	pthread_barrier_wait(&barrier);
	syscall(SYS_exit, (int)(intptr_t)arg);
	return NULL;
}

static void race_out(void)
{
	pthread_t thread;
	intptr_t i;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (i = 1; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread, NULL, racing_thread,
					(void *)i), 0);
	racing_thread(NULL);
}

static void test_race(int fd, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++)
		expect_exit(fd, fork_one(fd, race_out));
	expect_silence(fd);
	printf(": %lu processes, each with %d threads that exit at once: one exit each\n",
	       n, THREADS);
}

/* ------------------------------------------------------------------- filters */

static int filter_pid(int fd, uint64_t types, uint64_t pid)
{
	struct ksig_subscribe filter = {
		.types = types, .subject = pid, .flags = KSIG_SUBSCRIBE_SUBJECT,
	};

	return ioctl(fd, KSIG_IOC_SUBSCRIBE, &filter);
}

static void wait_for_go(struct child *self, void *arg)
{
	(void)arg;
	child_wait_go(self);
}

static void *tell_tid(void *arg)
{
	*(volatile pid_t *)arg = syscall(SYS_gettid);
	pause();
	return NULL;
}

static void test_filter(void)
{
	struct child mine = child_start(wait_for_go, NULL);
	struct child other = child_start(wait_for_go, NULL);
	int fd = open_process();
	volatile pid_t tid = 0;
	pthread_t thread;

	FAILS(filter_pid(fd, 0, 4000000), ESRCH);
	FAILS(filter_pid(fd, 0, 0), ESRCH);
	CHECK_EQ(pthread_create(&thread, NULL, tell_tid, (void *)&tid), 0);
	UNTIL(tid);
	FAILS(filter_pid(fd, 0, tid), ESRCH);

	OK(filter_pid(fd, 1 << KSIG_PROCESS_EXIT, mine.pid));
	child_kill(&other);
	child_kill(&mine);
	expect_of(fd, KSIG_PROCESS_EXIT, mine.pid);
	expect_silence(fd);
	close(fd);
}

/*
 * Check that KSIG_SUBSCRIBE_SKIP_OWN skips processes that the caller starts after subscribing, but
 * not processes started earlier.
 */
static void test_skip_own(void)
{
	struct ksig_subscribe filter = {
		.types = 1 << KSIG_PROCESS_EXIT, .flags = KSIG_SUBSCRIBE_SKIP_OWN,
	};
	struct child before = child_start(wait_for_go, NULL), own;
	pid_t self = getpid(), pid;
	int fd = open_process();

	OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &filter));
	own = child_start(wait_for_go, NULL);
	child_kill(&own);
	pid = OK(fork());
	if (!pid) {
		/* an orphan in its own session, reparented to its grandparent */
		if (!OK(fork())) {
			setsid();
			UNTIL(getppid() == self);
			if (!OK(fork()))
				_exit(0);
			wait(NULL);
		}
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK(wait(NULL) > 0);
	expect_silence(fd);
	child_kill(&before);
	expect_of(fd, KSIG_PROCESS_EXIT, before.pid);
	OK(prctl(PR_SET_CHILD_SUBREAPER, 0));
	close(fd);
	/* not supported on a channel whose subjects are not processes */
	fd = OK(chan_open("test", O_NONBLOCK));
	filter.types = 0;
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, &filter), EINVAL);
	close(fd);
}

/* ----------------------------------------------- many short-lived processes */

static int vfork_exit(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	OK(pid);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	return pid;
}

/* a doorbell subscriber in another thread; every event that it misses must be counted as lost */
struct reader {
	int fd;
	struct ring ring;
	volatile bool done;
	pid_t parent;
	uint64_t mine;
	uint64_t others;	/* exits of other processes, such as kernel threads */
	uint64_t lost;
};

static void consume(struct reader *r)
{
	uint32_t head = r->ring.consumer->head, tail;
	const struct ksig_process_data *data;
	const struct ksig_event *ev;

	while ((tail = __atomic_load_n(&r->ring.producer->tail,
				       __ATOMIC_ACQUIRE)) != head) {
		for (; head != tail; head++) {
			ev = (const void *)(r->ring.records +
				head % r->ring.producer->len *
				r->ring.producer->event_size);
			CHECK_EQ(ev->type, KSIG_PROCESS_EXIT);
			data = (const void *)ev->data;
			*(data->parent == r->parent ? &r->mine : &r->others) += 1;
			r->lost += ev->lost_before;
		}
		__atomic_store_n(&r->ring.consumer->head, head,
				 __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
}

static void *read_ring(void *arg)
{
	struct timespec limit = { .tv_nsec = 100000000 };
	struct reader *r = arg;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	OK(arm(r->fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
	while (!r->done) {
		consume(r);
		sigtimedwait(&set, NULL, &limit);
	}
	consume(r);
	return NULL;
}

static void test_many(unsigned long n)
{
	struct reader r = {
		.fd = OK(chan_open("process", 0)),
		.parent = getpid(),
	};
	struct ksig_stats st;
	pthread_t thread;
	unsigned long i;

	set_filter(r.fd, 1 << KSIG_PROCESS_EXIT);
	r.ring = ring_map(r.fd);
	CHECK_EQ(pthread_create(&thread, NULL, read_ring, &r), 0);
	for (i = 0; i < n; i++)
		vfork_exit();
	r.done = true;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	check_identity(r.fd);
	st = stats_of(r.fd);
	/* events of other processes may have arrived after the reader stopped */
	CHECK_EQ(r.mine + r.others + st.queued + st.lost, st.offered);
	CHECK(r.mine <= n && r.mine + st.lost >= n);
	/* events lost after the last record appear only in the ring's counter */
	CHECK_EQ(r.ring.producer->lost, st.lost);
	CHECK(r.lost <= st.lost);
	printf(": %lu short-lived processes: %llu exits seen, %llu counted as lost, %llu signals\n",
	       n, (unsigned long long)r.mine, (unsigned long long)st.lost,
	       (unsigned long long)st.signals);
}

int main(void)
{
	int fd;

	block(SIG);
	fd = open_process();
	test_exec(fd);
	test_status(fd);
	test_threads(fd);
	test_race(fd, how_many(sizeof(long) == 8 ? 1000 : 100));
	close(fd);
	test_filter();
	test_skip_own();
	test_many(how_many(sizeof(long) == 8 ? 10000 : 1000));
	return 0;
}
