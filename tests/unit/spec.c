// SPDX-License-Identifier: MIT
/*
 * Check which event names and filters are accepted, which errors and columns are reported, and
 * which records match.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../../lib/sub.h"
#include "test.h"

static char text[256];
static unsigned int column;
static struct ksig_error error = {
	.buf = text, .size = sizeof(text), .column = &column,
};

static int parse(const char *event, struct ksig_spec *spec)
{
	const struct ksig_event_desc *d;
	int err;

	*text = '\0';
	column = 0;
	err = ksig_spec_parse(event, spec, &error);
	if (err)
		return err;
	d = ksig_desc_find(spec->name);
	CHECK(d);
	err = ksig_spec_resolve(spec, d, &error);
	if (err)
		ksig_spec_free(spec);
	return err;
}

static void good(const char *event, unsigned int n_conds)
{
	struct ksig_spec spec;

	if (parse(event, &spec))
		printf("%s: %s\n", event, text);
	CHECK(!*text);
	CHECK(spec.n_conds == n_conds);
	ksig_spec_free(&spec);
}

static void bad(const char *event, unsigned int where, const char *why)
{
	struct ksig_spec spec;

	CHECK(parse(event, &spec) == -EINVAL);
	if (column != where || !strstr(text, why))
		printf("%s: column %u: %s\n", event, column, text);
	CHECK(column == where);
	CHECK(strstr(text, why));
}

static void test_syntax(void)
{
	good("process.exit", 0);
	good("process.exit:pid=4242", 1);
	good("process.exit:pid=1,status!=0,comm=a b,parent<0x10", 4);
	good("process.exit:parent>=-1,tgid<=5,value&0x7f,subject>3", 4);
	good("net.up:ifname=eth0", 1);
	good("net.up:ifname=a=b", 1);
	good("net.up:ifname=a\\,b", 1);
	good("net.up:ifname=eth*|wl?n[0-9]", 1);
	good("net.address:address=FE80::0001|10.*,action=add", 2);
	good("net.route:address=default,family=inet*,action=change|remove", 3);
	good("net.up:ifname=a[b", 1);
	good("memory.pressure:some=200ms/2s,cgroup=/a:b", 0);
	good("memory.pressure:stall_us>5,some=200ms/2s,over_us<9", 2);
	good("test:value=-9223372036854775808", 1);
	good("test:value=18446744073709551615", 1);
	good("test:current.pid=1,current.comm=sh", 2);

	bad("", 1, "missing event name");
	bad(":pid=1", 1, "missing event name");
	bad("process.exit pid", 13, "invalid character ' '");
	bad("process.exit:", 14, "missing field name");
	bad("process.exit:pid=1,", 20, "missing field name");
	bad("process.exit:=1", 14, "missing field name");
	bad("process.exit:pid", 17, "expected one of");
	bad("process.exit:pid~1", 17, "a value after 'pid', not '~1'");
	bad("process.exit:pid=", 18, "missing value after");
	bad("process.exit:pid!1", 17, "expected one of");
	bad("process.exit:pid=,status=0", 18, "missing value after");
	bad("process.exit:comm=a|,status=0", 19, "empty alternative in 'a|'");
	bad("process.exit:comm=|a", 19, "empty alternative");
	bad("process.exit:comm=a||b", 19, "empty alternative");
	bad("process.exit:pid=1|2", 18, "expected a number");
	bad("net.address:action=change", 20, "invalid value 'change' for 'action': expected one of add, remove");
	bad("net.address:action=add|c*", 20, "invalid value 'c*'");
	bad("net.address:address=default", 21, "invalid address 'default'");
	bad("net.route:gateway=default", 19, "invalid address 'default'");
	bad("process.exit:comm=a\\", 19, "ends with '\\'");
	bad("process.exit:comm=*\\\\\\", 19, "ends with '\\'");
	bad("net.route:family=ipv4", 18, "one of inet, inet6");
	bad("net.address:address=10.0.0.0/8", 21, "without a prefix");
	bad("net.address:address=eth0", 21, "invalid address");
	bad("memory.pressure:some!=1ms/2s", 21, "'some' is a setting: use =");
	bad("memory.pressure:some=1ms/2s,cgroup=/a,some=2ms/2s", 39, "twice");
}

static void test_fields(void)
{
	bad("process.exit:pdi=1", 14, "no field 'pdi'; it has: pid, status, comm");
	bad("process.exit:zzzzzz=1", 14, "it has: pid, status, comm");
	bad("power.resume:zzzzzz=1", 14, "only subject and value");
	bad("process.exit:pid=1,stat=0", 20, "no field 'stat'; it has: pid, status");
	bad("process.exit:pid=x", 18, "invalid value 'x' for 'pid'");
	bad("process.exit:pid=0x", 18, "expected a number");
	bad("process.exit:pid=1 ", 18, "expected a number");
	bad("process.exit:pid=+1", 18, "expected a number");
	bad("process.exit:pid=-1", 18, "never negative");
	bad("test:value=18446744073709551616", 12, "expected a number");
	bad("test:value=-9223372036854775809", 12, "expected a number");
	bad("process.exit:comm<a", 18, "only = and !=");
	bad("process.exit:comm&a", 18, "only = and !=");
	bad("process.exit:comm=0123456789abcdef", 19, "at most 15 bytes");
	bad("test:current.comm=sh|bash", 19, "does not support patterns");
	bad("test:current.comm=*sh", 19, "does not support patterns");
	bad("memory.calm:bad=1", 13,
	    "it has: stall_us, over_us; settings: some, full, cgroup, unit");
	bad("test:current.uid=0", 6, "expected current.pid or current.comm");
	bad("test:current.pid=a", 18, "expected a number");
}

/* Check that a filter that no event can match is rejected with the column and the reason. */
static void test_impossible(void)
{
	static const struct {
		const char *event;
		unsigned int column;
		const char *why;
	} impossible[] = {
		{ "process.exit:pid=1,pid=2", 20, "both pid=1 and pid=2" },
		{ "process.exit:pid>5,pid<3", 20, "both pid>5 and pid<3" },
		{ "process.exit:pid<3,pid>5", 20, "both pid<3 and pid>5" },
		{ "process.exit:pid>5,pid<=5", 20, "both" },
		{ "process.exit:pid=5,status=0,pid!=5", 29, "pid=5 and pid!=5" },
		{ "process.exit:pid!=5,pid=5", 21, "both" },
		{ "process.exit:status=1,status&2", 23, "both" },
		{ "process.exit:status&2,status=1", 23, "both" },
		{ "process.exit:parent<0,parent>0", 23, "both" },
		{ "process.exit:comm=a,comm=b", 21, "both comm=a and comm=b" },
		{ "process.exit:comm=a,comm!=a", 21, "both" },
		{ "process.exit:comm!=a,comm=a", 22, "both" },
		{ "process.exit:comm=0123456789abcdef", 19, "at most 15 bytes" },
		{ "process.exit:parent=0xffffffff", 21, "to 2147483647" },
		{ "process.exit:parent>2147483647", 21, "to 2147483647" },
		{ "process.exit:parent<-2147483648", 21, "from -2147483648" },
		{ "process.exit:pid<0", 18, "from 0 to" },
		{ "process.exit:pid>0xffffffffffffffff", 18, "from 0 to" },
		{ "process.exit:status&0", 21, "from 0 to" },
		{ "test:current.pid=4294967296", 18, "to 4294967295" },
		{ "test:current.pid=1,current.pid=2", 20, "both" },
		{ "test:current.comm=a,current.comm=b", 21, "both" },
		{ "process.exit:comm=a|b,comm=c|d", 23, "both comm=a|b and comm=c|d" },
		{ "process.exit:comm=a|b,comm!=b|a", 23, "both" },
		{ "process.exit:comm=a*,comm=b|c", 22, "both comm=a* and comm=b|c" },
		{ "process.exit:comm=ab|ac,comm!=a?", 25, "both" },
		{ "process.exit:comm!=*,comm=ab", 22, "both" },
		{ "process.exit:comm=a*,comm!=a*", 22, "both" },
		{ "process.exit:comm=*0123456789abcde?*", 19, "at most 15 bytes" },
		{ "process.exit:comm=a|0123456789abcdef", 19, "'0123456789abcdef' has 16" },
		{ "process.exit:comm=\\*0123456789[!a]*bcdef", 19, "has 17" },
		{ "kmod.load:name=snd-hda-intel", 16,
		  "no module is called snd-hda-intel" },
		{ "kmod.load:name=a*|b-c", 16, "no module is called b-c" },
		{ "process.exit:pid=1,subject=2", 20, "both pid=1 and subject=2" },
		{ "process.exit:subject>5,pid<5", 24, "both" },
		{ "process.exit:pid<=-1", 19, "never negative" },
	};
	static const char *const possible[] = {
		"process.exit:pid>-1", "process.exit:pid!=-1,pid=5",
		"test:current.pid>=-7", "kmod.unload:name!=a-b",
		"process.exit:pid=1,subject!=2",
		"process.exit:pid>5,pid<7", "process.exit:pid!=5,pid!=6",
		"process.exit:status=3,status&2", "process.exit:comm!=a,comm!=b",
		"process.exit:comm=a,comm!=b", "process.exit:parent=-1,parent<0",
		"process.exit:parent>=-2147483648", "kmod.load:name=snd_hda_intel",
		"process.exit:pid=5,pid=5", "process.exit:comm=a-b",
		"process.exit:parent&0x80000000", "test:value<0,value&1",
		"process.exit:comm=a|b,comm=b|c", "process.exit:comm=a|b,comm!=a",
		"process.exit:comm=a*,comm=*b", "process.exit:comm=a*,comm!=b*",
		"process.exit:comm=a*,comm=ab", "process.exit:comm=*0123456789abcde*",
		"process.exit:comm=0123456789[abc][]d][!]e]*",
		"process.exit:comm=0123456789abcd[[:digit:]]", "process.exit:comm=0123456789abcd[\\]]",
		"kmod.load:name=snd-*",
	};
	struct ksig_spec spec;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(impossible); i++)
		bad(impossible[i].event, impossible[i].column,
		    impossible[i].why);
	for (i = 0; i < ARRAY_SIZE(possible); i++) {
		if (parse(possible[i], &spec))
			printf("%s: %s\n", possible[i], text);
		CHECK(!*text);
		ksig_spec_free(&spec);
	}
}

