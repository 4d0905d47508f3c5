/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of ksig.ko share, and nobody else sees. */
#ifndef KSIG_H
#define KSIG_H

#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
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
 * @kin: the sender's own process: kill(2) asks it for no uids
 * @max_pending: nothing is sent while so many of that number wait in the
 *	target; 0: no limit
 * @info: what a thread-directed signal comes with, but for value, errno and uid
 * @cred: private copy of the sender's credentials. Its euid follows the
 *	target's uid (see ksig_may_signal()), all else stays the sender's
 * @session: SIGCONT: the sender's, within which no uids are asked for
 * @checked: the target's credentials for which the answer was yes, pinned so
 *	that no others can have their address; NULL: not asked yet
 * @sender_uid: the sender's real uid
 * @sender_euid: the sender's effective uid
 * @cap_ns: the user namespace over which, and over whose descendants, the
 *	sender has CAP_KILL; NULL: has it not
 * @uid: the target's real uid when it was pinned
 * @euid: the target's effective uid then
 * @suid: the target's saved uid then
 * @cost: of the last look at the target, on top of one that is short, in
 *	signals sent: of its threads or its pending signals there may be many
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
	bool kin;
	u32 max_pending;
	struct kernel_siginfo info;
	struct cred *cred;
	struct pid *session;
	const struct cred *checked;
	kuid_t sender_uid;
	kuid_t sender_euid;
	struct user_namespace *cap_ns;
	kuid_t uid;
	kuid_t euid;
	kuid_t suid;
	u32 cost;
};

void ksig_signal_init(void);
int ksig_target_init(struct ksig_target *t, struct pid *pid);
void ksig_target_release(struct ksig_target *t);
int ksig_target_check(struct ksig_target *t);
bool ksig_target_gone(const struct ksig_target *t);
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

/* A filter, replaced as a whole. NULL instead of one: everything passes. */
struct ksig_filter_state {
	u64 types;
	u64 subject;
	bool by_subject;
	struct pid *pid;	/* instead of subject, on a PIDS channel */
};

/* Being armed, replaced as a whole. */
struct ksig_arm_state {
	struct hlist_node node;	/* among all that are armed; see target_exit */
	struct ksig_sub *sub;
	struct ksig_target target;
	u64 value;
	bool doorbell;
	bool subject;
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
	bool held;		/* the next one waits for room in the target */
	bool prompt;		/* armed, and not costly: who emits sends */

	struct mutex consume;

	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	struct irq_work irq_work;	/* what could not be done where emitted */
	struct hrtimer retry;	/* while something is held back */
	struct work_struct rest;	/* what is too much for one run of the pump */
	bool watched;		/* counts among those that want target_exit */
	struct rcu_work free;
};

/* What became of an event; bits. */
#define KSIG_TOOK	1	/* it is in the queue, or on its way there */
#define KSIG_STASHED	2	/* somebody must come for ksig_queue_settle() */

/* queue.c */
int ksig_queue_init(struct ksig_sub *sub);
void ksig_queue_close(struct ksig_sub *sub);
void ksig_queue_free(struct ksig_sub *sub);
int ksig_queue_resize(struct ksig_sub *sub, u32 len);
bool ksig_queue_offer(struct ksig_sub *sub, const struct ksig_notice *n,
		      u64 now);
bool ksig_queue_consume_one(struct ksig_sub *sub, bool refused);
void ksig_queue_settle(struct ksig_sub *sub);
u32 ksig_queue_used(struct ksig_sub *sub);
u32 ksig_queue_len(struct ksig_sub *sub);
void ksig_queue_stats(struct ksig_sub *sub, struct ksig_stats *st);
const struct ksig_event *ksig_queue_peek(struct ksig_sub *sub);
void ksig_queue_give_back_gap(struct ksig_sub *sub, u32 n);
void ksig_queue_hup(struct ksig_sub *sub);
ssize_t ksig_queue_read(struct ksig_sub *sub, struct iov_iter *to);
int ksig_queue_mmap(struct ksig_sub *sub, struct vm_area_struct *vma);

/* subscription.c */
int ksig_sub_init(void);
void ksig_sub_exit(void);
struct ksig_sub *ksig_sub_create(struct ksig_chan *chan);
void ksig_sub_close(struct ksig_sub *sub);
bool ksig_sub_sees(const struct ksig_sub *sub, const struct ksig_notice *n);
bool ksig_sub_wants(const struct ksig_sub *sub, const struct ksig_notice *n);
void ksig_sub_tell(struct ksig_sub *sub);
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

/**
 * struct ksig_chan - a channel, as ksig sees it
 * @pub: the driver's handle
 * @dev: the node's device; its release frees this
 * @lock: who subscribes, leaves, starts, stops, destroys
 * @subs: subscriptions; changed under @lock, walked under RCU
 * @dead: destroyed; under @lock
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
	atomic64_t emitted;
	atomic64_t lost;

	struct mutex lock;
	bool dead;
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
 * start sets up finds it. @key: chan->lock's own class, for lockdep. 0, or an
 * error of ksig_channel_create().
 */
int ksig_channel_create_at(const struct ksig_channel_desc *desc,
			   struct ksig_channel **ch,
			   struct lock_class_key *key);

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
 * @lock_key: its start and stop take locks of the kernel's that others' do not
 */
struct ksig_builtin {
	struct ksig_channel_desc desc;
	struct ksig_channel *chan;
	struct lock_class_key lock_key;
};

extern struct ksig_builtin ksig_test, ksig_process, ksig_memory, ksig_power,
			   ksig_net, ksig_cpu, ksig_kmod;

int ksig_events_init(void);
void ksig_events_exit(void);

/* hook.c */

/**
 * struct ksig_hook - a probe on one of the kernel's tracepoints
 * @name: of the tracepoint
 * @probe: a function of its type
 * @optional: do without where the kernel hasn't got it
 * @tp: set while the probe is in place
 */
struct ksig_hook {
	const char *name;
	void *probe;
	bool optional;
	struct tracepoint *tp;
};

struct tracepoint *ksig_tracepoint(const char *name);
int ksig_hooks_add(struct ksig_hook *hooks, unsigned int n);
void ksig_hooks_remove(struct ksig_hook *hooks, unsigned int n);

#endif /* KSIG_H */
