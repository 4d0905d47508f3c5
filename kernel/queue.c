// SPDX-License-Identifier: GPL-2.0-only
/*
 * A subscription's queue: records in a ring that user space may map.
 *
 * Producers are emitters, in any context, under sub->lock. Consumers are one
 * of read(2), under sub->consume; the pump, under sub->pump; or a mapping,
 * which says in its page how far it is. Slots between head and tail are the
 * consumer's: nobody writes there, so it needs no lock to look at them.
 *
 * An NMI must not wait for the lock: the code that it interrupted may hold it.
 * When it meets the lock taken it leaves its event in the stash, which has room
 * for a few and no lock. Whoever pushes next, or the irq_work that the NMI
 * leaves behind, moves the stash to the queue first: order is kept.
 */
#include <linux/capability.h>
#include <linux/hardirq.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "ksig.h"
#include "trace.h"

/* What a stash's records may take, however large they are. */
#define KSIG_STASH_BYTES	8192
#define KSIG_STASH_SLOTS	16

/* Charged for what a subscription needs besides its records and a large stash. */
#define KSIG_EXTRA_PAGES	3

/**
 * struct ksig_stash - where NMIs leave what they can't push
 * @tail: slots taken; NMIs of several cpus compete for it
 * @head: slots given back; under sub->lock
 * @lost: events that found it full, and are not counted elsewhere yet
 * @slots: a power of two
 * @records: a record's seq is 0 until it is complete
 */
struct ksig_stash {
	atomic_t tail;
	atomic_t lost;
	u32 head;
	u32 slots;
	u64 records[];
};

/* ------------------------------------------------------------ the memory */

static u32 ksig_stash_slots(u32 event_size)
{
	u32 slots = KSIG_STASH_SLOTS;

	while (slots * event_size > KSIG_STASH_BYTES)
		slots /= 2;
	return slots;
}

static size_t ksig_stash_size(u32 event_size)
{
	return sizeof(struct ksig_stash) +
	       ksig_stash_slots(event_size) * event_size;
}

static int ksig_ring_charge(struct ksig_ring *ring)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();

	if (atomic_long_add_return(ring->pages, &user->locked_vm) > limit &&
	    !capable(CAP_IPC_LOCK)) {
		atomic_long_sub(ring->pages, &user->locked_vm);
		return -ENOBUFS;
	}
	ring->user = get_uid(user);
	return 0;
}

/* The memory may still be in use for a moment; the user is done with it. */
static void ksig_ring_uncharge(struct ksig_ring *ring)
{
	if (!ring->user)
		return;
	atomic_long_sub(ring->pages, &ring->user->locked_vm);
	free_uid(ring->user);
	ring->user = NULL;
}

static void ksig_ring_free(struct ksig_ring *ring)
{
	ksig_ring_uncharge(ring);
	free_page((unsigned long)ring->producer);
	free_page((unsigned long)ring->consumer);
	vfree(ring->records);
	kfree(ring);
}

static struct ksig_ring *ksig_ring_alloc(u32 len, u32 event_size)
{
	size_t size = PAGE_ALIGN((size_t)len * event_size);
	struct ksig_ring *ring;
	int err = -ENOMEM;

	ring = kzalloc_obj(*ring, GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->len = len;
	ring->event_size = event_size;
	ring->pages = (size >> PAGE_SHIFT) + KSIG_EXTRA_PAGES;
	/* as kmalloc() rounds it: none for records of 64 bytes */
	ring->pages += roundup_pow_of_two(ksig_stash_size(event_size)) >>
		       PAGE_SHIFT;
	err = ksig_ring_charge(ring);
	if (err)
		goto free;
	err = -ENOMEM;
	ring->records = __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_ZERO |
					__GFP_NOWARN);
	if (!ring->records)
		goto free;
	return ring;

free:
	ksig_ring_free(ring);
	return ERR_PTR(err);
}

static struct ksig_stash *ksig_stash_alloc(u32 event_size)
{
	struct ksig_stash *stash;

	stash = kzalloc(ksig_stash_size(event_size), GFP_KERNEL_ACCOUNT);
	if (stash)
		stash->slots = ksig_stash_slots(event_size);
	return stash;
}

