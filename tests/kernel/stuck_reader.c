// SPDX-License-Identifier: MIT
/*
 * A reader holds the queue's lock while it is blocked in a page fault that another thread has to
 * resolve. Check that a process that then tries to change the subscription waits and can be killed.
 * The reader must not return records that were consumed while it was blocked.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

static int fd;
static size_t page;
static char *missing;

/*
 * Makes accesses to @memory, even by the kernel, wait until the owner of the returned descriptor
 * provides the page.
 */
static int hold_back(void *memory)
{
	struct uffdio_register area = {
		.range = { .start = (uintptr_t)memory, .len = page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0 && errno == ENOSYS)
		skip("this kernel has no userfaultfd(2)");
	OK(uffd);
	OK(ioctl(uffd, UFFDIO_API, &api));
	OK(ioctl(uffd, UFFDIO_REGISTER, &area));
	return uffd;
}

static void bring(int uffd, void *memory)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)memory, .len = page },
	};

	OK(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
}

static void *reader(void *unused)
{
	CHECK_EQ(OK(read(fd, missing, 64)), 64);
	return unused;
}

struct wish {
	unsigned long cmd;	/* ioctl(2) command; 0 for read(2) */
	void *arg;
};

static void wants(struct child *self, void *arg)
{
	const struct wish *wish = arg;
	char record[64];

	(void)self;
	if (wish->cmd)
		OK(ioctl(fd, wish->cmd, wish->arg));
	else
		OK(read(fd, record, sizeof(record)));
}

static void dies(unsigned long cmd, void *arg)
{
	struct child c = child_start(wants, &(struct wish){ cmd, arg });

	/* read(2) sleeps in state S because any signal can interrupt it */
	wait_state(c.pid, cmd ? 'D' : 'S');
	OK(kill(c.pid, SIGKILL));
	UNTIL(!child_lives(&c));
	CHECK_EQ(WTERMSIG(child_kill(&c)), SIGKILL);
}

/* @size: size of the buffer on entry, number of bytes read on return */
static void *slow_reader(void *size)
{
	size_t *n = size;

	*n = OK(read(fd, missing, *n));
	return NULL;
}

/* Check that read(2) doesn't return records that signals consumed while it was stuck. */
static void consumed_meanwhile(size_t room, unsigned int records)
{
	struct ksig_arm a = { .signo = SIG, .max_pending = 1 };
	struct pollfd p = { .events = POLLIN };
	pthread_t thread;
	unsigned int i;

	missing = OK(mmap(NULL, page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	p.fd = hold_back(missing);
	fd = OK(chan_open("test", 0));
	emit_many(100, 4);
	CHECK_EQ(pthread_create(&thread, NULL, slow_reader, &room), 0);
	CHECK_EQ(OK(poll(&p, 1, 20000)), 1);
	OK(ioctl(fd, KSIG_IOC_ARM, &a));
	OK(ioctl(fd, KSIG_IOC_DISARM));
	CHECK_EQ(stats_of(fd).queued, 3);
	bring(p.fd, missing);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(room, records * 64);
	for (i = 0; i < records; i++) {
		CHECK_EQ(((struct event *)(missing + i * 64))->seq, i + 2);
		CHECK_EQ(((struct event *)(missing + i * 64))->value, i + 101);
	}
	check_identity(fd);
	CHECK_EQ(stats_of(fd).queued, 3 - records);
	close(fd);
	close(p.fd);
	CHECK_EQ(take(SIG).si_value.sival_int, 100);
}

int main(void)
{
	struct pollfd p = { .events = POLLIN };
	struct ksig_stats st;
	pthread_t thread;

	block(SIG);
	page = sysconf(_SC_PAGESIZE);
	consumed_meanwhile(64, 1);
	consumed_meanwhile(256, 3);
	missing = OK(mmap(NULL, page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	p.fd = hold_back(missing);
	fd = OK(chan_open("test", 0));
	emit(VALUE);
	CHECK_EQ(pthread_create(&thread, NULL, reader, NULL), 0);
	/* wait until the reader is stuck */
	CHECK_EQ(OK(poll(&p, 1, 20000)), 1);

	dies(KSIG_IOC_SUBSCRIBE, &(struct ksig_subscribe){ .queue_len = 64 });
	dies(0, NULL);
	/* the killed calls had no effect, and emitters don't wait */
	emit(VALUE + 1);
	st = stats_of(fd);
	CHECK_EQ(st.queued, 2);
	CHECK(!(st.flags & KSIG_STATS_ARMED));

	bring(p.fd, missing);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(((struct ksig_event *)missing)->value, VALUE);
	CHECK_EQ(read_event(fd).value, VALUE + 1);
	check_identity(fd);
	return 0;
}
