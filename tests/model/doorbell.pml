/* SPDX-License-Identifier: MIT */
/*
 * The doorbell, for spin: can a consumer sleep forever next to a queue that is not empty?
 * tests/model/run runs the search and explains what each -D removes or changes.
 *
 * The model covers the code from a record's commit to the signal in the target, with the
 * names that the code has, for a subscription that is armed with KSIG_MODE_DOORBELL and
 * mapped (with -DUNMAPPED: never mapped), and a consumer that follows include/ksig/uapi.h
 * (calls read(2) until it returns -EAGAIN). Left out: the stash, hang-up, DISARM, poll(2)
 * and the contents of records. A queue has room for 2 records instead of 16.
 *
 * The memory model is that of x86 (TSO): a store waits in its cpu's store buffer and
 * reaches memory later, in order; loads don't wait. Full barriers, and operations that
 * include one (taking a lock, a read-modify-write), wait until the buffer is empty. So
 * loads may overtake stores, which the barriers are there to prevent. Machines that reorder
 * more are not modelled.
 *
 * A step that is atomic accesses one thing that others can see change. A cpu's own buffer
 * and data protected by a lock that it holds don't count, and taking a lock is equivalent
 * to taking it later, right before that access. A barrier that has to wait lets the others
 * run.
 */

/* Cpus. Worker and irq_work have one of their own, so more can happen than in reality. */
#define CONSUMER	0
#define EMITTER_A	1
#define EMITTER_B	2
#define DEFERRED	3
#define CPUS		4

/* Variables that go through the store buffers */
#define TAIL		0	/* producer->tail; unmapped: ring->tail */
#define HEAD		1	/* consumer->head; unmapped: ring->head */
#define RING_DUE		2	/* doorbell_pending */
#define ARM		3	/* delivery->arm */
#define LOCK		4	/* the ring's lock */
#define DELIVERY		5	/* the delivery's lock */
#define VARS		6

#define LEN		2	/* ring->len */
#ifndef RECORDS
#define RECORDS		1	/* from each emitter */
#endif

byte mem[VARS];
chan buffer[CPUS] = [4] of { byte, byte };

/* The ring's fields as the holder of its lock sees them */
byte ring_head, ring_tail;
/* Under the delivery's lock: results of ksig_ring_count() and ksig_target_send() */
byte used;
#ifdef UNMAPPED
bool looks;	/* ksig_ring_count() has loaded head, and not yet tail */
#endif
bool err;

bool timer;	/* the backlog will visit */
bool work;	/* the irq_work is queued */
bool armed;	/* KSIG_IOC_ARM has returned */

/* Signals pending in the target; there always is room. */
#define DOORBELL	1
#define STRANGER	2
chan pending = [2] of { byte };
/* How often the target refuses a signal although none is pending. */
byte refusals = 1;

/* ---------------------------------------------------------------- memory */

/* In all that follows, me is the cpu. */
#define full_barrier	empty(buffer[me])

#ifdef NO_KERNEL_BARRIER
#define kernel_barrier	true
#else
#define kernel_barrier	full_barrier
#endif

#ifdef NO_DELIVERY_BARRIER
#define delivery_barrier	true
#else
#define delivery_barrier	full_barrier
#endif

#ifdef NO_CONSUMER_BARRIER
#define consumer_barrier true
#else
#define consumer_barrier full_barrier
#endif

inline store(var, val)
{
	buffer[me]!var,val
}

/* The stores of a buffer reach memory one at a time, at any time. */
proctype drain(byte me)
{
	byte var, val;
end:
	do
	:: atomic {
		buffer[me]?var,val -> mem[var] = val;
		var = 0;
		val = 0
	}
	od
}

inline lock(l)
{
	full_barrier && mem[l] == 0 -> mem[l] = 1
}

/* A release: not a barrier, but after all earlier stores. */
inline unlock(l)
{
	store(l, 0)
}

/* --------------------------------------------------------------- ring.c */