/**
 * ksig_queue_init() - give a subscription its queue, of the default length
 * @sub: its channel is set
 *
 * Return: 0, -ENOBUFS or -ENOMEM.
 */
int ksig_queue_init(struct ksig_sub *sub)
{
	struct ksig_ring *ring;

	raw_spin_lock_init(&sub->lock);
	ring = ksig_ring_alloc(KSIG_QUEUE_DEFAULT, sub->chan->event_size);
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	sub->stash = ksig_stash_alloc(sub->chan->event_size);
	if (!sub->stash) {
		ksig_ring_free(ring);
		return -ENOMEM;
	}
	sub->ring = ring;
	return 0;
}

/* The last descriptor and mapping are gone; emitters may still be at it. */
void ksig_queue_close(struct ksig_sub *sub)
{
	ksig_ring_uncharge(sub->ring);
}

/* Nobody can reach the subscription any more. */
void ksig_queue_free(struct ksig_sub *sub)
{
	ksig_ring_free(sub->ring);
	kfree(sub->stash);
}

/* --------------------------------------------------------- the ring itself */

static struct ksig_event *ksig_slot(const struct ksig_ring *ring, u32 index)
{
	return ring->records + (index & (ring->len - 1)) * ring->event_size;
}

/*
 * How far the consumer is. Where a mapping says so, nothing but a step forward,
 * up to the tail, is believed: whatever else stands there hurts its writer, for
 * whom the queue stays as full as it was. Under sub->lock.
 */
static __always_inline u32 ksig_head(struct ksig_sub *sub)
{
	const struct ksig_ring *ring = sub->ring;
	u32 step;

	if (ring->consumer) {
		step = READ_ONCE(ring->consumer->head) - sub->head;
		if (step <= sub->tail - sub->head) {
			WRITE_ONCE(sub->head, sub->head + step);
			sub->consumed += step;
		}
	}
	return sub->head;
}

static __always_inline bool ksig_full(struct ksig_sub *sub)
{
	/* acquire: a slot that was given back may be written to */
	if (sub->tail - smp_load_acquire(&sub->head) < sub->ring->len)
		return false;
	return sub->tail - ksig_head(sub) >= sub->ring->len;
}

static u32 ksig_add_saturating(u32 a, u32 b)
{
	return a + b < a ? U32_MAX : a + b;
}

/* Under sub->lock; @n events that were offered, the last with seq offered. */
static void ksig_lose(struct ksig_sub *sub, u32 n)
{
	sub->lost += n;
	sub->gap = ksig_add_saturating(sub->gap, n);
	if (sub->ring->producer)
		WRITE_ONCE(sub->ring->producer->lost, sub->lost);
	atomic64_add(n, &sub->chan->lost);
	trace_ksig_lost(sub->chan, sub->offered, sub->gap);
}

/*
 * The record at tail is complete but for what the queue knows. A doorbell is
 * owed if the queue was empty before. Under sub->lock.
 */
static __always_inline void ksig_publish(struct ksig_sub *sub,
					 struct ksig_event *ev)
{
	struct ksig_ring *ring = sub->ring;
	u32 before = sub->tail;

	ev->seq = sub->offered;
	ev->lost_before = sub->gap;
	sub->gap = 0;
	/* pairs with ksig_queue_span(): the record */
	smp_store_release(&sub->tail, before + 1);
	if (ring->producer)
		/* pairs with the consumer's load-acquire of tail: the record */
		smp_store_release(&ring->producer->tail, before + 1);
	/*
	 * Full barrier between the store of tail and the load of head, or of
	 * the wait queue. Pairs with the one between the consumer's store of
	 * head (or prepare_to_wait()) and its load of tail. One of the two
	 * sees the other's store: either this side finds the consumer at an
	 * empty queue and rings, or the consumer finds the new record.
	 */
	smp_mb();
	if (ksig_head(sub) == before)
		WRITE_ONCE(sub->owed, true);
}

