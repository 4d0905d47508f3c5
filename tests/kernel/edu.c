// SPDX-License-Identifier: MIT
/*
 * Test examples/edu, a driver for a device with interrupts, with two cards. Check that simultaneous
 * requests to both cards are answered, and that waiting readers are notified when the driver is
 * unloaded or a card is unplugged.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

#define CARDS 2
/* event types as defined by the driver */
enum { FACTORIAL, DMA };

/* the 32-bit build runs only the cases that may behave differently in it */
static const bool brief = sizeof(long) == 4;
static char cards[CARDS][PATH_MAX];	/* paths in /sys/devices */

/* Writes @text to an attribute. Return: 0 or an errno. */
static int put(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX + 32];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

static int ask(int card, const char *what, unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return put(cards[card], what, text);
}

static int open_card(int card, int flags)
{
	return OK(chan_open(card ? "edu1" : "edu0", flags));
}

static bool in_card(int card, const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", cards[card], name);
	return !access(path, F_OK);
}

static void find_cards(void)
{
	char link[64];
	int card;

	for (card = 0; card < CARDS; card++) {
		snprintf(link, sizeof(link), "/sys/class/ksig/edu%d/device",
			 card);
		CHECK(realpath(link, cards[card]));
	}
	CHECK(strcmp(cards[0], cards[1]));
}

static void load(void)
{
	CHECK_EQ(system("insmod /ksig/edu.ko"), 0);
	find_cards();
}

/* Doesn't start rmmod, which can take longer than a transfer of the card on a busy machine. */
static void unload(void)
{
	OK(syscall(SYS_delete_module, "edu", 0));
}

static uint32_t factorial(uint32_t n)
{
	return n ? n * factorial(n - 1) : 1;
}

static void check_event(int fd, uint32_t type, uint64_t subject, uint64_t value)
{
	struct event ev = read_event(fd);

	CHECK_EQ(ev.type, type);
	CHECK_EQ(ev.subject, subject);
	CHECK_EQ(ev.value, value);
	CHECK_EQ(ev.lost_before, 0);
}

/* ----------------------------------------------------- requests and replies */

static void test_bad_questions(void)
{
	CHECK_EQ(ask(0, "factorial", 13), ERANGE);
	CHECK_EQ(ask(0, "factorial", -1), ERANGE);
	CHECK_EQ(put(cards[0], "factorial", "5!"), EINVAL);
	CHECK_EQ(put(cards[0], "factorial", "-1"), EINVAL);
	CHECK_EQ(put(cards[0], "factorial", "4294967296"), ERANGE);
	if (!in_card(0, "dma"))
		return;
	CHECK_EQ(ask(0, "dma", 0), ERANGE);
	CHECK_EQ(ask(0, "dma", 2049), ERANGE);
	CHECK_EQ(put(cards[0], "dma", ""), 0);	/* an empty write does nothing */
	CHECK_EQ(put(cards[0], "dma", "\n"), EINVAL);
}

