/* SPDX-License-Identifier: MIT */
/*
 * The doorbell, for spin: can a consumer sleep for ever beside a queue that is
 * not empty? tests/model/run asks, and says what each -D takes out or changes.
 *
 * Modelled is what the code does from a record's publication to the signal in
 * the target, under the names that it has there, for a subscription that is
 * armed with KSIG_MODE_DOORBELL and mapped (with -DUNMAPPED: that never was);
 * and a consumer who does what include/ksig/uapi.h tells him (calls read(2)
 * until it gives -EAGAIN). Left out: the stash, hang-up, DISARM, poll(2), and
 * what a record holds. A queue has room for 2 records instead of 16.
 *
 * Memory is that of x86 (TSO): a store waits in its cpu's store buffer and gets
 * to memory some time later, in order; loads don't wait. Full barriers, and
 * what has one built in (taking a lock, a read-modify-write), wait until the
 * buffer is empty. So loads may overtake stores, which is what the barriers are
 * there to prevent; machines that reorder more are not modelled.
 *
 * Atomic is what looks at, or changes, one thing that others can see change.
 * A cpu's own buffer and what a lock that it holds protects don't count, and
 * to take a lock is as good as to take it later, right before that one thing. A
 * barrier that has to wait lets the others run.
 */

/* Cpus. Timer and irq_work have one of their own: more can happen than can. */
#define CONSUMER	0
#define EMITTER_A	1
#define EMITTER_B	2
#define DEFERRED	3
#define CPUS		4

/* What goes through the store buffers. */
#define TAIL		0	/* ring->producer->tail; unmapped: sub->tail */
#define HEAD		1	/* ring->consumer->head; unmapped: sub->head */
#define OWED		2	/* sub->owed */
#define ARM		3	/* sub->arm */
#define LOCK		4	/* sub->lock */
#define PUMP		5	/* sub->pump */
#define VARS		6

#define LEN		2	/* ring->len */
#ifndef RECORDS
#define RECORDS		1	/* from each emitter */
#endif

byte mem[VARS];
chan buffer[CPUS] = [4] of { byte, byte };

/* Under sub->lock: what its holder knows. */
byte sub_head, sub_tail;
/* Under sub->pump: what ksig_queue_used() and ksig_target_send() gave. */
byte used;
#ifdef UNMAPPED
bool looks;	/* ksig_queue_used() has loaded head, and not yet tail */
#endif
bool err;

bool timer;	/* sub->retry is armed */
bool work;	/* sub->irq_work is queued */
bool armed;	/* KSIG_IOC_ARM has returned */

/* Pending in the target. There is room: who sends never waits. */
#define DOORBELL	1
#define STRANGER	2
chan pending = [2] of { byte };
/* How often the target will not have a signal, though none is pending. */
byte refusals = 1;

/* ---------------------------------------------------------------- memory */

/* In all that follows, me is the cpu. */
#define full_barrier	empty(buffer[me])

#ifdef NO_KERNEL_BARRIER
#define kernel_barrier	true
#else
#define kernel_barrier	full_barrier
#endif

#ifdef NO_PUMP_BARRIER
#define pump_barrier	true
#else
#define pump_barrier	full_barrier
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

/* What is in a buffer gets to memory, a store at a time, at any time. */
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

/* A release: no barrier, but behind all that was stored before. */
inline unlock(l)
{
	store(l, 0)
}

/* --------------------------------------------------------------- queue.c */

/* A consumer who keeps to uapi.h is always believed. */
inline ksig_head()
{
	assert(sub_head <= mem[HEAD] && mem[HEAD] <= sub_tail);
	sub_head = mem[HEAD]
}

inline ksig_publish()
{
	sub_tail++;
	store(TAIL, sub_tail);
	kernel_barrier;
	ksig_head();
	if
	:: sub_head == sub_tail - 1 -> store(OWED, 1)
	:: else
	fi
}

/* With ksig_push(); a record that finds the queue full is lost. */
inline ksig_queue_offer()
{
	atomic {
		lock(LOCK);
		if
		:: sub_tail - sub_head == LEN -> ksig_head()
		:: else
		fi;
		if
		:: sub_tail - sub_head < LEN -> ksig_publish()
		:: else
		fi;
		unlock(LOCK)
	}
}

#ifndef UNMAPPED
inline ksig_queue_used()
{
	lock(LOCK);
	ksig_head();
	used = sub_tail - sub_head;
	unlock(LOCK)
}
#else
/* Without sub->lock: head now, and tail by ksig_queue_used_tail(). */
inline ksig_queue_used()
{
	used = mem[HEAD];
	looks = true
}

