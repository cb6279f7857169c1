/* SPDX-License-Identifier: MIT */
/*
 * until-ready CMD ARG... - nanoseconds from just before CMD is started until it
 * has written a line to its standard output. CMD is then told to end, and its
 * exit status is ours.
 *
 * In a machine whose clock counts instructions that is a figure that does not
 * depend on what else the host does.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	long long begin;
	int out[2], status;
	char line[256];
	ssize_t n;
	pid_t pid;

	if (argc < 2 || pipe(out) < 0)
		return 125;
	begin = now_ns();
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	close(out[1]);
	n = read(out[0], line, sizeof(line));
	if (n > 0 && memchr(line, '\n', (size_t)n))
		printf("%lld\n", now_ns() - begin);
	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return 125;
	return WEXITSTATUS(status);
}
