// SPDX-License-Identifier: MIT
/*
 * Check that standard clients work with a subscription. Code that waits for descriptors, reads them
 * and passes them on must be able to treat a subscription like a timerfd. Each case runs on every
 * kind of file that supports it, with the same expectations.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ktest.h"

#define LIMIT 20000	/* timeout in ms; expiry is a test failure */

enum { TIMER = 1, EVENT = 2, PIPE = 4, KSIG = 8 };

/* a kind of file, and how to make it readable */
struct kind {
	const char *name;
	unsigned int bit;
	size_t record;	/* bytes that read(2) returns for one event */
	size_t value;	/* offset of a 64-bit 1 in these bytes */
	int (*open)(void);
	void (*event)(int fd);
};

/* the kind of file under test */
static const struct kind *kind;

/* ----------------------------------------------------------- kinds of files */

static int timer_open(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

/* Makes the timer expire asynchronously. Earlier expirations that were not read are discarded. */
static void timer_event(int fd)
{
	struct itimerspec now = { .it_value.tv_nsec = 1 };

	OK(timerfd_settime(fd, 0, &now, NULL));
}

static int event_open(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
}

static void event_event(int fd)
{
	OK(eventfd_write(fd, 1));
}

static int pipe_in = -1;

static int pipe_open(void)
{
	int fds[2];

	if (pipe_in >= 0)
		close(pipe_in);
	OK(pipe2(fds, O_CLOEXEC));
	pipe_in = fds[1];
	return fds[0];
}

static void pipe_event(int fd)
{
	uint64_t one = 1;

	(void)fd;
	CHECK_EQ(write(pipe_in, &one, sizeof(one)), sizeof(one));
}

static int ksig_open(void)
{
	return chan_open("test", 0);
}

static void ksig_event(int fd)
{
	(void)fd;
	emit(1);
}

static const struct kind kinds[] = {
	{ "timerfd", TIMER, 8, 0, timer_open, timer_event },
	{ "eventfd", EVENT, 8, 0, event_open, event_event },
	{ "pipe", PIPE, 8, 0, pipe_open, pipe_event },
	{ "ksig", KSIG, 64, offsetof(struct event, value), ksig_open,
	  ksig_event },
};

/* ---------------------------------------------------------------- waiting */

/*
 * Ways to wait for up to @ms milliseconds (-1: no limit; 0: don't wait). Each function returns true
 * if @fd is readable.
 */

static bool by_poll(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI | POLLRDHUP };
	int n = OK(poll(&p, 1, ms));

	CHECK_EQ(p.revents, n ? POLLIN : 0);
	return n;
}

static bool by_ppoll(int fd, int ms)
{
	struct timespec limit = { ms / 1000, ms % 1000 * 1000000 };
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI | POLLRDHUP };
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = OK(ppoll(&p, 1, ms < 0 ? NULL : &limit, &none));
	CHECK_EQ(p.revents, n ? POLLIN : 0);
	return n;
}

static bool by_select(int fd, int ms)
{
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	fd_set in, except;
	int n;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	except = in;
	n = OK(select(fd + 1, &in, NULL, &except, ms < 0 ? NULL : &limit));
	CHECK_EQ(n, FD_ISSET(fd, &in));
	CHECK(!FD_ISSET(fd, &except));
	return n;
}

/* Returns an epoll instance that watches only @fd. */
static int watch(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	int ep = OK(epoll_create1(EPOLL_CLOEXEC));

	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	return ep;
}

static bool told(int ep, int ms)
{
	struct epoll_event ev[2];
	int n = OK(epoll_wait(ep, ev, 2, ms));

	CHECK(n <= 1);
	if (n)
		CHECK_EQ(ev[0].events, EPOLLIN);
	return n;
}

static bool by_epoll(int fd, int ms)
{
	int ep = watch(fd, EPOLLIN);
	bool ready = told(ep, ms);

	close(ep);
	return ready;
}

static bool by_edge(int fd, int ms)
{
	int ep = watch(fd, EPOLLIN | EPOLLET);
	bool ready = told(ep, ms);

	close(ep);
	return ready;
}

static bool by_nested_epoll(int fd, int ms)
{
	int inner = watch(fd, EPOLLIN);
	bool ready = by_epoll(inner, ms);

	close(inner);
	return ready;
}

