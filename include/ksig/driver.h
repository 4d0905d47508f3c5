/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For kernel code that has something to tell: a channel is a named stream of
 * events, /dev/ksig/NAME. docs/drivers.md is the way in.
 *
 * A driver that is to build where there is no ksig.ko, too, is compiled with
 * KSIG_STUBS defined there. Then no symbol of ksig.ko is needed, and creating
 * a channel gives NULL, which every other call takes for a channel that nobody
 * subscribes to. So the driver is the same in both cases, without #ifdef, if it
 * asks IS_ERR() of what it gets, never whether it is NULL. In its Kbuild::
 *
 *	ccflags-y := -I$(KSIG)/include
 *	ccflags-$(if $(wildcard $(KSIG)/kernel/Module.symvers),,y) += -DKSIG_STUBS
 */
#ifndef KSIG_DRIVER_H
#define KSIG_DRIVER_H

#include <linux/compiler.h>
#include <linux/types.h>

#include <ksig/uapi.h>

struct device;
struct net;
struct pid;
struct pid_namespace;

/**
 * struct ksig_notice - an event as its emitter gives it
 * @type: index into the channel's types
 * @len: bytes at @data, at most event_size - 48
 * @subject: what it is about; on a KSIG_CHANNEL_PIDS channel @pid says it
 * @value: what a signal carries
 * @pid: the process that it is about, on a KSIG_CHANNEL_PIDS channel: each
 *	subscriber finds its number in his own pid namespace as the subject,
 *	and is not offered the event where it has none. NULL elsewhere
 * @related: with @pid: other processes whose numbers fill writes, or NULL
 * @net: where it happened, if that is one network namespace: only subscribers
 *	who opened the channel there are offered the event. NULL: everywhere
 * @data: copied into the record; may be NULL when @len is 0
 */
struct ksig_notice {
	u32 type;
	u32 len;
	u64 subject;
	u64 value;
	struct pid *pid;
	struct pid *related[2];
	const struct net *net;
	const void *data;
};

/**
 * struct ksig_channel_desc - what a channel is to be
 * @name: [a-z0-9][a-z0-9_-]{0,46}. One that ends in "%d" gets the first number
 *	that is free
 * @description: a line for people; NULL: none
 * @types: names of the event types, NULL-terminated, at most 64; NULL: one,
 *	nameless
 * @mode: of the node; 0: 0600
 * @event_size: of a record, a multiple of 8 from 64 to 4096; 0: 64
 * @flags: KSIG_CHANNEL_PIDS or 0
 * @start: called before the first subscriber is let in, unless the channel is
 *	still started; may sleep. Its error fails the open(2). May be NULL. The node is there before
 *	ksig_channel_create() returns, and so may be a call of this: what is
 *	emitted to a pointer that is still NULL then is not offered to anybody
 * @stop: called about a second after the last subscriber has left if none has
 *	come since, from a work item, or by ksig_channel_destroy() at once; may
 *	sleep. Each call of @start that succeeds is followed by one call. NULL:
 *	@start is called for every first subscriber
 * @fill: called for each subscriber that takes an event, once its record holds
 *	what the emitter has said, to write the pids of the notice as @ns sees
 *	them. It may be called after the emit has returned, and after @stop,
 *	until ksig_channel_destroy() returns, with a copy of the notice and of
 *	its data. seq and lost_before come later, and are not to
 *	be touched. In any context, with interrupts off: it must not sleep or
 *	lock. May be NULL
 * @ctx: handed to @start and @stop
 *
 * All is copied: it may be gone once the channel is created.
 */
struct ksig_channel_desc {
	const char *name;
	const char *description;
	const char *const *types;
	umode_t mode;
	u32 event_size;
	u32 flags;
	int (*start)(void *ctx);
	void (*stop)(void *ctx);
	void (*fill)(struct ksig_event *ev, const struct ksig_notice *n,
		     struct pid_namespace *ns);
	void *ctx;
};

/**
 * struct ksig_channel - a channel, as far as its driver sees it
 * @subscribers: how many there are; read by ksig_channel_active() only
 */
struct ksig_channel {
	unsigned int subscribers;
};

#ifndef KSIG_STUBS

/**
 * ksig_channel_create() - make a channel and its node
 * @desc: what it is to be
 *
 * Context: process, may sleep.
 *
 * Return: the channel, or an ERR_PTR: -EINVAL @desc is not as it must be,
 * -EEXIST the name is taken, -ENOSPC no number is free, -ENOMEM.
 */