/* The position of a consumer that follows uapi.h is always accepted. */
inline ksig_ring_head()
{
	assert(ring_head <= mem[HEAD] && mem[HEAD] <= ring_tail);
	ring_head = mem[HEAD]
}

inline ksig_ring_commit()
{
	ring_tail++;
	store(TAIL, ring_tail);
	kernel_barrier;
	ksig_ring_head();
	if
	:: ring_head == ring_tail - 1 -> store(RING_DUE, 1)
	:: else
	fi
}

/* With ksig_ring_reserve(); a record for which the ring has no room is lost. */
inline ksig_sub_push()
{
	atomic {
		lock(LOCK);
		if
		:: ring_tail - ring_head == LEN -> ksig_ring_head()
		:: else
		fi;
		if
		:: ring_tail - ring_head < LEN -> ksig_ring_commit()
		:: else
		fi;
		unlock(LOCK)
	}
}

#ifndef UNMAPPED
inline ksig_ring_count()
{
	lock(LOCK);
	ksig_ring_head();
	used = ring_tail - ring_head;
	unlock(LOCK)
}
#else
/* Without the ring's lock: head now, tail in ksig_ring_count_tail(). */
inline ksig_ring_count()
{
	used = mem[HEAD];
	looks = true
}

inline ksig_ring_count_tail()
{
	if
	:: atomic { looks -> looks = false; used = mem[TAIL] - used }
	:: !looks
	fi
}

inline ksig_ring_consume(to)
{
	lock(LOCK);
	store(HEAD, to);
	unlock(LOCK)
}
#endif

/* ------------------------------------------------------------- deliver.c */

inline ksig_task_ready()
{
	full_barrier;
	if
	/* ksig_count_pending(): -EAGAIN */
	:: nempty(pending) -> err = true
	/* -ECONNREFUSED, -EPERM; RLIMIT_SIGPENDING: -EAGAIN */
	:: empty(pending) && refusals > 0 -> refusals--; err = true
	:: empty(pending)
	fi
}

inline ksig_send_thread()
{
	if
	:: err
#ifdef CLASSIC
	/* it is merged with one that has come since, which is not an error */
	:: !err && nempty(pending)
	:: !err && empty(pending) -> pending!DOORBELL
#else
	:: !err -> pending!DOORBELL
#endif
	fi
}

inline ksig_deliver_hold()
{
#ifdef NO_TIMER
	skip
#else
	timer = true
#endif
}

/*
 * With ksig_deliver_doorbell(). Taking the lock has emptied the buffer, so the loads see
 * what memory holds. siglock is taken to check the target, and again to send.
 */
inline ksig_deliver()
{
	atomic {
		lock(DELIVERY);
		if
		:: mem[ARM] && mem[RING_DUE] ->
#ifndef CLEARED_LATE
			store(RING_DUE, 0);
#endif
			delivery_barrier;
			ksig_ring_count()
		:: else
		fi
	};
#ifdef UNMAPPED
	ksig_ring_count_tail();
#endif
	if
	:: atomic { used == 0 -> unlock(DELIVERY) }
	:: atomic { used > 0 -> used = 0; ksig_task_ready() };
		atomic {
			ksig_send_thread();
#ifdef CLEARED_LATE
			store(RING_DUE, 0);
#endif
			if
#ifndef NO_PENDING
			:: err -> store(RING_DUE, 1); ksig_deliver_hold()
#endif
			:: else
			fi;
			err = false;
			unlock(DELIVERY)
		}
	fi
}

/* A load of doorbell_pending sees this cpu's own store even while it is buffered. */
#define ksig_sub_needs_notify	(mem[ARM] && (mem[RING_DUE] || buffer[me]??[RING_DUE,1]))

