// SPDX-License-Identifier: MIT
/*
 * The cost of opening a subscription by BPF: how many reads and descriptors. The cpu time
 * is printed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

/* Beside the kernel's BTF, which is read a page at a time. */
#define READS_MOST 100
#define DESCRIPTORS_MOST 6
/* With three programs, of each a link and itself */
#define DESCRIPTORS_KMOD 9
#define LIMIT 20

/* -1: this kernel doesn't count them */
static long count_reads(void)
{
	FILE *f = fopen("/proc/self/io", "r");
	char line[80];
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "syscr: %ld", &n);
	if (f)
		fclose(f);
	return n;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -1;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	/* ".", ".." and the folder's own */
	return n - 2;
}

static double cpu_ms(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* Return: read(2)s of one opening */
static long open_and_close(const char *which)
{
	double cpu = cpu_ms();
	long reads = count_reads();
	struct ksig_sub *sub = sub_open("process.exit", NULL);

	reads = count_reads() - reads;
	printf(": the %s subscription: %ld reads, %.1f ms of cpu\n", which,
	       reads, cpu_ms() - cpu);
	ksig_sub_close(sub);
	return reads;
}

/* First of all: later on the process has the BTF. */
static void test_reads(void)
{
	struct stat st;
	long first, second;

	if (count_reads() < 0) {
		printf(": no /proc/self/io here: reads are not counted\n");
		return;
	}
	OK(stat("/sys/kernel/btf/vmlinux", &st));
	first = open_and_close("first");
	second = open_and_close("second");
	/* the last read says that nothing follows */
	CHECK(first <= st.st_size / 4096 + 2 + READS_MOST);
	CHECK(second <= READS_MOST);
}

static void test_descriptors(void)
{
	static const char *const events[] = {
		"process.fork", "process.exec", "process.exit", "memory.kill",
		"power.suspend", "cpu.online", "kmod.load",
		"trace.sched.sched_switch",
	};
	struct ksig_sub *sub;
	char why[1024];
	size_t i;
	int before, n;

	tracefs_mount();
	for (i = 0; i < sizeof(events) / sizeof(*events); i++) {
		before = count_fds();
		if (sub_try(events[i], NULL, why, NULL, &sub)) {
			printf(": %s\n", why);
			continue;
		}
		n = count_fds() - before;
		if (n > (strncmp(events[i], "kmod.", 5) ? DESCRIPTORS_MOST :
			 DESCRIPTORS_KMOD))
			fail(__FILE__, __LINE__, "%s needs %d descriptors",
			     events[i], n);
		ksig_sub_close(sub);
		CHECK_EQ(count_fds(), before);
	}
}

/* With all the descriptors that are left, and with fewer, one by one. */
static void test_limit(void)
{
	const struct rlimit limit = { LIMIT, LIMIT };
	struct ksig_sub *subs[2];
	int i;

	OK(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < 2; i++)
		subs[i] = sub_open("process.exit", NULL);
	for (i = 0; i < 2; i++)
		ksig_sub_close(subs[i]);
}

/* It takes a few reads more then. */
static void test_without_proc(void)
{
	OK(unshare(CLONE_NEWNS));
	OK(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL));
	OK(mount("none", "/proc", "tmpfs", 0, NULL));
	ksig_sub_close(sub_open("process.exec", NULL));
}

int main(void)
{
	/* this process must not have read the BTF yet */
	sub_or_skip_apart("process.exit");
	test_reads();
	test_descriptors();
	test_limit();
	test_without_proc();
	return 0;
}
