/* SPDX-License-Identifier: MIT */
/*
 * A spin model of the doorbell. It checks that a consumer cannot sleep forever while its queue is
 * not empty. tests/model/run runs the search and explains each -D option.
 *
 * The model covers the path from the commit of a record to the signal in the target, and uses the
 * names in the code. The subscription is armed with KSIG_MODE_DOORBELL. By default, the ring is
 * mapped and the consumer follows the protocol in include/ksig/uapi.h. With -DUNMAPPED, the ring is
 * never mapped and the consumer calls read(2) until it returns -EAGAIN. The stash, hang-up, DISARM,
 * poll(2) and the contents of records are not modelled. The queue has 2 records instead of 16.
 *
 * The memory model is x86's TSO. A store waits in the cpu's store buffer and reaches memory later;
 * stores from the same cpu arrive in order. Loads don't wait, so a load may overtake an earlier
 * store unless a barrier prevents it. A full barrier waits until the store buffer is empty. So does
 * an operation that implies a full barrier: taking a lock, or a read-modify-write. Architectures
 * with weaker ordering are not modelled.
 *
 * Each atomic step makes at most one access that other processes of the model can observe. They
 * can't observe accesses to the cpu's own store buffer or to data protected by a lock that the cpu
 * holds. Taking a lock early is equivalent to taking it right before the observable access. While
 * one process waits at a barrier, the other processes run.
 */

/* The worker and the irq_work share a separate cpu, so the model allows more than can happen. */
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

/* The ring's fields as seen by the cpu that holds the ring's lock */
byte ring_head, ring_tail;
/* Results of ksig_ring_count() and ksig_target_send(), protected by the delivery's lock */
byte used;
#ifdef UNMAPPED
bool looks;	/* ksig_ring_count() has loaded head, but not yet tail */
#endif
bool err;

bool timer;	/* the backlog has scheduled a retry */
bool work;	/* the irq_work is queued */
bool armed;	/* KSIG_IOC_ARM has returned */

/* Signals that are pending in the target. A sender never has to wait for space in this channel. */
#define DOORBELL	1
#define STRANGER	2
chan pending = [2] of { byte };
/* How many more times the target refuses a signal although no signal is pending */
byte refusals = 1;

/* ---------------------------------------------------------------- memory */

/* Below, "me" is the number of the cpu that executes the code. */
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

/* The stores in a buffer reach memory one by one, at arbitrary times. */
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

/* A store-release. It is ordered after all earlier stores, but it is not a full barrier. */
inline unlock(l)
{
	store(l, 0)
}

/* --------------------------------------------------------------- ring.c */

/* A consumer that follows uapi.h always stores a valid position. */
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

/* Includes ksig_ring_reserve(). If the ring is full, the record is lost. */
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
/* Loads head without the ring's lock; ksig_ring_count_tail() loads tail. */
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
	/* -ECONNREFUSED, -EPERM, or -EAGAIN because of RLIMIT_SIGPENDING */
	:: empty(pending) && refusals > 0 -> refusals--; err = true
	:: empty(pending)
	fi
}

inline ksig_send_thread()
{
	if
	:: err
#ifdef CLASSIC
	/* a signal became pending after the check: merge the doorbell with it, no error */
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
 * Includes ksig_deliver_doorbell(). Taking the delivery's lock has emptied the store buffer, so the
 * following loads return the values in memory. siglock is dropped between the readiness check and
 * sending the signal.
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

/* A load of doorbell_pending sees the cpu's own store even while the store is buffered. */
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

/* The backlog's worker and ksig_sub_on_irq_work() */
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

/* Another sender of the same signal: another process, or another subscription */
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
 * Follows the protocol described at struct ksig_ring_consumer, or calls read(2) until it returns
 * -EAGAIN. The signal is blocked, so it stays pending until sigwaitinfo(2) takes siglock and
 * removes the signal.
 */
proctype consumer(byte me)
{
	byte head, signal;

	ksig_sub_arm();
	armed = true;
	if
	/* KSIG_IOC_ARM rings for queued records, so the consumer may sleep immediately */
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
		/* the value shows that there is another sender: check the queue, or sleep again */
		:: signal == STRANGER -> signal = 0; goto look
#if !defined(CLASSIC) || defined(BY_VALUE)
		:: signal == STRANGER -> signal = 0; goto sleep
#endif
		fi
	}
}

/* ---------------------------------------------------------- the property */

/*
 * On timeout, no process can make progress, no store is buffered and no retry is due. If a process
 * is waiting for a lock at that point, spin reports an invalid end state.
 */
init {
	atomic {
		if
		:: true
		/* a record is already queued; its doorbell was sent to another target */
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
 * Once the subscription is armed, every record is consumed eventually. In particular, the consumer
 * does not stay asleep while the doorbell is retried forever without success. The time before that
 * is not checked: locks are unfair under weak fairness, so KSIG_IOC_ARM may never get the
 * delivery's lock.
 */
#ifdef LIVE
ltl woken { [](armed -> <>(mem[HEAD] == mem[TAIL])) }
#endif