/* ---------------------------------------------------------------- helpers */

/* Causes an event and waits until it can be read. */
static void event(int fd)
{
	kind->event(fd);
	CHECK(by_poll(fd, LIMIT));
}

static void check_record(const char *record)
{
	uint64_t value;

	memcpy(&value, record + kind->value, sizeof(value));
	CHECK_EQ(value, 1);
}

static void read_one(int fd)
{
	char record[64];

	CHECK_EQ(OK(read(fd, record, kind->record)), kind->record);
	check_record(record);
}

static void drain(int fd)
{
	while (by_poll(fd, 0))
		read_one(fd);
}

/* Checks that each event was read exactly once, and closes the file. */
static void finish(int fd)
{
	struct ksig_stats st;

	CHECK(!by_poll(fd, 0));
	if (kind->bit == KSIG) {
		check_identity(fd);
		st = stats_of(fd);
		CHECK_EQ(st.delivered, st.offered);
	}
	close(fd);
}

/* Waits for a child to report that it woke up. The child itself waits without a timeout. */
static void hear(struct child *c)
{
	struct pollfd p = { .fd = c->from, .events = POLLIN };

	CHECK_EQ(OK(poll(&p, 1, LIMIT)), 1);
	child_hear(c);
}

static void reading(struct child *self, void *fd)
{
	read_one(*(int *)fd);
	child_say(self);
}

/* Starts a process that sleeps in read(2). */
static struct child reader_start(int *fd)
{
	struct child c = child_start(reading, fd);

	wait_state(c.pid, 'S');
	return c;
}

static void set_flags(int fd, int flags)
{
	OK(fcntl(fd, F_SETFL, flags));
	CHECK_EQ(OK(fcntl(fd, F_GETFL)) & (O_NONBLOCK | O_ASYNC), flags);
}

/* ---------------------------------------------------------- cases: waiting */

static const struct way {
	const char *name;
	bool (*readable)(int fd, int ms);
} ways[] = {
	{ "poll", by_poll },
	{ "ppoll", by_ppoll },
	{ "select", by_select },
	{ "epoll", by_epoll },
	{ "epoll, edge-triggered", by_edge },
	{ "nested epoll", by_nested_epoll },
};

struct waiter {
	const struct way *way;
	int fd;
};

static void waiting(struct child *self, void *arg)
{
	struct waiter *w = arg;

	CHECK(w->way->readable(w->fd, -1));
	child_say(self);
}

static void wait_in(const struct way *way)
{
	struct waiter w = { way, OK(kind->open()) };
	struct child c;

	printf("... %s\n", way->name);
	CHECK(!way->readable(w.fd, 0));
	c = child_start(waiting, &w);
	wait_state(c.pid, 'S');
	kind->event(w.fd);
	hear(&c);
	child_join(&c);
	CHECK(way->readable(w.fd, 0));
	CHECK(way->readable(w.fd, 0));
	read_one(w.fd);
	CHECK(!way->readable(w.fd, 0));
	finish(w.fd);
}

static void test_wait(void)
{
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		wait_in(&ways[i]);
}

static void test_level(void)
{
	int fd = OK(kind->open()), ep = watch(fd, EPOLLIN);

	CHECK(!told(ep, 0));
	event(fd);
	CHECK(told(ep, 0));
	CHECK(told(ep, 0));
	drain(fd);
	CHECK(!told(ep, 0));
	event(fd);
	CHECK(told(ep, 0));
	drain(fd);
	close(ep);
	finish(fd);
}

static void test_edge(void)
{
	int fd = OK(kind->open()), ep = watch(fd, EPOLLIN | EPOLLET);

	CHECK(!told(ep, 0));
	event(fd);
	CHECK(told(ep, LIMIT));
	CHECK(!told(ep, 0));
	/* another event arrives before the first is read */
	event(fd);
	CHECK(told(ep, LIMIT));
	CHECK(!told(ep, 0));
	drain(fd);
	CHECK(!told(ep, 0));
	/* the event is read before the first poll */
	event(fd);
	drain(fd);
	CHECK(!told(ep, 0));
	event(fd);
	CHECK(told(ep, LIMIT));
	drain(fd);
	close(ep);
	finish(fd);
}

