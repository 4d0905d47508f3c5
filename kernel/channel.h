/* SPDX-License-Identifier: GPL-2.0-only */
/* Channels: /dev/ksig/NAME, its subscriptions, and emitting to them. */
#ifndef KSIG_CHANNEL_H
#define KSIG_CHANNEL_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <ksig/driver.h>

#include "notice_ring.h"

struct ksig_fanout;
struct ksig_sub;

/*
 * What an emit does in its caller's context: it offers the event to this many
 * subscriptions, this many of one user, and notifies this many; the rest is left to
 * workers. After an NMI up to KSIG_STASH_INLINE events are offered before its own.
 */
#define KSIG_FRONT_MAX		32
#define KSIG_FRONT_ANYBODY	16	/* the others need CAP_SYS_RESOURCE */
#define KSIG_FRONT_USER		8
#define KSIG_INLINE_NOTIFY	4

/**
 * struct ksig_stash - events that an emitter's context keeps from being offered
 * @ring: copies of them
 * @lock: held by the consumer of @ring while it offers an event: keeps the order
 * @irq_work: offers them as soon as possible
 */
struct ksig_stash {
	struct ksig_notice_ring ring;
	raw_spinlock_t lock;
	struct irq_work irq_work;
};

/**
 * struct ksig_chan - a channel
 * @pub: the driver's handle
 * @event_size: bytes per record
 * @ntypes: number of event types
 * @flags: KSIG_CHANNEL_*
 * @mode: of the node
 * @writable: write(2) emits
 * @fill: see ksig_channel_desc
 * @subs: subscriptions that emitters serve, at most KSIG_FRONT_MAX; changed under
 *	@lock, walked under RCU
 * @front: number of these; under @lock
 * @rear: number of those that @fanout serves; changed under @lock
 * @fanout: serves the others; set once, under @lock
 * @stash: what NMIs emit
 * @skipped: events for which the stash had no room
 * @lost: events for which a subscription's queue had no room
 * @emitted: events emitted while there were subscribers; per cpu
 * @lock: subscribing, unsubscribing, starting, stopping, destroying
 * @lock_key: @lock's lockdep class: start and stop run under @lock and take the locks of
 *	one driver, which have no order with those of another
 * @dead: destroyed; under @lock
 * @started: start was called, and stop was not since; under @lock
 * @linger: stops the channel if nobody has subscribed for a while
 * @start: see ksig_channel_desc, like the next two
 * @stop: likewise
 * @ctx: likewise
 * @dev: the node's device; its release frees this
 * @cdev: the node
 * @node: among all channels
 * @name: of the node
 * @description: for people
 * @types: as sysfs shows them, one per line
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
	struct ksig_stash stash;
	atomic64_t skipped;
	atomic64_t lost;
	u64 __percpu *emitted;

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
	struct list_head node;
	char name[KSIG_NAME_MAX];
	char *description;
	char *types;
};

/* In a description's flags, for built-in channels: write(2) emits. */
#define KSIG_CHANNEL_WRITABLE	(1U << 31)

/*
 * As ksig_channel_create(), but *@ch is set before the node exists: whatever emits
 * from what start sets up finds it.
 */
int ksig_channel_create_at(const struct ksig_channel_desc *desc,
			   struct ksig_channel **ch);

int ksig_channel_init(const struct file_operations *fops);
void ksig_channel_exit(void);
int ksig_channel_join(struct ksig_chan *chan, struct ksig_sub *sub);
void ksig_channel_leave(struct ksig_chan *chan, struct ksig_sub *sub);

/* emit.c */
int ksig_stash_init(struct ksig_chan *chan);
void ksig_stash_flush(struct ksig_chan *chan);
void ksig_channel_flush(struct ksig_chan *chan, const struct ksig_sub *sub);
u64 ksig_channel_emitted(const struct ksig_chan *chan);

/* sysfs.c */
extern const struct attribute_group *ksig_channel_groups[];

#endif /* KSIG_CHANNEL_H */
