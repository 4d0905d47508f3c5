// SPDX-License-Identifier: GPL-2.0-only
/* Channels: their nodes, who subscribes, and the walk that an emit is. */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/lockdep.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "ksig.h"
#include "trace.h"

/*
 * How long a channel without subscribers stays started. Placing and removing
 * hooks stalls all cpus and takes the kernel's global locks, so opening and
 * closing in a loop must not repeat it.
 */
#define KSIG_LINGER	HZ

struct workqueue_struct *ksig_linger_wq;

/* More than anybody needs; a driver's number of devices is the limit. */
#define KSIG_MINORS	(1U << 16)
#define KSIG_TYPES_MAX	64

static dev_t ksig_devt;
static DEFINE_IDA(ksig_minors);
/* Those whose memory is not given back yet: ksig_chan_release() is in use. */
static atomic_t ksig_chan_count;

/* Serializes names: taking one, giving it back. Outside chan->lock. */
static DEFINE_MUTEX(ksig_names_lock);
static LIST_HEAD(ksig_chans);

/* ------------------------------------------------------------------ emitting */

static u64 ksig_now(void)
{
	/* the exact clock takes a seqlock that an NMI may have interrupted */
	return unlikely(in_nmi()) ? ktime_get_mono_fast_ns() : ktime_get_ns();
}

/* @local: it is about a process or a network namespace: not for everybody. */
static __always_inline int ksig_emit_to_all(struct ksig_chan *chan,
					    const struct ksig_notice *n,
					    bool local)
{
	int taken = -EINVAL, left = KSIG_INLINE_TELLS;
	struct ksig_sub *sub;
	u64 now, net_cookie;
	unsigned int rear;

	/* to the end: ksig_channel_destroy() waits for it, then frees chan */
	rcu_read_lock();
	if (unlikely(n->type >= chan->ntypes ||
		     n->len > chan->event_size - sizeof(struct ksig_event)))
		goto unlock;

	taken = 0;
	now = ksig_now();
	net_cookie = local && n->net ? ksig_net_cookie(n->net) : 0;
	list_for_each_entry_rcu(sub, &chan->subs, node) {
		if (!local || ksig_sub_sees(sub, n->pid, net_cookie))
			taken += ksig_queue_offer(sub, n, now, &left);
	}
	/* acquire: pairs with the release in ksig_join_rear(): fanout */
	rear = smp_load_acquire(&chan->rear);
	if (unlikely(rear) && ksig_fanout_put(chan->fanout, n, now, net_cookie))
		taken += rear;
	atomic64_inc(&chan->emitted);
	trace_ksig_emit(chan, n, taken);
unlock:
	rcu_read_unlock();
	return taken;
}

int __ksig_emit(struct ksig_channel *ch, const struct ksig_notice *n)
{
	return ksig_emit_to_all(container_of(ch, struct ksig_chan, pub), n,
				n->pid || n->net);
}
EXPORT_SYMBOL_GPL(__ksig_emit);

/* The notice is built here, not at each driver's inline test. */
int __ksig_emit_value(struct ksig_channel *ch, u32 type, u64 subject, u64 value)
{
	struct ksig_notice n;

	/* an initializer would be cleared by "rep stos" first */
	n.type = type;
	n.len = 0;
	n.subject = subject;
	n.value = value;
	n.pid = NULL;
	n.related[0] = NULL;
	n.related[1] = NULL;
	n.net = NULL;
	n.data = NULL;
	return ksig_emit_to_all(container_of(ch, struct ksig_chan, pub), &n,
				false);
}
EXPORT_SYMBOL_GPL(__ksig_emit_value);

/* --------------------------------------------------------------- subscribers */

/*
 * May emitters serve it themselves? Those places are few, and one user is not to
 * take them all.
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
		same += other->backlog == sub->backlog;
	return (chan->front < KSIG_FRONT_ANYBODY && same < KSIG_FRONT_USER) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
}

static void ksig_join_rear(struct ksig_chan *chan, struct ksig_sub *sub)
{
	lockdep_assert_held(&chan->lock);
	ksig_fanout_join(chan->fanout, sub);
	/* fanout is set: pairs with the acquire in ksig_emit_to_all() */
	smp_store_release(&chan->rear, chan->rear + 1);
}

/* Return: 0; -EAGAIN it must be behind, and @made, or chan->fanout, is needed. */
static int ksig_join(struct ksig_chan *chan, struct ksig_sub *sub,
		     struct ksig_fanout **made)
{
	lockdep_assert_held(&chan->lock);
	if (ksig_front_has_place(chan, sub)) {
		chan->front++;
		list_add_tail_rcu(&sub->node, &chan->subs);
	} else {
		if (!chan->fanout)
			swap(chan->fanout, *made);
		if (!chan->fanout)
			return -EAGAIN;
		ksig_join_rear(chan, sub);
	}
	WRITE_ONCE(chan->pub.subscribers, chan->pub.subscribers + 1);
	return 0;
}