/* All of a record that the emitter knows. @ev may be a slot of the stash. */
static __always_inline void ksig_write(const struct ksig_sub *sub,
				       struct ksig_event *ev,
				       const struct ksig_notice *n, u64 now)
{
	const struct ksig_chan *chan = sub->chan;
	u32 room = chan->event_size - sizeof(*ev);
	u64 *data = (u64 *)ev->data;

	ev->time_ns = now + sub->time_offset;
	ev->value = n->value;
	ev->subject = n->pid ? pid_nr_ns(n->pid, sub->pid_ns) : n->subject;
	ev->type = n->type;
	ev->len = n->len;
	ev->flags = sub->mark;
	if (likely(!n->len && room == 2 * sizeof(*data))) {
		/* by far the most: no call for two words */
		data[0] = 0;
		data[1] = 0;
	} else {
		memcpy(ev->data, n->data, n->len);
		memset(ev->data + n->len, 0, room - n->len);
	}
	if (chan->fill)
		chan->fill(ev, n, sub->pid_ns);
}

/* ---------------------------------------------------------------- the stash */

static struct ksig_event *ksig_stash_slot(const struct ksig_sub *sub, u32 index)
{
	struct ksig_stash *stash = sub->stash;

	return (void *)stash->records +
	       (index & (stash->slots - 1)) * sub->chan->event_size;
}

/* From an NMI that met the lock, or behind one. */
static bool ksig_stash_put(struct ksig_sub *sub, const struct ksig_notice *n,
			   u64 now)
{
	struct ksig_stash *stash = sub->stash;
	struct ksig_event *ev;
	u32 index;

	/* pairs with the release of head in ksig_settle() */
	if (!ksig_claim(&stash->tail, &stash->head, stash->slots, &index)) {
		atomic_inc(&stash->lost);
		return false;
	}
	ev = ksig_stash_slot(sub, index);
	ksig_write(sub, ev, n, now);
	/* release: complete; pairs with the acquire in ksig_settle() */
	smp_store_release(&ev->seq, 1);
	return true;
}

static bool ksig_stash_empty(struct ksig_stash *stash)
{
	return atomic_read(&stash->tail) == stash->head;
}

/*
 * Move what the stash has to the queue, as far as it is complete: the writer of
 * the next one leaves an irq_work behind. Under sub->lock.
 */
static void ksig_settle(struct ksig_sub *sub)
{
	struct ksig_stash *stash = sub->stash;
	struct ksig_event *from, *to;
	u32 lost;

	while (!ksig_stash_empty(stash)) {
		from = ksig_stash_slot(sub, stash->head);
		/* acquire: pairs with the release in ksig_stash_put() */
		if (!smp_load_acquire(&from->seq))
			break;
		sub->offered++;
		if (ksig_full(sub)) {
			ksig_lose(sub, 1);
		} else {
			to = ksig_slot(sub->ring, sub->tail);
			memcpy(to, from, sub->chan->event_size);
			ksig_publish(sub, to);
		}
		from->seq = 0;
		/* release: the slot is free; pairs with ksig_stash_put() */
		smp_store_release(&stash->head, stash->head + 1);
	}
	lost = atomic_xchg(&stash->lost, 0);
	if (lost) {
		sub->offered += lost;
		ksig_lose(sub, lost);
	}
}

/**
 * ksig_queue_settle() - bring in what NMIs left
 * @sub: the subscription
 *
 * Context: any but NMI.
 */
void ksig_queue_settle(struct ksig_sub *sub)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&sub->lock, flags);
	ksig_settle(sub);
	raw_spin_unlock_irqrestore(&sub->lock, flags);
}

/* -------------------------------------------------------------- producing */

/*
 * An NMI of another cpu is still writing there, and others may have completed
 * theirs behind it: what comes now stays behind those. That NMI's irq_work finds
 * this complete, for it waits for sub->lock.
 */
static noinline unsigned int ksig_push_behind(struct ksig_sub *sub,
					      const struct ksig_notice *n,
					      u64 now)
{
	return ksig_stash_put(sub, n, now) ? KSIG_TOOK | KSIG_STASHED :
					     KSIG_STASHED;
}

