// SPDX-License-Identifier: MIT
/* Promise 10 for channels: each invalid input fails with a specific error and changes nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ktest.h"

static int fd;
static void *nowhere;

#define REJECT(cmd, good, field, bad, err) do { \
	__typeof__(good) copy_ = (good); \
	copy_.field = (bad); \
	FAILS(ioctl(fd, cmd, &copy_), err); \
} while (0)

static uint32_t queue_len(void)
{
	struct ksig_info info;

	OK(ioctl(fd, KSIG_IOC_INFO, &info));
	return info.queue_len;
}

static void test_info(void)
{
	struct ksig_info info;
	int writer = OK(open("/dev/ksig/test", O_WRONLY));

	memset(&info, 0xff, sizeof(info));
	OK(ioctl(fd, KSIG_IOC_INFO, &info));
	CHECK_EQ(info.abi, KSIG_ABI);
	CHECK_EQ(info.event_size, 64);
	CHECK_EQ(info.queue_len, KSIG_QUEUE_DEFAULT);
	CHECK_EQ(info.max_queue_len, KSIG_QUEUE_MAX);
	CHECK_EQ(info.flags, 0);
	CHECK(!strcmp(info.channel, "test"));
	FAILS(ioctl(fd, KSIG_IOC_INFO, nowhere), EFAULT);

	/* a descriptor opened only for writing has no subscription */
	OK(ioctl(writer, KSIG_IOC_INFO, &info));
	CHECK_EQ(info.queue_len, 0);
	FAILS(ioctl(writer, KSIG_IOC_STATS, &info), EBADF);
	FAILS(ioctl(writer, KSIG_IOC_DISARM, 0), EBADF);
	FAILS(ioctl(writer, KSIG_IOC_ARM, &info), EBADF);
	FAILS(ioctl(writer, KSIG_IOC_SEND, &info), ENOTTY);
	FAILS(ioctl(writer, 0x5401 /* TCGETS */, &info), ENOTTY);
	close(writer);
}

static void test_subscribe(void)
{
	struct ksig_subscribe good = {
		.types = 1, .subject = 7, .queue_len = 64,
		.flags = KSIG_SUBSCRIBE_SUBJECT,
	};
	static const uint32_t bad[] = {
		1, 8, 15, 17, 48, 255, 65537, 131072, 1U << 31, ~0U,
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REJECT(KSIG_IOC_SUBSCRIBE, good, queue_len, bad[i], EINVAL);
	for (i = 1; i < 64; i++)
		REJECT(KSIG_IOC_SUBSCRIBE, good, types, 1ULL << i, EINVAL);
	for (i = 1; i < 32; i++)
		REJECT(KSIG_IOC_SUBSCRIBE, good, flags,
		       KSIG_SUBSCRIBE_SUBJECT | 1U << i, EINVAL);
	REJECT(KSIG_IOC_SUBSCRIBE, good, flags, 0, EINVAL);
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, nowhere), EFAULT);
	CHECK_EQ(queue_len(), KSIG_QUEUE_DEFAULT);
	emit(1);
	CHECK_EQ(read_event(fd).value, 1);	/* no filter is set yet */

	/* all events of the test channel have subject 0 */
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &good));
	CHECK_EQ(queue_len(), 64);
	emit(2);
	CHECK_EQ(stats_of(fd).queued, 0);
	good.subject = 0;
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &good));
	emit(3);
	CHECK_EQ(read_event(fd).value, 3);
	check_identity(fd);
}

/*
 * Check that SUBSCRIBE discards all records and resets all counters, and that a failed SUBSCRIBE
 * changes nothing.
 */