/* a record of process.exit */
static struct {
	struct ksig_event ev;
	struct ksig_process_data data;
} record = {
	.ev = { .seq = 1, .value = 0x700, .subject = 42, .type = 2,
		.len = sizeof(struct ksig_process_data) },
	.data = { .comm = "sh", .tgid = 42, .parent = -1 },
};

static bool passes(const char *event)
{
	struct ksig_spec spec;
	bool pass;

	CHECK(!parse(event, &spec));
	pass = ksig_spec_match(&spec, &record.ev);
	ksig_spec_free(&spec);
	return pass;
}

static void test_match(void)
{
	CHECK(passes("process.exit"));
	CHECK(passes("process.exit:pid=42"));
	CHECK(!passes("process.exit:pid!=42"));
	CHECK(passes("process.exit:pid>41,pid<43,pid>=42,pid<=42"));
	CHECK(!passes("process.exit:pid>42"));
	CHECK(!passes("process.exit:pid<42"));
	CHECK(passes("process.exit:status&0x100"));
	CHECK(!passes("process.exit:status&0x800"));
	CHECK(passes("process.exit:parent<0"));
	CHECK(passes("process.exit:parent=-1"));
	CHECK(passes("process.exit:comm=sh"));
	CHECK(!passes("process.exit:comm=s"));
	CHECK(!passes("process.exit:comm=shh"));
	CHECK(passes("process.exit:comm!=bash"));
	CHECK(!passes("process.exit:comm!=sh"));

	CHECK(passes("process.exit:comm=bash|sh"));
	CHECK(passes("process.exit:comm=sh|bash"));
	CHECK(!passes("process.exit:comm=bash|dash"));
	CHECK(!passes("process.exit:comm!=bash|sh"));
	CHECK(passes("process.exit:comm!=bash|dash"));
	CHECK(passes("process.exit:comm=*sh"));
	CHECK(passes("process.exit:comm=s?"));
	CHECK(!passes("process.exit:comm=s??"));
	CHECK(passes("process.exit:comm=[r-t]h"));
	CHECK(!passes("process.exit:comm=[!r-t]h"));
	CHECK(passes("process.exit:comm=x|[rs]*"));
	CHECK(!passes("process.exit:comm!=[rs]*"));
	CHECK(passes("process.exit:comm=[x|s]h"));
	CHECK(passes("process.exit:comm=a|[[:alpha:]][[:alpha:]]"));
	CHECK(!passes("process.exit:comm=[[:digit:]]h"));
	CHECK(passes("process.exit:comm=\\sh"));
	CHECK(!passes("process.exit:comm=s\\*"));
	strcpy(record.data.comm, "a,b|*\\");
	CHECK(passes("process.exit:comm=a\\,b\\|\\*\\\\"));
	CHECK(passes("process.exit:comm=a\\,b\\|\\*?"));
	CHECK(!passes("process.exit:comm=a\\,b|\\*"));
	strcpy(record.data.comm, ".h/x");
	CHECK(passes("process.exit:comm=*h*x"));
	/* a string that fills its field has no terminator */
	memcpy(record.data.comm, "0123456789abcdef", 16);
	CHECK(passes("process.exit:comm=0*e?"));
	CHECK(!passes("process.exit:comm=0*e"));
	memset(record.data.comm, 0, sizeof(record.data.comm));
	strcpy(record.data.comm, "sh");

	/* a condition on an unknown field is never met */
	record.ev.flags = KSIG_EVENT_NO_VALUE;
	CHECK(!passes("process.exit:status=0x700"));
	CHECK(!passes("process.exit:status!=0"));
	record.ev.flags = KSIG_EVENT_NO_SUBJECT;
	CHECK(!passes("process.exit:pid=42"));
	record.ev.flags = 0;
	record.ev.len = 0;
	CHECK(!passes("process.exit:parent=-1"));
	CHECK(!passes("process.exit:comm!=x"));
	record.ev.len = sizeof(record.data);
}

