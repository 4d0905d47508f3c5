// SPDX-License-Identifier: MIT
/* Check power.ac and power.battery with the power supply and the battery of a test module. */
#define _GNU_SOURCE
#include "events.h"

#define SINK "/sys/module/ksig_supply/parameters/sink"
#define ONLINE "/sys/module/ksig_supply/parameters/online"

static struct ksig_sub *open_both(uint32_t flags)
{
	const char *const both[] = { "power.ac", "power.battery" };
	struct ksig_sub *sub;

	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(.flags = flags), &sub), 0);
	return sub;
}

static void expect(struct ksig_sub *sub, const char *wanted, bool initial)
{
	const struct ksig_event *ev = sub_take(sub);
	char got[256];

	ksig_event_format(sub, ev, got, sizeof(got));
	check_text(got, wanted);
	CHECK_EQ(!!(ev->flags & KSIG_EVENT_INITIAL), initial);
}

int main(void)
{
	struct ksig_sub *sub, *later, *battery;

	if (!is_vm())
		skip("needs a test module");
	/* a machine without a battery */
	sub = open_both(KSIG_SUB_INITIAL);
	expect(sub, "power.ac", true);
	if (system("insmod /ksig/ksig_supply.ko"))
		skip("this kernel has no power supplies");
	battery = sub_open("power.battery:source=ksig_*", NULL);
	CHECK_EQ(write_to(ONLINE, "0"), 0);
	expect(sub, "power.battery source=ksig_battery", false);
	expect(battery, "power.battery source=ksig_battery", false);
	later = open_both(KSIG_SUB_INITIAL);
	expect(later, "power.battery source=ksig_battery", true);
	/* an unchanged state causes no event */
	CHECK_EQ(write_to(ONLINE, "0"), 0);
	CHECK_EQ(write_to(ONLINE, "1"), 0);
	expect(sub, "power.ac source=ksig_mains", false);
	expect(later, "power.ac source=ksig_mains", false);
	/* the state is read with the messages, so it has to be read before it changes again */
	CHECK(sub_empty(battery));
	CHECK_EQ(write_to(ONLINE, "0"), 0);
	expect(sub, "power.battery source=ksig_battery", false);
	expect(later, "power.battery source=ksig_battery", false);
	expect(battery, "power.battery source=ksig_battery", false);
	/* a USB port counts only while it doesn't supply power itself */
	CHECK_EQ(write_to(SINK, "1"), 0);
	expect(sub, "power.ac source=ksig_usb", false);
	expect(later, "power.ac source=ksig_usb", false);
	CHECK(sub_empty(battery));
	CHECK_EQ(write_to(SINK, "0"), 0);
	expect(sub, "power.battery source=ksig_battery", false);
	expect(later, "power.battery source=ksig_battery", false);
	expect(battery, "power.battery source=ksig_battery", false);
	CHECK_EQ(system("rmmod ksig_supply"), 0);
	expect(sub, "power.ac", false);
	CHECK(sub_empty(sub) && sub_empty(battery));
	ksig_sub_close(sub);
	ksig_sub_close(later);
	ksig_sub_close(battery);
	return 0;
}
