/* SPDX-License-Identifier: MIT */
/* text.c - a small printf */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"
#include "core/util.h"

/* --- formatting ------------------------------------------------------------------- */

struct sink {
	char *to;
	size_t limit;		/* with the NUL */
	size_t length;		/* of the whole, fit or not */
};

/* One conversion, as written: %-08.3lx */
struct conversion {
	bool left, zero;
	int width, precision;	/* precision -1: none */
	int longs;		/* 1 and 2 are the same here */
	char type;
};

#define DIGITS_MAX 24		/* 2^64 in octal has 22 */

static void put(struct sink *sink, char c)
{
	if (sink->length + 1 < sink->limit)
		sink->to[sink->length] = c;
	sink->length++;
}

static void put_many(struct sink *sink, char c, int count)
{
	while (count-- > 0)
		put(sink, c);
}

static void put_padded(struct sink *sink, const struct conversion *c, const char *text, int length)
{
	if (!c->left)
		put_many(sink, ' ', c->width - length);
	for (int i = 0; i < length; i++)
		put(sink, text[i]);
	if (c->left)
		put_many(sink, ' ', c->width - length);
}

static void put_number(struct sink *sink, const struct conversion *c, uint64_t number, bool negative)
{
	unsigned int base = c->type == 'x' ? 16 : c->type == 'o' ? 8 : 10;
	char digits[DIGITS_MAX], *at = digits + sizeof(digits);
	int length;

	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	length = (int)(digits + sizeof(digits) - at);
	if (c->zero && !c->left && c->width > length + negative) {
		if (negative)
			put(sink, '-');
		put_many(sink, '0', c->width - length - negative);
		put_padded(sink, &(struct conversion){ 0 }, at, length);
		return;
	}
	if (negative) {
		*--at = '-';
		length++;
	}
	put_padded(sink, c, at, length);
}

static void put_string(struct sink *sink, const struct conversion *c, const char *text)
{
	size_t length;

	if (!text)
		text = "(null)";
	length = c->precision < 0 ? strlen(text) : strnlen(text, (size_t)c->precision);
	put_padded(sink, c, text, (int)length);
}

/* "12", or "*" for the next argument */
static int take_count(const char **format, va_list *args)
{
	int count = 0;

	if (**format == '*') {
		++*format;
		return va_arg(*args, int);
	}
	while (**format >= '0' && **format <= '9')
		count = count * 10 + *(*format)++ - '0';
	return count;
}

static struct conversion take_conversion(const char **format, va_list *args)
{
	struct conversion c = { .precision = -1 };

	for (;; ++*format) {
		if (**format == '-')
			c.left = true;
		else if (**format == '0')
			c.zero = true;
		else
			break;
	}
	c.width = take_count(format, args);
	if (**format == '.') {
		++*format;
		c.precision = take_count(format, args);
	}
	for (; **format == 'l' || **format == 'z'; ++*format)
		c.longs++;
	c.type = **format;
	if (c.type)
		++*format;
	return c;
}

static void convert(struct sink *sink, const struct conversion *c, va_list *args)
{
	int64_t number;

	switch (c->type) {
	case 's':
		put_string(sink, c, va_arg(*args, const char *));
		break;
	case 'c':
		put_padded(sink, c, &(char){ (char)va_arg(*args, int) }, 1);
		break;
	case 'd':
		number = c->longs ? va_arg(*args, long) : va_arg(*args, int);
		put_number(sink, c, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, number < 0);
		break;
	case 'u':
	case 'x':
	case 'o':
		put_number(sink, c, c->longs ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int), false);
		break;
	default:	/* "%%", and what nobody may write */
		put(sink, c->type);
	}
}

static_assert(sizeof(long) == sizeof(uint64_t), "%lu is for 64 bits: ublk is for 64-bit machines");