static __always_inline unsigned int ksig_push(struct ksig_sub *sub,
					      const struct ksig_notice *n,
					      u64 now)
{
	struct ksig_event *ev;

	if (unlikely(!ksig_stash_empty(sub->stash))) {
		ksig_settle(sub);
		if (!ksig_stash_empty(sub->stash))
			return ksig_push_behind(sub, n, now);
	}
	sub->offered++;
	if (unlikely(ksig_full(sub))) {
		ksig_lose(sub, 1);
		return 0;
	}
	ev = ksig_slot(sub->ring, sub->tail);
	ksig_write(sub, ev, n, now);
	ksig_publish(sub, ev);
	return KSIG_TOOK;
}

static __always_inline unsigned int ksig_put(struct ksig_sub *sub,
					     const struct ksig_notice *n,
					     u64 now)
{
	unsigned long flags;
	unsigned int done;

	if (likely(!in_nmi()))
		raw_spin_lock_irqsave(&sub->lock, flags);
	/* without SMP there is no lock to find taken, but what was interrupted */
	else if (!IS_ENABLED(CONFIG_SMP) ||
		 !raw_spin_trylock_irqsave(&sub->lock, flags))
		return ksig_stash_put(sub, n, now) ?
		       KSIG_TOOK | KSIG_STASHED : KSIG_STASHED;
	done = ksig_push(sub, n, now);
	raw_spin_unlock_irqrestore(&sub->lock, flags);
	return done;
}

/* Is anybody to be told of what ksig_put() did? Under RCU. */
static bool ksig_must_tell(struct ksig_sub *sub)
{
	struct ksig_arm_state *arm = rcu_dereference(sub->arm);

	/* no waiter is missed: see the full barrier in ksig_publish() */
	if (waitqueue_active(&sub->wait) || READ_ONCE(sub->fasync))
		return true;
	/* stalled: that barrier pairs with the one in ksig_resume() */
	return arm && !READ_ONCE(sub->stalled) &&
	       (!arm->doorbell || READ_ONCE(sub->owed));
}

/**
 * ksig_queue_offer() - an event for a subscription
 * @sub: the subscription
 * @n: the event
 * @now: its time
 * @left: how many signals may still be sent, or readers woken, from here
 *
 * Each subscriber costs the emitter this: no calls where it is not for a filter,
 * or to tell somebody.
 *
 * Context: any, RCU read-side section.
 *
 * Return: whether the subscription took it.
 */
bool ksig_queue_offer(struct ksig_sub *sub, const struct ksig_notice *n,
		      u64 now, int *left)
{
	unsigned int done;

	if (unlikely(rcu_access_pointer(sub->filter)) &&
	    !ksig_sub_wants(sub, n))
		return false;
	done = ksig_put(sub, n, now);
	if (done & KSIG_STASHED || unlikely(ksig_must_tell(sub)))
		ksig_sub_tell(sub, (*left)-- > 0);
	return done & KSIG_TOOK;
}

/* The channel is gone: no event comes any more. */
void ksig_queue_hup(struct ksig_sub *sub)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&sub->lock, flags);
	ksig_settle(sub);
	/* release: all events are there; pairs with ksig_read_now() */
	smp_store_release(&sub->hup, true);
	if (sub->ring->producer)
		WRITE_ONCE(sub->ring->producer->flags, KSIG_RING_HUP);
	raw_spin_unlock_irqrestore(&sub->lock, flags);
}

/* -------------------------------------------------------------- consuming */

/*
 * How many records wait, and from which index on. Without a mapping, whose page
 * must be looked at, there is no need for the lock: head first, so that there
 * were as many at some time in between, or by the consumer, for whom it stays.
 */
static u32 ksig_queue_span(struct ksig_sub *sub, u32 *head)
{
	unsigned long flags;
	u32 used;

	if (likely(!READ_ONCE(sub->mapped))) {
		/* pairs with the release in consuming: not after tail */
		*head = smp_load_acquire(&sub->head);
		/* pairs with ksig_publish(): the records */
		return smp_load_acquire(&sub->tail) - *head;
	}
	raw_spin_lock_irqsave(&sub->lock, flags);
	*head = ksig_head(sub);
	used = sub->tail - *head;
	raw_spin_unlock_irqrestore(&sub->lock, flags);
	return used;
}

/**
 * ksig_queue_used() - how many records wait
 * @sub: the subscription
 *
 * Context: any but NMI.
 */