static void test_settings(void)
{
	const struct ksig_cond *c;
	struct ksig_spec spec;

	CHECK(!parse("memory.calm:cgroup=/a\\,b,stall_us>1,some=1ms/2s", &spec));
	CHECK(spec.n_conds == 1 && !strcmp(spec.conds->key, "stall_us"));
	c = ksig_spec_setting(&spec, "cgroup");
	CHECK(c && !strcmp(c->text, "/a,b") && c->column == 13 && c->text_column == 20);
	c = ksig_spec_setting(&spec, "some");
	CHECK(c && !strcmp(c->text, "1ms/2s") && c->text_column == 42);
	CHECK(!ksig_spec_setting(&spec, "full"));
	CHECK(!ksig_spec_setting(&spec, "stall_us"));
	ksig_spec_free(&spec);
}

/* Check that a filter's string is converted to the form that the field has. */
static void word(const char *event, const char *wanted)
{
	struct ksig_spec spec;

	CHECK(!parse(event, &spec));
	if (strcmp(spec.conds->words->text, wanted))
		printf("%s: %s\n", event, spec.conds->words->text);
	CHECK(!strcmp(spec.conds->words->text, wanted));
	ksig_spec_free(&spec);
}

static void test_words(void)
{
	word("cgroup.empty:cgroup=/a/b", "/a/b");
	word("cgroup.empty:cgroup=a/b/", "/a/b");
	word("cgroup.empty:cgroup=//a//b//", "/a/b");
	word("cgroup.empty:cgroup=/", "/");
	word("cgroup.empty:cgroup=a*/", "/a*");
	word("cgroup.empty:cgroup=*/a", "*/a");
	word("cgroup.empty:cgroup!=[ab]/", "/[ab]");
	word("cgroup.empty:cgroup=?a", "?a");
	word("memory.kill:cgroup=a/b/", "/a/b");
	word("cgroup.empty:unit=a", "a.service");
	word("cgroup.empty:unit=a.slice", "a.slice");
	word("cgroup.empty:unit=a.b", "a.b.service");
	word("cgroup.empty:unit=.slice", ".slice.service");
	word("cgroup.empty:unit=a*", "a*");
	bad("cgroup.empty:unit=a.target", 19, "'a.target' has no cgroup: it is a target unit");
	bad("cgroup.empty:unit=a.service|b.timer", 19, "b.timer");
	bad("cgroup.empty:unit=a*.target", 19, "it is a target unit");
	bad("cgroup.empty:unit=a/b", 19, "invalid unit 'a/b'");
	bad("cgroup.empty:unit=-.slice", 19, "root slice");
	bad("net.address:address=10.1.2", 21, "invalid address");
	bad("net.address:action=x", 20, "expected one of add, remove");
}

