/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For kernel code that reports events. A channel is a named stream of events, /dev/ksig/NAME.
 * See docs/drivers.md for an introduction.
 *
 * A driver that should also build without ksig.ko defines KSIG_STUBS if ksig.ko is not
 * available. The driver then needs no symbol of ksig.ko. Creating a channel returns NULL, which
 * all other functions treat as a channel without subscribers. If the driver checks the returned
 * pointer with IS_ERR() and never compares it with NULL, it needs no #ifdef. In its Kbuild::
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
 * struct ksig_notice - an event as described by its emitter
 * @type: index into the channel's types
 * @len: number of bytes at @data, at most event_size - 48
 * @subject: what the event is about; ignored on a KSIG_CHANNEL_PIDS channel, which uses @pid
 * @value: the value that a signal carries
 * @pid: on a KSIG_CHANNEL_PIDS channel, the process that the event is about; NULL on other
 *	channels. The event's subject is the pid of this process in the subscriber's pid
 *	namespace. Subscribers in a namespace where the process has no pid are not offered
 *	the event
 * @related: other processes whose pids fill writes into the record, or NULL; requires @pid
 * @net: the network namespace in which the event happened. Only subscriptions that were
 *	opened in that namespace are offered the event. NULL: all subscriptions are
 *	offered the event
 * @data: data to copy into the record; may be NULL if @len is 0
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
 * struct ksig_channel_desc - description of a channel
 * @name: [a-z0-9][a-z0-9_-]{0,46}. "%d" at the end is replaced with the lowest unused
 *	number
 * @description: description of the events in one line, or NULL
 * @types: names of the event types, NULL-terminated, at most 64; NULL: one nameless type
 * @mode: access mode of the node; 0: 0600
 * @event_size: size of a record, a multiple of 8 from 64 to 4096; 0: 64
 * @flags: KSIG_CHANNEL_PIDS or 0
 * @start: called before the first subscription is created, unless the channel is still
 *	started; may sleep. If it fails, open(2) returns its error. May be NULL. @start may be
 *	called before ksig_channel_create() returns, because the node already exists. At that
 *	time, the driver's pointer to the channel may still be NULL; emitting to a NULL
 *	channel is a no-op
 * @stop: called once for each successful call of @start; may sleep. It is called from
 *	ksig_channel_destroy(), or from a work item about a second after the last
 *	subscription was closed, unless another subscription has been opened by then. NULL:
 *	@start is called whenever a subscription is opened while the channel has no other
 * @fill: writes the notice's pids, as numbered in @ns, into a record. It is called for each
 *	subscription that is offered an event, after the emitter's data was copied into the
 *	record. The notice and its data may be copies, because @fill may be called after the
 *	emit has returned, and even after @stop, until ksig_channel_destroy() returns. @fill
 *	must not modify seq and lost_before. It is called in any context except NMI, with
 *	interrupts disabled, so it must not sleep or take locks. May be NULL
 * @ctx: passed to @start and @stop
 *
 * The description is copied and may be freed once the channel is created.
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
 * struct ksig_channel - a driver's handle to a channel
 * @subscribers: number of subscriptions; for ksig_channel_active()
 */
struct ksig_channel {
	unsigned int subscribers;
};

#ifndef KSIG_STUBS

/**
 * ksig_channel_create() - create a channel and its node
 * @desc: description of the channel
 *
 * Context: process, may sleep.
 *
 * Return: the channel; an ERR_PTR: -EINVAL if @desc is invalid; -EEXIST if the name is
 * already in use; -ENOSPC if every number for "%d" is in use; -ENOMEM.
 */
struct ksig_channel *ksig_channel_create(const struct ksig_channel_desc *desc);

/**
 * devm_ksig_channel_create() - create a channel that is destroyed with its device
 * @dev: the device; /sys/class/ksig/NAME/device refers to it
 * @desc: description of the channel
 *
 * Like ksig_channel_create(). The channel is destroyed when @dev is unbound from its driver, after
 * the managed resources that were acquired after this call have been released. Therefore request
 * the sources of events, interrupts in particular, after this call.
 *
 * Context: process, may sleep; from @dev's probe.
 *
 * Return: as ksig_channel_create().
 */
struct ksig_channel *
devm_ksig_channel_create(struct device *dev,
			 const struct ksig_channel_desc *desc);

/**
 * ksig_channel_destroy() - destroy a channel
 * @ch: from ksig_channel_create(); NULL and ERR_PTRs are ignored
 *
 * Removes the node, calls stop if the channel is still started, waits for running emits to
 * finish, and hangs up every subscription. The driver must not start another emit once stop
 * has returned or, if the channel has no stop, once this function is called. Open descriptors
 * remain valid and report end-of-file. They hold no reference to the driver or its device.
 *
 * Context: process, may sleep. Must not be called from the channel's own start or stop.
 */
void ksig_channel_destroy(struct ksig_channel *ch);

int __ksig_emit(struct ksig_channel *ch, const struct ksig_notice *n);
int __ksig_emit_value(struct ksig_channel *ch, u32 type, u64 subject,
		      u64 value);

/**
 * ksig_channel_active() - check whether a channel has subscriptions
 * @ch: the channel; NULL: a channel without subscriptions
 *
 * A driver can use this to avoid preparing an event that no subscription would receive.
 *
 * Context: any. Does not sleep.
 *
 * Return: true if there may be subscriptions.
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
 * ksig_emit_notice() - offer an event to a channel's subscriptions
 * @ch: the channel
 * @n: the event; not used after the call
 *
 * Context: any, including NMI. Never sleeps, and never fails for lack of memory. The amount of
 * work done here is bounded regardless of the number of subscriptions: at most 32 subscriptions
 * are offered the event, and at most 4 of these are notified, by signal or wake-up. Workers do the
 * rest, in the order of the events. Work that the context doesn't permit is done asynchronously.
 * Outside an NMI, the caller must not hold a siglock, tasklist_lock for writing, or the lock of a
 * run queue, wait queue, timer base or workqueue pool. Nor must it run while the clock is updated
 * (pvclock_gtod_register_notifier()). A probe must not emit from a tracepoint that can be hit in
 * one of these sections.
 *
 * Return: number of subscriptions that accepted the event; -EINVAL if @n's type or len is
 * invalid for the channel. All subscriptions that are served by a worker are counted as if they
 * had accepted the event.
 */
static inline int ksig_emit_notice(struct ksig_channel *ch,
				   const struct ksig_notice *n)
{
	return ksig_channel_active(ch) ? __ksig_emit(ch, n) : 0;
}

/**
 * ksig_emit() - offer an event without data to a channel's subscriptions
 * @ch: the channel
 * @type: index into the channel's types
 * @subject: what the event is about
 * @value: the value that a signal carries
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
