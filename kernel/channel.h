/* SPDX-License-Identifier: GPL-2.0-only */
/* Channels: the nodes /dev/ksig/NAME, their subscriptions, and functions that emit events. */
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
 * Limits on the work that an emit does in its caller's context. Workers do the rest. After an
 * NMI, an emit also offers up to KSIG_STASH_INLINE stashed events before its own event.
 */
#define KSIG_FRONT_MAX		32	/* subscriptions that are offered the event */
#define KSIG_FRONT_ANYBODY	16	/* of these, for all users without CAP_SYS_RESOURCE */
#define KSIG_FRONT_USER		8	/* of these, for one user without CAP_SYS_RESOURCE */
#define KSIG_INLINE_NOTIFY	4	/* subscriptions that are notified */

/**
 * struct ksig_stash - events that can't be offered in the context of their emitter
 * @ring: copies of the events
 * @lock: held by the consumer of @ring while it offers an event, to preserve the order
 * @irq_work: offers the events as soon as possible
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
 * @mode: access mode of the node
 * @writable: write(2) to the node emits an event
 * @fill: see struct ksig_channel_desc
 * @subs: subscriptions that emitters serve, at most KSIG_FRONT_MAX; changed under
 *	@lock, walked under RCU
 * @front: number of subscriptions in @subs; protected by @lock
 * @rear: number of subscriptions that @fanout serves; changed under @lock
 * @fanout: serves the subscriptions that are not in @subs; set once, under @lock
 * @stash: events emitted by NMIs
 * @skipped: number of events skipped because the stash was full
 * @lost: number of events lost because a subscription's queue was full
 * @emitted: number of events emitted while there were subscribers; per cpu
 * @lock: serializes subscribing, unsubscribing, starting, stopping and destroying
 * @lock_key: lockdep class of @lock. @start and @stop run under @lock and take the driver's
 *	locks. The locks of different drivers have no defined order, so each channel needs
 *	its own class
 * @dead: the channel is destroyed; protected by @lock
 * @started: @start was called, and @stop has not been called since; protected by @lock
 * @linger: stops the channel if it has had no subscription for a while
 * @start: see struct ksig_channel_desc
 * @stop: see struct ksig_channel_desc
 * @ctx: see struct ksig_channel_desc
 * @dev: device of the node; its release frees the channel
 * @cdev: character device of the node
 * @node: node in the list of all channels
 * @name: name of the node
 * @description: description of the channel for users
 * @types: names of the event types, one per line as shown in sysfs
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

/* Flag of a description, for built-in channels only: write(2) emits an event. */
#define KSIG_CHANNEL_WRITABLE	(1U << 31)

/*
 * Like ksig_channel_create(), but *@ch is set before the node exists. The hooks that start
 * installs can therefore emit to *@ch immediately.
 */
int ksig_channel_create_at(const struct ksig_channel_desc *desc,
			   struct ksig_channel **ch);

int ksig_channel_init(const struct file_operations *fops);
void ksig_channel_exit(void);
int ksig_channel_join(struct ksig_chan *chan, struct ksig_sub *sub);
void ksig_channel_leave(struct ksig_chan *chan, struct ksig_sub *sub);

/* defined in emit.c */
int ksig_stash_init(struct ksig_chan *chan);
void ksig_stash_flush(struct ksig_chan *chan);
void ksig_channel_flush(struct ksig_chan *chan, const struct ksig_sub *sub);
u64 ksig_channel_emitted(const struct ksig_chan *chan);

/* defined in sysfs.c */
extern const struct attribute_group *ksig_channel_groups[];

#endif /* KSIG_CHANNEL_H */