static void test_oneshot(void)
{
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };
	int fd = OK(kind->open()), ep = watch(fd, EPOLLIN | EPOLLONESHOT);

	event(fd);
	CHECK(told(ep, LIMIT));
	CHECK(!told(ep, 0));
	event(fd);
	CHECK(!told(ep, 0));
	OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &again));
	CHECK(told(ep, 0));
	drain(fd);
	OK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &again));
	CHECK(!told(ep, 0));
	event(fd);
	CHECK(told(ep, LIMIT));
	drain(fd);
	close(ep);
	finish(fd);
}

/*
 * Check that an epoll instance reports a nested epoll instance for as long as the nested instance
 * is readable.
 */
static void nest(uint32_t inner_events)
{
	int fd = OK(kind->open()), inner = watch(fd, EPOLLIN | inner_events);
	int outer = watch(inner, EPOLLIN);

	CHECK(!told(outer, 0));
	event(fd);
	CHECK(told(outer, LIMIT));
	CHECK(told(outer, 0));
	CHECK(by_poll(inner, 0));
	CHECK(told(inner, 0));
	CHECK_EQ(told(outer, 0), !inner_events);
	drain(fd);
	CHECK(!told(outer, 0));
	event(fd);
	CHECK(told(outer, LIMIT));
	drain(fd);
	CHECK(!told(outer, 0));
	close(outer);
	close(inner);
	finish(fd);
}

static void test_nested(void)
{
	nest(0);
	nest(EPOLLET);
}

/* ---------------------------------------------------------- cases: reading */

static void test_blocking_read(void)
{
	int fd = OK(kind->open());
	struct child c;

	c = reader_start(&fd);
	kind->event(fd);
	hear(&c);
	child_join(&c);
	finish(fd);
}

/* Check that one event wakes only one of two readers. */
static void test_two_readers(void)
{
	struct pollfd said[2] = { };
	int fd = OK(kind->open());
	struct child c[2];
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = reader_start(&fd);
		said[i] = (struct pollfd){ c[i].from, POLLIN, 0 };
	}
	kind->event(fd);
	CHECK_EQ(OK(poll(said, 2, LIMIT)), 1);
	i = said[0].revents ? 1 : 0;
	wait_state(c[i].pid, 'S');
	CHECK_EQ(OK(poll(&said[i], 1, 0)), 0);
	/*
	 * A second event wakes the other reader. If the first event had woken both readers, the
	 * second event would remain unread.
	 */
	kind->event(fd);
	hear(&c[i]);
	child_join(&c[0]);
	child_join(&c[1]);
	finish(fd);
}

static struct child *me;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	child_say(me);
}

static void read_once(struct child *self, void *fd)
{
	char record[64];

	me = self;
	handle(SIGUSR1, on_signal, 0);
	child_say(self);
	FAILS(read(*(int *)fd, record, sizeof(record)), EINTR);
}

static void read_again(struct child *self, void *fd)
{
	me = self;
	handle(SIGUSR1, on_signal, SA_RESTART);
	child_say(self);
	read_one(*(int *)fd);
	child_say(self);
}

/* Starts a child, interrupts its read(2) with a signal and waits until the handler has run. */
static struct child interrupt(void (*body)(struct child *self, void *fd),
			      int *fd)
{
	struct child c = child_start(body, fd);

	child_hear(&c);
	wait_state(c.pid, 'S');
	OK(kill(c.pid, SIGUSR1));
	hear(&c);
	return c;
}

static void test_interrupted(void)
{
	int fd = OK(kind->open());
	struct child c;

	c = interrupt(read_once, &fd);
	child_join(&c);
	c = interrupt(read_again, &fd);
	wait_state(c.pid, 'S');
	kind->event(fd);
	hear(&c);
	child_join(&c);
	finish(fd);
}

static void test_nonblock(void)
{
	int fd = OK(kind->open());
	char record[64];
	struct child c;

	set_flags(fd, O_NONBLOCK);
	FAILS(read(fd, record, sizeof(record)), EAGAIN);
	event(fd);
	read_one(fd);
	FAILS(read(fd, record, sizeof(record)), EAGAIN);
	set_flags(fd, 0);
	c = reader_start(&fd);
	kind->event(fd);
	hear(&c);
	child_join(&c);
	finish(fd);
}

