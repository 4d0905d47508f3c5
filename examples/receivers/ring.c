// SPDX-License-Identifier: MIT
/*
 * Receive events from the mapped ring: ring [NODE]. While the ring is not empty, no system
 * call is needed. When the ring is empty, the program sleeps until the doorbell.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ksig/uapi.h>

static struct ksig_ring_consumer *consumer;
static const struct ksig_ring_producer *producer;
static const char *records;

static int map(int fd)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct ksig_info info;

	if (ioctl(fd, KSIG_IOC_INFO, &info))
		return -1;
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	producer = mmap(NULL, page + (size_t)info.queue_len * info.event_size,
			PROT_READ, MAP_SHARED, fd, page);
	records = (const char *)producer + page;
	return consumer == MAP_FAILED || producer == MAP_FAILED ? -1 : 0;
}

/* Consume all queued events. Return: 0 if the channel has been destroyed */
static int consume_all(void)
{
	/* load the flags before the events, because KSIG_RING_HUP is set after the last event */
	__u32 flags = __atomic_load_n(&producer->flags, __ATOMIC_ACQUIRE);
	__u32 head = consumer->head;
	const struct ksig_event *event;

	while (head != __atomic_load_n(&producer->tail, __ATOMIC_ACQUIRE)) {
		event = (const void *)(records + (size_t)(head % producer->len) *
				       producer->event_size);
		if (event->lost_before)
			printf("lost %u\n", event->lost_before);
		printf("received value %llu\n", event->value);
		__atomic_store_n(&consumer->head, ++head, __ATOMIC_RELEASE);
		/* order the store of head before the next load of tail: see ksig/uapi.h */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return !(flags & KSIG_RING_HUP);
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/ksig/test";
	struct ksig_arm arm = { .signo = SIGRTMIN, .mode = KSIG_MODE_DOORBELL };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = open(node, O_RDWR);
	if (fd < 0 || map(fd) || ioctl(fd, KSIG_IOC_ARM, &arm)) {
		perror(node);
		return 1;
	}
	setlinebuf(stdout);
	while (consume_all())
		sigwaitinfo(&set, NULL);
	return 0;
}