inline ksig_queue_used_tail()
{
	if
	:: atomic { looks -> looks = false; used = mem[TAIL] - used }
	:: !looks
	fi
}

inline ksig_queue_consume(to)
{
	lock(LOCK);
	store(HEAD, to);
	unlock(LOCK)
}
#endif

/* -------------------------------------------------------- subscription.c */

inline ksig_ready()
{
	full_barrier;
	if
	/* ksig_has_max_pending(): -EAGAIN */
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
	/* one that came since then swallows this, and that is no error */
	:: !err && nempty(pending)
	:: !err && empty(pending) -> pending!DOORBELL
#else
	:: !err -> pending!DOORBELL
#endif
	fi
}

inline ksig_hold_back()
{
#ifdef NO_TIMER
	skip
#else
	timer = true
#endif
}

/*
 * With ksig_pump_doorbell(). The lock has emptied the buffer, so the loads find
 * what memory has. siglock is taken to ask, and again to send.
 */
inline ksig_pump()
{
	atomic {
		lock(PUMP);
		if
		:: mem[ARM] && mem[OWED] ->
#ifndef CLEARED_LATE
			store(OWED, 0);
#endif
			pump_barrier;
			ksig_queue_used()
		:: else
		fi
	};
#ifdef UNMAPPED
	ksig_queue_used_tail();
#endif
	if
	:: atomic { used == 0 -> unlock(PUMP) }
	:: atomic { used > 0 -> used = 0; ksig_ready() };
		atomic {
			ksig_send_thread();
#ifdef CLEARED_LATE
			store(OWED, 0);
#endif
			if
#ifndef NO_OWED
			:: err -> store(OWED, 1); ksig_hold_back()
#endif
			:: else
			fi;
			err = false;
			unlock(PUMP)
		}
	fi
}

/* A load of owed finds this cpu's own store even while it is in the buffer. */
#define ksig_must_tell	(mem[ARM] && (mem[OWED] || buffer[me]??[OWED,1]))

proctype emitter(byte me; byte n)
{
	bool tell;

	do
	:: n > 0 ->
		ksig_queue_offer();
		atomic { n--; tell = ksig_must_tell };
		if
		/* ksig_may_tell() */
		:: tell -> ksig_pump()
		/* irq_work_queue(): a read-modify-write */
		:: atomic { tell && full_barrier -> work = true }
		:: !tell
		fi
	:: else -> break
	od
}

/* ksig_on_retry() and ksig_on_irq_work() */
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
	   ksig_pump()
	od
}

/* KSIG_IOC_ARM */
inline ksig_sub_arm()
{
	atomic {
		lock(PUMP);
		store(ARM, 1);
#ifndef NO_RING_ON_ARM
		store(OWED, 1);
#endif
		unlock(PUMP)
	};
	ksig_pump()
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
 * The protocol at struct ksig_ring_consumer, or read(2) until it says -EAGAIN.
 * The signal is blocked, and so stays pending until sigwaitinfo(2) takes it,
 * which takes siglock.
 */
proctype consumer(byte me)
{
	byte head, signal;

	ksig_sub_arm();
	armed = true;
	if
	/* what is queued already rings */
	:: goto sleep
	:: goto look
	fi;
look:
#ifdef UNMAPPED
	/* read(2): one record, or all that are there */
	if
	:: atomic { mem[TAIL] == head -> goto sleep }
	:: atomic { mem[TAIL] > head -> head++ }
	:: atomic { mem[TAIL] > head + 1 -> head = mem[TAIL] }
	fi;
	atomic {
		ksig_queue_consume(head);
		goto look
	};
#else
	atomic {
		/* all that is there, or a part */
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
		/* somebody else's, by its value: he may look, or sleep on */
		:: signal == STRANGER -> signal = 0; goto look
#if !defined(CLASSIC) || defined(BY_VALUE)
		:: signal == STRANGER -> signal = 0; goto sleep
#endif
		fi
	}
}

/* ---------------------------------------------------------- the question */

/*
 * Timeout: nothing can happen any more, no store is under way and no retry is
 * due. Whoever hangs at a lock then is an invalid end state.
 */
init {
	atomic {
		if
		:: true
		/* a record that another target was rung for, before */
		:: sub_tail = 1; mem[TAIL] = 1
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
 * Nor does he sleep while a ring is tried for ever in vain. Under weak
 * fairness, with which locks are unfair: KSIG_IOC_ARM may never get sub->pump.
 */
#ifdef LIVE
ltl woken { [](armed -> <>(mem[HEAD] == mem[TAIL])) }
#endif
