// SPDX-License-Identifier: MIT
/*
 * Test the mapped ring: which mappings are permitted, that read-only pages stay read-only, and that
 * a misbehaving consumer harms only itself.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#include "ktest.h"

static size_t page;

static void refused(int fd, size_t size, int prot, int flags, size_t first,
		    int err)
{
	errno = 0;
	CHECK(mmap(NULL, size, prot, flags, fd, first * page) == MAP_FAILED);
	CHECK_EQ(errno, err);
}

static void test_ranges(int fd)
{
	const int ro = PROT_READ, rw = PROT_READ | PROT_WRITE;
	struct ring ring = ring_map(fd);
	size_t size = ring.size;
	void *part;

	refused(fd, 2 * page, ro, MAP_SHARED, 0, EINVAL);
	refused(fd, 2 * page, rw, MAP_SHARED, 0, EINVAL);
	refused(fd, page, ro, MAP_SHARED, 2, EINVAL);
	refused(fd, size + page, ro, MAP_SHARED, 1, EINVAL);
	refused(fd, page, ro, MAP_PRIVATE, 0, EINVAL);
	refused(fd, page, rw, MAP_PRIVATE, 0, EINVAL);
	refused(fd, size, ro, MAP_PRIVATE, 1, EINVAL);
	refused(fd, size, rw, MAP_PRIVATE, 1, EINVAL);
	refused(fd, size, rw, MAP_SHARED, 1, EACCES);
	refused(fd, size, PROT_WRITE, MAP_SHARED, 1, EACCES);
	refused(fd, size, ro | PROT_EXEC, MAP_SHARED, 1, EACCES);
	refused(fd, page, rw | PROT_EXEC, MAP_SHARED, 0, EACCES);

	/* READ_IMPLIES_EXEC must not make this mapping executable */
	OK(personality(personality(0xffffffff) | READ_IMPLIES_EXEC));
	part = OK(mmap(NULL, size, ro, MAP_SHARED, fd, page));
	OK(personality(personality(0xffffffff) & ~READ_IMPLIES_EXEC));
	FAILS(mprotect(part, page, ro | PROT_EXEC), EACCES);
	OK(munmap(part, size));

	/* write and execute access can't be added later */
	part = (void *)(uintptr_t)ring.producer;
	FAILS(mprotect(part, page, rw), EACCES);
	FAILS(mprotect((void *)(uintptr_t)ring.records, page, rw), EACCES);
	FAILS(mprotect(part, size, PROT_WRITE), EACCES);
	FAILS(madvise(part, size, MADV_DOFORK), EINVAL);
	FAILS(madvise(ring.consumer, page, MADV_DOFORK), EINVAL);
	FAILS(mprotect(part, page, ro | PROT_EXEC), EACCES);
	FAILS(mprotect(ring.consumer, page, rw | PROT_EXEC), EACCES);
	CHECK(mremap(part, size, size + page, MREMAP_MAYMOVE) == MAP_FAILED);
	OK(mprotect(ring.consumer, page, ro));
	OK(mprotect(ring.consumer, page, rw));

	/* the producer's page can also be mapped on its own, read-only */
	part = OK(mmap(NULL, page, ro, MAP_SHARED, fd, page));
	CHECK_EQ(((struct ksig_ring_producer *)part)->event_size, 64);
	OK(munmap(part, page));
	/* after partial unmapping, the ring counts as mapped until the last part is unmapped */
	OK(munmap((void *)(uintptr_t)ring.producer, page));
	OK(munmap((void *)(uintptr_t)ring.records, size - page));
	CHECK(stats_of(fd).flags & KSIG_STATS_MAPPED);
	OK(munmap(ring.consumer, page));
	CHECK(!(stats_of(fd).flags & KSIG_STATS_MAPPED));
}

static const struct ksig_event *record(const struct ring *ring, uint32_t index)
{
	return (const void *)(ring->records + (index % ring->producer->len) *
			      ring->producer->event_size);
}

/*
 * Check that a reader can alternate between the mapping and read(2), and that each continues where
 * the other stopped.
 */
