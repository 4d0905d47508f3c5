// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creates and destroys channels, adds subscriptions, and starts and stops the source of each
 * channel's events.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/lockdep.h>
#include <linux/rculist.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "channel.h"
#include "fanout.h"
#include "hook.h"
#include "subscription.h"

/* Maximum number of channels: far more than the number of devices that a driver has. */
#define KSIG_MINORS	(1U << 16)
#define KSIG_TYPES_MAX	64

static dev_t ksig_devt;
static DEFINE_IDA(ksig_minors);
/* Number of channels not freed yet. Unless it is 0, ksig_chan_release() may still run. */
static atomic_t ksig_chan_count;

/* Protects the list of channels and their names. Nests outside chan->lock. */
static DEFINE_MUTEX(ksig_names_lock);
static LIST_HEAD(ksig_chans);

/* Allocated by class_create(), because the kernel accesses it after this module is unloaded. */
static struct class *ksig_class;
/* File operations of the nodes */
static const struct file_operations *ksig_node_fops;

/* ---------------------------------------------------------------- subscribing */

/*
 * Check whether emitters may serve a subscription themselves. The number of subscriptions that
 * emitters serve is limited, and one user must not exhaust the limit.
 */
static bool ksig_front_has_place(const struct ksig_chan *chan,
				 const struct ksig_sub *sub)
{
	const struct ksig_sub *other;
	unsigned int same = 0;

	lockdep_assert_held(&chan->lock);
	if (chan->front >= KSIG_FRONT_MAX)
		return false;
	list_for_each_entry(other, &chan->subs, node)
		same += other->delivery.entry.backlog ==
			sub->delivery.entry.backlog;
	return (chan->front < KSIG_FRONT_ANYBODY && same < KSIG_FRONT_USER) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
}

/*
 * Add a subscription to the channel or to its fanout.
 *
 * Return: 0; -EAGAIN if the fanout has to serve the subscription but does not exist yet. In this
 * case, the caller has to pass a new fanout in @created.
 */
static int ksig_join(struct ksig_chan *chan, struct ksig_sub *sub,
		     struct ksig_fanout **created)
{
	lockdep_assert_held(&chan->lock);
	if (ksig_front_has_place(chan, sub)) {
		chan->front++;
		/* the subscription must not be offered events that were emitted earlier */
		ksig_stash_flush(chan);
		sub->skipped_before = ksig_sub_skipped(sub);
		sub->skipped_seen = sub->skipped_before;
		list_add_tail_rcu(&sub->node, &chan->subs);
	} else {
		if (!chan->fanout)
			swap(chan->fanout, *created);
		if (!chan->fanout)
			return -EAGAIN;
		ksig_fanout_join(chan->fanout, sub);
		/* release: chan->fanout is set; pairs with ksig_emit_to_all() */
		smp_store_release(&chan->rear, chan->rear + 1);
	}
	WRITE_ONCE(chan->pub.subscribers, chan->pub.subscribers + 1);
	return 0;
}

static void ksig_chan_stop(struct ksig_chan *chan)
{
	lockdep_assert_held(&chan->lock);
	if (chan->started && chan->stop)
		chan->stop(chan->ctx);
	chan->started = false;
}

static void ksig_on_linger(struct work_struct *work)
{
	struct ksig_chan *chan = container_of(to_delayed_work(work),
					      struct ksig_chan, linger);

	mutex_lock(&chan->lock);
	if (!chan->pub.subscribers)
		ksig_chan_stop(chan);
	mutex_unlock(&chan->lock);
	put_device(&chan->dev);
}

/**
 * ksig_channel_join() - start offering the channel's events to a subscription
 * @chan: the channel
 * @sub: a subscription that is not on any list
 *
 * Context: process, may sleep.
 *
 * Return: 0; -ENODEV if the channel is destroyed; -ENOMEM; or the error of start.
 */