static int ksig_chan_start(struct ksig_chan *chan)
{
	int err = 0;

	lockdep_assert_held(&chan->lock);
	if (!chan->started && chan->start)
		err = chan->start(chan->ctx);
	chan->started = !err;
	return err;
}

static void ksig_chan_stop(struct ksig_chan *chan)
{
	lockdep_assert_held(&chan->lock);
	if (chan->started && chan->stop)
		chan->stop(chan->ctx);
	chan->started = false;
}

/* The last subscriber has left: stop the channel unless one comes back soon. */
static void ksig_chan_linger(struct ksig_chan *chan)
{
	lockdep_assert_held(&chan->lock);
	if (!chan->stop) {
		ksig_chan_stop(chan);
		return;
	}
	/* while it is pending, the work holds a reference */
	get_device(&chan->dev);
	if (ksig_linger_later(&chan->linger))
		put_device(&chan->dev);
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
 * ksig_linger_later() - run a work once nothing has asked for it for a while
 * @work: removes hooks
 *
 * Context: any but NMI.
 *
 * Return: true if @work was pending already and has been put off.
 */
bool ksig_linger_later(struct delayed_work *work)
{
	return mod_delayed_work(ksig_linger_wq, work, KSIG_LINGER);
}

/**
 * ksig_channel_join() - let a subscription have the channel's events
 * @chan: the channel
 * @sub: not on its list yet
 *
 * Context: process, may sleep.
 *
 * Return: 0, -ENODEV the channel is gone, -ENOMEM, or what start says.
 */
int ksig_channel_join(struct ksig_chan *chan, struct ksig_sub *sub)
{
	struct ksig_fanout *made = NULL;
	int err;

again:
	mutex_lock(&chan->lock);
	err = chan->dead ? -ENODEV : ksig_chan_start(chan);
	/* the first one has a place in front: it does not fail once started */
	if (!err)
		err = ksig_join(chan, sub, &made);
	mutex_unlock(&chan->lock);
	/* not under the lock: a cgroup at its limit would hold up all others */
	if (err == -EAGAIN && !made) {
		made = ksig_fanout_create(chan->event_size);
		if (made)
			goto again;
		err = -ENOMEM;
	}
	ksig_fanout_free(made);
	return err;
}

/* Undoes ksig_channel_join(). Emits under way may still reach the subscription
 * until a grace period has passed.
 */
void ksig_channel_leave(struct ksig_chan *chan, struct ksig_sub *sub)
{
	mutex_lock(&chan->lock);
	if (sub->rear) {
		ksig_fanout_leave(chan->fanout, sub);
		WRITE_ONCE(chan->rear, chan->rear - 1);
	} else {
		list_del_rcu(&sub->node);
		chan->front--;
	}
	WRITE_ONCE(chan->pub.subscribers, chan->pub.subscribers - 1);
	if (!chan->pub.subscribers && !chan->dead)
		ksig_chan_linger(chan);
	mutex_unlock(&chan->lock);
}

/* --------------------------------------------------------------------- sysfs */

static struct ksig_chan *ksig_dev_chan(struct device *dev)
{
	return container_of(dev, struct ksig_chan, dev);
}

/* Counters cover all namespaces, so a container is not shown any. */
static bool ksig_sees_all(void)
{
	return task_active_pid_ns(current) == &init_pid_ns;
}

#define KSIG_ATTR(name, mode, visible, format, value) \
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, \
			   char *buf) \
{ \
	struct ksig_chan *chan = ksig_dev_chan(dev); \
	return visible ? sysfs_emit(buf, format, value) : -EPERM; \
} \
static DEVICE_ATTR(name, mode, name##_show, NULL)

#define KSIG_PROPERTY(name, format, value) \
	KSIG_ATTR(name, 0444, true, format, value)
/* for root of the initial user namespace, by mode, and pid namespace */
#define KSIG_COUNTER(name, format, value) \
	KSIG_ATTR(name, 0400, ksig_sees_all(), format, value)

KSIG_PROPERTY(description, "%s\n", chan->description);
KSIG_PROPERTY(types, "%s", chan->types);
KSIG_PROPERTY(event_size, "%u\n", chan->event_size);
KSIG_COUNTER(subscribers, "%u\n", READ_ONCE(chan->pub.subscribers));
KSIG_COUNTER(emitted, "%lld\n", atomic64_read(&chan->emitted));
KSIG_COUNTER(lost, "%lld\n", atomic64_read(&chan->lost));

static struct attribute *ksig_attrs[] = {
	&dev_attr_description.attr,
	&dev_attr_types.attr,
	&dev_attr_event_size.attr,
	&dev_attr_subscribers.attr,
	&dev_attr_emitted.attr,
	&dev_attr_lost.attr,
	NULL
};
ATTRIBUTE_GROUPS(ksig);

static char *ksig_devnode(KSIG_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = container_of(dev, struct ksig_chan, dev)->mode;
	return kasprintf(GFP_KERNEL, "ksig/%s", dev_name(dev));
}

/* The kernel's memory, for it may look there when this module is gone. */
static struct class *ksig_class;

/* ------------------------------------------------------------ making channels */

static bool ksig_name_taken(const char *name)
{
	struct ksig_chan *chan;

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
		/* not islower(), for which Latin-1 has more of them */
		if (!(*c >= 'a' && *c <= 'z') && !isdigit(*c) &&
		    (c == name || (*c != '_' && *c != '-')))
			return false;
	}
	return true;
}

