// SPDX-License-Identifier: MIT
/* Check gpio.rising and gpio.falling with the lines of gpio-sim, whose level a file sets. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>

#include "events.h"

#define CONFIG "/sys/kernel/config"
#define SIM CONFIG "/gpio-sim/ksig"
#define OTHER CONFIG "/gpio-sim/ksig-other"
#define ROUNDS 50

static char chip[32], pull[128];

/* Reads the first word of a file. */
static void read_word(const char *path, char *word, size_t size)
{
	FILE *f = fopen(path, "re");

	CHECK(f && fgets(word, size, f));
	word[strcspn(word, "\n")] = '\0';
	fclose(f);
}

static void load_drivers(void)
{
	load_driver("configfs", "");
	load_driver("gpio-sim", "");
	if (access(CONFIG "/gpio-sim", F_OK) && mount("configfs", CONFIG, "configfs", 0, NULL))
		skip("configfs can't be mounted: %m");
	if (access(CONFIG "/gpio-sim", F_OK))
		skip("no gpio-sim: %m");
}

/* Creates a chip with 8 lines, of which line 3 is called "button". */
static void make_chip(void)
{
	char device[32];

	OK(mkdir(SIM, 0755));
	OK(mkdir(SIM "/bank0", 0755));
	CHECK_EQ(write_to(SIM "/bank0/num_lines", "8"), 0);
	CHECK_EQ(write_to(SIM "/bank0/label", "ksig-bank"), 0);
	OK(mkdir(SIM "/bank0/line3", 0755));
	CHECK_EQ(write_to(SIM "/bank0/line3/name", "button"), 0);
	CHECK_EQ(write_to(SIM "/live", "1"), 0);
	read_word(SIM "/bank0/chip_name", chip, sizeof(chip));
	read_word(SIM "/dev_name", device, sizeof(device));
	snprintf(pull, sizeof(pull), "/sys/devices/platform/%s/%s/sim_gpio3/pull", device, chip);
}

static void remove_chip(void)
{
	CHECK_EQ(write_to(SIM "/live", "0"), 0);
	OK(rmdir(SIM "/bank0/line3"));
	OK(rmdir(SIM "/bank0"));
	OK(rmdir(SIM));
}

static void set_level(bool level)
{
	CHECK_EQ(write_to(pull, level ? "pull-up" : "pull-down"), 0);
}

static struct ksig_sub *open_both(const char *settings, uint32_t flags, uint32_t len)
{
	char rising[128], falling[128];
	const char *both[] = { rising, falling };
	struct ksig_sub *sub;

	snprintf(rising, sizeof(rising), "gpio.rising:%s", settings);
	snprintf(falling, sizeof(falling), "gpio.falling:%s", settings);
	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(.flags = flags, .queue_len = len), &sub), 0);
	return sub;
}

static void expect(struct ksig_sub *sub, bool rising, bool initial)
{
	const int64_t before = now();
	const struct ksig_event *ev = sub_take(sub);
	char got[256], wanted[256];

	ksig_event_format(sub, ev, got, sizeof(got));
	snprintf(wanted, sizeof(wanted), "gpio.%s line=3 chip=%s label=ksig-bank name=button",
		 rising ? "rising" : "falling", chip);
	check_text(got, wanted);
	CHECK_EQ(!!(ev->flags & KSIG_EVENT_INITIAL), initial);
	/* the time of the interrupt */
	CHECK((int64_t)ev->time_ns <= now() && (int64_t)ev->time_ns > before - 60 * SECOND);
}

static void edges(const char *settings)
{
	struct ksig_sub *sub = open_both(settings, KSIG_SUB_INITIAL, 0);

	expect(sub, false, true);
	set_level(true);
	expect(sub, true, false);
	set_level(false);
	expect(sub, false, false);
	set_level(true);
	expect(sub, true, false);
	set_level(true);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
	sub = open_both(settings, KSIG_SUB_INITIAL, 0);
	expect(sub, true, true);
	set_level(false);
	expect(sub, false, false);
	ksig_sub_close(sub);
}

/* If only one edge is watched, the kernel counts every one. */
static void one_edge(void)
{
	struct ksig_sub *sub = sub_open("gpio.rising:line=button", NULL);
	int i;

	for (i = 0; i < 10; i++) {
		set_level(true);
		set_level(false);
		expect(sub, true, false);
	}
	CHECK(sub_empty(sub) && !sub_lost_upto(sub));
	ksig_sub_close(sub);
}

static void settings(void)
{
	char event[64];
	struct ksig_sub *sub;

	/* rising and falling are swapped */
	sub = open_both("line=button,active=low", KSIG_SUB_INITIAL, 0);
	expect(sub, true, true);
	set_level(true);
	expect(sub, false, false);
	set_level(false);
	expect(sub, true, false);
	/* a line has one user */
	snprintf(event, sizeof(event), "gpio.rising:chip=%s,line=3", chip);
	sub_fails(event, EBUSY, 0, "is busy: requested by 'ksig'");
	ksig_sub_close(sub);
	/* a gpio-sim line follows its bias */
	sub = open_both("line=button,bias=pull-up", KSIG_SUB_INITIAL, 0);
	expect(sub, true, true);
	ksig_sub_close(sub);
	sub = open_both("line=button,bias=pull-down,debounce=1ms", KSIG_SUB_INITIAL, 0);
	expect(sub, false, true);
	set_level(true);
	expect(sub, true, false);
	set_level(false);
	expect(sub, false, false);
	ksig_sub_close(sub);
}