int ksig_channel_join(struct ksig_chan *chan, struct ksig_sub *sub)
{
	struct ksig_fanout *created = NULL;
	int err;

again:
	mutex_lock(&chan->lock);
	err = chan->dead ? -ENODEV : 0;
	if (!err && !chan->started) {
		err = chan->start ? chan->start(chan->ctx) : 0;
		chan->started = !err;
	}
	/* this can't fail after start was called, because emitters serve the first subscription */
	if (!err)
		err = ksig_join(chan, sub, &created);
	mutex_unlock(&chan->lock);
	/* allocate without the lock, because a cgroup at its limit would block all users */
	if (err == -EAGAIN && !created) {
		created = ksig_fanout_create(chan->event_size);
		if (created)
			goto again;
		err = -ENOMEM;
	}
	ksig_fanout_free(created);
	return err;
}

/*
 * Undo ksig_channel_join(). Running emits may still use the subscription until a grace period has
 * passed.
 */
void ksig_channel_leave(struct ksig_chan *chan, struct ksig_sub *sub)
{
	mutex_lock(&chan->lock);
	if (sub->rear_skipped) {
		ksig_fanout_leave(chan->fanout, sub);
		WRITE_ONCE(chan->rear, chan->rear - 1);
	} else {
		list_del_rcu(&sub->node);
		chan->front--;
	}
	WRITE_ONCE(chan->pub.subscribers, chan->pub.subscribers - 1);
	if (!chan->pub.subscribers && !chan->stop) {
		chan->started = false;
	} else if (!chan->pub.subscribers && !chan->dead) {
		/* the work holds a reference while it is pending */
		get_device(&chan->dev);
		if (ksig_linger_later(&chan->linger))
			put_device(&chan->dev);
	}
	mutex_unlock(&chan->lock);
}

static char *ksig_devnode(KSIG_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = container_of(dev, struct ksig_chan, dev)->mode;
	return kasprintf(GFP_KERNEL, "ksig/%s", dev_name(dev));
}

/* -------------------------------------------------------------------- creating */

static bool ksig_name_taken(const char *name)
{
	struct ksig_chan *chan;

	lockdep_assert_held(&ksig_names_lock);
	if (!strcmp(name, "control"))
		return true;
	list_for_each_entry(chan, &ksig_chans, node) {
		if (!strcmp(chan->name, name))
			return true;
	}
	return false;
}

static bool ksig_name_valid(const char *name)
{
	const char *c;

	if (!*name || strlen(name) >= KSIG_NAME_MAX)
		return false;
	for (c = name; *c; c++) {
		/* not islower(), because it also accepts Latin-1 letters */
		if (!(*c >= 'a' && *c <= 'z') && !isdigit(*c) &&
		    (c == name || (*c != '_' && *c != '-')))
			return false;
	}
	return true;
}

/* Replace the "%d" of a name such as "edu%d" with the lowest unused number. */
static int ksig_name_numbered(char *name, const char *pattern, size_t stem)
{
	unsigned int i;

	for (i = 0; i < KSIG_MINORS; i++) {
		if (snprintf(name, KSIG_NAME_MAX, "%.*s%u", (int)stem, pattern,
			     i) >= KSIG_NAME_MAX)
			return -EINVAL;
		if (!ksig_name_valid(name))
			return -EINVAL;
		if (!ksig_name_taken(name))
			return 0;
	}
	return -ENOSPC;
}

/* Format the names of the types as "fork\nexec\nexit\n", or as "" for one nameless type. */
static int ksig_types_copy(struct ksig_chan *chan, const char *const *types)
{
	size_t size = 1;
	u32 n;

	for (n = 0; types && types[n]; n++)
		size += strlen(types[n]) + 1;
	if (n > KSIG_TYPES_MAX || (types && !n))
		return -EINVAL;
	chan->ntypes = n ?: 1;
	chan->types = kzalloc(size, GFP_KERNEL);
	if (!chan->types)
		return -ENOMEM;
	for (n = 0; types && types[n]; n++) {
		strlcat(chan->types, types[n], size);
		strlcat(chan->types, "\n", size);
	}
	return 0;
}