struct ksig_channel *ksig_channel_create(const struct ksig_channel_desc *desc);

/**
 * devm_ksig_channel_create() - make a channel that goes with its device
 * @dev: the device: /sys/class/ksig/NAME/device leads to it
 * @desc: what it is to be
 *
 * As ksig_channel_create(). The channel is destroyed when @dev loses its driver,
 * unplugged or unloaded; what was acquired later is given back before that. So
 * whatever emits, an interrupt above all, is to be requested after this.
 *
 * Context: process, may sleep; from @dev's probe.
 *
 * Return: as ksig_channel_create().
 */
struct ksig_channel *
devm_ksig_channel_create(struct device *dev,
			 const struct ksig_channel_desc *desc);

/**
 * ksig_channel_destroy() - end a channel
 * @ch: from ksig_channel_create(); NULL and ERR_PTR are let pass
 *
 * Takes the node away, calls stop if the channel is still started, also if only
 * because the second after its last subscriber has not passed, waits for emits that
 * are under way, and tells every subscriber. No emit may begin once stop has
 * returned, or, without one, once this is called. Descriptors that are still
 * open stay usable and find the end; they need the driver no longer, nor its
 * device.
 *
 * Context: process, may sleep. Not from the channel's own start or stop.
 */
void ksig_channel_destroy(struct ksig_channel *ch);

int __ksig_emit(struct ksig_channel *ch, const struct ksig_notice *n);
int __ksig_emit_value(struct ksig_channel *ch, u32 type, u64 subject,
		      u64 value);

/**
 * ksig_channel_active() - has the channel subscribers?
 * @ch: the channel; NULL: one that nobody subscribes to
 *
 * For drivers that would have work to do before they emit.
 *
 * Context: any. Does not sleep.
 *
 * Return: true if there may be some.
 */
static inline bool ksig_channel_active(const struct ksig_channel *ch)
{
	return ch && READ_ONCE(ch->subscribers) != 0;
}

#else /* KSIG_STUBS */

static inline struct ksig_channel *
ksig_channel_create(const struct ksig_channel_desc *desc)
{
	return NULL;
}

static inline struct ksig_channel *
devm_ksig_channel_create(struct device *dev,
			 const struct ksig_channel_desc *desc)
{
	return NULL;
}

static inline void ksig_channel_destroy(struct ksig_channel *ch)
{
}

static inline bool ksig_channel_active(const struct ksig_channel *ch)
{
	return false;
}

static inline int __ksig_emit(struct ksig_channel *ch,
			      const struct ksig_notice *n)
{
	return 0;
}

static inline int __ksig_emit_value(struct ksig_channel *ch, u32 type,
				    u64 subject, u64 value)
{
	return 0;
}

#endif /* KSIG_STUBS */

/**
 * ksig_emit_notice() - tell the subscribers that something happened
 * @ch: the channel
 * @n: what happened; not needed after the call
 *
 * Context: any, NMI too. Never sleeps, never fails for want of memory. However many
 * subscriptions there are, a bounded number of them is served here: 32 are offered
 * the event, and 4 of those are sent a signal or woken. The rest is done by workers,
 * in order. What can't be sent from here is sent from a safe context. Outside of an
 * NMI the caller must not hold a siglock, tasklist_lock for writing, or the lock
 * of a run queue, wait queue, timer base or workqueue pool, nor be called while
 * the clock is updated (pvclock_gtod_register_notifier()); nor may a probe emit
 * from a tracepoint that lies within one of them.
 *
 * Return: how many subscriptions took the event, or -EINVAL: @n's type or len
 * is not one of the channel's. Subscriptions that a worker serves count as if all
 * of them took it.
 */
static inline int ksig_emit_notice(struct ksig_channel *ch,
				   const struct ksig_notice *n)
{
	return ksig_channel_active(ch) ? __ksig_emit(ch, n) : 0;
}

/**
 * ksig_emit() - tell the subscribers that something happened
 * @ch: the channel
 * @type: index into its types
 * @subject: what it is about
 * @value: what a signal carries
 *
 * An event without data.
 *
 * Context: as ksig_emit_notice().
 *
 * Return: as ksig_emit_notice().
 */
static inline int ksig_emit(struct ksig_channel *ch, u32 type, u64 subject,
			    u64 value)
{
	return ksig_channel_active(ch) ?
	       __ksig_emit_value(ch, type, subject, value) : 0;
}

#endif /* KSIG_DRIVER_H */