static void test_hand_over(int fd)
{
	struct ring ring;

	emit_many(1, 4);
	CHECK_EQ(read_event(fd).value, 1);
	ring = ring_map(fd);
	CHECK_EQ(ring.consumer->head, 1);
	CHECK_EQ(ring.producer->tail, 4);
	CHECK_EQ(ring.producer->len, 16);
	CHECK_EQ(ring.producer->flags, 0);
	CHECK_EQ(record(&ring, 1)->value, 2);
	CHECK_EQ(record(&ring, 1)->seq, 2);
	ring.consumer->head = 2;
	CHECK_EQ(stats_of(fd).delivered, 2);
	ring_unmap(&ring);
	CHECK_EQ(read_event(fd).value, 3);
	ring = ring_map(fd);
	CHECK_EQ(ring.consumer->head, 3);
	/* make the ring wrap around and overflow; the lost events must be reported */
	emit_many(5, 20);
	CHECK_EQ(ring.producer->tail, 3 + 16);
	CHECK_EQ(ring.producer->lost, 5);
	CHECK_EQ(record(&ring, 18)->value, 19);
	ring.consumer->head = 19;
	emit(30);
	CHECK_EQ(record(&ring, 19)->value, 30);
	CHECK_EQ(record(&ring, 19)->lost_before, 5);
	ring.consumer->head = 20;
	check_identity(fd);
	/* nothing but unmapping makes the kernel read the last position */
	emit_many(31, 2);
	ring.consumer->head = 21;
	ring_unmap(&ring);
	CHECK_EQ(read_event(fd).value, 32);
}

/* Check that the consumer's page is ignored after the last mapping has been removed. */
static void test_left_behind(int fd)
{
	struct ring ring = ring_map(fd);
	struct ksig_stats st;
	uint64_t i;

	ring.consumer->head = ring.producer->tail + 3;
	ring_unmap(&ring);
	st = stats_of(fd);
	CHECK_EQ(st.queued, 0);
	emit_many(1, 5);
	CHECK_EQ(stats_of(fd).queued, 5);
	CHECK_EQ(stats_of(fd).delivered, st.delivered);
	for (i = 1; i <= 5; i++)
		CHECK_EQ(read_event(fd).value, i);
	check_identity(fd);

	/* a new mapping starts with a valid head */
	ring = ring_map(fd);
	CHECK_EQ(ring.consumer->head, ring.producer->tail);
	ring_unmap(&ring);
}

/* Check that a consumer that writes random heads doesn't affect another subscription. */
static void test_scribbler(int fd)
{
	int other = OK(chan_open("test", O_NONBLOCK));
	struct ring ring = ring_map(fd);
	uint32_t good = ring.consumer->head, i;
	struct ksig_stats st;

	OK(arm(fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
	srand(1);
	for (i = 1; i <= 2000; i++) {
		ring.consumer->head = (uint32_t)rand() * 2654435761u;
		emit(i);
		CHECK_EQ(read_event(other).value, i);
		check_identity(fd);
		st = stats_of(fd);
		CHECK(st.queued <= 16);
	}
	/* a head before the last accepted one or after the tail is ignored */
	st = stats_of(fd);
	ring.consumer->head = good;
	CHECK(stats_of(fd).delivered >= st.delivered);
	ring.consumer->head = ring.producer->tail + 1;
	CHECK(stats_of(fd).delivered >= st.delivered);
	memset(ring.consumer, 0xff, page);
	check_identity(fd);
	/* a valid head is accepted again */
	ring.consumer->head = ring.producer->tail;
	CHECK_EQ(stats_of(fd).queued, 0);
	emit(5000);
	CHECK_EQ(record(&ring, ring.producer->tail - 1)->value, 5000);
	CHECK_EQ(stats_of(fd).queued, 1);
	check_identity(fd);
	check_identity(other);
	ring_unmap(&ring);
	close(other);
	while (!nothing_to_take(SIG))
		;
}

/* Check that the rest of the last page is zero if the queue doesn't fill it. */
static void test_all_lengths(void)
{
	uint32_t len, i;
	size_t size;
	int fd;

	for (len = 16; len <= 4096; len *= 2) {
		struct ring ring;

		fd = OK(chan_open("test", O_NONBLOCK));
		set_queue(fd, len);
		ring = ring_map(fd);
		emit_many(1, len);
		for (i = 0; i < len; i++)
			CHECK_EQ(record(&ring, i)->value, i + 1);
		size = ring.size - page;
		for (i = len * 64; i < size; i++)
			CHECK_EQ(ring.records[i], 0);
		ring_unmap(&ring);
		close(fd);
	}
}

int main(void)
{
	int fd;

	page = sysconf(_SC_PAGESIZE);
	block(SIG);
	fd = OK(chan_open("test", O_NONBLOCK));
	set_queue(fd, 16);
	test_ranges(fd);
	test_hand_over(fd);
	test_left_behind(fd);
	test_scribbler(fd);
	close(fd);
	test_all_lengths();
	return 0;
}
