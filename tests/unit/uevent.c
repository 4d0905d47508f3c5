// SPDX-License-Identifier: MIT
/* Check that each event of the uevent source has a row in uevent_kinds[]. */
/* renamed because the library also defines these symbols */
#define ksig_native_uevent ksig_native_uevent_tested
#define ksig_uevent_parse ksig_uevent_parse_tested
#define ksig_uevent_name ksig_uevent_name_tested
#define ksig_uevent_listen ksig_uevent_listen_tested
#include "../../lib/native/uevent.c"
#undef ksig_native_uevent
#undef ksig_uevent_parse
#undef ksig_uevent_name
#undef ksig_uevent_listen

#include "test.h"

extern const struct ksig_native_source ksig_native_uevent;

static unsigned int rows_of(const char *event)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(uevent_kinds); i++)
		n += !strcmp(uevent_kinds[i].event, event);
	return n;
}

static void test_rows(void)
{
	const struct ksig_event_desc *d;
	unsigned int i, events = 0;

	for (i = 0; (d = ksig_desc_at(i)); i++) {
		if (d->native != &ksig_native_uevent)
			continue;
		if (rows_of(d->name) != 1)
			fprintf(stderr, "%s: %u rows\n", d->name, rows_of(d->name));
		CHECK(rows_of(d->name) == 1);
		events++;
	}
	/* every row has an event */
	CHECK(events == ARRAY_SIZE(uevent_kinds));
}

/* Check that an event without a row is refused with a message that names the event. */
static void test_no_row(void)
{
	const struct ksig_event_desc d = { .name = "no.row" };
	struct ksig_native n = { .desc = &d };
	char text[128] = "";
	struct ksig_error e = { .buf = text, .size = sizeof(text) };

	CHECK(uevent_join(&n, &e) == -EINVAL);
	CHECK(strstr(text, "no.row has no row in uevent_kinds[]"));
}

int main(void)
{
	test_rows();
	test_no_row();
	return 0;
}
