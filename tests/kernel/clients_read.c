// SPDX-License-Identifier: MIT
/*
 * Check that read(2) and related system calls work with a subscription as with other files, also
 * through a descriptor that was duplicated or passed to another process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clients.h"

static void read_and_report(struct child *self, void *fd)
{
	read_one(*(int *)fd);
	child_say(self);
}

/* Starts a process that sleeps in read(2). */
static struct child reader_start(int *fd)
{
	struct child c = child_start(read_and_report, fd);

	wait_state(c.pid, 'S');
	return c;
}

/* ---------------------------------------------------------- cases: reading */

static void test_blocking_read(void)
{
	int fd = OK(kind->open());
	struct child c;

	c = reader_start(&fd);
	kind->event(fd);
	wait_for_report(&c);
	child_join(&c);
	finish(fd);
}

/* Check that one event wakes only one of two readers. */
static void test_two_readers(void)
{
	struct pollfd reports[2] = { };
	int fd = OK(kind->open());
	struct child c[2];
	int i;

	for (i = 0; i < 2; i++) {
		c[i] = reader_start(&fd);
		reports[i] = (struct pollfd){ c[i].from, POLLIN, 0 };
	}
	kind->event(fd);
	CHECK_EQ(OK(poll(reports, 2, LIMIT)), 1);
	i = reports[0].revents ? 1 : 0;
	wait_state(c[i].pid, 'S');
	CHECK_EQ(OK(poll(&reports[i], 1, 0)), 0);
	/*
	 * A second event wakes the other reader. If the first event had woken both readers, the
	 * second event would remain unread.
	 */
	kind->event(fd);
	wait_for_report(&c[i]);
	child_join(&c[0]);
	child_join(&c[1]);
	finish(fd);
}

static struct child *handler_self;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	child_say(handler_self);
}

static void read_once(struct child *self, void *fd)
{
	char record[64];

	handler_self = self;
	handle(SIGUSR1, on_signal, 0);
	child_say(self);
	FAILS(read(*(int *)fd, record, sizeof(record)), EINTR);
}

static void read_again(struct child *self, void *fd)
{
	handler_self = self;
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
	wait_for_report(&c);
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
	wait_for_report(&c);
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
	cause_event(fd);
	read_one(fd);
	FAILS(read(fd, record, sizeof(record)), EAGAIN);
	set_flags(fd, 0);
	c = reader_start(&fd);
	kind->event(fd);
	wait_for_report(&c);
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
	cause_event(fd);
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

	cause_event(fd);
	CHECK_EQ(OK(readv(fd, iov, 3)), kind->record);
	check_record(record);

	cause_event(fd);
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
	cause_event(fd);
	FAILS(read(fd, record, kind->record - 1), EINVAL);
	FAILS(read(fd, record, 0), EINVAL);
	read_one(fd);
	finish(fd);
}

/* Check that lseek(2) fails. On a timerfd or an eventfd, lseek(2) succeeds and does nothing. */
static void test_lseek(void)
{
	int fd = OK(kind->open());

	cause_event(fd);
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

	cause_event(fd);
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

	cause_event(fd);
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

	cause_event(fd);
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

/* ---------------------------------------------- cases: shared descriptors */

static void test_dup(void)
{
	int fd = OK(kind->open()), other = OK(dup(fd));
	char record[64];

	cause_event(fd);
	CHECK(by_poll(other, 0));
	read_one(other);
	CHECK(!by_poll(fd, 0));
	set_flags(fd, O_NONBLOCK);
	FAILS(read(other, record, sizeof(record)), EAGAIN);
	close(fd);
	cause_event(other);
	read_one(other);
	finish(other);
}

/* buffers for a message of one byte that carries one descriptor */
struct fd_message {
	union {
		struct cmsghdr head;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov;
	struct msghdr msg;
};

static void fd_message_init(struct fd_message *m)
{
	memset(m, 0, sizeof(*m));
	m->iov = (struct iovec){ &m->byte, 1 };
	m->msg.msg_iov = &m->iov;
	m->msg.msg_iovlen = 1;
	m->msg.msg_control = &m->control;
	m->msg.msg_controllen = sizeof(m->control);
}

static void send_fd(int socket, int fd)
{
	struct fd_message m;

	fd_message_init(&m);
	m.control.head.cmsg_level = SOL_SOCKET;
	m.control.head.cmsg_type = SCM_RIGHTS;
	m.control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&m.control.head), &fd, sizeof(fd));
	CHECK_EQ(OK(sendmsg(socket, &m.msg, 0)), 1);
}

static int receive_fd(int socket)
{
	struct fd_message m;
	int fd;

	fd_message_init(&m);
	CHECK_EQ(OK(recvmsg(socket, &m.msg, MSG_CMSG_CLOEXEC)), 1);
	CHECK_EQ(m.control.head.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&m.control.head), sizeof(fd));
	return fd;
}

static void fd_receiver(struct child *self, void *socket)
{
	int fd = receive_fd(*(int *)socket);

	read_one(fd);
	child_say(self);
	/* continue after the sender has closed its descriptor */
	child_wait_go(self);
	cause_event(fd);
	read_one(fd);
	finish(fd);
}

/* Check that a descriptor passed over a socket works in a child that did not inherit it. */
static void test_pass(void)
{
	int sockets[2], fd;
	struct child c;

	OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	c = child_start(fd_receiver, &sockets[1]);
	fd = OK(kind->open());
	cause_event(fd);
	send_fd(sockets[0], fd);
	child_hear(&c);
	CHECK(!by_poll(fd, 0));
	close(fd);
	child_go(&c);
	child_join(&c);
	close(sockets[0]);
	close(sockets[1]);
}

/* ------------------------------------------------------------------- main */

static const struct test tests[] = {
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
	{ "dup", TIMER | EVENT | KSIG, test_dup },
	{ "passed over a socket", TIMER | EVENT | KSIG, test_pass },
};

int main(void)
{
	run_tests(tests, sizeof(tests) / sizeof(tests[0]));
	return 0;
}