/* "edu%d": the first free number. Under ksig_names_lock. */
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

/* Under ksig_names_lock. */
static int ksig_name_choose(char *name, const char *wanted)
{
	size_t len = strlen(wanted);

	if (len > 2 && !strcmp(wanted + len - 2, "%d"))
		return ksig_name_numbered(name, wanted, len - 2);
	if (!ksig_name_valid(wanted))
		return -EINVAL;
	if (ksig_name_taken(wanted))
		return -EEXIST;
	strscpy(name, wanted, KSIG_NAME_MAX);
	return 0;
}

/* "fork\nexec\nexit\n"; one nameless type: "". */
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
	struct ksig_chan *chan = ksig_dev_chan(dev);

	ksig_fanout_free(chan->fanout);
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
	if (!chan->description)
		return -ENOMEM;
	minor = ida_alloc_max(&ksig_minors, KSIG_MINORS - 1, GFP_KERNEL);
	if (minor < 0)
		return minor;
	chan->dev.devt = MKDEV(MAJOR(ksig_devt), minor);
	return ksig_types_copy(chan, desc->types);
}

/* Under ksig_names_lock: a name is taken together with its node. */
static int ksig_chan_add(struct ksig_chan *chan, const char *wanted)
{
	int err;

	err = ksig_name_choose(chan->name, wanted);
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
 * The driver is about to go: nothing may call it once this is over. Its source
 * is stopped first, so that the end is behind the last event. The list stays as
 * it is, for subscriptions leave it when they are closed. A stop that is still
 * to come is made now. Its work may be waiting for the lock, and finds the
 * channel stopped: not waited for, because the caller may hold locks that other
 * drivers' stop functions take.
 */
static void ksig_chan_kill(struct ksig_chan *chan)
{
	struct ksig_sub *sub;

	mutex_lock(&chan->lock);
	chan->dead = true;
	ksig_chan_stop(chan);
	/* emits under way, which may call fill */
	synchronize_rcu();
	if (chan->fanout) {
		ksig_fanout_flush(chan->fanout);
		ksig_fanout_hup(chan->fanout);
	}
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
	cdev_init(&chan->cdev, &ksig_chan_fops);
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
		/* whoever was quick may have it open, by a node of his own */
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
	/* open files keep dev, which no longer keeps its parent */
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

int __init ksig_channel_init(void)
{
	int err;

	ksig_linger_wq = alloc_workqueue("ksig_linger", WQ_UNBOUND, 0);
	if (!ksig_linger_wq)
		return -ENOMEM;
	ksig_class = class_create("ksig");
	if (IS_ERR(ksig_class)) {
		err = PTR_ERR(ksig_class);
		goto wq;
	}
	ksig_class->dev_groups = ksig_groups;
	ksig_class->devnode = ksig_devnode;
	err = alloc_chrdev_region(&ksig_devt, 0, KSIG_MINORS, "ksig");
	if (err)
		goto class;
	return 0;

class:
	class_destroy(ksig_class);
wq:
	destroy_workqueue(ksig_linger_wq);
	return err;
}

void ksig_channel_exit(void)
{
	/* a kernel that looks for mistakes releases late (DEBUG_KOBJECT_RELEASE) */
	wait_var_event(&ksig_chan_count, !atomic_read(&ksig_chan_count));
	unregister_chrdev_region(ksig_devt, KSIG_MINORS);
	class_destroy(ksig_class);
	/* a work that has given back the last reference may still be returning */
	destroy_workqueue(ksig_linger_wq);
	ida_destroy(&ksig_minors);
}