u32 ksig_queue_used(struct ksig_sub *sub)
{
	u32 head;

	return ksig_queue_span(sub, &head);
}

/**
 * ksig_queue_head() - which record is the oldest
 * @sub: the subscription
 *
 * Context: any but NMI.
 *
 * Return: its index; it changes when something is consumed.
 */
u32 ksig_queue_head(struct ksig_sub *sub)
{
	u32 head;

	ksig_queue_span(sub, &head);
	return head;
}

/* The ring's length in records. */
u32 ksig_queue_len(struct ksig_sub *sub)
{
	unsigned long flags;
	u32 len;

	raw_spin_lock_irqsave(&sub->lock, flags);
	len = sub->ring->len;
	raw_spin_unlock_irqrestore(&sub->lock, flags);
	return len;
}

/**
 * ksig_queue_stats() - the queue's part of KSIG_IOC_STATS
 * @sub: the subscription; sub->pump is held, so that no record is on its way
 * @st: filled in
 */
void ksig_queue_stats(struct ksig_sub *sub, struct ksig_stats *st)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&sub->lock, flags);
	ksig_settle(sub);
	st->queued = sub->tail - ksig_head(sub);
	st->offered = sub->offered;
	st->delivered = sub->consumed - sub->refused;
	st->lost = sub->lost;
	st->refused = sub->refused;
	raw_spin_unlock_irqrestore(&sub->lock, flags);
}

/**
 * ksig_queue_peek() - the oldest record
 * @sub: the subscription; the caller is its consumer
 *
 * Return: the record, the caller's until he consumes it; NULL: empty.
 */
const struct ksig_event *ksig_queue_peek(struct ksig_sub *sub)
{
	return ksig_queue_used(sub) ? ksig_slot(sub->ring, sub->head) : NULL;
}

/*
 * Records have left the queue, @n from @from on, by read(2) or as signals. False:
 * it was mapped meanwhile, which may have moved head. Others may have been written
 * where these were copied from, and all are that consumer's. One who maps it
 * later begins behind them. Under sub->consume or sub->pump.
 */
static noinline bool ksig_queue_consume(struct ksig_sub *sub, u32 from, u32 n,
					bool refused)
{
	unsigned long flags;
	bool stands = true;

	/* the copy, then head: pairs with ksig_full(), which lets others write */
	smp_rmb();
	raw_spin_lock_irqsave(&sub->lock, flags);
	if (unlikely(sub->mapped))
		stands = !READ_ONCE(sub->ring->maps) && ksig_head(sub) == from;
	if (likely(stands)) {
		/* done with the records; pairs with ksig_queue_span() */
		smp_store_release(&sub->head, from + n);
		sub->consumed += n;
		if (refused)
			sub->refused += n;
		if (unlikely(sub->mapped) && sub->ring->consumer)
			WRITE_ONCE(sub->ring->consumer->head, sub->head);
	}
	raw_spin_unlock_irqrestore(&sub->lock, flags);
	return stands;
}

static noinline bool ksig_consume_mapped(struct ksig_sub *sub, bool refused)
{
	u32 head = sub->head;

	ksig_queue_consume(sub, head, 1, refused);
	/* pairs with ksig_publish(): the record */
	return smp_load_acquire(&sub->tail) != head + 1;
}

/**
 * ksig_queue_consume_one() - the pump is done with the oldest record
 * @sub: the subscription; sub->pump is held, and it is armed EACH
 * @refused: the target would not have it
 *
 * Nothing maps the ring now, and nobody else consumes. If it never was mapped,
 * head and its counters are the pump's alone: no lock is needed.
 *
 * Return: there are more.
 */
bool ksig_queue_consume_one(struct ksig_sub *sub, bool refused)
{
	u32 head = sub->head + 1;

	if (unlikely(READ_ONCE(sub->mapped)))
		return ksig_consume_mapped(sub, refused);
	sub->consumed++;
	sub->refused += refused;
	/* done with the record; pairs with ksig_full() */
	smp_store_release(&sub->head, head);
	/* pairs with ksig_publish(): the record */
	return smp_load_acquire(&sub->tail) != head;
}

