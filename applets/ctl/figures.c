/* SPDX-License-Identifier: MIT */
/* figures.c - tables, JSON and Prometheus' text format */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "applets/ctl/figures.h"
#include "core/proc.h"
#include "core/size.h"
#include "core/text.h"
#include "core/util.h"

/* --- what the kernel counts ------------------------------------------------------------------ */

#define SECTOR 512

int figures_of_kernel(struct stats *stats, const char *path)
{
	static const struct stats_name names[] = {	/* as they stand in the line */
		{ "reads", STATS_COUNTER }, { NULL, STATS_COUNTER }, { "read_bytes", STATS_COUNTER }, { "read_ms", STATS_COUNTER },
		{ "writes", STATS_COUNTER }, { NULL, STATS_COUNTER }, { "written_bytes", STATS_COUNTER }, { "write_ms", STATS_COUNTER },
		{ "in_flight", STATS_GAUGE }, { "busy_ms", STATS_COUNTER }, { NULL, STATS_COUNTER },
		{ "discards", STATS_COUNTER }, { NULL, STATS_COUNTER }, { "discarded_bytes", STATS_COUNTER }, { NULL, STATS_COUNTER },
		{ "flushes", STATS_COUNTER }, { "flush_ms", STATS_COUNTER },
	};
	_Atomic uint64_t *numbers;
	char line[512];
	const char *at = line;
	int err = proc_read(path, line, sizeof(line));

	*stats = (struct stats)STATS_NONE;
	if (err < 0)
		return err;
	err = stats_open(stats, ARRAY_SIZE(names));
	if (err)
		return err;
	numbers = stats_add(stats, names, ARRAY_SIZE(names), 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t number;

		at += strspn(at, " ");
		if (text_number(&at, &number))
			break;
		numbers[i] = names[i].name && text_has(names[i].name, "_bytes") ? number * SECTOR : number;
	}
	return 0;
}

/* --- numbers ------------------------------------------------------------------------------------ */

static bool is_rate(const struct figures *f, const struct stats_field *field)
{
	return f->before.page && field->kind == STATS_COUNTER;
}

/* Of all queues; of a counter, since before if there is a before. A server that was restarted began anew. */
static uint64_t value_of(const struct figures *f, const struct stats_field *field)
{
	uint64_t now = stats_value(&f->now, field);
	uint64_t before = is_rate(f, field) ? stats_value(&f->before, stats_find(&f->before, field->name)) : 0;

	return now - min_u64(now, before);
}

static void histogram_of(const struct figures *f, const struct stats_field *field, struct histogram *h)
{
	const struct stats_field *old = f->before.page ? stats_find(&f->before, field->name) : NULL;
	struct histogram before;

	stats_histogram(&f->now, field, h);
	if (!old || old->kind != STATS_LATENCY)
		return;
	stats_histogram(&f->before, old, &before);
	h->sum -= min_u64(h->sum, before.sum);
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->buckets[i] -= min_u64(h->buckets[i], before.buckets[i]);
}

/* Tenths a second; it cannot overflow with what a machine can do. */
static uint64_t rate_of(const struct figures *f, uint64_t count)
{
	return count * 10000 / max_u64(f->between / 1000000, 1);
}

static const struct stats_field *find(const struct figures *f, const char *name)
{
	return name ? stats_find(&f->now, name) : NULL;
}

/* --- for people --------------------------------------------------------------------------------- */

#define CELL_MAX 32

static bool counts_bytes(const char *name)
{
	size_t length = strlen(name);

	return length > 6 && !strcmp(name + length - 6, "_bytes");
}

/* "-" for no field. */
static void put_value(const struct figures *f, const struct stats_field *field, char cell[CELL_MAX])
{
	uint64_t value;
	bool rate;

	text_format(cell, CELL_MAX, "-");
	if (!field)
		return;
	value = value_of(f, field);
	rate = is_rate(f, field);
	if (counts_bytes(field->name))
		size_text(rate ? rate_of(f, value) / 10 : value, cell);
	else if (rate)
		text_format(cell, CELL_MAX, "%" PRIu64 ".%u", rate_of(f, value) / 10,
			    (unsigned int)(rate_of(f, value) % 10));
	else
		text_format(cell, CELL_MAX, "%" PRIu64, value);
}

