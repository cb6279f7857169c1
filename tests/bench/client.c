/* SPDX-License-Identifier: MIT */
/*
 * client [OPTION]... DEVICE - keep requests in flight, and print in one line of JSON how that went
 *
 *   -w        write (read)               -s        one after the other (random)
 *   -b BYTES  a request (4096)           -l BYTES  of the device are used (all)
 *   -q N      requests in flight (1)     -c N      submitted and awaited together (-q)
 *   -n N      requests measured (4096)   -p PID    a server whose work is counted; may be repeated
 *   -j N      as many threads (1), each on a processor of its own, with so many requests each
 *
 * fio spends more instructions on a request than most servers do, and so makes all of them look alike. This spends as
 * few as io_uring allows: registered buffers, file and ring, one clock reading for each batch, nothing printed or
 * allocated meanwhile. What servers did is read right before and right after, so that no start of any program is in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_DEPTH = 1024, MAX_SERVERS = 16, MAX_THREADS = 64 };

static struct {
	const char *device;
	int is_write, is_sequential, n_servers, servers[MAX_SERVERS];
	unsigned block, depth, batch, threads;
	unsigned long long span, requests;
} job = { .block = 4096, .depth = 1, .threads = 1, .requests = 4096 };

struct worker {
	pthread_t thread;
	unsigned number;
	struct io_uring ring;
	char *buffers;
	unsigned free_slots[MAX_DEPTH], n_free;
	unsigned long long started[MAX_DEPTH]; /* when the request in this slot was submitted */
	unsigned *latencies;                   /* of each request, in nanoseconds */
	unsigned long long random, next;       /* where the next request goes */
};

static struct worker workers[MAX_THREADS];
static unsigned *latencies; /* of all of them */
static pthread_barrier_t gate;

/* What the machine had done at one moment */
struct account {
	unsigned long long now, own, server, switches;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "client: %s: %s: %s\n", job.device ? job.device : "", what, strerror(error));
	exit(1);
}

static unsigned long long clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (unsigned long long)ts.tv_sec * 1000000000 + (unsigned long long)ts.tv_nsec;
}

/* --- what others do */

/* The number behind "name " in a file of /proc; an empty name is the first number of the file */
static unsigned long long number_in(const char *path, const char *name)
{
	unsigned long long value = 0;
	size_t length = strlen(name);
	char line[4096];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length)) {
			value = strtoull(line + length, NULL, 10);
			break;
		}
	if (file)
		fclose(file);
	return value;
}

/* Time that the threads of a process have run: the first number of their schedstat */
static unsigned long long time_of(int pid)
{
	unsigned long long sum = 0;
	char path[512];
	struct dirent *task;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, task->d_name);
		if (task->d_name[0] != '.')
			sum += number_in(path, "");
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

static struct account take_account(void)
{
	struct account account = { .switches = number_in("/proc/stat", "ctxt ") };

	for (int i = 0; i < job.n_servers; i++)
		account.server += time_of(job.servers[i]);
	account.own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	account.now = clock_ns(CLOCK_MONOTONIC);
	return account;
}

/* --- requests */

static unsigned long long next_offset(struct worker *w)
{
	unsigned long long blocks = job.span / job.block;

	if (job.is_sequential)
		return w->next++ % blocks * job.block;
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % blocks * job.block;
}

static void submit_one(struct worker *w, unsigned long long now)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);
	unsigned slot = w->free_slots[--w->n_free];
	char *buffer = w->buffers + (size_t)slot * job.block;

	if (job.is_write)
		io_uring_prep_write_fixed(sqe, 0, buffer, job.block, next_offset(w), (int)slot);
	else
		io_uring_prep_read_fixed(sqe, 0, buffer, job.block, next_offset(w), (int)slot);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = slot;
	w->started[slot] = now;
}

static unsigned take_completions(struct worker *w, unsigned long long now, unsigned *times)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_for_each_cqe(&w->ring, head, cqe) {
		unsigned slot = (unsigned)cqe->user_data;

		if (cqe->res != (int)job.block)
			die("a request failed or was cut short", cqe->res < 0 ? -cqe->res : EIO);
		times[n++] = (unsigned)(now - w->started[slot]);
		w->free_slots[w->n_free++] = slot;
	}
	io_uring_cq_advance(&w->ring, n);
	return n;
}

/* "count" requests, from the first to the last one's end */
static void run(struct worker *w, unsigned long long count)
{
	unsigned long long submitted = 0, done = 0, now = clock_ns(CLOCK_MONOTONIC);

	while (done < count) {
		unsigned n, wait = 0;
		int result;

		for (n = 0; n < job.batch && w->n_free && submitted < count; n++, submitted++)
			submit_one(w, now);
		if (!w->n_free || submitted == count)
			wait = job.depth - w->n_free < job.batch ? job.depth - w->n_free : job.batch;
		result = io_uring_submit_and_wait(&w->ring, wait);
		if (result < 0)
			die("cannot submit", -result);
		now = clock_ns(CLOCK_MONOTONIC);
		done += take_completions(w, now, w->latencies + done);
	}
}

/* --- preparing */

static void open_device(struct worker *w)
{
	int fd = open(job.device, (job.is_write ? O_RDWR : O_RDONLY) | O_DIRECT);

	if (fd < 0)
		die("cannot open it", errno);
	if (io_uring_register_files(&w->ring, &fd, 1) < 0)
		die("cannot register the file", errno);
}

