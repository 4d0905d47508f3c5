// SPDX-License-Identifier: GPL-2.0-only
/* A queue of records: memory, consumers, counters. ring_mmap.c maps it. */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "ring.h"

/* Pages charged in addition to the records: two for mappings, one for everything else. */
#define KSIG_RING_EXTRA_PAGES	3

/* ------------------------------------------------------------------- memory */

static void ksig_ring_memory_uncharge(struct ksig_ring_memory *mem)
{
	if (!mem->user)
		return;
	atomic_long_sub(mem->pages, &mem->user->locked_vm);
	free_uid(mem->user);
	mem->user = NULL;
}

/**
 * ksig_ring_memory_alloc() - allocate the memory of a ring and charge it to the caller
 * @mem: filled in on success
 * @event_size: bytes per record
 * @len: number of records, a power of two
 *
 * Context: process, may sleep.
 *
 * Return: 0; -ENOBUFS if the charge would exceed RLIMIT_MEMLOCK; -ENOMEM.
 */
int ksig_ring_memory_alloc(struct ksig_ring_memory *mem, u32 event_size, u32 len)
{
	size_t size = PAGE_ALIGN((size_t)len * event_size);
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();

	*mem = (struct ksig_ring_memory){ .len = len };
	mem->pages = (size >> PAGE_SHIFT) + KSIG_RING_EXTRA_PAGES;
	if (atomic_long_add_return(mem->pages, &user->locked_vm) > limit &&
	    !capable(CAP_IPC_LOCK)) {
		atomic_long_sub(mem->pages, &user->locked_vm);
		return -ENOBUFS;
	}
	mem->user = get_uid(user);
	mem->records = __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO |
				       __GFP_NOWARN);
	mem->consumer = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	mem->producer = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!mem->records || !mem->consumer || !mem->producer) {
		ksig_ring_memory_free(mem);
		return -ENOMEM;
	}
	mem->producer->len = len;
	mem->producer->event_size = event_size;
	return 0;
}

/* Undo ksig_ring_memory_alloc(). A zeroed structure is ignored. */
void ksig_ring_memory_free(struct ksig_ring_memory *mem)
{
	ksig_ring_memory_uncharge(mem);
	free_page((unsigned long)mem->producer);
	free_page((unsigned long)mem->consumer);
	vfree(mem->records);
	*mem = (struct ksig_ring_memory){ };
}

/**
 * ksig_ring_init() - initialize a ring of the default length
 * @ring: zeroed memory
 * @event_size: bytes per record
 *
 * Return: as ksig_ring_memory_alloc().
 */
int ksig_ring_init(struct ksig_ring *ring, u32 event_size)
{
	raw_spin_lock_init(&ring->lock);
	ring->event_size = event_size;
	return ksig_ring_memory_alloc(&ring->mem, event_size,
				      KSIG_QUEUE_DEFAULT);
}

/* Called when the owner no longer uses the ring. Running emitters may still use the ring. */
void ksig_ring_uncharge(struct ksig_ring *ring)
{
	ksig_ring_memory_uncharge(&ring->mem);
}

/* Called when nothing can access the ring any longer. */
void ksig_ring_destroy(struct ksig_ring *ring)
{
	ksig_ring_memory_free(&ring->mem);
}

/**
 * ksig_ring_reset() - remove all records and set all counters to zero
 * @ring: the ring; its lock is held, and its owner excludes other consumers
 * @mem: the new memory. On success, the old memory is returned in @mem, and the caller has to
 *	free it. NULL: the ring keeps its memory
 *
 * Return: 0; -EBUSY if the ring is mapped or claimed; -ENODEV after hang-up.
 */
int ksig_ring_reset(struct ksig_ring *ring, struct ksig_ring_memory *mem)
{
	lockdep_assert_held(&ring->lock);
	if (ring->hup)
		return -ENODEV;
	if (ring->maps || ring->claimed)
		return -EBUSY;
	if (mem) {
		swap(ring->mem, *mem);
		ring->mem.producer->tail = ring->tail;
	}
	ring->mem.producer->lost = 0;
	WRITE_ONCE(ring->head, ring->tail);
	ring->unreported_lost = 0;
	ring->offered = 0;
	ring->lost = 0;
	ring->consumed = 0;
	ring->refused = 0;
	return 0;
}

