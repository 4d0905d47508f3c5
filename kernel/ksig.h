/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of ksig.ko share, and nobody else sees. */
#ifndef KSIG_H
#define KSIG_H

#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/signal.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include <ksig/driver.h>
#include <ksig/uapi.h>

struct pid;
struct seq_file;
struct tracepoint;
struct user_namespace;
struct user_struct;
struct vm_area_struct;

/* ------------------------------------------------------------- signal.c */

/**
 * struct ksig_target - whom a signal goes to, and by whose right
 * @pid: pinned; a number that is used again is never meant
 * @signo: signal number, 1 to 64
 * @process: process-directed: any thread of the process may take it
 * @lasting: for more than one signal: the target's uids must stay what they
 *	are
 * @from_above: the sender is in an ancestor of the target's pid namespace
 * @kin: the sender's own process: kill(2) asks it for no uids
 * @max_pending: nothing is sent while so many of that number wait in the
 *	target; 0: no limit
 * @info: what a thread-directed signal comes with, but for value, errno and uid
 * @cred: private copy of the sender's credentials. Its euid follows the
 *	target's uid (see ksig_may_signal()), all else stays the sender's
 * @session: SIGCONT: the sender's, within which no uids are asked for
 * @checked: the target's credentials for which the answer was yes, pinned so
 *	that no others can have their address; NULL: not asked yet
 * @checked_at: when it was, in jiffies
 * @sender_uid: the sender's real uid
 * @sender_euid: the sender's effective uid
 * @cap_ns: the user namespace over which, and over whose descendants, the
 *	sender has CAP_KILL; NULL: has it not
 * @uid: the target's real uid when it was pinned
 * @euid: the target's effective uid then
 * @suid: the target's saved uid then
 * @walk_max: how many threads, or pending signals, a check may walk; a target
 *	that has more is not checked (-E2BIG). 0: no limit
 * @cost: of the last check beyond a short one, in signals sent: the target may
 *	have many threads or many pending signals
 * @awaits: KSIG_AWAIT_*: what the last -EAGAIN waits for
 * @seen: how often the target had run before the last check; see
 *	ksig_target_note(). Of the backlog's worker
 * @seen_at: when that was, in jiffies; likewise
 *
 * Set up by ksig_target_init(), from current. Later sends may come from any
 * task and so look only in here. The owner sees to it that there is one send
 * at a time.
 */
struct ksig_target {
	struct pid *pid;
	int signo;
	bool process;
	bool lasting;
	bool from_above;
	bool kin;
	u32 max_pending;
	struct kernel_siginfo info;
	struct cred *cred;
	struct pid *session;
	const struct cred *checked;
	unsigned long checked_at;
	kuid_t sender_uid;
	kuid_t sender_euid;
	struct user_namespace *cap_ns;
	kuid_t uid;
	kuid_t euid;
	kuid_t suid;
	u32 walk_max;
	u32 cost;
	u32 awaits;
	u64 seen;
	unsigned long seen_at;
};

/* What changes before a signal that was refused with -EAGAIN is accepted. */
#define KSIG_AWAIT_ANY		0	/* unknown: try again */
#define KSIG_AWAIT_TARGET	1	/* max_pending signals are pending in it */
#define KSIG_AWAIT_USER		2	/* RLIMIT_SIGPENDING of its user */

void ksig_signal_init(void);
int ksig_target_init(struct ksig_target *t, struct pid *pid);
void ksig_target_release(struct ksig_target *t);
int ksig_target_check(struct ksig_target *t);
bool ksig_target_gone(const struct ksig_target *t);
void ksig_target_note(struct ksig_target *t);
bool ksig_target_unchanged(const struct ksig_target *t);
bool ksig_target_pending(const struct ksig_target *t);
int ksig_target_send(struct ksig_target *t, int error, u64 value);
int ksig_send(s32 nr, int signo, bool process, u64 value);

/* -------------------------------------------------------------- queue.c */