static void put_time(const struct histogram *h, unsigned int per_mille, char cell[CELL_MAX])
{
	if (histogram_count(h))
		time_text(histogram_quantile(h, per_mille), cell);
	else
		text_format(cell, CELL_MAX, "-");
}

static void put_op(const struct figures *f, enum op op)
{
	const struct stats_field *requests = find(f, stats_queue[STATS_REQUESTS + op].name);
	const struct stats_field *latency = find(f, stats_queue[STATS_LATENCIES + op].name);
	struct histogram h = { 0 };
	char cells[6][CELL_MAX];

	if (!requests)
		return;
	if (latency && latency->kind == STATS_LATENCY)
		histogram_of(f, latency, &h);
	put_value(f, requests, cells[0]);
	put_value(f, find(f, stats_queue[STATS_BYTES + op].name), cells[1]);
	put_value(f, find(f, stats_queue[STATS_ERRORS + op].name), cells[2]);
	put_time(&h, 500, cells[3]);
	put_time(&h, 990, cells[4]);
	put_time(&h, 999, cells[5]);
	text_out("  %-9s", requests->name);
	for (unsigned int i = 0; i < ARRAY_SIZE(cells); i++)
		text_out(" %10s", cells[i]);
	text_out("\n");
}

/* Is it in the rows of operations? */
static bool has_row(const struct stats_field *field)
{
	if (field->kind == STATS_LATENCY)
		return true;
	for (unsigned int i = 0; i < STATS_DIRECT; i++)
		if (stats_queue[i].name && !strcmp(stats_queue[i].name, field->name))
			return true;
	return false;
}