static void test_subscribe_again(void)
{
	struct ksig_subscribe none = { }, longer = { .queue_len = 32 };
	struct ksig_subscribe fd16 = { .queue_len = 16 };
	struct ring ring;
	struct event ev;

	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &fd16));
	emit_many(1, 17);
	CHECK_EQ(stats_of(fd).lost, 1);
	OK(arm(fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, &none), EBUSY);
	OK(ioctl(fd, KSIG_IOC_DISARM, 0));
	take(SIG);
	ring = ring_map(fd);
	FAILS(ioctl(fd, KSIG_IOC_SUBSCRIBE, &none), EBUSY);
	ring_unmap(&ring);
	CHECK_EQ(queue_len(), 16);
	CHECK_EQ(stats_of(fd).queued, 16);
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &longer));
	CHECK_EQ(queue_len(), 32);
	CHECK_EQ(stats_of(fd).offered, 0);
	CHECK_EQ(stats_of(fd).lost, 0);
	CHECK_EQ(stats_of(fd).signals, 0);
	emit(4);
	ring = ring_map(fd);
	CHECK_EQ(ring.producer->lost, 0);
	CHECK_EQ(ring.producer->tail - ring.consumer->head, 1);
	ring_unmap(&ring);
	ev = read_event(fd);
	CHECK_EQ(ev.seq, 1);
	CHECK_EQ(ev.lost_before, 0);
	CHECK_EQ(ev.value, 4);
	/* the length is unchanged, so the memory is reused */
	emit(5);
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &longer));
	CHECK_EQ(stats_of(fd).queued, 0);
	emit(6);
	ev = read_event(fd);
	CHECK_EQ(ev.seq, 1);
	CHECK_EQ(ev.value, 6);
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &none));
	CHECK_EQ(queue_len(), KSIG_QUEUE_DEFAULT);
	check_identity(fd);
}

static void test_arm(void)
{
	struct ksig_arm good = { .signo = SIG }, bell = {
		.signo = SIG, .mode = KSIG_MODE_DOORBELL, .value = 9,
	};
	char record[64];
	struct ring ring;
	unsigned int i;

	REJECT(KSIG_IOC_ARM, good, signo, 0, EINVAL);
	REJECT(KSIG_IOC_ARM, good, signo, -1, EINVAL);
	REJECT(KSIG_IOC_ARM, good, signo, 65, EINVAL);
	REJECT(KSIG_IOC_ARM, good, signo, INT_MIN, EINVAL);
	REJECT(KSIG_IOC_ARM, good, mode, 2, EINVAL);
	REJECT(KSIG_IOC_ARM, good, mode, ~0U, EINVAL);
	for (i = 2; i < 32; i++)
		REJECT(KSIG_IOC_ARM, good, flags, 1U << i, EINVAL);
	REJECT(KSIG_IOC_ARM, good, tid, -1, EINVAL);
	REJECT(KSIG_IOC_ARM, good, tid, INT_MIN, EINVAL);
	REJECT(KSIG_IOC_ARM, good, tid, INT_MAX, ESRCH);
	REJECT(KSIG_IOC_ARM, good, max_pending, KSIG_PENDING_MAX + 1, EINVAL);
	REJECT(KSIG_IOC_ARM, good, max_pending, ~0U, EINVAL);
	REJECT(KSIG_IOC_ARM, good, reserved, 1, EINVAL);
	REJECT(KSIG_IOC_ARM, good, value, 1, EINVAL);
	REJECT(KSIG_IOC_ARM, bell, max_pending, 2, EINVAL);
	REJECT(KSIG_IOC_ARM, bell, flags, KSIG_ARM_SUBJECT, EINVAL);
	FAILS(ioctl(fd, KSIG_IOC_ARM, nowhere), EFAULT);
	CHECK(!(stats_of(fd).flags & KSIG_STATS_ARMED));

	/* after a failed ARM, the subscription stays armed as before */
	OK(ioctl(fd, KSIG_IOC_ARM, &bell));
	REJECT(KSIG_IOC_ARM, good, signo, 65, EINVAL);
	REJECT(KSIG_IOC_ARM, good, tid, INT_MAX, ESRCH);
	emit(1);
	CHECK_EQ(take(SIG).si_int, 9);
	read_event(fd);

	ring = ring_map(fd);
	FAILS(ioctl(fd, KSIG_IOC_ARM, &good), EBUSY);
	FAILS(read(fd, record, sizeof(record)), EBUSY);
	CHECK(stats_of(fd).flags & KSIG_STATS_MAPPED);
	ring_unmap(&ring);
	OK(ioctl(fd, KSIG_IOC_ARM, &good));
	FAILS(read(fd, record, sizeof(record)), EBUSY);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EBUSY);

	/* DISARM takes no argument and ignores any value that is passed */
	OK(ioctl(fd, KSIG_IOC_DISARM, ~0UL));
	CHECK(!(stats_of(fd).flags & KSIG_STATS_ARMED));
	OK(ioctl(fd, KSIG_IOC_DISARM));
	OK(ioctl(fd, KSIG_IOC_DISARM, 0));
	CHECK(nothing_to_take(SIG));
}