/**
 * struct ksig_ring - the memory of a queue
 * @records: @len slots of @event_size bytes
 * @consumer: the page that a mapping consumer writes; NULL: never mapped
 * @producer: the page that tells him; comes and goes with @consumer
 * @len: slots, a power of two
 * @event_size: bytes in a slot
 * @maps: live areas of mappings of it
 * @user: whom @pages are charged to
 * @pages: charged against RLIMIT_MEMLOCK
 */
struct ksig_ring {
	void *records;
	struct ksig_ring_consumer *consumer;
	struct ksig_ring_producer *producer;
	u32 len;
	u32 event_size;
	unsigned int maps;
	struct user_struct *user;
	unsigned long pages;
};

/* ------------------------------------------------------- subscription.c */

/* NMIs that meet the queue's lock leave their events here. */
struct ksig_stash;

/* A user's deliveries that emitters leave behind. */
struct ksig_backlog;

/* A channel's subscriptions that emitters don't serve themselves. */
struct ksig_fanout;

/* A filter, replaced as a whole. NULL instead of one: everything passes. */
struct ksig_filter_state {
	u64 types;
	u64 subject;
	bool by_subject;
	struct pid *pid;	/* instead of subject, on a PIDS channel */
	struct pid *own;	/* nothing about this process, nor what */
	u64 own_since;		/* it started since, CLOCK_MONOTONIC */
};

/* Being armed, replaced as a whole. */
struct ksig_arm_state {
	struct hlist_node node;	/* among all that are armed; see target_exit */
	struct ksig_sub *sub;
	struct ksig_target target;
	u64 value;
	bool doorbell;
	bool subject;
	u64 backoff;	/* nanoseconds; under sub->pump */
	struct rcu_head rcu;
};

/**
 * struct ksig_sub - a subscription: one open of a channel for reading
 *
 * Three locks, taken in this order:
 * @consume: mutex; who takes records out by read(2), or changes what queue
 *	there is. User memory is touched under it, so mmap does without
 * @pump: spinlock; who sends signals, one at a time. On PREEMPT_RT it sleeps
 * @lock: raw spinlock, for any context but NMI, which tries only; the queue
 *	and the counters
 */
struct ksig_sub {
	/* Set before anybody sees it, and kept. */
	struct ksig_chan *chan;
	struct pid_namespace *pid_ns;	/* the opener's */
	u64 net_cookie;			/* of the opener's network namespace */
	s64 time_offset;		/* of the opener's CLOCK_MONOTONIC */

	/* RCU; changed under chan->lock (node) and @consume (filter). */
	struct list_head node;
	struct ksig_filter_state __rcu *filter;

	raw_spinlock_t lock;
	/*
	 * Under @lock; but head, consumed and refused under @pump instead, when
	 * a record leaves as a signal.
	 */
	struct ksig_ring *ring;	/* replaced under @consume too */
	u32 head;		/* the last that was believed */
	u32 tail;
	u32 gap;		/* lost since the newest record */
	bool owed;		/* a doorbell is to ring; cleared under @pump */
	bool hup;
	bool mapped;		/* the ring is, or was: a page says head */
	u64 offered;
	u64 consumed;		/* left the queue, refused ones too */
	u64 lost;
	u64 refused;
	struct ksig_stash *stash;	/* its lockless end: see queue.c */
	atomic64_t deferred;

	spinlock_t pump;
	/* Under @pump. */
	u64 signals;
	struct ksig_arm_state __rcu *arm;
	bool gone;		/* the target, since armed last */
	bool gone_untold;	/* who sleeps is to be woken for that */
	u32 gap_told;		/* lost before refused events: not told yet */
	bool stalled;		/* only the backlog's worker delivers */
	bool target_full;	/* the next one waits for the target */
	bool deliver_inline;	/* armed, and cheap to check: emitters send */
	bool rung;		/* a doorbell was sent, nothing consumed since */
	u32 rung_head;		/* head, when it was sent */
	unsigned long rung_at;	/* jiffies, likewise */