/**
 * ksig_queue_give_back_gap() - events whose loss was not told by signal
 * @sub: the subscription
 * @n: how many
 *
 * Whoever receives the next record is told.
 */
void ksig_queue_give_back_gap(struct ksig_sub *sub, u32 n)
{
	unsigned long flags;
	u32 *gap;

	raw_spin_lock_irqsave(&sub->lock, flags);
	gap = sub->tail == ksig_head(sub) ? &sub->gap :
	      &ksig_slot(sub->ring, sub->head)->lost_before;
	*gap = ksig_add_saturating(*gap, n);
	raw_spin_unlock_irqrestore(&sub->lock, flags);
}

/**
 * ksig_queue_read() - copy out what fits, in whole records
 * @sub: the subscription; sub->consume is held
 * @to: user memory
 *
 * Return: bytes copied; 0: the queue is empty; -EFAULT; -EBUSY it is mapped by now.
 */
ssize_t ksig_queue_read(struct ksig_sub *sub, struct iov_iter *to)
{
	u32 size = sub->ring->event_size, len = sub->ring->len;
	u32 done = 0, want, head, n, at;
	size_t copied;

	want = ksig_queue_span(sub, &head);
	want = min_t(size_t, iov_iter_count(to) / size, want);
	while (done < want) {
		at = (head + done) & (len - 1);
		n = min(want - done, len - at);
		/*
		 * Not copy_to_iter(): what the ring is, and how long, need not
		 * be looked up among all vmalloc areas.
		 */
		copied = _copy_to_iter(ksig_slot(sub->ring, at),
				       (size_t)n * size, to);
		done += copied / size;
		if (copied != (size_t)n * size)
			break;
	}
	if (want && !done)
		return -EFAULT;
	if (done && !ksig_queue_consume(sub, head, done, false))
		return -EBUSY;
	return (ssize_t)done * size;
}

/**
 * ksig_queue_resize() - another length
 * @sub: the subscription; sub->consume is held
 * @len: a power of two
 *
 * Return: 0, -EBUSY, -ENOBUFS or -ENOMEM, and then it stays as it was.
 */
int ksig_queue_resize(struct ksig_sub *sub, u32 len)
{
	struct ksig_ring *ring, *unused;
	unsigned long flags, irq;

	/* what is so now, before memory is asked for; it is asked again below */
	if (READ_ONCE(sub->ring->maps) || ksig_sub_armed(sub) ||
	    ksig_queue_used(sub))
		return -EBUSY;
	ring = ksig_ring_alloc(len, sub->chan->event_size);
	if (IS_ERR(ring))
		return PTR_ERR(ring);

	spin_lock_irqsave(&sub->pump, flags);
	/* on PREEMPT_RT the lock above leaves interrupts on */
	raw_spin_lock_irqsave(&sub->lock, irq);
	unused = ring;
	if (!sub->ring->maps && !ksig_sub_armed(sub) &&
	    sub->tail == ksig_head(sub)) {
		unused = sub->ring;
		sub->ring = ring;
		WRITE_ONCE(sub->mapped, false);
	}
	raw_spin_unlock_irqrestore(&sub->lock, irq);
	spin_unlock_irqrestore(&sub->pump, flags);

	ksig_ring_free(unused);
	return unused == ring ? -EBUSY : 0;
}

/* ----------------------------------------------------------------- mapping */

/* The two pages that only a mapping needs. They stay until the ring goes. */
static int ksig_ring_pages(struct ksig_sub *sub)
{
	struct ksig_ring_consumer *consumer;
	struct ksig_ring_producer *producer;
	unsigned long flags;

	consumer = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	producer = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!consumer || !producer) {
		free_page((unsigned long)consumer);
		free_page((unsigned long)producer);
		return -ENOMEM;
	}
	raw_spin_lock_irqsave(&sub->lock, flags);
	if (!sub->ring->consumer) {
		consumer->head = sub->head;
		producer->tail = sub->tail;
		producer->len = sub->ring->len;
		producer->event_size = sub->ring->event_size;
		producer->flags = sub->hup ? KSIG_RING_HUP : 0;
		producer->lost = sub->lost;
		WRITE_ONCE(sub->mapped, true);
		swap(sub->ring->consumer, consumer);
		swap(sub->ring->producer, producer);
	}
	raw_spin_unlock_irqrestore(&sub->lock, flags);
	free_page((unsigned long)consumer);
	free_page((unsigned long)producer);
	return 0;
}

