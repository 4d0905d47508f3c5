// SPDX-License-Identifier: MIT
/*
 * Emit 1,000,000 tracepoint events, of which one in a thousand matches a filter. Check that no
 * matching event is missed and that other events don't wake the reader. Compare the cost per event
 * with the cost of an empty BPF program on the same tracepoint.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

/* one in this many events matches */
#define ONE_IN 1000
#define ROUNDS 5

/* number of matching events: 1000 for a million events */
static unsigned int passing;

/* Returns the calling thread's CPU time, which is not affected by other load on the machine. */
static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Writes 1, 2, ..., 1000 bytes to /dev/null, repeatedly. Return: nanoseconds per write. */
static double write_many(int fd, int n)
{
	static char buf[ONE_IN];
	double start = seconds();
	int i;

	for (i = 0; i < n; i++)
		syscall(SYS_write, fd, buf, i % ONE_IN + 1);
	return (seconds() - start) * 1e9 / n;
}

struct reader {
	struct ksig_sub *sub;
	unsigned int early;	/* wake-ups by epoll_wait(2) while a record was still being written */
	long slept;		/* how many times the thread went to sleep */
};

/* Waits in epoll_wait(2), as a program with other descriptors would. */
static void *read_all(void *arg)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int epoll = OK(epoll_create1(EPOLL_CLOEXEC));
	struct reader *r = arg;
	const struct ksig_event *event;
	struct rusage usage;
	uint64_t n = 0, before;

	OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ksig_sub_fd(r->sub), &ev));
	while (n < passing) {
		CHECK_EQ(epoll_wait(epoll, &ev, 1, 60000), 1);
		before = n;
		while (ksig_sub_next(r->sub, 0, &event) == 1) {
			CHECK_EQ(event->seq, ++n);
			CHECK_EQ(event->value, 77);
			CHECK_EQ(event->lost_before, 0);
		}
		r->early += n == before;
	}
	OK(getrusage(RUSAGE_THREAD, &usage));
	r->slept = usage.ru_nvcsw;
	close(epoll);
	return NULL;
}

/* Check that all matching events are read and that only they wake the reader. */
static void test_million(const char *filter, int nowhere)
{
	struct reader r = {
		.sub = sub_open(filter, SUB_OPTS(.queue_len = 1024,
						 .value_field = "count")),
	};
	pthread_t thread;

	CHECK_EQ(ksig_sub_in_kernel(r.sub, 0), 1);
	CHECK_EQ(pthread_create(&thread, NULL, read_all, &r), 0);
	write_many(nowhere, passing * ONE_IN);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(sub_empty(r.sub));
	CHECK_EQ(sub_stats(r.sub).offered, passing);
	CHECK_EQ(sub_stats(r.sub).delivered, passing);
	printf(": %u events, %u passed and read: slept %ld times, %u times too early\n",
	       passing * ONE_IN, passing, r.slept, r.early);
	/* a few sleeps are caused by the C library and the dynamic loader */
	CHECK(r.slept <= passing + 20);
	ksig_sub_close(r.sub);
}

static unsigned int tracepoint_id(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int id = 0;

	CHECK(f);
	CHECK_EQ(fscanf(f, "%u", &id), 1);
	fclose(f);
	return id;
}

static int perf_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = tracepoint_id("/sys/kernel/tracing/events/syscalls/sys_enter_write/id"),
	};

	return OK(syscall(SYS_perf_event_open, &attr, -1, 0, -1,
			  PERF_FLAG_FD_CLOEXEC));
}

/* Attaches a BPF program that does nothing, using only system calls. */
static int attach_empty(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACEPOINT,
		.insns = (uintptr_t)insns,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	int prog = OK(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	int fd = perf_open();

	OK(ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog));
	OK(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	close(prog);
	return fd;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *of)
{
	qsort(of, ROUNDS, sizeof(*of), by_size);
	return of[ROUNDS / 2];
}

static void measure(const char *filter, int nowhere)
{
	double without[ROUNDS], empty[ROUNDS], ours[ROUNDS];
	double m_without, m_empty, m_ours;
	struct ksig_sub *sub;
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		without[i] = write_many(nowhere, passing * 100);
		fd = attach_empty();
		empty[i] = write_many(nowhere, passing * 100);
		close(fd);
		sub = sub_open(filter, NULL);
		ours[i] = write_many(nowhere, passing * 100);
		ksig_sub_close(sub);
	}
	m_without = median(without);
	m_empty = median(empty);
	m_ours = median(ours);
	printf(": a write takes %.0f ns, with an empty BPF program %.0f ns, with %s %.0f ns: %.2f times the empty one's\n",
	       m_without, m_empty, filter, m_ours, m_ours / m_empty);
}

int main(void)
{
	int nowhere;
	char filter[128];

	sub_or_skip("trace.syscalls.sys_enter_write");
	passing = how_many(1000);
	/*
	 * a descriptor number that no other process writes to, so that the filter matches only
	 * these writes
	 */
	nowhere = OK(dup2(OK(open("/dev/null", O_WRONLY | O_CLOEXEC)), 777));
	snprintf(filter, sizeof(filter),
		 "trace.syscalls.sys_enter_write:count=77,fd=%d", nowhere);
	test_million(filter, nowhere);
	measure(filter, nowhere);
	measure("trace.syscalls.sys_enter_write:current.comm=nobody", nowhere);
	return 0;
}
