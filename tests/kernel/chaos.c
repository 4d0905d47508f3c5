// SPDX-License-Identifier: MIT
/*
 * Stress test: 64 threads randomly open, arm, map, read, fork, pass descriptors and close, while
 * other processes emit and a module that owns a channel is reloaded. The counters of each
 * subscription must add up at all times. KSIG_STRESS_MS sets the duration and reduces the number of
 * threads to 16.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"

#define THREADS 64
#define POOL 16

static volatile bool over;
/* descriptors that threads pass to each other; -1 if a slot is empty */
static int pool[POOL];
static long ops;

struct thread {
	unsigned int seed;
	int fd;
	struct ring ring;
	bool mapped;
};

static unsigned int pick(struct thread *t, unsigned int n)
{
	return rand_r(&t->seed) % n;
}

static void let_go(struct thread *t)
{
	if (t->mapped)
		ring_unmap(&t->ring);
	t->mapped = false;
	if (t->fd >= 0) {
		check_identity(t->fd);
		close(t->fd);
	}
	t->fd = -1;
}

static void do_open(struct thread *t)
{
	let_go(t);
	t->fd = chan_open(pick(t, 3) ? "test" : "context", O_NONBLOCK);
	if (t->fd < 0)
		CHECK(errno == ENOENT || errno == ENODEV || errno == ENXIO);
}

static void do_arm(struct thread *t)
{
	struct ksig_arm a = {
		.signo = pick(t, 4) ? SIG : SIGUSR1,
		.mode = pick(t, 2),
		.flags = pick(t, 2) ? KSIG_ARM_PROCESS : 0,
	};

	if (ioctl(t->fd, KSIG_IOC_ARM, &a))
		CHECK(errno == EBUSY || errno == ENODEV);
}

static void do_map(struct thread *t)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *consumer;

	if (t->mapped) {
		ring_unmap(&t->ring);
		t->mapped = false;
		return;
	}
	/*
	 * mmap(2) fails in EACH mode. In other modes, this mapping keeps other threads from
	 * resizing the ring between the two mmap(2) calls in ring_map().
	 */
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd,
			0);
	if (consumer == MAP_FAILED) {
		CHECK_EQ(errno, EBUSY);
		return;
	}
	t->ring = ring_map(t->fd);
	t->mapped = true;
	OK(munmap(consumer, page));
}

static void do_consume(struct thread *t)
{
	if (t->mapped)
		t->ring.consumer->head = pick(t, 4) ?
			t->ring.producer->tail : pick(t, ~0U);
}

static void do_read(struct thread *t)
{
	char buf[64 * 32];

	if (read(t->fd, buf, sizeof(buf)) < 0)
		CHECK(errno == EAGAIN || errno == EBUSY);
}

/* may fail because the subscription is armed or mapped, or because the channel was destroyed */
static void try_subscribe(int fd, const struct ksig_subscribe *s)
{
	if (ioctl(fd, KSIG_IOC_SUBSCRIBE, s))
		CHECK(errno == EBUSY || errno == ENODEV);
}

static void do_subscribe(struct thread *t)
{
	struct ksig_subscribe s = {
		.types = pick(t, 2), .subject = pick(t, 2),
		.flags = KSIG_SUBSCRIBE_SUBJECT, .queue_len = 16 << pick(t, 5),
	};

	try_subscribe(t->fd, &s);
	s = (struct ksig_subscribe){ };
	try_subscribe(t->fd, &s);
}

static void do_fork(struct thread *t)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		/* close the inherited descriptor explicitly, by SIGKILL or by exiting */
		if (pick(t, 2))
			close(t->fd);
		if (pick(t, 2))
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(status == 0 || (WIFSIGNALED(status) &&
			      WTERMSIG(status) == SIGKILL));
}

static void do_pass(struct thread *t)
{
	int mine = dup(t->fd);

	CHECK(mine >= 0);
	mine = __atomic_exchange_n(&pool[pick(t, POOL)], mine,
				   __ATOMIC_ACQ_REL);
	if (mine < 0)
		return;
	let_go(t);
	t->fd = mine;
}

