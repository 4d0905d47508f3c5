/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Settings of ksig.bpf.c, set by lib/bpf/load.c before it loads the programs. They are
 * constants to the verifier, which removes the code that a subscription doesn't need.
 */
#ifndef KSIG_SHARED_H
#define KSIG_SHARED_H

#include <linux/types.h>

#define KSIG_BPF_CONDS		8
#define KSIG_BPF_TEXT		64
#define KSIG_BPF_STRINGS	8
/* Maximum size of a tracepoint's string of variable length */
#define KSIG_BPF_STRING		256
/* Maximum record size of events other than trace.* */
#define KSIG_BPF_RECORD		128
/* Ancestors of a process are followed for this many steps. */
#define KSIG_BPF_ANCESTORS	64

/* As KSIG_EVENT_SIGNALLED and KSIG_EVENT_REFUSED of libksig.h. */
#define KSIG_BPF_SIGNALLED	(1U << 30)
#define KSIG_BPF_REFUSED	(1U << 31)

/* What a condition compares */
enum ksig_bpf_operand {
	KSIG_BPF_NUMBER,	/* in the record, or the tracepoint's entry */
	KSIG_BPF_TEXT_AT,	/* a string there */
	KSIG_BPF_TEXT_LOC,	/* a string that a word there locates */
	KSIG_BPF_CURRENT_PID,
	KSIG_BPF_CURRENT_COMM,
};

/**
 * struct ksig_bpf_cond - a condition
 * @source: enum ksig_bpf_operand
 * @size: 1, 2, 4, 8 for a number; a string's most, with terminator
 * @is_signed: the number is signed
 * @negate: invert the result
 * @relative: KSIG_BPF_TEXT_LOC: the string's offset counts from the word's end
 * @offset: of the number, string or word
 * @mask: if not 0: the number has one of these bits; @low and @span are ignored
 * @bias: xor that maps the numbers' order to that of unsigned numbers
 * @low: the least number, with @bias
 * @span: the greatest one less @low
 * @text: the string, padded with zeroes
 */
struct ksig_bpf_cond {
	__u32 source;
	__u32 size;
	__u32 is_signed;
	__u32 negate;
	__u32 relative;
	__u32 offset;
	__u64 mask;
	__u64 bias;
	__u64 low;
	__u64 span;
	char text[KSIG_BPF_TEXT];
};

/**
 * struct ksig_bpf_string - a tracepoint's string of variable length
 * @loc: offset of the word in the entry that locates it
 * @relative: as in struct ksig_bpf_cond
 * @to: its offset in the record
 * @size: its maximum size there
 */
struct ksig_bpf_string {
	__u32 loc;
	__u32 relative;
	__u32 to;
	__u32 size;
};

#endif /* KSIG_SHARED_H */
