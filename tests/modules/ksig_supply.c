// SPDX-License-Identifier: GPL-2.0-only
/*
 * A battery, a mains supply and the supply of a USB port. The parameter "online" connects the mains;
 * without it the battery discharges. The USB port supplies power unless the parameter "sink" is set.
 */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/power_supply.h>

static bool online = true, sink;

static int supply_get(struct power_supply *supply, enum power_supply_property property,
		      union power_supply_propval *value)
{
	if (property == POWER_SUPPLY_PROP_ONLINE)
		value->intval = online;
	else
		value->intval = online ? POWER_SUPPLY_STATUS_FULL : POWER_SUPPLY_STATUS_DISCHARGING;
	return 0;
}

static const enum power_supply_property mains_properties[] = { POWER_SUPPLY_PROP_ONLINE };
static const enum power_supply_property battery_properties[] = { POWER_SUPPLY_PROP_STATUS };

static const struct power_supply_desc mains_desc = {
	.name = "ksig_mains",
	.type = POWER_SUPPLY_TYPE_MAINS,
	.properties = mains_properties,
	.num_properties = ARRAY_SIZE(mains_properties),
	.get_property = supply_get,
};

static const struct power_supply_desc battery_desc = {
	.name = "ksig_battery",
	.type = POWER_SUPPLY_TYPE_BATTERY,
	.properties = battery_properties,
	.num_properties = ARRAY_SIZE(battery_properties),
	.get_property = supply_get,
};

static int usb_get(struct power_supply *supply, enum power_supply_property property,
		   union power_supply_propval *value)
{
	value->intval = 1;
	return 0;
}

static const struct power_supply_desc usb_desc = {
	.name = "ksig_usb",
	.type = POWER_SUPPLY_TYPE_USB,
	.properties = mains_properties,
	.num_properties = ARRAY_SIZE(mains_properties),
	.get_property = usb_get,
};

static ssize_t role_show(struct kobject *kobj, struct kobj_attribute *attribute, char *buf)
{
	return sysfs_emit(buf, sink ? "source [sink]\n" : "[source] sink\n");
}

static struct kobj_attribute role = __ATTR(power_role, 0400, role_show, NULL);
static struct power_supply *mains, *battery, *usb;
/* what the port of the Type-C class looks like in sysfs */
static struct device *parent;
static struct kobject *ports, *port;

static int change(const char *text, const struct kernel_param *param)
{
	int err = param_set_bool(text, param);

	if (!err && mains)
		power_supply_changed(mains);
	return err;
}

static const struct kernel_param_ops ops = { .set = change, .get = param_get_bool };

module_param_cb(online, &ops, &online, 0600);
MODULE_PARM_DESC(online, "the power supply is connected");
module_param_cb(sink, &ops, &sink, 0600);
MODULE_PARM_DESC(sink, "the USB port is supplied with power");

static int __init port_init(void)
{
	parent = root_device_register("ksig_usb_port");
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	ports = kobject_create_and_add("typec", &parent->kobj);
	port = ports ? kobject_create_and_add("port0", ports) : NULL;
	if (port && !sysfs_create_file(port, &role.attr))
		return 0;
	kobject_put(port);
	kobject_put(ports);
	root_device_unregister(parent);
	return -ENOMEM;
}

static void port_exit(void)
{
	kobject_put(port);
	kobject_put(ports);
	root_device_unregister(parent);
}

static int __init supply_init(void)
{
	const struct power_supply_config config = { };
	int err = port_init();

	if (err)
		return err;
	battery = power_supply_register(NULL, &battery_desc, &config);
	if (IS_ERR(battery)) {
		err = PTR_ERR(battery);
		goto remove_port;
	}
	usb = power_supply_register(parent, &usb_desc, &config);
	if (IS_ERR(usb)) {
		err = PTR_ERR(usb);
		goto remove_battery;
	}
	mains = power_supply_register(NULL, &mains_desc, &config);
	if (!IS_ERR(mains))
		return 0;
	err = PTR_ERR(mains);
	power_supply_unregister(usb);
remove_battery:
	power_supply_unregister(battery);
remove_port:
	port_exit();
	return err;
}

static void __exit supply_exit(void)
{
	power_supply_unregister(mains);
	power_supply_unregister(usb);
	power_supply_unregister(battery);
	port_exit();
}

module_init(supply_init);
module_exit(supply_exit);

MODULE_DESCRIPTION("A power supply and a battery, for ksig's tests");
MODULE_LICENSE("GPL");