static void find_size(void)
{
	unsigned long long size = 0;
	struct stat st;
	int fd = open(job.device, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0 || (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &size) < 0))
		die("cannot tell its size", errno);
	close(fd);
	if (!S_ISBLK(st.st_mode))
		size = (unsigned long long)st.st_size;
	if (!job.span || job.span > size)
		job.span = size;
	if (job.span < job.block)
		die("it is smaller than a request", EINVAL);
}

static void *get_memory(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (at == MAP_FAILED)
		die("no memory", errno);
	return at;
}

/* Random, so that what compresses or looks for zeroes has nothing to gain */
static void fill(char *at, size_t size)
{
	unsigned long long state = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i + sizeof(state) <= size; i += sizeof(state)) {
		state = state * 6364136223846793005 + 1442695040888963407;
		memcpy(at + i, &state, sizeof(state));
	}
}

static void make_buffers(struct worker *w)
{
	size_t size = (size_t)job.depth * job.block;
	struct iovec iov[MAX_DEPTH];

	w->buffers = get_memory(size);
	fill(w->buffers, size);
	for (unsigned i = 0; i < job.depth; i++) {
		iov[i] = (struct iovec){ w->buffers + (size_t)i * job.block, job.block };
		w->free_slots[w->n_free++] = i;
	}
	if (io_uring_register_buffers(&w->ring, iov, job.depth) < 0)
		die("cannot register buffers", errno);
}

static void make_ring(struct worker *w)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
	int error = io_uring_queue_init_params(job.depth, &w->ring, &params);

	if (error < 0)
		die("cannot make a ring", -error);
	io_uring_register_ring_fd(&w->ring);
}

static void take_processor(const struct worker *w)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->number, &set);
	if (job.threads > 1 && sched_setaffinity(0, sizeof(set), &set) < 0)
		die("there is no processor for each thread", errno);
}

static void *work(void *of)
{
	struct worker *w = of;

	take_processor(w);
	make_ring(w);
	make_buffers(w);
	open_device(w);
	run(w, 2 * job.depth < job.requests ? 2 * job.depth : job.requests); /* first uses take memory, and fill caches */
	pthread_barrier_wait(&gate); /* all are prepared */
	pthread_barrier_wait(&gate); /* accounts are taken */
	run(w, job.requests);
	pthread_barrier_wait(&gate); /* all is done */
	return NULL;
}

static void start_threads(void)
{
	latencies = get_memory(job.threads * job.requests * sizeof(*latencies));
	pthread_barrier_init(&gate, NULL, job.threads + 1);
	for (unsigned i = 0; i < job.threads; i++) {
		workers[i].number = i;
		workers[i].random = 88172645463325252 + i;
		workers[i].latencies = latencies + i * job.requests;
		errno = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
		if (errno)
			die("cannot start a thread", errno);
	}
}

/* --- the result */

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void print_result(const struct account *before, const struct account *after)
{
	size_t count = job.threads * job.requests;
	double n = (double)count, elapsed = (double)(after->now - before->now);

	qsort(latencies, count, sizeof(*latencies), compare);
	printf("{\"ios\": %zu, \"iops\": %.1f, \"p50\": %u, \"p99\": %u, \"switches\": %.3f", count, n * 1e9 / elapsed,
	       latencies[count / 2], latencies[count * 99 / 100], (double)(after->switches - before->switches) / n);
	if (sysconf(_SC_NPROCESSORS_ONLN) == 1) /* else others work while the client does */
		printf(", \"others_ns\": %.1f", (elapsed - (double)(after->own - before->own)) / n);
	if (job.n_servers)
		printf(", \"server_ns\": %.1f", (double)(after->server - before->server) / n);
	puts("}");
}

static void parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "wsb:l:q:c:n:j:p:")) > 0)
		switch (option) {
		case 'w': job.is_write = 1; break;
		case 's': job.is_sequential = 1; break;
		case 'b': job.block = (unsigned)atoi(optarg); break;
		case 'l': job.span = strtoull(optarg, NULL, 10); break;
		case 'q': job.depth = (unsigned)atoi(optarg); break;
		case 'c': job.batch = (unsigned)atoi(optarg); break;
		case 'j': job.threads = (unsigned)atoi(optarg); break;
		case 'n': job.requests = strtoull(optarg, NULL, 10); break;
		case 'p':
			if (job.n_servers < MAX_SERVERS)
				job.servers[job.n_servers++] = atoi(optarg);
			break;
		default: exit(2);
		}
	job.device = argv[optind];
	if (!job.batch || job.batch > job.depth)
		job.batch = job.depth;
	if (!job.device || !job.block || !job.depth || job.depth > MAX_DEPTH || !job.requests || !job.threads ||
	    job.threads > MAX_THREADS) {
		fprintf(stderr, "client: a DEVICE is needed, 1 to %d requests in flight, and 1 to %d threads\n", MAX_DEPTH,
			MAX_THREADS);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct account before, after;

	parse(argc, argv);
	find_size();
	start_threads();
	pthread_barrier_wait(&gate);
	before = take_account();
	pthread_barrier_wait(&gate);
	pthread_barrier_wait(&gate);
	after = take_account();
	for (unsigned i = 0; i < job.threads; i++)
		pthread_join(workers[i].thread, NULL);
	print_result(&before, &after);
	return 0;
}