	struct mutex consume;

	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	struct irq_work irq_work;	/* what could not be done where emitted */

	struct ksig_backlog *backlog;	/* the opener's */
	struct llist_node incoming;	/* on its way to @waiting */
	struct list_head waiting;	/* in the backlog; under its lock */
	unsigned long listed;	/* bit 0: in either of the two */
	u64 visit_at;		/* CLOCK_MONOTONIC; under the backlog's lock */
	bool urgent;		/* stalled just now: not only at visit_at */
	bool crowded;		/* irq_work leaves the rest to the backlog */
	bool wake_late;		/* the backlog's worker wakes readers */

	/* Of a subscription behind chan->fanout; under its lock. */
	bool rear;
	bool rear_waits;	/* events before rear_from came before it */
	u32 rear_from;
	u64 skipped_before;
	u64 skipped_seen;	/* what records have been marked for */
	u32 mark;		/* KSIG_EVENT_LOST_UPTO: in the next record */

	bool watched;		/* counts among those that want target_exit */
	struct rcu_work free;
};

/*
 * Take a slot of a ring that several producers fill, NMIs among them. False: it is
 * full. @head: slots given back, by the one consumer.
 */
static inline bool ksig_claim(atomic_t *tails, const u32 *heads, u32 slots,
			      u32 *index)
{
	u32 head, tail;

	do {
		tail = atomic_read(tails);
		/* acquire: the slot is given back; see the consumers' releases */
		head = smp_load_acquire(heads);
		/* full, unless others have come and gone meanwhile */
		if (tail - head >= slots && tail == atomic_read(tails))
			return false;
	} while (atomic_cmpxchg(tails, tail, tail + 1) != tail);
	*index = tail;
	return true;
}

/* What became of an event; bits. */
#define KSIG_TOOK	1	/* it is in the queue, or on its way there */
#define KSIG_STASHED	2	/* somebody must come for ksig_queue_settle() */

/* queue.c */
int ksig_queue_init(struct ksig_sub *sub);
void ksig_queue_close(struct ksig_sub *sub);
void ksig_queue_free(struct ksig_sub *sub);
int ksig_queue_resize(struct ksig_sub *sub, u32 len);
bool ksig_queue_offer(struct ksig_sub *sub, const struct ksig_notice *n,
		      u64 now, int *left);
bool ksig_queue_consume_one(struct ksig_sub *sub, bool refused);
void ksig_queue_settle(struct ksig_sub *sub);
u32 ksig_queue_used(struct ksig_sub *sub);
u32 ksig_queue_head(struct ksig_sub *sub);
u32 ksig_queue_len(struct ksig_sub *sub);
void ksig_queue_stats(struct ksig_sub *sub, struct ksig_stats *st);
const struct ksig_event *ksig_queue_peek(struct ksig_sub *sub);
void ksig_queue_give_back_gap(struct ksig_sub *sub, u32 n);
void ksig_queue_hup(struct ksig_sub *sub);
ssize_t ksig_queue_read(struct ksig_sub *sub, struct iov_iter *to);
int ksig_queue_mmap(struct ksig_sub *sub, struct vm_area_struct *vma);

/* ------------------------------------------------------------- backlog.c */

/*
 * Room in a target must be noticed within 10 ms: what is stalled is checked so often,
 * in nanoseconds.
 */
#define KSIG_TICK	(8 * NSEC_PER_MSEC)
#define KSIG_NEVER	U64_MAX
/* Another waits for the same target: once that one has room, all are visited. */
#define KSIG_BEHIND	NSEC_PER_SEC

/**
 * struct ksig_visit - one run of a backlog's worker
 * @credit: what it may still spend, in checks of a target
 * @now: when it began, CLOCK_MONOTONIC
 * @full_pid: a target that has no room, found by this run; compared only.
 *	NULL: none yet
 * @full_max: so many signals are pending in it
 * @full_signo: of this number
 * @full_process: process-directed
 * @full_checked: this run has checked the target, not compared only
 * @room: a target was found to have room: those that wait behind another are
 *	visited, too
 */