static bool ksig_desc_valid(const struct ksig_channel_desc *desc)
{
	u32 size = desc->event_size ?: 64;

	return desc->name && size >= 64 && size <= 4096 && !(size % 8) &&
	       !(desc->flags & ~(KSIG_CHANNEL_PIDS | KSIG_CHANNEL_WRITABLE)) &&
	       !(desc->mode & ~0777);
}

static void ksig_chan_release(struct device *dev)
{
	struct ksig_chan *chan = container_of(dev, struct ksig_chan, dev);

	/* a subscriber may have queued the irq_work while the channel was being destroyed */
	irq_work_sync(&chan->stash.irq_work);
	ksig_fanout_free(chan->fanout);
	ksig_notice_ring_destroy(&chan->stash.ring);
	free_percpu(chan->emitted);
	kfree(chan->types);
	kfree(chan->description);
	if (dev->devt)
		ida_free(&ksig_minors, MINOR(dev->devt));
	lockdep_unregister_key(&chan->lock_key);
	kfree(chan);
	if (atomic_dec_and_test(&ksig_chan_count))
		wake_up_var(&ksig_chan_count);
}

static int ksig_chan_fill_in(struct ksig_chan *chan,
			     const struct ksig_channel_desc *desc)
{
	int minor;

	chan->event_size = desc->event_size ?: 64;
	chan->flags = desc->flags & ~KSIG_CHANNEL_WRITABLE;
	chan->writable = desc->flags & KSIG_CHANNEL_WRITABLE;
	chan->mode = desc->mode ?: 0600;
	chan->start = desc->start;
	chan->stop = desc->stop;
	chan->fill = desc->fill;
	chan->ctx = desc->ctx;
	chan->description = kstrdup(desc->description ?: "", GFP_KERNEL);
	chan->emitted = alloc_percpu(u64);
	if (!chan->description || !chan->emitted || ksig_stash_init(chan))
		return -ENOMEM;
	minor = ida_alloc_max(&ksig_minors, KSIG_MINORS - 1, GFP_KERNEL);
	if (minor < 0)
		return minor;
	chan->dev.devt = MKDEV(MAJOR(ksig_devt), minor);
	return ksig_types_copy(chan, desc->types);
}

/* Choose a name and add the node. ksig_names_lock prevents duplicate names. */
static int ksig_chan_add(struct ksig_chan *chan, const char *wanted)
{
	size_t len = strlen(wanted);
	int err = 0;

	lockdep_assert_held(&ksig_names_lock);
	if (len > 2 && !strcmp(wanted + len - 2, "%d"))
		err = ksig_name_numbered(chan->name, wanted, len - 2);
	else if (!ksig_name_valid(wanted))
		err = -EINVAL;
	else if (ksig_name_taken(wanted))
		err = -EEXIST;
	else
		strscpy(chan->name, wanted, KSIG_NAME_MAX);
	if (err)
		return err;
	err = dev_set_name(&chan->dev, "%s", chan->name);
	if (err)
		return err;
	err = cdev_device_add(&chan->cdev, &chan->dev);
	if (!err)
		list_add_tail(&chan->node, &ksig_chans);
	return err;
}

/*
 * Shut a channel down before its driver is removed. Nothing calls the driver after this returns.
 * The source of the events is stopped first, so that subscriptions are hung up after the last
 * event. Subscriptions stay on the list until they are closed.
 *
 * A lingering channel is stopped as well. The linger work may be waiting for the lock, and will
 * find the channel stopped. This function does not wait for the linger work, because the caller may
 * hold locks that the stop functions of other drivers take.
 */
static void ksig_chan_kill(struct ksig_chan *chan)
{
	struct ksig_sub *sub;

	mutex_lock(&chan->lock);
	chan->dead = true;
	ksig_chan_stop(chan);
	/* wait for running emits, which may call fill */
	synchronize_rcu();
	ksig_channel_flush(chan, NULL);
	irq_work_sync(&chan->stash.irq_work);
	if (chan->fanout)
		ksig_fanout_hup(chan->fanout);
	list_for_each_entry(sub, &chan->subs, node)
		ksig_sub_hup(sub);
	mutex_unlock(&chan->lock);
	if (cancel_delayed_work(&chan->linger))
		put_device(&chan->dev);
}