/*
 * Check that RWF_NOWAIT returns EAGAIN instead of blocking. A timerfd supports RWF_NOWAIT only
 * since Linux 6.10.
 */
static void test_nowait(void)
{
	char record[64];
	struct iovec iov = { record, sizeof(record) };
	int fd = OK(kind->open());

	FAILS(preadv2(fd, &iov, 1, -1, RWF_NOWAIT), EAGAIN);
	event(fd);
	CHECK_EQ(OK(preadv2(fd, &iov, 1, -1, RWF_NOWAIT)), kind->record);
	check_record(record);
	finish(fd);
}

/*
 * Check that readv(2) spreads one record over several buffers. A timerfd is excluded because,
 * before Linux 6.10, it treats each buffer as a separate read.
 */
static void test_readv(void)
{
	char record[64];
	struct iovec iov[] = {
		{ record, 3 }, { record + 3, 4 }, { record + 7, 57 },
	};
	int fd = OK(kind->open());

	event(fd);
	CHECK_EQ(OK(readv(fd, iov, 3)), kind->record);
	check_record(record);

	event(fd);
	iov[1].iov_len = kind->record - 4;
	FAILS(readv(fd, iov, 2), EINVAL);
	iov[1].iov_len++;
	CHECK_EQ(OK(readv(fd, iov, 2)), kind->record);
	check_record(record);
	finish(fd);
}

static void test_too_short(void)
{
	int fd = OK(kind->open());
	char record[64];

	FAILS(read(fd, record, kind->record - 1), EINVAL);
	event(fd);
	FAILS(read(fd, record, kind->record - 1), EINVAL);
	FAILS(read(fd, record, 0), EINVAL);
	read_one(fd);
	finish(fd);
}

/* Check that lseek(2) fails. On a timerfd or an eventfd, lseek(2) succeeds and does nothing. */
static void test_lseek(void)
{
	int fd = OK(kind->open());

	event(fd);
	FAILS(lseek(fd, 0, SEEK_CUR), ESPIPE);
	FAILS(lseek(fd, 64, SEEK_SET), ESPIPE);
	read_one(fd);
	finish(fd);
}

static void test_pread(void)
{
	int fd = OK(kind->open());
	char record[64];
	struct iovec iov = { record, sizeof(record) };

	event(fd);
	FAILS(pread(fd, record, sizeof(record), 0), ESPIPE);
	FAILS(preadv(fd, &iov, 1, 64), ESPIPE);
	read_one(fd);
	finish(fd);
}

/* Returns a buffer of @n bytes that is followed by an inaccessible page. */
static char *memory_of(size_t n)
{
	size_t page = sysconf(_SC_PAGESIZE);
	static char *at;

	if (!at) {
		at = OK(mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		OK(mprotect(at + page, page, PROT_NONE));
	}
	return at + page - n;
}

static void test_no_memory(void)
{
	int fd = OK(kind->open());

	event(fd);
	FAILS(read(fd, memory_of(0), 64), EFAULT);
	/* only ksig still has the event after EFAULT */
	drain(fd);
	finish(fd);
}

/*
 * Check that a read(2) into a buffer that is only partly accessible fails with EFAULT. A timerfd is
 * excluded because, since Linux 6.10, it returns the bytes that fit.
 */
static void test_half_memory(void)
{
	int fd = OK(kind->open());

	event(fd);
	FAILS(read(fd, memory_of(kind->record - 1), 64), EFAULT);
	drain(fd);
	finish(fd);
}

/*
 * Check that read(2) returns as many whole records as fit into the accessible memory, and that the
 * remaining records stay in the queue.
 */
static void read_into(int fd, size_t bytes, unsigned int n)
{
	unsigned int fit = bytes / 64 < n ? bytes / 64 : n, i;
	char *memory = memory_of(bytes);
	struct event ev;

	emit_many(0, n);
	if (!fit)
		FAILS(read(fd, memory, (size_t)n * 64), EFAULT);
	else
		CHECK_EQ(OK(read(fd, memory, (size_t)n * 64)), fit * 64);
	for (i = 0; i < n; i++) {
		if (i == fit) {
			check_identity(fd);
			CHECK_EQ(stats_of(fd).queued, n - fit);
		}
		if (i < fit)
			memcpy(&ev, memory + i * 64, sizeof(ev));
		else
			ev = read_event(fd);
		CHECK_EQ(ev.value, i);
		CHECK_EQ(ev.lost_before, 0);
	}
}

static void test_little_memory(void)
{
	int fd = OK(kind->open());
	size_t bytes;

	/* reading 5 records at a time from 16 slots also covers the ring's wrap-around */
	set_queue(fd, 16);
	for (bytes = 0; bytes <= 5 * 64; bytes++)
		read_into(fd, bytes, 5);
	finish(fd);
}

/* --------------------------------------------------------- cases: io_uring */

struct uring {
	int fd;
	struct io_uring_params p;
	char *ring;
	struct io_uring_sqe *sqe;
};

static uint32_t *uring_at(struct uring *u, uint32_t offset)
{
	return (uint32_t *)(u->ring + offset);
}

static bool uring_open(struct uring *u)
{
	size_t size;

	memset(u, 0, sizeof(*u));
	u->fd = syscall(SYS_io_uring_setup, 1, &u->p);
	if (u->fd < 0 && errno == ENOSYS)
		return false;
	OK(u->fd);
	CHECK(u->p.features & IORING_FEAT_SINGLE_MMAP);
	size = u->p.cq_off.cqes + u->p.cq_entries * sizeof(struct io_uring_cqe);
	u->ring = OK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  u->fd, IORING_OFF_SQ_RING));
	u->sqe = OK(mmap(NULL, sizeof(*u->sqe), PROT_READ | PROT_WRITE,
			 MAP_SHARED, u->fd, IORING_OFF_SQES));
	return true;
}