struct ksig_visit {
	int credit;
	u64 now;
	const struct pid *full_pid;
	u32 full_max;
	int full_signo;
	bool full_process;
	bool full_checked;
	bool room;
};

extern struct workqueue_struct *ksig_wq;

int ksig_backlog_init(void);
void ksig_backlog_exit(void);
struct ksig_backlog *ksig_backlog_get(kuid_t uid);
void ksig_backlog_put(struct ksig_backlog *backlog);
void ksig_backlog_add(struct ksig_sub *sub);
void ksig_backlog_watch(struct ksig_sub *sub, u64 delay);
void ksig_backlog_remove(struct ksig_sub *sub);

/* -------------------------------------------------------------- fanout.c */

struct ksig_fanout *ksig_fanout_create(u32 event_size);
void ksig_fanout_free(struct ksig_fanout *f);
void ksig_fanout_flush(struct ksig_fanout *f);
void ksig_fanout_join(struct ksig_fanout *f, struct ksig_sub *sub);
void ksig_fanout_leave(struct ksig_fanout *f, struct ksig_sub *sub);
void ksig_fanout_hup(struct ksig_fanout *f);
u64 ksig_fanout_skipped(const struct ksig_fanout *f, const struct ksig_sub *sub);
bool ksig_fanout_put(struct ksig_fanout *f, const struct ksig_notice *n,
		     u64 now, u64 net_cookie);

/* subscription.c */
int ksig_sub_init(void);
void ksig_sub_exit(void);
struct ksig_sub *ksig_sub_create(struct ksig_chan *chan);
void ksig_sub_close(struct ksig_sub *sub);
u64 ksig_net_cookie(const struct net *net);
bool ksig_sub_sees(const struct ksig_sub *sub, struct pid *pid, u64 net_cookie);
bool ksig_sub_wants(const struct ksig_sub *sub, const struct ksig_notice *n);
bool ksig_may_tell(void);
void ksig_sub_tell(struct ksig_sub *sub, bool here);
void ksig_sub_wake_late(struct ksig_sub *sub);
u64 ksig_sub_visit(struct ksig_sub *sub, struct ksig_visit *visit);
void ksig_sub_hup(struct ksig_sub *sub);
int ksig_sub_set_filter(struct ksig_sub *sub, const struct ksig_filter *f);
int ksig_sub_arm(struct ksig_sub *sub, const struct ksig_arm *arm);
void ksig_sub_disarm(struct ksig_sub *sub);
bool ksig_sub_signals_each(struct ksig_sub *sub);
void ksig_sub_stats(struct ksig_sub *sub, struct ksig_stats *st);
void ksig_sub_show(struct ksig_sub *sub, struct seq_file *m);

static inline bool ksig_sub_armed(const struct ksig_sub *sub)
{
	return rcu_access_pointer(sub->arm) != NULL;
}

/* ------------------------------------------------------------ channel.c */

/*
 * What an emit does in its caller's context: so many subscriptions are offered
 * the event, so many of one user, and so many signals are sent or readers woken.
 * Some 30 us in all on a machine of today; the rest is left to workers.
 */
#define KSIG_FRONT_MAX		32
#define KSIG_FRONT_ANYBODY	16	/* the others need CAP_SYS_RESOURCE */
#define KSIG_FRONT_USER		8
#define KSIG_INLINE_TELLS	4

/**
 * struct ksig_chan - a channel, as ksig sees it
 * @pub: the driver's handle
 * @dev: the node's device; its release frees this
 * @lock: who subscribes, leaves, starts, stops, destroys
 * @lock_key: @lock's lockdep class: start and stop run under @lock and take the
 *	locks of one driver, which are in no order with those of another
 * @subs: subscriptions that emitters serve, at most KSIG_FRONT_MAX; changed
 *	under @lock, walked under RCU
 * @front: how many these are; under @lock
 * @rear: how many there are behind @fanout; changed under @lock
 * @fanout: serves the others; set once, under @lock
 * @dead: destroyed; under @lock
 * @started: start was called, and stop was not since; under @lock
 * @linger: stops it when nobody has come for a while; see ksig_chan_linger()
 * @emitted: events while there were subscribers
 * @lost: events that a full queue lost, of all subscriptions
 */