static void do_poll(struct thread *t)
{
	struct pollfd p = { t->fd, POLLIN | POLLPRI };

	OK(poll(&p, 1, pick(t, 2)));
	CHECK(!(p.revents & (POLLNVAL | POLLERR)));
}

static void do_take(struct thread *t)
{
	struct timespec limit = { .tv_nsec = pick(t, 100000) };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	sigaddset(&set, SIGUSR1);
	sigtimedwait(&set, NULL, &limit);
}

static void do_look(struct thread *t)
{
	char path[64], text[1024];
	int fd;

	check_identity(t->fd);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", t->fd);
	fd = OK(open(path, O_RDONLY));
	CHECK(read(fd, text, sizeof(text)) > 0);
	close(fd);
}

static void do_disarm(struct thread *t)
{
	OK(ioctl(t->fd, KSIG_IOC_DISARM, 0));
}

static void *thread(void *arg)
{
	static void (*const what[])(struct thread *t) = {
		do_open, do_arm, do_arm, do_map, do_consume, do_read,
		do_subscribe, do_pass, do_poll, do_take, do_look, do_disarm,
	};
	struct thread t = { .seed = (unsigned long)arg, .fd = -1 };
	long n = 0;

	while (!over) {
		n++;
		if (t.fd < 0)
			do_open(&t);
		else if (!pick(&t, 200))
			do_fork(&t);
		else
			what[pick(&t, sizeof(what) / sizeof(what[0]))](&t);
	}
	let_go(&t);
	__atomic_add_fetch(&ops, n, __ATOMIC_RELAXED);
	return NULL;
}

static void emits(struct child *self, void *arg)
{
	(void)self;
	for (;;) {
		/* wait: let the other threads run, even with few CPUs */
		usleep(1000);
		if (arg)
			emit_many(1, 50);
		else if (!access("/sys/kernel/debug/ksig_context/do", F_OK))
			system("echo softirq 50 "
			       ">/sys/kernel/debug/ksig_context/do 2>/dev/null");
	}
}

static int reload(void)
{
	int rounds = 0;

	while (!over) {
		context_load();
		usleep(30000);	/* wait: the time during which the driver is used */
		/* rmmod fails while a write to the module's file is in progress, so retry */
		UNTIL(!system("rmmod ksig_context 2>/dev/null"));
		rounds++;
	}
	return rounds;
}

static void *timer(void *arg)
{
	usleep(*(long *)arg * 1000);	/* wait: the duration of the test */
	over = true;
	return NULL;
}

static long use_count(void)
{
	FILE *f = popen("awk '$1 == \"ksig\" { print $3 }' /proc/modules", "r");
	long n = -1;

	CHECK(f);
	CHECK_EQ(fscanf(f, "%ld", &n), 1);
	pclose(f);
	return n;
}

int main(void)
{
	const char *text = getenv("KSIG_STRESS_MS");
	long ms = text ? atol(text) : 10000, i, n = text ? 16 : THREADS;
	pthread_t threads[THREADS], clock;
	struct child c[2];
	int rounds;

	if (access("/ksig/ksig_context.ko", F_OK))
		skip("the module ksig_context is not built");
	block(SIG);
	block(SIGUSR1);
	for (i = 0; i < POOL; i++)
		pool[i] = -1;
	c[0] = child_start(emits, &i);
	c[1] = child_start(emits, NULL);
	for (i = 0; i < n; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, thread,
					(void *)(i + 1)), 0);
	CHECK_EQ(pthread_create(&clock, NULL, timer, &ms), 0);
	rounds = reload();
	CHECK_EQ(pthread_join(clock, NULL), 0);
	for (i = 0; i < n; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	child_kill(&c[0]);
	child_kill(&c[1]);
	for (i = 0; i < POOL; i++)
		if (pool[i] >= 0)
			close(pool[i]);
	CHECK_EQ(use_count(), 0);
	printf(": %ld threads, %ld operations, %d reloads\n", n, ops, rounds);
	return 0;
}