static void uring_close(struct uring *u)
{
	close(u->fd);
	OK(munmap(u->sqe, sizeof(*u->sqe)));
	OK(munmap(u->ring, u->p.cq_off.cqes +
		  u->p.cq_entries * sizeof(struct io_uring_cqe)));
}

/* Submits entry 0, the ring's only entry. */
static void uring_submit(struct uring *u)
{
	uint32_t *tail = uring_at(u, u->p.sq_off.tail);

	*uring_at(u, u->p.sq_off.array) = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	CHECK_EQ(OK(syscall(SYS_io_uring_enter, u->fd, 1, 0, 0, NULL, 0)), 1);
}

static void uring_read(struct uring *u, int fd, void *record, size_t size,
		       unsigned int flags)
{
	*u->sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_READ, .flags = flags, .fd = fd,
		.addr = (unsigned long)record, .len = size, .off = -1,
	};
	uring_submit(u);
}

static void uring_poll(struct uring *u, int fd)
{
	*u->sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = fd, .poll_events = POLLIN,
	};
	uring_submit(u);
}

static bool uring_done(struct uring *u)
{
	return __atomic_load_n(uring_at(u, u->p.cq_off.tail),
			       __ATOMIC_ACQUIRE) !=
	       *uring_at(u, u->p.cq_off.head);
}

