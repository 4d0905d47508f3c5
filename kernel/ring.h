/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A queue of fixed-size records that user space can read or map.
 *
 * There may be many producers, in any context except NMI. The ring's lock serializes
 * them. Only one of these consumers uses the ring at a time:
 *
 *  - read(2), serialized by the owner's reader mutex;
 *  - signal delivery, under the owner's delivery lock, while the ring is claimed;
 *  - a mapping, which stores its position in the consumer page.
 *
 * The consumer owns the slots between head and tail. Producers don't write to these
 * slots, so the consumer accesses them without the lock.
 */
#ifndef KSIG_RING_H
#define KSIG_RING_H

#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <ksig/uapi.h>

struct iov_iter;
struct user_struct;
struct vm_area_struct;

/**
 * struct ksig_ring_memory - memory of a ring
 * @records: @len slots, in vmalloc memory
 * @consumer: the page that a mapping writes
 * @producer: the page that a mapping reads
 * @len: number of slots, a power of two
 * @user: the user that is charged for @pages; NULL once the pages are uncharged
 * @pages: number of pages charged against RLIMIT_MEMLOCK
 */
struct ksig_ring_memory {
	void *records;
	struct ksig_ring_consumer *consumer;
	struct ksig_ring_producer *producer;
	u32 len;
	struct user_struct *user;
	unsigned long pages;
};

/**
 * struct ksig_ring - a queue of records
 * @lock: innermost lock of ksig; no other lock is taken while it is held
 * @mem: memory of the ring; replaced only by ksig_ring_reset()
 * @event_size: bytes per record; never changes
 * @head: index of the oldest record. Written by the consumer, under @lock or, while the
 *	ring is claimed, under the owner's delivery lock. ksig_ring_head() copies the
 *	position of a mapping to @head
 * @tail: index of the next record to be added; also copied to the producer page
 * @unreported_lost: number of events lost since the newest record
 * @maps: number of mappings
 * @claimed: records are delivered by signal; read(2) and mmap(2) fail
 * @hup: no more records will be added
 * @offered: number of events offered, including lost events
 * @lost: number of events lost because the ring was full
 * @consumed: number of records removed by the consumer, including refused ones; written
 *	under the same lock as @head
 * @refused: number of records whose signal was refused; written under the same lock as
 *	@head
 *
 * All members are protected by @lock, except as stated.
 */
struct ksig_ring {
	raw_spinlock_t lock;
	u32 event_size;
	struct ksig_ring_memory mem;
	u32 head;
	u32 tail;
	u32 unreported_lost;
	unsigned int maps;
	bool claimed;
	bool hup;
	u64 offered;
	u64 lost;
	u64 consumed;
	u64 refused;
};

int ksig_ring_init(struct ksig_ring *ring, u32 event_size);
void ksig_ring_uncharge(struct ksig_ring *ring);
void ksig_ring_destroy(struct ksig_ring *ring);
int ksig_ring_memory_alloc(struct ksig_ring_memory *mem, u32 event_size, u32 len);
void ksig_ring_memory_free(struct ksig_ring_memory *mem);
int ksig_ring_reset(struct ksig_ring *ring, struct ksig_ring_memory *mem);
int ksig_ring_claim(struct ksig_ring *ring);
void ksig_ring_release(struct ksig_ring *ring);
void ksig_ring_hup(struct ksig_ring *ring);
void ksig_ring_lose(struct ksig_ring *ring);
u32 ksig_ring_count(struct ksig_ring *ring, u32 *head);
const struct ksig_event *ksig_ring_peek(struct ksig_ring *ring);
bool ksig_ring_consume_one(struct ksig_ring *ring, bool refused);
void ksig_ring_restore_lost(struct ksig_ring *ring, u32 n);
ssize_t ksig_ring_read(struct ksig_ring *ring, struct iov_iter *to);
u32 ksig_ring_len(struct ksig_ring *ring);
void ksig_ring_stats(struct ksig_ring *ring, struct ksig_stats *st);

int ksig_ring_mmap(struct ksig_ring *ring, struct vm_area_struct *vma);

/**
 * ksig_ring_slot() - get the address of a record
 * @ring: the ring
 * @index: free-running index of the record
 */
static inline struct ksig_event *ksig_ring_slot(const struct ksig_ring *ring,
						u32 index)
{
	return ring->mem.records +
	       (index & (ring->mem.len - 1)) * ring->event_size;
}

/**
 * ksig_ring_head() - get the consumer's position
 * @ring: the ring; its lock is held
 *
 * The position of a mapping is accepted only if it lies between the last accepted
 * position and the tail. Any other value is ignored, and no slot is freed. A misbehaving
 * consumer therefore harms only itself.
 */
static inline u32 ksig_ring_head(struct ksig_ring *ring)
{
	u32 step;

	lockdep_assert_held(&ring->lock);
	if (unlikely(ring->maps)) {
		step = READ_ONCE(ring->mem.consumer->head) - ring->head;
		if (step <= ring->tail - ring->head) {
			WRITE_ONCE(ring->head, ring->head + step);
			ring->consumed += step;
		}
	}
	return ring->head;
}

/**
 * ksig_ring_reserve() - reserve a slot for an event's record
 * @ring: the ring; its lock is held until ksig_ring_commit()
 *
 * Counts the event as offered, and as lost if the ring is full.
 *
 * Return: the slot; NULL if the ring is full.
 */
static __always_inline struct ksig_event *
ksig_ring_reserve(struct ksig_ring *ring)
{
	u32 tail = ring->tail;

	lockdep_assert_held(&ring->lock);
	ring->offered++;
	/* acquire: the slot is free; pairs with ksig_ring_consume_one() */
	if (likely(tail - smp_load_acquire(&ring->head) < ring->mem.len) ||
	    tail - ksig_ring_head(ring) < ring->mem.len)
		return ksig_ring_slot(ring, tail);
	ksig_ring_lose(ring);
	return NULL;
}

/**
 * ksig_ring_commit() - make the reserved record visible to the consumer
 * @ring: the ring; its lock is held
 * @ev: from ksig_ring_reserve(); filled in except for seq and lost_before
 * @seq: sequence number of the event
 *
 * Return: true if the ring was empty before the call.
 */
static __always_inline bool ksig_ring_commit(struct ksig_ring *ring,
					     struct ksig_event *ev, u64 seq)
{
	u32 tail = ring->tail;

	lockdep_assert_held(&ring->lock);
	ev->seq = seq;
	ev->lost_before = ring->unreported_lost;
	ring->unreported_lost = 0;
	/* release: the record is complete; pairs with the acquires of tail in ring.c */
	smp_store_release(&ring->tail, tail + 1);
	/* release: the record is complete for the consumer of a mapping as well */
	smp_store_release(&ring->mem.producer->tail, tail + 1);
	/*
	 * Full barrier between the store to tail and the load of head or of the
	 * wait queue. Pairs with the consumer's barrier between its store to
	 * head (or prepare_to_wait()) and its load of tail. At least one side
	 * sees the other side's store. Either the producer finds that the ring
	 * was empty and notifies the consumer, or the consumer finds the record.
	 */
	smp_mb();
	return ksig_ring_head(ring) == tail;
}

/**
 * ksig_ring_is_empty() - check whether the ring has no records
 * @ring: the ring, which must not be mapped; the caller is its consumer
 */
static inline bool ksig_ring_is_empty(const struct ksig_ring *ring)
{
	/* pairs with ksig_ring_commit(): the record is visible */
	return smp_load_acquire(&ring->tail) == ring->head;
}

#endif /* KSIG_RING_H */
