/* SPDX-License-Identifier: MIT */
/* test_figures.c - what ublk-ctl stats prints, of numbers that are known */
#include "applets/ctl/figures.c"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/check.h"

static char text[64 << 10];
static int file;

/* Standard output goes to a file, until said() has read it. */
static void listen(void)
{
	fflush(stdout);
	file = memfd_create("said", 0);
	dup2(STDOUT_FILENO, 100);
	dup2(file, STDOUT_FILENO);
}

static void hear(void)
{
	ssize_t n;

	CHECK_EQ(text_out_flush(), 0);
	dup2(100, STDOUT_FILENO);
	close(100);
	n = pread(file, text, sizeof(text) - 1, 0);
	CHECK(n > 0);
	text[n > 0 ? n : 0] = '\0';
}

static bool has(const char *part)
{
	if (strstr(text, part))
		return true;
	printf("# there is no \"%s\" in:\n# %s\n", part, text);
	return false;
}

/* What was heard, told to a program. */
static int program_says(const char *command)
{
	char line[128];

	snprintf(line, sizeof(line), "%s </proc/self/fd/%d", command, file);
	return system(line);
}

/* A device with two queues that have each done @reads reads of 4 KiB in 10 us, and whose backend counts something. */
static struct figures made(const char *dev, uint64_t reads)
{
	static const struct stats_name more[] = { { "mem_used_bytes", STATS_GAUGE }, { "zip_hits", STATS_COUNTER } };
	struct figures f = { .dev = dev, .type = "mem", .source = "server", .before = STATS_NONE };
	_Atomic uint64_t *queues, *numbers;
	struct stats page;

	CHECK_EQ(stats_open(&page, 2 * STATS_QUEUE + 2), 0);
	queues = stats_add(&page, stats_queue, STATS_QUEUE_NAMES, 2);
	numbers = stats_add(&page, more, 2, 1);
	for (unsigned int i = 0; i < 2; i++, queues += STATS_QUEUE) {
		stats_count(&queues[STATS_REQUESTS + OP_READ], reads);
		stats_count(&queues[STATS_BYTES + OP_READ], reads * 4096);
		stats_count(&queues[STATS_ERRORS + OP_WRITE], reads / 100);
		stats_count(&queues[STATS_IN_FLIGHT], 5 + i);
		stats_time(&queues[STATS_LATENCIES], 10000, reads);
	}
	stats_count(&numbers[0], 3 << 20);
	stats_count(&numbers[1], reads);
	CHECK_EQ(stats_take(&f.now, page.fd), 0);
	stats_close(&page);
	return f;
}

static void forget(struct figures *f)
{
	stats_close(&f->now);
	stats_close(&f->before);
	close(file);
}

static void a_table(void)
{
	struct figures f = made("/dev/ublkb3", 300);

	listen();
	figures_table(&f);
	hear();
	CHECK(has("/dev/ublkb3: mem, counted for 0:00:0"));
	CHECK(has("              REQUESTS      BYTES     ERRORS        P50        P99      P99.9\n"
		  "  reads            600       2.3M          0       10us       10us       10us\n"
		  "  writes             0         0B          6          -          -          -\n"
		  "  flushes            0          -          0          -          -          -\n"));
	CHECK(has("  in_flight_max                 6\n"));
	CHECK(has("  mem_used_bytes               3M\n"));
	CHECK(has("  zip_hits                    300\n"));
	forget(&f);
}

/* In 2.5 s: rates of counters alone. */
static void rates(void)
{
	struct figures f = made("/dev/ublkb3", 350), before = made("/dev/ublkb3", 300);

	f.before = before.now;
	f.between = 2500000000;
	listen();
	figures_table(&f);
	hear();
	CHECK(has("REQUESTS/s"));
	CHECK(has("  reads           40.0       160K        0.0       10us"));
	CHECK(has("  in_flight_max                 6\n"));
	CHECK(has("  mem_used_bytes               3M\n"));
	CHECK(has("  zip_hits                   20.0/s\n"));
	forget(&f);
	f = made("/dev/ublkb3", 300);		/* began anew: nothing is negative */
	before = made("/dev/ublkb3", 350);
	f.before = before.now;
	f.between = 0;
	listen();
	figures_table(&f);
	hear();
	CHECK(has("  reads            0.0         0B        0.0          -"));
	forget(&f);
}

static void json(void)
{
	struct figures f = made("/dev/ublkb3", 300);

	listen();
	figures_json(&f);
	hear();
	CHECK_EQ(program_says("python3 -m json.tool >/dev/null"), 0);
	CHECK(has("{\"dev\": \"/dev/ublkb3\", \"name\": null, \"type\": \"mem\", \"source\": \"server\", \"age_ns\": "));
	CHECK(has(", \"reads\": 600, \"writes\": 0, "));
	CHECK(has("\"read_latency\": {\"count\": 600, \"sum_ns\": 6000000, \"p50_ns\": 10240, \"p99_ns\": 10240, \"p999_ns\": 10240}"));
	CHECK(has("\"per_queue\": [{\"reads\": 300, \"writes\": 0, "));
	CHECK(has("\"in_flight_max\": 5}, {\"reads\": 300"));
	CHECK(has("\"in_flight_max\": 6}]}"));
	forget(&f);
}