static void put_heading(const struct figures *f)
{
	bool rates = f->before.page;
	uint64_t seconds = stats_age(&f->now) / 1000000000;

	text_out("%s%s%s: %s, counted ", f->dev, *f->name ? " " : "", f->name, f->type);
	if (strcmp(f->source, "server"))
		text_out("by the %s\n", f->source);
	else
		text_out("for %" PRIu64 ":%02u:%02u\n", seconds / 3600,
			 (unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
	text_out("%22s %10s %10s        P50        P99      P99.9\n", rates ? "REQUESTS/s" : "REQUESTS",
		 rates ? "BYTES/s" : "BYTES", rates ? "ERRORS/s" : "ERRORS");
}

void figures_rest(const struct figures *f)
{
	const struct stats_field *field;
	char cell[CELL_MAX];

	for (uint32_t i = 0; (field = stats_field(&f->now, i)); i++) {
		if (has_row(field))
			continue;
		put_value(f, field, cell);
		text_out("  %-22s %8s%s\n", field->name, cell, is_rate(f, field) ? "/s" : "");
	}
}

void figures_table(const struct figures *f)
{
	put_heading(f);
	for (unsigned int op = 0; op < OPS; op++)
		put_op(f, (enum op)op);
	figures_rest(f);
}

/* --- for scripts ----------------------------------------------------------------------------------- */

static void json_histogram(const struct figures *f, const struct stats_field *field)
{
	struct histogram h;

	stats_histogram(&f->now, field, &h);
	text_out(", \"%s\": {\"count\": %" PRIu64 ", \"sum_ns\": %" PRIu64 ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64
		 ", \"p999_ns\": %" PRIu64 "}", field->name, histogram_count(&h), h.sum, histogram_quantile(&h, 500),
		 histogram_quantile(&h, 990), histogram_quantile(&h, 999));
}

static void json_queue(const struct figures *f, uint32_t queue)
{
	text_out("%s{", queue ? ", " : "");
	for (unsigned int i = 0; i < STATS_LATENCIES; i++) {
		const struct stats_field *field = find(f, stats_queue[i].name);

		if (field && queue < field->copies)
			text_out("%s\"%s\": %" PRIu64, i ? ", " : "", field->name, stats_copy_value(&f->now, field, queue));
	}
	text_out("}");
}

static void json_queues(const struct figures *f)
{
	const struct stats_field *reads = find(f, stats_queue[STATS_REQUESTS].name);

	text_out(", \"per_queue\": [");
	for (uint32_t i = 0; reads && i < reads->copies; i++)
		json_queue(f, i);
	text_out("]");
}

void figures_json(const struct figures *f)
{
	bool by_server = !strcmp(f->source, "server");
	const struct stats_field *field;

	text_out("{\"dev\": ");
	text_out_json(f->dev);
	text_out(", \"name\": ");
	if (*f->name)
		text_out("\"%s\"", f->name);
	else
		text_out("null");
	text_out(", \"type\": \"%s\", \"source\": \"%s\"", f->type, f->source);
	if (by_server)
		text_out(", \"age_ns\": %" PRIu64, stats_age(&f->now));
	for (uint32_t i = 0; (field = stats_field(&f->now, i)); i++) {
		if (field->kind == STATS_LATENCY)
			json_histogram(f, field);
		else
			text_out(", \"%s\": %" PRIu64, field->name, stats_value(&f->now, field));
	}
	if (by_server)
		json_queues(f);
	text_out("}");
}

/* --- for Prometheus -------------------------------------------------------------------------------- */

/* What every line says of its device. */
static void put_labels(const struct figures *f)
{
	const char *slash = strrchr(f->dev, '/');

	text_out("device=\"%s\",type=\"%s\"", slash ? slash + 1 : f->dev, f->type);
	if (*f->name)
		text_out(",name=\"%s\"", f->name);
}

static const char *suffix_of(const struct stats_field *field)
{
	return field->kind == STATS_COUNTER ? "_total" : field->kind == STATS_LATENCY ? "_seconds" : "";
}

static void prometheus_head(const struct stats_field *field)
{
	static const char *const types[STATS_KINDS] = { "counter", "gauge", "gauge", "histogram" };

	text_out("# HELP ublk_%s%s ", field->name, suffix_of(field));
	for (const char *at = field->name; *at; at++)
		text_out("%c", *at == '_' ? ' ' : *at);
	text_out("; see ublk-ctl(8)\n# TYPE ublk_%s%s %s\n", field->name, suffix_of(field), types[field->kind]);
}

static void put_seconds(uint64_t ns)
{
	unsigned int rest = (unsigned int)(ns % 1000000000);

	text_out("%" PRIu64 ".%09u", ns / 1000000000, rest);
}

/* A bucket for each power of two is enough for anybody's graph. What lies on a bound is within. */
static void prometheus_histogram(const struct figures *f, const struct stats_field *field)
{
	struct histogram h;
	uint64_t count = 0;

	stats_histogram(&f->now, field, &h);
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		count += h.buckets[i];
		if (i % HISTOGRAM_PARTS != HISTOGRAM_PARTS - 1)
			continue;
		text_out("ublk_%s_seconds_bucket{", field->name);
		put_labels(f);
		text_out(",le=\"");
		if (i == HISTOGRAM_BUCKETS - 1)
			text_out("+Inf");
		else
			put_seconds(histogram_end(i) - 1);
		text_out("\"} %" PRIu64 "\n", count);
	}
	text_out("ublk_%s_seconds_sum{", field->name);
	put_labels(f);
	text_out("} ");
	put_seconds(h.sum);
	text_out("\nublk_%s_seconds_count{", field->name);
	put_labels(f);
	text_out("} %" PRIu64 "\n", count);
}

static void prometheus_value(const struct figures *f, const struct stats_field *field)
{
	text_out("ublk_%s%s{", field->name, suffix_of(field));
	put_labels(f);
	text_out("} %" PRIu64 "\n", stats_value(&f->now, field));
}

/* The same thing under the same name, or it cannot stand under its heading. */
static const struct stats_field *same_field(const struct figures *f, const struct stats_field *field)
{
	const struct stats_field *found = stats_find(&f->now, field->name);

	return found && !strcmp(suffix_of(found), suffix_of(field)) ? found : NULL;
}

/* All lines of a name must be together, whichever device they are of. */
static void prometheus_field(const struct figures *all, unsigned int count, unsigned int first, const struct stats_field *field)
{
	for (unsigned int i = 0; i < first; i++)
		if (same_field(&all[i], field))
			return;
	prometheus_head(field);
	for (unsigned int i = first; i < count; i++) {
		const struct stats_field *its = same_field(&all[i], field);

		if (its && its->kind == STATS_LATENCY)
			prometheus_histogram(&all[i], its);
		else if (its)
			prometheus_value(&all[i], its);
	}
}

void figures_prometheus(const struct figures *all, unsigned int count)
{
	const struct stats_field *field;

	for (unsigned int i = 0; i < count; i++)
		for (uint32_t n = 0; (field = stats_field(&all[i].now, n)); n++)
			prometheus_field(all, count, i, field);
}
