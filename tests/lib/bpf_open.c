// SPDX-License-Identifier: MIT
/*
 * Measure the cost of opening a BPF subscription. Check the numbers of reads and descriptors, and
 * print the CPU time.
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

/* maximum number of reads in addition to those of the kernel's BTF, which is read page by page */
#define READS_MOST 100
#define DESCRIPTORS_MOST 6
/* three programs, each with a program and a link descriptor */
#define DESCRIPTORS_KMOD 9
#define LIMIT 20

/* Returns the number of read calls; -1 if this kernel doesn't count them. */
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
	/* exclude ".", ".." and the directory's own descriptor */
	return n - 2;
}

static double cpu_ms(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* Opens and closes a subscription. Return: the number of read(2) calls for the open. */
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

/* Must run first because the library caches the BTF. */
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
	/* the final read returns end-of-file */
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

/* Check that subscriptions can be opened when only a few descriptors are left. */
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

/* Check opening without /proc, which needs a few more reads. */
static void test_without_proc(void)
{
	OK(unshare(CLONE_NEWNS));
	OK(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL));
	OK(mount("none", "/proc", "tmpfs", 0, NULL));
	ksig_sub_close(sub_open("process.exec", NULL));
}

int main(void)
{
	/* keep the library's BTF cache empty in this process */
	sub_or_skip_apart("process.exit");
	test_reads();
	test_descriptors();
	test_limit();
	test_without_proc();
	return 0;
}