static void test_stats_and_unknown(void)
{
	char buf[256];
	unsigned int nr;

	FAILS(ioctl(fd, KSIG_IOC_STATS, nowhere), EFAULT);
	for (nr = 0; nr < 256; nr++) {
		/* no ioctl has an argument of this size */
		FAILS(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 0xBE, nr, 200),
			    buf), ENOTTY);
	}
	FAILS(ioctl(fd, KSIG_IOC_SEND, buf), ENOTTY);
}

static void test_write(void)
{
	uint64_t value = 1, two[2] = { 1, 2 };
	int other;

	FAILS(write(fd, &value, 7), EINVAL);
	FAILS(write(fd, two, sizeof(two)), EINVAL);
	FAILS(write(fd, &value, 0), EINVAL);
	FAILS(write(fd, nowhere, 8), EFAULT);
	CHECK_EQ(stats_of(fd).offered, 0);
	if (!access("/ksig/ksig_context.ko", F_OK)) {
		context_load();
		other = OK(chan_open("context", 0));
		FAILS(write(other, &value, 8), EINVAL);
		close(other);
		context_unload();
	}
}

/* Creates a driver's channel with the given name. Return: 0 or an errno. */
static int name(const char *text)
{
	char line[64];

	snprintf(line, sizeof(line), "name %s", text);
	return context_do(line);
}

static void test_names(void)
{
	static const char *const good[] = {
		"a", "0", "a_b-c", "9-", "x12345678901234567890123456789012345678901234-z",
	}, *const bad[] = {
		"", "A", "aB", "a.b", "a/b", "a b", "a\n", "-a", "_a", "..", "%d",
		"a%d%d", "a%u", "\xe9", "caf\xe9", "caf\xc3\xa9", "\xaa\xba", "\x7f",
		"\xff", "x12345678901234567890123456789012345678901234-zz",
	};
	char byte[2] = "";
	size_t i;
	int c;

	if (access("/ksig/ksig_context.ko", F_OK))
		return;
	context_load();
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_EQ(name(good[i]), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (name(bad[i]) != EINVAL)
			fail(__FILE__, __LINE__, "\"%s\" is a name", bad[i]);
	}
	for (c = 1; c < 256; c++) {
		byte[0] = c;
		CHECK_EQ(name(byte), (c >= 'a' && c <= 'z') ||
				     (c >= '0' && c <= '9') ? 0 : EINVAL);
	}
	CHECK_EQ(name("control"), EEXIST);
	CHECK_EQ(name("test"), EEXIST);
	CHECK_EQ(name("context"), EEXIST);
	context_unload();
}

int main(void)
{
	block(SIG);
	nowhere = OK(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0));
	fd = OK(chan_open("test", O_NONBLOCK));
	test_info();
	test_write();
	test_subscribe();
	test_subscribe_again();
	test_arm();
	test_stats_and_unknown();
	test_names();
	check_identity(fd);
	return 0;
}