/* Check simultaneous replies from both cards, one by signal and the other by read(2). */
static void test_factorials(void)
{
	int by_signal = open_card(0, 0), by_read = open_card(1, 0);
	uint32_t n;

	OK(arm(by_signal, SIG, KSIG_MODE_EACH, 0, 0));
	for (n = 0; n <= 12; n++) {
		CHECK_EQ(ask(0, "factorial", n), 0);
		CHECK_EQ(ask(1, "factorial", 12 - n), 0);
		CHECK_EQ(take(SIG).si_int, factorial(n));
		check_event(by_read, FACTORIAL, 12 - n, factorial(12 - n));
	}
	CHECK(nothing_to_take(SIG));
	CHECK_EQ(stats_of(by_read).queued, 0);
	CHECK_EQ(stats_of(by_signal).delivered, 13);
	check_identity(by_signal);
	check_identity(by_read);
	close(by_signal);
	close(by_read);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/*
 * Starts a copy on each card and requests a factorial while the copies run. A copy takes 0.2 s. On
 * a slow machine, both copies may complete before the factorial is requested.
 */
static void copy_both(int by_read, unsigned int count)
{
	int64_t begin = now_ms();
	bool early, busy;
	int err;

	CHECK_EQ(ask(0, "dma", count), 0);
	CHECK_EQ(ask(1, "dma", 2049 - count), 0);
	err = ask(0, "dma", count);
	busy = err == EBUSY;
	CHECK(busy || !err);
	CHECK_EQ(ask(1, "factorial", 5), 0);
	early = now_ms() - begin < 150;
	if (early) {
		CHECK(busy);
		check_event(by_read, FACTORIAL, 5, 120);
		check_event(by_read, DMA, 2049 - count, 0);
	} else {
		printf(": too slow to see which is first\n");
		read_event(by_read);
		read_event(by_read);
	}
	CHECK_EQ(take(SIG).si_int, 0);
	if (!busy)
		CHECK_EQ(take(SIG).si_int, 0);
}

static void test_dma(void)
{
	static const unsigned int counts[] = { 1, 2048, 777 };
	int by_signal = open_card(0, 0), by_read = open_card(1, 0);
	unsigned int i;

	OK(arm(by_signal, SIG, KSIG_MODE_EACH, 0, 0));
	for (i = 0; i < (brief ? 1 : 3); i++)
		copy_both(by_read, counts[i]);
	CHECK(nothing_to_take(SIG));
	close(by_signal);
	close(by_read);
}

static void test_answers(void)
{
	test_factorials();
	if (in_card(0, "dma"))
		test_dma();
	else
		printf(": no DMA: this kernel has no memory below 256 MiB\n");
}

/* Return: true if the card uses message-signalled interrupts. */
static bool by_message(int card)
{
	const char *name = strrchr(cards[card], '/') + 1;
	FILE *f = fopen("/proc/interrupts", "re");
	int found = 0, messages = 0;
	char line[1024];

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, name))
			continue;
		found++;
		if (strstr(line, "MSI"))
			messages++;
	}
	fclose(f);
	CHECK_EQ(found, 1);
	return messages;
}

/*
 * Repeat the requests with interrupt lines instead of message-signalled interrupts. The two cards
 * may share a line.
 */
static void test_interrupt_line(void)
{
	int card;

	for (card = 0; card < CARDS; card++) {
		CHECK(by_message(card));
		CHECK_EQ(put(cards[card], "msi_bus", "0"), 0);
	}
	unload();
	load();
	for (card = 0; card < CARDS; card++)
		CHECK(!by_message(card));
	test_answers();
	for (card = 0; card < CARDS; card++)
		CHECK_EQ(put(cards[card], "msi_bus", "1"), 0);
	unload();
	load();
}

/* ------------------------------------------------- unloading and unplugging */

static siginfo_t wait_signal(void)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIG);
	CHECK_EQ(OK(sigwaitinfo(&set, &info)), SIG);
	return info;
}

static void in_read(struct child *self, int fd)
{
	char record[64];

	child_say(self);
	CHECK_EQ(read(fd, record, sizeof(record)), 0);
}

static void in_poll(struct child *self, int fd)
{
	struct pollfd p = { fd, POLLIN };

	child_say(self);
	CHECK_EQ(OK(poll(&p, 1, -1)), 1);
	CHECK_EQ(p.revents, POLLHUP);
}

static void in_sigwaitinfo(struct child *self, int fd)
{
	OK(arm(fd, SIG, KSIG_MODE_EACH, 0, 0));
	child_say(self);
	CHECK_EQ(wait_signal().si_errno, -ESHUTDOWN);
}

static void in_ring(struct child *self, int fd)
{
	struct ring ring = ring_map(fd);

	OK(arm(fd, SIG, KSIG_MODE_DOORBELL, 0, 0));
	CHECK_EQ(ring.producer->flags, 0);
	child_say(self);
	while (!(ring.producer->flags & KSIG_RING_HUP))
		wait_signal();
	CHECK_EQ(ring.producer->tail, 0);
}

static void (*const ways[])(struct child *self, int fd) = {
	in_read, in_poll, in_sigwaitinfo, in_ring,
};