static void errors(void)
{
	const char *const differ[] = { "gpio.rising:line=button", "gpio.falling:line=button,active=low" };
	struct ksig_sub *sub;

	sub_fails("gpio.rising", EINVAL, 0, "missing setting 'line'");
	sub_fails("gpio.rising:line=3", EINVAL, 13, "line number '3' requires chip=");
	sub_fails("gpio.rising:chip=none,line=3", EINVAL, 18, "no GPIO chip 'none'");
	sub_fails("gpio.rising:line=none", EINVAL, 18, "no GPIO line 'none'");
	sub_fails("gpio.rising:chip=ksig-bank,line=8", EINVAL, 33, "no GPIO line '8'");
	sub_fails("gpio.rising:line=button,bias=up", EINVAL, 30, "expected pull-up");
	sub_fails("gpio.rising:line=button,active=1", EINVAL, 32, "expected low or high");
	sub_fails("gpio.rising:line=button,debounce=1", EINVAL, 34, "invalid time");
	sub_fails("gpio.rising:line=button,debounce=0ms", EINVAL, 34, "invalid time");
	CHECK_EQ(ksig_sub_openv(differ, 2, SUB_OPTS(), &sub), -EINVAL);
}

static atomic_uint toggled;
static atomic_bool stop;

static void *toggle(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		set_level(!(atomic_fetch_add(&toggled, 1) % 2));
	return NULL;
}

/* Check that the edges after the initial level alternate, although the level changes meanwhile. */
static void race(void)
{
	const struct ksig_event *ev;
	unsigned int events = 0, round, since;
	struct ksig_sub *sub;
	pthread_t thread;
	bool level;

	CHECK_EQ(pthread_create(&thread, NULL, toggle, NULL), 0);
	for (round = 0; round < ROUNDS; round++) {
		sub = open_both("line=button", KSIG_SUB_INITIAL, 1024);
		since = atomic_load(&toggled);
		UNTIL(atomic_load(&toggled) > since + 10);
		ev = sub_take(sub);
		CHECK(ev->flags & KSIG_EVENT_INITIAL);
		level = ev->type == KSIG_GPIO_RISING;
		while (ksig_sub_next(sub, 0, &ev) == 1 && !sub_lost_upto(sub)) {
			CHECK(!(ev->flags & KSIG_EVENT_INITIAL));
			CHECK_EQ(ev->type == KSIG_GPIO_RISING, !level);
			level = !level;
			events++;
		}
		ksig_sub_close(sub);
	}
	atomic_store(&stop, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(events);
	printf(": %u edges\n", events);
	set_level(false);
}

/* Check that edges for which the kernel's queue has no room are counted. */
static void overflow(void)
{
	struct ksig_sub *sub = open_both("line=button", 0, 16);
	const struct ksig_event *ev;
	const int64_t until = now() + 60 * SECOND;
	uint64_t n = 0;
	int i;

	/* edges in quick succession may cause only one interrupt, in particular on PREEMPT_RT */
	do {
		for (i = 0; i < 1000; i++) {
			set_level(true);
			set_level(false);
		}
		while (ksig_sub_next(sub, 0, &ev) == 1)
			n++;
	} while (!sub_lost_upto(sub) && now() < until);
	CHECK(n && sub_lost_upto(sub));
	ksig_sub_close(sub);
}

/*
 * Check that the removal of a chip ends the events of its lines, and only those, no matter which
 * was watched first.
 */
static void removal(bool removed_first)
{
	const char *const both[] = {
		removed_first ? "gpio.rising:chip=ksig-other,line=0" : "gpio.rising:line=button",
		removed_first ? "gpio.rising:line=button" : "gpio.rising:chip=ksig-other,line=0",
	};
	const struct ksig_event *ev;
	struct ksig_sub *sub;

	OK(mkdir(OTHER, 0755));
	OK(mkdir(OTHER "/bank0", 0755));
	CHECK_EQ(write_to(OTHER "/bank0/label", "ksig-other"), 0);
	CHECK_EQ(write_to(OTHER "/live", "1"), 0);
	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(), &sub), 0);
	CHECK_EQ(write_to(OTHER "/live", "0"), 0);
	UNTIL(!ksig_sub_next(sub, 0, &ev) && ksig_sub_ended(sub, !removed_first) == -ESHUTDOWN);
	CHECK_EQ(ksig_sub_ended(sub, removed_first), 0);
	set_level(true);
	ev = sub_take(sub);
	CHECK_EQ(ev->subject, 3);
	CHECK_EQ(ksig_event_spec(ev), removed_first);
	set_level(false);
	ksig_sub_close(sub);
	OK(rmdir(OTHER "/bank0"));
	OK(rmdir(OTHER));
}

/* A symbolic link to a chip is not another chip, but may be used as its name. */
static void links(void)
{
	char to[64];

	snprintf(to, sizeof(to), "/dev/%s", chip);
	OK(symlink(to, "/dev/gpiochip99"));
	OK(symlink(to, "/dev/ksig-chip"));
	edges("line=button");
	edges("chip=99,line=3");
	edges("chip=gpiochip99,line=3");
	edges("chip=/dev/ksig-chip,line=button");
	OK(unlink("/dev/gpiochip99"));
	OK(unlink("/dev/ksig-chip"));
}

int main(void)
{
	char by_name[64];

	if (!is_vm())
		skip("creates a GPIO chip only in a VM");
	load_drivers();
	make_chip();
	snprintf(by_name, sizeof(by_name), "chip=%s,line=3", chip);
	edges(by_name);
	snprintf(by_name, sizeof(by_name), "chip=/dev/%s,line=button", chip);
	edges(by_name);
	edges("chip=ksig-bank,line=3");
	edges("line=button");
	one_edge();
	settings();
	errors();
	links();
	race();
	overflow();
	removal(false);
	removal(true);
	remove_chip();
	return 0;
}