/* ---------------------------------------------------------------- consuming */

/**
 * ksig_ring_claim() - reserve the records for signal delivery
 * @ring: the ring
 *
 * Return: 0; -EBUSY if the ring is mapped.
 */
int ksig_ring_claim(struct ksig_ring *ring)
{
	unsigned long flags;
	int err = 0;

	raw_spin_lock_irqsave(&ring->lock, flags);
	if (ring->maps)
		err = -EBUSY;
	else
		WRITE_ONCE(ring->claimed, true);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return err;
}

/* Undo ksig_ring_claim(). After this, read(2) and mmap(2) work again. */
void ksig_ring_release(struct ksig_ring *ring)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	/* release: head includes the consumed records; pairs with ksig_ring_read() */
	smp_store_release(&ring->claimed, false);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

/* Set @hup, which means that no record will be added after this. */
void ksig_ring_hup(struct ksig_ring *ring)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	/* release: all records were added; pairs with the acquires in chardev.c and deliver.c */
	smp_store_release(&ring->hup, true);
	WRITE_ONCE(ring->mem.producer->flags, KSIG_RING_HUP);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

static u32 ksig_add_saturating(u32 a, u32 b)
{
	return a + b < a ? U32_MAX : a + b;
}

/**
 * ksig_ring_lose() - count an event that is lost because the ring is full
 * @ring: the ring; its lock is held
 */
void ksig_ring_lose(struct ksig_ring *ring)
{
	lockdep_assert_held(&ring->lock);
	ring->lost++;
	ring->unreported_lost = ksig_add_saturating(ring->unreported_lost, 1);
	WRITE_ONCE(ring->mem.producer->lost, ring->lost);
}

/**
 * ksig_ring_restore_lost() - report a loss again, because the signal that reported it was refused
 * @ring: the ring
 * @n: lost_before of the record that was refused; added to lost_before of the next record
 */
void ksig_ring_restore_lost(struct ksig_ring *ring, u32 n)
{
	unsigned long flags;
	u32 head, *lost;

	raw_spin_lock_irqsave(&ring->lock, flags);
	head = ksig_ring_head(ring);
	lost = head == ring->tail ? &ring->unreported_lost :
	       &ksig_ring_slot(ring, head)->lost_before;
	*lost = ksig_add_saturating(*lost, n);
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}

/**
 * ksig_ring_count() - get the number of records in the ring
 * @ring: the ring
 * @head: if not NULL, set to the index of the oldest record
 *
 * Context: any except NMI.
 */
u32 ksig_ring_count(struct ksig_ring *ring, u32 *head)
{
	unsigned long flags;
	u32 oldest, tail;

	if (likely(!READ_ONCE(ring->maps))) {
		/* load head first, so that tail - head was correct at some time between the loads */
		oldest = smp_load_acquire(&ring->head);
		/* pairs with ksig_ring_commit(): the records are visible */
		tail = smp_load_acquire(&ring->tail);
	} else {
		raw_spin_lock_irqsave(&ring->lock, flags);
		oldest = ksig_ring_head(ring);
		tail = ring->tail;
		raw_spin_unlock_irqrestore(&ring->lock, flags);
	}
	if (head)
		*head = oldest;
	return tail - oldest;
}

/**
 * ksig_ring_peek() - get the oldest record
 * @ring: the ring, which must be claimed; the caller is its consumer
 *
 * Return: the record, valid until it is consumed; NULL if the ring is empty.
 */
const struct ksig_event *ksig_ring_peek(struct ksig_ring *ring)
{
	return ksig_ring_is_empty(ring) ? NULL : ksig_ring_slot(ring, ring->head);
}

/**
 * ksig_ring_consume_one() - remove the oldest record
 * @ring: the ring, which must be claimed; the caller is its consumer
 * @refused: the target refused the signal
 *
 * Return: true if more records are left.
 */