static void test_same_filter(void)
{
	static const char *const filters[] = { "", ":pid=1", ":pid=2", ":pid!=1", ":parent=1",
					       ":pid=1,comm=a" };
	struct ksig_spec a, b;
	size_t i, j;

	for (i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		for (j = 0; j < sizeof(filters) / sizeof(*filters); j++) {
			char one[64], other[64];

			snprintf(one, sizeof(one), "process.exit%s", filters[i]);
			snprintf(other, sizeof(other), "process.exec%s", filters[j]);
			CHECK(!parse(one, &a) && !parse(other, &b));
			CHECK(ksig_spec_same_filter(&a, &b) == (i == j));
			ksig_spec_free(&a);
			ksig_spec_free(&b);
		}
	}
}

static void test_in_kernel(void)
{
	struct ksig_spec spec;

	CHECK(!parse("process.exit:pid=1,comm=sh", &spec));
	CHECK(!ksig_spec_in_kernel(&spec));
	spec.conds[0].in_kernel = true;
	CHECK(!ksig_spec_in_kernel(&spec));
	CHECK(ksig_spec_match(&spec, &record.ev));
	spec.conds[1].in_kernel = true;
	CHECK(ksig_spec_in_kernel(&spec));
	ksig_spec_free(&spec);
}

static bool formats(const struct ksig_sub *sub, const char *wanted)
{
	char line[128], cut[8];
	int len = ksig_event_format(sub, &record.ev, line, sizeof(line));

	if (strcmp(line, wanted))
		printf("formatted: %s\n", line);
	CHECK(len == (int)strlen(line));
	/* like snprintf(): returns the full length, stores the part that fits, and terminates it */
	memset(cut, 'x', sizeof(cut));
	CHECK(ksig_event_format(sub, &record.ev, cut, sizeof(cut)) == len);
	CHECK(!strncmp(cut, wanted, 7) && !cut[7]);
	CHECK(ksig_event_format(sub, &record.ev, NULL, 0) == len);
	return !strcmp(line, wanted);
}