proctype emitter(byte me; byte n)
{
	bool notify;

	do
	:: n > 0 ->
		ksig_sub_push();
		atomic { n--; notify = ksig_sub_needs_notify };
		if
		/* ksig_notify_allowed() */
		:: notify -> ksig_deliver()
		/* irq_work_queue(): a read-modify-write */
		:: atomic { notify && full_barrier -> work = true }
		:: !notify
		fi
	:: else -> break
	od
}

/* the backlog's worker and ksig_sub_on_irq_work() */
proctype deferred(byte me)
{
end:
	do
	:: atomic {
		if
		:: timer -> timer = false
		:: work -> work = false
		fi
	   };
	   ksig_deliver()
	od
}

/* KSIG_IOC_ARM */
inline ksig_sub_arm()
{
	atomic {
		lock(DELIVERY);
		store(ARM, 1);
#ifndef NO_RING_ON_ARM
		store(RING_DUE, 1);
#endif
		unlock(DELIVERY)
	};
	ksig_deliver()
}

/* ------------------------------------------------------------ user space */

/* Another process, or another subscription with the same signal number. */
proctype stranger()
{
again:
	atomic {
		if
		:: empty(pending) -> pending!STRANGER
#ifdef CLASSIC
		:: nempty(pending)
#else
		:: nempty(pending) -> pending!STRANGER
#endif
		fi
	};
#ifdef FLOOD
	empty(pending) -> goto again
#endif
}

/*
 * The protocol at struct ksig_ring_consumer, or read(2) until it returns -EAGAIN. The
 * signal is blocked, so it stays pending until sigwaitinfo(2) takes siglock and removes it.
 */
proctype consumer(byte me)
{
	byte head, signal;

	ksig_sub_arm();
	armed = true;
	if
	/* records that are queued already cause a doorbell, too */
	:: goto sleep
	:: goto look
	fi;
look:
#ifdef UNMAPPED
	/* read(2): one record, or all of them */
	if
	:: atomic { mem[TAIL] == head -> goto sleep }
	:: atomic { mem[TAIL] > head -> head++ }
	:: atomic { mem[TAIL] > head + 1 -> head = mem[TAIL] }
	fi;
	atomic {
		ksig_ring_consume(head);
		goto look
	};
#else
	atomic {
		/* all records, or some of them */
		if
		:: head = mem[TAIL]
		:: mem[TAIL] > head -> head++
		fi;
		store(HEAD, head)
	};
	atomic {
		consumer_barrier;
		if
		:: mem[TAIL] == head -> goto sleep
		:: else -> goto look
		fi
	};
#endif
sleep:
end:
	atomic {
		full_barrier && nempty(pending) -> pending?signal;
		if
		:: signal == DOORBELL -> signal = 0; goto look
		/* sent by somebody else, as its value shows: check, or sleep on */
		:: signal == STRANGER -> signal = 0; goto look
#if !defined(CLASSIC) || defined(BY_VALUE)
		:: signal == STRANGER -> signal = 0; goto sleep
#endif
		fi
	}
}

/* ---------------------------------------------------------- the question */

/*
 * Timeout: nothing can happen any more, no store is buffered and no retry is due. A
 * process that waits for a lock then is an invalid end state.
 */
init {
	atomic {
		if
		:: true
		/* a record for which another target was notified before */
		:: ring_tail = 1; mem[TAIL] = 1
		fi;
		run drain(CONSUMER);
		run drain(EMITTER_A);
		run drain(EMITTER_B);
		run drain(DEFERRED);
		run consumer(CONSUMER);
		run emitter(EMITTER_A, RECORDS);
#ifndef ONE_EMITTER
		run emitter(EMITTER_B, RECORDS);
#endif
		run deferred(DEFERRED);
		run stranger()
	};
	timeout -> assert(mem[HEAD] == mem[TAIL])
}

/*
 * Nor does it sleep while the doorbell is retried forever without success. Under weak
 * fairness, which makes locks unfair: KSIG_IOC_ARM may never get the delivery's lock.
 */
#ifdef LIVE
ltl woken { [](armed -> <>(mem[HEAD] == mem[TAIL])) }
#endif