int text_vformat(char *to, size_t limit, const char *format, va_list caller)
{
	struct sink sink = { .to = to, .limit = limit };
	va_list args;

	va_copy(args, caller);
	while (*format) {
		struct conversion c;

		if (*format != '%') {
			put(&sink, *format++);
			continue;
		}
		format++;
		c = take_conversion(&format, &args);
		convert(&sink, &c, &args);
	}
	va_end(args);
	if (limit)
		to[sink.length < limit ? sink.length : limit - 1] = '\0';
	return (int)sink.length;
}

int text_format(char *to, size_t limit, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = text_vformat(to, limit, format, args);
	va_end(args);
	return n;
}

/* --- characters ---------------------------------------------------------------------- */

size_t text_utf8(const void *bytes, size_t left, uint32_t *character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *at = bytes;
	size_t length = *at < 0x80 ? 1 : *at < 0xc0 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf8 ? 4 : 0;

	if (!length || length > left)
		return 0;
	*character = length == 1 ? *at : *at & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		*character = *character << 6 | (at[i] & 0x3f);
	}
	if (*character < least[length] || *character > 0x10ffff || (*character >= 0xd800 && *character < 0xe000))
		return 0;
	return length;
}

bool text_acts(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
	       (character >= 0x200b && character < 0x2010) || (character >= 0x2028 && character < 0x202f) ||
	       (character >= 0x2060 && character < 0x2070) || character == 0xfeff;
}

/* --- standard output ---------------------------------------------------------------- */

static struct {
	char text[2048];
	size_t used;
	int error;
} out;

int text_out_flush(void)
{
	int err = out.used ? file_write_all(STDOUT_FILENO, out.text, out.used) : 0;

	out.used = 0;
	if (err && !out.error)
		out.error = err;
	return out.error;
}

int text_out(const char *format, ...)
{
	int n = 0;

	for (int attempt = 0; attempt < 2; attempt++) {
		va_list args;

		va_start(args, format);
		n = text_vformat(out.text + out.used, sizeof(out.text) - out.used, format, args);
		va_end(args);
		if ((size_t)n < sizeof(out.text) - out.used)
			break;
		text_out_flush();	/* and once more, into an empty buffer; longer ones are cut */
	}
	out.used = min_u64(out.used + (size_t)n, sizeof(out.text) - 1);
	return n;
}

static void out_json_character(const char *at, size_t length, uint32_t code)
{
	if (!length)
		text_out("\\ufffd");
	else if (code == '"' || code == '\\')
		text_out("\\%c", *at);
	else if (code < 0x20 || code == 0x7f)
		text_out("\\u%04x", code);
	else
		text_out("%.*s", (int)length, at);
}

void text_out_json(const char *text)
{
	text_out("\"");
	while (*text) {
		uint32_t code = 0;
		size_t length = text_utf8(text, strlen(text), &code);

		out_json_character(text, length, code);
		text += length ? length : 1;
	}
	text_out("\"");
}

/* --- numbers -------------------------------------------------------------------------- */

int text_number(const char **text, uint64_t *number)
{
	const char *at = *text;

	*number = 0;
	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*at - '0'), number))
			return -ERANGE;
	*text = at;
	return 0;
}

bool text_has(const char *text, const char *part)
{
	size_t length = strlen(part);

	while (*text && strncmp(text, part, length))
		text++;
	return !strncmp(text, part, length);
}

int text_is_number(const char *text, uint64_t *number)
{
	int err = text_number(&text, number);

	return err ? err : *text ? -EINVAL : 0;
}

char **text_environment(char **environment, char *variable)
{
	size_t count = 0, name = strcspn(variable, "=") + 1;
	char **with;

	while (environment[count])
		count++;
	with = pages_get((count + 2) * sizeof(*with));
	if (!with)
		return environment;
	*with = variable;
	for (size_t i = 0, n = 1; i < count; i++)
		if (strncmp(environment[i], variable, name))
			with[n++] = environment[i];
	return with;
}
