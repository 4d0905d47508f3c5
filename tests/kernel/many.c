// SPDX-License-Identifier: MIT
/*
 * Test large numbers: 10,000 subscriptions on one channel, then 1,000 channels. Check the cost of
 * each subscription, which cgroup is charged, and how much memory one user can allocate. KSIG_MANY
 * reduces the numbers.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ktest.h"

static int many = 10000;

static void raise_files(void)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	OK(setrlimit(RLIMIT_NOFILE, &limit));
}

static long attribute(const char *name)
{
	char path[64];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/ksig/test/%s", name);
	f = fopen(path, "re");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%ld", &value), 1);
	fclose(f);
	return value;
}

static void test_subscriptions(void)
{
	long before = attribute("subscribers"), emitted = attribute("emitted");
	int *fds = calloc(many, sizeof(*fds)), i;
	struct ksig_stats st;

	CHECK(fds);
	for (i = 0; i < many; i++) {
		fds[i] = OK(chan_open("test", O_NONBLOCK));
		set_queue(fds[i], 16);
	}
	CHECK_EQ(attribute("subscribers"), before + many);
	emit_many(1, 20);
	CHECK_EQ(attribute("emitted"), emitted + 20);
	for (i = 0; i < many; i++) {
		/*
		 * STATS waits for the worker, which serves all subscriptions except the first few
		 */
		st = stats_of(fds[i]);
		CHECK_EQ(st.offered, 20);
		CHECK_EQ(st.skipped, 0);
		CHECK_EQ(st.queued, 16);
		CHECK_EQ(st.lost, 4);
		CHECK_EQ(read_event(fds[i]).value, 1);
		check_identity(fds[i]);
	}
	for (i = 0; i < many; i++)
		close(fds[i]);
	CHECK_EQ(attribute("subscribers"), before);
	free(fds);
	printf(": %d subscriptions on one channel\n", many);
}

static void test_channels(void)
{
	int n = many / 10, fd, i;
	char command[32], name[32];

	context_load();
	snprintf(command, sizeof(command), "channels %d", n);
	CHECK_EQ(context_do(command), 0);
	for (i = 0; i < n; i += n / 20) {
		snprintf(name, sizeof(name), "many%d", i);
		fd = OK(chan_open(name, O_NONBLOCK));
		check_identity(fd);
		close(fd);
	}
	snprintf(name, sizeof(name), "many%d", n);
	FAILS(chan_open(name, 0), ENOENT);
	CHECK_EQ(context_do("channels 0"), 0);
	FAILS(chan_open("many0", 0), ENOENT);
	context_unload();
	printf(": %d channels\n", n);
}

/* -------------------------------------------------------------------- memory */

#define GROUP "/sys/fs/cgroup/ksig-test"

static void put(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static long charged(void)
{
	FILE *f = fopen(GROUP "/memory.current", "re");
	long bytes;

	CHECK(f);
	CHECK_EQ(fscanf(f, "%ld", &bytes), 1);
	fclose(f);
	return bytes;
}

/* Waits until the memory of closed subscriptions, which is freed asynchronously, is uncharged. */
static void wait_uncharged(void)
{
	UNTIL(charged() <= 1 << 20);
}

/*
 * Opens @n subscriptions and returns the number of bytes charged to the caller's cgroup for each.
 */
static long each_costs(int n, uint32_t len)
{
	int *fds = calloc(n, sizeof(*fds)), i;
	long before;

	CHECK(fds);
	memset(fds, 0xff, n * sizeof(*fds));
	wait_uncharged();
	before = charged();
	for (i = 0; i < n; i++) {
		fds[i] = OK(chan_open("test", O_NONBLOCK));
		set_queue(fds[i], len);
	}
	before = charged() - before;
	for (i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
	return before / n;
}

static void in_cgroup(struct child *self, void *arg)
{
	long with_queue = 4096 * 64, cost;
	int fd;

	(void)self;
	(void)arg;
	put(GROUP "/cgroup.procs", "0");
	each_costs(20, 16);	/* warm up: allocate what is needed only once */
	cost = each_costs(200, 4096);
	printf(": charged for a queue of 256 KiB: %ld bytes\n", cost);
	CHECK(cost >= with_queue);
	CHECK(cost <= with_queue + 16384);

	/*
	 * setting the length charges the calling process, not the process that opened the
	 * descriptor
	 */
	fd = *(int *)arg;
	wait_uncharged();
	cost = charged();
	set_queue(fd, 65536);
	cost = charged() - cost;
	/* memory uncharged between the two readings reduces the difference, so tolerate 1 MiB */
	CHECK(cost >= 65536 * 64 - (1 << 20));
}

static void test_charged(void)
{
	int fd = OK(chan_open("test", O_NONBLOCK));
	struct child c;

	if (mkdir(GROUP, 0755) && errno != EEXIST) {
		printf(": no cgroups here: charging is not tested\n");
		return;
	}
	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	c = child_start(in_cgroup, &fd);
	child_join(&c);
	close(fd);
	cgroup_remove(GROUP);
}

/* Checks that RLIMIT_MEMLOCK limits the total size of all of a user's queues. */
static void plain_user(struct child *self, void *arg)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };
	struct ksig_subscribe large = { .queue_len = 65536 };
	int fds[200], n = 0;

	(void)self;
	(void)arg;
	OK(chmod("/dev/ksig/test", 0666));
	OK(setrlimit(RLIMIT_MEMLOCK, &limit));
	OK(setresuid(1234, 1234, 1234));
	while (n < 200) {
		fds[n] = chan_open("test", O_NONBLOCK);
		if (fds[n] < 0)
			break;
		n++;
	}
	CHECK_EQ(errno, ENOBUFS);
	/* each subscription needs 16 KiB and 3 pages */
	CHECK_EQ(n, (1 << 20) / (16384 + 3 * 4096));
	printf(": %d subscriptions in 1 MiB of RLIMIT_MEMLOCK\n", n);
	FAILS(ioctl(fds[0], KSIG_IOC_SUBSCRIBE, &large), ENOBUFS);
	emit(1);
	CHECK_EQ(read_event(fds[0]).value, 1);
	/* closing a subscription immediately frees its share of the limit */
	close(fds[--n]);
	fds[n++] = OK(chan_open("test", O_NONBLOCK));
	FAILS(chan_open("test", O_NONBLOCK), ENOBUFS);
}

static void test_bounded(void)
{
	struct child c = child_start(plain_user, NULL);

	child_join(&c);
	OK(chmod("/dev/ksig/test", 0600));
}

int main(void)
{
	if (getenv("KSIG_MANY"))
		many = atoi(getenv("KSIG_MANY"));
	raise_files();
	test_subscriptions();
	test_channels();
	test_charged();
	test_bounded();
	return 0;
}