bool ksig_ring_consume_one(struct ksig_ring *ring, bool refused)
{
	ring->consumed++;
	ring->refused += refused;
	/* release: the record was used; pairs with ksig_ring_reserve() */
	smp_store_release(&ring->head, ring->head + 1);
	return !ksig_ring_is_empty(ring);
}

/**
 * ksig_ring_read() - copy as many whole records as fit
 * @ring: the ring; the caller excludes other readers and ksig_ring_reset()
 * @to: the destination
 *
 * Context: process; accesses user memory.
 *
 * Return: number of bytes copied; 0 if the ring is empty; -EBUSY if the ring is mapped or
 * claimed; -EFAULT. -ESTALE if the call has to be repeated, because the ring was mapped or
 * claimed during the call and records were consumed. On error, the position of @to is
 * unchanged.
 */
ssize_t ksig_ring_read(struct ksig_ring *ring, struct iov_iter *to)
{
	u32 size = ring->event_size, len = ring->mem.len;
	u32 done = 0, want, head, n, at;
	size_t copied, all = 0;
	unsigned long flags;
	ssize_t ret;

	/* acquire: head includes the consumed records; pairs with ksig_ring_release() */
	if (READ_ONCE(ring->maps) || smp_load_acquire(&ring->claimed))
		return -EBUSY;
	head = READ_ONCE(ring->head);
	/* pairs with ksig_ring_commit(): the records are visible */
	want = smp_load_acquire(&ring->tail) - head;
	want = min_t(size_t, iov_iter_count(to) / size, want);
	while (done < want) {
		at = (head + done) & (len - 1);
		n = min(want - done, len - at);
		/*
		 * Don't use copy_to_iter(), because the usercopy check would search
		 * all vmalloc areas for the ring.
		 */
		copied = _copy_to_iter(ksig_ring_slot(ring, at),
				       (size_t)n * size, to);
		done += copied / size;
		all += copied;
		if (copied != (size_t)n * size)
			break;
	}
	if (!want)
		return 0;
	if (!done) {
		ret = -EFAULT;
		goto out;
	}
	ret = (ssize_t)done * size;
	/* order the copy before the load of head: pairs with ksig_ring_reserve() */
	smp_rmb();
	raw_spin_lock_irqsave(&ring->lock, flags);
	if (ring->maps || ring->claimed) {
		ret = -EBUSY;
	} else if (ring->head != head) {
		/* a mapping or signals consumed records during the copy, which may be torn */
		ret = -ESTALE;
	} else {
		/* release: the records were copied; pairs with ksig_ring_reserve() */
		smp_store_release(&ring->head, head + done);
		ring->consumed += done;
	}
	raw_spin_unlock_irqrestore(&ring->lock, flags);
out:
	/* revert @to by the bytes that were copied but are not returned */
	all -= max_t(ssize_t, ret, 0);
	if (unlikely(all))
		iov_iter_revert(to, all);
	return ret;
}

/* ----------------------------------------------------------------- counters */

/* Return: the length of the ring in records. */
u32 ksig_ring_len(struct ksig_ring *ring)
{
	unsigned long flags;
	u32 len;

	raw_spin_lock_irqsave(&ring->lock, flags);
	len = ring->mem.len;
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return len;
}

/**
 * ksig_ring_stats() - fill in the ring's part of KSIG_IOC_STATS
 * @ring: the ring; the caller excludes signal delivery
 * @st: filled in
 */
void ksig_ring_stats(struct ksig_ring *ring, struct ksig_stats *st)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ring->lock, flags);
	st->queued = ring->tail - ksig_ring_head(ring);
	st->offered = ring->offered;
	st->delivered = ring->consumed - ring->refused;
	st->lost = ring->lost;
	st->refused = ring->refused;
	if (ring->hup)
		st->flags |= KSIG_STATS_HUP;
	if (ring->maps)
		st->flags |= KSIG_STATS_MAPPED;
	raw_spin_unlock_irqrestore(&ring->lock, flags);
}