static void test_format(void)
{
	struct ksig_sub *sub = calloc(1, sizeof(*sub) + sizeof(sub->streams[0]));
	struct ksig_field f = { .sz = sizeof(f) };

	CHECK(sub);
	sub->n = 1;
	sub->streams->desc = ksig_desc_find("process.exit");
	CHECK(formats(sub, "process.exit pid=42 status=1792 comm=sh parent=-1"));
	record.ev.flags = KSIG_EVENT_NO_VALUE;
	strcpy(record.data.comm, "a\033\n\377b");
	CHECK(formats(sub, "process.exit pid=42 status=unknown comm=\"a\\x1b\\x0a\\xffb\" parent=-1"));
	strcpy(record.data.comm, "unknown");
	CHECK(formats(sub, "process.exit pid=42 status=unknown comm=\"unknown\" parent=-1"));
	strcpy(record.data.comm, "x -> \"\\");
	CHECK(formats(sub, "process.exit pid=42 status=unknown comm=\"x -> \\\"\\\\\" parent=-1"));
	strcpy(record.data.comm, "\xe2\x80\xae\xc3\xa9\xe2\x82");
	CHECK(formats(sub, "process.exit pid=42 status=unknown comm=\"\\u202e\xc3\xa9\\xe2\\x82\" parent=-1"));
	strcpy(record.data.comm, "\xc3\xa9");
	CHECK(formats(sub, "process.exit pid=42 status=unknown comm=\xc3\xa9 parent=-1"));
	*record.data.comm = '\0';
	CHECK(formats(sub, "process.exit pid=42 status=unknown comm=\"\" parent=-1"));
	memset(record.data.comm, 'c', sizeof(record.data.comm));
	CHECK(formats(sub, "process.exit pid=42 status=unknown comm=cccccccccccccccc parent=-1"));
	strcpy(record.data.comm, "sh");

	/* in a smaller structure, only the caller's members are set; sz must not be 0 */
	f = (struct ksig_field) { .sz = offsetof(struct ksig_field, u), .u = 7 };
	CHECK(!ksig_event_get(sub, &record.ev, "subject", &f) && f.known &&
	      f.u == 7 && f.sz == offsetof(struct ksig_field, u));
	f = (struct ksig_field) { .sz = 0 };
	CHECK(ksig_event_get(sub, &record.ev, "subject", &f) == -EINVAL);
	f = (struct ksig_field) { .sz = SIZE_MAX };
	CHECK(ksig_event_get(sub, &record.ev, "subject", &f) == -EINVAL);
	f = (struct ksig_field) { .sz = sizeof(f) };
	CHECK(!ksig_event_get(sub, &record.ev, "value", &f) && !f.known);
	record.ev.flags = 0;
	CHECK(!ksig_event_get(sub, &record.ev, "status", &f));
	CHECK(f.known && f.type == KSIG_FIELD_UNSIGNED && f.u == 0x700);
	CHECK(!ksig_event_get(sub, &record.ev, "parent", &f));
	CHECK(f.known && f.type == KSIG_FIELD_SIGNED && f.s == -1);
	CHECK(!ksig_event_get(sub, &record.ev, "subject", &f) && f.u == 42);
	CHECK(ksig_event_get(sub, &record.ev, "ifname", &f) == -ENOENT);
	CHECK(!ksig_event_field(sub, &record.ev, 4, &f));
	CHECK(!strcmp(f.name, "parent"));
	CHECK(ksig_event_field(sub, &record.ev, 5, &f) == -ENOENT);
	free(sub);
}