/*
 * Keeps the descriptor open after the notification. Unloading the driver must not wait for the
 * descriptor to be closed.
 */
static void reader(struct child *self, void *arg)
{
	int i = *(int *)arg;

	/* fail instead of waiting indefinitely for the notification */
	alarm(240);
	ways[i % 4](self, open_card(i / 4 % CARDS, 0));
	alarm(0);
	child_say(self);
	child_wait_go(self);
}

/*
 * Starts @n readers in groups of four, one reader for each way to wait. The groups use the two
 * cards alternately.
 */
static void start_readers(struct child *readers, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		readers[i] = child_start(reader, &i);
		child_hear(&readers[i]);
	}
	for (i = 0; i < n; i++)
		wait_state(readers[i].pid, 'S');
}

static void all_told(struct child *readers, int n)
{
	int i;

	for (i = 0; i < n; i++)
		child_hear(&readers[i]);
}

static void end_readers(struct child *readers, int n)
{
	int i;

	for (i = 0; i < n; i++)
		child_go(&readers[i]);
	for (i = 0; i < n; i++)
		child_join(&readers[i]);
}

/* Returns the use count of a module, or -1 if it is not loaded. */
static int users(const char *module)
{
	FILE *f = fopen("/proc/modules", "re");
	char name[64];
	int n, found = -1;

	CHECK(f);
	while (fscanf(f, "%63s %*s %d %*[^\n]", name, &n) == 2) {
		if (!strcmp(name, module))
			found = n;
	}
	fclose(f);
	return found;
}

static void test_unload(void)
{
	const int n = brief ? 8 : 50;
	struct child readers[50];

	start_readers(readers, n);
	unload();
	CHECK_EQ(users("edu"), -1);
	all_told(readers, n);
	FAILS(chan_open("edu0", 0), ENOENT);
	FAILS(chan_open("edu1", 0), ENOENT);
	CHECK(users("ksig") > 0);
	end_readers(readers, n);
	CHECK_EQ(users("ksig"), 0);
	load();
}

/* Checks that pending requests are answered before end-of-file. */
static void answered_then_over(int fd)
{
	char record[64];

	if (in_card(1, "dma"))
		check_event(fd, DMA, 2000, 0);
	CHECK_EQ(read(fd, record, sizeof(record)), 0);
	check_identity(fd);
}

static void ask_long(int card)
{
	if (in_card(card, "dma"))
		CHECK_EQ(ask(card, "dma", 2000), 0);
}

static void test_unload_busy(void)
{
	int fd = open_card(0, 0);

	ask_long(0);
	unload();
	load();
	answered_then_over(fd);
	close(fd);
}

/* Check that unplugging one card notifies its readers and doesn't affect the other card. */
static void test_unplug(void)
{
	int gone = open_card(0, 0), stays = open_card(1, 0);
	struct child readers[4];
	char record[64];

	start_readers(readers, 4);
	ask_long(1);
	CHECK_EQ(put(cards[0], "remove", "1"), 0);
	all_told(readers, 4);
	CHECK_EQ(read(gone, record, sizeof(record)), 0);
	FAILS(chan_open("edu0", 0), ENOENT);
	FAILS(arm(gone, SIG, KSIG_MODE_EACH, 0, 0), ENODEV);
	if (in_card(1, "dma"))
		check_event(stays, DMA, 2000, 0);
	CHECK_EQ(ask(1, "factorial", 6), 0);
	check_event(stays, FACTORIAL, 6, 720);

	CHECK_EQ(put("/sys/bus/pci", "rescan", "1"), 0);
	find_cards();
	close(stays);
	stays = open_card(0, 0);
	CHECK_EQ(ask(0, "factorial", 7), 0);
	check_event(stays, FACTORIAL, 7, 5040);
	CHECK_EQ(read(gone, record, sizeof(record)), 0);
	end_readers(readers, 4);
	close(gone);
	close(stays);
}

int main(void)
{
	block(SIG);
	load();
	test_answers();
	test_unload();
	if (!brief) {
		test_bad_questions();
		test_interrupt_line();
		test_unload_busy();
		test_unplug();
	}
	unload();
	return 0;
}
