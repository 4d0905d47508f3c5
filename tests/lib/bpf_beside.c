// SPDX-License-Identifier: MIT
/*
 * Check subscriptions alongside other users of the same tracepoints. perf's counters must not miss
 * any event. If there are more subscriptions than a tracepoint accepts, each must either work or
 * fail with a message. On systems where only root may call perf_event_open(2), CAP_BPF and
 * CAP_PERFMON must be sufficient for process events.
 */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

#define GETPPID "trace.syscalls.sys_enter_getppid"
#define CALLS 100
#define MANY 66

/* Opens a perf counter for a tracepoint in this process. */
static int counter_open(const char *tracepoint)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
	};
	unsigned long long id;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id",
		 tracepoint);
	f = fopen(path, "re");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%llu", &id), 1);
	fclose(f);
	attr.config = id;
	return OK(syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			  PERF_FLAG_FD_CLOEXEC));
}

static uint64_t counter_close(int fd)
{
	uint64_t count;

	CHECK_EQ(read(fd, &count, sizeof(count)), sizeof(count));
	close(fd);
	return count;
}

static void test_counters(void)
{
	struct ksig_sub *subs[] = {
		sub_open(GETPPID, NULL), sub_open("process.fork", NULL),
		sub_open("process.exit", NULL),
		sub_open("trace.sched.sched_process_fork", NULL),
	};
	int all = counter_open("raw_syscalls/sys_enter");
	int one = counter_open("syscalls/sys_enter_getppid");
	int fork_count = counter_open("sched/sched_process_fork"), i;
	pid_t pid;

	for (i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	pid = OK(fork());
	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(counter_close(fork_count), 1);
	CHECK_EQ(counter_close(one), CALLS);
	CHECK(counter_close(all) > CALLS);
	for (i = 0; i < 4; i++)
		ksig_sub_close(subs[i]);
}

/*
 * Opens subscriptions until one fails or MANY are open. Return: the number of subscriptions opened.
 * @err: set to the error of the one that failed, or 0.
 */
static int open_many(const char *event, int *err, char why[1024])
{
	struct ksig_sub_opts o = *SUB_OPTS(.queue_len = 16);
	struct ksig_sub *subs[MANY];
	int n = 0, i;

	*err = 0;
	while (n < MANY && !*err) {
		*err = sub_try(event, &o, why, NULL, &subs[n]);
		n += !*err;
	}
	for (i = 0; i < n; i++)
		ksig_sub_close(subs[i]);
	return n;
}

static void test_many(void)
{
	char why[1024];
	int err;

	if (open_many("process.exit", &err, why) != MANY)
		fail(__FILE__, __LINE__, "%s", why);
	/*
	 * a tracepoint accepts at most 64 programs; on some kernels, all tracepoints share this
	 * limit
	 */
	if (open_many(GETPPID, &err, why) == MANY)
		return;
	CHECK_EQ(err, -EUSERS);
	CHECK(strstr(why, "at most 64"));
}

static void test_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ 1U << CAP_DAC_READ_SEARCH, 1U << CAP_DAC_READ_SEARCH, 0 },
		{ 3U << (CAP_PERFMON - 32), 3U << (CAP_PERFMON - 32), 0 },
	};
	int status;
	pid_t pid = OK(fork());

	if (pid) {
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		return;
	}
	OK(syscall(SYS_capset, &head, data));
	ksig_sub_close(sub_open("process.fork", NULL));
	ksig_sub_close(sub_open("process.exec", NULL));
	ksig_sub_close(sub_open("process.exit", NULL));
	_exit(0);
}

int main(void)
{
	sub_or_skip(GETPPID);
	test_counters();
	test_many();
	test_capabilities();
	return 0;
}