static int ksig_chan_create(struct device *parent,
			    const struct ksig_channel_desc *desc,
			    struct ksig_channel **ch)
{
	struct ksig_chan *chan;
	int err;

	if (!ksig_desc_valid(desc))
		return -EINVAL;
	chan = kzalloc_obj(*chan, GFP_KERNEL);
	if (!chan)
		return -ENOMEM;
	atomic_inc(&ksig_chan_count);
	INIT_LIST_HEAD(&chan->subs);
	mutex_init(&chan->lock);
	lockdep_register_key(&chan->lock_key);
	lockdep_set_class(&chan->lock, &chan->lock_key);
	INIT_DELAYED_WORK(&chan->linger, ksig_on_linger);
	device_initialize(&chan->dev);
	chan->dev.class = ksig_class;
	chan->dev.parent = parent;
	chan->dev.release = ksig_chan_release;
	cdev_init(&chan->cdev, ksig_node_fops);
	chan->cdev.owner = THIS_MODULE;

	err = ksig_chan_fill_in(chan, desc);
	if (!err) {
		*ch = &chan->pub;
		mutex_lock(&ksig_names_lock);
		err = ksig_chan_add(chan, desc->name);
		mutex_unlock(&ksig_names_lock);
	}
	if (err) {
		*ch = NULL;
		/* a process may already have opened the channel through a mknod(2) node */
		ksig_chan_kill(chan);
		put_device(&chan->dev);
	}
	return err;
}

int ksig_channel_create_at(const struct ksig_channel_desc *desc,
			   struct ksig_channel **ch)
{
	return ksig_chan_create(NULL, desc, ch);
}

struct ksig_channel *ksig_channel_create(const struct ksig_channel_desc *desc)
{
	struct ksig_channel *ch;
	int err;

	err = ksig_chan_create(NULL, desc, &ch);
	return err ? ERR_PTR(err) : ch;
}
EXPORT_SYMBOL_GPL(ksig_channel_create);

void ksig_channel_destroy(struct ksig_channel *ch)
{
	struct ksig_chan *chan;

	if (IS_ERR_OR_NULL(ch))
		return;
	chan = container_of(ch, struct ksig_chan, pub);
	mutex_lock(&ksig_names_lock);
	cdev_device_del(&chan->cdev, &chan->dev);
	list_del(&chan->node);
	mutex_unlock(&ksig_names_lock);
	/* open files keep dev alive, but must not keep the parent alive any longer */
	chan->dev.parent = NULL;
	ksig_chan_kill(chan);
	put_device(&chan->dev);
}
EXPORT_SYMBOL_GPL(ksig_channel_destroy);

static void ksig_unbound(void *ch)
{
	ksig_channel_destroy(ch);
}

struct ksig_channel *
devm_ksig_channel_create(struct device *dev,
			 const struct ksig_channel_desc *desc)
{
	struct ksig_channel *ch;
	int err;

	err = ksig_chan_create(dev, desc, &ch);
	if (!err)
		err = devm_add_action_or_reset(dev, ksig_unbound, ch);
	return err ? ERR_PTR(err) : ch;
}
EXPORT_SYMBOL_GPL(devm_ksig_channel_create);

int __init ksig_channel_init(const struct file_operations *fops)
{
	int err;

	ksig_node_fops = fops;
	ksig_class = class_create("ksig");
	if (IS_ERR(ksig_class))
		return PTR_ERR(ksig_class);
	ksig_class->dev_groups = ksig_channel_groups;
	ksig_class->devnode = ksig_devnode;
	err = alloc_chrdev_region(&ksig_devt, 0, KSIG_MINORS, "ksig");
	if (err)
		class_destroy(ksig_class);
	return err;
}

void ksig_channel_exit(void)
{
	/* wait until all channels are freed; DEBUG_KOBJECT_RELEASE delays that */
	wait_var_event(&ksig_chan_count, !atomic_read(&ksig_chan_count));
	unregister_chrdev_region(ksig_devt, KSIG_MINORS);
	class_destroy(ksig_class);
	ida_destroy(&ksig_minors);
}
