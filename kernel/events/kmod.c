// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/kmod: a kernel module is loaded or unloaded. */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "events.h"

static_assert(sizeof_field(struct ksig_kmod_data, name) == MODULE_NAME_LEN);

/*
 * Modules whose init function has not returned yet. If init fails, the module is not reported at
 * all. A lock is needed because the kernel may call the notifier for several modules at the same
 * time.
 */
struct ksig_coming {
	struct list_head node;
	const struct module *mod;
};

static LIST_HEAD(ksig_coming);
static DEFINE_MUTEX(ksig_coming_lock);

/* Remove a module from the list. Return: false if the module was not on the list. */
static bool ksig_kmod_arrived(const struct module *mod)
{
	struct ksig_coming *coming;
	bool found = false;

	mutex_lock(&ksig_coming_lock);
	list_for_each_entry(coming, &ksig_coming, node) {
		if (coming->mod == mod) {
			list_del(&coming->node);
			kfree(coming);
			found = true;
			break;
		}
	}
	mutex_unlock(&ksig_coming_lock);
	return found;
}

static void ksig_kmod_emit(u32 type, const struct module *mod)
{
	struct ksig_kmod_data data;
	const struct ksig_notice n = {
		.type = type,
		.len = sizeof(data),
		.data = &data,
	};

	strscpy_pad(data.name, mod->name, sizeof(data.name));
	ksig_emit_notice(ksig_kmod.chan, &n);
}

static int ksig_on_module(struct notifier_block *nb, unsigned long state,
			  void *data)
{
	const struct module *mod = data;
	struct ksig_coming *coming;

	switch (state) {
	case MODULE_STATE_COMING:
		coming = kmalloc_obj(*coming, GFP_KERNEL | __GFP_NOFAIL);
		coming->mod = mod;
		mutex_lock(&ksig_coming_lock);
		list_add(&coming->node, &ksig_coming);
		mutex_unlock(&ksig_coming_lock);
		break;
	case MODULE_STATE_LIVE:
		ksig_kmod_arrived(mod);
		ksig_kmod_emit(KSIG_KMOD_LOAD, mod);
		break;
	case MODULE_STATE_GOING:
		if (!ksig_kmod_arrived(mod))
			ksig_kmod_emit(KSIG_KMOD_UNLOAD, mod);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block ksig_module_notifier = {
	.notifier_call = ksig_on_module,
};

static int ksig_kmod_start(void *ctx)
{
	return register_module_notifier(&ksig_module_notifier);
}

static void ksig_kmod_stop(void *ctx)
{
	struct ksig_coming *coming, *next;

	unregister_module_notifier(&ksig_module_notifier);
	list_for_each_entry_safe(coming, next, &ksig_coming, node) {
		list_del(&coming->node);
		kfree(coming);
	}
}

static const char *const ksig_kmod_types[] = { "load", "unload", NULL };

struct ksig_builtin ksig_kmod = {
	.desc = {
		.name = "kmod",
		.description = "a kernel module is loaded or unloaded",
		.types = ksig_kmod_types,
		.mode = 0640,
		.event_size = sizeof(struct ksig_event) +
			      sizeof(struct ksig_kmod_data),
		.start = ksig_kmod_start,
		.stop = ksig_kmod_stop,
	},
};
