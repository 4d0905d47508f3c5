// SPDX-License-Identifier: MIT
/* Check that io_uring(7) and O_ASYNC work with a subscription as with other files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clients.h"

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

	cause_event(fd);
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

	cause_event(fd);
	uring_read(u, fd, record, kind->record - 1, 0);
	CHECK_EQ(uring_result(u), -EINVAL);
	read_one(fd);
}

/* Submits a read and exits, which cancels the read. */
static void submit_and_exit(struct child *self, void *fd)
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
	c = child_start(submit_and_exit, &fd);
	child_join(&c);
	cause_event(fd);
	read_one(fd);
	finish(fd);
}

/* ---------------------------------------------------------- cases: O_ASYNC */

static void check_async(int fd)
{
	siginfo_t info = take(SIG);

	CHECK_EQ(info.si_fd, fd);
	CHECK_EQ(info.si_code, POLL_IN);
	CHECK_EQ(info.si_band, POLLIN | POLLRDNORM);
}

static void signal_receiver(struct child *self, void *fd)
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
	cause_event(fd);
	take(SIGIO);
	read_one(fd);

	OK(fcntl(fd, F_SETSIG, SIG));
	CHECK(nothing_to_take(SIG));
	cause_event(fd);
	check_async(fd);
	cause_event(fd);
	check_async(fd);
	CHECK(nothing_to_take(SIG));

	c = child_start(signal_receiver, &fd);
	child_hear(&c);
	OK(fcntl(fd, F_SETOWN, c.pid));
	cause_event(fd);
	child_join(&c);
	CHECK(nothing_to_take(SIG));

	OK(fcntl(fd, F_SETOWN, getpid()));
	set_flags(fd, 0);
	cause_event(fd);
	CHECK(nothing_to_take(SIG));
	CHECK(nothing_to_take(SIGIO));
	drain(fd);
	finish(fd);
}

/* ------------------------------------------------------------------- main */

static const struct test tests[] = {
	{ "io_uring", TIMER | EVENT | KSIG, test_uring },
	{ "O_ASYNC", PIPE | KSIG, test_async },
};

int main(void)
{
	block(SIG);
	block(SIGIO);
	run_tests(tests, sizeof(tests) / sizeof(tests[0]));
	return 0;
}