/* Check that the fields of each event lie within its record and that field names are unique. */
static void test_catalog(void)
{
	const struct ksig_event_desc *d;
	const struct ksig_field_desc *f;
	unsigned int i, j;

	for (i = 0; (d = ksig_desc_at(i)); i++) {
		CHECK(ksig_desc_find(d->name) == d);
		CHECK(d->event_size >= 64 && d->event_size % 8 == 0);
		for (j = 0; j < d->n_fields; j++) {
			f = &d->fields[j];
			CHECK(f->offset + f->size <= (int)(f->added ?
				ksig_record_size(d) : d->event_size));
			CHECK(!f->added || f->offset >= (int)d->event_size + 16);
			CHECK(ksig_desc_field(d, f->name) == f);
		}
		CHECK(ksig_desc_field(d, "subject"));
		CHECK(ksig_desc_field(d, "value"));
	}
	CHECK(i);
}

/* Check that each event has an example, and that it is valid. */
static void test_examples(void)
{
	const struct ksig_event_desc *d;
	struct ksig_spec spec;
	const char *example;
	unsigned int i;

	for (i = 0; (d = ksig_desc_at(i)); i++) {
		example = ksig_example_of(d->name);
		if (!example)
			fprintf(stderr, "%s has no example\n", d->name);
		CHECK(example);
		if (parse(example, &spec))
			fprintf(stderr, "%s: %s\n", example, text);
		CHECK(!*text && !strcmp(spec.name, d->name));
		ksig_spec_free(&spec);
	}
	CHECK(!ksig_example_of("net"));
}

/* Check that ksig_catalog_next() writes the entry only on success. */
static void test_catalog_end(void)
{
	const struct ksig_catalog_entry *e = NULL, *last;
	struct ksig_catalog *c;

	CHECK(!ksig_catalog_open(KSIG_CATALOG_NAMES, &c));
	while (ksig_catalog_next(c, &e) == 1)
		CHECK(e && *e->name);
	CHECK(e);
	last = NULL;
	CHECK(!ksig_catalog_next(c, &last) && !last);
	ksig_catalog_close(c);
}

static void opens(const char *event, const struct ksig_sub_opts *o, int err)
{
	struct ksig_sub *sub;

	CHECK(ksig_sub_open(event, o, &sub) == err);
}

/* Check that an invalid option is reported before anything is opened. */
static void test_options(void)
{
	struct ksig_sub_opts o = {
		.sz = sizeof(o), .err = text, .err_size = sizeof(text),
		.err_column = &column,
	};
	struct {
		struct ksig_sub_opts o;
		size_t more;
	} newer = { .o.sz = sizeof(newer), .more = 1 };

	o.provider = "nobody";
	opens("test", &o, -EINVAL);
	CHECK(strstr(text, "unknown provider 'nobody'"));
	o.provider = "mod";
	opens("test", &o, -EINVAL);
	o.provider = NULL;
	o.queue_len = 17;
	opens("test", &o, -EINVAL);
	CHECK(strstr(text, "17"));
	o.queue_len = 131072;
	opens("test", &o, -EINVAL);
	o.queue_len = 0;
	o.value_field = "x";
	opens("test", &o, -EINVAL);
	CHECK(strstr(text, "test has no field 'x'"));
	o.value_field = "comm";
	opens("process.exit", &o, -EINVAL);
	CHECK(strstr(text, "'comm' is a string"));
	o.value_field = NULL;
	opens("tesst", &o, -ENOENT);
	CHECK(!strcmp(text, "no event 'tesst'") && column == 1);
	opens("test:value=x", &o, -EINVAL);
	CHECK(column == 12);
	o.sz = 4;
	opens("test", &o, -EINVAL);
	opens("test", &newer.o, -EINVAL);
	newer.more = 0;
	newer.o.provider = "nobody";
	opens("test", &newer.o, -EINVAL);
	opens(NULL, NULL, -EINVAL);
	ksig_sub_close(NULL);
}

int main(void)
{
	test_syntax();
	test_fields();
	test_impossible();
	test_match();
	test_settings();
	test_words();
	test_examples();
	test_same_filter();
	test_in_kernel();
	test_format();
	test_catalog();
	test_catalog_end();
	test_options();
	return 0;
}