static void prometheus(void)
{
	struct figures all[3] = { made("/dev/ublkb3", 300), made("/dev/ublkb4", 7), made("/x/ublkb5", 1) };

	listen();
	figures_prometheus(all, 3);
	hear();
	CHECK_EQ(program_says("python3 -B tests/unit/prometheus.py >/dev/null"), 0);
	CHECK(has("# TYPE ublk_reads_total counter\nublk_reads_total{device=\"ublkb3\",type=\"mem\"} 600\n"
		  "ublk_reads_total{device=\"ublkb4\",type=\"mem\"} 14\nublk_reads_total{device=\"ublkb5\",type=\"mem\"} 2\n"));
	CHECK(has("ublk_read_latency_seconds_bucket{device=\"ublkb3\",type=\"mem\",le=\"0.000008191\"} 0\n"
		  "ublk_read_latency_seconds_bucket{device=\"ublkb3\",type=\"mem\",le=\"0.000016383\"} 600\n"));
	CHECK(has("le=\"+Inf\"} 600\nublk_read_latency_seconds_sum{device=\"ublkb3\",type=\"mem\"} 0.006000000\n"));
	for (int i = 0; i < 3; i++)
		stats_close(&all[i].now);
	close(file);
}

static void a_name(void)
{
	struct figures f = made("/dev/ublkb3", 300);

	strcpy(f.name, "scratch");
	listen();
	figures_table(&f);
	figures_json(&f);
	figures_prometheus(&f, 1);
	hear();
	CHECK(has("/dev/ublkb3 scratch: mem, counted for "));
	CHECK(has("{\"dev\": \"/dev/ublkb3\", \"name\": \"scratch\", \"type\": \"mem\""));
	CHECK(has("\nublk_reads_total{device=\"ublkb3\",type=\"mem\",name=\"scratch\"} 600\n"));
	CHECK(has(",name=\"scratch\",le=\"+Inf\"} 600\n"));
	forget(&f);
}

/* The checker is worth something: it refuses what has lost a line or has one twice. */
static void prometheus_is_checked(void)
{
	struct figures f = made("/dev/ublkb3", 300);

	listen();
	figures_prometheus(&f, 1);
	figures_prometheus(&f, 1);
	hear();
	CHECK(program_says("python3 -B tests/unit/prometheus.py >/dev/null 2>&1"));
	CHECK(program_says("grep -v '+Inf' | python3 -B tests/unit/prometheus.py >/dev/null 2>&1"));
	CHECK(program_says("grep -v TYPE | python3 -B tests/unit/prometheus.py >/dev/null 2>&1"));
	forget(&f);
}

static void of_the_kernel(void)
{
	static const char line[] = "      10        1       80        3       20        2      320        4        5        6        7"
				   "        8        9       16       11       12       13\n";
	struct figures f = { .dev = "/dev/ublkb9", .type = "other", .source = "kernel", .before = STATS_NONE };
	int fd = memfd_create("stat", 0);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_EQ(write(fd, line, sizeof(line) - 1), sizeof(line) - 1);
	CHECK_EQ(figures_of_kernel(&f.now, path), 0);
	listen();
	figures_json(&f);
	hear();
	CHECK_TEXT(text, "{\"dev\": \"/dev/ublkb9\", \"name\": null, \"type\": \"other\", \"source\": \"kernel\", \"reads\": 10, \"read_bytes\": 40960, "
		   "\"read_ms\": 3, \"writes\": 20, \"written_bytes\": 163840, \"write_ms\": 4, \"in_flight\": 5, \"busy_ms\": 6, "
		   "\"discards\": 8, \"discarded_bytes\": 8192, \"flushes\": 12, \"flush_ms\": 13}");
	close(file);
	listen();
	figures_table(&f);
	hear();
	CHECK(has("/dev/ublkb9: other, counted by the kernel\n"));
	CHECK(has("  reads             10        40K          -          -          -          -\n"));
	CHECK(!strstr(text, "zeroes"));
	forget(&f);
	CHECK_EQ(ftruncate(fd, 30), 0);		/* Linux 4.18 had fewer */
	CHECK_EQ(figures_of_kernel(&f.now, path), 0);
	CHECK_EQ(stats_value(&f.now, stats_find(&f.now, "reads")), 10);
	stats_close(&f.now);
	CHECK_EQ(figures_of_kernel(&f.now, "/nonexistent"), -ENOENT);
	stats_close(&f.now);
	close(fd);
}

TESTS(
	{ "a table has a row for each operation, and a line for each other number", a_table },
	{ "what came since the last time is told a second, and only what grows", rates },
	{ "JSON has all of it, and a part for each queue", json },
	{ "Prometheus' format holds for several devices", prometheus },
	{ "who checks that finds what is missing or twice", prometheus_is_checked },
	{ "what a device is called is told, too", a_name },
	{ "what the kernel counts is told in the same words", of_the_kernel }
)