static int uring_result(struct uring *u)
{
	uint32_t *head = uring_at(u, u->p.cq_off.head);
	struct io_uring_cqe *cqe;
	int result;

	OK(syscall(SYS_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS,
		   NULL, 0));
	CHECK(uring_done(u));
	cqe = (struct io_uring_cqe *)uring_at(u, u->p.cq_off.cqes);
	result = cqe[*head & *uring_at(u, u->p.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

/* Check reads submitted before and after the event occurs. */
static void uring_read_one(struct uring *u, int fd, unsigned int flags)
{
	char record[64] = { };

	uring_read(u, fd, record, sizeof(record), flags);
	CHECK(!uring_done(u));
	kind->event(fd);
	CHECK_EQ(uring_result(u), kind->record);
	check_record(record);

	event(fd);
	memset(record, 0, sizeof(record));
	uring_read(u, fd, record, sizeof(record), flags);
	CHECK_EQ(uring_result(u), kind->record);
	check_record(record);
}

static void uring_poll_one(struct uring *u, int fd)
{
	uring_poll(u, fd);
	CHECK(!uring_done(u));
	kind->event(fd);
	CHECK_EQ(uring_result(u), POLLIN);
	uring_poll(u, fd);
	CHECK_EQ(uring_result(u), POLLIN);
	read_one(fd);
}

static void uring_too_short(struct uring *u, int fd)
{
	char record[64];

	event(fd);
	uring_read(u, fd, record, kind->record - 1, 0);
	CHECK_EQ(uring_result(u), -EINVAL);
	read_one(fd);
}

/* Submits a read and exits, which cancels the read. */
static void submit_and_leave(struct child *self, void *fd)
{
	static char record[64];
	struct uring u;

	(void)self;
	CHECK(uring_open(&u));
	uring_read(&u, *(int *)fd, record, sizeof(record), 0);
	CHECK(!uring_done(&u));
}

static void test_uring(void)
{
	struct uring u;
	struct child c;
	int fd;

	if (!uring_open(&u)) {
		if (kind->bit == KSIG)
			puts(": no io_uring in this kernel: not tried");
		return;
	}
	fd = OK(kind->open());
	uring_read_one(&u, fd, 0);
	uring_read_one(&u, fd, IOSQE_ASYNC);
	uring_poll_one(&u, fd);
	uring_too_short(&u, fd);
	/* io_uring also waits for an O_NONBLOCK file */
	set_flags(fd, O_NONBLOCK);
	uring_read_one(&u, fd, 0);
	set_flags(fd, 0);
	uring_close(&u);
	c = child_start(submit_and_leave, &fd);
	child_join(&c);
	event(fd);
	read_one(fd);
	finish(fd);
}

/* ------------------------------------------------- cases: signals, sharing */

static void check_async(int fd)
{
	siginfo_t info = take(SIG);

	CHECK_EQ(info.si_fd, fd);
	CHECK_EQ(info.si_code, POLL_IN);
	CHECK_EQ(info.si_band, POLLIN | POLLRDNORM);
}

static void taking(struct child *self, void *fd)
{
	child_say(self);
	check_async(*(int *)fd);
}

/* Check that O_ASYNC sends signals. A timerfd and an eventfd don't support it. */
static void test_async(void)
{
	int fd = OK(kind->open());
	struct child c;

	OK(fcntl(fd, F_SETOWN, getpid()));
	set_flags(fd, O_ASYNC);
	event(fd);
	take(SIGIO);
	read_one(fd);

	OK(fcntl(fd, F_SETSIG, SIG));
	CHECK(nothing_to_take(SIG));
	event(fd);
	check_async(fd);
	event(fd);
	check_async(fd);
	CHECK(nothing_to_take(SIG));

	c = child_start(taking, &fd);
	child_hear(&c);
	OK(fcntl(fd, F_SETOWN, c.pid));
	event(fd);
	child_join(&c);
	CHECK(nothing_to_take(SIG));

	OK(fcntl(fd, F_SETOWN, getpid()));
	set_flags(fd, 0);
	event(fd);
	CHECK(nothing_to_take(SIG));
	CHECK(nothing_to_take(SIGIO));
	drain(fd);
	finish(fd);
}

static void test_dup(void)
{
	int fd = OK(kind->open()), other = OK(dup(fd));
	char record[64];

	event(fd);
	CHECK(by_poll(other, 0));
	read_one(other);
	CHECK(!by_poll(fd, 0));
	set_flags(fd, O_NONBLOCK);
	FAILS(read(other, record, sizeof(record)), EAGAIN);
	close(fd);
	event(other);
	read_one(other);
	finish(other);
}

/* buffers for a message of one byte that carries one descriptor */
struct parcel {
	union {
		struct cmsghdr head;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov;
	struct msghdr msg;
};

static void parcel_init(struct parcel *p)
{
	memset(p, 0, sizeof(*p));
	p->iov = (struct iovec){ &p->byte, 1 };
	p->msg.msg_iov = &p->iov;
	p->msg.msg_iovlen = 1;
	p->msg.msg_control = &p->control;
	p->msg.msg_controllen = sizeof(p->control);
}

static void pass(int socket, int fd)
{
	struct parcel p;

	parcel_init(&p);
	p.control.head.cmsg_level = SOL_SOCKET;
	p.control.head.cmsg_type = SCM_RIGHTS;
	p.control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&p.control.head), &fd, sizeof(fd));
	CHECK_EQ(OK(sendmsg(socket, &p.msg, 0)), 1);
}

static int receive(int socket)
{
	struct parcel p;
	int fd;

	parcel_init(&p);
	CHECK_EQ(OK(recvmsg(socket, &p.msg, MSG_CMSG_CLOEXEC)), 1);
	CHECK_EQ(p.control.head.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&p.control.head), sizeof(fd));
	return fd;
}

static void receiving(struct child *self, void *socket)
{
	int fd = receive(*(int *)socket);

	read_one(fd);
	child_say(self);
	/* continue after the sender has closed its descriptor */
	child_wait_go(self);
	event(fd);
	read_one(fd);
	finish(fd);
}

/* Check that a descriptor passed over a socket works in a child that did not inherit it. */
static void test_pass(void)
{
	int sockets[2], fd;
	struct child c;

	OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	c = child_start(receiving, &sockets[1]);
	fd = OK(kind->open());
	event(fd);
	pass(sockets[0], fd);
	child_hear(&c);
	CHECK(!by_poll(fd, 0));
	close(fd);
	child_go(&c);
	child_join(&c);
	close(sockets[0]);
	close(sockets[1]);
}

/* ---------------------------------------------------------------- writing */

static bool writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = OK(poll(&p, 1, 0));

	CHECK_EQ(p.revents, n ? POLLOUT : 0);
	return n;
}