/* What the consumer's page says counts no longer, once nobody can write there. */
static void ksig_last_head(struct ksig_sub *sub)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&sub->lock, flags);
	if (sub->ring->consumer)
		WRITE_ONCE(sub->ring->consumer->head, ksig_head(sub));
	raw_spin_unlock_irqrestore(&sub->lock, flags);
}

static void ksig_count_map(struct ksig_sub *sub, int by)
{
	unsigned long flags;

	spin_lock_irqsave(&sub->pump, flags);
	sub->ring->maps += by;
	if (!sub->ring->maps)
		ksig_last_head(sub);
	spin_unlock_irqrestore(&sub->pump, flags);
}

/* Parts of a mapping count, too: munmap() of its middle makes two. */
static void ksig_vma_open(struct vm_area_struct *vma)
{
	ksig_count_map(vma->vm_private_data, 1);
}

static void ksig_vma_close(struct vm_area_struct *vma)
{
	ksig_count_map(vma->vm_private_data, -1);
}

static const struct vm_operations_struct ksig_vm_ops = {
	.open = ksig_vma_open,
	.close = ksig_vma_close,
};

static int ksig_map_pages(const struct ksig_ring *ring,
			  struct vm_area_struct *vma)
{
	unsigned long at = vma->vm_start;
	void *record = ring->records;
	int err;

	if (!vma->vm_pgoff)
		return vm_insert_page(vma, at, virt_to_page(ring->consumer));

	err = vm_insert_page(vma, at, virt_to_page(ring->producer));
	for (at += PAGE_SIZE; !err && at < vma->vm_end; at += PAGE_SIZE) {
		err = vm_insert_page(vma, at, vmalloc_to_page(record));
		record += PAGE_SIZE;
	}
	return err;
}

/*
 * The ring can't be replaced once it counts a mapping. Without sub->consume,
 * under which user memory is touched, and so mmap_lock taken.
 */
static int ksig_map_begin(struct ksig_sub *sub, unsigned long pages, bool first)
{
	unsigned long most, flags;
	int err = 0;

	spin_lock_irqsave(&sub->pump, flags);
	most = first ? 1 : 1 + (PAGE_ALIGN((size_t)sub->ring->len *
					   sub->ring->event_size) >> PAGE_SHIFT);
	if (pages > most)
		err = -EINVAL;
	else if (ksig_sub_signals_each(sub))
		err = -EBUSY;
	else
		sub->ring->maps++;
	spin_unlock_irqrestore(&sub->pump, flags);
	return err;
}

/**
 * ksig_queue_mmap() - map the ring; see uapi.h for which parts there are
 * @sub: the subscription
 * @vma: the area
 *
 * Return: 0, -EINVAL, -EACCES, -EBUSY or -ENOMEM.
 */
int ksig_queue_mmap(struct ksig_sub *sub, struct vm_area_struct *vma)
{
	bool first = !vma->vm_pgoff;
	int err;

	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_pgoff > 1)
		return -EINVAL;
	if (!first && (vma->vm_flags & VM_WRITE))
		return -EACCES;
	if ((vma->vm_flags & VM_EXEC) &&
	    !(current->personality & READ_IMPLIES_EXEC))
		return -EACCES;

	err = ksig_map_begin(sub, vma_pages(vma), first);
	if (err)
		return err;
	err = ksig_ring_pages(sub);
	if (err)
		goto uncount;
	/* for ever: no mprotect() brings back what goes, nor madvise() what VM_IO
	 * and VM_DONTCOPY take
	 */
	vm_flags_mod(vma, VM_IO | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP,
		     VM_EXEC | VM_MAYEXEC | (first ? 0 : VM_MAYWRITE));
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	err = ksig_map_pages(sub->ring, vma);
	if (err)
		goto uncount;
	vma->vm_private_data = sub;
	vma->vm_ops = &ksig_vm_ops;
	return 0;

uncount:
	ksig_count_map(sub, -1);
	return err;
}