struct ksig_chan {
	struct ksig_channel pub;
	u32 event_size;
	u32 ntypes;
	u32 flags;
	umode_t mode;
	bool writable;
	void (*fill)(struct ksig_event *ev, const struct ksig_notice *n,
		     struct pid_namespace *ns);

	struct list_head subs;
	unsigned int front;
	unsigned int rear;
	struct ksig_fanout *fanout;
	atomic64_t emitted;
	atomic64_t lost;

	struct mutex lock;
	struct lock_class_key lock_key;
	bool dead;
	bool started;
	struct delayed_work linger;
	int (*start)(void *ctx);
	void (*stop)(void *ctx);
	void *ctx;

	struct device dev;
	struct cdev cdev;
	struct list_head node;	/* among all channels */
	char name[KSIG_NAME_MAX];
	char *description;
	char *types;		/* as sysfs shows them: a line each */
};

/* In a description's flags; user space doesn't see it: write(2) emits. */
#define KSIG_CHANNEL_WRITABLE	(1U << 31)

/*
 * Writes the channel to *@ch before its node is there: whoever emits from what
 * start sets up finds it. 0, or an error of ksig_channel_create().
 */
int ksig_channel_create_at(const struct ksig_channel_desc *desc,
			   struct ksig_channel **ch);

/* For works that remove hooks; from ksig_channel_init() to ksig_channel_exit(). */
extern struct workqueue_struct *ksig_linger_wq;
bool ksig_linger_later(struct delayed_work *work);

int ksig_channel_init(void);
void ksig_channel_exit(void);
int ksig_channel_join(struct ksig_chan *chan, struct ksig_sub *sub);
void ksig_channel_leave(struct ksig_chan *chan, struct ksig_sub *sub);

/* chardev.c */
extern const struct file_operations ksig_chan_fops;
int ksig_chardev_init(void);
void ksig_chardev_exit(void);

/* debugfs.c */
void ksig_debugfs_init(void);
void ksig_debugfs_exit(void);

/* events/ */

/**
 * struct ksig_builtin - a channel that is always there
 * @desc: what it is
 * @chan: to emit to
 */
struct ksig_builtin {
	struct ksig_channel_desc desc;
	struct ksig_channel *chan;
};

extern struct ksig_builtin ksig_test, ksig_process, ksig_memory, ksig_power,
			   ksig_net, ksig_cpu, ksig_kmod;

int ksig_events_init(void);
void ksig_events_exit(void);

/* hook.c */

/**
 * struct ksig_hook - a probe on one of the kernel's tracepoints
 * @name: of the tracepoint
 * @probe: a function of its type; see KSIG_HOOK()
 * @optional: do without where the kernel hasn't got it
 * @tp: set while the probe is in place
 */
struct ksig_hook {
	const char *name;
	void *probe;
	bool optional;
	struct tracepoint *tp;
};

/*
 * A struct ksig_hook. The kernel calls a probe through a pointer of the
 * tracepoint's own type, and another one is a jump into nowhere with CFI, or wrong
 * arguments without. The kernel's check of it is compiled here, never run.
 *
 * Probes may be preempted (since 7.0) and run outside of any RCU section.
 */
#define KSIG_HOOK(tracepoint, function, is_optional) {			\
	.name = #tracepoint,						\
	.probe = (void *)(function) + 0 *				\
		sizeof((check_trace_callback_type_##tracepoint(function), 0)), \
	.optional = (is_optional),					\
}

int ksig_hooks_add(struct ksig_hook *hooks, unsigned int n);
void ksig_hooks_remove(struct ksig_hook *hooks, unsigned int n);

#endif /* KSIG_H */