static void test_writable(void)
{
	int fd = OK(kind->open());

	CHECK(writable(fd));
	/* the channel is also writable while an event is queued */
	event(fd);
	CHECK(writable(fd));
	read_one(fd);
	finish(fd);
}

/*
 * Check that only a descriptor opened for writing is writable. Only /dev/ksig/test accepts writes.
 */
static void test_unwritable(void)
{
	int fd = OK(open("/dev/ksig/test", O_WRONLY | O_CLOEXEC));

	CHECK(writable(fd));
	close(fd);
	fd = OK(open("/dev/ksig/test", O_RDONLY | O_CLOEXEC));
	CHECK(!writable(fd));
	close(fd);
	fd = OK(chan_open("net", 0));
	CHECK(!writable(fd));
	close(fd);
}

/* ------------------------------------------------------------------- main */

static const struct test {
	const char *name;
	unsigned int kinds;
	void (*run)(void);
} tests[] = {
	{ "waiting", TIMER | EVENT | KSIG, test_wait },
	{ "epoll, level-triggered", TIMER | EVENT | KSIG, test_level },
	{ "epoll, edge-triggered", TIMER | EVENT | KSIG, test_edge },
	{ "EPOLLONESHOT", TIMER | EVENT | KSIG, test_oneshot },
	{ "nested epoll", TIMER | EVENT | KSIG, test_nested },
	{ "blocking read", TIMER | EVENT | KSIG, test_blocking_read },
	{ "two readers", TIMER | EVENT | KSIG, test_two_readers },
	{ "interrupted read", TIMER | EVENT | KSIG, test_interrupted },
	{ "O_NONBLOCK", TIMER | EVENT | KSIG, test_nonblock },
	{ "RWF_NOWAIT", EVENT | KSIG, test_nowait },
	{ "readv", EVENT | KSIG, test_readv },
	{ "a buffer too short", TIMER | EVENT | KSIG, test_too_short },
	{ "lseek", PIPE | KSIG, test_lseek },
	{ "pread", TIMER | EVENT | PIPE | KSIG, test_pread },
	{ "no memory", TIMER | EVENT | KSIG, test_no_memory },
	{ "half a record's memory", EVENT | KSIG, test_half_memory },
	{ "little memory", KSIG, test_little_memory },
	{ "io_uring", TIMER | EVENT | KSIG, test_uring },
	{ "O_ASYNC", PIPE | KSIG, test_async },
	{ "dup", TIMER | EVENT | KSIG, test_dup },
	{ "passed over a socket", TIMER | EVENT | KSIG, test_pass },
	{ "POLLOUT", EVENT | KSIG, test_writable },
	{ "no POLLOUT", KSIG, test_unwritable },
};

int main(void)
{
	size_t i, k;

	setlinebuf(stdout);	/* show the last step even if the test is killed */
	block(SIG);
	block(SIGIO);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			kind = &kinds[k];
			if (!(tests[i].kinds & kind->bit))
				continue;
			printf("%s: %s\n", tests[i].name, kind->name);
			tests[i].run();
		}
	}
	return 0;
}
